"""Images, films, folders of them and prepared files: what somebody names, as a list of files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from fermodels._shared.paths import given_path
from fermodels.data.containers import FILM_ENDINGS
from fermodels.data.folder import walk
from fermodels.data.image_files import is_image_name
from fermodels.data.names import natural_key

KINDS = ("image", "film", "prepared")


class Medium(NamedTuple):
    """A file to be looked at.

    Attributes:
        path: where it lies.
        name: as a table calls it: the path as it was given, or that of the folder and in it.
        kind: `prepared` is a prepared file of images.
        below: its path in the folder that was given, or the file's name.
        folder: the folder that was given, None where the file itself was.
    """

    path: Path
    name: str
    kind: Literal["image", "film", "prepared"]
    below: str
    folder: Path | None = None


LeftOut = tuple[str, str]  # the name of a file, and why


def find_media(
    inputs: str | os.PathLike | Iterable[str | os.PathLike],
) -> tuple[list[Medium], list[LeftOut]]:
    """The files, in the order in which they were named; those of a folder in natural order.

    Args:
        inputs: paths of images, films, prepared files (.parquet) and folders.

    Returns:
        What can be looked at by its name, and what else lies in the folders.

    Raises:
        FileNotFoundError: one of the paths does not exist.
        ValueError: a file of another kind was named, or there is nothing to look at.
    """
    alone = isinstance(inputs, (str, os.PathLike))
    paths = [given_path(path) for path in ([inputs] if alone else inputs)]
    media: list[Medium] = []
    left_out: list[LeftOut] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: there is no such file or folder")
        if path.is_dir():
            found, others = _in_folder(path)
            media += found
            left_out += others
        else:
            kind = _kind(path.name) or ("prepared" if path.suffix == ".parquet" else None)
            if kind is None:
                raise ValueError(
                    f"{path}: neither an image nor a film, by its ending, nor a prepared file "
                    "(.parquet). Name images, films, prepared files, or folders of images and films"
                )
            media.append(Medium(path, str(path), kind, path.name))
    if not media:
        where = ", ".join(map(str, paths)) or "no path was given"
        raise ValueError(f"{where}: no image and no film{told(left_out)}")
    return media, left_out


def check_apart(path: Path, media: Iterable[Medium]) -> None:
    """Refuse to write where something is read.

    Raises:
        ValueError: `path` is one of the files.
    """
    if path.resolve() in {medium.path.resolve() for medium in media}:
        raise ValueError(f"{path} is read, and would be replaced: write to another place")


def told(left_out: Sequence[LeftOut], most: int = 10) -> str:
    """What was left out, as the rest of a sentence; "" where nothing was."""
    if not left_out:
        return ""
    shown = "; ".join(f"{name} ({why})" for name, why in left_out[:most])
    more = f"; and {len(left_out) - most:,} more" if len(left_out) > most else ""
    return f"; {len(left_out):,} files left out: {shown}{more}".replace("1 files", "1 file", 1)


def _in_folder(folder: Path) -> tuple[list[Medium], list[LeftOut]]:
    media, others = [], []
    for file in sorted(walk(folder), key=lambda file: natural_key(file.name)):
        name = f"{PurePosixPath(folder)}/{file.name}"
        kind = _kind(file.name)
        if kind is None:
            others.append((name, "neither an image nor a film"))
        else:
            media.append(Medium(file.path, name, kind, file.name, folder))
    return media, others


def _kind(name: str) -> Literal["image", "film"] | None:
    if is_image_name(name):
        return "image"
    return "film" if PurePosixPath(name).suffix.lower() in FILM_ENDINGS else None
