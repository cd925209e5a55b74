"""The how-tos of docs/ keep their promises: what they show in Python runs."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("own_data", "own_encoder", "own_loss", "export", "prepared_files")


@pytest.fixture
def folder(tmp_path, monkeypatch, tiny_prepared):
    """A repository in small: a prepared file, an encoder, and a folder of images."""
    (tmp_path / "data").mkdir()
    tiny_prepared.write(tmp_path / "data" / "anny_views_kdef.parquet")
    shutil.copytree(ROOT / "weights" / "clmex-anny-views", tmp_path / "weights/clmex-anny-views")
    for number in range(4):
        path = tmp_path / "pictures" / "happy" / f"person{number}_a.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((50, 40, 3), 40 * number, dtype=np.uint8)).save(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FERMODELS_PROGRESS", "0")
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs_from_its_top_to_its_end(page, folder):
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert blocks
    names = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, f"docs/{page}.md", "exec"), names)
