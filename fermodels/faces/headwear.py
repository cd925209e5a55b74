"""Headscarf, cap and beanie, and the hair that stays in sight below them."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import numpy as np

from fermodels.faces.hair import RIMS, Hair
from fermodels.faces.pieces import Piece
from fermodels.faces.skull import CENTRE, Skull, angles, direction
from fermodels.faces.surfaces import facing_out, ramp, sheet_triangles, waves

Color = tuple[float, float, float]

HEADWEAR_KINDS = ("headscarf", "cap", "beanie")

# Where a headscarf ends at the face of the average head: above and below the height of the ears,
# metres, the subject's left side.
_ABOVE = np.array(
    [
        (0.000, -0.121, 0.2070), (0.030, -0.114, 0.2030), (0.048, -0.099, 0.1900),
        (0.059, -0.087, 0.1700), (0.064, -0.077, 0.1400),
    ]
)  # fmt: skip
_BELOW = np.array(
    [
        (0.000, -0.114, 0.0280), (0.015, -0.112, 0.0310), (0.032, -0.105, 0.0430),
        (0.048, -0.094, 0.0640), (0.058, -0.084, 0.0900), (0.063, -0.078, 0.1150),
        (0.064, -0.077, 0.1390),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Headwear:
    """What is worn on the head.

    Attributes:
        kind: one of `HEADWEAR_KINDS`.
        color, second: sRGB 0…1; the second is that of a band, a brim or a pattern.
        pattern: strength of the pattern, 0…1.
        seed: of folds and pattern.
    """

    kind: str = "cap"
    color: Color = (0.20, 0.25, 0.40)
    second: Color = (0.85, 0.85, 0.82)
    pattern: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in HEADWEAR_KINDS:
            raise ValueError(f"unknown kind of headwear {self.kind!r}: known are {HEADWEAR_KINDS}")


def hair_under(hair: Hair, headwear: Headwear | None) -> Hair | None:
    """The hair that shows with this headwear; None under a headscarf."""
    if headwear is None:
        return hair
    if headwear.kind == "headscarf":
        return None
    flat = {
        "afro": "curly", "swept_back": "short", "top_bun": "bun", "fringe_short": "short",
        "fringe_bob": "bob", "fringe_long": "long_straight",
    }  # fmt: skip
    return replace(hair, kind=flat.get(hair.kind, hair.kind), pressed=headwear.kind)


def headwear_pieces(headwear: Headwear, rest: np.ndarray) -> list[Piece]:
    """The meshes of headwear on a head whose smooth vertices at rest are (V, 3), metres."""
    make = {"headscarf": _headscarf, "cap": _cap, "beanie": _beanie}[headwear.kind]
    return make(headwear, Skull(rest), np.random.default_rng(headwear.seed))


def _rim(around: np.ndarray, level: float, slope: float) -> np.ndarray:
    """Angle from the top of a plane that rises to the front: cos p = level + slope·sin p·cos a."""
    tilt = np.arctan(slope * np.cos(around))
    return np.arccos(level * np.cos(tilt)) - tilt


def _cap(wear: Headwear, skull: Skull, rng) -> list[Piece]:
    rows, columns = 16, 72
    around = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    polar = np.linspace(0.01, 1, rows)[:, None] * _rim(around, *RIMS["cap"])
    points, normals = skull.at(direction(polar, around))
    share = np.linspace(0, 1, rows)[:, None]
    lift = 0.0085 + 0.011 * ramp(share, 1.0, 0.45)
    seam = np.abs(np.sin(3 * around))[None] ** 0.35
    lift = lift - 0.0012 * (1 - seam)
    crown = points + normals * lift[..., None]
    inner = points[-1:] + normals[-1:] * 0.001
    inner2 = points[-4:-3] + normals[-4:-3] * 0.002
    colors = np.asarray(wear.color) * (0.80 + 0.20 * seam * (share < 0.98))[..., None]
    logo = ((np.abs(around) < 0.30) & (np.abs(share - 0.66) < 0.14))[..., None]
    colors = np.where(logo & (wear.pattern > 0.5), np.asarray(wear.second), colors)
    dark = 0.35 * np.broadcast_to(wear.color, (2, columns, 3))
    top = _sheet(
        np.concatenate([crown, inner, inner2]), np.concatenate([colors, dark]), True, skull.centre
    )
    # The brim: from the rim forward, bent down at its sides, with an underside.
    t = np.linspace(-1, 1, 33)
    out = np.linspace(0, 1, 7)[:, None]
    edge, normal = skull.at(direction(_rim(1.12 * t, *RIMS["cap"]), 1.12 * t))
    edge = edge + normal * 0.008
    reach = 0.066 * np.sqrt(np.clip(1 - t**2, 0, 1)) ** 0.8
    ahead = np.array([0.0, -0.99, -0.12])
    brim = edge[None] + (out * reach)[..., None] * ahead
    brim[..., 2] -= out * (0.010 * t**2 + 0.006 * out)
    under = brim[::-1] - [0.0, 0.0, 0.0025]
    color = np.asarray(wear.second if wear.pattern > 0.25 else wear.color)
    shades = np.concatenate([np.ones((7, 33, 1)), np.full((7, 33, 1), 0.55)])
    front = _sheet(np.concatenate([brim, under]), color * shades, False, brim.mean(axis=(0, 1)))
    return [top, front]


def _beanie(wear: Headwear, skull: Skull, rng) -> list[Piece]:
    rows, columns = 26, 104
    around = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    rim = _rim(around, *RIMS["beanie"])
    share = np.linspace(0, 1, rows)[:, None]
    points, normals = skull.at(direction(np.maximum(share, 0.01) * rim, around))
    side = np.exp(-(((np.abs(around) - 1.65) / 0.5) ** 2))
    cuff = ramp(share, 0.70, 0.73)
    slack = 0.010 * ramp(share, 0.8, 0.0)
    lift = 0.0085 + slack + 0.006 * side * ramp(share, 0.5, 0.9) + 0.0035 * cuff
    ribs = np.cos(26 * around)[None]
    lift = lift + 0.0009 * ribs * ramp(share, 0.0, 0.3)
    outer = points + normals * lift[..., None]
    inner = points[[-1, -3]] + normals[[-1, -3]] * 0.002
    tone = 1 + 0.13 * ribs + 0.04 * rng.standard_normal((rows, columns))
    tone = tone * (1 - 0.35 * np.exp(-(((share - 0.695) / 0.02) ** 2)))
    color = np.broadcast_to(wear.color, (rows, columns, 3))
    if wear.pattern > 0.3:
        bands = (cuff > 0.5) if wear.pattern < 0.65 else (np.sin(share * 30) > 0.2) & (cuff < 0.5)
        color = np.where(bands[..., None], np.asarray(wear.second), color)
    colors = np.concatenate([color * tone[..., None], 0.3 * color[:2]])
    return [_sheet(np.concatenate([outer, inner]), colors, True, skull.centre, shine=0.02)]


def _headscarf(wear: Headwear, skull: Skull, rng) -> list[Piece]:
    upper, lower, columns = 20, 18, 76
    around = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    away = np.abs(around)
    (above, at), (below, at_below) = angles(_ABOVE - CENTRE), angles(_BELOW - CENTRE)
    side = at[-1]  # where the edge above meets the edge below
    level = above[-1] + 0.05 * ramp(away, side, 2.0)
    top = np.where(away < side, np.interp(away, at, above), level)
    bottom = np.where(away < side, np.interp(away, at_below, below), level + 0.03)
    cover = ramp(away, side - 0.10, side + 0.30)  # 0 at the face
    share = np.linspace(0.01, 1, upper)[:, None]
    points, normals = skull.at(direction(share * top, around))
    ear = np.exp(-(((away - 1.6) / 0.45) ** 2)) * ramp(share, 0.6, 1.0)
    near = ramp(share, 0.90, 1.0) * (1 - cover)
    knot = 0.012 * ramp(away, 2.0, 2.8) * ramp(share, 0.5, 0.9)
    lift = (0.010 + 0.012 * ear + knot) * (1 - near) + 0.002 * near
    fold = waves(np.stack([3 * share * np.ones_like(around), 0 * share + np.cos(around),
                           0 * share + np.sin(around)], -1), rng, (0.9, 3.0, 3.0), 8)  # fmt: skip
    head = points + normals * (lift + 0.0016 * fold * (1 - near))[..., None]

    start, normal = skull.at(direction(bottom, around))
    over_ear = 0.012 * np.exp(-(((away - 1.6) / 0.45) ** 2)) + 0.012 * ramp(away, 2.0, 2.8)
    start = start + normal * ((0.010 + over_ear) * cover + 0.001 * (1 - cover))[:, None]
    chin = start[np.argmin(away), 2]
    outline = skull.outline(ears=False)
    fall = np.linspace(0, 1, lower)[:, None]
    x, y = start[:, 0] - skull.centre[0], start[:, 1] - skull.centre[1]
    angle, first = np.arctan2(x, -y), np.hypot(x, y)
    ahead = ramp(np.cos(angle), -0.3, 0.4)  # in front it lies on the chest, behind it is tucked in
    hem = chin - 0.045 - 0.070 * ahead
    height = start[:, 2] + (hem - start[:, 2]) * fall**1.15
    body = outline.at(np.broadcast_to(angle, height.shape), height)
    neck = body + 0.006 + (0.008 + 0.10 * np.maximum(chin - 0.02 - height, 0)) * ahead
    spread = ramp(height, chin - 0.02, chin - 0.115) * (0.035 + 0.030 * np.abs(np.sin(angle)))
    far = np.maximum(first * (1 - 0.45 * ramp(fall, 0.1, 1.0)), neck) + spread * ahead
    free = ramp(fall, 0.0, 0.25)
    far = first * (1 - free) + far * free
    for _ in range(3):
        far[1:-1] = (far[:-2] + 2 * far[1:-1] + far[2:]) / 4
    ripples = np.sin(9 * angle + 55 * height + rng.uniform(0, 6)) + 0.6 * np.sin(
        17 * angle - 40 * height
    )
    far = far + 0.0028 * free * ripples
    drape = np.stack(
        [skull.centre[0] + far * np.sin(angle), skull.centre[1] - far * np.cos(angle), height], -1
    )
    tone = np.concatenate([0.05 * fold, 0.07 * ripples * free + 0 * height])
    colors = np.asarray(wear.color) * np.exp(tone)[..., None]
    if wear.pattern > 0.5:
        everything = np.concatenate([head, drape])
        spots = waves(everything, rng, 0.045, 10) > 0.9
        colors = np.where(spots[..., None], np.asarray(wear.second), colors)
    band = (share > 0.93) & (away < side) & (wear.pattern > 0.2)
    colors[:upper] = np.where(band[..., None], np.asarray(wear.second), colors[:upper])
    shade = np.concatenate(
        [1 - 0.35 * near * ramp(share, 0.97, 1.0), 1 - 0.35 * (1 - free) * (1 - cover)]
    )
    grid = np.concatenate([head, drape])
    for _ in range(6):  # no seam between the two parts behind the face
        seam = slice(upper - 6, upper + 8)
        row = np.arange(len(grid))[seam]
        even = (grid[row - 1] + 2 * grid[row] + grid[row + 1]) / 4
        grid[seam] += cover[:, None] * (even - grid[seam])
    rows = upper + lower
    triangles = sheet_triangles(rows, columns, closed=True)
    row, column = np.divmod(triangles, columns)
    face = ((row.min(1) == upper - 1) & (row.max(1) == upper)) & (away[column] < side).any(axis=1)
    triangles = triangles[~face]
    flat = grid.reshape(-1, 3)
    return [
        Piece(
            points=flat.astype(np.float32),
            triangles=facing_out(flat, triangles, skull.centre),
            colors=np.clip(colors * shade[..., None], 0, 1).reshape(-1, 3).astype(np.float32),
            shine=0.03,
        )
    ]


def _sheet(points, colors, closed: bool, centre, shine: float = 0.04) -> Piece:
    flat = points.reshape(-1, 3)
    return Piece(
        points=flat.astype(np.float32),
        triangles=facing_out(flat, sheet_triangles(*points.shape[:2], closed=closed), centre),
        colors=np.clip(colors, 0, 1).reshape(-1, 3).astype(np.float32),
        shine=shine,
    )


def sample_headwear(rng: np.random.Generator, gender: str) -> Headwear:
    """Headwear of a person of a gender ("female" or "male")."""
    shares = [0.5, 0.2, 0.3] if gender == "female" else [0.0, 0.6, 0.4]
    kind = HEADWEAR_KINDS[int(rng.choice(3, p=shares))]

    def color():
        return tuple(
            float(c)
            for c in colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0, 0.7), rng.uniform(0.1, 0.9))
        )

    return Headwear(kind, color(), color(), float(rng.uniform()), int(rng.integers(2**31)))
