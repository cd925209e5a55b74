"""Where lips, lids, brows, hair and creases are on the average head."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fermodels.faces.model import HeadModel, head_model
from fermodels.faces.triangles import Triangles

# Height of the hair line (metres) from front to back (y) on the average head.
_HAIR_LINE = (
    (-0.140, 0.212), (-0.100, 0.203), (-0.080, 0.192), (-0.066, 0.170), (-0.060, 0.140),
    (-0.050, 0.130), (-0.044, 0.150), (-0.030, 0.157), (-0.012, 0.150), (-0.002, 0.115),
    (0.020, 0.085), (0.060, 0.070),
)  # fmt: skip


class Landmarks:
    """Masks and landmarks of the average head, found once; identities deform around them."""

    def __init__(self, head: HeadModel) -> None:
        rest, uv = head.rest, head.uv
        skin = head.part == head.part[np.argmin(rest[:, 1])]
        x, y, z = rest.T
        self.tongue = ~skin
        self.cavity = skin & (uv[:, 0] > 0.7) & (uv[:, 1] < 0.14)
        eye_sockets = skin & (uv[:, 0] < 0.2) & (uv[:, 1] > 0.5) & (uv[:, 1] < 0.65)
        self.sockets = eye_sockets
        outer = skin & ~self.cavity & ~eye_sockets
        # In Anny's UV map the lips surround the mouth's slit at (0.909, 0.484).
        slit = np.hypot((uv[:, 0] - 0.909) / 0.0125, (uv[:, 1] - 0.4838) / 0.0205)
        self.lips = np.where(outer, _falloff(slit, 0.98, 1.12), 0.0)
        self.mouth_line = np.where(outer, _falloff(slit, 0.42, 0.62), 0.0)

        self.lids = np.zeros(len(rest))
        self.lash = np.zeros(len(rest))
        self.eye_shade = np.zeros(len(rest))
        front = outer & (y < -0.06)
        self.front = front
        self.face = np.flatnonzero(front & (y < -0.09))
        self._xz = x, z
        for side in (-1, 1):
            eye_uv = np.array([0.838, 0.5165 if side > 0 else 0.451])
            near = np.hypot((uv[:, 0] - eye_uv[0]) / 0.0095, (uv[:, 1] - eye_uv[1]) / 0.0150)
            self.lids += np.where(outer, _falloff(near, 0.9, 1.5), 0.0)
            self.lash += np.where(outer, _falloff(near, 0.40, 0.62), 0.0)
            self.eye_shade += np.where(outer, _falloff(near, 0.9, 2.2), 0.0)
        ears = [np.hypot(uv[:, 0] - 0.8455, uv[:, 1] - v) for v in (0.6255, 0.3425)]
        self.ears = np.where(outer, _falloff(np.minimum(*ears) / 0.022, 0.75, 1.0), 0.0)
        cheeks = np.hypot((np.abs(x) - 0.036) / 0.022, (z - 0.100) / 0.020)
        nose = np.hypot(x / 0.016, (z - 0.098) / 0.014)
        self.blush = (
            np.where(front, np.exp(-(cheeks**2)) + 0.8 * np.exp(-(nose**2)) * (y < -0.125), 0.0)
            + 0.7 * self.ears
        )
        # Hair line: over the forehead, down the temples, around the ears to the nape.
        line = np.interp(y, *np.transpose(_HAIR_LINE))
        self.scalp_height = np.where(outer, z - line - 0.02 * self.ears, -1.0)
        beard = (z < 0.125) & (z > 0.030) & (y < -0.030) & (np.abs(x) < 0.075)
        jaw = np.clip((0.104 + 0.45 * np.maximum(np.abs(x) - 0.03, 0) - z) / 0.030, 0, 1)
        self.beard = np.where(outer & beard, jaw * (1 - self.lips), 0.0)
        self.skin = outer
        self.outer_mouth = skin & ~eye_sockets  # with the inside of the lips, which moves along
        self.occlusion = _occlusion(rest, head.faces)
        self.mouth_corners = [
            np.flatnonzero(outer & (self.lips > 0.5) & (s * x > 0.018)) for s in (-1, 1)
        ]
        upper = outer & (self.lips > 0.5) & (np.abs(x) < 0.010)
        mid = np.median(z[upper])
        self.upper_lip = np.flatnonzero(upper & (z > mid))
        self.mouth = np.flatnonzero(self.lips > 0.5)

    def brows(self, thickness: float = 1.0, rise: float = 0.0, arch: float = 1.0) -> np.ndarray:
        """Mask (V,) of the eyebrows: arcs on the edge of the sockets, thick towards the nose.

        Args:
            thickness: a factor.
            rise: of the arcs, mm.
            arch: how high they bend, a factor.
        """
        x, z = self._xz
        mask = np.zeros(len(x))
        for side in (-1, 1):
            t = np.clip((side * x - 0.011) / 0.040, -0.2, 1.2)
            arc = 0.1530 + 0.0065 * arch * np.sin(np.clip(t, 0, 1) * np.pi * 0.72) - 0.003 * t
            thick = thickness * (0.0042 - 0.0022 * np.clip(t, 0, 1))
            band = _falloff(np.abs(z - arc - rise / 1000) / thick, 0.55, 1.25)
            ends = _falloff(np.abs(t - 0.5) / 0.5, 0.92, 1.08)
            mask += np.where(self.front, band * ends, 0.0)
        return mask


def _falloff(value: np.ndarray, inside: float, outside: float) -> np.ndarray:
    """1 below `inside`, 0 above `outside`, smooth between."""
    t = np.clip((outside - value) / (outside - inside), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _occlusion(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """How deep a vertex lies in a crease, 0…1, from the umbrella vector along the normal."""
    triangles = Triangles(faces, len(vertices))
    normals = triangles.point_normals(triangles.normals(vertices))
    total = np.zeros_like(vertices)
    count = np.zeros(len(vertices))
    for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        np.add.at(total, faces[:, a], vertices[faces[:, b]])
        np.add.at(count, faces[:, a], 1)
    umbrella = total / np.maximum(count, 1)[:, None] - vertices
    depth = np.einsum("vd,vd->v", umbrella, normals)
    for _ in range(2):  # spread over the neighbours
        spread = np.zeros(len(vertices))
        for a, b in ((0, 1), (1, 2), (2, 0)):
            np.add.at(spread, faces[:, a], depth[faces[:, b]])
        depth = 0.5 * depth + 0.5 * spread / np.maximum(count / 2, 1)
    return np.clip(depth / 0.0004, 0.0, 1.0)


@lru_cache(maxsize=1)
def landmarks() -> Landmarks:
    return Landmarks(head_model())
