"""Pieces: meshes with colours that are drawn together as one head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Piece:
    """A mesh that is worn on a head.

    Attributes:
        points: float (V, 3), metres, in the frame of the person's head at rest (x to the subject's
            left, −y to the front, z up). With an anchor, offsets from the anchors' points instead.
        triangles: int (F, 3), counter-clockwise seen from outside.
        colors: float (V, 3), sRGB 0…1, what the surface is in white light.
        shine: strength of the highlight, 0…1.
        anchor: int (V,), points of the head's skin that each point follows when the face moves;
            None for what is rigid and turns with the head.
        fixed: stays where it is when the head turns (clothes).
    """

    points: np.ndarray
    triangles: np.ndarray
    colors: np.ndarray
    shine: float = 0.1
    anchor: np.ndarray | None = None
    fixed: bool = False

    def at(self, skin: np.ndarray) -> np.ndarray:
        """The points (V, 3) on a head whose skin is at (S, 3), as `HeadModel.smooth_vertices`."""
        return self.points if self.anchor is None else skin[self.anchor] + self.points


def merged(triangles: Sequence[np.ndarray], counts: Sequence[int]) -> np.ndarray:
    """All triangles (F, 3) of meshes whose points are written one mesh after the other."""
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(int)
    return np.concatenate([t + s for t, s in zip(triangles, starts, strict=True)])
