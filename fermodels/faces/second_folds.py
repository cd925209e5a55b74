"""Folds of the second face model's skin, which its shapes are too smooth for.

Which action makes which fold: Ekman, Friesen & Hager, *Facial Action Coding System: Investigator's
Guide* (2002), the appearance changes of each unit.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from fermodels.faces.creases import driver, line_distance
from fermodels.faces.second_paint import Places

_DEPTH = 0.0013  # metres, of a fold in full
# Course on one side of the face (left, up; cm), width (cm), darkness 0…1, and what makes it.
_FOLDS = (
    (((0.50, 4.6), (0.62, 5.5), (0.50, 6.4)), 0.24, 0.60, {"browDown": 1.0}),
    (((0.0, 4.0), (0.60, 4.1)), 0.22, 0.45, {"browDown": 0.5, "noseSneer": 0.7}),
    *((((0.0, z), (1.9, z + 0.1)), 0.26, 0.45, {"browInnerUp": 1.0}) for z in (7.3, 8.3, 9.3)),
    *(
        (((2.0, z + 0.1), (3.4, z), (4.5, z - 0.5)), 0.26, 0.45, {"browOuterUp": 1.0})
        for z in (7.4, 8.4, 9.3)
    ),
    (((0.30, 3.0), (0.85, 2.5), (1.25, 1.7)), 0.22, 0.50, {"noseSneer": 1.0}),
    (((0.25, 2.2), (0.80, 1.7), (1.25, 1.0)), 0.22, 0.50, {"noseSneer": 1.0}),
    (
        ((1.55, -0.6), (2.15, -1.5), (2.95, -2.7), (3.40, -4.0)), 0.28, 0.50,
        {"mouthSmile": 0.75, "mouthUpperUp": 0.7, "noseSneer": 0.8, "cheekSquint": 0.2},
    ),
    *(
        (((4.75, 3.5), end), 0.18, 0.40, {"cheekSquint": 0.8, "eyeSquint": 0.3})
        for end in ((5.6, 4.3), (5.9, 3.5), (5.6, 2.7))
    ),
    (
        ((1.90, 2.6), (2.60, 2.1), (3.50, 2.0), (4.40, 2.4)), 0.22, 0.40,
        {"eyeSquint": 0.8, "cheekSquint": 0.7},
    ),
    (((0.0, -5.15), (1.2, -5.25)), 0.30, 0.45, {"mouthShrugLower": 1.0}),
    (((2.85, -3.9), (3.25, -4.8)), 0.26, 0.45, {"mouthFrown": 1.0, "mouthStretch": 0.4}),
    (
        ((3.00, -3.0), (3.20, -3.6), (3.00, -4.2)), 0.24, 0.40,
        {"mouthDimple": 1.0, "mouthPress": 0.5, "mouthSmile": 0.3},
    ),
)  # fmt: skip


class Folds:
    """All folds on both sides of a head."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def on(self, actions: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """How much deeper the skin lies (V,), metres, and how much darker it is (V,), 0…1.

        Args:
            actions: weights (52,), 0…1.
            strength: of the person's folds, 0…1.
        """
        made = strength * np.clip(actions @ self._drivers, 0, 1) ** 1.3
        shape = self._shapes @ made
        return _DEPTH * np.clip(shape, 0, 1), np.clip(self._darks @ made, 0, 0.7)

    @cached_property
    def _shapes(self) -> np.ndarray:
        """float32 (V, folds): 1 at the bottom of each fold."""
        places = self.places
        front = places.outside & places.front & (places.y < -5.0)
        shapes = [
            np.exp(-((line_distance(side * places.x, places.z, line) / width) ** 2))
            * (front & (side * places.x > -0.05))
            for line, width, _, _ in _FOLDS
            for side in (1, -1)
        ]
        return np.stack(shapes, axis=1).astype(np.float32)

    @cached_property
    def _darks(self) -> np.ndarray:
        return self._shapes * np.repeat([dark for _, _, dark, _ in _FOLDS], 2).astype(np.float32)

    @cached_property
    def _drivers(self) -> np.ndarray:
        """(52, folds), how much of each fold an action makes."""
        drivers = [driver(actions, side) for *_, actions in _FOLDS for side in (1, -1)]
        return np.stack(drivers, axis=1).astype(np.float32)
