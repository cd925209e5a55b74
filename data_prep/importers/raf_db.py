"""RAF-DB, the basic set: 15,339 faces from the internet, 7 expressions, train and test.

``EmoLabel/list_patition_label.txt`` (so spelt) has a line for each image, ``train_00001.jpg 5``,
where 1 to 7 are surprise, fear, disgust, happiness, sadness, anger and neutral. The images lie in
``Image/aligned/train_00001_aligned.jpg`` and, whole, in ``Image/original/train_00001.jpg``;
``--images`` says which are taken. Aligned ones are faces already: ``--crop none`` keeps them as
they are. The compound set beside it (two expressions at once) is another data set and is left out.

Nobody knows who is shown: every image is a person of its own, so that a split by subject is one by
images and may have the same face on all sides. Use split('official'), which may leak too, but is
what published results are of. The angle is not known either. Images that are there twice, byte for
byte, are taken once (``--copies``).

A copy in numbered folders (``train/5/train_00001_aligned.jpg``) is one of classes: import it with
``image-folder --expressions 1=surprised,2=afraid,3=disgusted,4=happy,5=sad,6=angry,7=neutral``.

Source: Li, Deng & Du (2017), http://www.whdeng.cn/raf/model1.html, by e-mail, for research.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from data_prep.io.copies import add_copies_argument, settle_copies
from data_prep.io.images import image_row, is_image, what_is_there
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.named import choose
from data_prep.io.nobody import NOBODY, of_nobody
from data_prep.io.raw import RawFile, RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import CODES, expression
from fermodels.data.names import natural_key

make_row = image_row

LISTS = ("list_patition_label.txt", "list_partition_label.txt")
_MAX_LIST = 16 << 20
_LINE = re.compile(r"(?P<image>\S+)\s+(?P<label>\d{1,9})")
_SPLIT = re.compile(r"(train|test)_.+", re.IGNORECASE)
_COMPOUND = 0.2  # share of labels above 7 from which on the list is that of the other set
_EXPECTED = (
    f"EmoLabel/{LISTS[0]} with lines such as 'train_00001.jpg 5', and images such as "
    "Image/aligned/train_00001_aligned.jpg"
)

Labels = dict[str, tuple[int, str]]  # image → line and label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    parser.add_argument(
        "--images",
        choices=("aligned", "original"),
        default="aligned",
        help="faces cut out and turned upright by RAF-DB, or the whole images",
    )
    add_copies_argument(parser)


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """What is to be read, by the list of labels.

    Raises:
        NothingUsable: there is no list, or no image of it. ValueError: there are two lists, or it
            is that of the compound set.
    """
    listing, labels = _labels(raw, report)
    root = listing.name.rpartition("/")[0].rpartition("/")[0]
    images = _images(raw, f"{root}/" if root else "", options.images, set(labels), report)
    report.found = len(labels)
    items = []
    for name, (line, label) in labels.items():
        split = _SPLIT.fullmatch(name)
        file = images.get(_stem(name))
        title = f"{name} ({listing.name}, line {line})"
        if label not in CODES["raf-db"]:
            report.skip(title, f"label {label} is none of 1 to 7")
        elif split is None:
            report.skip(title, "its name begins neither with train_ nor with test_")
        elif file is None:
            report.skip(title, f"listed, but there is no such {options.images} image")
        else:
            items.append(Item(file, _about(name, label, split[1].lower(), file)))
    if not items:
        raise NothingUsable(f"{options.images} images of {listing.name}", what_is_there(raw))
    items = settle_copies(items, options.copies, raw, report)
    report.warn(NOBODY)
    items.sort(key=lambda item: natural_key(item.about["instance"]))
    return Plan(items, _metadata(), "images", _EXPECTED)


def _labels(raw: RawSource, report: ImportReport) -> tuple[RawFile, Labels]:
    lists = [file for file in raw.files if file.name.rpartition("/")[2].lower() in LISTS]
    read = {file: _read(raw, file) for file in lists}
    basic = [file for file in lists if not _is_compound(read[file][0])]
    if not lists:
        raise NothingUsable(_EXPECTED, what_is_there(raw))
    if not basic:
        raise ValueError(
            f"{printable(lists[0].name)} has labels above 7: it is that of RAF-DB's compound set. "
            "Give the folder of the basic set"
        )
    if len(basic) > 1:
        shown = " and ".join(printable(file.name) for file in basic[:2])
        raise ValueError(f"there are two lists of labels, {shown}: give the folder of one of them")
    labels, odd = read[basic[0]]
    for line, why in odd:
        report.skip(f"{basic[0].name}, line {line}", why)
    for file in lists:
        if file is not basic[0]:
            report.skip(file.name, "the list of the compound set, which is another data set")
    return basic[0], labels


def _read(raw: RawSource, file: RawFile) -> tuple[Labels, list[tuple[int, str]]]:
    """Image → line and label, and which lines say nothing, and why."""
    text = raw.read(file, _MAX_LIST).decode("utf-8-sig", "replace")
    labels: Labels = {}
    odd = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.fullmatch(line.strip())
        if found is None:
            if line.strip():
                odd.append((number, "not the name of an image and its label"))
        elif (name := printable(found["image"])) in labels:
            odd.append((number, f"{name} is listed twice"))
        else:
            labels[name] = (number, found["label"].lstrip("0") or "0")
    return labels, odd


def _is_compound(labels: Labels) -> bool:
    above = sum(int(label) > 7 for _, label in labels.values())
    return above > _COMPOUND * len(labels)


def _images(
    raw: RawSource, root: str, which: str, listed: set[str], report: ImportReport
) -> dict[str, RawFile]:
    """Name without ending → the file of the kind that is wanted, below `root`."""
    known = {_stem(name) for name in listed}
    files: dict[str, list[RawFile]] = {}
    for file in filter(is_image, raw.files):
        stem = _stem(file.name.rpartition("/")[2])
        aligned = stem.endswith("_aligned")
        stem = stem.removesuffix("_aligned")
        if not file.name.startswith(root) or stem not in known:
            report.skip(file.name, "not in the list of labels")
        elif aligned != (which == "aligned"):
            report.skip(file.name, f"not one of the {which} images (--images)")
        else:
            files.setdefault(stem, []).append(file)
    return {stem: choose(same, raw, report) for stem, same in files.items()}


def _stem(name: str) -> str:
    return name.rpartition(".")[0].lower() or name.lower()


def _about(name: str, label: str, split: str, file: RawFile) -> dict[str, Any]:
    return {
        **of_nobody(name),
        "expression": expression(label, "raf-db"),
        "split": split,
        "original_label": label,
        "file": printable(file.name),
    }


def _metadata() -> dict[str, Any]:
    return {
        "name": "raf-db",
        "version": "basic",
        "licence": "Research only; from the authors on request; not to be passed on.",
        "citation": (
            "Li, S., Deng, W., & Du, J. (2017). Reliable crowdsourcing and deep "
            "locality-preserving learning for expression recognition in the wild. CVPR, 2584-2593."
        ),
        "description": f"Faces from the internet. {NOBODY}",
        "expressions": list(dict.fromkeys(CODES["raf-db"].values())),
    }
