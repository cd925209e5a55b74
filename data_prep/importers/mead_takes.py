"""MEAD's files as takes: who acted what how strongly, by which cameras; and what is missing."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from data_prep.io.endings import kind
from data_prep.io.raw import RawFile, RawSource
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import expression

CAMERAS = ("front", "left_30", "left_60", "right_30", "right_60", "top", "down")
EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
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
    """One person saying one sentence once. `number` counts anew in each emotion and level."""

    person: str
    emotion: str
    level: int
    number: str
    films: dict[str, RawFile] = field(default_factory=dict)
    sounds: list[RawFile] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.person, self.emotion, self.level, self.number

    @property
    def title(self) -> str:
        return f"{self.person} {self.emotion} level_{self.level} {self.number}"

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
        help="at most so many takes of each emotion and level, from 001 on; 001 to 003 are the "
        "same sentences in all emotions",
    )


def read_takes(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> list[Take]:
    """All takes, by person, emotion, level and number; films and sounds that are none are skipped.

    Raises:
        NothingUsable: there is no film in such folders. ValueError: `--takes` is below 1.
    """
    if options.takes is not None and options.takes < 1:
        raise ValueError(f"--takes must be at least 1, got {options.takes}")
    # RAW may be the folder or the archive of one person.
    above = "/".join(raw.path.resolve().parts[-4:])
    takes: dict[tuple, Take] = {}
    # Of several copies the one that lies as MEAD has it, unpacked before packed.
    for file in sorted(raw.files, key=lambda file: (file.name.count("/"), file.name)):
        what = kind(file)
        match = _TAKE.fullmatch(f"{above}/{file.stem}")
        if what not in ("video", "sound") or not match:
            continue
        report.found += 1
        place, emotion = match["place"].lower(), match["emotion"].lower()
        people = _PERSON.findall(f"{above}/{file.name}")
        if why := _wrong(people, place, emotion, what):
            report.skip(file.name, why)
            continue
        key = people[-1], emotion, int(match["level"]), match["number"].zfill(3)
        take = takes.setdefault(key, Take(*key))
        if what == "sound":
            take.sounds.append(file)
        elif (first := take.films.setdefault(place, file)) is not file:
            report.skip(file.name, f"the same take and camera as {first.name}")
    for take in takes.values():
        for file in take.sounds[1:]:
            report.skip(file.name, f"the same sound as {take.sounds[0].name}")
    if not takes:
        raise NothingUsable(EXPECTED, raw.glimpse())
    _tell_of_gaps(takes.values(), report)
    return _first_takes(sorted(takes.values(), key=lambda take: take.key), options.takes, report)


def people(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _wrong(people: list[str], place: str, emotion: str, what: str) -> str | None:
    if not people:
        return "in no folder of a person, such as M003"
    if what == "video" and place not in CAMERAS:
        return f"the folder {place!r} is none of the cameras {', '.join(CAMERAS)}"
    if emotion not in EMOTIONS:
        return f"the folder {emotion!r} is none of the emotions {', '.join(EMOTIONS)}"
    return None


def _first_takes(takes: list[Take], most: int | None, report: ImportReport) -> list[Take]:
    if most is None:
        return takes
    chosen, taken = [], {}
    for take in takes:
        taken[take.key[:3]] = taken.get(take.key[:3], 0) + 1
        if taken[take.key[:3]] <= most:
            chosen.append(take)
            continue
        for file in (*take.films.values(), *take.sounds[:1]):
            report.skip(file.name, f"beyond --takes {most}")
    return chosen


def _tell_of_gaps(takes: Iterable[Take], report: ImportReport) -> None:
    """Cameras of which somebody has no film, emotions and levels of which there is no take."""
    cameras: dict[str, set[str]] = {}
    acted: dict[str, set[tuple[str, int]]] = {}
    for take in takes:
        cameras.setdefault(take.person, set()).update(take.films)
        acted.setdefault(take.person, set()).add((take.emotion, take.level))
    gaps: dict[str, list[str]] = {}
    for person in sorted(cameras):
        missing = [camera for camera in CAMERAS if camera not in cameras[person]]
        if missing:
            there = ", ".join(c for c in CAMERAS if c in cameras[person]) or "no camera"
            gap = f"no film of {', '.join(missing)}, only of {there}"
            gaps.setdefault(gap, []).append(person)
        if missing := list(_not_acted(acted[person])):
            gaps.setdefault(f"no take of {', '.join(missing)}", []).append(person)
    for gap, names in gaps.items():
        known = [name for name in names if name in KNOWN_GAPS]
        told = f" ({', '.join(known)} known to be incomplete)" if known else ""
        report.warn(f"{people(names)}: {gap}{told}")


def _not_acted(acted: set[tuple[str, int]]) -> Iterator[str]:
    """Emotions, with the levels that are not there, unless none is."""
    for emotion in EMOTIONS:
        levels = LEVELS[:1] if emotion == "neutral" else LEVELS
        missing = [str(level) for level in levels if (emotion, level) not in acted]
        if missing:
            some = f" (level {', '.join(missing)})" if len(missing) < len(levels) else ""
            yield f"{emotion}{some}"


def label(take: Take) -> str:
    """The common name of its emotion."""
    return expression(take.emotion, "mead")


LABELS = tuple(expression(emotion, "mead") for emotion in EMOTIONS)
