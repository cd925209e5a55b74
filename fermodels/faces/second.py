"""People of the second face model, and the renderer that draws them. For judging only."""

from __future__ import annotations

import colorsys
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fermodels.faces.actions import ACTIONS
from fermodels.faces.backgrounds import Background, draw_background
from fermodels.faces.canvas import Canvas, Viewpoint
from fermodels.faces.developing import develop
from fermodels.faces.people import Difficulty, Style, between, sample_style
from fermodels.faces.render import (
    FOLD_TINT,
    as_takes,
    lit_colors,
    picture_number,
    rotation,
    viewpoint,
)
from fermodels.faces.second_folds import Folds
from fermodels.faces.second_model import EYES, SKIN, TEETH, SecondFaceModel, read_second_face_model
from fermodels.faces.second_paint import Places, SecondLook, grow_hair, paint
from fermodels.faces.sessions import Camera, Session
from fermodels.faces.shading import Light, shade_fixed, shadow
from fermodels.faces.triangles import Triangles

# Skin from light to dark, sRGB.
_SKIN = np.array(
    [
        [0.94, 0.79, 0.71],
        [0.88, 0.71, 0.60],
        [0.80, 0.61, 0.48],
        [0.68, 0.49, 0.37],
        [0.55, 0.37, 0.27],
        [0.40, 0.27, 0.20],
        [0.29, 0.20, 0.16],
    ]
)
_HAIR = ((0.06, 0.05, 0.05), (0.16, 0.11, 0.08), (0.30, 0.20, 0.12), (0.56, 0.43, 0.27),
         (0.42, 0.19, 0.09), (0.62, 0.60, 0.58))  # fmt: skip
_IRIS = ((0.20, 0.12, 0.07), (0.32, 0.20, 0.10), (0.36, 0.47, 0.58), (0.38, 0.46, 0.34),
         (0.44, 0.35, 0.20))  # fmt: skip
# Directions from which light of the room comes, for the shade in eye sockets, nostrils and mouth.
_SKY = np.array(
    [
        [np.cos(t) * np.sin(p), -np.cos(t) * np.cos(p), np.sin(t)]
        for t in np.deg2rad([-25, 10, 45])
        for p in np.deg2rad([-75, -25, 25, 75])
    ]
)


@dataclass(frozen=True)
class SecondPerson:
    """An identity of the second model.

    Attributes:
        identity: weights (K,) of the model's principal components.
        look: colours of skin, hair and eyes.
        style: how the person shows emotions, for `fermodels.faces.sample_take`.
    """

    identity: tuple[float, ...]
    look: SecondLook
    style: Style


def sample_second_person(rng: np.random.Generator, model: SecondFaceModel) -> SecondPerson:
    """A new person of the second model; every tone of skin is as likely as every other."""
    identity = np.clip(rng.normal(0, 0.85, len(model.identity)), -2, 2)
    tone = float(rng.uniform(0, len(_SKIN) - 1))
    skin = np.clip(between(_SKIN, tone) * rng.normal(1, [0.015, 0.02, 0.02]), 0, 1)
    dark = tone > 2.8
    hair = np.asarray(_HAIR[rng.integers(2 if dark else len(_HAIR))]) * rng.uniform(0.85, 1.15)
    iris = np.asarray(_IRIS[rng.integers(2 if dark else len(_IRIS))]) * rng.uniform(0.85, 1.15)
    red = rng.uniform(0.45, 0.9)
    lips = skin * (1 - red) + red * skin * [0.90, 0.56, 0.58]
    look = SecondLook(
        skin=tuple(skin),
        lips=tuple(lips),
        hair=tuple(np.clip(hair, 0, 1)),
        iris=tuple(np.clip(iris, 0, 1)),
        hair_cover=float(rng.uniform(0.2, 0.5) if rng.random() < 0.15 else rng.uniform(0.9, 1)),
        hair_volume=float(rng.uniform(0.002, 0.018)),
        hairline=float(rng.normal(0, 0.006)),
        mottle=float(rng.uniform(0.2, 0.7)),
        freckles=float(rng.uniform(0.2, 0.8) if tone < 2.2 and rng.random() < 0.4 else 0.0),
        blush=float(rng.uniform(0.15, 0.6)),
        eye_shade=float(rng.uniform(0.1, 0.5)),
        folds=float(rng.uniform(0.2, 0.55)),
        brow_strength=float(rng.uniform(0.65, 0.95)),
        brow_width=float(rng.uniform(0.75, 1.3)),
        stubble=float(rng.uniform(0.15, 0.6) if rng.random() < 0.3 else 0.0),
        seed=int(rng.integers(2**31)),
    )
    return SecondPerson(tuple(identity.tolist()), look, sample_style(rng, Difficulty()))


