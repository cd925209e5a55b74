"""What facial actions do to the skin beyond the head model: folds, bulges, and how far brows and
corners of the mouth are pulled.

Which action makes which crease: Ekman, Friesen & Hager, *Facial Action Coding System:
Investigator's Guide* (2002), the appearance changes of AU 1, 2, 4, 6, 7, 9, 10, 12, 14, 15, 17, 20.
The model's own brows move by a millimetre or two, those of people by four to eight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fermodels.faces.actions import ACTIONS
from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model

Point = tuple[float, float]


@dataclass(frozen=True)
class _Fold:
    """A line in the skin, seen from the front on the average head.

    Attributes:
        line: (|x|, z) in mm, its course on one side of the face.
        width, depth: mm; a negative depth is a bulge.
        actions: those that make it (without their side) and how much of it each makes.
        dark: how much darker the bottom of the fold is, 0…1.
    """

    line: tuple[Point, ...]
    width: float
    depth: float
    actions: dict[str, float]
    dark: float = 0.2


_FOLDS = (
    # The corrugator's lines and the bulges beside them.
    _Fold(((6, 150), (7, 160), (6, 170)), 2.6, 2.2, {"browDown": 1.0}, 0.5),
    _Fold(((13, 157), (13, 163)), 6.0, -1.6, {"browDown": 1.0}, 0.0),
    _Fold(((0, 147), (6, 147)), 2.2, 1.4, {"browDown": 0.7, "noseSneer": 0.4}, 0.22),
    # The frontalis: inner and outer parts of three lines.
    *(
        _Fold(((0, z), (18, z + 1)), 2.8, 1.5, {"browInnerUp": 1.0}, 0.2)
        for z in (178, 189, 200)
    ),
    *(
        _Fold(((20, z + 1), (32, z), (42, z - 5)), 2.8, 1.5, {"browOuterUp": 1.0}, 0.2)
        for z in (180, 191, 202)
    ),
    # The nose, drawn up.
    _Fold(((3, 139), (9, 134), (13, 126)), 2.2, 1.6, {"noseSneer": 1.0}, 0.3),
    _Fold(((2, 131), (8, 126), (12, 119)), 2.2, 1.4, {"noseSneer": 1.0}, 0.28),
    # From the wings of the nose to beside the mouth.
    _Fold(
        ((16, 107), (21, 98), (28, 86), (33, 72)), 3.0, 2.2,
        {"mouthSmile": 0.75, "mouthUpperUp": 0.8, "noseSneer": 0.8, "cheekSquint": 0.25,
         "mouthStretch": 0.1}, 0.25,
    ),
    _Fold(((33, 101), (40, 104)), 11.0, -2.6, {"mouthSmile": 0.5, "cheekSquint": 0.6}, 0.0),
    # Crow's feet and the furrow under the lower lid.
    *(
        _Fold(((48, 146), end), 1.9, 1.3, {"cheekSquint": 0.8, "eyeSquint": 0.3}, 0.16)
        for end in ((57, 155), (60, 147), (57, 138))
    ),
    _Fold(
        ((18, 136), (25, 131), (34, 129), (44, 134)), 2.2, 1.4,
        {"eyeSquint": 0.8, "cheekSquint": 0.7, "noseSneer": 0.3}, 0.22,
    ),
    # Below the lip, on the chin, and down from the corners of the mouth.
    _Fold(((0, 54), (12, 53)), 3.0, 2.0, {"mouthShrugLower": 1.0}, 0.25),
    *(
        _Fold(((x, z), (x + 0.5, z)), 2.5, 1.3, {"mouthShrugLower": 1.0}, 0.16)
        for x, z in ((4, 45), (11, 44), (8, 38), (2, 36))
    ),
    _Fold(((29, 66), (33, 58), (34, 50)), 2.6, 1.8, {"mouthFrown": 1.0, "mouthStretch": 0.4}, 0.25),
    _Fold(((35, 76), (37, 70), (35, 63)), 2.4, 1.6,
          {"mouthDimple": 1.0, "mouthPress": 0.5, "mouthSmile": 0.35}, 0.22),
)  # fmt: skip


@dataclass(frozen=True)
class _Pull:
    """Skin that is moved along, seen from the front on the average head.

    Attributes:
        centre: (|x|, z) in mm; radius: mm, a Gaussian's.
        by: (|x|, y, z) in mm: outwards, backwards, up.
        actions: as of a fold.
    """

    centre: Point
    radius: float
    by: tuple[float, float, float]
    actions: dict[str, float]


_PULLS = (
    _Pull((11, 158), 11, (-0.5, 0, 9.0), {"browInnerUp": 1.0}),
    _Pull((12, 156), 12, (-3.5, -1.5, -6.0), {"browDown": 1.0}),
    _Pull((36, 157), 13, (0, -0.5, -3.5), {"browDown": 1.0}),
    _Pull((34, 160), 14, (0, 0, 9.0), {"browOuterUp": 1.0}),
    _Pull((30, 142), 7, (0, -0.3, 3.2), {"eyeWide": 1.0}),
    _Pull((14, 105), 7, (0.8, -0.8, 4.0), {"noseSneer": 1.0, "mouthUpperUp": 0.3}),
    _Pull((9, 80), 8, (0.5, -0.8, 3.5), {"mouthUpperUp": 0.8, "noseSneer": 0.5}),
    _Pull((26, 108), 11, (0, -2.0, 3.0), {"noseSneer": 0.8, "mouthUpperUp": 0.4}),
    _Pull((27, 70), 12, (2.5, 2.0, 2.5), {"mouthSmile": 1.0}),
    _Pull((36, 98), 12, (1.0, -2.0, 3.0), {"mouthSmile": 0.4, "cheekSquint": 0.7}),
    _Pull((26, 67), 8, (0.5, 0.5, -4.0), {"mouthFrown": 1.0}),
    _Pull((28, 67), 9, (4.0, 2.0, -1.5), {"mouthStretch": 1.0}),
)


class Creases:
    """All folds and pulls on both sides, ready to be laid on a face."""

    def __init__(self) -> None:
        from scipy.sparse import csr_matrix

        rest = head_model().rest
        x, y, z = (rest * 1000).T
        front = landmarks().skin & (y < -55)
        depths, darks, drivers = [], [], []
        for fold in _FOLDS:
            middle = fold.line[0][0] == 0  # one fold across the middle of the face
            for side in (0,) if middle else (1, -1):
                across = np.abs(x) if middle else side * x
                profile = front * np.exp(-((line_distance(across, z, fold.line) / fold.width) ** 2))
                profile[profile < 0.02] = 0
                depths.append(fold.depth * profile)
                darks.append(fold.dark * profile)
                drivers.append(driver(fold.actions, side))
        shifts, pulls = [], []
        for pull in _PULLS:
            for side in (1, -1):
                away = np.hypot(side * x - pull.centre[0], z - pull.centre[1]) / pull.radius
                profile = (landmarks().outer_mouth & (y < -55)) * np.exp(-(away**2))
                profile[profile < 0.02] = 0
                shifts.append(profile[:, None] * np.multiply(pull.by, [side, 1, 1]))
                pulls.append(driver(pull.actions, side))
        self._depth = csr_matrix(np.stack(depths, axis=1))  # (V, K)
        self._dark = csr_matrix(np.stack(darks, axis=1))
        self._drivers = np.stack(drivers, axis=1)  # (52, K)
        self._shift = [csr_matrix(np.stack([s[:, d] for s in shifts], axis=1)) for d in range(3)]
        self._pulls = np.stack(pulls, axis=1)

    def pull(self, actions: np.ndarray) -> np.ndarray:
        """How far the skin is moved, metres, float (V, 3), by actions (52,)."""
        made = np.clip(actions @ self._pulls, 0, 1)
        moved = np.stack([shift @ made for shift in self._shift], axis=1) / 1000
        # The tongue lies on the floor of an open mouth, unless it is put out.
        down = actions[_JAW] * (1 - actions[_TONGUE])
        return moved + down * landmarks().tongue[:, None] * _TONGUE_DOWN

    def fold(
        self, actions: np.ndarray, at_rest: float, strength: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """How far (V,) the skin lies deeper, metres, and how much darker it is, 0…1.

        Args:
            actions: (52,) weights.
            at_rest: how much of every fold is there without any action (age), 0…1.
            strength: of the person's skin, 1 is the average.
        """
        made = np.clip(actions @ self._drivers, 0, 1) ** 1.3
        made = (at_rest + (1 - at_rest) * made) * strength
        return self._depth @ made / 1000, np.clip(self._dark @ made, 0, 0.8)


_JAW, _TONGUE = ACTIONS.index("jawOpen"), ACTIONS.index("tongueOut")
_TONGUE_DOWN = np.array([0.0, 0.016, -0.018])  # metres at a fully open jaw


def driver(actions: dict[str, float], side: int) -> np.ndarray:
    """How much each of the 52 actions makes on a side: 1 left, −1 right, 0 the mean of both."""
    weights = np.zeros(len(ACTIONS))
    for action, weight in actions.items():
        if action in ACTIONS:
            weights[ACTIONS.index(action)] = weight
            continue
        if side >= 0:
            weights[ACTIONS.index(action + "Left")] = weight if side else weight / 2
        if side <= 0:
            weights[ACTIONS.index(action + "Right")] = weight if side else weight / 2
    return weights


def line_distance(x: np.ndarray, z: np.ndarray, line: tuple[Point, ...]) -> np.ndarray:
    """From points to a polyline, (V,)."""
    nearest = np.full(len(x), np.inf)
    for (ax, az), (bx, bz) in zip(line[:-1], line[1:], strict=True):
        length = (bx - ax) ** 2 + (bz - az) ** 2
        t = np.clip(((x - ax) * (bx - ax) + (z - az) * (bz - az)) / length, 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - ax - t * (bx - ax), z - az - t * (bz - az)))
    return nearest


@lru_cache(maxsize=1)
def creases() -> Creases:
    return Creases()
