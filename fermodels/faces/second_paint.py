"""Colours of the second face model's head, point by point.

Places are in centimetres on the neutral head, seen from the front: (left, up) from its origin,
which lies between the ears. Outlines follow the 68 landmarks that the ICT FaceKit gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fermodels.faces.second_model import EYES, MOUTH, SKIN, TEETH, SecondFaceModel

Color = tuple[float, float, float]
# Left half of each outline, from the middle to the corner.
_UPPER_LIP = ((0.0, -2.46), (0.73, -2.38), (1.70, -2.76), (2.53, -3.50))
_LOWER_LIP = ((0.0, -4.42), (1.03, -4.32), (1.80, -4.06), (2.53, -3.54))
_BROW = ((1.15, 5.75), (2.41, 6.12), (3.79, 6.22), (4.93, 5.86), (5.75, 5.15))
_UPPER_LID = ((1.84, 3.25), (2.25, 3.72), (2.78, 3.98), (3.87, 3.90), (4.46, 3.43))
_LOWER_LID = ((1.84, 3.25), (2.73, 3.05), (3.86, 3.05), (4.46, 3.43))
# Height of the hair line from the front to the back (our y), cm.
_HAIR_LINE = (
    (-9.0, 10.6), (-8.0, 10.2), (-6.5, 9.2), (-5.0, 7.2), (-3.8, 5.4), (-3.0, 4.6), (-2.2, 2.4),
    (-1.3, 2.6), (-0.2, 5.2), (1.6, 5.4), (3.0, 3.2), (4.2, -1.0), (7.0, -4.0), (10.0, -5.0),
)  # fmt: skip
_IRIS, _PUPIL = np.deg2rad(24.0), np.deg2rad(8.5)


@dataclass(frozen=True)
class SecondLook:
    """What a person's surface looks like; colours are sRGB 0…1.

    Attributes:
        hair_cover: how much of the scalp the hair hides, 0…1.
        hair_volume: metres that it stands out.
        hairline: metres that it lies higher than the average's.
        mottle, freckles, blush, eye_shade, brow_strength, stubble: strengths, 0…1.
        folds: strength of the folds that actions make in the skin, 0…1.
        brow_width: a factor.
        seed: of the skin's details.
    """

    skin: Color
    lips: Color
    hair: Color
    iris: Color
    hair_cover: float = 0.95
    hair_volume: float = 0.012
    hairline: float = 0.0
    mottle: float = 0.5
    freckles: float = 0.0
    blush: float = 0.4
    eye_shade: float = 0.3
    folds: float = 0.4
    brow_strength: float = 0.8
    brow_width: float = 1.0
    stubble: float = 0.0
    seed: int = 0


class Places:
    """Masks float (V,), 0…1, of the neutral head's points; computed when used."""

    def __init__(self, model: SecondFaceModel) -> None:
        self.model = model
        self.skin = model.is_part(*SKIN)
        self.front = model.is_part("M_Face")
        x, y, z = (model.neutral * 100).T
        self.x, self.y, self.z, self.side = x, y, z, np.abs(x)

    @cached_property
    def outside(self) -> np.ndarray:
        """bool (V,): skin that can be seen, without the insides of mouth and eye sockets."""
        return self.skin & (self._behind < 0.9)

    @cached_property
    def _behind(self) -> np.ndarray:
        """How far, cm, the face's surface lies before each point of mouth and sockets, seen from
        the front; 0 elsewhere."""
        cell = 0.35
        column = np.round(self.x / cell).astype(int)
        row = np.round(self.z / cell).astype(int)
        column, row = column - column.min(), row - row.min()
        nearest = np.full((column.max() + 1, row.max() + 1), np.inf)
        np.minimum.at(nearest, (column[self.skin], row[self.skin]), self.y[self.skin])
        mouth = (self.side < 3.6) & (self.z > -6.0) & (self.z < -1.7) & (self.y < 2.0)
        sockets = (np.hypot(self.side - 3.2, self.z - 3.5) < 2.2) & (np.abs(self.y + 6) < 2.8)
        return np.where(mouth | sockets, self.y - nearest[column, row], 0.0)

    @cached_property
    def lips(self) -> np.ndarray:
        upper = np.interp(self.side, *np.transpose(_UPPER_LIP))
        lower = np.interp(self.side, *np.transpose(_LOWER_LIP))
        inside = np.minimum(upper - self.z, self.z - lower)
        inside = np.minimum(inside, 2.5 - self.side)
        near = self.front & (self.y < -9.0)
        return np.where(near, _rise(inside, -0.06, 0.12), 0.0)

    @cached_property
    def mouth_line(self) -> np.ndarray:
        return self.lips * np.exp(-(((self.z + 3.38) / 0.09) ** 2))

    def brows(self, width: float) -> np.ndarray:
        t = (self.side - 1.15) / (5.75 - 1.15)
        arc = np.interp(self.side, *np.transpose(_BROW)) - 0.12
        thick = width * (0.42 - 0.24 * np.clip(t, 0, 1))
        band = _rise(-np.abs(self.z - arc) / thick, -1.25, -0.6)
        ends = _rise(-np.abs(t - 0.5), -0.53, -0.47)
        return np.where(self.front & (self.y < -6.0), band * ends, 0.0)

    @cached_property
    def _lids(self) -> tuple[np.ndarray, np.ndarray]:
        upper = self.z - np.interp(self.side, *np.transpose(_UPPER_LID))
        lower = np.interp(self.side, *np.transpose(_LOWER_LID)) - self.z
        return upper, lower

    @cached_property
    def lashes(self) -> np.ndarray:
        """The edge of the upper lid, and weaker of the lower one."""
        upper, lower = self._lids
        across = _rise(self.side, 1.75, 2.1) * _rise(-self.side, -4.75, -4.5)
        near = self.front & (self.y < -7.5)
        edge = np.exp(-((upper / 0.13) ** 2)) + 0.35 * np.exp(-((lower / 0.10) ** 2))
        return np.where(near, np.clip(edge, 0, 1) * across, 0.0)

    @cached_property
    def lids(self) -> np.ndarray:
        away = np.hypot((self.side - 3.15) / 1.9, (self.z - 3.75) / 1.25)
        return np.where(self.front & (self.y < -6.5), _rise(-away, -1.15, -0.6), 0.0)

    @cached_property
    def under_eyes(self) -> np.ndarray:
        away = np.hypot((self.side - 2.9) / 1.7, (self.z - 2.25) / 0.9)
        return np.where(self.front & (self.y < -6.5), np.exp(-(away**2)), 0.0)

    @cached_property
    def blush(self) -> np.ndarray:
        cheeks = np.hypot((self.side - 4.3) / 2.2, (self.z + 0.6) / 1.9)
        nose = np.hypot(self.x / 1.3, (self.z + 0.2) / 1.4)
        red = np.exp(-(cheeks**2)) + 0.7 * np.exp(-(nose**2)) * (self.y < -10.5)
        return np.where(self.outside, red + 0.6 * self.ears, 0.0)

    @cached_property
    def ears(self) -> np.ndarray:
        away = np.hypot((self.y - 0.2) / 2.4, (self.z - 1.8) / 3.4)
        return np.where(self.skin & (self.side > 7.0), _rise(-away, -1.1, -0.9), 0.0)

    @cached_property
    def beard(self) -> np.ndarray:
        edge = np.interp(
            self.side, [0.0, 2.6, 3.6, 5.0, 6.5, 7.2], [-1.4, -1.6, -3.2, -3.4, -1.0, 2.0]
        )
        low = _rise(edge - self.z, -0.5, 1.0) * _rise(self.z, -11.0, -8.5)
        return np.where(self.outside & (self.y < 0.2), low * (1 - self.lips), 0.0)

    @cached_property
    def scalp(self) -> np.ndarray:
        """Height above the hair line, cm; −9 where no hair grows."""
        line = np.interp(self.y, *np.transpose(_HAIR_LINE))
        grows = self.skin & (self.ears < 0.5) & (self.z > -7)
        return np.where(grows, self.z - line, -9.0)


