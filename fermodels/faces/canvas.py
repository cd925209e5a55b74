"""Meshes with finished colours to pixels (pyvista, off-screen). Light is computed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SUPERSAMPLING = 2  # drawn larger and averaged: smoother outlines than the renderer's own
NEAR, FAR = 0.05, 20.0  # metres


@dataclass(frozen=True)
class Viewpoint:
    """A camera's place and lens.

    Attributes:
        position: (3,) of the lens, metres.
        target: (3,), what is in the middle of the image.
        half_height: of the image at the target's distance, metres.
        roll: of the camera about its axis, degrees.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    half_height: float
    roll: float = 0.0

    def towards(self, points: np.ndarray) -> np.ndarray:
        """Unit vectors (V, 3) from points (V, 3) to the camera."""
        away = np.asarray(self.position, np.float32) - points
        return away / np.sqrt(np.einsum("vd,vd->v", away, away))[:, None]


class Canvas:
    """One off-screen window, reused.

    Args:
        size: height and width of the images in pixels, 16…512.
        width: another width, 16…1024.

    Raises:
        ValueError: another size.
    """

    def __init__(self, size: int, width: int | None = None) -> None:
        import pyvista
        from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

        if not 16 <= size <= 512:
            raise ValueError(f"size must be between 16 and 512 pixels, got {size}")
        if width is not None and not 16 <= width <= 1024:
            raise ValueError(f"width must be between 16 and 1024 pixels, got {width}")
        self.size, self.width = size, size if width is None else width
        self._pv = pyvista
        with pyvista.vtk_verbosity("error"):  # no warning that there is no display: none is needed
            self._plotter = pyvista.Plotter(
                off_screen=True, window_size=self._window(), lighting="none"
            )
        window = self._plotter.ren_win
        window.multi_samples = 0  # SUPERSAMPLING does the smoothing
        window.SetAlphaBitPlanes(1)
        # Everything is in sight; finding that out goes through all triangles for every image.
        self._plotter.renderer.GetCullers().RemoveAllItems()
        self._pixels = vtkUnsignedCharArray()
        self._mesh = None

    def _window(self) -> tuple[int, int]:
        return self.width * SUPERSAMPLING, self.size * SUPERSAMPLING

    def close(self) -> None:
        """Frees the window."""
        self._plotter.close()

    def load(self, points: np.ndarray, triangles: np.ndarray) -> None:
        """Another mesh: points (V, 3) and triangles int (F, 3)."""
        colors = np.zeros((len(points), 3), np.uint8)
        if self._mesh is None or self._mesh.n_points != len(points):
            self._plotter.clear_actors()
            self._mesh = self._pv.PolyData.from_regular_faces(
                np.asarray(points, np.float32), np.asarray(triangles, np.int32)
            )
            self._mesh["color"] = colors
            actor = self._plotter.add_mesh(self._mesh, scalars="color", rgb=True, lighting=False)
            # Without pyvista's filters in between, which are asked in Python for every image.
            actor.mapper.SetInputDataObject(self._mesh)
            return
        self.move(points)
        self.choose(triangles)

    def move(self, points: np.ndarray) -> None:
        """The same mesh with its points (V, 3) elsewhere."""
        self._mesh.points = np.asarray(points, np.float32)

    def choose(self, triangles: np.ndarray) -> None:
        """Draw these triangles int (F, 3) only."""
        self._mesh.regular_faces = np.asarray(triangles, np.int32)

    def draw(self, colors: np.ndarray, view: Viewpoint) -> np.ndarray:
        """uint8 (size, width, 4): the mesh in colours uint8 (V, 3), and how much it covers."""
        self._mesh.point_data["color"][:] = colors
        self._mesh.GetPointData().GetScalars().Modified()
        camera = self._plotter.renderer.GetActiveCamera()  # pyvista's setters look for bounds
        distance = float(np.linalg.norm(np.subtract(view.position, view.target)))
        camera.SetFocalPoint(*view.target)
        camera.SetPosition(*view.position)
        camera.SetViewUp(0.0, 0.0, 1.0)
        camera.SetViewAngle(float(np.rad2deg(2 * np.arctan(view.half_height / distance))))
        camera.SetClippingRange(NEAR, FAR)
        camera.Roll(view.roll)
        self._plotter.ren_win.Render()
        wide, high = self._window()
        self._plotter.ren_win.GetRGBACharPixelData(0, 0, wide - 1, high - 1, 1, self._pixels)
        large = np.asarray(self._pixels, dtype=np.uint8).reshape(high, wide, 4)[::-1]
        return _average(large, SUPERSAMPLING)


def _average(image: np.ndarray, factor: int) -> np.ndarray:
    """uint8 (H, W, 4) smaller by the factor; colours are those of the covered pixels."""
    h, w, c = image.shape
    covered = image[..., 3] > 0
    total = np.zeros((h // factor, w // factor, c), dtype=np.uint16)
    count = np.zeros((h // factor, w // factor), dtype=np.uint16)
    for i in range(factor):
        for j in range(factor):
            seen = covered[i::factor, j::factor]
            total += image[i::factor, j::factor] * seen[..., None]
            count += seen
    total[..., :3] //= np.maximum(count, 1)[..., None]
    total[..., 3] = count * 255 // factor**2
    return total.astype(np.uint8)
