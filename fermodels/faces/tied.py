"""Hair that is tied: ponytails, buns, plaits."""

from __future__ import annotations

import numpy as np

from fermodels.faces.hair import Hair, hairline
from fermodels.faces.pieces import Piece
from fermodels.faces.shells import shell
from fermodels.faces.skull import Skull, between, direction
from fermodels.faces.strands import RADIUS, SHINE, hair_piece, mixed, pressed
from fermodels.faces.surfaces import ball, ramp, tube


def _tied(hair: Hair, skull: Skull, rng, skin, tie, thickness: float = 0.006) -> Piece:
    """Hair combed from the hairline to where it is tied, a direction (polar, around)."""
    return shell(
        hair, skull, rng, skin, thickness * hair.volume, combed=direction(*tie), rough=0.18,
        rise=0.022, soft=0.6,
    )  # fmt: skip


def _bundle(hair: Hair, rng, path, radius, centre, sides: int = 20) -> Piece:
    """Strands side by side along a path (N, 3), as thick as radius (N,)."""
    points, triangles = tube(path, radius, sides, up=(1.0, 0.0, 0.0))
    ridge = rng.standard_normal(sides)
    middle = np.asarray(path)[:, None]
    points = middle + (points - middle) * (1 + 0.10 * ridge)[None, :, None]
    tone = 0.22 * ridge[None] + 0.06 * rng.standard_normal(points.shape[:2])
    colors = np.asarray(hair.color) * np.exp(tone)[..., None] + 0.01
    return hair_piece(points, colors, False, centre, triangles=triangles)


def _knot(hair: Hair, rng, centre, radii) -> Piece:
    """A bun: a ball of wound hair."""
    points, triangles = ball([0, 0, 0], [1, 1, 1], 18, 26)
    wound = np.arctan2(points[..., 0], -points[..., 2]) * 2 + 7 * points[..., 1]
    groove = np.sin(2.5 * wound + rng.uniform(0, 6))
    points = points * (1 + 0.06 * groove)[..., None]
    fine = rng.standard_normal(groove.shape)
    tone = 0.22 * groove + 0.10 * fine
    colors = np.asarray(hair.color) * np.exp(tone)[..., None]
    colors = colors + 0.02 * np.maximum(tone, 0)[..., None]
    points = np.asarray(centre) + points * np.asarray(radii)
    return hair_piece(points, colors, False, np.asarray(centre), triangles=triangles)


def ponytail(hair, skull, rng, skin):
    high = 0.5 + 0.5 * hair.part
    tie = (1.15 + 0.45 * high, np.pi)
    if hair.pressed:
        tie = (1.75, np.pi)
    start, normal = skull.at(direction(*tie))
    s = np.linspace(0, 1, 22)
    length = 0.17 * hair.length
    aside = 0.03 * np.sign(hair.part) * s**2
    out = 0.034 * np.sin(np.pi * np.clip(1.5 * s, 0, 1) / 2) + 0.006
    path = start + normal * out[:, None]
    path = path + np.stack([aside, 0.01 * s, -length * s**1.4], axis=-1)
    radius = np.interp(s, [0, 0.06, 0.3, 0.8, 1.0], [0.012, 0.013, 0.024, 0.017, 0.003])
    tail = _bundle(hair, rng, path, radius * hair.volume**0.5, path.mean(axis=0))
    return [_tied(hair, skull, rng, skin, tie), tail]


def bun(hair, skull, rng, skin):
    tie = (1.70 - 0.25 * hair.part, np.pi)
    start, normal = skull.at(direction(*tie))
    size = 0.030 * hair.volume**0.5
    knot = _knot(hair, rng, start + 0.8 * size * normal, [1.15 * size, 0.85 * size, size])
    return [_tied(hair, skull, rng, skin, tie), knot]


def top_bun(hair, skull, rng, skin):
    if hair.pressed:
        return bun(hair, skull, rng, skin)
    tie = (0.30, np.pi)
    start, normal = skull.at(direction(*tie))
    size = 0.034 * hair.volume**0.5
    knot = _knot(hair, rng, start + 0.75 * size * normal, [1.1 * size, 1.1 * size, size])
    return [_tied(hair, skull, rng, skin, tie), knot]


