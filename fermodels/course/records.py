"""What has been solved and answered: a small file for each exercise and question, in the runs.

A file of its own for each, so that notebooks that are open side by side do not overwrite each
other's.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from fermodels._shared.files import replace_file
from fermodels._shared.places import folder

#: What a hint ends with that asks for an answer: to run a cell before one has written anything
#: is no try.
UNANSWERED = "yet."


@dataclass(frozen=True)
class Record:
    """What is known about one exercise or question.

    Attributes:
        name: such as "02.1" or "02.a".
        kind: "exercise" or "question".
        passed: whether it was solved, or answered right, at any time.
        tries: answers up to that.
        date: of the day on which it passed, or else of the last try, as in "2026-11-30".
        answer: of a question, the letter chosen last.
        right_at_first: of a question, whether the first choice was the right one.
    """

    name: str
    kind: str
    passed: bool
    tries: int
    date: str
    answer: str | None = None
    right_at_first: bool | None = None


def records_folder() -> Path:
    """Where they lie, not made yet: beside the runs of the presets, for all of which they count."""
    return folder("FERMODELS_RUNS", "runs") / "progress"


def record(name: str, kind: str, passed: bool, answer: str | None = None) -> None:
    """Keep the outcome of a check. What has passed stays as it is.

    Args:
        name: of the exercise or question.
        kind: "exercise" or "question".
        passed: whether the answer is right.
        answer: the letter that was chosen.

    Raises:
        OSError: it cannot be written.
    """
    known, said = _read(records_folder() / f"{name}.json")
    if said:
        print(said)
    if known and (known.passed or (answer is not None and known.answer == answer)):
        return
    made = Record(
        name,
        kind,
        passed,
        tries=1 + (known.tries if known else 0),
        date=datetime.now().date().isoformat(),
        answer=answer,
        right_at_first=(known.right_at_first if known else passed) if kind == "question" else None,
    )
    text = json.dumps(asdict(made), indent=1)
    records_folder().mkdir(parents=True, exist_ok=True)
    replace_file(records_folder() / f"{name}.json", text.encode(), sync=False)


def read_records() -> dict[str, Record]:
    """All that is kept, by name. Files that are damaged are set aside; a line says so."""
    found = {}
    for path in sorted(_files()):
        known, said = _read(path)
        if said:
            print(said)
        if known:
            found[known.name] = known
    return found


def forget_progress(sure: bool = False) -> None:
    """Delete the record of all exercises and questions, for the next one at this machine.

    Args:
        sure: has to be True: what is deleted cannot be had back.

    Raises:
        ValueError: it is not.
    """
    files = _files()
    if sure is not True:
        raise ValueError(
            f"this deletes what is known of {len(files)} exercises and questions, for good: call "
            "course.forget_progress(sure=True) if you mean it"
        )
    for path in files:
        path.unlink(missing_ok=True)


def _files() -> list[Path]:
    return list(records_folder().glob("[0-9][0-9].*.json"))


def _read(path: Path) -> tuple[Record | None, str]:
    """The record, if there is one, and what to say of a file that is damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, ""
    except (OSError, UnicodeDecodeError) as error:
        return None, _set_aside(path, error)
    try:
        return _parsed(path.stem, json.loads(text)), ""
    except (ValueError, TypeError, KeyError) as error:
        return None, _set_aside(path, error)


def _parsed(name: str, values: dict) -> Record:
    # A later version may have more fields.
    record = Record(**{f.name: values[f.name] for f in fields(Record) if f.name in values})
    right = (
        record.name == name
        and record.kind in ("exercise", "question")
        and isinstance(record.passed, bool)
        and isinstance(record.tries, int)
        and isinstance(record.answer, (str, type(None)))
        and isinstance(record.right_at_first, (bool, type(None)))
    )
    if not right:
        raise ValueError("its values are not those of a record")
    datetime.strptime(record.date, "%Y-%m-%d")
    return record


def _set_aside(path: Path, error: Exception) -> str:
    aside = path.with_name(f"{path.name}.damaged")
    with suppress(OSError):
        path.replace(aside)
    return f"(The record of {path.stem} is damaged and now called {aside.name}: {error}.)"
