"""The notebooks of the course, as the tests see them."""

from IPython.core.inputtransformer2 import TransformerManager

from tools.lesson import ROOT, exercises, find, read, solution, tagged

__all__ = ["FOLDER", "PATHS", "exercises", "plain_python", "read", "solution", "tagged"]

FOLDER = ROOT / "notebooks"
PATHS = find(folder=FOLDER)


def plain_python(source: str) -> str:
    """The code of a cell with its magics, such as `%pip`, as the calls that they are."""
    return TransformerManager().transform_cell(source)
