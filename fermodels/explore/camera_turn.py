"""What encoders make of the five views: the track, and what it says in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fermodels.explore.camera_guide import View, in_degrees
from fermodels.explore.lab_column import EncoderColumn
from fermodels.explore.track import Track, follow

_ALIKE = 0.05  # of cosine: encoders that differ by less are said to be alike


def track_of(views: Sequence[View], columns: Sequence[EncoderColumn]) -> Track:
    """The track of a head through its views, at the angles at which it was seen."""
    views = sorted(views, key=lambda view: view.yaw)
    yaws = np.array([view.yaw for view in views])
    points, cosine = follow(columns, np.stack([view.crop for view in views]), yaws)
    return Track(yaws, np.ones(len(yaws), dtype=bool), points, cosine)


def sentence(track: Track) -> str:
    """What is seen: how near to the frontal view the others stay, and for which encoder nearer."""
    lowest = {name: float(cosine.min()) for name, cosine in track.cosine.items()}
    between = f"Between {in_degrees(track.yaws[0])} and {in_degrees(track.yaws[-1])}"
    kept = " and ".join(f"{_number(low)} with {name}" for name, low in lowest.items())
    said = f"{between}, the embedding keeps a cosine to the frontal view of at least {kept}"
    far = min(lowest, key=lowest.get)
    where = in_degrees(track.yaws[int(track.cosine[far].argmin())])
    if len(lowest) == 1:
        return f"{said}; it is lowest at {where}."
    if max(lowest.values()) - min(lowest.values()) < _ALIKE:
        return f"{said}: it wanders about equally far with both."
    return f"{said}: it wanders further with {far}, furthest at {where}."


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
