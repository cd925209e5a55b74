"""MELD's tables of utterances: `{train,dev,test}_sent_emo.csv`."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

COLUMNS = (
    "Utterance",
    "Speaker",
    "Emotion",
    "Sentiment",
    "Dialogue_ID",
    "Utterance_ID",
    "Season",
    "Episode",
    "StartTime",
    "EndTime",
)
_TIME = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})[,.](\d{1,3})")
# Quotation marks and dashes of Windows that were written as control characters.
_WINDOWS = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}


@dataclass(frozen=True)
class Utterance:
    """One row; `start` and `end` are seconds in the episode, None where they make no sense."""

    line: int
    dialogue: int
    utterance: int
    text: str
    speaker: str
    emotion: str
    sentiment: str
    season: str
    episode: str
    start: float | None
    end: float | None
    repaired: str | None

    @property
    def key(self) -> tuple[int, int]:
        return self.dialogue, self.utterance


def seconds(time: str) -> float:
    """`00:16:16,059` and `0:10:44,769` in seconds.

    Raises:
        ValueError: it is no such time.
    """
    match = _TIME.fullmatch(time.strip())
    if not match:
        raise ValueError(f"{time!r} is no time such as 00:16:16,059")
    hours, minutes, whole, fraction = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(whole) + float(f"0.{fraction}")


def read_table(data: bytes, name: str) -> tuple[list[Utterance], list[tuple[str, str]]]:
    """The utterances of one table and the rows left out, as (where, why).

    The first of two rows with the same dialogue and utterance counts. `Sr No.` is not looked at:
    it has gaps and doubles.

    Raises:
        ValueError: it is not such a table; names the missing columns.
    """
    try:
        text, encoding = data.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        text, encoding = data.decode("cp1252", "replace"), "Windows-1252"
    # Line ends (train has CRLF) belong to the CSV reader: an utterance may hold one.
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        header = [(column or "").strip() for column in reader.fieldnames or ()]
        missing = [column for column in COLUMNS if column not in header]
        if missing:
            raise ValueError(
                f"{name} is no table of MELD: no column {', '.join(missing)}; it has "
                f"{', '.join(header[:12]) or 'no header'}"
            )
        reader.fieldnames = header
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise ValueError(f"{name}, line {reader.line_num}: no CSV ({error})") from error
    found: dict[tuple[int, int], Utterance] = {}
    skipped = []
    for line, row in rows:
        try:
            utterance = _utterance(line, row, encoding)
        except ValueError as error:
            skipped.append((f"{name}, line {line}", str(error)))
            continue
        first = found.setdefault(utterance.key, utterance)
        if first is not utterance:
            skipped.append(
                (
                    f"{name}, line {line}",
                    f"dialogue {utterance.dialogue}, utterance {utterance.utterance} is in line "
                    f"{first.line} already",
                )
            )
    return list(found.values()), skipped


def _utterance(line: int, row: dict[str, str | None], encoding: str | None) -> Utterance:
    cells = {column: (row.get(column) or "").strip() for column in COLUMNS}
    numbers = {}
    for column in ("Dialogue_ID", "Utterance_ID"):
        if not re.fullmatch(r"[0-9]{1,6}", cells[column]):
            raise ValueError(f"{column} is {cells[column]!r}, not a number")
        numbers[column] = int(cells[column])
    if not cells["Emotion"]:
        raise ValueError("no emotion")
    repaired = [f"read as {encoding}"] if encoding else []
    text = cells["Utterance"].translate(_WINDOWS)
    if text != cells["Utterance"]:
        repaired.append("quotation marks of Windows")
    start = end = None
    try:
        start, end = seconds(cells["StartTime"]), seconds(cells["EndTime"])
        if end <= start:
            raise ValueError("it ends before it starts")
    except ValueError as error:
        repaired.append(f"times left out: {error}")
        start = end = None
    return Utterance(
        line,
        numbers["Dialogue_ID"],
        numbers["Utterance_ID"],
        text,
        cells["Speaker"].translate(_WINDOWS),
        cells["Emotion"].lower(),
        cells["Sentiment"].lower(),
        cells["Season"],
        cells["Episode"],
        start,
        end,
        "; ".join(repaired) or None,
    )
