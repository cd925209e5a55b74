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
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.io.images import YAWS, is_image, natural
from data_prep.io.importing import REPAIRED, WARNING, Item
from data_prep.io.raw import RawFile, RawSource, printable
from data_prep.io.report import ImportReport
from data_prep.io.vocabulary import expression
from fermodels._shared.paths import given_path
from fermodels.data import VIEWS

MAX_TABLE = 64 << 20

_GENDERS = {
    **dict.fromkeys(("f", "female", "girl", "woman"), "female"),
    **dict.fromkeys(("m", "male", "boy", "man"), "male"),
}
_RESERVED = {"image", "face_found", REPAIRED, WARNING}  # columns that are made here


@dataclass(frozen=True)
class Reading:
    """One file and what its name or its row in the table says of it."""

    file: RawFile
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Codes:
    """What the user says that codes mean.

    Attributes:
        views: code → degrees. expressions: code → name.
        strict: whether unknown expressions are refused, or kept under their own name.
    """

    views: Mapping[str, float]
    expressions: Mapping[str, str]
    strict: bool


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
    """`"HA=happy,NE=neutral"` as {"ha": "happy", "ne": "neutral"}."""
    names = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        code, equals, name = (part.strip() for part in pair.partition("="))
        if not (code and equals and name):
            raise argparse.ArgumentTypeError(f"{pair!r}: expressions are given as CODE=NAME, …")
        names[code.lower()] = _expression(name, {}, strict=False)
    return names


def parse_views(text: str) -> dict[str, float]:
    """`"left=-60,front=0"` as {"left": −60, "front": 0}: codes of views and their degrees."""
    views = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        code, equals, degrees = pair.rpartition("=")
        try:
            views[code.strip()] = float(degrees)
        except ValueError:
            equals = ""
        if not equals or not code.strip() or not -180 <= views[code.strip()] <= 180:
            raise argparse.ArgumentTypeError(
                f"{pair!r}: views are given as CODE=DEGREES (−180 to 180), …"
            )
    return views


def view_names(yaws: Mapping[str, float]) -> dict[str, str]:
    """Code → view name: the course's five where there are as many, symmetric about 0.

    Otherwise a view is called by its degrees, such as "yaw+30"; the course's own names stay.
    """
    degrees = sorted(set(yaws.values()))
    mirrored = [-x for x in reversed(degrees)]
    if len(degrees) == len(VIEWS) and degrees == mirrored:
        names = dict(zip(degrees, VIEWS, strict=True))
    else:
        names = {x: "straight" if x == 0 else f"yaw{x:+g}" for x in degrees}
    return {code: code if code in VIEWS else names[x] for code, x in yaws.items()}


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
    files = {_tidy(file.name): file for file in raw.files}
    readings, taken = [], {}
    for line, row in listed:
        fields = {column: (row[column] or "").strip() for column in columns if column}
        name = fields.pop("file", "")
        file = files.get(_tidy(name))
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
    views = {_key(code): x for code, x in codes.views.items()}
    names = {_key(code): name for code, name in view_names(codes.views).items()}
    items, unknown = [], {}
    for reading in readings:
        fields = dict(reading.fields)
        try:
            about = _about(reading.file, fields, codes, views, names, by_yaw)
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
    """`expressions` (the course's order first) and `views` (by their angle) for the metadata.

    Where no image has an expression, there is no list of them.
    """
    from data_prep.io.vocabulary import NAMES

    items = list(items)
    shown = {item.about["expression"] for item in items} - {None}
    yaws: dict[str, float] = {}
    for item in items:
        yaws.setdefault(item.about["view"], item.about["yaw"])
    expressions = [n for n in NAMES if n in shown] + sorted(shown - set(NAMES))
    views = sorted(yaws, key=lambda view: (yaws[view], view))
    return ({"expressions": expressions} if expressions else {}) | {"views": views}


class _UnknownExpression(ValueError):
    pass


def _order(item: Item) -> tuple[Any, ...]:
    about = item.about
    return natural(about["subject"]), natural(about["instance"]), about["yaw"], about["file"]


def _about(
    file: RawFile,
    fields: dict[str, str],
    codes: Codes,
    views: Mapping[str, float],
    names: Mapping[str, str],
    by_yaw: Mapping[float, str],
) -> dict[str, Any]:
    for needed in ("subject", "expression") if codes.strict else ("subject",):
        if not fields.get(needed):
            raise ValueError(f"no {needed}")
    subject = unicodedata.normalize("NFC", printable(fields.pop("subject")))
    original = fields.pop("expression", "")
    shown = _expression(original, codes.expressions, codes.strict) if original else None
    view, yaw = _view(fields.pop("view", ""), _degrees(fields, "yaw"), views, names, by_yaw)
    session = fields.pop("session", "") or "1"
    about = {
        "subject": subject,
        "expression": shown,
        "view": view,
        "yaw": yaw,
        "pitch": _degrees(fields, "pitch") or 0.0,
        "session": session,
        # Nothing says which unlabelled images are of one moment.
        "instance": fields.pop("instance", "")
        or (f"{subject}-{session}-{shown}" if shown else printable(file.name)),
        "original_label": printable(original) or None,
    }
    if "gender" in fields:
        gender = fields.pop("gender")
        about["gender"] = _GENDERS.get(gender.lower(), gender) or None
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
    key = _key(text)
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
    word = unicodedata.normalize("NFC", original).strip().lower()
    if word in expressions:
        return expressions[word]
    try:
        return expression(word)
    except ValueError:
        if strict:
            raise _UnknownExpression(original) from None
        return printable(word)


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


def _key(text: str) -> str:
    return "_".join(text.lower().replace("-", " ").replace("_", " ").split())


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
