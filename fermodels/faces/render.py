"""Heads to images: a person, a session, takes and cameras in, pictures out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from fermodels.faces.actions import ACTIONS
from fermodels.faces.backgrounds import draw_background
from fermodels.faces.canvas import Canvas, Viewpoint
from fermodels.faces.clothes import clothes_pieces
from fermodels.faces.creases import creases
from fermodels.faces.developing import develop
from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model
from fermodels.faces.paint import eye_colors, skin_colors, skin_shine
from fermodels.faces.parts import eyeball, place_eye, teeth
from fermodels.faces.people import Person
from fermodels.faces.pieces import Piece, merged
from fermodels.faces.sessions import Camera, Session
from fermodels.faces.shading import Light, shade_fixed, shade_view, to_pixels
from fermodels.faces.triangles import Triangles
from fermodels.faces.worn import worn_pieces

HALF_HEIGHT = 1.45  # of the image, in distances from the eyes to the mouth, as KDEF's crops


@dataclass(frozen=True)
class _Identity:
    """What all images of a person share."""

    person: Person

    @cached_property
    def coarse(self) -> np.ndarray:
        """Anny's vertices of the face at rest, float32 (4538, 3)."""
        rest = np.zeros((1, len(ACTIONS)), dtype=np.float32)
        return head_model().coarse_vertices(self.person.phenotype, self.person.shapes, rest)[0]

    @cached_property
    def fine(self) -> np.ndarray:
        """The smooth head at rest, float32 (V, 3)."""
        return head_model().smooth_vertices(self.coarse[None])[0]

    @cached_property
    def eyes(self) -> np.ndarray:
        """Centres of the right and the left eye, (2, 3)."""
        head = head_model()
        return np.stack([self.coarse[ids].mean(axis=0) for ids in (head.right_eye, head.left_eye)])

    @cached_property
    def skin(self) -> np.ndarray:
        """Albedo float32 (V, 3)."""
        return skin_colors(self.person)

    @cached_property
    def shine(self) -> np.ndarray:
        return skin_shine(self.person)

    @cached_property
    def aim(self) -> np.ndarray:
        """Between the eyes and the mouth, 5 cm inside: the middle of the images."""
        mouth = self.fine[landmarks().mouth].mean(axis=0)
        aim = 0.5 * (self.eyes.mean(axis=0) + mouth) + [0.0, 0.05, 0.0]
        aim[0] = 0.0
        return aim

    @cached_property
    def unit(self) -> float:
        """From the eyes to the mouth: 6 to 7 cm in an adult."""
        mouth = self.fine[landmarks().mouth].mean(axis=0)
        return float(np.linalg.norm(self.eyes.mean(axis=0) - mouth))


class _Scene:
    """All meshes of a person in a session as one: skin, eyes, teeth, hair, what is worn."""

    def __init__(self, own: _Identity, session: Session) -> None:
        self.own = own
        sphere, sphere_faces = eyeball()
        tooth_points, tooth_faces, tooth_colors = teeth(own.fine)
        self.tooth_points = tooth_points
        worn = worn_pieces(own.person, session, own.fine, own.eyes)
        self.pieces: list[Piece] = [
            *worn,
            *clothes_pieces(session.clothes, own.fine, own.person.skin.color),
        ]
        counts = [len(own.fine), 2 * len(sphere), len(tooth_points)]
        others = [
            np.concatenate([sphere_faces, sphere_faces + len(sphere)]),
            tooth_faces,
            *(piece.triangles for piece in self.pieces),
        ]
        counts += [len(piece.points) for piece in self.pieces]
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self.count = int(self.starts[-1])
        self.skin = _skin_triangles()
        # Beside the skin's, which are chosen anew for every camera.
        self.rest = merged([np.zeros((0, 3), int), *others], counts)
        self.others = Triangles(self.rest - counts[0], self.count - counts[0])
        eyes = np.tile(eye_colors(own.person), (2, 1))
        self.albedo = np.concatenate(
            [own.skin, eyes, tooth_colors, *(piece.colors for piece in self.pieces)]
        ).astype(np.float32)
        shine = [own.shine, np.full(len(eyes), 0.55), np.full(len(tooth_points), 0.25)]
        shine += [np.full(len(piece.points), piece.shine) for piece in self.pieces]
        self.shine = np.concatenate(shine).astype(np.float32)
        self.gloss = np.full(self.count, 14.0, np.float32)
        self.gloss[self.starts[1] : self.starts[2]] = 90.0
        self.occlusion = np.zeros(self.count, np.float32)
        self.occlusion[: counts[0]] = 0.75 * landmarks().occlusion + 0.5 * landmarks().cavity
        self.occlusion[self.starts[2] : self.starts[3]] = 0.5  # teeth
        self.fixed = np.zeros(self.count, bool)
        for piece, start, count in zip(self.pieces, self.starts[3:], counts[3:], strict=False):
            self.fixed[start : start + count] = piece.fixed

    def points(self, coarse: np.ndarray, skin: np.ndarray, turn: np.ndarray) -> np.ndarray:
        """All points (P, 3) of a take, metres from the aim; the head is turned by `turn` (3, 3)."""
        head = head_model()
        eyes = [
            place_eye(coarse[head.left_eye], "left"),
            place_eye(coarse[head.right_eye], "right"),
        ]
        worn = [piece.at(skin) for piece in self.pieces]
        points = np.concatenate([skin, *eyes, self.tooth_points, *worn]).astype(np.float32)
        points -= self.own.aim.astype(np.float32)
        return np.where(self.fixed[:, None], points, points @ turn.T.astype(np.float32))


