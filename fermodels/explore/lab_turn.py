"""The way of an embedding while the head turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.explore.lab_column import EncoderColumn
from fermodels.explore.lab_face import LabFace
from fermodels.explore.lab_save import YAWS
from fermodels.plots import VIEW_COLORS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Track:
    """What `turn` found: `yaws` (V,) in degrees ascending; by encoder `points` (V, 2), where it
    has a map, and `cosine` (V,) to the frontal view. `person` and `values` say whose it is."""

    step: float
    person: int
    values: dict[str, Any]
    yaws: np.ndarray
    points: dict[str, np.ndarray]
    cosine: dict[str, np.ndarray]

    def is_of(self, person: int, values: Mapping[str, Any]) -> bool:
        """Whether this is the same face, from whatever angle it is seen now."""
        return person == self.person and _still(values) == _still(self.values)

    def frame(self) -> pd.DataFrame:
        import pandas as pd

        parts = []
        for name, cosine in self.cosine.items():
            part = pd.DataFrame({"encoder": name, "yaw": self.yaws, "cosine": cosine})
            if name in self.points:
                part.insert(2, "x", self.points[name][:, 0])
                part.insert(3, "y", self.points[name][:, 1])
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def message(self) -> dict[str, Any]:
        """For the browser."""
        return {
            "yaws": self.yaws.tolist(),
            "colors": yaw_colors(self.yaws),
            "standard": np.flatnonzero(np.isin(self.yaws, YAWS)).tolist(),
            "columns": [
                {
                    "points": self.points[name].tolist() if name in self.points else None,
                    "cosine": cosine.tolist(),
                }
                for name, cosine in self.cosine.items()
            ],
        }


def turn(
    face: LabFace,
    values: Mapping[str, Any],
    columns: Sequence[EncoderColumn],
    seen: Callable[[np.ndarray], np.ndarray],
    step: float,
) -> Track:
    """Render the face every `step` degrees and at the five cameras; embed all images at once.

    `seen` brings images to the size that the encoders get.

    Raises:
        ValueError: a step outside 1…90.
    """
    if not 1 <= step <= 90:
        raise ValueError(f"step is {step}; it must be from 1 to 90 degrees")
    yaws = np.unique(np.concatenate([np.arange(-90, 90 + 1e-6, step), YAWS]))  # (V,)
    images = seen(face.images(values, yaws.tolist()))
    points, cosine = {}, {}
    front = int(np.flatnonzero(yaws == 0)[0])
    for column in columns:
        h = column.embed(images).astype(np.float64)  # (V, D)
        length = np.linalg.norm(h, axis=1)
        cosine[column.name] = h @ h[front] / np.maximum(length * length[front], 1e-12)
        if column.projection is not None:
            points[column.name] = column.projection(h)
    return Track(step, face.number, dict(values), yaws, points, cosine)


def yaw_colors(yaws: np.ndarray) -> list[str]:
    """ "#rrggbb" of angles −90…90: the colours of the views, and what lies between them."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    scale = LinearSegmentedColormap.from_list("yaw", list(VIEW_COLORS.values()))
    return [to_hex(color) for color in scale((np.asarray(yaws) + 90) / 180)]


def _still(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "yaw"}
