"""Scalp hair: which kinds there are, who has which, and where it grows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model
from fermodels.faces.skull import CENTRE, angles
from fermodels.faces.surfaces import ramp

Color = tuple[float, float, float]

HAIR_KINDS = (
    "bald", "ring", "shaved", "crew", "short", "side_part", "swept_back", "receding", "curly",
    "afro", "bob", "long_straight", "long_wavy", "long_curly", "tucked", "fringe_short",
    "fringe_bob", "fringe_long", "ponytail", "bun", "top_bun", "braids", "cornrows",
)  # fmt: skip

# Where hair ends on the average head, from the forehead over temple, sideburn and ear to the
# nape: metres, the subject's left side.
_EDGE = np.array(
    [
        (0.000, -0.120, 0.2120), (0.022, -0.117, 0.2125), (0.038, -0.106, 0.2080),
        (0.050, -0.095, 0.2000), (0.058, -0.084, 0.1880), (0.063, -0.076, 0.1720),
        (0.066, -0.073, 0.1560), (0.068, -0.071, 0.1400), (0.069, -0.067, 0.1180),
        (0.070, -0.057, 0.1150), (0.071, -0.051, 0.1280), (0.072, -0.045, 0.1420),
        (0.073, -0.036, 0.1500), (0.073, -0.022, 0.1500), (0.071, -0.010, 0.1420),
        (0.067, -0.002, 0.1240), (0.060, 0.006, 0.1000), (0.048, 0.013, 0.0820),
        (0.025, 0.021, 0.0700), (0.000, 0.023, 0.0670),
    ]
)  # fmt: skip
_NO_SIDEBURN = np.array([*range(8), *range(12, 20)])
_TIED = ("tucked", "ponytail", "bun", "top_bun", "braids", "cornrows")  # combed off the temples
# Rims of what is worn, as planes: level and slope to the front, of the head's radius.
RIMS = {"cap": (0.22, 0.28), "beanie": (-0.05, 0.42)}


@dataclass(frozen=True)
class Hair:
    """One person's hair, the same in every take.

    Attributes:
        kind: one of `HAIR_KINDS`.
        color: sRGB 0…1.
        length: of its kind's length, about 0.5…1.5.
        volume: of its kind's thickness, about 0.6…1.5.
        waviness: 0 straight … 1.
        hairline: metres that it starts further down the forehead.
        recession: of the corners above the temples, 0…1; below 0 they are rounder.
        part: where it is parted: −1 on the subject's right … 0 in the middle … 1.
        pressed: lies flat under a "cap" or "beanie", if any.
        seed: of its strands.
    """

    kind: str = "short"
    color: Color = (0.13, 0.09, 0.07)
    length: float = 1.0
    volume: float = 1.0
    waviness: float = 0.2
    hairline: float = 0.0
    recession: float = 0.0
    part: float = 0.4
    pressed: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in HAIR_KINDS:
            raise ValueError(f"unknown kind of hair {self.kind!r}: known are {HAIR_KINDS}")
        if self.pressed is not None and self.pressed not in RIMS:
            raise ValueError(f"hair is pressed by one of {sorted(RIMS)}, got {self.pressed!r}")


def hairline(hair: Hair, around: np.ndarray, sideburns: bool | None = None) -> np.ndarray:
    """How far down from the top hair grows, radians, at angles around the head (see `skull`).

    Args:
        sideburns: default is as the kind of hair has them.
    """
    sideburns = hair.kind not in _TIED if sideburns is None else sideburns
    edge = _EDGE if sideburns else _EDGE[_NO_SIDEBURN]
    polar, at = angles(edge - CENTRE)
    around = np.abs(np.remainder(np.asarray(around) + np.pi, 2 * np.pi) - np.pi)
    line = sum(np.interp(np.abs(around + d), at, polar) for d in (-0.05, 0.0, 0.05)) / 3
    front = ramp(around, 1.1, 0.5)
    corner = np.exp(-(((around - 0.62) / 0.30) ** 2))
    middle = np.exp(-((around / 0.32) ** 2))
    recession = hair.recession * (0.50 * corner + 0.16 * middle)
    return line + front * hair.hairline / 0.095 - recession


def bald_above(hair: Hair, around: np.ndarray) -> np.ndarray:
    """How far down from the top nothing grows where hair is but a ring, radians."""
    around = np.abs(np.remainder(np.asarray(around) + np.pi, 2 * np.pi) - np.pi)
    bare = np.interp(around, [0.0, 0.9, 1.25, 1.7, 2.4, np.pi], [1.4, 1.3, 1.05, 0.92, 0.98, 1.05])
    return np.minimum(bare, hairline(hair, around) - 0.002)


@lru_cache(maxsize=1)
def _places() -> tuple[np.ndarray, np.ndarray]:
    return angles(head_model().rest - CENTRE)


# How much of the skin hair hides where it grows.
_COVER = {"bald": 0.0, "shaved": 0.45, "crew": 0.8}


def scalp_cover(hair: Hair) -> np.ndarray:
    """How much of the skin (V,) has to be painted in the hair's colour, 0…1: under the hair."""
    m = landmarks()
    polar, around = _places()
    line = hairline(hair, around)
    inside = ramp(polar - line, 0.03, -0.05)
    if hair.kind == "ring":
        bare = bald_above(hair, around)
        inside = inside * ramp(polar - bare, -0.02, 0.06) * ramp(line - bare, 0.05, 0.25)
    return inside * m.skin * (1 - m.ears) * _COVER.get(hair.kind, 0.92)


