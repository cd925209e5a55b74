"""The way of an embedding while a head turns: places on the maps, cosine to the frontal view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.explore.lab_column import EncoderColumn
from fermodels.plots import VIEW_COLORS

if TYPE_CHECKING:
    import pandas as pd

YAWS = (-90.0, -45.0, 0.0, 45.0, 90.0)  # of VIEWS, as in Anny Views and KDEF


@dataclass(frozen=True)
class Track:
    """`yaws` (V,) in degrees ascending; by encoder `points` (V, 2), where it has a map, and
    `cosine` (V,) to the view that is nearest to the frontal one. `standard` (V,), bool, says which
    views are those of the five cameras."""

    yaws: np.ndarray
    standard: np.ndarray
    points: dict[str, np.ndarray]
    cosine: dict[str, np.ndarray]

    def frame(self) -> pd.DataFrame:
        """A row per encoder and angle: `encoder`, `yaw`, `cosine`, and `x`, `y` on a map."""
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
        """For the browser; `named` are the places of the angles that are written on a map."""
        return {
            "yaws": self.yaws.tolist(),
            "colors": yaw_colors(self.yaws),
            "standard": np.flatnonzero(self.standard).tolist(),
            "named": [int(np.abs(self.yaws).argmin()), 0, len(self.yaws) - 1],
            "columns": [
                {
                    "points": self.points[name].tolist() if name in self.points else None,
                    "cosine": cosine.tolist(),
                }
                for name, cosine in self.cosine.items()
            ],
        }


def follow(
    columns: Sequence[EncoderColumn], images: np.ndarray, yaws: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """`points` and `cosine` of a `Track` of images uint8 (V, H, W, 3), seen from `yaws` (V,)."""
    points, cosine = {}, {}
    front = int(np.abs(yaws).argmin())
    for column in columns:
        h = column.embed(images).astype(np.float64)  # (V, D)
        length = np.linalg.norm(h, axis=1)
        cosine[column.name] = h @ h[front] / np.maximum(length * length[front], 1e-12)
        if column.projection is not None:
            points[column.name] = column.projection(h)
    return points, cosine


def yaw_colors(yaws: np.ndarray) -> list[str]:
    """ "#rrggbb" of angles −90…90: the colours of the views, and what lies between them."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    scale = LinearSegmentedColormap.from_list("yaw", list(VIEW_COLORS.values()))
    return [to_hex(color) for color in scale((np.asarray(yaws) + 90) / 180)]
