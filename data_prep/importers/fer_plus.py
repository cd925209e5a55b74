"""FER2013 with the votes of FER+: 35,887 grey faces of 48×48 pixels, 8 expressions, 3 splits.

``fer2013new.csv`` (FER+) has the votes of ten people for each image, in the order of the rows of
``fer2013.csv`` (FER2013), which has the pixels. Both lie somewhere in RAW. Where the pixels are
not there, images are looked for by their names (``FER2013Train/fer0000000.png``), as the script of
FER+ writes them.

- The expression is the one that has more than half of the votes, votes that are alone not counted,
  as in the code of FER+. Images without such a majority, and those that are no face or unknown to
  most, are left out. All votes are kept, in the columns ``votes_happy``, …, ``votes_unknown`` and
  ``votes_no_face``.
- Usage gives the split: Training is train, PublicTest is val, PrivateTest is test.
- Images that are there twice, byte for byte, are taken once (``--copies``); FER2013 has many.

The faces fill their images: ``--crop none`` keeps them as they are. Nobody knows who is shown, nor
the angle: every image is a person of its own, so that a split by subject is one by images. Use
split('official').

Source: Barsoum et al. (2016), arXiv 1608.01041, https://github.com/microsoft/FERPlus (MIT License);
Goodfellow et al. (2013), arXiv 1307.0414, for the images.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from data_prep.io.copies import add_copies_argument, settle_copies
from data_prep.io.images import image_row, is_image, what_is_there
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.named import choose
from data_prep.io.nobody import NOBODY, of_nobody
from data_prep.io.raw import RawError, RawFile, RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import NAMES, expression

make_row = image_row

VOTES, PIXELS = "fer2013new.csv", "fer2013.csv"
EMOTIONS = (
    *("neutral", "happiness", "surprise", "sadness"),
    *("anger", "disgust", "fear", "contempt"),
)
NO_EMOTION = {"unknown": "unknown", "nf": "no_face"}
SPLITS = {"training": "train", "publictest": "val", "privatetest": "test"}
SIDE = 48

_MAX_VOTES = 1000  # there are ten people
_MAX_LINE = 1 << 20  # bytes; a row of pixels has 9,000 at most
_EXPECTED = (
    f"{VOTES} (FER+) and, beside it, {PIXELS} (FER2013) or images such as "
    "FER2013Train/fer0000000.png"
)

Row = dict[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    add_copies_argument(parser)


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """What is to be read, by the votes; the pixels of the table are read here.

    Raises:
        NothingUsable: there are no votes, or no images for them. ValueError: a table lacks a
            column, or the two do not belong together row by row.
    """
    votes, pixels = _table(raw, VOTES), _table(raw, PIXELS)
    if votes is None:
        raise NothingUsable(_EXPECTED, what_is_there(raw))
    rows = list(_rows(raw, votes, ("usage", "image name", *EMOTIONS, *NO_EMOTION)))
    report.found = len(rows)
    images = _from_files(raw, report) if pixels is None else _from_pixels(raw, votes, rows, pixels)
    items, seen = [], set()
    for line, row in rows:
        name = printable(row["image name"])
        title = name or f"{votes.name}, line {line}"
        try:
            if not name:
                raise ValueError("no face, by the votes")
            item = images(line, name)
            title = item.title
            about = of_nobody(name) | _about(row)
            if name in seen:
                raise ValueError("a second row of this name")
        except ValueError as error:
            report.skip(title, str(error))
        else:
            seen.add(name)
            items.append(replace(item, about=about | {"file": printable(title)}))
    if not items:
        place = f"rows of {printable(pixels.name)}" if pixels else "images"
        seen = report.main_reason() if report.skipped else what_is_there(raw)
        raise NothingUsable(f"{place} for the votes of {printable(votes.name)}", seen)
    items = settle_copies(items, options.copies, raw, report)
    report.warn(NOBODY)
    return Plan(items, _metadata(), "images", _EXPECTED)


def majority(votes: Mapping[str, int]) -> str | None:
    """What has more than half of the votes, votes that are alone not counted; None for none."""
    counted = {name: count for name, count in votes.items() if count > 1}
    best = max(counted, key=counted.__getitem__, default=None)
    return best if best and 2 * counted[best] > sum(counted.values()) else None


def _about(row: Row) -> dict[str, Any]:
    """The columns of a row; ValueError with the reason why it gives none."""
    split = SPLITS.get(row["usage"].casefold())
    if split is None:
        raise ValueError(f"Usage {row['usage']!r} is none of Training, PublicTest, PrivateTest")
    try:
        votes = {name: int(row[name]) for name in (*EMOTIONS, *NO_EMOTION)}
    except ValueError:
        raise ValueError("its votes are not whole numbers") from None
    if not all(0 <= count <= _MAX_VOTES for count in votes.values()):
        raise ValueError(f"its votes are not 0 to {_MAX_VOTES:,}")
    original = majority(votes)
    if original == "nf":
        raise ValueError("no face, by the votes")
    if original in (None, *NO_EMOTION):
        raise ValueError("no expression has more than half of the votes")
    called = {name: NO_EMOTION.get(name) or expression(name) for name in votes}
    return {
        "expression": called[original],
        "split": split,
        "original_label": original,
        **{f"votes_{called[name]}": count for name, count in votes.items()},
    }


def _from_pixels(raw: RawSource, votes: RawFile, rows: list[tuple[int, Row]], file: RawFile) -> Any:
    """Line and name of a row of votes → its image, of the same line of the table of pixels."""
    where = printable(file.name)
    images: dict[int, bytes | None] = {}
    pairs = zip_longest(rows, _rows(raw, file, ("usage", "pixels")))
    for number, (row, other) in enumerate(pairs, 1):
        uses = [pair[1]["usage"] if pair else "(no such row)" for pair in (row, other)]
        if uses[0].casefold() != uses[1].casefold():
            raise ValueError(
                f"row {number:,} is of {uses[0]!r} in {printable(votes.name)} and of {uses[1]!r} "
                f"in {where}: the tables do not belong together row by row. Fetch both anew"
            )
        images[row[0]] = _pgm(other[1]["pixels"])

    def image(line: int, name: str) -> Item:
        data = images[line]
        if data is None:
            raise ValueError(f"its pixels are not {SIDE}×{SIDE} numbers from 0 to 255")
        return Item(None, {}, name=name, data=data)

    return image


def _from_files(raw: RawSource, report: ImportReport) -> Any:
    named: dict[str, list[RawFile]] = {}
    for file in filter(is_image, raw.files):
        named.setdefault(file.stem.rpartition("/")[2].lower(), []).append(file)

    def image(line: int, name: str) -> Item:
        files = named.get(name.rpartition(".")[0].lower())
        if files is None:
            raise ValueError(f"there is no image of this name, and no {PIXELS}")
        return Item(choose(files, raw, report), {})

    return image


def _pgm(pixels: str) -> bytes | None:
    """The numbers of a row as a grey image's file; None where they are none."""
    try:
        values = bytes(map(int, pixels.split()))
    except ValueError:
        return None
    return b"P5 %d %d 255\n" % (SIDE, SIDE) + values if len(values) == SIDE * SIDE else None


