"""What surrounds a person while they are photographed: light, clothes, cameras. Never a take's."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fermodels.faces.appearance import STUDIO, Appearance
from fermodels.faces.backgrounds import KINDS, Background
from fermodels.faces.clothes import Clothes, sample_clothes
from fermodels.faces.headwear import Headwear, sample_headwear
from fermodels.faces.shading import Color, Light
from fermodels.faces.wear import Earrings, Glasses, sample_earrings, sample_glasses

if TYPE_CHECKING:
    from fermodels.faces.people import Person


@dataclass(frozen=True)
class Occluder:
    """Something before the lens: a blob that reaches in from the image's edge.

    Attributes:
        angle: degrees, from which side; 0 is from the right, 90 from below.
        reach: how far in, a fraction of the side.
        width: a fraction of the side.
    """

    angle: float
    reach: float
    width: float
    color: Color


@dataclass(frozen=True)
class Camera:
    """One camera of a session: where it stands beside its angle, its lens, and its pictures.

    Attributes:
        distance: of the lens from the face, metres. What is near looks large.
        zoom: half the image's height, 1 is that of KDEF's crops.
        shift: sideways and up, in distances from the eyes to the mouth.
        yaw, pitch, roll: degrees off the protocol's angle.
        exposure, white_balance: factors; contrast, saturation: 1 is as it is.
        blur: σ of a Gaussian, a fraction of the side.
        noise: σ, of the range 0…1.
        jpeg: quality 1…100 of compression in the camera, 0 for none.
        seed: of the noise.
    """

    background: Background = field(default_factory=Background)
    distance: float = 2.0
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    exposure: float = 1.0
    white_balance: Color = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    saturation: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int = 0
    occluder: Occluder | None = None
    seed: int = 0


@dataclass(frozen=True)
class Session:
    """Light, clothes and cameras of one session of one person.

    Attributes:
        lights, ambient: see `fermodels.faces.shading`; ambient is its colour from below and above.
        cameras: one a view, or one for all of them.
    """

    lights: tuple[Light, ...] = (
        Light((0.0, 0.25, 1.0), (0.55, 0.55, 0.55), on_camera=True),
        Light((0.5, -0.7, 0.6), (0.30, 0.30, 0.30)),
    )
    ambient: tuple[Color, Color] = ((0.22, 0.21, 0.20), (0.34, 0.34, 0.35))
    clothes: Clothes = field(default_factory=Clothes)
    glasses: Glasses | None = None
    headwear: Headwear | None = None
    earrings: Earrings | None = None
    cameras: tuple[Camera, ...] = (Camera(),)

    def camera(self, view: int) -> Camera:
        """Of view number `view`; several views may share one."""
        return self.cameras[view % len(self.cameras)]


def sample_session(
    rng: np.random.Generator, person: Person, appearance: Appearance = STUDIO, views: int = 1
) -> Session:
    """Light, clothes and cameras of a session of a person, drawn from a seed.

    Args:
        views: number of cameras. In the studio all share one background and lens; in the wide world
            each has its own, so that only the face says which images belong together.
    """
    outdoors = rng.random() < appearance.outdoors
    lights, ambient = _any_light(rng) if outdoors else _studio_light(rng)
    worn = {
        "clothes": sample_clothes(rng),
        "glasses": sample_glasses(rng) if rng.random() < appearance.glasses else None,
        "headwear": sample_headwear(rng, person.gender)
        if rng.random() < appearance.headwear
        else None,
        "earrings": sample_earrings(rng)
        if rng.random() < appearance.earrings * (1.0 if person.gender == "female" else 0.3)
        else None,
    }
    if appearance.own_cameras:
        cameras = tuple(_any_camera(rng, appearance) for _ in range(views))
    else:
        cameras = (_studio_camera(rng, appearance),)
    return Session(lights=lights, ambient=ambient, cameras=cameras, **worn)


def _studio_light(rng: np.random.Generator):
    warm = float(np.clip(rng.normal(0.01, 0.03), -0.06, 0.07))
    tint = np.array([1 + warm, 1.0, 1 - warm])
    side = rng.choice([-1.0, 1.0])
    key, fill = rng.uniform(0.45, 0.85), rng.uniform(0.25, 0.5)
    lights = (
        Light(
            (side * rng.uniform(0.3, 1.0), -1.0, rng.uniform(0.2, 1.0)),
            tuple(key * tint),
            shadow=float(rng.uniform(0.3, 0.8)),
        ),
        Light((0.0, rng.uniform(0, 0.5), 1.0), tuple(fill * tint), on_camera=True),
    )
    base = rng.uniform(0.22, 0.38)
    return lights, (tuple(0.7 * base * tint), tuple(base * tint))


def _any_light(rng: np.random.Generator):
    """One to three coloured lamps from anywhere before or above, and coloured light around."""
    lights = []
    for number in range(int(rng.integers(1, 4))):
        around = rng.uniform(-2.6, 2.6) if number else rng.uniform(-1.4, 1.4)
        up = rng.uniform(-0.2, 1.2)
        color = _light_color(rng) * rng.uniform(0.25, 0.95) / (1 + 0.5 * number)
        direction = (float(np.sin(around)), float(-np.cos(around)), float(up))
        lights.append(Light(direction, tuple(color), shadow=float(rng.uniform(0.2, 0.95))))
    if rng.random() < 0.4:
        lights.append(
            Light((0.0, 0.2, 1.0), tuple(_light_color(rng) * rng.uniform(0.1, 0.4)), on_camera=True)
        )
    base = rng.uniform(0.15, 0.5)
    ambient = tuple(base * 0.7 * _light_color(rng)), tuple(base * _light_color(rng))
    return tuple(lights), ambient


def _light_color(rng: np.random.Generator) -> np.ndarray:
    """From lamplight to blue sky, seldom a colour of its own; mean 1."""
    warm = rng.normal(0, 0.16)
    color = np.array([1 + warm, 1.0, 1 - warm])
    if rng.random() < 0.15:
        color = color * rng.uniform(0.5, 1.5, 3)
    return np.clip(color, 0.2, 2) / np.clip(color, 0.2, 2).mean()


def _studio_camera(rng: np.random.Generator, appearance: Appearance) -> Camera:
    hue, saturation, value = rng.uniform(), rng.uniform(0, 0.25), rng.uniform(0.25, 0.9)
    bottom = np.array(colorsys.hsv_to_rgb(hue, saturation, value))
    top = np.clip(bottom * rng.uniform(0.85, 1.2), 0, 1)
    return Camera(
        background=Background("wall", tuple(bottom), tuple(top)),
        distance=float(rng.uniform(*appearance.lens)),
        zoom=float(rng.uniform(*appearance.zoom)),
        shift=(0.0, float(rng.normal(0, appearance.shift))),
        seed=int(rng.integers(2**31)),
    )


def _any_camera(rng: np.random.Generator, appearance: Appearance) -> Camera:
    bad = appearance.quality
    kind = "wall" if rng.random() > appearance.clutter else KINDS[1 + rng.integers(len(KINDS) - 1)]
    bottom, top = (colorsys.hsv_to_rgb(*rng.uniform([0, 0, 0.1], [1, 0.7, 0.95])) for _ in "bt")
    warm, green = rng.normal(0, 0.10 * bad), rng.normal(0, 0.05 * bad)
    near, far = np.log(appearance.lens)
    small, large = np.log(appearance.zoom)
    occluder = None
    if rng.random() < appearance.occluded:
        occluder = Occluder(
            angle=float(rng.uniform(0, 360)),
            reach=float(rng.uniform(0.12, 0.38)),
            width=float(rng.uniform(0.10, 0.35)),
            color=tuple(rng.uniform(0, 0.9, 3)),
        )
    return Camera(
        background=Background(
            kind,
            bottom,
            top,
            clutter=float(rng.uniform(0.2, 1.0)),
            blur=float(rng.choice([0.0, 0.01, 0.03, 0.06])),
            seed=int(rng.integers(2**31)),
        ),
        distance=float(np.exp(rng.uniform(near, far))),
        zoom=float(np.exp(rng.uniform(small, large))),
        shift=tuple(float(v) for v in rng.normal(0, appearance.shift, 2)),
        yaw=float(rng.normal(0, 5.0)),
        pitch=float(rng.normal(0, appearance.pitch)),
        roll=float(rng.normal(0, appearance.roll)),
        exposure=float(np.exp(rng.normal(0, 0.28 * bad))),
        white_balance=(float(1 + warm), float(1 + green), float(1 - warm)),
        contrast=float(np.exp(rng.normal(0, 0.18 * bad))),
        saturation=float(np.clip(rng.normal(1.0, 0.3 * bad), 0, 2)) * (rng.random() > 0.1 * bad),
        blur=float(max(0.0, rng.normal(0, 0.007 * bad))),
        noise=float(max(0.0, rng.normal(0, 0.025 * bad))),
        jpeg=int(rng.integers(25, 95)) if rng.random() < 0.5 * bad else 0,
        occluder=occluder,
        seed=int(rng.integers(2**31)),
    )
