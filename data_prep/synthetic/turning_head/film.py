"""Who is in the film, what its frames look like, and what is true in each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from data_prep.synthetic.turning_head.acting import Act, act
from fermodels.faces import (
    PROTOTYPES,
    WIDE,
    Camera,
    FaceRenderer,
    Person,
    Session,
    sample_person,
    sample_session,
)
from fermodels.faces.backgrounds import draw_background
from fermodels.faces.developing import develop
from fermodels.faces.render import HALF_HEIGHT

if TYPE_CHECKING:
    import pandas as pd

EXPRESSIONS = ("happy", "surprised", "angry", "sad", "disgusted")
_ROOM = replace(WIDE, outdoors=0.0)  # lit as in a studio, before any background
# Of one and of two people: where the head's axis is, in widths of the film, and half the film's
# height, in those of KDEF's crops. The nearest comes last, as it hides who is behind.
_PLACES = {1: ((0.5, 2.0),), 2: ((0.75, 3.0), (0.29, 2.1))}
_ABOVE = 0.35  # how far the face is above the middle, in distances from the eyes to the mouth
_LENS = 0.3  # metres of distance for each half height: the lens of a laptop
_BODY = 0.8  # share of the turn that shoulders make: the neck is not made for turning far
_NOISE = 0.004
_WHO, _HOW = range(2)  # streams of random numbers


@dataclass(frozen=True)
class Film:
    """All that a film depends on.

    Attributes:
        person: number of who turns; other numbers are other people.
        seed: of how they move, talk and blink.
        faces: 1, or 2 people beside each other, the second nearer than the first.
        expressions: shown in this order, see `act`.
        size: width and height in pixels, even, at most 1024 × 512, not higher than wide.
        missing: (start, stop) in seconds, when nobody is there.
        hold: one expression is held from beginning to end, and nothing is said.

    Raises:
        ValueError: a value that is not of that kind.
    """

    person: int = 2
    seed: int = 0
    faces: int = 1
    expressions: tuple[str, ...] = EXPRESSIONS
    seconds: float = 20.0
    size: tuple[int, int] = (640, 480)
    fps: float = 25.0
    missing: tuple[tuple[float, float], ...] = ()
    hold: bool = False

    def __post_init__(self) -> None:
        for name in ("person", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name} must be 0 or more, got {getattr(self, name)}")
        if self.faces not in _PLACES:
            raise ValueError(f"--faces must be 1 or 2, got {self.faces}")
        unknown = [name for name in self.expressions if name not in PROTOTYPES]
        if unknown or not self.expressions:
            named = f"{unknown[0]!r} is none" if unknown else "there is none"
            raise ValueError(f"--expressions: {named}; known are {', '.join(sorted(PROTOTYPES))}")
        if self.hold and len(self.expressions) != 1:
            raise ValueError(
                f"--hold: one expression is held, not {len(self.expressions)}: --expressions happy"
            )
        width, height = self.size
        if width % 2 or height % 2 or not 32 <= height <= 512 or not height <= width <= 1024:
            raise ValueError(
                "--size must be two even numbers, width x height, at most 1024x512 and at least "
                f"32x32, not higher than wide; got {width}x{height}"
            )
        if not 1 <= self.fps <= 120:
            raise ValueError(f"--fps must be 1 to 120, got {self.fps:g}")
        if not 1 <= self.seconds <= 600:
            raise ValueError(f"--seconds must be 1 to 600, got {self.seconds:g}")
        for start, stop in self.missing:
            if not 0 <= start < stop <= self.seconds:
                raise ValueError(
                    f"--missing {start:g}-{stop:g}: must be two moments of the film, the second "
                    f"after the first, 0 to {self.seconds:g} seconds"
                )

    @cached_property
    def times(self) -> np.ndarray:
        """(T,), the moments of the frames in seconds."""
        return np.arange(max(2, round(self.seconds * self.fps))) / self.fps

    @cached_property
    def nobody(self) -> np.ndarray:
        """bool (T,), whether nobody is there."""
        away = [(self.times >= start) & (self.times < stop) for start, stop in self.missing]
        return np.any([np.zeros(len(self.times), bool), *away], axis=0)


@dataclass(frozen=True)
class _Part:
    """One person of a film: who, where, and what they do."""

    person: Person
    session: Session
    act: Act
    place: float  # of the head's axis, in widths of the film


def frames(film: Film) -> Iterator[np.ndarray]:
    """The film's frames uint8 (H, W, 3) RGB, one after the other; equal films have equal ones."""
    width, height = film.size
    parts = _parts(film)
    camera = parts[0].session.camera(0)
    spare = (width - height) // 2
    wall = draw_background(camera.background, width)[spare : spare + height]
    with ExitStack() as windows:
        renderers = [windows.enter_context(closing(FaceRenderer(height, width))) for _ in parts]
        for number in range(len(film.times)):
            drawn = np.zeros((height, width, 4), np.uint8)
            for part, renderer in () if film.nobody[number] else zip(parts, renderers, strict=True):
                drawn = _before(_cutout(renderer, part, number), drawn)
            yield develop(drawn, wall, camera, number)