def sample_second_session(rng: np.random.Generator, person: SecondPerson) -> Session:
    """Light and wall of one person, the same for all takes and cameras; exposed for the face."""
    hue, saturation, value = rng.uniform(0, 1), rng.uniform(0, 0.35), rng.uniform(0.2, 0.95)
    wall = np.array(colorsys.hsv_to_rgb(hue, saturation, value))
    warm = rng.normal(0.0, 0.05)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    side = rng.choice([-1.0, 1.0])
    exposure = float(np.clip(0.62 / np.mean(person.look.skin), 0.95, 2.0))
    key = exposure * rng.uniform(0.4, 0.75)
    direction = (float(side * rng.uniform(0.2, 1.1)), -1.0, float(rng.uniform(0.2, 1.0)))
    lights = (
        Light(direction, tuple(key * tint), shadow=float(rng.uniform(0.3, 0.8))),
        Light((-direction[0], -0.6, 0.2), tuple(exposure * rng.uniform(0.08, 0.3) * (2 - tint))),
        Light((0.0, 0.2, 1.0), (float(exposure * rng.uniform(0.1, 0.25)),) * 3, on_camera=True),
    )
    ambient = float(exposure * rng.uniform(0.3, 0.45))
    background = Background(
        bottom=tuple(wall), top=tuple(np.clip(wall * rng.uniform(0.75, 1.25), 0, 1))
    )
    camera = Camera(
        background=background,
        distance=float(rng.uniform(1.2, 2.5)),
        zoom=float(rng.normal(1.0, 0.03)),
        shift=(0.0, float(rng.normal(0, 0.04))),
    )
    return Session(
        lights=lights, ambient=((0.75 * ambient,) * 3, (ambient,) * 3), cameras=(camera,)
    )


class _Head:
    """What all images of a person share."""

    def __init__(self, model: SecondFaceModel, places: Places, person: SecondPerson) -> None:
        self.model, self.person = model, person
        self.identity = np.asarray(person.identity, np.float32)
        self.albedo = paint(model, places, person.look)
        self.hair = grow_hair(places, person.look).astype(np.float32)
        rest = model.points(self.identity, np.zeros(len(ACTIONS)))
        eyes = rest[model.is_part(*EYES)].mean(axis=0)
        mouth = rest[places.lips > 0.5].mean(axis=0)
        self.aim = (0.5 * (eyes + mouth) + [0.0, 0.05, 0.0]).astype(np.float32)
        self.aim[0] = 0.0
        self.unit = float(np.linalg.norm(eyes - mouth))


