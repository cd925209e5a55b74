"""Put the cell that brings the course where it is absent into all notebooks, after the title.

python -m tools.first_cell [--package ADDRESS] [--course ADDRESS] [NOTEBOOK …]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import nbformat

from fermodels._shared.files import replacing
from tools.lesson import SETUP
from tools.repository import ROOT, archive, notebook_paths

TEMPLATE = """\
from importlib.util import find_spec

if not find_spec("fermodels"):  # on Colab and Kaggle: bring the course, which takes some minutes
    %pip install -q "fermodels[experiments,explore,faces,import] @ {package}"
from fermodels import course

course.fetch("{course}")"""


def put(notebook: nbformat.NotebookNode, source: str) -> None:
    """Make `source` the first cell of code; where one was put before, it is replaced.

    The outputs stay: the cell prints nothing where the course is, and those after it count on.
    """
    cells = notebook.cells
    for cell in cells:
        if SETUP in cell.metadata.get("tags", ()):
            cell.source = source
            return
    code = [index for index, cell in enumerate(cells) if cell.cell_type == "code"]
    executed = bool(code) and cells[code[0]].execution_count == 1
    if executed:
        for index in code:
            cell = cells[index]
            cell.execution_count = cell.execution_count and cell.execution_count + 1
            for output in cell.outputs:
                if output.get("execution_count"):
                    output.execution_count += 1
    # MyST-NB leaves cells with the second tag out of a site's pages.
    first = nbformat.v4.new_code_cell(source, metadata={"tags": [SETUP, "remove-cell"]}, id=SETUP)
    first.execution_count = 1 if executed else None
    cells.insert(code[0] if code else len(cells), first)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all")
    for name, what in (("package", "what pip installs"), ("course", "what has the files")):
        parser.add_argument(
            f"--{name}", default=archive(), metavar="ADDRESS", help=f"{what}; default: %(default)s"
        )
    options = parser.parse_args()
    source = TEMPLATE.format(package=options.package, course=options.course)
    for path in options.notebooks or [ROOT / name for name in notebook_paths()]:
        notebook = nbformat.read(path, as_version=4)
        put(notebook, source)
        with replacing(path) as temporary:
            nbformat.write(notebook, temporary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