def paint(model: SecondFaceModel, places: Places, look: SecondLook) -> np.ndarray:
    """Albedo float32 (V, 3), sRGB 0…1."""
    rng = np.random.default_rng(look.seed)
    skin = np.asarray(look.skin, dtype=float)
    color = np.broadcast_to(skin, (len(model.neutral), 3)).copy()

    def blend(mask: np.ndarray, target, amount: float = 1.0) -> None:
        a = (np.clip(mask, 0, 1) * amount)[:, None]
        color[:] = color * (1 - a) + np.asarray(target) * a

    at = model.neutral * 100
    wide, fine = _waves(rng, at, 0.5, 10), _waves(rng, at, 2.5, 16)
    grain = rng.standard_normal(len(at))
    color *= 1 + look.mottle * (0.06 * wide + 0.03 * fine + 0.02 * grain)[:, None]
    color *= 1 + look.mottle * 0.05 * _waves(rng, at, 0.8, 8)[:, None] * [0.6, 1.0, 1.1]
    blend(places.blush, skin * [1.04, 0.80, 0.76], look.blush)
    spots = (grain + 0.6 * fine > 2.0) & (places.z < 3.0) & (places.z > -3.0) & places.front
    blend(spots, skin * [0.80, 0.66, 0.56], look.freckles)
    blend(places.under_eyes, skin * [0.78, 0.70, 0.74], look.eye_shade)
    blend(places.lids, skin * [0.88, 0.78, 0.76], 0.5)
    hair = np.asarray(look.hair) * (1 + 0.10 * fine + 0.06 * grain)[:, None]
    blend(places.beard * (0.8 + 0.2 * np.clip(grain, -1, 1)), hair * 0.7 + skin * 0.2, look.stubble)
    edge = (places.scalp - 100 * look.hairline) / 0.9 + 0.35 * fine + 0.15 * grain
    blend(edge, hair, look.hair_cover)
    ragged = 0.85 + 0.15 * np.clip(grain, -1, 1)
    blend(places.brows(look.brow_width) * ragged, hair * 0.85, look.brow_strength)
    blend(places.lips, look.lips, 0.9)
    blend(places.mouth_line, np.asarray(look.lips) * 0.5, 0.7)
    blend(places.lashes, skin * 0.10 + 0.03, 0.85)
    inside = places.skin & ~places.outside
    color[inside] = [0.40, 0.13, 0.12]
    _paint_mouth(model, color)
    for name in EYES:
        _paint_eye(model, name, look, color)
    return color.clip(0, 1).astype(np.float32)