def truth(film: Film) -> pd.DataFrame:
    """What is to be seen: a row for each frame and each person who is there.

    Columns: `frame`, `seconds`, `person`, `yaw`, `pitch` and `roll` (degrees), `expression` (the
    one of which more than half has come, else neutral), `intensity` (0…1, of the expression that
    comes or goes), `speaking`, `x` and `y` (pixels, where the middle between eyes and mouth is, on
    the head's axis), `eyes_to_mouth` (pixels, as seen from the front) and `actions` (52 weights,
    in the order of `fermodels.faces.ACTIONS`).
    """
    import pandas as pd

    width, height = film.size
    rows = []
    for who, part in enumerate(_parts(film)):
        unit = height / 2 / (HALF_HEIGHT * part.session.camera(0).zoom)
        own = part.act
        for number in np.flatnonzero(~film.nobody):
            yaw, pitch, roll = own.poses[number].round(2).tolist()
            rows.append(
                {
                    "frame": int(number),
                    "seconds": float(film.times[number]),
                    "person": film.person + who,
                    "yaw": yaw,
                    "pitch": pitch,
                    "roll": roll,
                    "expression": own.expressions[number] if own.level[number] > 0.5 else "neutral",
                    "intensity": round(float(own.level[number]), 3),
                    "speaking": bool(own.speaking[number]),
                    "x": round(part.place * width, 1),
                    "y": round(height / 2 - _ABOVE * unit, 1),
                    "eyes_to_mouth": round(unit, 1),
                    "actions": own.actions[number].round(3).tolist(),
                }
            )
    return pd.DataFrame(rows).sort_values(["frame", "person"], ignore_index=True)


def _parts(film: Film) -> list[_Part]:
    parts: list[_Part] = []
    for who, (place, zoom) in enumerate(_PLACES[film.faces]):
        rng = np.random.default_rng([_WHO, film.person + who])
        gender = ("female", "male")[(film.person + who) % 2]
        person = sample_person(rng, gender, float(rng.uniform(18, 70)), _ROOM)
        session = sample_session(rng, person, _ROOM)
        camera = Camera(
            background=session.camera(0).background,
            distance=_LENS * zoom,
            zoom=zoom,
            shift=(0.0, -_ABOVE),
            noise=_NOISE,
        )
        lit = parts[0].session if parts else session
        session = replace(session, lights=lit.lights, ambient=lit.ambient, cameras=(camera,))
        rng = np.random.default_rng([_HOW, film.seed, who])
        shown = film.expressions[who:] + film.expressions[:who]  # two show different ones
        acted = act(
            rng, person, shown, film.times, film.seconds, mirrored=bool(who % 2), hold=film.hold
        )
        parts.append(_Part(person, session, acted, place))
    return parts


def _cutout(renderer: FaceRenderer, part: _Part, number: int) -> np.ndarray:
    """The person in one frame, uint8 (H, W, 4).

    Shoulders turn too: the camera goes around them, and the lamps of the room with it.
    """
    yaw, pitch, roll = part.act.poses[number]
    body = _BODY * yaw
    a = np.deg2rad(body)
    around = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
    lights = tuple(
        light if light.on_camera else replace(light, direction=tuple(around @ light.direction))
        for light in part.session.lights
    )
    drawn = renderer.cutout(
        part.person,
        replace(part.session, lights=lights),
        part.act.actions[number],
        body,
        (yaw - body, pitch, roll),
    )
    width = drawn.shape[1]
    aside = round((part.place - 0.5) * width)
    moved = np.zeros_like(drawn)
    source, target = max(0, -aside), max(0, aside)
    moved[:, target : width - source] = drawn[:, source : width - target]
    return moved


def _before(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """One cutout over another, uint8 (H, W, 4)."""
    if not far[..., 3].any():
        return near
    over = near[..., 3:].astype(np.float32) / 255
    below = far[..., 3:].astype(np.float32) / 255 * (1 - over)
    cover = over + below
    colors = (near[..., :3] * over + far[..., :3] * below) / np.maximum(cover, 1 / 255)
    return np.concatenate([colors, 255 * cover], axis=2).round().astype(np.uint8)
