"""How long each section of the notebooks takes; the minutes in headings and docs/instructor/.

python -m tools.minutes [--write] [NUMBER …]
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat

from fermodels._shared.files import replace_file, replacing
from tools import lesson, plans

FOLDER = lesson.ROOT / "docs/instructor"
TIMES = lesson.ROOT / "runs/course/times.csv"

# Words a minute, prose and outputs that are prose: a third below silent reading of plain texts
# (about 240 to 300), for what is technical, and not everybody's first language.
WORDS = 200
# Seconds for a line of code: as long as a line of prose with ten words.
LINE_SECONDS = 3
# Minutes for a figure: find the axes, and see what "What to see" names.
FIGURE = 0.5
# Minutes for an exercise: the middle of what short functions with a check take; some take two,
# some ten.
EXERCISE = 5
# For a question that is answered before a cell runs, and for a task that changes a setting, runs
# it again and explains what is different.
QUESTION = 1
CHANGE = 4
# Of the reading, what is left when the section is shown and told to others instead.
SHOWN = 0.5

FRACTIONS = {"¼": 0.25, "½": 0.5, "¾": 0.75}
UNITS = {"second": 1, "minute": 60, "hour": 3600}
DURATION = re.compile(r"(\d+(?:\.\d+)?)?([¼½¾])?\s*(second|minute|hour)s?")
# What this tool writes, and does not count: in a page, and in a notebook.
MINUTES_LINE = re.compile(r"\*About \d+ minutes?\b[^*]*\*")
TIME_LINE = re.compile(r"\*Your time: [^*]*\*")
TAKES = "how long it takes"
LINK = re.compile(r"(?P<start>\]\((?P<name>\w*\.ipynb)?#)(?P<anchor>(?:[^\s()]|\([^\s()]*\))+)\)")


@dataclass(frozen=True)
class Timed:
    """A section and its time.

    Attributes:
        title: the heading without its number; "" for what stands above the first one.
        reading: minutes for words, code and figures.
        running: minutes in which its cells run.
        tasks: exercise, question or change → minutes.
        optional: whether it is marked as one to leave out.
        extra: its optional exercises, which are in none of the above.
    """

    title: str
    reading: float
    running: float = 0
    tasks: Mapping[str, int] = field(default_factory=dict)
    optional: bool = False
    extra: Timed | None = None

    @property
    def exercises(self) -> int:
        """Minutes for its exercises and questions."""
        return sum(self.tasks.values())

    @property
    def work(self) -> int:
        """Whole minutes of somebody who works through it alone, without optional exercises."""
        return _whole(self.reading + self.exercises + self.running)

    @property
    def more(self) -> int:
        """Whole minutes for its optional exercises."""
        return self.extra.work if self.extra else 0

    @property
    def core(self) -> int:
        """Whole minutes of its notebook's core."""
        return 0 if self.optional else self.work

    @property
    def left_out(self) -> int:
        """Whole minutes of what its notebook marks as optional."""
        return self.more + (self.work if self.optional else 0)

    @property
    def show(self) -> int:
        """Whole minutes of somebody who shows it to others, who vote on its questions; nobody does
        exercises meanwhile."""
        votes = sum(each for each in self.tasks.values() if each == QUESTION)
        return _whole(SHOWN * self.reading + self.running + votes)

    @property
    def note(self) -> str:
        """What stands in brackets behind its heading."""
        more = f", {self.more} more optional" if self.more and not self.optional else ""
        minutes = self.work + (self.more if self.optional else 0)
        return f"{minutes} min" + (", optional" if self.optional else more)


def count(path: Path, times: Path = TIMES) -> list[Timed]:
    """The sections of a notebook with their times, without its references.

    What the cells need as a whole stands in the notebook's table "How long it takes", or in
    `times`, a file of `make course`; it is shared out among the code cells evenly.
    """
    return counted(lesson.read(path), path.stem, times)


def counted(notebook: nbformat.NotebookNode, stem: str, times: Path = TIMES) -> list[Timed]:
    """:func:`count` of a notebook that has been read."""
    found = lesson.sections(notebook)
    seconds = _stated(found[0]) or _measured(stem, times)
    cells = sum(len(part.code) for s in found for part in (s, s.extra) if part)
    share = seconds / 60 / max(cells, 1)
    return [_timed(s, share) for s in found if s.title not in plans.NOT_TAUGHT]


def _timed(section: lesson.Section, share: float) -> Timed:
    """Args: section; share: minutes that a code cell runs."""
    minutes = {"exercises": EXERCISE, "questions": QUESTION, "changes": CHANGE}
    return Timed(
        section.title,
        _reading(section),
        share * len(section.code),
        {name: each for kind, each in minutes.items() for name in getattr(section, kind)},
        section.optional,
        _timed(section.extra, share) if section.extra else None,
    )