def sample_hair(
    rng: np.random.Generator, gender: str, age: float, color: Color, skin: Color | None = None
) -> Hair:
    """Hair of a person of a gender ("female" or "male"), an age in years, and colours (sRGB)."""
    dark = skin is not None and float(np.mean(skin)) < 0.47
    shares = dict(_FEMALE if gender == "female" else _MALE)
    if age < 14:
        for kind in ("bald", "ring", "receding"):
            shares.pop(kind, None)
    if gender == "male" and age > 45:
        for kind in ("bald", "ring", "receding"):
            shares[kind] *= 1 + (age - 45) / 8
    for kind in ("afro", "cornrows", "braids"):
        shares[kind] = shares.get(kind, 0.0) * (6.0 if dark else 0.3)
    if dark:
        for kind in ("long_straight", "tucked", "side_part", "swept_back", "fringe_long"):
            shares[kind] = shares.get(kind, 0.0) * 0.3
    kinds = sorted(shares)
    share = np.array([shares[kind] for kind in kinds])
    kind = kinds[int(rng.choice(len(kinds), p=share / share.sum()))]
    older_man = gender == "male" and age > 22
    recession = abs(rng.normal(0, 0.30)) if older_man else rng.normal(-0.12, 0.12)
    if kind == "receding":
        recession = rng.uniform(0.6, 1.0)
    return Hair(
        kind=kind,
        color=tuple(float(c) for c in color),
        length=float(np.clip(rng.normal(1.0, 0.2), 0.6, 1.5)),
        volume=float(np.clip(rng.normal(1.0, 0.22), 0.6, 1.5)),
        waviness=float(rng.uniform(0, 0.7)),
        hairline=float(np.clip(rng.normal(0.0, 0.004), -0.008, 0.008)),
        recession=float(np.clip(recession, -0.4, 1)),
        part=float(rng.choice([-1.0, 1.0]) * rng.uniform(0, 1)),
        seed=int(rng.integers(2**31)),
    )


_MALE = {
    "bald": 3, "ring": 1, "shaved": 6, "crew": 14, "short": 20, "side_part": 16, "swept_back": 9,
    "receding": 5, "curly": 9, "afro": 3, "fringe_short": 8, "long_straight": 1.5,
    "long_wavy": 1.5, "tucked": 1.5, "bun": 1, "top_bun": 1, "cornrows": 2, "braids": 0.3,
}  # fmt: skip
_FEMALE = {
    "shaved": 0.7, "crew": 0.7, "short": 4, "side_part": 3, "curly": 6, "afro": 3,
    "fringe_short": 3, "bob": 10, "long_straight": 12, "long_wavy": 12, "long_curly": 7,
    "tucked": 8, "fringe_bob": 6, "fringe_long": 7, "ponytail": 9, "bun": 8, "top_bun": 4,
    "braids": 4, "cornrows": 2,
}  # fmt: skip
