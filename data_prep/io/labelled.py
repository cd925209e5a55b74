"""Images whose labels come from the user: a table (CSV), or a reading of the files' names.

Both give for each file some fields as text: ``subject`` and ``expression`` (empty where codes are
not strict and the image is unlabelled), and ``view`` (a name) or ``yaw`` (degrees) or both;
optionally ``pitch``, ``session``, ``instance``, ``gender``, ``age``, ``split`` and whatever else,
which is kept.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.io.images import YAWS, is_image
from data_prep.io.importing import REPAIRED, WARNING, Item
from data_prep.io.raw import RawFile, RawSource, printable
from data_prep.io.report import ImportReport
from data_prep.io.vocabulary import expression
from fermodels._shared.paths import given_path
from fermodels.data import VIEWS
from fermodels.data.names import name_key, natural_key, number_text

MAX_TABLE = 64 << 20

_GENDERS = {
    **dict.fromkeys(("f", "female", "girl", "woman"), "female"),
    **dict.fromkeys(("m", "male", "boy", "man"), "male"),
}
# What people call the view from the front; codes without a letter (0, 051) are taken for it too.
_FRONT = frozenset(
    ("c", "center", "centre", "central", "f", "fr", "front", "frontal", "middle", "n", "s", "st")
)
_RESERVED = {"image", "face_found", REPAIRED, WARNING}  # columns that are made here


@dataclass(frozen=True)
class Reading:
    """One file and what its name or its row in the table says of it."""

    file: RawFile
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Codes:
    """What the user says that codes mean; they are compared by `name_key`.

    Attributes:
        views: code → degrees. expressions: key of a code → name.
        strict: whether unknown expressions are refused, or kept under their own name.
        needed: what must be known of every image; what is not needed may be unknown.
    """

    views: Mapping[str, float]
    expressions: Mapping[str, str]
    strict: bool
    needed: tuple[str, ...] = ("subject", "view")


def add_code_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels",
        metavar="CSV",
        type=given_path,
        help="table: file, subject, expression, view, yaw …",
    )
    parser.add_argument(
        "--views",
        type=parse_views,
        metavar="CODE=DEGREES,…",
        help="what your names of views mean; negative where the left cheek is seen and the nose "
        "points to the image's left edge",
    )
    parser.add_argument(
        "--expressions",
        type=parse_expressions,
        metavar="CODE=NAME,…",
        help="what your codes of expressions mean, such as HA=happy",
    )


def parse_expressions(text: str) -> dict[str, str]:
    """`"HA=happy,NE=neutral"` as {"ha": "happy", "ne": "neutral"}, by the keys of the codes."""
    names: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        code, equals, name = (part.strip() for part in pair.partition("="))
        if not (code and equals and name):
            raise argparse.ArgumentTypeError(f"{pair!r}: expressions are given as CODE=NAME, …")
        name = _expression(name, {}, strict=False)
        if names.setdefault(name_key(code), name) != name:
            raise argparse.ArgumentTypeError(f"{code!r} is given as two expressions")
    return names


def parse_views(text: str) -> dict[str, float]:
    """`"left=-60,front=0"` as {"left": −60, "front": 0}: codes of views and their degrees."""
    views: dict[str, float] = {}
    keys: dict[str, float] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        code, equals, degrees = pair.rpartition("=")
        try:
            views[code.strip()] = float(degrees.replace("−", "-"))
        except ValueError:
            equals = ""
        if not equals or not code.strip() or not -180 <= views[code.strip()] <= 180:
            raise argparse.ArgumentTypeError(
                f"{pair!r}: views are given as CODE=DEGREES (−180 to 180), …"
            )
        if keys.setdefault(name_key(code), views[code.strip()]) != views[code.strip()]:
            raise argparse.ArgumentTypeError(f"{code.strip()!r} is given by two angles")
    return views


def means_view(code: str, views: Mapping[str, float]) -> bool:
    """Whether a code is the name of a view of the course, or one that the user explains."""
    return name_key(code) in YAWS or name_key(code) in set(map(name_key, views))


def view_names(yaws: Mapping[str, float]) -> dict[str, str]:
    """Code → view name: the course's five where there are as many, symmetric about 0.

    Otherwise a view is called by its degrees, such as "yaw+30"; the course's own names stay. Not
    all that is at 0 degrees is the view from the front: a camera above ("up=0") keeps its name.
    """
    degrees = sorted(set(yaws.values()))
    mirrored = [-x for x in reversed(degrees)]
    five = len(degrees) == len(VIEWS) and degrees == mirrored
    if five:
        names = dict(zip(degrees, VIEWS, strict=True))
    else:
        names = {x: f"yaw{'+' * (x > 0)}{number_text(x)}" if x else "straight" for x in degrees}
    alone = five and list(yaws.values()).count(0) == 1

    def name(code: str, x: float) -> str:
        front = x != 0 or alone or name_key(code) in _FRONT or not re.search(r"[^\W\d_]", code)
        return code if code in VIEWS or not front else names[x]

    return {code: name(code, x) for code, x in yaws.items()}


def read_table(
    path: Path,
    raw: RawSource,
    report: ImportReport,
    needed: tuple[str, ...] = ("file", "subject", "expression"),
) -> list[Reading]:
    """Rows of a CSV (separated by comma, semicolon or tab), matched with the raw files.

    Args:
        needed: columns that it must have, beside view or yaw.

    Raises:
        ValueError: it cannot be read as a table, or lacks a column.
    """
    text = _decode(path)
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, restkey="")
    try:
        columns = [(name or "").strip().lower() for name in rows.fieldnames or []]
        rows.fieldnames = columns
        _check_columns(path, columns, needed)
        listed = [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise ValueError(f"{path}, line {rows.line_num}: no table ({error})") from error
    files = _by_name(raw.files)
    readings, taken = [], {}
    for line, row in listed:
        fields = {column: (row[column] or "").strip() for column in columns if column}
        name = fields.pop("file", "")
        file = files.get(_tidy(name)) or files.get(_tidy(name).casefold())
        if not any((name, *fields.values())):
            continue
        if file is None:
            report.skip(name or f"{path.name}, line {line}", f"in {path.name}, but no such file")
        elif file in taken:
            report.skip(name, f"listed twice in {path.name} (lines {taken[file]} and {line})")
        else:
            taken[file] = line
            readings.append(Reading(file, fields))
    for file in raw.files:
        if is_image(file) and file not in taken:
            report.skip(file.name, f"not in {path.name}")
    return readings


def make_items(
    readings: Iterable[Reading], codes: Codes, dataset: str, report: ImportReport
) -> list[Item]:
    """The rows to be made, sorted by subject; what cannot be understood is skipped.

    Raises:
        ValueError: `codes.strict`, and an expression is not known; the message names all of them.
    """
    readings = list(readings)
    by_yaw = _names_by_yaw(readings)
    views = {name_key(code): x for code, x in codes.views.items()}
    names = {name_key(code): name for code, name in view_names(codes.views).items()}
    spelt = _Spellings()
    items, unknown = [], {}
    for reading in readings:
        fields = dict(reading.fields)
        try:
            about = _about(reading.file, fields, codes, views, names, by_yaw, spelt)
        except _UnknownExpression as error:
            unknown.setdefault(str(error), reading.file.name)
        except ValueError as error:
            report.skip(reading.file.name, str(error))
        else:
            items.append(Item(reading.file, about | {"file": printable(reading.file.name)}))
    if unknown:
        shown = ", ".join(f"{c!r} ({printable(name)})" for c, name in list(unknown.items())[:10])
        raise ValueError(
            f"{dataset}: unknown expressions: {shown}. Say what they mean: "
            "--expressions CODE=NAME,…"
        )
    for column, kept, other in spelt.merged:
        report.warn(f"{column} {other!r} is taken for {kept!r}, which differs in spelling only")
    return sorted(items, key=_order)


def alike(items: Iterable[Item]) -> list[tuple[Item, Item]]:
    """Pairs of rows that one file could not hold: the same instance, view and session."""
    first: dict[tuple, Item] = {}
    pairs = []
    for item in items:
        key = tuple(item.about[k] for k in ("instance", "view", "session"))
        if first.setdefault(key, item) is not item:
            pairs.append((first[key], item))
    return pairs


def label_lists(items: Iterable[Item]) -> dict[str, list[str]]:
    """`expressions` (the course's order first) and `views` (by their angle, then those whose angle
    is not known) for the metadata.

    Where no image has an expression, or none a view, there is no list of them.
    """
    from data_prep.io.vocabulary import NAMES

    items = list(items)
    shown = {item.about["expression"] for item in items} - {None}
    yaws: dict[str, float | None] = {}
    for item in items:
        if item.about["view"] is not None:
            yaws.setdefault(item.about["view"], item.about["yaw"])
    expressions = [n for n in NAMES if n in shown]
    expressions += sorted(shown - set(NAMES), key=natural_key)
    views = sorted(yaws, key=lambda v: (yaws[v] is None, yaws[v] or 0.0, natural_key(v)))
    lists = {"expressions": expressions, "views": views}
    return {name: values for name, values in lists.items() if values}


class _UnknownExpression(ValueError):
    pass


class _Spellings:
    """Names as they were spelt first, of those that `name_key` takes for one.

    Attributes:
        merged: (column, name that is kept, another spelling of it).
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], str] = {}
        self.merged: list[tuple[str, str, str]] = []

    def of(self, column: str, name: str) -> str:
        kept = self._first.setdefault((column, name_key(name)), name)
        if kept != name and (column, kept, name) not in self.merged:
            self.merged.append((column, kept, name))
        return kept


