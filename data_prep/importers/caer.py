"""CAER, clips of television series, or CAER-S, stills of them: `{split}/{Class}/0001.avi|png`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any

from data_prep.io import clip_rows
from data_prep.io.copies import settle_copies
from data_prep.io.endings import kind
from data_prep.io.images import image_row
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.raw import RawFile, RawSource
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import expression

CLASSES = ("Anger", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
_SPLITS = {
    "train": "train",
    "validation": "val",
    "valid": "val",
    "val": "val",
    "test": "test",
}
_KINDS = {"video": "clips", "image": "images"}
_NAME = re.compile(
    r"(?:.*/)?(?P<split>train|validation|valid|val|test)/(?P<label>[A-Za-z]+)/"
    r"(?P<number>[^/]+)",
    re.IGNORECASE,
)
EXPECTED = (
    "clips such as train/Anger/0001.avi (CAER) or stills such as train/Angry/0001.png (CAER-S)"
)
METADATA = {
    "version": "1.0",
    "licence": "research only; the images are of television series and not licensed",
    "citation": (
        "Lee et al. 2019, Context-Aware Emotion Recognition Networks, ICCV, pp. 10143-10152. "
        "arXiv:1908.05913"
    ),
    "description": (
        "Scenes of television series. Nobody knows who is in which clip: each row is a subject of "
        "its own, so that a split by subject is one by clips and has the same actors, even the "
        "same scenes, on all sides. Use split('official'), which may leak too, but is what "
        "published results are of."
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    clip_rows.add_clip_arguments(parser)


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    files: dict[str, list[tuple[RawFile, dict[str, Any]]]] = {"clips": [], "images": []}
    named: dict[tuple[str, str], RawFile] = {}
    for file in raw.files:
        match, rows = _NAME.fullmatch(file.stem), _KINDS.get(kind(file))
        if not match or rows is None:
            continue
        report.found += 1
        try:
            emotion = expression(match["label"], "caer")
        except ValueError:
            report.skip(file.name, f"the folder {match['label']!r} is none of {', '.join(CLASSES)}")
            continue
        split = match["split"].lower()
        # Named after the class as in CAER, so that Angry and Anger are told apart by the split.
        name = f"{split}/{match['label']}/{match['number']}"
        about = {
            "subject": name,
            "original_label": match["label"],
            "emotion": emotion,
            "split": _SPLITS[split],
        }
        first = named.setdefault((rows, name), file)
        if first is not file:
            report.skip(file.name, f"the same number in its class as {first.name}")
            continue
        files[rows].append((file, about))
    if files["clips"] and files["images"]:
        raise ValueError(
            f"{raw.path} holds {len(files['clips']):,} clips (CAER) and {len(files['images']):,} "
            "stills (CAER-S): give the folder of one of them"
        )
    rows = "clips" if files["clips"] else "images"
    if not files[rows]:
        raise NothingUsable(EXPECTED, f"{raw.glimpse()}, but none in train/, validation/ or test/")
    items = [Item(file, _columns(about, rows)) for file, about in files[rows]]
    items = settle_copies(items, "skip", raw, report)
    report.warn(
        "there are no names of people: every row is a subject of its own, and a split by subject "
        "has the same actors on all sides. Use split('official')."
    )
    names = [expression(label, "caer") for label in CLASSES]
    metadata = METADATA | {"name": "caer" if rows == "clips" else "caer-s"}
    metadata |= {"emotions": names} if rows == "clips" else {"expressions": names, "views": ["any"]}
    return Plan(items, metadata, rows, EXPECTED, counted=("original_label",))


def make_row(item: Item, data: bytes, options: argparse.Namespace) -> dict[str, Any]:
    """A clip, or the image of a still."""
    return (clip_rows.clip_row if "clip" in item.about else image_row)(item, data, options)


def _columns(about: Mapping[str, Any], rows: str) -> dict[str, Any]:
    if rows == "clips":
        return {"transcript": None, "clip": about["subject"], **about}
    about = dict(about)
    label, name = about.pop("emotion"), about["subject"]
    # The camera's angle is not known: 0 degrees stand for that, under a view called "any".
    place = {"view": "any", "yaw": 0.0, "pitch": 0.0, "session": "1", "instance": name}
    return {**about, "expression": label, **place}
