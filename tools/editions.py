"""Copies of the notebooks for a class: without solutions, or with all of them filled in, and the
questions answered.

python -m tools.editions student|solutions [--out FOLDER] [NUMBER …]
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

import nbformat

from fermodels._shared.files import replacing
from fermodels._shared.paths import given_path
from tools import lesson

EDITIONS = ("student", "solutions")
# What the notebooks say of solutions, and is not true of copies without them.
BEHIND_THE_TRIANGLE = re.compile(r"\s*The\s+solution\s+is\s+behind\s+the\s+triangle\.")


def student(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy without solutions and outputs; exercises are the stubs that they are."""
    copy = _without_outputs(notebook)
    hidden = {f"{lesson.SOLUTION}{name}" for name in lesson.exercises(notebook)}
    copy.cells = [cell for cell in copy.cells if not hidden & set(lesson.tags(cell))]
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = BEHIND_THE_TRIANGLE.sub("", cell.source)
    left = [tag for cell in copy.cells for tag in lesson.tags(cell) if tag.startswith("solution")]
    if left:
        raise ValueError(f"{', '.join(left)}: a solution without an exercise")
    return copy


def solutions(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy without outputs in which the exercises hold the code of their solutions, and the
    questions the letter of the right choice."""
    copy = _without_outputs(notebook)
    for name in lesson.exercises(notebook):
        code = lesson.solution(notebook, name)
        lesson.tagged(copy, lesson.EXERCISE + name).source = code.rstrip()
    for name in lesson.questions(notebook):
        cell = lesson.tagged(copy, lesson.QUESTION + name)
        asked = lesson.SAY.fullmatch(cell.source)
        if not asked:
            raise ValueError(f"the cell of question {name} is not a line like 'say_02a = None …'")
        cell.source = f'{asked[1]} = "{_right(name)}"'
    return copy


def _right(name: str) -> str:
    from fermodels.course.exercises import find

    try:
        return find(name).right
    except KeyError as error:
        raise ValueError(error.args[0]) from error


def write(edition: str, paths: list[Path], out: Path) -> list[Path]:
    """Write the edition of these notebooks into a folder.

    Args:
        edition: "student" or "solutions".
        paths: of the notebooks.
        out: the folder; copies of an earlier call are replaced.

    Raises:
        ValueError: a notebook has an exercise without a usable solution; it is named.
    """
    make = {"student": student, "solutions": solutions}[edition]
    copies = {}
    for path in paths:
        try:
            copy = make(lesson.read(path))
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error
        _lead_links(copy, path.parent.parent, out)
        copies[out / path.name] = copy
    out.mkdir(parents=True, exist_ok=True)
    for path, copy in copies.items():
        with replacing(path) as temporary:
            nbformat.write(copy, temporary)
    return list(copies)


def _without_outputs(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return copy


def _lead_links(copy: nbformat.NotebookNode, root: Path, out: Path) -> None:
    """Links to files beside the notebooks' folder, as they are from another folder."""
    there = Path(os.path.relpath(root.resolve(), out.resolve())).as_posix()
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](../", f"]({there}/")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("edition", choices=EDITIONS)
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="such as 02; default: all")
    parser.add_argument("--out", type=given_path, help="default: runs/student or runs/solutions")
    options = parser.parse_args()
    out = options.out or lesson.ROOT / "runs" / options.edition
    if out.resolve() == (lesson.ROOT / "notebooks").resolve():
        parser.error("the copies would replace the notebooks: take another folder")
    try:
        written = write(options.edition, lesson.find(options.numbers), out)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(written)} notebooks are in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
