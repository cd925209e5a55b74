"""Light on small meshes, against sums that go point by point."""

import numpy as np
import pytest

from fermodels.faces.shading import Light, shade_fixed, shade_view, shadow, to_pixels

AMBIENT = ((0.1, 0.2, 0.3), (0.5, 0.4, 0.3))
SCATTER = (0.40, 0.26, 0.20)  # red light goes furthest in skin


def unit(vector) -> np.ndarray:
    return np.asarray(vector, float) / np.linalg.norm(vector)


def bumps(count: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points within 4 cm and normals in all directions."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return rng.uniform(-0.02, 0.02, (count, 3)).astype(np.float32), normals.astype(np.float32)


def lambert(cosine: float, channel: int) -> float:
    return max((cosine + SCATTER[channel]) / (1 + SCATTER[channel]), 0.0) ** 1.4


def slow_shadow(points: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Cells of 6 mm seen from the lamp; the four around a point say how much is before it."""
    side = unit(np.cross(direction, [0, 0, 1] if abs(direction[2]) < 0.9 else [1, 0, 0]))
    up = np.cross(side, direction)
    across = np.array([[p @ side, p @ up] for p in points.astype(float)]) / 0.006
    across = across - across.min(axis=0) + 2
    nearest = {}
    for (u, v), p in zip(across, points, strict=True):
        cell = int(u), int(v)
        nearest[cell] = max(nearest.get(cell, -np.inf), float(p @ direction))
    hidden = []
    for (u, v), p in zip(across, points, strict=True):
        i, j = int(u - 0.5), int(v - 0.5)
        a, b = u - 0.5 - i, v - 0.5 - j
        total = 0.0
        for di, dj, weight in (
            *((0, 0, (1 - a) * (1 - b)), (0, 1, (1 - a) * b)),
            *((1, 0, a * (1 - b)), (1, 1, a * b)),
        ):
            ahead = nearest.get((i + di, j + dj), -np.inf) - float(p @ direction)
            total += weight * min(max((ahead - 0.006) / 0.010, 0.0), 1.0)
        hidden.append(total)
    return np.array(hidden)


# ------------------------------------------------------------------------------ light of the room


@pytest.mark.parametrize("shade", [0.0, 0.7])
def test_fixed_light_is_the_sum_over_lamps(shade):
    points, normals = bumps()
    occlusion = np.linspace(0, 1, len(points))
    lights = (
        Light((1.0, -2.0, 0.5), (0.9, 0.5, 0.2), shadow=shade),
        Light((0.0, 0.0, 3.0), (0.1, 0.2, 0.4), shadow=shade),
        Light((0.0, 0.0, 1.0), (9.0, 9.0, 9.0), on_camera=True),  # not the room's
    )
    expected = np.zeros((len(points), 3))
    for k, normal in enumerate(normals):
        for channel in range(3):
            below, above = AMBIENT[0][channel], AMBIENT[1][channel]
            up = 0.5 + 0.5 * normal[2]
            expected[k, channel] = (below + (above - below) * up) * (1 - occlusion[k])
    for light in lights[:2]:
        towards = unit(light.direction)
        hidden = slow_shadow(points, towards) if shade else np.zeros(len(points))
        for k, normal in enumerate(normals):
            for channel in range(3):
                arrives = lambert(float(normal @ towards), channel) * (1 - shade * hidden[k])
                expected[k, channel] += arrives * light.color[channel]
    light = shade_fixed(points, normals, lights, AMBIENT, occlusion)
    assert light.dtype == np.float32
    np.testing.assert_allclose(light, expected, atol=2e-4)


def test_light_by_hand():
    front, back, up = np.eye(3)[[1, 1, 2]] * [[-1], [1], [1]]
    lamp = Light((0.0, -5.0, 0.0), (1.0, 0.5, 0.0))
    dark = ((0.0,) * 3,) * 2
    light = shade_fixed(np.zeros((3, 3)), np.stack([front, back, up]), (lamp,), dark, np.zeros(3))
    np.testing.assert_allclose(light[0], [1.0, 0.5, 0.0], atol=1e-6)
    assert not light[1].any()
    # Where the light grazes, some has gone through the skin, and it is warm.
    assert light[2, 0] > light[2, 1] > 0
    # From above to below, the ambient light goes from one colour to the other.
    light = shade_fixed(np.zeros((2, 3)), np.stack([up, -up]), (), AMBIENT, np.zeros(2))
    np.testing.assert_allclose(light, [AMBIENT[1], AMBIENT[0]], atol=1e-6)


# --------------------------------------------------------------------------- light of the camera


def test_view_light_is_the_sum_over_lamps():
    _, normals = bumps(40, 1)
    rng = np.random.default_rng(2)
    to_camera = np.stack([unit(v) for v in rng.normal(size=(40, 3))]).astype(np.float32)
    back = unit([0.3, -1.0, 0.2])
    right = unit(np.cross([0, 0, 1], back))
    frame = np.stack([right, np.cross(back, right), back]).astype(np.float32)
    shine, gloss = rng.uniform(0, 0.5, 40), rng.uniform(5, 90, 40)
    lights = (
        Light((1.0, -2.0, 0.5), (0.9, 0.5, 0.2)),
        Light((0.5, 0.2, 1.0), (0.3, 0.6, 0.9), on_camera=True),
    )
    own, highlight = shade_view(normals, to_camera, lights, frame, shine, gloss)
    for k, normal in enumerate(normals):
        lamp = unit(lights[1].direction)
        lamp = lamp[0] * frame[0] + lamp[1] * frame[1] + lamp[2] * frame[2]
        for channel in range(3):
            expected = lambert(float(normal @ lamp), channel) * lights[1].color[channel]
            assert own[k, channel] == pytest.approx(expected, abs=1e-4)
            glow = 0.0
            for towards, color in ((unit(lights[0].direction), lights[0].color),
                                   (lamp, lights[1].color)):  # fmt: skip
                half = unit(to_camera[k] + towards)
                if normal @ towards > 0:
                    glow += shine[k] * max(normal @ half, 0.0) ** gloss[k] * color[channel]
            assert highlight[k, channel] == pytest.approx(glow, abs=1e-3)


def test_a_lamp_on_the_camera_goes_with_it():
    """The side that is towards the camera is light, wherever the camera is."""
    normals = np.array([[0.0, -1, 0], [1, 0, 0]], np.float32)
    lamp = (Light((0.0, 0.0, 1.0), (1.0, 1.0, 1.0), on_camera=True),)
    for seen, back in ((0, [0.0, -1, 0]), (1, [1.0, 0, 0])):
        right = np.cross([0, 0, 1.0], back)
        frame = np.stack([right, np.cross(back, right), back]).astype(np.float32)
        to_camera = np.tile(np.float32(back), (2, 1))
        own, highlight = shade_view(
            normals, to_camera, lamp, frame, np.full(2, 0.5), np.full(2, 10.0)
        )
        np.testing.assert_allclose(own[seen], 1.0, atol=1e-5)
        np.testing.assert_allclose(highlight[seen], 0.5, atol=1e-3)
        assert own[1 - seen].max() < 0.25 and highlight[1 - seen].max() < 0.01


# ------------------------------------------------------------------------------------- shadows


def sheet(half: float, height: float, step: float = 0.002) -> np.ndarray:
    """Points of a level square, metres."""
    at = np.arange(-half, half + step / 2, step)
    x, y = np.meshgrid(at, at)
    return np.column_stack([x.ravel(), y.ravel(), np.full(x.size, height)]).astype(np.float32)


def test_a_floor_under_a_plate_is_dark():
    floor, plate = sheet(0.05, 0.0), sheet(0.02, 0.04)
    hidden = shadow(np.concatenate([floor, plate]), np.array([0.0, 0.0, 1.0]))
    below, above = hidden[: len(floor)], hidden[len(floor) :]
    away = np.abs(floor[:, :2]).max(axis=1)
    assert (below[away < 0.012] > 0.999).all() and (below[away > 0.032] == 0).all()
    assert not above.any()
    edge = below[(away > 0.012) & (away < 0.032)]
    assert ((edge > 0) & (edge < 1)).any()  # a soft edge


def test_a_slanting_lamp_moves_the_shadow():
    floor, plate = sheet(0.08, 0.0), sheet(0.015, 0.04)
    hidden = shadow(np.concatenate([floor, plate]), unit([-1.0, 0.0, 1.0]).astype(np.float32))
    dark = floor[hidden[: len(floor)] > 0.9]
    np.testing.assert_allclose(dark.mean(axis=0)[:2], [0.04, 0.0], atol=0.003)


def test_shadows_are_those_of_the_slow_loop():
    rng = np.random.default_rng(3)
    points = rng.uniform(-0.03, 0.03, (300, 3)).astype(np.float32)
    for direction in ([0.2, -1.0, 0.5], [0.1, 0.1, 1.0], [-1.0, 0.0, 0.0]):
        towards = unit(direction).astype(np.float32)
        quick, slow = shadow(points, towards), slow_shadow(points, towards)
        assert (np.abs(quick - slow) < 1e-3).mean() > 0.98  # but for points on a cell's edge
        assert 0.05 < quick.mean() < 0.95


def test_a_convex_body_throws_no_shadow_on_its_lit_side():
    _, normals = bumps(4000, 4)
    hidden = shadow(0.08 * normals, np.array([0.0, -1.0, 0.0], np.float32))
    assert hidden[-normals[:, 1] > 0.7].max() < 0.2
    assert hidden[-normals[:, 1] < -0.3].mean() > 0.7


# -------------------------------------------------------------------------------------- pixels


def test_pixels_rise_with_the_light():
    light = np.repeat(np.linspace(0, 4, 400)[:, None], 3, axis=1)
    pixels = to_pixels(np.full((400, 3), 0.7), light, np.zeros((400, 3))).astype(int)
    assert (np.diff(pixels, axis=0) >= 0).all() and pixels[0].max() == 0
    assert 245 <= pixels[-1].min() <= 255
    assert len(np.unique(pixels)) > 150  # bright light is pressed together, not cut


def test_pixels_by_hand():
    albedo = np.array([[0.5, 0.2, 0.8]])
    white, none = np.ones((1, 3)), np.zeros((1, 3))
    np.testing.assert_array_equal(to_pixels(albedo, white, none), [[127, 51, 204]])
    np.testing.assert_array_equal(to_pixels(albedo, 0.25 * white, none), [[63, 25, 102]])
    np.testing.assert_array_equal(to_pixels(albedo, none, 0.36 * white), [[153, 153, 153]])
    assert to_pixels(albedo, white, none).dtype == np.uint8
