"""Colours of skin and eyes, point by point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermodels.faces.beards import beard_cover
from fermodels.faces.hair import scalp_cover
from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model
from fermodels.faces.parts import eyeball

if TYPE_CHECKING:
    from fermodels.faces.people import Person


def skin_colors(person: Person) -> np.ndarray:
    """Albedo float32 (V, 3), sRGB 0…1, of every point of the head without hair."""
    m = landmarks()
    rest = head_model().rest
    look = person.skin
    rng = np.random.default_rng(look.seed)
    skin = np.asarray(look.color, dtype=float)
    color = np.broadcast_to(skin, (len(rest), 3)).copy()

    def blend(mask, target, amount=1.0):
        nonlocal color
        a = (np.clip(mask, 0, 1) * amount)[:, None]
        color = color * (1 - a) + np.asarray(target) * a

    broad, fine = _noise(rng, rest, 60, 10), _noise(rng, rest, 220, 14)
    color *= 1 + look.mottle * (0.10 * broad + 0.06 * fine)[:, None]
    color *= 1 + look.mottle * 0.05 * rng.standard_normal((len(rest), 1))  # pores
    blend(np.clip(_noise(rng, rest, 90, 10), 0, 1), skin * [1.04, 0.82, 0.80], 0.6 * look.redness)
    blend(m.blush, skin * [1.05, 0.74, 0.72], look.redness)
    # As the blood shows through: the forehead yellower, the lower face greyer.
    blend(np.clip((rest[:, 2] - 0.165) / 0.03, 0, 1) * m.skin, skin * [1.02, 1.0, 0.93], 0.5)
    speckles = (_noise(rng, rest, 420, 16) > 0.9) * np.clip(0.4 + broad, 0, 1) * (m.front > 0)
    blend(speckles, skin * [0.78, 0.62, 0.52], 0.7 * look.freckles)
    for _ in range(look.moles):
        at = rest[rng.choice(m.face)]
        away = np.linalg.norm(rest - at, axis=1) / rng.uniform(0.0012, 0.003)
        blend(np.exp(-(away**2)), skin * 0.42, 0.9)
    blend(m.eye_shade, skin * [0.80, 0.70, 0.72], look.shade)
    blend(m.lids, skin * [0.92, 0.82, 0.80], 0.5)
    blend(scalp_cover(person.hair), person.hair.color)
    blend(m.beard, np.asarray(person.hair.color) * 0.5 + skin * 0.35, look.stubble)
    if person.beard is not None:
        blend(beard_cover(person.beard), person.beard.color)
    brows = person.brows
    blend(m.brows(brows.thickness, brows.rise, brows.arch), brows.color, brows.density)
    blend(m.occlusion * m.skin, skin * [0.55, 0.42, 0.40], 0.45)
    blend(m.lips, person.lips, 0.9)
    blend(m.mouth_line, np.asarray(person.lips) * 0.45, 0.8)
    blend(m.lash, [0.10, 0.07, 0.06], person.lashes)
    color[m.sockets] = skin * [0.60, 0.38, 0.36]
    depth = np.clip((rest[:, 1] + 0.135) / 0.05, 0, 1)[:, None]
    cavity = np.array([0.34, 0.11, 0.10]) * (1 - 0.85 * depth)
    color[m.cavity] = cavity[m.cavity]
    color[m.tongue] = np.array([0.62, 0.28, 0.28])
    return color.clip(0, 1).astype(np.float32)


def skin_shine(person: Person) -> np.ndarray:
    """Strength of the highlight float32 (V,): forehead, nose and lips shine more."""
    m = landmarks()
    rest = head_model().rest
    middle = np.exp(-((rest[:, 0] / 0.03) ** 2)) * m.front
    shine = person.skin.shine * (0.5 + 0.8 * middle)
    shine = np.where(m.tongue | m.cavity, 0.15, shine)
    return np.maximum(shine, 0.22 * m.lips).astype(np.float32)


def eye_colors(person: Person) -> np.ndarray:
    """Albedo float32 (K, 3) of an eyeball's points."""
    vertices, _ = eyeball()
    angle = np.arccos(np.clip(-vertices[:, 1], -1, 1))
    phi = np.arctan2(vertices[:, 2], vertices[:, 0])
    iris = np.asarray(person.iris)
    streak = 0.85 + 0.15 * np.cos(9 * phi + 3 * angle)
    white = np.array([0.93, 0.90, 0.88]) - 0.12 * np.clip(angle[:, None] - 0.6, 0, 1)
    # The upper lid and its lashes throw a shadow.
    white = white * (1 - 0.25 * np.clip(vertices[:, 2:] / 0.6, 0, 1))
    color = np.where(angle[:, None] < 0.42, iris * streak[:, None], white)
    color = np.where(((angle > 0.37) & (angle < 0.44))[:, None], iris * 0.45, color)
    color = np.where(angle[:, None] < 0.16, 0.03, color)
    return color.clip(0, 1).astype(np.float32)


def _noise(rng: np.random.Generator, points: np.ndarray, pitch: float, waves: int) -> np.ndarray:
    """Smooth noise (V,) of about unit variance; `pitch` is waves per metre times 2π."""
    wave = rng.normal(0, pitch, (waves, 3))
    phase = rng.uniform(0, 2 * np.pi, waves)
    return np.cos(points @ wave.T + phase).sum(axis=1) * np.sqrt(2 / waves)
