"""Light on meshes, point by point: several coloured lights, soft shadows, skin and highlights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Color = tuple[float, float, float]
# Light that enters skin leaves it a little further on, red furthest: edges of shadows are warm.
_SCATTER = np.array([0.40, 0.26, 0.20], np.float32)
_CELL = 0.006  # metres, of the shadow maps
_BIAS, _BLUR = 0.006, 0.010


@dataclass(frozen=True)
class Light:
    """A distant lamp.

    Attributes:
        direction: (3,), towards the lamp; x to the subject's left, −y to the front, z up.
        color: linear intensity of red, green and blue; 1 is a white sheet facing the lamp.
        shadow: how dark its shadows are, 0…1.
        on_camera: the direction is given as the camera sees it (x right, y up, z to the camera)
            and the lamp moves with the camera.
    """

    direction: Color
    color: Color
    shadow: float = 0.0
    on_camera: bool = False


def shade_fixed(
    points: np.ndarray,
    normals: np.ndarray,
    lights: tuple[Light, ...],
    ambient: tuple[Color, Color],
    occlusion: np.ndarray,
) -> np.ndarray:
    """Light float32 (V, 3) that arrives at points from the room, whatever the camera.

    Args:
        points, normals: (V, 3), metres and unit length.
        lights: those on a camera are left out.
        ambient: colour from below and from above.
        occlusion: (V,), how much of the ambient light is kept away, 0…1.
    """
    below, above = (np.asarray(color, np.float32) for color in ambient)
    up = (0.5 + 0.5 * normals[:, 2:3]).astype(np.float32)
    total = (below + (above - below) * up) * (1 - occlusion[:, None].astype(np.float32))
    for light in lights:
        if light.on_camera:
            continue
        direction = _unit(light.direction)
        arrives = _diffuse(normals @ direction)
        if light.shadow:
            shaded = shadow(points, direction)
            arrives = arrives * (1 - light.shadow * shaded[:, None])
        total += arrives * np.asarray(light.color, np.float32)
    return total


def shade_view(
    normals: np.ndarray,
    to_camera: np.ndarray,
    lights: tuple[Light, ...],
    frame: np.ndarray,
    shine: np.ndarray,
    gloss: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """What depends on the camera: light (V, 3) of its own lamps, and highlights (V, 3) of all.

    Args:
        normals, to_camera: unit vectors (V, 3).
        frame: (3, 3), rows: the camera's right, up, and towards the camera.
        shine, gloss: (V,), strength and exponent of the highlights.
    """
    own = np.zeros_like(normals, dtype=np.float32)
    highlight = np.zeros_like(own)
    for light in lights:
        direction = _unit(light.direction)
        color = np.asarray(light.color, np.float32)
        if light.on_camera:
            direction = _unit(direction @ frame)
            own += _diffuse(normals @ direction) * color
        half = to_camera + direction
        half /= np.sqrt(np.einsum("vd,vd->v", half, half))[:, None] + 1e-6
        strength = shine * np.maximum(np.einsum("vd,vd->v", normals, half), 0) ** gloss
        highlight += (strength * (normals @ direction > 0))[:, None] * color
    return own, highlight


def shadow(points: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """How much of a distant lamp other points hide from each point, 0…1, (V,).

    A map of the depth towards the lamp, in cells of 6 mm, asked at the four cells around a point.
    """
    side = np.cross(direction, [0.0, 0.0, 1.0] if abs(direction[2]) < 0.9 else [1.0, 0.0, 0.0])
    side = _unit(side)
    up = np.cross(side, direction)
    plane = points @ np.stack([side, up], axis=1) / _CELL  # (V, 2)
    depth = (points @ direction).astype(np.float32)
    plane -= plane.min(axis=0) - 2
    cell = plane.astype(np.intp)
    wide, high = cell.max(axis=0) + 3
    nearest = np.full(wide * high, -np.inf, np.float32)
    np.maximum.at(nearest, cell[:, 0] * high + cell[:, 1], depth)
    hidden = np.zeros(len(points), np.float32)
    corner = (plane - 0.5).astype(np.intp)
    part = (plane - 0.5 - corner).astype(np.float32)
    for i in (0, 1):
        for j in (0, 1):
            front = nearest[(corner[:, 0] + i) * high + corner[:, 1] + j] - depth
            weight = np.abs(1 - i - part[:, 0]) * np.abs(1 - j - part[:, 1])
            hidden += weight * np.clip((front - _BIAS) / _BLUR, 0, 1)
    return hidden


def to_pixels(albedo: np.ndarray, light: np.ndarray, highlight: np.ndarray) -> np.ndarray:
    """uint8 (V, 3) sRGB of surfaces with sRGB albedo (V, 3) under linear light; bright is soft."""
    linear = np.square(albedo) * light + highlight  # a square is near enough to sRGB's curve
    linear = np.where(linear > 0.7, 0.7 + 0.3 * np.tanh((linear - 0.7) / 0.3), linear)
    return (np.sqrt(np.clip(linear, 0, 1)) * 255).astype(np.uint8)


def _diffuse(cosine: np.ndarray) -> np.ndarray:
    """Lambert's law with the softer edge of skin, float32 (V, 3)."""
    wrapped = (cosine[:, None].astype(np.float32) + _SCATTER) / (1 + _SCATTER)
    return np.maximum(wrapped, 0) ** 1.4


def _unit(vector) -> np.ndarray:
    vector = np.asarray(vector, dtype=np.float32)
    return vector / np.linalg.norm(vector)