@lru_cache(maxsize=1)
def _skin_triangles() -> Triangles:
    head = head_model()
    return Triangles(head.faces, len(head.rest), head.neighbours)


class FaceRenderer:
    """Draws takes of people from several angles; one off-screen window, reused.

    Args:
        size: height and width of the images in pixels, 16…512.
        width: of cutouts that are wider than high, 16…1024; images are square.
    """

    def __init__(self, size: int = 96, width: int | None = None) -> None:
        # Before any window: importing anny after Mesa's software OpenGL has started crashes, as
        # both bring an LLVM of their own.
        head_model()
        self.size = size
        self._canvas = Canvas(size, width)
        self._identity: _Identity | None = None
        self._scene: tuple[tuple, _Scene] | None = None
        self._backgrounds: dict = {}

    def close(self) -> None:
        """Frees the window."""
        self._canvas.close()

    def render(
        self,
        person: Person,
        session: Session,
        actions: np.ndarray,
        yaws: tuple[float, ...] = (0.0,),
        pose: np.ndarray | tuple[float, float, float] = (0.0, 0.0, 0.0),
        pitch: float = 0.0,
    ) -> np.ndarray:
        """Images of a person's takes from several cameras.

        Args:
            actions: facial action weights, 0…1, (52,) for one take or (N, 52) for N takes.
            yaws: camera angles in degrees, V of them. At −90 ("full left") the camera sees the
                subject's left cheek, and the nose points to the image's left edge.
            pose: how the head itself is turned (yaw, pitch, roll), degrees, (3,) or (N, 3).
            pitch: camera elevation, degrees.

        Returns:
            uint8 (V, size, size, 3) for one take, (N, V, size, size, 3) for N takes.

        Raises:
            ValueError: actions are not 52 weights.
        """
        takes = as_takes(actions)
        images = np.empty((len(takes), len(yaws), self.size, self.size, 3), np.uint8)
        for i, j, drawn in self._draw(person, session, takes, yaws, pose, pitch):
            camera = session.camera(j)
            images[i, j] = develop(
                drawn, self._background(camera), camera, picture_number(takes[i], j)
            )
        return images[0] if np.ndim(actions) == 1 else images

    def cutout(
        self,
        person: Person,
        session: Session,
        actions: np.ndarray,
        yaw: float = 0.0,
        pose: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> np.ndarray:
        """A person before nothing, to be put into an image: see `render` and `develop`.

        Args:
            actions: (52,).

        Returns:
            uint8 (size, width, 4), colours and coverage.

        Raises:
            ValueError: actions are not 52 weights.
        """
        takes = as_takes(actions)[:1]
        return next(self._draw(person, session, takes, (yaw,), pose, 0.0))[2]

    def _draw(
        self, person: Person, session: Session, takes: np.ndarray, yaws, pose, pitch: float
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """(take, view, what `Canvas.draw` gives) of all takes from all cameras."""
        head = head_model()
        poses = np.broadcast_to(np.asarray(pose, dtype=float), (len(takes), 3))
        coarse = head.coarse_vertices(person.phenotype, person.shapes, _lips_meet(takes))
        fine = head.smooth_vertices(coarse)
        scene = self._scene_of(person, session)
        for i, (points, surface, turn) in enumerate(zip(coarse, fine, poses, strict=True)):
            take = _Take(scene, session, takes[i], points, surface, rotation(*turn))
            for j, yaw in enumerate(yaws):
                view = viewpoint(session.camera(j), yaw, pitch, scene.own.unit)
                seen = take.seen_from(view)
                if i == j == 0:
                    self._canvas.load(take.points, seen)
                elif j == 0:
                    self._canvas.move(take.points)
                self._canvas.choose(seen)
                yield i, j, self._canvas.draw(take.colors(view), view)

    def _scene_of(self, person: Person, session: Session) -> _Scene:
        """Of the last person, kept: a face that is pulled live stays the same person's."""
        if self._identity is None or self._identity.person is not person:
            self._identity, self._scene = _Identity(person), None
        worn = session.clothes, session.glasses, session.headwear, session.earrings
        if self._scene is None or self._scene[0] != worn:
            self._scene = worn, _Scene(self._identity, session)
            self._backgrounds = {}
        return self._scene[1]

    def _background(self, camera: Camera) -> np.ndarray:
        if camera.background not in self._backgrounds:
            self._backgrounds[camera.background] = draw_background(camera.background, self.size)
        return self._backgrounds[camera.background]


class _Take:
    """One moment: where all points are, and the light that reaches them."""

    def __init__(self, scene: _Scene, session: Session, actions, coarse, skin, turn) -> None:
        self.scene, self.session = scene, session
        person = scene.own.person
        depth, dark = creases().fold(actions, person.skin.wrinkles, person.skin.creases)
        skin = skin + creases().pull(actions)
        normals = scene.skin.point_normals(scene.skin.normals(skin))
        skin = skin - depth[:, None] * normals
        self.points = scene.points(coarse, skin, turn)
        count = len(skin)
        self._skin_normals = scene.skin.normals(self.points[:count])
        others = scene.others.point_normals(scene.others.normals(self.points[count:]))
        self.normals = np.concatenate(
            [scene.skin.point_normals(self._skin_normals), others]
        ).astype(np.float32)
        self.albedo = scene.albedo.copy()
        self.albedo[:count] *= 1 - dark[:, None].astype(np.float32) * FOLD_TINT
        self.light = shade_fixed(
            self.points, self.normals, session.lights, session.ambient, scene.occlusion
        )

    def seen_from(self, view: Viewpoint) -> np.ndarray:
        direction = np.subtract(view.position, view.target)
        skin = self.scene.skin.seen_from(self._skin_normals, direction)
        return np.concatenate([skin, self.scene.rest])

    def colors(self, view: Viewpoint) -> np.ndarray:
        scene, lights = self.scene, self.session.lights
        return lit_colors(
            view, self.points, self.normals, self.albedo, self.light, lights, scene.shine,
            scene.gloss,
        )  # fmt: skip


def _lips_meet(takes: np.ndarray) -> np.ndarray:
    """The model's lips stand a little apart at rest; they close unless an action parts them."""
    parted = takes[:, _PARTING].sum(axis=1)
    takes = takes.copy()
    takes[:, ACTIONS.index("mouthClose")] += 0.06 * np.clip(1 - 4 * parted, 0, 1)
    return takes


_PARTING = [
    i
    for i, name in enumerate(ACTIONS)
    if name.startswith(("jawOpen", "mouthFunnel", "mouthLowerDown", "mouthUpperUp"))
]
FOLD_TINT = np.array([0.8, 1.0, 1.0], np.float32)  # folds of skin are darker and redder


def as_takes(actions: np.ndarray) -> np.ndarray:
    """The weights of one take or of N takes as float32 (N, 52).

    Raises:
        ValueError: they have another shape.
    """
    takes = np.atleast_2d(np.asarray(actions, dtype=np.float32))
    if takes.ndim != 2 or takes.shape[1] != len(ACTIONS):
        raise ValueError(
            f"actions must have shape ({len(ACTIONS)},) or (N, {len(ACTIONS)}), "
            f"got {np.shape(actions)}"
        )
    return takes


def picture_number(actions: np.ndarray, view: int) -> int:
    """Of which the noise of a picture is drawn: of the take's weights (52,) and the camera."""
    return int(np.abs(actions).sum() * 1e4) * 31 + view


def lit_colors(
    view: Viewpoint,
    points: np.ndarray,
    normals: np.ndarray,
    albedo: np.ndarray,
    fixed: np.ndarray,
    lights: tuple[Light, ...],
    shine: np.ndarray,
    gloss: np.ndarray,
) -> np.ndarray:
    """What a camera sees of the points: uint8 (P, 3).

    Args:
        points, normals, albedo: (P, 3) each.
        fixed: light that does not depend on the camera, of `shade_fixed`.
        shine, gloss: strength and exponent of the highlights, (P,) each.
    """
    own, highlight = shade_view(
        normals, view.towards(points), lights, camera_frame(view), shine, gloss
    )
    return to_pixels(albedo, fixed + own, highlight)


def viewpoint(camera: Camera, yaw: float, pitch: float, unit: float) -> Viewpoint:
    """Where a camera stands; `unit` is the distance from the eyes to the mouth, metres."""
    a, e = np.deg2rad(yaw + camera.yaw), np.deg2rad(pitch + camera.pitch)
    direction = np.array([-np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])
    aside, up = camera.shift
    target = np.array([aside * np.cos(a), -aside * np.sin(a), up]) * unit
    position = target + camera.distance * direction
    half = HALF_HEIGHT * unit * camera.zoom
    return Viewpoint(tuple(position), tuple(target), half, camera.roll)


def camera_frame(view: Viewpoint) -> np.ndarray:
    """(3, 3), rows: right, up and towards the camera."""
    back = np.subtract(view.position, view.target)
    back = back / np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back]).astype(np.float32)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation matrix: roll about the viewing axis y, pitch about x, yaw about the upright z."""
    a, b, c = np.deg2rad([yaw, pitch, roll])
    z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    y = np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    return z @ x @ y
