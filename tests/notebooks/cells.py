"""The notebooks of the course, as the tests see them."""

from tools.lesson import ROOT, exercises, find, read, solution, tagged

__all__ = ["FOLDER", "PATHS", "exercises", "read", "solution", "tagged"]

FOLDER = ROOT / "notebooks"
PATHS = find(folder=FOLDER)
