"""How far one has come: what is solved and answered of each notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fermodels._shared.places import root
from fermodels.course.exercises import names, questions
from fermodels.course.map import NOTEBOOKS, title_of
from fermodels.course.marks import is_optional, optional_item
from fermodels.course.records import Record, read_records

_BLUE = "#3B82C4"  # seen on white and on black
_BAR = 20  # characters


@dataclass(frozen=True)
class Item:
    """An exercise or a question, and what is known about it.

    Attributes:
        name: such as "02.1" or "02.a".
        optional: whether it may be left out.
        record: None if it was not tried.
    """

    name: str
    optional: bool
    record: Record | None

    @property
    def done(self) -> bool:
        """Solved, if it is an exercise; answered, right or wrong, if it is a question."""
        return self.record is not None and (self.record.passed or self.record.kind == "question")

    @property
    def right_at_first(self) -> bool:
        """Of a question, whether its first choice was the right one."""
        return bool(self.record and self.record.right_at_first)


@dataclass(frozen=True)
class NotebookProgress:
    """What is solved and answered of one notebook.

    Attributes:
        number: such as "02".
        title: in one line.
        core: whether it is of the core; an elective otherwise.
        exercises: all of its exercises, in order.
        questions: all of its questions, in order.
    """

    number: str
    title: str
    core: bool
    exercises: tuple[Item, ...]
    questions: tuple[Item, ...]

    @property
    def needed(self) -> list[Item]:
        """What is not optional."""
        return [item for item in (*self.exercises, *self.questions) if not item.optional]

    @property
    def begun(self) -> bool:
        """Whether anything is solved or answered."""
        return any(item.done for item in (*self.exercises, *self.questions))

    def solved(self) -> str:
        """Such as "2 of 3, and 1 of 1 optional"."""
        needed = [item for item in self.exercises if not item.optional]
        extra = [item for item in self.exercises if item.optional]
        text = _of(needed) if needed else ""
        if extra:
            text += f"{', and ' if text else ''}{_of(extra)} optional"
        return text or "none"

    def answered(self) -> str:
        """Such as "2 of 2, 1 right at first"."""
        if not self.questions:
            return "none"
        right = sum(item.right_at_first for item in self.questions)
        done = any(item.done for item in self.questions)
        return _of(self.questions) + (f", {right} right at first" if done else "")

    def still_open(self) -> str:
        """Such as "02.2, 02.b (optional: 02.5)"; "" if nothing is."""
        left = [item for item in (*self.exercises, *self.questions) if not item.done]
        text = ", ".join(item.name for item in left if not item.optional)
        extra = ", ".join(item.name for item in left if item.optional)
        return f"{text} (optional: {extra})".strip() if extra else text


@dataclass(frozen=True)
class Progress:
    """What :func:`progress` returns; a notebook shows it as a table.

    Attributes:
        notebooks: those of the course, in order.
    """

    notebooks: tuple[NotebookProgress, ...]

    @property
    def core_done(self) -> int:
        """Exercises solved and questions answered of the core, without optional ones."""
        return sum(item.done for item in self._core())

    @property
    def core_total(self) -> int:
        """Exercises and questions of the core, without optional ones."""
        return len(self._core())

    def _core(self) -> list[Item]:
        return [item for book in self.notebooks if book.core for item in book.needed]

    def _share(self) -> float:
        return self.core_done / max(self.core_total, 1)

    def _sum(self) -> str:
        return f"{self.core_done} of {self.core_total} exercises and questions of the core"

    def __repr__(self) -> str:
        full = round(_BAR * self._share())
        rows = [("", "notebook", "solved", "answered", "open")]
        rows += [
            (book.number, book.title, book.solved(), book.answered(), book.still_open() or "✓")
            for book in self.notebooks
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join([*(row[k].ljust(width) for k, width in enumerate(widths)), row[4]]).rstrip()
            for row in rows
        ]
        return "\n".join([f"{'█' * full}{'░' * (_BAR - full)} {self._sum()}", *lines])

    def _repr_html_(self) -> str:
        # Colours are those of the page, light or dark, but for the bar.
        percent = f"{100 * self._share():.0f}%"
        bar = (
            f'<div role="img" aria-label="{percent}" style="border: 1px solid currentColor; '
            'border-radius: 4px; height: 0.8em; max-width: 30em; overflow: hidden">'
            f'<div style="width: {percent}; height: 100%; background: {_BLUE}"></div></div>'
        )
        head = _row("th", ("", "Notebook", "Exercises solved", "Questions answered", "Still open"))
        body = []
        for core in (True, False):
            books = [book for book in self.notebooks if book.core == core]
            if books and not core:
                body.append(
                    f'<tr><th colspan="5" style="{_CELL}; padding-top: 0.8em">Electives</th></tr>'
                )
            body += [
                _row("td", (b.number, b.title, b.solved(), b.answered(), b.still_open() or "✓"))
                for b in books
            ]
        return (
            f'<div style="margin: 0.5em 0"><p style="margin: 0 0 0.3em">{self._sum()}</p>{bar}'
            '<table style="border-collapse: collapse; margin: 0.8em 0 0; color: inherit">'
            f"<thead>{head}</thead><tbody>{''.join(body)}</tbody></table></div>"
        )


def progress() -> Progress:
    """What is solved and answered so far, notebook by notebook, and what is still open.

    It is kept in the folder of the runs, so that it is there again tomorrow. Exercises count when
    their check passes, questions when they are answered at all.
    """
    known = read_records()
    books = []
    for number, box in NOTEBOOKS.items():
        try:
            exercises, asked = names(number), questions(number)
        except KeyError:  # no check at all
            continue
        optional = _optional(number)
        tell = [
            tuple(Item(name, name in optional, known.get(name)) for name in group)
            for group in (exercises, asked)
        ]
        books.append(NotebookProgress(number, title_of(number), box.core, *tell))
    return Progress(tuple(books))


_CELL = "text-align: left; padding: 0.15em 1em 0.15em 0; color: inherit; background: none"


def _row(kind: str, texts: Sequence[str]) -> str:
    cells = (f'<{kind} style="{_CELL}">{escape(text)}</{kind}>' for text in texts)
    return f"<tr>{''.join(cells)}</tr>"


def _of(items: Sequence[Item]) -> str:
    return f"{sum(item.done for item in items)} of {len(items)}"


def _optional(number: str) -> set[str]:
    """Exercises and questions that their notebook calls optional; empty where there is none."""
    try:
        path = next((root() / "notebooks").glob(f"{number}_*.ipynb"))
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, StopIteration, ValueError, KeyError):
        return set()
    found, section = set(), False
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for line in text.splitlines():
                if line.startswith("## "):
                    section = is_optional(line[3:])
            found.update(filter(None, map(optional_item, text.splitlines())))
        elif section:
            tags = cell["metadata"].get("tags", ())
            found.update(tag.split("-")[1] for tag in tags if re.match("(exercise|question)-", tag))
    return found
