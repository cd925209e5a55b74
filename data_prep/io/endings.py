"""What raw files are, by the endings of their names: importers ask here and have no lists.

The data sets' own files have the endings of their day. Copies of them that somebody has converted
or recorded anew have others, in capitals or not, and are read all the same.
"""

from __future__ import annotations

from typing import Literal

from data_prep.io.raw import RawFile
from fermodels.data.containers import FILM_ENDINGS as VIDEOS
from fermodels.data.image_files import is_image_name

SOUNDS = frozenset(
    (
        *(".aac", ".ac3", ".aif", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".m4b", ".mka"),
        *(".mp2", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma"),
    )
)
_CALLED = {"image": "an image", "video": "a video", "sound": "a sound", None: "a file"}


def kind(file: RawFile) -> Literal["image", "video", "sound"] | None:
    """An image or a video or a sound, also one that is known to be unreadable; None for others."""
    if is_image_name(file.name):
        return "image"
    if file.ending in VIDEOS:
        return "video"
    return "sound" if file.ending in SOUNDS else None


def called(file: RawFile) -> str:
    """As a report calls it: "a video (.mov)"."""
    return f"{_CALLED[kind(file)]} ({file.ending or 'without an ending'})"
