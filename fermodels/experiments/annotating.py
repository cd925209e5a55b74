"""Images and films with what a model says of their faces drawn into them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from fermodels import crops
from fermodels._shared.files import replacing
from fermodels._shared.paths import output_file, output_folder
from fermodels._shared.progress import progress_wanted
from fermodels.data import PreparedImages
from fermodels.data.containers import pyav
from fermodels.data.films import open_film
from fermodels.experiments.faces_in_media import read_image
from fermodels.experiments.film_writer import FilmWriter, sound_of
from fermodels.experiments.given_media import Medium, check_apart
from fermodels.experiments.predictions import Predictions
from fermodels.plots import FaceNote, annotated, expression_colors

if TYPE_CHECKING:
    import pandas as pd

FILM = ".mp4"
_QUALITY = 92  # JPEG
_PIXELS = 1280  # that the shorter side of a larger image keeps


def annotate(
    predictions: Predictions, folder: str | os.PathLike, *, progress: bool | None = None
) -> list[Path]:
    """Every image and film of the table into a folder, under its own name.

    Images become JPEG, films MP4 with their sound. What is drawn of a frame stays until the next
    frame that was looked at. Each carries the caution.

    Args:
        folder: made if it is not there; files of these names in it are replaced.
        progress: a bar; None shows one unless the environment has CI set or FERMODELS_PROGRESS=0.

    Returns:
        The files that were written.

    Raises:
        OSError: nothing can be written there, or a file that was read before is gone.
        ValueError: see :func:`check_folder`.
    """
    from tqdm.auto import tqdm

    folder = output_folder(folder)
    check_folder(folder, predictions.media)
    tables = dict(list(predictions.table.groupby("file", sort=False)))
    media = [medium for medium in predictions.media if medium.name in tables]
    written: list[Path] = []
    places = _places(media, folder)
    for medium in tqdm(
        media, unit="file", desc="annotating", disable=not progress_wanted(progress), delay=1
    ):
        table, place = tables[medium.name], places[medium.name]
        place.parent.mkdir(parents=True, exist_ok=True)
        if medium.kind == "film":
            written.append(annotate_film(predictions, medium, place))
        elif medium.kind == "prepared":
            place.mkdir(exist_ok=True)
            prepared = PreparedImages.read(medium.path)
            for row, notes in _by(table, "row", predictions.classes):
                pixels = prepared.images([row])[0]
                written.append(place / f"{row}.jpg")
                _write_image(annotated(pixels, notes, predictions.about["caution"]), written[-1])
        else:
            pixels, scale = read_image(medium, _PIXELS)
            notes = _notes(table, predictions.classes, scale)
            written.append(place)
            _write_image(annotated(pixels, notes, predictions.about["caution"]), place)
    return written


def annotate_film(predictions: Predictions, medium: Medium, path: str | os.PathLike) -> Path:
    """One film of the table as an MP4; as :func:`annotate`.

    Raises:
        OSError: nothing can be written there, or the film is gone.
        ValueError: it is the film itself.
    """
    path = output_file(path)
    check_apart(path, [medium])
    path.parent.mkdir(parents=True, exist_ok=True)
    table = predictions.table[predictions.table["file"] == medium.name]
    notes = dict(_by(table, "frame", predictions.classes))
    caution = predictions.about["caution"]
    shown: list[FaceNote] = []
    with (
        open_film(medium.path) as film,
        sound_of(medium.path) as sound,
        replacing(path) as temporary,
        pyav().open(str(temporary), "w", format="mp4") as output,
    ):
        writer = FilmWriter(output, film, sound)
        for frame in film.frames():
            shown = notes.get(frame.number, shown)
            writer.write(annotated(frame.pixels, shown, caution), frame.time)
        writer.close()
    return path


def _by(
    table: pd.DataFrame, column: str, classes: tuple[str, ...]
) -> Iterator[tuple[int, list[FaceNote]]]:
    for number, rows in table.groupby(column, sort=True):
        yield int(number), _notes(rows, classes, 1.0)


def _notes(table: pd.DataFrame, classes: tuple[str, ...], scale: float) -> list[FaceNote]:
    """What is drawn of the rows of one image; `scale`: its pixels for one of the table's."""
    colors = expression_colors(classes)
    notes = []
    for row in table.to_dict("records"):
        if row["face_found"] is False:
            notes.append(FaceNote("no face found"))
            continue
        box = None
        if row["face_found"] is True:
            # What the model saw, which has the nose of a profile in it; the face's box may not.
            box = (scale * row[name] for name in crops.Box._fields[:4])
            left, top, side = crops.face_square(crops.Box(*box, row["score"]))
            box = left, top, left + side, top + side
        text = f"{row['expression']} {100 * row['probability']:.0f} %"
        notes.append(FaceNote(text, box, colors[row["expression"]]))
    return notes


def _places(media: Sequence[Medium], folder: Path) -> dict[str, Path]:
    """Where each medium goes: its path in the folder that was given; a name taken gets a number."""
    places: dict[str, Path] = {}
    taken: set[str] = set()
    endings = {"image": ".jpg", "film": FILM, "prepared": ""}
    for medium in media:
        stem = PurePosixPath(medium.below).with_suffix("")
        numbers = chain([""], (f"_{number}" for number in range(2, len(media) + 2)))
        names = (f"{stem}{number}{endings[medium.kind]}" for number in numbers)
        name = next(name for name in names if name.lower() not in taken)
        taken.add(name.lower())
        places.setdefault(medium.name, folder / name)
    return places


def _write_image(pixels: np.ndarray, path: Path) -> None:
    from PIL import Image

    with replacing(path, sync=False) as temporary:
        Image.fromarray(pixels).save(temporary, "JPEG", quality=_QUALITY)


def check_folder(folder: Path, media: Sequence[Medium]) -> None:
    """Refuse a folder where annotated files would come between those that are read.

    Raises:
        ValueError: it lies in a folder that was given, or a file in it that is read would be
            replaced.
    """
    place = folder.resolve()
    for given in {medium.folder for medium in media if medium.folder is not None}:
        if place.is_relative_to(given.resolve()):
            raise ValueError(
                f"{folder} lies in {given}, whose images are read: the next time, these would be "
                "among them. Write to a folder elsewhere"
            )
    for path in _places(media, place).values():
        check_apart(path, media)
