"""Heads to images: light and camera (pyvista, off-screen)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fermodels.faces.actions import ACTIONS
from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model
from fermodels.faces.paint import eye_colors, skin_colors
from fermodels.faces.parts import eyeball, place_eye, plain, shirt, teeth
from fermodels.faces.people import Person, Studio
from fermodels.faces.triangles import Triangles

HALF_HEIGHT = 1.45  # of the image, in distances from the eyes to the mouth, as KDEF's crops
SUPERSAMPLING = 2  # drawn larger and averaged: smoother outlines than the renderer's own


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
    def skin(self) -> np.ndarray:
        return skin_colors(self.person)

    @cached_property
    def irises(self) -> np.ndarray:
        """Of both eyes, uint8 (2K, 3)."""
        return np.tile(eye_colors(self.person), (2, 1))

    @cached_property
    def teeth(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return teeth(self.fine)

    @cached_property
    def shirt(self) -> tuple[np.ndarray, np.ndarray]:
        return shirt(self.fine)


class FaceRenderer:
    """Draws takes of people from several angles; one off-screen window, reused.

    Args:
        size: height and width of the images in pixels, 16…512.
    """

    def __init__(self, size: int = 96) -> None:
        import pyvista
        from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

        if not 16 <= size <= 512:
            raise ValueError(f"size must be between 16 and 512 pixels, got {size}")
        # Before any window: importing anny after Mesa's software OpenGL has started crashes, as
        # both bring an LLVM of their own.
        head_model()
        self.size = size
        self._pv = pyvista
        with pyvista.vtk_verbosity("error"):  # no warning that there is no display: none is needed
            self._plotter = pyvista.Plotter(
                off_screen=True, window_size=(size * SUPERSAMPLING,) * 2, lighting="none"
            )
        self._plotter.ren_win.multi_samples = 0  # SUPERSAMPLING does the smoothing
        self._plotter.enable_parallel_projection()
        # Everything is in sight; finding that out goes through all triangles for every image.
        self._plotter.renderer.GetCullers().RemoveAllItems()
        self._head_light = pyvista.Light(light_type="headlight", intensity=0.7)
        self._key_light = pyvista.Light(light_type="camera light", intensity=0.4)
        self._plotter.add_light(self._head_light)
        self._plotter.add_light(self._key_light)
        self._meshes: dict[str, _Mesh] = {}
        self._pixels = vtkUnsignedCharArray()
        self._identity: _Identity | None = None

    def close(self) -> None:
        """Frees the window."""
        self._plotter.close()

    def render(
        self,
        person: Person,
        studio: Studio,
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
        head = head_model()
        takes = np.atleast_2d(np.asarray(actions, dtype=np.float32))
        if takes.ndim != 2 or takes.shape[1] != len(ACTIONS):
            raise ValueError(
                f"actions must have shape ({len(ACTIONS)},) or (N, {len(ACTIONS)}), "
                f"got {np.shape(actions)}"
            )
        poses = np.broadcast_to(np.asarray(pose, dtype=float), (len(takes), 3))
        coarse = head.coarse_vertices(person.phenotype, person.shapes, takes)
        fine = head.smooth_vertices(coarse)
        own = self._identity_of(person)
        eye_centre = own.coarse[np.concatenate([head.left_eye, head.right_eye])].mean(axis=0)
        mouth = own.fine[landmarks().mouth].mean(axis=0)
        aim = 0.5 * (eye_centre + mouth) + [0.0, 0.05, 0.0]
        aim[0] = 0.0
        unit = float(np.linalg.norm(eye_centre - mouth))  # 6 to 7 cm in an adult

        self._light(studio)
        sphere, sphere_faces = eyeball()
        eye_faces = np.concatenate([sphere_faces, sphere_faces + len(sphere)])
        tooth_points, tooth_faces, tooth_colors = own.teeth
        cloth, cloth_faces = own.shirt
        self._show("shirt", cloth - aim, cloth_faces, plain(studio.shirt, len(cloth)), 0.0)
        cameras = [(_direction(yaw, pitch), _aside(yaw, studio) * unit) for yaw in yaws]
        images = []
        for points, surface, turn in zip(coarse, fine, poses, strict=True):
            rotation = _rotation(*turn)
            eyes = np.concatenate(
                [
                    place_eye(points[head.left_eye], "left"),
                    place_eye(points[head.right_eye], "right"),
                ]
            )
            self._show("head", (surface - aim) @ rotation.T, head.faces, own.skin, studio.shine)
            self._show("eyes", (eyes - aim) @ rotation.T, eye_faces, own.irises, 0.6)
            self._show("teeth", (tooth_points - aim) @ rotation.T, tooth_faces, tooth_colors, 0.2)
            height = HALF_HEIGHT * unit * studio.zoom
            images.append([self._image(*camera, height) for camera in cameras])
        averaged = _average(np.array(images), SUPERSAMPLING)  # (N, V, S, S, 3)
        return averaged[0] if np.ndim(actions) == 1 else averaged

    def _identity_of(self, person: Person) -> _Identity:
        """Of the last person, kept: a face that is pulled live stays the same person's."""
        if self._identity is None or self._identity.person is not person:
            self._identity = _Identity(person)
        return self._identity

    def _light(self, studio: Studio) -> None:
        self._head_light.intensity = studio.head_light
        self._key_light.intensity = studio.key_light
        self._key_light.position = studio.key_position
        self._key_light.diffuse_color = studio.tint
        self._head_light.diffuse_color = studio.tint
        self._plotter.set_background(studio.background_bottom, top=studio.background_top)

    def _image(self, direction: np.ndarray, centre: np.ndarray, height: float) -> np.ndarray:
        # Triangles cost most of the time here, and half of them look away.
        self._meshes["head"].show_from(direction)
        camera = self._plotter.renderer.GetActiveCamera()  # pyvista's setters look for bounds
        camera.SetFocalPoint(*centre)
        camera.SetPosition(*(centre + direction))
        camera.SetViewUp(0.0, 0.0, 1.0)
        camera.SetParallelScale(height)
        camera.SetClippingRange(0.3, 2.0)
        self._plotter.ren_win.Render()
        return self._screenshot()

    def _screenshot(self) -> np.ndarray:
        """uint8 (H, W, 3). As `Plotter.screenshot`, without a pipeline of filters for each."""
        side = self.size * SUPERSAMPLING
        self._plotter.ren_win.GetPixelData(0, 0, side - 1, side - 1, 1, self._pixels, 0)
        bottom_up = np.array(self._pixels, dtype=np.uint8).reshape(side, side, 3)
        return bottom_up[::-1]

    def _show(self, name, vertices, faces, colors, shine) -> None:
        if name not in self._meshes:
            order = head_model().neighbours if name == "head" else None
            triangles = Triangles(faces, len(vertices), order)
            self._meshes[name] = _Mesh(self._pv, self._plotter, vertices, triangles, colors)
            self._meshes[name].actor.prop.specular_power = 80 if name == "eyes" else 12
        self._meshes[name].move(vertices, colors)
        self._meshes[name].actor.prop.specular = shine