def _order(item: Item) -> tuple[Any, ...]:
    about = item.about
    names = natural_key(about["subject"] or ""), natural_key(about["instance"])
    return *names, 0.0 if about["yaw"] is None else about["yaw"], about["file"]


def _about(
    file: RawFile,
    fields: dict[str, str],
    codes: Codes,
    views: Mapping[str, float],
    names: Mapping[str, str],
    by_yaw: Mapping[float, str],
    spelt: _Spellings,
) -> dict[str, Any]:
    for needed in ("subject", "expression"):
        if (needed in codes.needed or codes.strict) and not fields.get(needed):
            raise ValueError(f"no {needed}")
    subject = unicodedata.normalize("NFC", printable(fields.pop("subject", ""))) or None
    subject = spelt.of("subject", subject) if subject else None
    original = fields.pop("expression", "")
    shown = _expression(original, codes.expressions, codes.strict) if original else None
    shown = spelt.of("expression", shown) if shown else None
    view, yaw = fields.pop("view", ""), _degrees(fields, "yaw")
    if view or yaw is not None or "view" in codes.needed:
        view, yaw = _view(view, yaw, views, names, by_yaw)
        view = spelt.of("view", view)
    pitch = _degrees(fields, "pitch")
    session = fields.pop("session", "") or "1"
    about = {
        "subject": subject,
        "expression": shown,
        "view": view or None,
        "yaw": yaw,
        "pitch": 0.0 if pitch is None and view else pitch,
        "session": session,
        # Nothing says which images are of one moment where one of these is not known.
        "instance": fields.pop("instance", "")
        or (f"{subject}-{session}-{shown}" if shown and subject and view else printable(file.name)),
        "original_label": printable(original) or None,
    }
    if "gender" in fields:
        gender = fields.pop("gender")
        about["gender"] = _GENDERS.get(name_key(gender), gender) or None
    if "age" in fields:
        about["age"] = _number(fields.pop("age"), "age")
    more = {k: v for k, v in fields.items() if k not in about and k not in _RESERVED}
    return about | {column: printable(text) or None for column, text in more.items()}


