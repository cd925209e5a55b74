"""Images of your own: ``subject/expression/view.jpg``, or a table that says what they show.

::

    RAW/anna/happy/full_left.jpg
    RAW/anna/happy/straight.jpg
    RAW/anna/happy/straight_2.jpg      a second image of the same view: session 2
    RAW/ben/neutral/half_right.jpg

Views are full_left (−90°: the left cheek is seen, the nose points to the image's left edge),
half_left, straight, half_right and full_right; ``--views left=-60,front=0`` explains others.
Expressions are named as in the course or by a word of like meaning (fear, joy); others keep their
own name. A table (``--labels CSV``) has the columns file, subject, expression, view or yaw, and
may have pitch, session, instance, gender, age, split and others. Without an expression, in a row or
in the whole table, images are unlabelled; the column instance then says which are views of one
moment.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from data_prep.io.images import image_row, is_image, what_is_there
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.labelled import (
    Codes,
    Reading,
    add_code_arguments,
    alike,
    label_lists,
    make_items,
    read_table,
)
from data_prep.io.raw import RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import NAMES
from fermodels.data.names import name_key, natural_key

make_row = image_row

_EXPECTED = "images in folders, subject/expression/view.jpg, or a table (--labels)"
_AGAIN = re.compile(r"(?P<view>.*?)[ _-]*\(?(?P<number>\d+)\)?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    add_code_arguments(parser)
    parser.add_argument("--name", default="own-photographs", help="of the data set")


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """What is to be read, by folders and file names or by the table.

    Raises:
        NothingUsable: no image lies as expected. ValueError: the table cannot be used, or the
            people's folders lie in several places.
    """
    views = options.views or {}
    if options.labels is not None:
        readings = read_table(options.labels, raw, report, needed=("file", "subject"))
    else:
        readings = _by_folders(raw, views, report)
    report.found = len(readings) + len(report.skipped)
    items = make_items(
        readings, Codes(views, options.expressions or {}, strict=False), "image-folder", report
    )
    pairs = alike(items)
    for first, other in pairs:
        report.skip(
            other.title,
            f"same subject, expression, view and session as {printable(first.title)}: give it "
            "another session",
        )
    twice = {id(other) for _, other in pairs}
    items = [item for item in items if id(item) not in twice]
    if not items:
        seen = what_is_there(raw)
        if report.skipped:
            seen += f" ({report.skipped[0][0]}: {report.skipped[0][1]})"
        labels = options.labels
        expected = f"rows of {labels} about images that are there" if labels else _EXPECTED
        raise NothingUsable(expected, seen)
    own = {item.about["expression"] for item in items} - {None, *NAMES}
    own = sorted(own, key=natural_key)
    if own:
        report.warn(f"expressions that the course does not know keep their names: {', '.join(own)}")
    return Plan(items, _metadata(options.name, items), "images")


def _by_folders(raw: RawSource, views: dict[str, float], report: ImportReport) -> list[Reading]:
    readings, places = [], {}
    codes = set(map(name_key, views))
    for file in filter(is_image, raw.files):
        *above, subject, expression, name = ("", "", *file.name.split("/"))
        if not subject or not expression:
            report.skip(file.name, "does not lie in subject/expression/view.jpg")
            continue
        places.setdefault("/".join(filter(None, above)), file.name)
        view = name.rpartition(".")[0]
        again = _AGAIN.fullmatch(view)
        session = "1"
        if name_key(view) not in codes and again:
            view, session = again["view"], again["number"]
        fields = {"subject": subject, "expression": expression, "view": view, "session": session}
        readings.append(Reading(file, fields))
    if len(places) > 1:
        shown = " and ".join(printable(name) for name in list(places.values())[:2])
        raise ValueError(
            f"the folders of people lie in several places ({shown}), where the same name may be "
            "another person: import each on its own, or give a table (--labels)"
        )
    return readings


def _metadata(name: str, items: list[Item]) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1",
        "licence": "As agreed with the people in the images.",
        "citation": "",
        "description": "Own images, imported with python -m data_prep image-folder.",
        **label_lists(items),
    }
