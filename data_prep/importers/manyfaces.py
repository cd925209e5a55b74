"""ManyFaces: some 200 people, photographed in 20 laboratories, 7 expressions, 5 angles.

``MF0004_0001_std_neu_l45.jpg``: laboratory, person (numbered anew in each laboratory, so that the
subject is both), how the person appears, expression, angle. Any folder or archive that contains
these names will do.

- *std* (white shirt, hair tied back) and *unstd* (own clothes) are two sessions of the same person.
- Expressions are neu, ang, dis, fea, hap, sad, sur, and *nat*: the person's natural face, which no
  other data set has (``--others`` says what becomes of it).
- Angles are 0, l45, l90, r45 and r90; mostly neutral and happy faces were taken from the side. The
  person turned between them, before one camera: views of an instance are of one pose, not of one
  moment. l90 is taken to show the left side of the face, as KDEF's; if yours show the right cheek,
  of which the report of ``--crop face`` warns, add ``--mirrored``.
- The same image is there in several states (raw, aligned, white-balanced), under the same name in
  several folders. Images are taken from the folder that has the most of them, and from others what
  is missing there. Raw formats of cameras (.CR2, .CR3) cannot be read: use the JPEGs.

Source: Bjornsdottir et al. (2026), Capturing Many Faces, doi 10.5281/zenodo.22707036; by request
from the UK Data Service, for research.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from typing import Any

from data_prep.io.images import image_row, is_image
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.labelled import label_lists
from data_prep.io.named import (
    add_others_argument,
    in_order,
    largest_first,
    read_named,
    seen_from,
    settle_others,
)
from data_prep.io.raw import RawFile, RawSource, printable
from data_prep.io.report import ImportReport
from data_prep.io.vocabulary import expression
from fermodels.data import VIEWS

make_row = image_row

ANGLES = dict(zip(("l90", "l45", "0", "r45", "r90"), VIEWS, strict=True))
NATURAL = "natural"

_NAME = re.compile(
    r"(?P<lab>mf\d{2,6})_(?P<number>\d{1,6})_(?P<session>std|unstd)_"
    rf"(?P<expression>neu|nat|ang|dis|fea|hap|sad|sur)_(?P<angle>{'|'.join(ANGLES)})",
    re.IGNORECASE,
)
_EXPECTED = (
    "images with names like MF0004_0001_std_neu_l45.jpg (laboratory, person, standardised or not, "
    "expression, angle)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    add_others_argument(parser, NATURAL)
    parser.add_argument(
        "--mirrored", action="store_true", help="l90 shows the right cheek: swap left and right"
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """What is to be read, by the names of the files.

    Raises:
        NothingUsable: there is no file of ManyFaces' names; says what it looks like instead.
    """
    many = Counter(_folder(file) for file in filter(is_image, raw.files))

    def order(file: RawFile) -> tuple:
        return _unreadable(file), -many[_folder(file)], *largest_first(file)

    named = read_named(
        _NAME,
        raw,
        report,
        expected=_EXPECTED,
        other=lambda _: "its name is not one of ManyFaces'",
        order=order,
    )
    items = [Item(file, _about(name, file, options.mirrored)) for name, file in named]
    items = settle_others(items, options.others, report)
    counted = ("lab",)
    return Plan(in_order(items), _metadata(items), "images", _EXPECTED, counted=counted)


def _folder(file: RawFile) -> str:
    return file.name.rpartition("/")[0]


def _unreadable(file: RawFile) -> bool:
    return file.ending in (".cr2", ".cr3", ".dng", ".nef", ".arw")


def _about(name: re.Match, file: RawFile, mirrored: bool) -> dict[str, Any]:
    lab, session, code = name["lab"].upper(), name["session"].lower(), name["expression"].lower()
    subject = f"{lab}_{int(name['number']):04d}"
    shown = NATURAL if code == "nat" else expression(code, "manyfaces")
    return {
        "subject": subject,
        "expression": shown,
        **seen_from(ANGLES[name["angle"].lower()], mirrored),
        "session": session,
        "instance": f"{subject}-{session}-{shown}",
        "lab": lab,
        "original_label": code,
        "file": printable(file.name),
    }


def _metadata(items: list[Item]) -> dict[str, Any]:
    return {
        "name": "manyfaces",
        "version": "1",
        "licence": "Research only, under ManyFaces' terms of use; not to be passed on.",
        "citation": (
            "Bjornsdottir, R. T., Třebický, V., DeBruine, L. M., Holzleitner, I. J., et al. "
            "(2026). Capturing Many Faces: A database and reproducible protocol for collecting "
            "face images for research. doi:10.5281/zenodo.22707036"
        ),
        "description": (
            "People of 20 laboratories, standardised and in their own clothes (session), 7 "
            "expressions and a natural face, 5 angles."
        ),
        **label_lists(items),
    }
