"""MEAD as clips: people who speak in eight emotions, with their sound, as one camera saw them.

The film of a take, `M003/video/<camera>/<emotion>/level_<1-3>/001.mp4`, of the camera `--view`,
with the sound of `M003/audio/<emotion>/level_<1-3>/001.m4a`, or where that is not there, the film's
own. RAW is the folder of people, each unpacked or in .tar files (`M003/video.tar`,
`M003/audio.tar`), which are read as they are, or what is there of one person.

What is said is not among the files. If you know it, give a table with the columns emotion, level,
take and transcript, and subject where people said different things: ``--transcripts CSV``.

Known gaps, which the report names: W017 has films of "down" alone; M011 and M019 are incomplete.
The images of all cameras at one moment: `python -m data_prep mead-images`.

Source: Wang et al. (2020), https://wywu.github.io/projects/MEAD/MEAD.html, for research only.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from data_prep.importers.mead_takes import (
    CAMERAS,
    EXPECTED,
    LABELS,
    METADATA,
    Take,
    add_take_arguments,
    read_takes,
)
from data_prep.io import clip_rows
from data_prep.io.clip_rows import paired_row, tell_of_modalities
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.raw import RawSource
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.tables import read_rows
from data_prep.io.vocabulary import expression
from fermodels._shared.paths import given_path

TARS_AS_FOLDERS = True
Said = dict[tuple[str, str, int, str], str]  # subject ("" is everybody), emotion, level, take


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    clip_rows.add_clip_arguments(parser)
    add_take_arguments(parser)
    parser.add_argument("--view", choices=CAMERAS, default="front", help="the camera")
    parser.add_argument(
        "--transcripts",
        metavar="CSV",
        type=given_path,
        help="table: emotion, level, take, transcript, and subject where it matters",
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """Films and sounds by their names.

    Raises:
        NothingUsable: there is neither a film of the camera nor a sound. ValueError: the table of
            transcripts cannot be used.
    """
    said = read_transcripts(options.transcripts) if options.transcripts else {}
    items = []
    for take in read_takes(raw, options, report):
        film, sound = take.files.pop(options.view, None), take.files.pop("audio", None)
        for file in take.files.values():
            report.skip(file.name, f"of another camera than --view {options.view}")
        if film or sound:
            about = _about(take, options.view, said) | {"camera": options.view if film else None}
            items.append(Item(film or sound, about, sound=sound if film else None))
    if not items:
        raise NothingUsable(EXPECTED, f"{raw.glimpse()}, but no film of --view {options.view}")
    if said and (silent := sum(item.about["transcript"] is None for item in items)):
        report.warn(
            f"{silent:,} of {len(items):,} clips have no transcript in {options.transcripts.name}"
        )
    return Plan(
        items,
        METADATA
        | {
            "description": (
                "Sentences spoken in eight emotions of three levels. Some of them are written for "
                "an emotion: the words may tell it. Split by subject; there is no official split."
            ),
            "emotions": LABELS,
        },
        "clips",
        EXPECTED,
        finish=tell_of_modalities,
        counted=("level", "modality", "gender"),
    )


make_row = paired_row


def read_transcripts(path: Path) -> Said:
    """What is said in which take.

    Raises:
        ValueError: it is no such table, or a row names no take; says which line.
    """
    try:
        rows = read_rows(path.read_bytes(), str(path), ("emotion", "level", "take", "transcript"))
    except OSError as error:
        raise ValueError(f"--transcripts {path} cannot be read: {error.strerror}") from error
    said: Said = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        if not re.fullmatch("[1-3]", row["level"]) or not re.fullmatch("[0-9]{1,4}", row["take"]):
            wrong = f"level {row['level']!r} and take {row['take']!r}"
            raise ValueError(f"{where}: {wrong} are not such as 1 and 001")
        try:
            emotion = expression(row["emotion"])
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        key = row.get("subject", ""), emotion, int(row["level"]), row["take"].zfill(3)
        if said.setdefault(key, row["transcript"]) != row["transcript"]:
            raise ValueError(f"{where}: another transcript of a take that it has before")
    return said


def _about(take: Take, camera: str, said: Said) -> dict[str, object]:
    what = (take.label, take.level, take.number)
    return {
        "transcript": said.get((take.person, *what)) or said.get(("", *what)) or None,
        "clip": f"{take.person}-{camera}-{take.emotion}-level_{take.level}-{take.number}",
        "emotion": take.label,
        **take.about,
    }
