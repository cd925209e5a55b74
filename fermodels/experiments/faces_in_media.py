"""The faces in images, films and prepared files, cropped as those that a model was trained on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fermodels import crops
from fermodels.data import PreparedImages
from fermodels.data.films import ALL, Sampling, open_film
from fermodels.data.image_files import decode_image, image_size
from fermodels.data.table import readable
from fermodels.experiments.given_media import LeftOut, Medium

MOST_FACES = 16
_PIECE = 256  # images of a prepared file at a time

# What is known of a face, and the crop around it; None where no face was found.
FoundFace = tuple[dict[str, Any], "np.ndarray | None"]


@dataclass
class FaceReader:
    """Every face of a medium as a row, and as a crop uint8 (size, size, 3).

    Args:
        crop: `face` looks for faces; `centre` and `none` take each image for one, see
            :func:`fermodels.crops.crop`.
        size: of the crops in pixels.
        faces: at most so many of an image, the largest.
        sampling: which frames of a film.

    Attributes:
        notes: what was wrong with a film and put right.

    Raises:
        ValueError: an unknown crop, or fewer than one face or pixel.
        MissingFinder: what finds faces is not installed.
    """

    crop: str
    size: int
    faces: int = MOST_FACES
    sampling: Sampling = ALL
    notes: list[LeftOut] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.crop not in crops.CROPS:
            raise ValueError(f"unknown crop {self.crop!r}: take {', '.join(crops.CROPS)}")
        if self.faces < 1 or self.size < 1:
            raise ValueError(
                f"faces and size are 1 or more; got {self.faces} faces and {self.size} pixels"
            )
        self._finder = crops.face_finder() if self.crop == "face" else None

    @property
    def finder_name(self) -> str | None:
        """Which detector and weights find the faces; None where none are looked for."""
        return None if self._finder is None else self._finder.name

    def count(self, medium: Medium) -> int | None:
        """How many images or frames :meth:`read` will look at, as far as that is known.

        Raises:
            OSError, ValueError: the medium cannot be opened.
        """
        import pyarrow.parquet as pq

        if medium.kind == "image":
            return 1
        if medium.kind == "prepared":
            with readable(medium.path):
                return pq.read_metadata(medium.path).num_rows
        with open_film(medium.path) as film:
            return film.expected(self.sampling)

    def read(self, medium: Medium) -> Iterator[list[FoundFace]]:
        """The faces of an image, of each frame of a film, of each row of a prepared file.

        Images of a prepared file are crops already, and come as they are.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        known = {"file": medium.name, "row": None, "frame": None, "time": None}
        if medium.kind == "prepared":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # one view is enough to look at
                prepared = PreparedImages.read(medium.path)
            for start in range(0, len(prepared), _PIECE):
                rows = np.arange(start, min(start + _PIECE, len(prepared)))
                for row, pixels in zip(rows.tolist(), prepared.images(rows), strict=True):
                    yield [(known | _a_whole() | {"row": row}, pixels)]
        elif medium.kind == "film":
            with open_film(medium.path) as film:
                for frame in film.frames(self.sampling):
                    here = known | {"frame": frame.number, "time": round(frame.time, 4)}
                    yield self.faces_of(frame.pixels, here)
                self.notes += [(medium.name, note) for note in film.notes]
        else:
            pixels, scale = read_image(medium, crops.enough_pixels(self.crop, self.size))
            yield self.faces_of(pixels, known, 1 / scale)

    def faces_of(
        self, pixels: np.ndarray, known: dict[str, Any], scale: float = 1.0
    ) -> list[FoundFace]:
        """The faces of one image uint8 (H, W, 3), largest first; one without a crop if none.

        Args:
            known: of the image, for each row.
            scale: pixels of the file for one of `pixels`, in which boxes are given.
        """
        height, width = pixels.shape[:2]
        if self._finder is None:
            square = crops.square_for(self.crop, height, width)
            return [(known | _a_whole(), crops.cut(pixels, square, self.size))]
        found = []
        for number, face in enumerate(self._finder.faces(pixels, self.faces), 1):
            box = {name: round(scale * value, 1) for name, value in face.box._asdict().items()} | {
                "score": round(face.box.score, 3)
            }
            crop = crops.cut(pixels, crops.face_square(face.box), self.size)
            found.append((known | {"face_found": True, "face": number} | box, crop))
        return found or [(known | {"face_found": False, "face": None} | _NO_BOX, None)]


def read_image(medium: Medium, at_least: int) -> tuple[np.ndarray, float]:
    """An image uint8 (H, W, 3), upright, and its pixels for one of the file.

    Args:
        at_least: pixels that both sides keep, see :func:`fermodels.data.image_files.decode_image`.

    Raises:
        OSError, ImageError: it cannot be read.
    """
    data = medium.path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
        pixels = decode_image(data, at_least, medium.name).pixels
        return pixels, pixels.shape[1] / image_size(data)[1]


_NO_BOX = dict.fromkeys(("x0", "y0", "x1", "y1", "score"))


def _a_whole() -> dict[str, Any]:
    """Of an image that is taken for a face."""
    return {"face_found": None, "face": 1} | _NO_BOX
