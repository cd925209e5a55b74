"""The tables of a plan for a day, whose times follow from the sections that they name.

A plan stands between `<!-- plan 90 -->` and `<!-- /plan -->`, a table with the columns *from*,
*min*, *what*, *sections* and *how*; the first two are filled in. *sections* is such as
`02: A batch; Pre-training`, `02: opening` or `02: exercises 02.1, 02.2`. *how* is `work` (everybody
alone), `show` (one before all), `talk 10` or `break 15`; the row of `spare` takes what is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.minutes import Timed

# Sections of a notebook that nobody teaches.
NOT_TAUGHT = ("References",)
PLAN = re.compile(r"<!-- plan (\d+) -->\n(.*?)<!-- /plan -->", flags=re.DOTALL)
COLUMNS = ("from", "min", "what", "sections", "how")


def renewed(text: str, course: Mapping[str, Sequence[Timed]]) -> str:
    """A page with the first two columns of its plans filled in.

    Raises:
        ValueError: a plan names no section of a notebook, is too long, or has no spare time.
    """

    def renew(match: re.Match) -> str:
        length, rows = int(match[1]), _rows(match[2])
        minutes = [_minutes(row, course) for row in rows]
        left = length - sum(filter(None, minutes))
        if minutes.count(None) != 1:
            raise ValueError(f"the plan of {length} minutes needs one row of 'spare'")
        if left < 0:
            raise ValueError(f"the plan of {length} minutes is {-left} minutes too long")
        lines, at = [_line(COLUMNS), "|" + "---|" * len(COLUMNS)], 0
        for row, taken in zip(rows, minutes, strict=True):
            taken = left if taken is None else taken
            lines.append(_line((f"{at // 60}:{at % 60:02}", str(taken), *row)))
            at += taken
        return f"<!-- plan {length} -->\n" + "\n".join(lines) + "\n<!-- /plan -->"

    return PLAN.sub(renew, text)


def spare(text: str) -> list[tuple[int, int]]:
    """(length, spare minutes) of each plan in a page, as they stand there."""
    found = []
    for match in PLAN.finditer(text):
        rows = [_cells(line) for line in match[2].splitlines()[2:]]
        found.append((int(match[1]), sum(int(row[1]) for row in rows if row[-1] == "spare")))
    return found


def between(text: str, name: str, content: str) -> str:
    """The text with `content` between `<!-- name -->` and `<!-- /name -->`, if it has these."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", flags=re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}{content}\n{match[2]}", text)


def _rows(table: str) -> list[tuple[str, str, str]]:
    """(what, sections, how) of each row."""
    lines = [line for line in table.splitlines() if line.strip()]
    if not lines or tuple(_cells(lines[0])) != COLUMNS:
        raise ValueError(f"a plan has the columns {', '.join(COLUMNS)}")
    rows = [_cells(line) for line in lines[2:]]
    for row in rows:
        if len(row) != len(COLUMNS):
            raise ValueError(f"{len(row)} columns instead of {len(COLUMNS)}: {' | '.join(row)}")
    return [tuple(row[2:]) for row in rows]


def _minutes(row: tuple[str, str, str], course: Mapping[str, Sequence[Timed]]) -> int | None:
    """Minutes of a row; None: whatever is left."""
    _, sections, how = row
    if how == "spare":
        return None
    if match := re.fullmatch(r"(?:talk|break) (\d+)", how):
        return int(match[1])
    if how not in ("work", "show"):
        raise ValueError(f"'{how}' is not work, show, talk 10, break 15 or spare")
    number, _, titles = sections.partition(":")
    if number not in course:
        raise ValueError(f"'{sections}': there is no notebook {number}")
    timed = {section.title or "opening": section for section in course[number]}
    if match := re.fullmatch(r"\s*exercises (.*)", titles):
        return _exercises(match[1].split(", "), number, timed)
    total = 0
    for title in titles.split(";"):
        if title.strip() not in timed:
            raise ValueError(f"notebook {number} has no section '{title.strip()}'")
        total += getattr(timed[title.strip()], how)
    return total


def _exercises(names: list[str], number: str, timed: Mapping[str, Timed]) -> int:
    parts = [part for section in timed.values() for part in (section, section.extra) if part]
    tasks = {name: each for part in parts for name, each in part.tasks.items()}
    for name in names:
        if name not in tasks:
            raise ValueError(f"notebook {number} has no exercise {name}")
    return sum(tasks[name] for name in names)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