def grow_hair(places: Places, look: SecondLook) -> np.ndarray:
    """How far (V,), metres, the hair lifts the points of the scalp."""
    rng = np.random.default_rng(look.seed + 1)
    above = places.scalp - 100 * look.hairline
    bumps = 1 + 0.25 * _waves(rng, places.model.neutral * 100, 0.7, 10)
    return look.hair_volume * look.hair_cover * _rise(above, 0.0, 2.2) * bumps


def _paint_mouth(model: SecondFaceModel, color: np.ndarray) -> None:
    depth = np.clip((model.neutral[:, 1] + 0.105) / 0.05, 0, 1)[:, None]  # 0 at the front
    mouth, teeth = model.is_part(MOUTH), model.is_part(TEETH)
    color[mouth] = (np.array([0.66, 0.33, 0.32]) * (1 - 0.6 * depth))[mouth]
    color[teeth] = (np.array([0.92, 0.89, 0.81]) * (1 - 0.55 * depth))[teeth]


def _paint_eye(model: SecondFaceModel, name: str, look: SecondLook, color: np.ndarray) -> None:
    eye = model.is_part(name)
    points = model.neutral[eye]
    ball = 0.5 * (points.min(axis=0) + points.max(axis=0))
    away = (points - ball) / np.linalg.norm(points - ball, axis=1, keepdims=True)
    angle = np.arccos(np.clip(-away[:, 1], -1, 1))[:, None]  # from the axis of the gaze
    iris = np.asarray(look.iris)
    around = np.arctan2(away[:, 2], away[:, 0])[:, None]
    white = np.array([0.88, 0.86, 0.84]) * (1 - 0.25 * np.clip(angle - 0.6, 0, 0.8))
    ring = iris * (0.85 + 0.15 * np.cos(11 * around)) * (1 - 0.5 * _rise(angle, 0.30, _IRIS))
    surface = white + (ring - white) * (1 - _rise(angle, _IRIS - 0.03, _IRIS + 0.04))
    color[eye] = surface * _rise(angle, _PUPIL - 0.04, _PUPIL + 0.03) + 0.02


def _waves(rng: np.random.Generator, at: np.ndarray, frequency: float, count: int) -> np.ndarray:
    """Smooth noise (V,) of about unit variance at points (V, 3); waves to a centimetre."""
    waves = rng.normal(0, frequency, (count, 3))
    phases = rng.uniform(0, 2 * np.pi, count)
    return np.cos(at @ waves.T + phases).mean(axis=1) * np.sqrt(2 * count)


def _rise(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
