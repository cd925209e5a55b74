"""KDEF: 70 people, 7 expressions, 5 views, 2 sessions; 4,900 images of 562×762 pixels.

``KDEF_and_AKDEF/KDEF/AF01/AF01ANFL.JPG``: session A or B, gender F or M, number 01–35, expression,
angle. AF01 and BF01 are one person, so the subject is gender and number: F01. Any folder that
contains these names will do, and the archive as it was downloaded as well.

Known faults, and what becomes of them:

- AF31V.JPG is AF31SAHL and AM31H.JPG is AM31SUHR: repaired.
- Ten frames are black: left out. They are found by their content, so black frames that are not on
  the list are left out too, and a copy in which one of the ten shows an image keeps it.
- BM10ANFR has 970×633 pixels: images whose size is not that of the others are left out, since
  the head is not as large and not where it is in the others; ``--odd-sizes keep`` keeps them.
- AKDEF beside it holds averages of faces, not images: left out.

**Views.** KDEF calls its angles "full left profile" (FL), "half left profile" (HL), "straight"
(S), HR and FR (kdef.se, "codes"). A left profile shows the left side of the face, and then the nose
points to the image's left edge: this is the course's −90°. That the images agree could not
be checked, as they may not be passed on. If yours show the right cheek under FL, of which the
report of ``--crop face`` warns, add ``--mirrored``: left and right change places.

Source: Lundqvist, Flykt & Öhman (1998), https://kdef.se, by registration, not for commerce.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from data_prep.importers.subject_splits import read_split
from data_prep.io.images import image_row, is_image, what_is_there
from data_prep.io.importing import WARNING, Item, Plan, add_common_arguments
from data_prep.io.named import choose, in_order, seen_from
from data_prep.io.raw import RawFile, RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import expression
from fermodels.data import EXPRESSIONS, VIEWS

if TYPE_CHECKING:
    import pandas as pd

MISNAMED = {"AF31V": "AF31SAHL", "AM31H": "AM31SUHR"}
BLACK = {
    *("AF01SUFR", "AF10AFFR", "AF11NEHL", "AF20DIHL", "AM25DIFL"),
    *("AM34DIFR", "BF13NEHR", "BM21DIFL", "BM22DIHL", "BM24DIFL"),
}
ANGLES = dict(zip(("FL", "HL", "S", "HR", "FR"), VIEWS, strict=True))
PIXELS = (562, 762)
PER_SUBJECT = 2 * 7 * 5

_NAME = re.compile(
    r"(?P<session>[AB])(?P<gender>[FM])(?P<number>0[1-9]|[12]\d|3[0-5])"
    r"(?P<expression>AF|AN|DI|HA|NE|SA|SU)(?P<angle>FL|HL|S|HR|FR)"
)
_AVERAGE = re.compile(r"[FM](AF|AN|DI|HA|NE|SA|SU)(FL|HL|S|HR|FR)")
_EXPECTED = "images with names like AF01ANFL.JPG (session, gender, number, expression, angle)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    parser.add_argument(
        "--odd-sizes", choices=("skip", "keep"), default="skip", help="images of another size"
    )
    parser.add_argument(
        "--mirrored", action="store_true", help="FL shows the right cheek: swap left and right"
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """What is to be read, by the names of the files.

    Raises:
        NothingUsable: there is no file of KDEF's names; says what it looks like instead.
    """
    named: dict[str, list[RawFile]] = {}
    averages = 0
    for file in filter(is_image, raw.files):
        stem = _stem(file)
        code = MISNAMED.get(stem, stem)
        if _NAME.fullmatch(code):
            named.setdefault(code, []).append(file)
        elif _AVERAGE.fullmatch(stem):
            averages += 1
            report.skip(file.name, "an average of faces (AKDEF), not an image")
        else:
            report.skip(file.name, "its name is not one of KDEF's")
    report.found = sum(map(len, named.values())) + len(report.skipped)
    if not named:
        seen = what_is_there(raw)
        if averages:
            seen = f"{averages} averaged faces: this looks like AKDEF. Give the folder KDEF beside"
        raise NothingUsable(_EXPECTED, seen)
    folds, holdout = read_split("kdef_10fold"), read_split("kdef_holdout")
    items = []
    for code, files in named.items():
        file = _choose(code, files, raw, report)
        about = _about(code, options.mirrored)
        about |= {"fold": int(folds[about["subject"]]), "split": holdout[about["subject"]]}
        about["file"] = printable(file.name)
        repaired = None if _stem(file) == code else f"misnamed in KDEF: it is {code}"
        items.append(Item(file, about, repaired))
    if options.limit is None:
        _check_complete(set(named), report)
    return Plan(
        in_order(items),
        _metadata(),
        "images",
        expected=_EXPECTED,
        finish=_drop_odd_sizes if options.odd_sizes == "skip" else _forget_sizes,
        counted=("fold",),
    )


def make_row(item: Item, data: bytes, options: argparse.Namespace) -> dict[str, Any]:
    row = image_row(item, data, options, with_size=True)
    if _stem(item.file) in BLACK:
        row[WARNING] = "a black frame in KDEF as published, but an image here: kept"
    return row


def _stem(file: RawFile) -> str:
    return file.name.rpartition("/")[2].rpartition(".")[0].upper()


def _about(code: str, mirrored: bool) -> dict[str, Any]:
    name = _NAME.fullmatch(code)
    subject = name["gender"] + name["number"]
    shown = expression(name["expression"], "kdef")
    return {
        "subject": subject,
        "expression": shown,
        **seen_from(ANGLES[name["angle"]], mirrored),
        "session": name["session"],
        "instance": f"{subject}-{name['session']}-{shown}",
        "gender": {"F": "female", "M": "male"}[name["gender"]],
        "original_label": name["expression"],
    }


def _choose(code: str, files: list[RawFile], raw: RawSource, report: ImportReport) -> RawFile:
    """One of the files of a name; says so where it lies in the folder of another person."""
    best = choose(files, raw, report)
    folder = best.name.rpartition("/")[0].rpartition("/")[2].upper()
    if re.fullmatch(r"[AB][FM]\d\d", folder) and folder != code[:4]:
        report.warn(f"{best.name} lies in the folder {folder}; its name is taken to be right")
    return best


def _check_complete(codes: set[str], report: ImportReport) -> None:
    people = sorted({code[1:4] for code in codes})
    missing = len(people) * PER_SUBJECT - len(codes)
    if len({code[:4] for code in codes}) == 1:
        report.warn(
            f"this looks like the folder of one person and session ({min(codes)[:4]}): give the "
            "folder KDEF above it for all 70 people"
        )
    elif len(people) < 70:
        report.warn(f"{len(people)} of KDEF's 70 people are here")
    if missing and len({code[:4] for code in codes}) > 1:
        report.warn(f"{missing:,} images of these people are not here ({PER_SUBJECT} each)")


def _drop_odd_sizes(table: pd.DataFrame, report: ImportReport) -> pd.DataFrame:
    sizes = list(zip(table["width"], table["height"], strict=True))
    usual = max(sorted(set(sizes)), key=sizes.count)
    if usual != PIXELS:
        report.warn(
            f"most images have {usual[0]}×{usual[1]} pixels, KDEF's have {PIXELS[0]}×"
            f"{PIXELS[1]}: a resized copy?"
        )
    keep = [size == usual for size in sizes]
    for file, size, kept in zip(table["file"], sizes, keep, strict=True):
        if not kept:
            report.skip(file, f"{size[0]}×{size[1]} pixels, the others have {usual[0]}×{usual[1]}")
    return _forget_sizes(table[keep], report)


def _forget_sizes(table: pd.DataFrame, report: ImportReport) -> pd.DataFrame:
    return table.drop(columns=["width", "height"])


def _metadata() -> dict[str, Any]:
    return {
        "name": "kdef",
        "version": "1998",
        "licence": "Not for commerce; by registration at kdef.se; not to be passed on.",
        "citation": (
            "Lundqvist, D., Flykt, A., & Öhman, A. (1998). The Karolinska Directed Emotional Faces "
            "(KDEF). CD ROM from Department of Clinical Neuroscience, Psychology section, "
            "Karolinska Institutet, ISBN 91-630-7164-9."
        ),
        "description": "70 actors, 7 expressions, 5 views, 2 sessions (A and B).",
        "expressions": list(EXPRESSIONS[:7]),
        "views": list(VIEWS),
        "splits": {
            "split": "data_prep/splits/kdef_holdout.csv",
            "fold": "data_prep/splits/kdef_10fold.csv",
        },
    }
