"""How much people and pictures differ: the studio's narrow world and the wide one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Appearance:
    """Ranges and shares from which people, sessions and cameras are drawn.

    Attributes:
        name: "studio" or "wide".
        shape_spread: standard deviation of the local face shapes.
        skin_spread: of a skin's brightness, a fraction.
        texture: of the skin: 1 is smooth, 2 rough.
        lipstick, beard, glasses, earrings, headwear: shares of the people who have them.
        own_cameras: every camera of a session has its own background, lens and picture quality.
        outdoors: share of sessions in coloured light from anywhere.
        clutter: share of cameras before something else than a wall.
        lens: distances of the lens, metres.
        zoom: smallest and largest half height of a picture, 1 is that of KDEF's crops.
        shift: standard deviation of the framing, in distances from the eyes to the mouth.
        roll, pitch: standard deviations of a camera's angles, degrees.
        quality: how bad pictures may be (exposure, colour, blur, noise, compression), 0…1.
        occluded: share of cameras with something before the lens.
    """

    name: str
    shape_spread: float = 0.18
    skin_spread: float = 0.03
    texture: float = 1.0
    lipstick: float = 0.1
    beard: float = 0.15
    glasses: float = 0.0
    earrings: float = 0.1
    headwear: float = 0.0
    own_cameras: bool = False
    outdoors: float = 0.0
    clutter: float = 0.0
    lens: tuple[float, float] = (1.8, 2.4)
    zoom: tuple[float, float] = (0.92, 1.08)
    shift: float = 0.05
    roll: float = 0.0
    pitch: float = 0.0
    quality: float = 0.0
    occluded: float = 0.0


#: The studio, with even light and cameras of one kind.
STUDIO = Appearance("studio")
#: The wide world, with light, backgrounds and cameras of many kinds.
WIDE = Appearance(
    "wide",
    shape_spread=0.20,
    skin_spread=0.08,
    texture=1.8,
    lipstick=0.25,
    beard=0.35,
    glasses=0.18,
    earrings=0.25,
    headwear=0.12,
    own_cameras=True,
    outdoors=0.6,
    clutter=0.75,
    lens=(0.55, 3.0),
    zoom=(0.78, 1.35),
    shift=0.09,
    roll=5.0,
    pitch=6.0,
    quality=1.0,
    occluded=0.08,
)
#: Name → appearance.
APPEARANCES = {appearance.name: appearance for appearance in (STUDIO, WIDE)}