def _view(
    text: str,
    yaw: float | None,
    views: Mapping[str, float],
    names: Mapping[str, str],
    by_yaw: Mapping[float, str],
) -> tuple[str, float]:
    key = name_key(text)
    if key in views:
        return names[key], views[key] if yaw is None else yaw
    if key in YAWS:
        return key, YAWS[key] if yaw is None else yaw
    if yaw is not None:
        return (text or by_yaw[yaw]), yaw
    if not text:
        raise ValueError("no view")
    raise ValueError(f"unknown view {text!r}: call it {', '.join(YAWS)}, or --views CODE=DEGREES")


def _names_by_yaw(readings: Iterable[Reading]) -> dict[float, str]:
    """Names for the views that are given by degrees alone."""
    yaws = {}
    for reading in readings:
        try:
            yaw = _degrees(dict(reading.fields), "yaw")
        except ValueError:
            continue
        if yaw is not None:
            yaws[str(yaw)] = yaw
    names = view_names(yaws)
    return {yaw: names[code] for code, yaw in yaws.items()}


def _expression(original: str, expressions: Mapping[str, str], strict: bool) -> str:
    if (key := name_key(original)) in expressions:
        return expressions[key]
    try:
        return expression(original)
    except ValueError:
        if strict:
            raise _UnknownExpression(original) from None
        return printable(unicodedata.normalize("NFC", original).strip().lower())


def _degrees(fields: dict[str, str], name: str) -> float | None:
    value = _number(fields.pop(name, ""), name)
    if value is not None and not -180 <= value <= 180:
        raise ValueError(f"{name} {value:g} is not −180 to 180 degrees")
    return value


def _number(text: str, name: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.replace("−", "-").replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} {text!r} is not a number")
    return value


def _by_name(files: Iterable[RawFile]) -> dict[str, RawFile]:
    """Files by their names, and by those in small letters where that is of one file alone."""
    named = {_tidy(file.name): file for file in files}
    small = Counter(name.casefold() for name in named)
    alone = {n.casefold(): file for n, file in named.items() if small[n.casefold()] == 1}
    return alone | named


def _tidy(name: str) -> str:
    """Names as tables and file systems may differ in them: slashes, a leading ./, Unicode forms."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    return unicodedata.normalize("NFC", "/".join(parts))


def _check_columns(path: Path, columns: list[str], needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in columns]
    if not {"view", "yaw"} & set(columns):
        missing.append("view (or yaw)")
    twice = {name for name in columns if name and columns.count(name) > 1}
    if missing or twice:
        what = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(twice)} twice"
        raise ValueError(
            f"{path}: its first line {what}; it has {', '.join(columns)}. Needed are "
            f"{', '.join(needed)} and view or yaw; session, instance, gender, age, … may follow."
        )


def _decode(path: Path) -> str:
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_TABLE else b"\0"
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"--labels {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"--labels {path}: byte {error.start:,} is no UTF-8. Save the table as CSV UTF-8."
        ) from error
    if "\0" in text:
        raise ValueError(f"--labels {path} is no table in a text file (CSV)")
    return text
