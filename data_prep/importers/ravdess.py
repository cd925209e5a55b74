"""RAVDESS: 24 actors who speak or sing two sentences in eight emotions.

`MM-VC-EM-IN-ST-RE-AC`: modality 01 image and sound, 02 image, 03 sound; vocal channel 01
speech, 02 song; emotion 01…08; intensity 01 normal, 02 strong; statement; repetition; actor.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from data_prep.io import clip_rows
from data_prep.io.clip_rows import clip_row
from data_prep.io.endings import kind
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.raw import RawFile, RawSource
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import expression

MODALITIES = {"01": "audio-video", "02": "video", "03": "audio"}
CHANNELS = {"01": "speech", "02": "song"}
LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {
    "01": "Kids are talking by the door",
    "02": "Dogs are sitting by the door",
}
ACTORS = 24
_NAME = re.compile(r"(?:.*/)?(?P<codes>\d\d(?:-\d\d){6})")
_PACKED = re.compile(r"(?:.*/)?(?:Video|Audio)_(?:Speech|Song)_Actors?_[\d-]+\.zip")
EXPECTED = "files such as Actor_01/01-01-03-01-02-01-01.mp4 (seven numbers of two digits)"
METADATA = {
    "name": "ravdess",
    "version": "1.0",
    "licence": "CC BY-NC-SA 4.0",
    "citation": (
        "Livingstone & Russo 2018, The Ryerson Audio-Visual Database of Emotional Speech and Song "
        "(RAVDESS), PLOS ONE 13(5): e0196391. doi:10.1371/journal.pone.0196391"
    ),
    "description": (
        "Emotions acted by professional actors in two sentences, the same in every emotion: the "
        "words say nothing about it. Split by subject; there is no official split."
    ),
    "emotions": [expression(label, "ravdess") for label in LABELS],
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    clip_rows.add_clip_arguments(parser)
    parser.add_argument(
        "--every-modality",
        action="store_true",
        help="keep also the files without sound (02) and without image (03) of a recording that "
        "is there with both (01)",
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    files: dict[str, RawFile] = {}
    for file in raw.files:
        match, what = _NAME.fullmatch(file.stem), kind(file)
        if not match or what not in ("video", "sound"):
            continue
        report.found += 1
        codes = match["codes"]
        why = _wrong(codes, what == "sound", file.ending)
        if why is None and codes in files:
            why = f"the same clip as {files[codes].name}"
        if why is None:
            files[codes] = file
        else:
            report.skip(file.name, why)
    if not files:
        raise NothingUsable(EXPECTED, _seen(raw))
    items = []
    for codes, file in files.items():
        if codes[:2] != "01" and f"01{codes[2:]}" in files and not options.every_modality:
            report.skip(file.name, "the recording is there with image and sound (01-…)")
            continue
        items.append(Item(file, _about(codes)))
    return Plan(
        items,
        METADATA,
        "clips",
        EXPECTED,
        counted=("original_label", "modality", "vocal_channel", "gender"),
    )


make_row = clip_row


def _wrong(codes: str, is_sound: bool, ending: str) -> str | None:
    modality, channel, emotion, intensity, statement, repetition, actor = codes.split("-")
    known = {
        "modality": modality in MODALITIES,
        "vocal channel": channel in CHANNELS,
        "emotion": 1 <= int(emotion) <= len(LABELS),
        "intensity": intensity in INTENSITIES,
        "statement": statement in STATEMENTS,
        "repetition": repetition in ("01", "02"),
        "actor": 1 <= int(actor) <= ACTORS,
    }
    wrong = [name for name, good in known.items() if not good]
    if wrong:
        return f"its name has an unknown {' and '.join(wrong)}"
    if (modality == "03") != is_sound:
        return f"modality {modality} ({MODALITIES[modality]}) in a {ending} file"
    return None


def _about(codes: str) -> dict[str, Any]:
    modality, channel, emotion, intensity, statement, repetition, actor = codes.split("-")
    label = LABELS[int(emotion) - 1]
    return {
        "transcript": STATEMENTS[statement],
        "clip": codes,
        "subject": f"actor{actor}",
        "emotion": expression(emotion, "ravdess"),
        "original_label": label,
        "modality": MODALITIES[modality],
        "vocal_channel": CHANNELS[channel],
        "intensity": INTENSITIES[intensity],
        "repetition": int(repetition),
        "recording": codes[3:],
        # Actors of even numbers are women.
        "gender": "male" if int(actor) % 2 else "female",
    }


def _seen(raw: RawSource) -> str:
    packed = [file.name for file in raw.files if _PACKED.fullmatch(file.name)]
    if packed:
        return (
            f"{len(packed)} packed archives such as {packed[0]}: unpack them into this folder, or "
            "give one of them as RAW"
        )
    return raw.glimpse()
