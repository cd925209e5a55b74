"""MEAD as images: people who speak in eight emotions, filmed by seven cameras at once.

Of every take, `M003/video/<camera>/<emotion>/level_<1-3>/001.mp4` by the cameras front, left_30,
left_60, right_30, right_60, top and down, `--frames` moments are taken: the first after `--first`
seconds, the others `--every` so many seconds. The images of one moment are an instance, as many as
there are films that last so long; the report counts those that lack a camera. RAW is the folder of
people, each unpacked or in .tar files (`M003/video.tar`), which are read as they are, or what is
there of one person.

Views have the course's names: the outer cameras are full_left and full_right (±60°), then half_left
and half_right (±30°) and straight; top and down keep theirs. `camera` is MEAD's own name. That
left_30 shows the left cheek, with the nose pointing to the image's left edge, could not be checked:
if yours show the right one, add ``--mirrored``. How far the cameras above and below stand off is
not known here: `pitch` is null there without ``--pitch``.

`session` is the number of a take with its level and moment: what CL-MEx compares in one batch are
the same numbers in all emotions, not hundreds of takes at once.

Known gaps, which the report names: W017 has films of "down" alone; M011 and M019 are incomplete.

Source: Wang et al. (2020), https://wywu.github.io/projects/MEAD/MEAD.html, for research only.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from data_prep.importers.mead_takes import (
    EXPECTED,
    LABELS,
    METADATA,
    Take,
    add_take_arguments,
    read_takes,
)
from data_prep.io.footage import frame_at
from data_prep.io.images import cropped_row
from data_prep.io.importing import REPAIRED, Item, Plan, Skip, add_common_arguments
from data_prep.io.labelled import view_names
from data_prep.io.raw import RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable
from fermodels.data.media import MediaError

if TYPE_CHECKING:
    import pandas as pd

TARS_AS_FOLDERS = True
YAWS = {
    **{"left_60": -60.0, "left_30": -30.0, "front": 0.0, "right_30": 30.0, "right_60": 60.0},
    **{"top": 0.0, "down": 0.0},
}
VIEWS = view_names(YAWS)  # camera → view, from left to right, then top and down
_SIDES = {"left": "right", "right": "left"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    add_take_arguments(parser)
    parser.add_argument("--frames", type=int, default=1, help="moments of every take")
    parser.add_argument("--first", type=float, default=1.0, help="seconds before the first of them")
    parser.add_argument("--every", type=float, default=0.5, help="seconds from one to the next")
    parser.add_argument(
        "--mirrored", action="store_true", help="left_30 shows the right cheek: swap left and right"
    )
    parser.add_argument(
        "--pitch",
        type=float,
        metavar="DEGREES",
        help="how far the camera above looks down and the one below up, where you know it",
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """What is to be read, by the names of the files.

    Raises:
        NothingUsable: there is no film in MEAD's folders. ValueError: an option makes no sense.
    """
    _check(options)
    takes = read_takes(raw, options, report)
    items = [item for take in takes for item in _items(take, options)]
    if not items:
        raise NothingUsable(EXPECTED, f"{raw.glimpse()}, but no film")
    return Plan(
        items,
        METADATA
        | {
            "description": (
                "Moments of takes in which people speak, in eight emotions of three levels, seen "
                "by up to seven cameras. The mouth is where the sentence has it."
            ),
            "expressions": LABELS,
            "views": list(VIEWS.values()),
        },
        "images",
        EXPECTED,
        finish=_count_views,
        counted=("level", "gender"),
    )


def make_row(item: Item, data: bytes, options: argparse.Namespace) -> dict[str, Any]:
    if not data:
        raise Skip("an empty file")
    try:
        pixels, notes = frame_at(data, item.about["second"])
    except MediaError as error:
        raise Skip(str(error)) from error
    row = cropped_row(item, pixels, options)
    return row | ({REPAIRED: "; ".join(notes)} if notes else {})


def _check(options: argparse.Namespace) -> None:
    if options.frames < 1:
        raise ValueError(f"--frames must be at least 1, got {options.frames}")
    if not 0 <= options.first < 3600:
        raise ValueError(f"--first must be 0 seconds or more, got {options.first:g}")
    if not 0.04 <= options.every < 3600:
        raise ValueError(f"--every must be at least 0.04 seconds, got {options.every:g}")
    if options.pitch is not None and not 0 < options.pitch <= 90:
        raise ValueError(f"--pitch must be above 0 and up to 90 degrees, got {options.pitch:g}")


def _items(take: Take, options: argparse.Namespace) -> Iterator[Item]:
    """An image for each camera that has the take and each moment, camera by camera."""
    moments = [round(options.first + n * options.every, 3) for n in range(options.frames)]
    for camera in YAWS:
        for second in moments if camera in take.files else ():
            title = f"{take.files[camera].name} at {second:g} s"
            yield Item(take.files[camera], _about(take, camera, second, options), name=title)


def _about(take: Take, camera: str, second: float, options: argparse.Namespace) -> dict[str, Any]:
    stands = camera
    if options.mirrored:
        side, rest = camera.partition("_")[::2]
        stands = f"{_SIDES[side]}_{rest}" if side in _SIDES else camera
    tilted = {"top": 1, "down": -1}.get(camera, 0)
    pitch = 0.0 if not tilted else None if options.pitch is None else tilted * options.pitch
    session = f"level_{take.level}-{take.number}-{second:g}s"
    return {
        **take.about,
        "expression": take.label,
        "view": VIEWS[stands],
        "yaw": YAWS[stands],
        "pitch": pitch,
        "session": session,
        "instance": f"{take.person}-{take.emotion}-{session}",
        "camera": camera,
        "second": second,
        "file": printable(take.files[camera].name),
    }


def _count_views(table: pd.DataFrame, report: ImportReport) -> pd.DataFrame:
    seen = table.groupby("instance")["view"].nunique()
    cameras = table["view"].nunique()
    fewer = Counter(int(count) for count in seen[seen < cameras])
    if fewer:
        counts = ", ".join(f"{fewer[count]:,} by {count}" for count in sorted(fewer, reverse=True))
        report.warn(
            f"{fewer.total():,} of {len(seen):,} instances are not seen by all {cameras} cameras: "
            f"{counts}"
        )
    return table
