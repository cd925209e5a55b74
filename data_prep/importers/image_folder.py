"""Images of your own: in folders of people or of classes, named by a pattern, or in a table.

People in folders, whose images are named by their view::

    RAW/anna/happy/full_left.jpg
    RAW/anna/happy/straight.jpg
    RAW/anna/happy/straight_2.jpg      a second image of the same view: session 2
    RAW/ben/neutral/half_right.jpg

Views are full_left (−90°: the left cheek is seen, the nose points to the image's left edge),
half_left, straight, half_right and full_right; ``--views left=-60,front=0`` explains others.
Expressions are named as in the course or by a word of like meaning (fear, joy); others keep their
own name (``--expressions 1=surprised`` explains codes).

Classes in folders, of whose images neither the person nor the view is known, with or without the
folders of a split above them; this is how images are read of whose names none is a view::

    RAW/train/happy/im01.jpg
    RAW/test/sad/im07.jpg

Images of such folders that are there twice, byte for byte, perhaps in two splits, are counted in
the report; ``--copies skip`` takes each once.

Others by ``--pattern``, a regular expression for the end of their paths with any of the groups
subject, expression, view or yaw, session, instance, split, gender, age, such as
``'(?P<expression>[a-z]+)-(?P<subject>\\d+)_.*'``; ``--dry-run`` shows how names are read and writes
nothing. A table (``--labels CSV``) has the columns file, subject, expression, view or yaw, and
may have pitch, session, instance, gender, age, split and others. Without an expression, in a row or
in the whole table, images are unlabelled; the column instance then says which are views of one
moment.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from data_prep.io.copies import add_copies_argument, settle_copies
from data_prep.io.images import image_row, is_image, what_is_there
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.labelled import (
    Codes,
    Reading,
    add_code_arguments,
    alike,
    label_lists,
    make_items,
    means_view,
    read_table,
)
from data_prep.io.patterns import add_pattern_arguments, dry_run, read_names
from data_prep.io.raw import RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import NAMES
from fermodels.data.columns import split_of
from fermodels.data.names import natural_key

make_row = image_row

_EXPECTED = (
    "images in folders, subject/expression/view.jpg or expression/image.jpg, or names that are "
    "explained (--pattern), or a table (--labels)"
)
_AGAIN = re.compile(r"(?P<view>.*?)[ _-]*\(?(?P<number>\d+)\)?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser, out_needed=False)
    add_pattern_arguments(parser)
    add_code_arguments(parser)
    parser.add_argument(
        "--layout",
        choices=("auto", "people", "classes"),
        default="auto",
        help="what the folders are, subject/expression/view.jpg or expression/image.jpg",
    )
    add_copies_argument(parser, default="keep")
    parser.add_argument("--name", default="own-photographs", help="of the data set")


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan | None:
    """What is to be read, by folders and names, a pattern or the table; None after a dry run.

    Raises:
        NothingUsable: no image lies as expected. ValueError: the pattern or the table cannot be
            used, or the people's folders lie in several places.
    """
    views = options.views or {}
    if options.labels is not None and options.pattern is not None:
        raise ValueError("say how to read the images by --pattern or by --labels, not by both")
    needed = ("subject", "view")
    if options.labels is not None:
        readings = read_table(options.labels, raw, report, needed=("file", "subject"))
    elif options.pattern is not None:
        readings, needed = read_names(options.pattern, raw, report, ()), ()
    elif _are_classes(raw, views, options.layout):
        readings, needed = _by_classes(raw, views, report), ()
    else:
        readings = _by_people(raw, views, report)
    report.found = len(readings) + len(report.skipped)
    codes = Codes(views, options.expressions or {}, strict=False, needed=needed)
    if options.dry_run:
        print(dry_run(readings, codes, report))
        return None
    items = make_items(readings, codes, "image-folder", report)
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
            seen += f" ({report.main_reason()})"
        labels = options.labels
        expected = f"rows of {labels} about images that are there" if labels else _EXPECTED
        raise NothingUsable(expected, seen)
    own = {item.about["expression"] for item in items} - {None, *NAMES}
    own = sorted(own, key=natural_key)
    if own:
        report.warn(f"expressions that the course does not know keep their names: {', '.join(own)}")
    if not needed or options.copies == "skip":  # images of the internet are often there twice
        items = settle_copies(items, options.copies, raw, report)
    return Plan(items, _metadata(options.name, items), "images")


def _are_classes(raw: RawSource, views: dict[str, float], layout: str) -> bool:
    """Whether the folders are classes: no image in the folder of a person is named by a view."""
    if layout != "auto":
        return layout == "classes"
    folders = [file.name.split("/") for file in raw.files if is_image(file)]
    people = (
        (split[-3], split[-1]) for split in folders if len(split) > 2 and not split_of(split[-3])
    )
    inside = any(len(split) > 1 for split in folders)
    return inside and not any(_view_and_number(name, views)[0] for _, name in people)


def _by_classes(raw: RawSource, views: dict[str, float], report: ImportReport) -> list[Reading]:
    readings = []
    for file in filter(is_image, raw.files):
        *above, name = file.name.split("/")
        if not above:
            report.skip(file.name, "does not lie in the folder of a class")
            continue
        fields = {"expression": above[-1], "view": _view_and_number(name, views)[0] or ""}
        if split := next(filter(None, map(split_of, reversed(above[:-1]))), None):
            fields["split"] = split
        readings.append(Reading(file, fields))
    if readings:
        classes = sorted({reading.fields["expression"] for reading in readings})
        report.warn(
            f"folders are read as classes ({', '.join(classes[:8])}{', …' * (len(classes) > 8)}): "
            "it is not known who is shown. If they are not, see --layout, --pattern and --views"
        )
        without = [reading.file for reading in readings if "split" not in reading.fields]
        if 0 < len(without) < len(readings):
            report.warn(
                f"{len(without):,} images, such as {printable(without[0].name)}, are in no folder "
                "of a split, and others are"
            )
    return readings


def _view_and_number(name: str, views: dict[str, float]) -> tuple[str | None, str | None]:
    """The view that a file's name is, with the number after it: straight_2.jpg; None for none."""
    stem = name.rpartition(".")[0]
    again = _AGAIN.fullmatch(stem)
    if means_view(stem, views) or not again:
        return (stem if means_view(stem, views) else None), None
    return (again["view"], again["number"]) if means_view(again["view"], views) else (None, None)


def _by_people(raw: RawSource, views: dict[str, float], report: ImportReport) -> list[Reading]:
    readings, places = [], {}
    for file in filter(is_image, raw.files):
        *above, subject, expression, name = ("", "", *file.name.split("/"))
        if not subject or not expression:
            report.skip(file.name, "does not lie in subject/expression/view.jpg")
            continue
        places.setdefault("/".join(filter(None, above)), file.name)
        view, number = _view_and_number(name, views)
        fields = {"subject": subject, "expression": expression, "session": number or "1"}
        fields["view"] = view or name.rpartition(".")[0]  # which is then said to be unknown
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
