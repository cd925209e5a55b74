"""The way of an embedding while the face lab's head turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fermodels.explore.lab_column import EncoderColumn
from fermodels.explore.lab_face import LabFace
from fermodels.explore.track import YAWS, Track, follow


@dataclass(frozen=True)
class FaceTrack(Track):
    """What `turn` found; `person` and `values` say whose it is."""

    step: float
    person: int
    values: dict[str, Any]

    def is_of(self, person: int, values: Mapping[str, Any]) -> bool:
        """Whether this is the same face, from whatever angle it is seen now."""
        return person == self.person and _still(values) == _still(self.values)


def turn(
    face: LabFace,
    values: Mapping[str, Any],
    columns: Sequence[EncoderColumn],
    seen: Callable[[np.ndarray], np.ndarray],
    step: float,
) -> FaceTrack:
    """Render the face every `step` degrees and at the five cameras; embed all images at once.

    `seen` brings images to the size that the encoders get.

    Raises:
        ValueError: a step outside 1…90.
    """
    if not 1 <= step <= 90:
        raise ValueError(f"step is {step}; it must be from 1 to 90 degrees")
    yaws = np.unique(np.concatenate([np.arange(-90, 90 + 1e-6, step), YAWS]))  # (V,)
    points, cosine = follow(columns, seen(face.images(values, yaws.tolist())), yaws)
    standard = np.isin(yaws, YAWS)
    return FaceTrack(yaws, standard, points, cosine, step, face.number, dict(values))


def _still(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "yaw"}