def _table(raw: RawSource, name: str) -> RawFile | None:
    """The file of this name; ValueError where there are two."""
    files = [file for file in raw.files if file.name.rpartition("/")[2].lower() == name]
    if len(files) > 1:
        shown = " and ".join(printable(file.name) for file in files[:2])
        raise ValueError(f"{shown} are two of the same name: give the folder of one of them")
    return files[0] if files else None


def _rows(raw: RawSource, file: RawFile, needed: tuple[str, ...]) -> Iterator[tuple[int, Row]]:
    """Line and columns (small letters) of each row; the file may be larger than the memory."""
    where = printable(file.name)
    reader = csv.reader(_lines(raw, file))
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        if missing := [name for name in needed if name not in header]:
            raise ValueError(
                f"{where}: its first line lacks {', '.join(missing)}; it has {', '.join(header)}"
            )
        for values in reader:
            if values:
                row = dict(zip(header, map(str.strip, values), strict=False))
                yield reader.line_num, {name: row.get(name, "") for name in needed}
    except csv.Error as error:
        raise ValueError(f"{where}, line {reader.line_num}: no table ({error})") from error


def _lines(raw: RawSource, file: RawFile) -> Iterator[str]:
    rest = b""
    for block in raw.blocks(file):
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > _MAX_LINE:
            raise RawError(
                f"{printable(file.name)} has a line of over {_MAX_LINE:,} bytes: no table"
            )
        yield from (line.decode("utf-8-sig", "replace") for line in lines)
    if rest:
        yield rest.decode("utf-8-sig", "replace")


def _metadata() -> dict[str, Any]:
    return {
        "name": "fer-plus",
        "version": "2016",
        "licence": "Votes: MIT License. Images: found on the internet, of unknown licence; for "
        "research.",
        "citation": (
            "Barsoum, E., Zhang, C., Canton Ferrer, C., & Zhang, Z. (2016). Training deep networks "
            "for facial expression recognition with crowd-sourced label distribution. ICMI, "
            "279-283. arXiv:1608.01041. Images: Goodfellow, I., et al. (2013). Challenges in "
            "representation learning. ICONIP, 117-124. arXiv:1307.0414"
        ),
        "description": f"Faces from the internet. {NOBODY}",
        "expressions": [name for name in NAMES if name in {expression(e) for e in EMOTIONS}],
    }
