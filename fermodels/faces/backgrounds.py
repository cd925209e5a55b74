"""What is behind a person: plain walls, gradients, rooms, streets, gardens. Drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Color = tuple[float, float, float]
KINDS = ("wall", "spots", "room", "street", "garden", "stripes")


@dataclass(frozen=True)
class Background:
    """A wall or a place.

    Attributes:
        kind: one of `KINDS`.
        bottom, top: sRGB 0…1, the two colours that it is made of.
        clutter: contrast of what stands there, 0…1.
        blur: σ, a fraction of the side: how far out of focus it is.
        seed: of its details.

    Raises:
        ValueError: another kind.
    """

    kind: str = "wall"
    bottom: Color = (0.55, 0.56, 0.58)
    top: Color = (0.62, 0.63, 0.65)
    clutter: float = 0.0
    blur: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown background {self.kind!r}: known are {', '.join(KINDS)}")


def draw_background(background: Background, size: int) -> np.ndarray:
    """float (size, size, 3), sRGB 0…1."""
    rng = np.random.default_rng(background.seed)
    rise = np.linspace(1, 0, size, dtype=np.float32)[:, None, None]
    bottom, top = np.asarray(background.bottom), np.asarray(background.top)
    image = np.broadcast_to(bottom + (top - bottom) * rise, (size, size, 3)).astype(np.float32)
    if background.kind != "wall":
        image = _DRAWN[background.kind](image.copy(), background, rng)
    if background.kind == "wall" or background.blur <= 0:
        return np.clip(image, 0, 1)
    from scipy.ndimage import gaussian_filter

    sigma = background.blur * size
    return np.clip(gaussian_filter(image, (sigma, sigma, 0), mode="nearest"), 0, 1)


def noise(rng: np.random.Generator, size: int, cells: int, channels: int = 1) -> np.ndarray:
    """Smooth noise float32 (size, size, channels) of about unit variance, `cells` bumps a side."""
    coarse = rng.standard_normal((cells + 1, cells + 1, channels)).astype(np.float32)
    at = np.linspace(0, cells, size, dtype=np.float32)
    low = np.minimum(at.astype(int), cells - 1)
    part = at - low
    weight = np.zeros((size, cells + 1), np.float32)
    weight[np.arange(size), low], weight[np.arange(size), low + 1] = 1 - part, part
    return 1.3 * np.einsum("hi,wj,ijc->hwc", weight, weight, coarse, optimize=True)


def _any_color(background: Background, rng: np.random.Generator) -> np.ndarray:
    near = np.asarray(background.bottom if rng.random() < 0.5 else background.top)
    return near + background.clutter * (rng.uniform(0, 1, 3) - near)


def _boxes(image, background, rng, count, low, high, upright) -> np.ndarray:
    size = len(image)
    for _ in range(count):
        w = rng.uniform(low, high) * size
        h = rng.uniform(low, high) * size * upright
        x, y = rng.uniform(-0.2, 1.0, 2) * size
        rows = slice(max(0, int(y)), max(0, int(y + h)))
        columns = slice(max(0, int(x)), max(0, int(x + w)))
        image[rows, columns] = _any_color(background, rng)
    return image


def _spots(image, background, rng) -> np.ndarray:
    size = len(image)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    for _ in range(int(rng.integers(6, 16))):
        radius = rng.uniform(0.04, 0.25)
        cx, cy = rng.uniform(-0.1, 1.1, 2)
        inside = (np.hypot(x - cx, y - cy) < radius)[..., None]
        image = np.where(inside, 0.35 * image + 0.65 * _any_color(background, rng), image)
    return image


def _room(image, background, rng) -> np.ndarray:
    image = _boxes(image, background, rng, int(rng.integers(4, 12)), 0.08, 0.5, 1.2)
    size = len(image)
    if rng.random() < 0.6:  # a window
        x, y = (int(v * size) for v in rng.uniform(0, 0.7, 2))
        image[y : y + size // 3, x : x + size // 4] = rng.uniform(0.75, 1.0)
    return image + 0.05 * background.clutter * noise(rng, size, 24)


def _street(image, background, rng) -> np.ndarray:
    image = _boxes(image, background, rng, int(rng.integers(6, 14)), 0.1, 0.35, 2.5)
    return _boxes(image, background, rng, int(rng.integers(10, 30)), 0.02, 0.08, 1.5)


def _garden(image, background, rng) -> np.ndarray:
    size = len(image)
    leaves = noise(rng, size, int(rng.integers(8, 14))) + 0.7 * noise(rng, size, 28)
    green = np.array([0.30, 0.42, 0.20]) * rng.uniform(0.5, 1.5)
    amount = np.clip(0.5 + 0.5 * leaves, 0, 1) * background.clutter
    return image * (1 - amount) + green * amount + 0.08 * background.clutter * leaves


def _stripes(image, background, rng) -> np.ndarray:
    size = len(image)
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    wave = np.sin(2 * np.pi * rng.uniform(3, 12) * (np.cos(angle) * x + np.sin(angle) * y))
    inside = (wave > rng.uniform(-0.3, 0.6))[..., None]
    return np.where(inside, _any_color(background, rng), image)


_DRAWN = {"spots": _spots, "room": _room, "street": _street, "garden": _garden, "stripes": _stripes}
