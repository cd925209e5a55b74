"""What the tools for teachers read in a notebook: its sections, exercises and solutions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from fermodels.course.map import NOTEBOOKS
from fermodels.course.marks import ITEM, NOTE, is_optional, optional_item

ROOT = Path(__file__).resolve().parents[1]
EXERCISE, CHECK, SOLUTION, QUESTION = "exercise-", "check-", "solution-", "question-"
# Of the cell that brings the course where it is absent, see tools/first_cell.py.
SETUP = "setup"
# The core path; the other notebooks are optional as wholes.
CORE = tuple(number for number, box in NOTEBOOKS.items() if box.core)
CHANGE = "Change it"
# The one line of a question's cell: say_02a = None  # "a", "b" or "c"
SAY = re.compile(r'(say_\d\d[a-z]) = None  # ("a"(?:, "[a-z]")* or "[a-z]")')


def find(numbers: list[str] | None = None, folder: Path = ROOT / "notebooks") -> list[Path]:
    """The notebooks of a folder, in order; all of them if no number, such as "02", is given.

    Raises:
        ValueError: there is no notebook of one of the numbers.
    """
    found = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    missing = set(numbers or ()) - {path.name[:2] for path in found}
    if missing or not found:
        which = f"notebook {', '.join(sorted(missing))}" if missing else "notebook"
        raise ValueError(f"there is no {which} in {folder}")
    return [path for path in found if not numbers or path.name[:2] in numbers]


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def tags(cell: nbformat.NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def tagged(notebook: nbformat.NotebookNode, tag: str) -> nbformat.NotebookNode:
    """The one cell with this tag.

    Raises:
        ValueError: there is none, or more than one.
    """
    cells = [cell for cell in notebook.cells if tag in tags(cell)]
    if len(cells) != 1:
        raise ValueError(f"{len(cells)} cells are tagged {tag}: there has to be one")
    return cells[0]


def exercises(notebook: nbformat.NotebookNode) -> list[str]:
    """The numbers of its exercises, such as "02.1", in order."""
    return _named(notebook, EXERCISE)


def questions(notebook: nbformat.NotebookNode) -> list[str]:
    """The names of its questions, such as "02.a", in order."""
    return _named(notebook, QUESTION)


def _named(notebook: nbformat.NotebookNode, prefix: str) -> list[str]:
    found = [tag for cell in notebook.cells for tag in tags(cell)]
    return [tag.removeprefix(prefix) for tag in found if tag.startswith(prefix)]


def solution(notebook: nbformat.NotebookNode, name: str) -> str:
    """The code in the hidden solution of an exercise.

    Raises:
        ValueError: the solution is not hidden in `<details>`, or has no Python.
    """
    source = tagged(notebook, SOLUTION + name).source
    if "<details>" not in source or "<summary>" not in source:
        raise ValueError(f"the solution of {name} is not hidden: put it into <details>")
    blocks = re.findall(r"```python\n(.*?)```", source, flags=re.DOTALL)
    if not blocks:
        raise ValueError(f"the solution of {name} has no ```python block")
    return "\n".join(blocks)


@dataclass
class Section:
    """What stands below one heading of the second level, or above the first of them.

    Attributes:
        heading: as it is written, without "## "; "" above the first one.
        prose: the Markdown, without hidden solutions.
        code: the code cells.
        exercises: numbers of the exercises in it.
        questions: names of those that only ask, such as "02.a".
        changes: names of the tasks that change something and run it again, such as "02.c".
        extra: what belongs to its optional exercises, which is in none of the above.
    """

    heading: str
    prose: list[str] = field(default_factory=list)
    code: list[nbformat.NotebookNode] = field(default_factory=list)
    exercises: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    extra: Section | None = None

    @property
    def title(self) -> str:
        return plain_title(self.heading)

    @property
    def optional(self) -> bool:
        return is_optional(self.heading)


_NUMBER = re.compile(r"\s*(?:\d+\s*·\s*)?")


def plain_title(heading: str) -> str:
    """A heading without its number, its minutes and what marks it as optional.

    These may change when a notebook does; pages for teachers name sections by the rest.
    """
    return heading[_NUMBER.match(heading).end() : NOTE.search(heading).start()].strip()


def with_note(heading: str, note: str) -> str:
    """A heading with `note` in the place of its minutes and what marks it as optional."""
    return f"{heading[: NOTE.search(heading).start()]} ({note})"


def sections(notebook: nbformat.NotebookNode) -> list[Section]:
    """Its sections in order; the first has no heading and holds what stands above all headings.

    The cell that brings the course is in none of them: nobody has to read it.
    """
    found = [Section("")]
    changes = set()
    here = found[-1]
    for cell in notebook.cells:
        if SETUP in tags(cell):
            continue
        if any(tag.startswith(SOLUTION) for tag in tags(cell)):
            here = found[-1]  # an exercise ends with its solution
        elif cell.cell_type == "code":
            here.code.append(cell)
            for tag in tags(cell):
                name = tag.partition("-")[2]
                if tag.startswith(EXERCISE):
                    here.exercises.append(name)
                elif tag.startswith(QUESTION):
                    (here.changes if name in changes else here.questions).append(name)
        else:
            for line in lines_outside_code(cell.source):
                item = ITEM.match(line)
                if line.startswith("## "):
                    found.append(Section(line[3:].strip()))
                    here = found[-1]
                    continue
                if optional_item(line):
                    here = found[-1].extra = found[-1].extra or Section("")
                elif item or line.startswith("#"):
                    here = found[-1]
                if item and item["text"].startswith(CHANGE):
                    changes.add(item["name"])
                here.prose.append(line)
    return found


def lines_outside_code(source: str) -> Iterator[str]:
    """Lines of Markdown; those of fenced code are indented, so that none looks like a heading."""
    fenced = False
    for line in source.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        yield f"    {line}" if fenced else line
