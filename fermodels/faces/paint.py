"""Colours of skin, hair and eyes, vertex by vertex."""

from __future__ import annotations

import numpy as np

from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model
from fermodels.faces.parts import eyeball
from fermodels.faces.people import Person


def skin_colors(person: Person) -> np.ndarray:
    """uint8 (V, 3) sRGB colour of every vertex of the head."""
    m = landmarks()
    rest = head_model().rest
    rng = np.random.default_rng(person.skin_seed)
    skin = np.asarray(person.skin, dtype=float)
    color = np.broadcast_to(skin, (len(rest), 3)).copy()

    def blend(mask, target, amount=1.0):
        nonlocal color
        a = (np.clip(mask, 0, 1) * amount)[:, None]
        color = color * (1 - a) + np.asarray(target) * a

    waves = rng.normal(0, [90, 90, 90], (12, 3))
    mottle = np.cos(rest @ waves.T + rng.uniform(0, 2 * np.pi, 12)).mean(axis=1)
    color *= 1 + 0.10 * mottle[:, None] + 0.02 * rng.standard_normal((len(rest), 1))
    blend(m.blush, skin * [1.06, 0.78, 0.76], person.blush)
    blend(m.eye_shade, skin * [0.80, 0.70, 0.70], person.eye_shade)
    blend(m.lids, skin * [0.92, 0.82, 0.80], 0.5)
    blend(m.beard, np.asarray(person.hair) * 0.5 + skin * 0.35, person.stubble)
    hair_edge = np.clip((m.scalp_height - person.hairline) / 0.010 + 0.10 * mottle * 4, 0, 1)
    blend(hair_edge, person.hair, person.hair_cover)
    blend(m.brows, person.brow, person.brow_strength)
    blend(m.occlusion * m.skin, skin * [0.55, 0.42, 0.40], 0.55)
    blend(m.lips, person.lips, 0.85)
    blend(m.mouth_line, np.asarray(person.lips) * 0.45, 0.8)
    blend(m.lash, [0.12, 0.08, 0.07], person.lashes)
    color[m.sockets] = skin * [0.60, 0.38, 0.36]
    depth = np.clip((rest[:, 1] + 0.135) / 0.05, 0, 1)[:, None]
    cavity = np.array([0.42, 0.14, 0.13]) * (1 - 0.85 * depth)
    color[m.cavity] = cavity[m.cavity]
    color[m.tongue] = np.array([0.68, 0.33, 0.32])
    return (color.clip(0, 1) * 255).astype(np.uint8)


def eye_colors(person: Person) -> np.ndarray:
    vertices, _ = eyeball()
    angle = np.arccos(np.clip(-vertices[:, 1], -1, 1))
    phi = np.arctan2(vertices[:, 2], vertices[:, 0])
    iris = np.asarray(person.iris)
    streak = 0.85 + 0.15 * np.cos(9 * phi + 3 * angle)
    white = np.array([0.90, 0.87, 0.85]) - 0.10 * np.clip(angle[:, None] - 0.6, 0, 1)
    color = np.where(angle[:, None] < 0.46, iris * streak[:, None], white)
    color = np.where(((angle > 0.40) & (angle < 0.49))[:, None], iris * 0.45, color)
    color = np.where(angle[:, None] < 0.17, 0.03, color)
    return (color.clip(0, 1) * 255).astype(np.uint8)
