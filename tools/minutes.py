"""How long each section of the notebooks takes, and the minutes in docs/instructor/ from that.

python -m tools.minutes [--write] [NUMBER …]
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fermodels._shared.files import replace_file
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
# Of the reading, what is left when the section is shown and told to others instead.
SHOWN = 0.5

FRACTIONS = {"¼": 0.25, "½": 0.5, "¾": 0.75}
UNITS = {"second": 1, "minute": 60, "hour": 3600}
DURATION = re.compile(r"(\d+(?:\.\d+)?)?([¼½¾])?\s*(second|minute|hour)s?")
MINUTES_LINE = re.compile(r"\*About (\d+) minutes?(?:, of which \d+ are exercises)?\.\*")


@dataclass(frozen=True)
class Timed:
    """A section and its time.

    Attributes:
        title: the heading without its number; "" for what stands above the first one.
        reading: minutes for words, code and figures.
        exercises: minutes for its exercises.
        running: minutes in which its cells run.
    """

    title: str
    reading: float
    exercises: float
    running: float

    @property
    def work(self) -> int:
        """Whole minutes of somebody who works through it alone."""
        return _whole(self.reading + self.exercises + self.running)

    @property
    def show(self) -> int:
        """Whole minutes of somebody who shows it to others; nobody does exercises meanwhile."""
        return _whole(SHOWN * self.reading + self.running)


def count(path: Path, times: Path = TIMES) -> list[Timed]:
    """The sections of a notebook with their times, without its references.

    What the cells need as a whole stands in the notebook's table "How long it takes", or in
    `times`, a file of `make course`; it is shared out among the code cells evenly.
    """
    notebook = lesson.read(path)
    found = lesson.sections(notebook)
    seconds = _stated(found[0]) or _measured(path.stem, times)
    cells = sum(len(section.code) for section in found)
    return [
        Timed(
            section.title,
            _reading(section),
            EXERCISE * len(section.exercises),
            seconds / 60 * len(section.code) / max(cells, 1),
        )
        for section in found
        if section.title not in plans.NOT_TAUGHT
    ]


@cache
def of_course() -> dict[str, tuple[Timed, ...]]:
    """{"00": its timed sections, …}"""
    return {path.name[:2]: tuple(count(path)) for path in lesson.find()}


def page(text: str, timed: list[Timed]) -> str:
    """A notebook's page with a line of minutes below each heading.

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
            whole = sum(section.work for section in timed)
            exercises = sum(section.exercises for section in timed)
            result += ["", f"*About {whole} minutes, of which {exercises} are exercises.*"]
    return "\n".join(result).rstrip("\n") + "\n"


def table(course: dict[str, tuple[Timed, ...]]) -> str:
    """Minutes for each section of each notebook, in Markdown."""
    lines = ["| notebook, section | alone | shown |", "|---|---|---|"]
    for number, timed in course.items():
        alone, shown = (sum(getattr(s, how) for s in timed) for how in ("work", "show"))
        lines.append(f"| **{number}** | **{alone}** | **{shown}** |")
        lines += [f"| {s.title or 'opening'} | {s.work} | {s.show} |" for s in timed]
    alone, shown = (
        sum(getattr(s, how) for timed in course.values() for s in timed) for how in ("work", "show")
    )
    return "\n".join([*lines, f"| **all** | **{alone}** | **{shown}** |"])


def renewed(path: Path) -> str:
    """The text of a page of docs/instructor/ with the minutes of today's notebooks.

    Raises:
        ValueError: it names what no notebook has, or a plan is too long; the page is named.
    """
    text = path.read_text(encoding="utf-8")
    course = of_course()
    try:
        if re.match(r"\d\d_", path.name):
            return page(text, list(course[path.name[:2]]))
        text = plans.between(text, "minutes", table(course))
        return plans.renewed(text, course)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def pages() -> list[Path]:
    return sorted(FOLDER.glob("*.md"))


def _about(section: Timed) -> str:
    return f"*About {section.work} minute{'s' * (section.work != 1)}.*"


def _whole(minutes: float) -> int:
    return max(1, int(minutes + 0.5))


def _reading(section: lesson.Section) -> float:
    words = sum(len(line.split()) for line in section.prose)
    lines = figures = 0
    for cell in section.code:
        lines += sum(bool(line.strip()) for line in cell.source.splitlines())
        for output in cell.outputs:
            data = output.get("data", {})
            words += len(data.get("text/markdown", "").split())
            figures += "image/png" in data
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
    parser.add_argument("--write", action="store_true", help="renew docs/instructor/")
    options = parser.parse_args()
    try:
        lesson.find(options.numbers)
        if options.write:
            texts = {path: renewed(path) for path in pages()}
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