def braids(hair, skull, rng, skin):
    """Parted, tied behind the ears, two plaits that hang to the chest."""
    scalp = shell(
        hair, skull, rng, skin, 0.007 * hair.volume, parted=True, rough=0.2,
        grain=(0.20, 0.008), rise=0.02,
    )  # fmt: skip
    pieces = [scalp]
    outline = skull.outline()
    for side in (-1.0, 1.0):
        start, normal = skull.at(direction(1.95, side * 2.05))
        s = np.linspace(0, 1, 34)
        angle = side * np.interp(s, [0, 0.35, 1.0], [2.05, 1.75, 1.35])
        height = start[2] - 0.17 * hair.length * s
        far = outline.at(angle, height) + 0.014
        near = np.hypot(start[0] - skull.centre[0], start[1] - skull.centre[1]) + 0.008
        far = np.maximum(far, near + (0.075 - near) * ramp(s, 0.0, 0.5))
        for _ in range(4):
            far[1:-1] = (far[:-2] + far[1:-1] + far[2:]) / 3
        path = np.stack(
            [far * np.sin(angle), skull.centre[1] - far * np.cos(angle), height], axis=-1
        )
        pieces.append(_plait(hair, rng, path, 0.0095 * hair.volume**0.5))
    return pieces


def _plait(hair: Hair, rng, path: np.ndarray, size: float) -> Piece:
    """Three strands around each other along a path (N, 3)."""
    length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    s = np.linspace(0, 1, 54)
    middle = np.stack([np.interp(s, np.linspace(0, 1, len(path)), path[:, k]) for k in range(3)], 1)
    along = np.gradient(middle, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    ahead = np.cross(across, along)
    narrow = size * np.interp(s, [0, 0.85, 1], [1, 0.75, 0.45])[:, None]
    points, triangles, colors, count = [], [], [], 0
    for k in range(3):
        turn = (2 * np.pi * (s * length / (6 * size) + k / 3))[:, None]
        way = middle + narrow * (0.85 * np.sin(turn) * across + 0.45 * np.sin(2 * turn) * ahead)
        tone = np.exp(0.12 * rng.standard_normal((len(s), 8)) - 0.25 * (1 - np.sin(2 * turn)) / 2)
        tubes, faces = tube(way, 0.72 * narrow[:, 0], 8, up=(0.0, 1.0, 0.0))
        points.append(tubes.reshape(-1, 3))
        triangles.append(faces + count)
        colors.append((np.asarray(hair.color) * tone[..., None] * 1.05 + 0.01).reshape(-1, 3))
        count += tubes.shape[0] * 8
    return Piece(
        points=np.concatenate(points).astype(np.float32),
        triangles=np.concatenate(triangles),
        colors=np.clip(np.concatenate(colors), 0, 1).astype(np.float32),
        shine=SHINE,
    )


def cornrows(hair, skull, rng, skin):
    """Narrow plaits along the scalp, skin between them."""
    rows, columns, lines = 40, 192, 16
    around = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    tie = direction(1.5, np.pi)
    ends = direction(hairline(hair, around), around)
    middle = direction(0.28, np.pi)
    share = np.linspace(0, 1, rows)[:, None]
    toward = between(np.broadcast_to(middle, ends.shape)[None], ends[None], share)
    points, normals = skull.at(toward)
    # Lines of equal distance from the plane in the middle of the head run from front to back.
    flat = np.arcsin(np.clip(toward[..., 0] / np.sqrt(1 - 0.9 * toward[..., 1] ** 2), -1, 1))
    across = np.cos(lines * flat) * 0.5 + 0.5
    reach = np.arccos(np.clip(ends @ middle, -1, 1)) * RADIUS
    left = (1 - share) * reach
    gone = RADIUS * np.arctan2(toward[..., 2], -toward[..., 1])
    beads = 0.5 + 0.5 * np.cos(2 * np.pi * gone / 0.010)
    ridge = across**0.7 * ramp(left, 0.0, 0.006)
    lift = 0.0005 + 0.0065 * hair.volume * ridge * (0.8 + 0.2 * beads)
    lift = pressed(hair, toward, lift)
    points = points + normals * lift[..., None]
    tone = 0.35 * (beads - 0.5) + 0.08 * rng.standard_normal(beads.shape)
    colors = np.asarray(hair.color) * np.exp(tone)[..., None] + 0.012 * beads[..., None]
    bare = np.asarray(hair.color if skin is None else skin)
    colors = mixed(colors, 0.75 * bare + 0.05 * np.asarray(hair.color), ramp(across, 0.28, 0.05))
    scalp = hair_piece(points, colors, closed=True, centre=skull.centre, shine=0.12)
    start, normal = skull.at(tie)
    s = np.linspace(0, 1, 16)
    path = start + normal * (0.006 + 0.012 * np.sin(np.pi * s / 2))[:, None]
    path = path + np.stack([0 * s, 0 * s, -0.12 * hair.length * s**1.3], axis=-1)
    radius = np.interp(s, [0, 0.1, 0.8, 1.0], [0.012, 0.018, 0.017, 0.012])
    return [scalp, _bundle(hair, rng, path, radius, path.mean(axis=0))]
