"""Images whose names say everything: read by their data set's grammar, one file of each name."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from data_prep.io.images import YAWS, is_image, what_is_there
from data_prep.io.importing import Item
from data_prep.io.raw import RawFile, RawSource
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import NAMES
from fermodels.data import VIEWS
from fermodels.data.names import natural_key

Order = Callable[[RawFile], tuple]


def largest_first(file: RawFile) -> tuple:
    """Of copies of an image, one that was cut off is smaller."""
    return -file.size, len(file.name), file.name


def read_named(
    grammar: re.Pattern[str],
    raw: RawSource,
    report: ImportReport,
    *,
    expected: str,
    other: Callable[[RawFile], str],
    order: Order = largest_first,
) -> list[tuple[re.Match[str], RawFile]]:
    """The images whose names fit, one of each; others are skipped.

    Names are the same where they differ in case, or in the zeros before a number.

    Args:
        grammar: of a file's name without folder and ending.
        expected: what would be usable, for the message when nothing is.
        other: why a file whose name does not fit is left out.
        order: which of several files of a name is taken: the first by this key.

    Raises:
        NothingUsable: no name fits.
    """
    named: dict[tuple, list[RawFile]] = {}
    matches: dict[RawFile, re.Match[str]] = {}
    for file in filter(is_image, raw.files):
        match = grammar.fullmatch(file.stem.rpartition("/")[2])
        if match is None:
            report.skip(file.name, other(file))
            continue
        matches[file] = match
        key = tuple((group or "").casefold().lstrip("0") for group in match.groups())
        named.setdefault(key, []).append(file)
    report.found = len(matches) + len(report.skipped)
    if not named:
        raise NothingUsable(expected, what_is_there(raw))
    chosen = [choose(files, raw, report, order) for files in named.values()]
    return [(matches[file], file) for file in chosen]


def choose(
    files: Sequence[RawFile], raw: RawSource, report: ImportReport, order: Order = largest_first
) -> RawFile:
    """The first of the files of a name by `order`; the others are skipped as duplicates."""
    best, *others = sorted(files, key=order)
    for other in others:
        what = "the same bytes" if raw.same(other, best) else "of the same name"
        report.skip(other.name, f"a duplicate ({what}) of a file that is kept")
    return best


def seen_from(view: str, mirrored: bool) -> dict[str, Any]:
    """The columns `view`, `yaw` and `pitch` of one of the course's five views."""
    if mirrored:
        view = VIEWS[::-1][VIEWS.index(view)]
    return {"view": view, "yaw": YAWS[view], "pitch": 0.0}


def in_order(items: Iterable[Item]) -> list[Item]:
    """By subject and instance, each from left to right."""
    return sorted(items, key=_place)


def _place(item: Item) -> tuple:
    about = item.about
    yaw = about["yaw"]
    where = yaw is None, yaw or 0.0, about["view"]
    return natural_key(about["subject"]), natural_key(about["instance"]), where


def add_others_argument(parser: argparse.ArgumentParser, which: str) -> None:
    parser.add_argument(
        "--others",
        choices=("keep", "unlabelled", "skip"),
        default="keep",
        help=f"images of expressions that other data sets do not have ({which}): kept under their "
        "own name, kept without a label, or left out",
    )


def settle_others(items: Sequence[Item], others: str, report: ImportReport) -> list[Item]:
    """The items, with those whose expression no other data set has treated as `--others` says."""
    counts = Counter(item.about["expression"] for item in items)
    own = {name: count for name, count in counts.items() if name not in (None, *NAMES)}
    if not own:
        return list(items)
    shown = ", ".join(f"{name}: {own[name]:,}" for name in sorted(own, key=natural_key))
    what = {
        "keep": "keep their names, and are classes of their own",
        "unlabelled": "are unlabelled",
        "skip": "are left out",
    }[others]
    report.warn(f"expressions that other data sets do not have {what} (--others): {shown} images")
    if others == "keep":
        return list(items)
    kept = []
    for item in items:
        name = item.about["expression"]
        if name not in own:
            kept.append(item)
        elif others == "unlabelled":
            kept.append(replace(item, about=item.about | {"expression": None}))
        else:
            report.skip(item.title, f"shows {name!r}, which other data sets do not have")
    return kept
