"""CREMA-D: 91 actors, twelve sentences, six emotions, and how people judged face and voice.

`VideoFlash/1001_IEO_ANG_HI.flv` has the image and `AudioWAV/1001_IEO_ANG_HI.wav` the sound (or
`AudioMP3/….mp3`, and where neither is there, the film's own): actor, sentence, emotion, level.
The sentences are known, so that clips have their transcripts. `VideoDemographics.csv` tells age,
gender, race and ethnicity; `processedResults/summaryTable.csv` what most people took the emotion
for who saw the face alone (`face_vote`), heard the voice alone (`voice_vote`) or both
(`both_vote`), with two names where as many said one as the other ("angry:afraid"), and how strong
it was, 0 to 100 (`face_level`, …; "30.67:51.00" of two).

Known faults, and what becomes of them:

- 1076_MTI_NEU_XX, 1076_MTI_SAD_XX and 1064_TIE_SAD_XX are broken, 1064_IEO_DIS_MD is a recording of
  a minute: left out, unless ``--known-faults keep``.
- 1040_ITH_SAD_X is 1040_ITH_SAD_XX: repaired.
- Without Git LFS, a clone or its .zip has pointers of 130 bytes in place of films and sounds: left
  out, by name. `git lfs pull` in the clone fetches the files.

Source: Cao et al. (2014), doi 10.1109/TAFFC.2014.2336244; ODbL 1.0,
https://github.com/CheyneyComputerScience/CREMA-D
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from data_prep.io import clip_rows
from data_prep.io.clip_rows import paired_row, tell_of_modalities
from data_prep.io.endings import kind
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.raw import RawError, RawFile, RawSource, is_lfs_pointer
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.tables import read_rows
from data_prep.io.vocabulary import expression

SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
ACTORS = range(1001, 1092)
KNOWN_FAULTS = {
    "1064_IEO_DIS_MD": "known to last a minute, with every emotion in it",
    "1064_TIE_SAD_XX": "known to be broken: half a second",
    "1076_MTI_NEU_XX": "known to be broken: a few frames",
    "1076_MTI_SAD_XX": "known to be broken: its sound is silent",
}
MISNAMED = {"1040_ITH_SAD_X": "1040_ITH_SAD_XX"}
VOTES = {"voice": "voice", "face": "face", "multimodal": "both"}

Rows = dict[str, dict[str, Any]]  # actor or clip → columns
_NAME = re.compile(
    r"(?P<actor>\d{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>[A-Z]{2})"
)
EXPECTED = (
    "films such as VideoFlash/1001_IEO_ANG_HI.flv and sounds such as AudioWAV/1001_IEO_ANG_HI.wav"
)
METADATA = {
    "name": "crema-d",
    "version": "1.0",
    "licence": "ODbL 1.0 (the database), DbCL 1.0 (its contents)",
    "citation": (
        "Cao et al. 2014, CREMA-D: Crowd-Sourced Emotional Multimodal Actors Dataset, IEEE "
        "Transactions on Affective Computing 5(4): 377-390. doi:10.1109/TAFFC.2014.2336244"
    ),
    "description": (
        "Emotions acted by 91 people in twelve sentences, the same in every emotion: the words say "
        "nothing about it. `emotion` is what was to be acted; the votes are what others saw and "
        "heard, and often something else. Split by subject; there is no official split."
    ),
    "emotions": [expression(code, "crema-d") for code in EMOTIONS],
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    clip_rows.add_clip_arguments(parser)
    parser.add_argument(
        "--known-faults",
        choices=("skip", "keep"),
        default="skip",
        help="clips that are known to be broken: keep what can be read of them",
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """Films and sounds by their names, with what the tables say.

    Raises:
        NothingUsable: there is no file of CREMA-D's names, or there are pointers of Git LFS alone.
    """
    clips = _clips(raw, options.known_faults == "keep", report)
    actors = _table(raw, "VideoDemographics.csv", _actors, report)
    votes = _table(raw, "summaryTable.csv", _votes, report)
    items = []
    for name, files in sorted(clips.items()):
        film, sound = files.get("video"), files.get("sound")
        about = _about(name)
        about |= actors[about["subject"]] | votes[name]
        misnamed = _stem(film or sound) != name
        repaired = f"misnamed in CREMA-D: it is {name}" if misnamed else None
        items.append(Item(film or sound, about, repaired, sound=sound if film else None))
    return Plan(
        items,
        METADATA,
        "clips",
        EXPECTED,
        finish=tell_of_modalities,
        counted=("original_label", "level", "modality", "gender"),
    )


make_row = paired_row


def _clips(
    raw: RawSource, keep_faults: bool, report: ImportReport
) -> dict[str, dict[str, RawFile]]:
    """Clip → "video" and "sound" → file."""
    found: dict[str, dict[str, RawFile]] = {}
    named, pointers = [], []
    # Small files are read to see whether they are pointers, and an archive may not go back.
    for file in sorted(raw.files, key=lambda file: file.place):
        name = MISNAMED.get(_stem(file), _stem(file))
        if kind(file) not in ("video", "sound") or not (match := _NAME.fullmatch(name)):
            continue
        report.found += 1
        if why := _wrong(match) or (not keep_faults and KNOWN_FAULTS.get(name)):
            report.skip(file.name, why)
        elif is_lfs_pointer(raw, file):
            pointers.append(file.name)
            report.skip(file.name, f"a pointer of Git LFS ({file.size} bytes), not the file")
        else:
            named.append((name, file))
    # Of several sounds that which was not compressed; of films that of the data set itself.
    for name, file in sorted(named, key=lambda pair: (_rank(pair[1]), pair[1].name)):
        first = found.setdefault(name, {}).setdefault(kind(file), file)
        if first is not file:
            report.skip(file.name, f"{first.name} is taken instead")
    if pointers:
        told = (
            f"{len(pointers):,} pointers of Git LFS, such as {pointers[0]}: `git lfs pull` in the "
            "clone fetches what they stand for"
        )
        if not found:
            raise NothingUsable(EXPECTED, told)
        report.warn(told)
    if not found:
        raise NothingUsable(EXPECTED, raw.glimpse())
    return found


def _stem(file: RawFile) -> str:
    return file.stem.rpartition("/")[2]


def _rank(file: RawFile) -> int:
    return (".flv", ".wav").index(file.ending) if file.ending in (".flv", ".wav") else 2


def _wrong(match: re.Match) -> str | None:
    known = {
        "actor": int(match["actor"]) in ACTORS,
        "sentence": match["sentence"] in SENTENCES,
        "emotion": match["emotion"] in EMOTIONS,
        "level": match["level"] in LEVELS,
    }
    wrong = [name for name, good in known.items() if not good]
    return f"its name has an unknown {' and '.join(wrong)}" if wrong else None


def _about(name: str) -> dict[str, Any]:
    actor, sentence, emotion, level = name.split("_")
    return {
        "transcript": SENTENCES[sentence],
        "clip": name,
        "subject": actor,
        "emotion": expression(emotion, "crema-d"),
        "original_label": emotion,
        "level": LEVELS[level],
        "sentence": sentence,
    }


def _table(
    raw: RawSource, name: str, read: Callable[[bytes, str], Rows], report: ImportReport
) -> Rows:
    """What a table says, for who is not in it nothing; empty where it cannot be read."""
    file = next((file for file in raw.files if file.name.rpartition("/")[2] == name), None)
    rows: Rows = {}
    try:
        if file is None:
            report.warn(f"{name} is not there: what it tells is left out")
        else:
            rows = read(raw.read(file, limit=16 << 20), file.name)
    except (RawError, ValueError) as error:
        report.skip(file.name, str(error))
    nothing = dict.fromkeys(next(iter(rows.values()), {}))
    return defaultdict(lambda: nothing, rows)


def _actors(data: bytes, name: str) -> Rows:
    found = {}
    for _, row in read_rows(data, name, ("actorid", "age", "sex", "race", "ethnicity")):
        gender = row["sex"].lower()
        found[row["actorid"]] = {
            "age": int(row["age"]) if re.fullmatch(r"[0-9]{1,3}", row["age"]) else None,
            "gender": gender if gender in ("female", "male") else None,
            "race": None if row["race"] in ("", "Unknown") else row["race"],
            "ethnicity": row["ethnicity"] or None,
        }
    return found


def _votes(data: bytes, name: str) -> Rows:
    columns = [f"{theirs}{what}" for theirs in VOTES for what in ("vote", "level")]
    return {
        MISNAMED.get(row["filename"], row["filename"]): {
            **{f"{ours}_vote": _names(row[f"{theirs}vote"]) for theirs, ours in VOTES.items()},
            **{f"{ours}_level": row[f"{theirs}level"] or None for theirs, ours in VOTES.items()},
        }
        for _, row in read_rows(data, name, ("filename", *columns))
    }


def _names(votes: str) -> str | None:
    """ "A:F" as "angry:afraid"; None where that is no vote."""
    try:
        return ":".join(expression(vote, "crema-d") for vote in votes.split(":"))
    except ValueError:
        return None
