"""What a frame of the camera shows: the nearest face, cropped as the importers crop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fermodels.crops import cut, face_square, head_yaw

if TYPE_CHECKING:
    from fermodels.crops import Face, Square, YuNetFinder

_MEASURED = 128  # pixels: side of the crop on which sharpness is measured


@dataclass(frozen=True)
class Sight:
    """A frame as it was understood.

    Attributes:
        size: (H, W) of the frame.
        faces: how many were found, at most two.
        face, square: the nearest face and the square around it, in pixels of the frame; None where
            there is no face.
        crop: uint8 (S, S, 3), or None.
        yaw: degrees, left below zero; NaN where it is not known.
        sharpness: the higher, the sharper; comparable between frames of one person.
    """

    size: tuple[int, int]
    faces: int
    face: Face | None = None
    square: Square | None = None
    crop: np.ndarray | None = None
    yaw: float = float("nan")
    sharpness: float = 0.0

    @property
    def words(self) -> str:
        """What went wrong, or what to know; empty where all is well."""
        if self.face is None:
            return (
                "No face is found: come nearer, look into the light, or take away what covers it."
            )
        if self.faces > 1:
            return "Two faces: the nearest, which is the larger one, is taken."
        return ""


def look(image: np.ndarray, finder: YuNetFinder, size: int) -> Sight:
    """Find the nearest face of a frame uint8 (H, W, 3), and crop it to (size, size)."""
    faces: Sequence[Face] = finder.faces(image, most=2)
    if not faces:
        return Sight(image.shape[:2], 0)
    face = faces[0]  # the largest
    square = face_square(face.box)
    return Sight(
        image.shape[:2],
        len(faces),
        face,
        square,
        np.array(cut(image, square, size)),
        _yaw(face),
        _sharpness(cut(image, square, _MEASURED)),
    )


def _yaw(face: Face) -> float:
    """NaN where the landmarks say nothing."""
    try:
        return head_yaw(face)
    except ValueError:
        return float("nan")


def _sharpness(crop: np.ndarray) -> float:
    """How much of the contrast of a crop (S, S, 3) is between neighbouring pixels."""
    grey = crop.astype(np.float32).mean(axis=2)
    across, down = np.diff(grey, axis=1), np.diff(grey, axis=0)
    return float((np.square(across).mean() + np.square(down).mean()) / (grey.var() + 1.0))