class SecondFaceRenderer:
    """Draws people of the second face model, as `FaceRenderer` draws ours.

    Args:
        model: the model, or the path of its file (see `read_second_face_model`).
        size: height and width of the images in pixels, 16…512.

    Raises:
        ValueError: another size, a model that cannot be read, or one of another head.
    """

    def __init__(self, model: SecondFaceModel | str | os.PathLike, size: int = 96) -> None:
        is_model = isinstance(model, SecondFaceModel)
        self.model = model if is_model else read_second_face_model(model)
        self.size = size
        self._places = Places(self.model)
        if not (self._places.lips > 0.5).any():
            raise ValueError(
                f"{self.model.source}: no skin where the lips of the ICT FaceKit's neutral head "
                "are; it is another head, or in other units than centimetres"
            )
        # Before any window: torch's triton and Mesa's software OpenGL bring an LLVM each, and
        # importing the first after the second has started crashes.
        with suppress(ImportError):
            import triton  # noqa: F401
        self._canvas = Canvas(size)
        self._head: _Head | None = None

    def close(self) -> None:
        """Frees the window."""
        self._canvas.close()

    @cached_property
    def _folds(self) -> Folds:
        return Folds(self._places)

    @cached_property
    def _triangles(self) -> Triangles:
        return Triangles(self.model.triangles, len(self.model.neutral))

    @cached_property
    def _shine(self) -> tuple[np.ndarray, np.ndarray]:
        """Strength and exponent of the highlights, (V,) each."""
        model = self.model
        strength = np.where(model.is_part(*SKIN), 0.05, 0.15)
        strength[model.is_part(*EYES)] = 0.6
        strength[model.is_part(TEETH)] = 0.2
        gloss = np.where(model.is_part(*EYES), 90.0, 14.0)
        return strength.astype(np.float32), gloss.astype(np.float32)

    def render(
        self,
        person: SecondPerson,
        session: Session,
        actions: np.ndarray,
        yaws: tuple[float, ...] = (0.0,),
        pose: np.ndarray | tuple[float, float, float] = (0.0, 0.0, 0.0),
        pitch: float = 0.0,
    ) -> np.ndarray:
        """Images of a person's takes from several cameras; see `FaceRenderer.render`.

        Of the session it takes lights, ambient light and cameras; the head wears nothing.

        Returns:
            uint8 (V, size, size, 3) for one take, (N, V, size, size, 3) for N takes.

        Raises:
            ValueError: actions are not 52 weights.
        """
        takes = as_takes(actions)
        if self._head is None or self._head.person is not person:
            self._head = _Head(self.model, self._places, person)
        head = self._head
        walls = [draw_background(session.camera(j).background, self.size) for j in range(len(yaws))]
        poses = np.broadcast_to(np.asarray(pose, dtype=float), (len(takes), 3))
        images = np.empty((len(takes), len(yaws), self.size, self.size, 3), np.uint8)
        for i, (weights, turn) in enumerate(zip(takes, poses, strict=True)):
            take = self._take(head, session, weights, rotation(*turn))
            for j, yaw in enumerate(yaws):
                camera = session.camera(j)
                view = viewpoint(camera, yaw, pitch, head.unit)
                self._canvas.load(take.points, self._seen(take, view))
                colors = lit_colors(
                    view, take.points, take.normals, take.albedo, take.light, session.lights,
                    *self._shine,
                )  # fmt: skip
                drawn = self._canvas.draw(colors, view)
                images[i, j] = develop(drawn, walls[j], camera, picture_number(weights, j))
        return images[0] if np.ndim(actions) == 1 else images

    def _take(self, head: _Head, session: Session, weights, turn: np.ndarray) -> _Take:
        points = self.model.points(head.identity, weights)
        normals = self._triangles.point_normals(self._triangles.normals(points))
        depth, dark = self._folds.on(weights, head.person.look.folds)
        points = points + (head.hair - depth)[:, None] * normals
        points = ((points - head.aim) @ turn.T).astype(np.float32)
        faces = self._triangles.normals(points)
        normals = self._triangles.point_normals(faces).astype(np.float32)
        light = shade_fixed(
            points, normals, session.lights, session.ambient, _occlusion(points, normals)
        )
        albedo = head.albedo * (1 - dark[:, None] * FOLD_TINT)
        return _Take(points, faces, normals, albedo.astype(np.float32), light)

    def _seen(self, take: _Take, view: Viewpoint) -> np.ndarray:
        direction = np.subtract(view.position, view.target)
        return self._triangles.seen_from(take.faces, direction)


@dataclass(frozen=True)
class _Take:
    """One moment: points, normals of triangles and points, colours, and light from the room."""

    points: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    albedo: np.ndarray
    light: np.ndarray


def _occlusion(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """How much of the room's light other parts of the head keep from each point, 0…1, (V,)."""
    facing = np.maximum(normals @ _SKY.T, 0) + 0.05  # (V, directions)
    hidden = np.stack([shadow(points, direction) for direction in _SKY], axis=1)
    return np.einsum("vd,vd->v", facing, hidden) / facing.sum(axis=1)
