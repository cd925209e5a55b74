"""The notebooks of the course, as the tests see them."""

import re
from pathlib import Path

import nbformat

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))


def read(path):
    return nbformat.read(path, as_version=4)


def tagged(notebook, tag):
    """The one cell with this tag."""
    cells = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", ())]
    assert len(cells) == 1, f"{len(cells)} cells are tagged {tag}"
    return cells[0]


def exercises(notebook):
    """The numbers of its exercises, such as "02.1", in order."""
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", ())]
    return [tag.removeprefix("exercise-") for tag in tags if tag.startswith("exercise-")]


def solution(notebook, name):
    """The code in the hidden solution."""
    source = tagged(notebook, f"solution-{name}").source
    assert "<details>" in source and "<summary>" in source, "the solution is not hidden"
    blocks = re.findall(r"```python\n(.*?)```", source, flags=re.DOTALL)
    assert blocks, "the solution has no Python"
    return "\n".join(blocks)
