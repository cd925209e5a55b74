"""MEAD's files as takes: who acted what how strongly, by which cameras; and what is missing."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from data_prep.io.endings import kind
from data_prep.io.raw import RawFile, RawSource
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import expression

CAMERAS = ("front", "left_30", "left_60", "right_30", "right_60", "top", "down")
EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
LABELS = [expression(emotion) for emotion in EMOTIONS]
LEVELS = (1, 2, 3)  # of neutral the first alone
EXPECTED = (
    "films such as M003/video/front/angry/level_1/001.mp4 and sounds such as "
    "M003/audio/angry/level_1/001.m4a, in folders or in the .tar files of each person"
)
# The words of people who looked: github.com/uniBruce/Mead/issues/9.
KNOWN_GAPS = {"M011", "M019", "W017"}
METADATA = {
    "name": "mead",
    "version": "2020",
    "licence": "research only, not for commerce: MEAD's terms of use",
    "citation": (
        "Wang et al. 2020, MEAD: A Large-scale Audio-visual Dataset for Emotional Talking-face "
        "Generation, ECCV, pp. 700-717. doi:10.1007/978-3-030-58589-1_42"
    ),
}

_PERSON = re.compile(r"(?:^|/)(?P<person>[MW]\d{3})(?=[/.]|$)")
_TAKE = re.compile(
    r"(?:.*/)?(?P<place>[^/]+)/(?P<emotion>[^/]+)/level_(?P<level>[1-3])/(?P<number>\d{1,4})",
    re.IGNORECASE,
)
_SHOWN = 10  # people of one gap


@dataclass(frozen=True)
class Take:
    """One person saying one sentence once.

    Attributes:
        emotion: as MEAD calls it. number: counts anew in each emotion and level.
        files: camera → film; "audio" → sound.
    """

    person: str
    emotion: str
    level: int
    number: str
    files: dict[str, RawFile] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The common name of the emotion."""
        return expression(self.emotion)

    @property
    def about(self) -> dict[str, object]:
        """The columns that images and clips share."""
        return {
            "subject": self.person,
            "gender": "male" if self.person[0] == "M" else "female",
            "original_label": self.emotion,
            "level": self.level,
            "take": self.number,
        }


def add_take_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--takes",
        type=int,
        metavar="N",
        help="at most so many takes of each emotion and level, from 001 on",
    )


def read_takes(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> list[Take]:
    """All takes, by person, emotion, level and number; other films and sounds are skipped.

    Raises:
        NothingUsable: there is no film or sound in such folders. ValueError: `--takes` is below 1.
    """
    if options.takes is not None and options.takes < 1:
        raise ValueError(f"--takes must be at least 1, got {options.takes}")
    # RAW may be the folder or the archive of one person.
    above = "/".join(raw.path.resolve().parts[-4:])
    takes: dict[tuple, Take] = {}
    # Of several copies the one that lies as MEAD has it, unpacked before packed.
    for file in sorted(raw.files, key=lambda file: (file.name.count("/"), file.name)):
        match = _TAKE.fullmatch(f"{above}/{file.stem}")
        if kind(file) not in ("video", "sound") or not match:
            continue
        report.found += 1
        place = "audio" if kind(file) == "sound" else match["place"].lower()
        emotion, people = match["emotion"].lower(), _PERSON.findall(f"{above}/{file.name}")
        if why := _wrong(people, place, emotion):
            report.skip(file.name, why)
            continue
        key = people[-1], emotion, int(match["level"]), match["number"].zfill(3)
        first = takes.setdefault(key, Take(*key)).files.setdefault(place, file)
        if first is not file:
            report.skip(file.name, f"the same take and camera as {first.name}")
    if not takes:
        raise NothingUsable(EXPECTED, raw.glimpse())
    _tell_of_gaps(takes.values(), report)
    return _first_takes([takes[key] for key in sorted(takes)], options.takes, report)


def _wrong(people: list[str], place: str, emotion: str) -> str | None:
    if not people:
        return "in no folder of a person, such as M003"
    if place not in (*CAMERAS, "audio"):
        return f"the folder {place!r} is none of the cameras {', '.join(CAMERAS)}"
    if emotion not in EMOTIONS:
        return f"the folder {emotion!r} is none of the emotions {', '.join(EMOTIONS)}"
    return None


def _first_takes(takes: list[Take], most: int | None, report: ImportReport) -> list[Take]:
    chosen, taken = [], Counter()
    for take in takes:
        group = take.person, take.emotion, take.level
        taken[group] += 1
        if most is None or taken[group] <= most:
            chosen.append(take)
            continue
        for file in take.files.values():
            report.skip(file.name, f"beyond --takes {most}")
    return chosen


def _tell_of_gaps(takes: Iterable[Take], report: ImportReport) -> None:
    """Cameras of which somebody has no film, emotions and levels of which there is no take."""
    there: dict[str, set] = {}
    for take in takes:
        there.setdefault(take.person, set()).update(take.files, [(take.emotion, take.level)])
    gaps: dict[str, list[str]] = {}
    for person, has in sorted(there.items()):
        missing = [camera for camera in CAMERAS if camera not in has]
        if missing:
            only = ", ".join(camera for camera in CAMERAS if camera in has) or "no camera"
            gaps.setdefault(f"no film of {', '.join(missing)}, only of {only}", []).append(person)
        if missing := list(_not_acted(has)):
            gaps.setdefault(f"no take of {', '.join(missing)}", []).append(person)
    for gap, people in gaps.items():
        who = ", ".join(people[:_SHOWN])
        more = f" and {len(people) - _SHOWN} more" if len(people) > _SHOWN else ""
        known = ", ".join(person for person in people if person in KNOWN_GAPS)
        told = f" ({known} known to be incomplete)" if known else ""
        report.warn(f"{who}{more}: {gap}{told}")


def _not_acted(has: set) -> Iterator[str]:
    """Emotions, with the levels that are not there, unless none is."""
    for emotion in EMOTIONS:
        levels = LEVELS[:1] if emotion == "neutral" else LEVELS
        missing = [str(level) for level in levels if (emotion, level) not in has]
        if missing:
            some = f" (level {', '.join(missing)})" if len(missing) < len(levels) else ""
            yield f"{emotion}{some}"
