"""RaFD, the Radboud Faces Database: 67 people, 8 expressions, 3 gazes, 5 cameras; 8,040 images.

``Rafd090_01_Caucasian_female_angry_frontal.jpg``: camera (000, 045, 090, 135 or 180; 090 is in
front), number of the person, population, male, female or kid, expression, gaze (left, frontal or
right). Any folder or archive that contains these names will do.

The five cameras took their images at the same moment. People look to three sides in turn, so the
gaze is part of the instance: five views of one person, expression and gaze. Of kids the name does
not say whether they are girls or boys: their `gender` is empty, and `age_group` is "child".

**Views.** Which of 000 and 180 shows the left side could not be checked, as the images may not be
passed on. Here 000 and 045 show the right side (`full_right`, `half_right`), as a public script has
it that calls 045 "right". If 000 of yours shows the left cheek, the nose to the image's left edge,
of which the report of ``--crop face`` warns, add ``--mirrored``: left and right change places. The
gaze is kept as the names have it.

Source: Langner et al. (2010), doi 10.1080/02699930903485076; https://rafd.socsci.ru.nl, on
application, for research at universities.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from data_prep.io.images import image_row
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.labelled import label_lists
from data_prep.io.named import in_order, read_named, seen_from
from data_prep.io.raw import RawFile, RawSource, printable
from data_prep.io.report import ImportReport
from data_prep.io.vocabulary import expression
from fermodels.data import VIEWS

make_row = image_row

ANGLES = dict(zip(("180", "135", "090", "045", "000"), VIEWS, strict=True))
EXPRESSIONS = (
    *("angry", "contemptuous", "disgusted", "fearful"),
    *("happy", "neutral", "sad", "surprised"),
)
GAZES = ("left", "frontal", "right")
PEOPLE, PER_SUBJECT = 67, len(ANGLES) * len(EXPRESSIONS) * len(GAZES)

_NAME = re.compile(
    rf"rafd(?P<angle>{'|'.join(ANGLES)})_(?P<number>\d{{1,3}})_(?P<population>caucasian|moroccan)_"
    rf"(?P<kind>male|female|kid)_(?P<expression>{'|'.join(EXPRESSIONS)})_(?P<gaze>{'|'.join(GAZES)})",
    re.IGNORECASE,
)
_EXPECTED = (
    "images with names like Rafd090_01_Caucasian_female_angry_frontal.jpg (camera, person, "
    "population, gender, expression, gaze)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    parser.add_argument(
        "--mirrored", action="store_true", help="000 shows the left cheek: swap left and right"
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """What is to be read, by the names of the files.

    Raises:
        NothingUsable: there is no file of RaFD's names; says what it looks like instead.
    """
    named = read_named(
        _NAME, raw, report, expected=_EXPECTED, other=lambda _: "its name is not one of RaFD's"
    )
    items = [Item(file, _about(name, file, options.mirrored)) for name, file in named]
    if options.limit is None:
        _check_complete(items, report)
    return Plan(in_order(items), _metadata(items), "images", _EXPECTED, counted=("gaze",))


def _about(name: re.Match, file: RawFile, mirrored: bool) -> dict[str, Any]:
    subject = f"{int(name['number']):02d}"
    shown, gaze, kind = expression(name["expression"]), name["gaze"].lower(), name["kind"].lower()
    return {
        "subject": subject,
        "expression": shown,
        **seen_from(ANGLES[name["angle"]], mirrored),
        "session": "1",
        "instance": f"{subject}-{shown}-{gaze}",
        "gaze": gaze,
        "gender": None if kind == "kid" else kind,
        "age_group": "child" if kind == "kid" else "adult",
        "population": name["population"].capitalize(),
        "original_label": name["expression"],
        "file": printable(file.name),
    }


def _check_complete(items: list[Item], report: ImportReport) -> None:
    people = len({item.about["subject"] for item in items})
    if people < PEOPLE:
        report.warn(f"{people} of RaFD's {PEOPLE} people are here")
    if missing := people * PER_SUBJECT - len(items):
        report.warn(f"{missing:,} images of these people are not here ({PER_SUBJECT} each)")


def _metadata(items: list[Item]) -> dict[str, Any]:
    return {
        "name": "rafd",
        "version": "2010",
        "licence": "Research at universities; on application at rafd.socsci.ru.nl; not to be "
        "passed on.",
        "citation": (
            "Langner, O., Dotsch, R., Bijlstra, G., Wigboldus, D. H. J., Hawk, S. T., & van "
            "Knippenberg, A. (2010). Presentation and validation of the Radboud Faces Database. "
            "Cognition & Emotion 24(8), 1377-1388. doi:10.1080/02699930903485076"
        ),
        "description": "67 adults and children, 8 expressions, 3 gazes, 5 cameras at once.",
        **label_lists(items),
    }
