"""VoxCeleb2: celebrities who speak in interviews; unlabelled, for pre-training.

`dev/mp4/<person>/<video>/<clip>.mp4` are faces cut out, with their sound. A million clips are more
than one machine gets through: `--per-person` takes some of everybody, and `--shard` shares the
work out (docs/shards.md).
"""

from __future__ import annotations

import argparse
import csv
import io
import re
from typing import Any

from data_prep.io import clip_rows
from data_prep.io.clip_rows import clip_row
from data_prep.io.endings import kind
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.raw import RawError, RawFile, RawSource
from data_prep.io.report import ImportReport, NothingUsable

_CLIP = re.compile(
    r"(?:(?:.*/)?(?P<split>dev|test)/|(?:.*/)?)mp4/(?P<person>id\d{5})/(?P<video>[^/]+)/"
    r"(?P<clip>\d+)"
)
_PART = re.compile(r"(?:.*/)?vox2_(?:dev|test)_(?:mp4|aac)_?part\w+")
EXPECTED = "clips such as dev/mp4/id00012/21Uxsk56VDQ/00001.mp4"
METADATA = {
    "name": "voxceleb2",
    "version": "2",
    "licence": "research only; the videos belong to their makers",
    "citation": (
        "Chung, Nagrani & Zisserman 2018, VoxCeleb2: Deep Speaker Recognition, Interspeech. "
        "arXiv:1806.05622"
    ),
    "description": (
        "Unlabelled clips of celebrities. No longer given away by its authors; people in it may "
        "ask to be left out. For pre-training, not for identifying anybody."
    ),
    "emotions": [],
}

Key = tuple[str, str, str]  # person, video, clip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    clip_rows.add_clip_arguments(parser)
    parser.add_argument(
        "--per-person",
        type=int,
        metavar="CLIPS",
        help="at most so many clips of a person, of as many videos as possible",
    )
    # They are face crops already, and faces seen from the side are found worse than they are cut.
    parser.set_defaults(crop="none")


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    videos: dict[Key, tuple[RawFile, str | None]] = {}
    for file in raw.files:
        match = _CLIP.fullmatch(file.stem)
        if not match or kind(file) != "video":
            continue
        key = match["person"], match["video"], match["clip"]
        if key in videos:
            report.skip(file.name, f"the same clip as {videos[key][0].name}")
        else:
            videos[key] = file, match["split"]
    if not videos:
        raise NothingUsable(EXPECTED, _seen(raw))
    report.found = len(videos)
    genders = _genders(raw, report)
    items = []
    for key in _some_of_each(sorted(videos), options.per_person):
        file, split = videos[key]
        about: dict[str, Any] = {
            "transcript": None,
            "clip": "/".join(key),
            "subject": key[0],
            "emotion": None,
        }
        if split is not None:
            about["official_split"] = split
        if genders:
            about["gender"] = genders.get(key[0])
        items.append(Item(file, about))
    return Plan(items, METADATA, "clips", EXPECTED, counted=("official_split", "gender"))


make_row = clip_row


def _some_of_each(keys: list[Key], per_person: int | None) -> list[Key]:
    if per_person is None:
        return keys
    if per_person < 1:
        raise ValueError(f"--per-person must be at least 1, got {per_person}")
    turn: dict[tuple[str, str], int] = {}
    turns = []
    for person, video, clip in keys:
        turns.append((person, turn.get((person, video), 0), video, clip))
        turn[person, video] = turns[-1][1] + 1
    chosen, taken = [], {}
    for person, _, video, clip in sorted(turns):
        taken[person] = taken.get(person, 0) + 1
        if taken[person] <= per_person:
            chosen.append((person, video, clip))
    return sorted(chosen)


def _genders(raw: RawSource, report: ImportReport) -> dict[str, str]:
    """From vox2_meta.csv (`VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set `), where it is there."""
    file = next((f for f in raw.files if f.name.rpartition("/")[2] == "vox2_meta.csv"), None)
    if file is None:
        return {}
    genders = {}
    try:
        text = raw.read(file, limit=16 << 20).decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline="")):
            cells = [cell.strip() for cell in row]
            if len(cells) > 2 and cells[2] in ("f", "m"):
                genders[cells[0]] = "female" if cells[2] == "f" else "male"
    except (RawError, UnicodeDecodeError, csv.Error) as error:
        report.skip(file.name, f"genders cannot be read ({error})")
    return genders


def _seen(raw: RawSource) -> str:
    parts = [file.name for file in raw.files if _PART.fullmatch(file.name)]
    if parts:
        return (
            f"pieces of an archive such as {parts[0]}: join them (cat vox2_dev_mp4_parta* > "
            "vox2_dev_mp4.zip) and give the .zip, or unpack it"
        )
    sound = next((file for file in raw.files if kind(file) == "sound"), None)
    if sound is not None:
        return f"sounds ({sound.ending}) alone: the faces, with their sound, are in vox2_dev_mp4"
    return raw.glimpse()
