"""The site has the texts of a notebook's figures."""

import base64
import io
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

application = pytest.importorskip("sphinx.application", reason="make site installs Sphinx")
pytest.importorskip("myst_nb", reason="make site installs myst-nb")
EXTENSIONS = Path(__file__).resolve().parents[2] / "docs" / "extensions"

CONFIGURATION = """
extensions = ["myst_nb", "image_alt"]
nb_execution_mode = "off"
root_doc = "index"
"""


def figure(kind, metadata):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, kind.partition("/")[2])
    data = {kind: base64.b64encode(buffer.getvalue()).decode(), "text/plain": "x"}
    return new_output("display_data", data, metadata={kind: metadata})


def test_figures_have_their_text_and_others_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(EXTENSIONS)
    outputs = [
        figure("image/png", {"alt": 'A "line" & a dot.'}),
        figure("image/jpeg", {"alt": "Two faces <here>.", "width": 4}),
        figure("image/png", {}),
    ]
    book = new_notebook(cells=[new_code_cell("x", execution_count=1, outputs=outputs)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "x", "language": "python"}
    nbformat.write(book, tmp_path / "index.ipynb")
    (tmp_path / "conf.py").write_text(CONFIGURATION)
    folders = [str(tmp_path / name) for name in ("", "", "out", "trees")]
    application.Sphinx(*folders, "html", status=None, warning=io.StringIO()).build()
    images = re.findall("<img[^>]*>", (tmp_path / "out" / "index.html").read_text())
    assert 'alt="A &quot;line&quot; &amp; a dot."' in images[0]
    assert 'alt="Two faces &lt;here&gt;."' in images[1] and 'width="4"' in images[1]
    assert 'alt="_images/' in images[2], "the name of the file, which tools/check_site.py finds"
    sys.modules.pop("image_alt", None)
