"""MELD: utterances of a television series, with the tables of emotions beside the clips.

The key of an utterance is (split, dialogue, utterance), since the numbers begin anew in each split.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from data_prep.importers.meld_table import Utterance, read_table
from data_prep.io import clip_rows
from data_prep.io.clip_rows import clip_row
from data_prep.io.duplicates import LEAKS
from data_prep.io.endings import kind
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.raw import RawError, RawFile, RawSource
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import expression

_FOLDERS = {
    "train_splits": "train",
    "train": "train",
    "dev_splits_complete": "val",
    "dev_splits": "val",
    "dev": "val",
    "output_repeated_splits_test": "test",
    "test_splits": "test",
    "test": "test",
}
_TABLE = re.compile(r"(?:.*/)?(?P<split>train|dev|test)_sent_emo\.csv", re.IGNORECASE)
_CLIP = re.compile(
    r"(?P<folder>.*/)?(?P<final>final_videos_test)?dia(?P<dialogue>\d+)_utt(?P<utterance>\d+)",
    re.IGNORECASE,
)
_INNER = re.compile(r"(?:.*/)?(train|dev|test)\.tar\.gz")
EMOTIONS = ("neutral", "happy", "surprised", "angry", "sad", "disgusted", "afraid")
EXPECTED = (
    "train_sent_emo.csv, dev_sent_emo.csv, test_sent_emo.csv and clips such as "
    "train_splits/dia0_utt0.mp4, dev_splits_complete/…, output_repeated_splits_test/…"
)
METADATA = {
    "name": "meld",
    "version": "1.0",
    "licence": "GPL-3.0 (annotations); the clips are of a television series and not licensed",
    "citation": (
        "Poria et al. 2019, MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in "
        "Conversations, ACL. doi:10.18653/v1/P19-1050"
    ),
    "description": (
        "Utterances of dialogues of the series Friends. A clip often shows more people than the "
        "speaker, and the face that is cropped may be a listener's."
    ),
    "emotions": list(EMOTIONS),
}
Key = tuple[str, int, int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    # A clip of minutes is one that was cut wrongly: its first seconds are not the utterance.
    clip_rows.add_clip_arguments(parser, too_long="skip")
    parser.set_defaults(duplicates=LEAKS)
    parser.add_argument(
        "--subjects",
        choices=("split-speaker", "speaker"),
        default="split-speaker",
        help="split-speaker keeps the official splits, in which the same actors are on all sides; "
        "speaker leaves them out, so that a split by subject has nobody on two sides",
    )
    parser.add_argument(
        "--doubles",
        choices=("final", "plain"),
        default="final",
        help="which of final_videos_testdia1_utt0.mp4 and dia1_utt0.mp4 to take: the sound of the "
        "final ones fits the words",
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    utterances = _tables(raw, report)
    clips = _clips(raw, options.doubles, report)
    if not utterances or not clips:
        raise NothingUsable(EXPECTED, _seen(raw, bool(utterances), bool(clips)))
    report.found = len(utterances)
    items = []
    for key, (utterance, table) in utterances.items():
        name = f"{_word(key[0])} dia{key[1]}_utt{key[2]}"
        if key not in clips:
            report.skip(name, "a row without a clip")
            continue
        try:
            about = _about(key, utterance, options.subjects)
        except ValueError as error:
            report.skip(f"{table}, line {utterance.line}", str(error))
            report.skip(clips[key].name, f"its row in {table} is left out")
            continue
        items.append(Item(clips[key], about, utterance.repaired))
    for key in sorted(set(clips) - set(utterances)):
        report.skip(clips[key].name, "a clip without a row: nobody labelled it")
    if options.subjects == "split-speaker":
        _warn_of_speakers(utterances, report)
    return Plan(items, METADATA, "clips", EXPECTED, counted=("original_label", "sentiment"))


make_row = clip_row


def _tables(raw: RawSource, report: ImportReport) -> dict[Key, tuple[Utterance, str]]:
    found: dict[Key, tuple[Utterance, str]] = {}
    seen: dict[str, str] = {}
    for file in raw.files:
        match = _TABLE.fullmatch(file.name)
        if not match:
            continue
        split = _FOLDERS[match["split"].lower()]
        if first := seen.get(split):
            report.skip(file.name, f"a second table of this split: {first} is taken")
            continue
        try:
            rows, skipped = read_table(raw.read(file), file.name)
        except (ValueError, RawError) as error:
            report.skip(file.name, str(error))
            continue
        seen[split] = file.name
        for where, why in skipped:
            report.skip(where, why)
        found |= {(split, *row.key): (row, file.name) for row in rows}
    return found


def _clips(raw: RawSource, doubles: str, report: ImportReport) -> dict[Key, RawFile]:
    clips: dict[tuple[Key, bool], RawFile] = {}
    for file in raw.files:
        match = _CLIP.fullmatch(file.stem)
        if not match or kind(file) != "video":
            continue
        folders = reversed((match["folder"] or "").lower().split("/"))
        split = next((_FOLDERS[folder] for folder in folders if folder in _FOLDERS), None)
        if split is None:
            report.skip(file.name, "in no folder of a split, such as train_splits")
            continue
        key = split, int(match["dialogue"]), int(match["utterance"])
        first = clips.setdefault((key, bool(match["final"])), file)
        if first is not file:
            report.skip(file.name, f"the same clip as {first.name}")
    chosen: dict[Key, RawFile] = {}
    for (key, final), file in clips.items():
        other = clips.get((key, not final))
        if other is None or final == (doubles == "final"):
            chosen[key] = file
        else:
            report.skip(file.name, f"{other.name.rpartition('/')[2]} is taken instead")
    return chosen


def _about(key: Key, row: Utterance, subjects: str) -> dict[str, Any]:
    split, dialogue, utterance = key
    about = {
        "transcript": row.text or None,
        "clip": f"{_word(split)}-dia{dialogue}-utt{utterance}",
        "subject": row.speaker or "unknown",
        "emotion": expression(row.emotion, "meld"),
        "original_label": row.emotion,
        "sentiment": row.sentiment,
        "speaker": row.speaker,
        "dialogue": f"{_word(split)}-dia{dialogue}",
        "utterance": utterance,
        "season": row.season,
        "episode": row.episode,
        "start": row.start,
        "end": row.end,
    }
    if subjects == "speaker":
        return about | {"official_split": split}
    return about | {"subject": f"{split}/{about['subject']}", "split": split}


def _warn_of_speakers(utterances: dict[Key, tuple[Utterance, str]], report: ImportReport) -> None:
    where: dict[str, set[str]] = {}
    for (split, _, _), (row, _) in utterances.items():
        where.setdefault(row.speaker, set()).add(split)
    both = sorted(speaker for speaker, splits in where.items() if len(splits) > 1)
    if both:
        report.warn(
            f"{len(both)} speakers, such as {', '.join(both[:3])}, are in more than one official "
            "split: results on the official test part are of people seen in training. They have a "
            "subject name in each split (train/Joey, test/Joey), so a split by subject would leak "
            "as well: use split('official'), or import with --subjects speaker."
        )


def _word(split: str) -> str:
    return "dev" if split == "val" else split


def _seen(raw: RawSource, tables: bool, clips: bool) -> str:
    inner = [file.name for file in raw.files if _INNER.fullmatch(file.name)]
    if inner and not clips:
        return (
            f"the packed archives {', '.join(inner)} instead of clips: unpack them beside the "
            "tables (tar -xzf train.tar.gz), and give the folder"
        )
    if tables:
        return "tables, but no clip named dia<D>_utt<U>.mp4 in a folder of a split"
    if clips:
        return "clips, but no table: take the three .csv files of MELD's repository"
    return raw.glimpse()