@cache
def of_course() -> dict[str, tuple[Timed, ...]]:
    """{"00": its timed sections, …}"""
    return {path.name[:2]: tuple(count(path)) for path in lesson.find()}


def page(text: str, timed: Sequence[Timed], core: bool = True) -> str:
    """A notebook's page with a line of minutes below each heading.

    Args:
        text: of the page.
        timed: the notebook's sections.
        core: whether the notebook is on the core path.

    Raises:
        ValueError: a section has no heading of its own, a heading no section, or the order differs.
    """
    lines = [line for line in text.splitlines() if not MINUTES_LINE.fullmatch(line)]
    headings = [line[3:].strip() for line in lines if line.startswith("## ")]
    titles = [section.title for section in timed if section.title]
    if headings != titles:
        for title in titles:
            if title not in headings:
                raise ValueError(f"no heading '## {title}', which the notebook has")
        for heading in headings:
            if heading not in titles:
                raise ValueError(f"'## {heading}' is no section of the notebook")
        raise ValueError("the headings are in another order than in the notebook")
    by_title = {section.title: section for section in timed}
    result: list[str] = []
    for line in lines:
        if result and result[-1] == "" and line == "":
            continue  # where a line of minutes was
        result.append(line)
        if line.startswith("## "):
            result += ["", _about(by_title[line[3:].strip()])]
        elif line.startswith("# "):
            result += ["", f"*About {_in_all(timed, core)}*"]
    return "\n".join(result).rstrip("\n") + "\n"


def put_into(notebook: nbformat.NotebookNode, timed: Sequence[Timed], core: bool = True) -> None:
    """Write the minutes into a notebook: behind its headings, and below "How long it takes".

    Args:
        notebook: is changed; its outputs stay.
        timed: its sections; headings of others stay as they are.
        core: whether it is on the core path.
    """
    by_title = {section.title: section for section in timed if section.title}
    for cell in _prose_cells(notebook):
        lines = cell.source.split("\n")
        for i in _headings(cell):
            heading = lines[i][3:].strip()
            if section := by_title.get(lesson.plain_title(heading)):
                lines[i] = f"## {lesson.with_note(heading, section.note)}"
        cell.source = "\n".join(lines)
    cell = next(
        (cell for cell in _prose_cells(notebook) if TAKES in cell.source.lower()),
        notebook.cells[0],
    )
    kept = re.sub(rf"\n*^{TIME_LINE.pattern}$", "", cell.source, flags=re.MULTILINE)
    lines = kept.splitlines()
    at = next((i for i, line in enumerate(lines) if TAKES in line.lower()), len(lines) - 1)
    rows = [i for i, line in enumerate(lines) if i > at and line.startswith("|")]
    end = next((i for i in rows if i + 1 not in rows), at) + 1
    lines[end:end] = ["", f"*Your time: about {_in_all(timed, core)}*"]
    cell.source = "\n".join(lines)


def renew_links(notebooks: Mapping[str, nbformat.NotebookNode]) -> None:
    """Lead links to headings whose minutes have changed, or are missing in the link.

    Args:
        notebooks: name, such as "00_welcome.ipynb" → notebook; they are changed.
    """
    targets = {}
    for name, notebook in notebooks.items():
        for cell in _prose_cells(notebook):
            for i in _headings(cell):
                heading = cell.source.splitlines()[i][3:].strip()
                targets[name, _without_note(_anchor(heading))] = _anchor(heading)
    for here, notebook in notebooks.items():
        for cell in _prose_cells(notebook):
            cell.source = LINK.sub(lambda link, here=here: _led(link, here, targets), cell.source)


def _led(link: re.Match, here: str, targets: Mapping[tuple[str, str], str]) -> str:
    key = (link["name"] or here, _without_note(link["anchor"]))
    return f"{link['start']}{targets.get(key, link['anchor'])})"


def _anchor(heading: str) -> str:
    """As JupyterLab names it."""
    return heading.replace(" ", "-")


def _without_note(anchor: str) -> str:
    return re.sub(r"-\((?:\d+-min|optional)[^()]*\)$", "", anchor)


def _prose_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def _headings(cell: nbformat.NotebookNode) -> list[int]:
    """Which lines of a cell start a section."""
    lines = enumerate(lesson.lines_outside_code(cell.source))
    return [i for i, line in lines if line.startswith("## ")]


def marked(paths: Sequence[Path]) -> dict[Path, nbformat.NotebookNode]:
    """These notebooks with today's minutes and the links to their headings."""
    notebooks = {path: lesson.read(path) for path in paths}
    for path, notebook in notebooks.items():
        put_into(notebook, counted(notebook, path.stem), is_core(path.name))
    renew_links({path.name: notebook for path, notebook in notebooks.items()})
    return notebooks


def is_core(name: str) -> bool:
    """Whether the notebook of a name or number such as "02" is on the core path."""
    return name[:2] in lesson.CORE