class _Mesh:
    """A mesh in the window; its points and colours change, its triangles do not."""

    def __init__(self, pv, plotter, vertices, triangles: Triangles, colors) -> None:
        self.triangles = triangles
        self.data = pv.PolyData.from_regular_faces(vertices.astype(np.float32), triangles.faces)
        self.data["colour"] = colors
        self.data.point_data.active_normals = np.zeros((len(vertices), 3), np.float32)
        self.actor = plotter.add_mesh(self.data, scalars="colour", rgb=True)
        # Without pyvista's filters in between, which are asked in Python for every image.
        self.actor.mapper.SetInputDataObject(self.data)
        self.actor.prop.interpolation = "Phong"
        self.actor.prop.ambient = 0.12

    def move(self, vertices: np.ndarray, colors: np.ndarray) -> None:
        self._normals = self.triangles.normals(vertices)
        self.data.points = vertices.astype(np.float32)
        self.data.point_data["colour"][:] = colors
        normals = self.triangles.point_normals(self._normals)
        self.data.point_data.active_normals = normals.astype(np.float32)

    def show_from(self, direction: np.ndarray) -> None:
        """Draw only the triangles that a camera in this direction can see."""
        self.data.regular_faces = self.triangles.seen_from(self._normals, direction)


def _direction(yaw: float, pitch: float) -> np.ndarray:
    """From the head to the camera, length 1."""
    a, e = np.deg2rad(yaw), np.deg2rad(pitch)
    return np.array([-np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])


def _aside(yaw: float, studio: Studio) -> np.ndarray:
    """Where the camera aims, in distances from the eyes to the mouth."""
    return np.array([studio.shift[0] * np.cos(np.deg2rad(yaw)), 0.0, studio.shift[1]])


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation matrix: roll about the viewing axis y, pitch about x, yaw about the upright z."""
    a, b, c = np.deg2rad([yaw, pitch, roll])
    z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    y = np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    return z @ x @ y


def _average(images: np.ndarray, factor: int) -> np.ndarray:
    *lead, h, w, c = images.shape
    total = np.zeros((*lead, h // factor, w // factor, c), dtype=np.uint16)
    for i in range(factor):
        for j in range(factor):
            total += images[..., i::factor, j::factor, :]
    return ((total + factor**2 // 2) // factor**2).astype(np.uint8)