def core_minutes(course: Mapping[str, Sequence[Timed]]) -> int:
    """Minutes of the core path."""
    return sum(s.core for number, timed in course.items() if is_core(number) for s in timed)


def table(course: Mapping[str, Sequence[Timed]]) -> str:
    """Minutes for each section of each notebook, and their sums, in Markdown."""
    lines = ["| notebook, section | core | optional | shown |", "|---|---|---|---|"]
    sums = {"core path": [0, 0, 0], "electives": [0, 0, 0], "all": [0, 0, 0]}
    for number, timed in course.items():
        rows = [_row(section, is_core(number)) for section in timed]
        whole = [sum(column) for column in zip(*rows, strict=True)]
        for name in ("core path" if is_core(number) else "electives", "all"):
            sums[name] = [a + b for a, b in zip(sums[name], whole, strict=True)]
        lines.append(_line(number, whole, bold=True))
        lines += [
            _line(section.title or "opening", row) for section, row in zip(timed, rows, strict=True)
        ]
    lines += [_line(name, whole, bold=True) for name, whole in sums.items() if any(whole)]
    return "\n".join(lines)


def _row(section: Timed, core: bool) -> list[int]:
    """Minutes of the core path, optional ones, shown ones."""
    if core:
        return [section.core, section.left_out, section.show]
    return [0, section.core + section.left_out, section.show]


def _line(name: str, minutes: Sequence[int], bold: bool = False) -> str:
    cells = [name, *(str(number) if number else "" for number in minutes)]
    return f"| {' | '.join(f'**{cell}**' if bold and cell else cell for cell in cells)} |"


def renewed(path: Path) -> str:
    """The text of a page of docs/instructor/ with the minutes of today's notebooks.

    Raises:
        ValueError: it names what no notebook has, or a plan is too long; the page is named.
    """
    text = path.read_text(encoding="utf-8")
    course = of_course()
    try:
        if re.match(r"\d\d_", path.name):
            return page(text, course[path.name[:2]], is_core(path.name))
        text = plans.between(text, "minutes", table(course))
        return plans.renewed(text, course)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def pages() -> list[Path]:
    return sorted(FOLDER.glob("*.md"))


def _about(section: Timed) -> str:
    minutes = section.work + (section.more if section.optional else 0)
    said = f"About {minutes} minute{'s' * (minutes != 1)}"
    if section.optional:
        said += ", optional"
    elif section.more:
        said += f", and {section.more} more for optional exercises"
    return f"*{said}.*"


def _in_all(timed: Sequence[Timed], core: bool) -> str:
    """The time of a notebook, in words."""
    minutes, optional = sum(s.core for s in timed), sum(s.left_out for s in timed)
    exercises = sum(s.exercises for s in timed if not s.optional)
    path = " on the core path" if core and optional else ""
    said = f"{minutes} minutes{path}, of which {exercises} are exercises and questions"
    if optional:
        said += f"; {optional} more for what is optional"
    return said + ("." if core else ". This notebook is optional as a whole.")


def _whole(minutes: float) -> int:
    return max(1, int(minutes + 0.5))


def _reading(section: lesson.Section) -> float:
    prose = [line for line in section.prose if not TIME_LINE.fullmatch(line)]
    words = sum(len(line.split()) for line in prose)
    lines = figures = 0
    for cell in section.code:
        lines += sum(bool(line.strip()) for line in cell.source.splitlines())
        for output in cell.outputs:
            data = output.get("data", {})
            words += len(data.get("text/markdown", "").split())
            figures += bool({"image/png", "image/jpeg"} & set(data))
    return words / WORDS + lines * LINE_SECONDS / 60 + figures * FIGURE


def _stated(opening: lesson.Section) -> float:
    """Seconds of the whole notebook, by the first row of its table "How long it takes"."""
    lines = iter(opening.prose)
    for line in lines:
        if "how long it takes" in line.lower():
            break
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) > 1 and (found := DURATION.search(cells[1])):
            number, fraction, unit = found.groups()
            return (float(number or 0) + FRACTIONS.get(fraction, 0)) * UNITS[unit]
    return 0


def _measured(stem: str, times: Path) -> float:
    if not times.exists():
        return 0
    with open(times, newline="") as file:
        rows = {row["notebook"]: float(row["seconds"]) for row in csv.DictReader(file)}
    return rows.get(stem, 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="such as 02; default: all")
    parser.add_argument("--write", action="store_true", help="into notebooks and docs/instructor/")
    options = parser.parse_args()
    try:
        lesson.find(options.numbers)
        if options.write:
            notebooks = marked(lesson.find())
            texts = {path: renewed(path) for path in pages()}
            for path, notebook in notebooks.items():
                with replacing(path) as temporary:
                    nbformat.write(notebook, temporary)
            for path, text in texts.items():
                replace_file(path, text.encode())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    course = of_course()
    print(table({n: course[n] for n in options.numbers or course}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
