"""Normals of triangles, and leaving out those that no camera sees."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from fermodels.faces import (
    WIDE,
    Camera,
    FaceRenderer,
    head_model,
    sample_person,
    sample_session,
    sample_take,
)
from fermodels.faces.triangles import RIM, Triangles


def octahedron():
    """Points on the axes; all eight triangles look outward."""
    points = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    faces = [(x, y, z) for x in (0, 1) for y in (2, 3) for z in (4, 5)]
    faces = [f if np.linalg.det(points[list(f)]) > 0 else (f[0], f[2], f[1]) for f in faces]
    return points, np.array(faces)


def test_normals_by_hand():
    points, faces = octahedron()
    triangles = Triangles(faces, len(points))
    normals = triangles.normals(points)
    for face, normal in zip(faces, normals, strict=True):
        np.testing.assert_array_equal(normal, points[face].sum(axis=0))
    np.testing.assert_allclose(triangles.point_normals(normals), points)


def test_normals_are_those_of_plain_sums():
    """To the last bit: the shipped faces were drawn with these sums."""
    rng = np.random.default_rng(0)
    points, faces = rng.normal(size=(50, 3)), rng.integers(0, 50, (200, 3))
    a, b, c = (points[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    total = np.zeros((3, 50, 3))
    for k in range(3):
        np.add.at(total[k], faces[:, k], normals)
    total = 0 + total[0] + total[1] + total[2]
    expected = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    triangles = Triangles(faces, 50)
    np.testing.assert_array_equal(triangles.normals(points), normals)
    np.testing.assert_array_equal(triangles.point_normals(normals), expected)


def tube(sides: int, rings: int):
    """Points and triangles of an open tube along z."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False) + 0.1
    points = [[np.cos(a), np.sin(a), z] for z in range(rings + 1) for a in angle]
    ids = np.arange((rings + 1) * sides).reshape(rings + 1, sides)
    a, b, c, d = ids[:-1], np.roll(ids, -1, 1)[:-1], ids[1:], np.roll(ids, -1, 1)[1:]
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (b, d, c))])
    return np.array(points, float), faces


@pytest.mark.parametrize("backward", [False, True])
def test_the_far_side_is_not_seen_but_its_edge_is(backward):
    points, faces = tube(12, 30)
    order = np.arange(len(faces))[::-1] if backward else None
    triangles = Triangles(faces, len(points), order)
    normals = triangles.normals(points)
    seen = triangles.seen_from(normals, np.array([1.0, 0, 0])).tolist()
    number = {tuple(face): i for i, face in enumerate(faces.tolist())}
    places = [number[tuple(face)] for face in seen]
    assert places == sorted(places, reverse=backward)
    kept = np.zeros(len(faces), bool)
    kept[places] = True
    height = points[faces][..., 2].mean(axis=1)
    front = normals[:, 0] > 0
    assert kept[front].all()
    middle = (height > RIM + 1) & (height < 29 - RIM)
    assert front[middle].mean() == 0.5 and 0.6 < kept[middle].mean() < 0.75
    assert kept[(height < RIM) | (height > 30 - RIM)].all()  # one looks into the tube


@pytest.mark.parametrize("seed", [0, 1])
def test_images_are_the_same_as_with_all_triangles(seed, monkeypatch):
    """But for single pixels on an outline: cameras are not as distant as the choice takes them."""
    rng = np.random.default_rng(seed)
    person = sample_person(rng, ("female", "male")[seed], 9.0 + 40 * seed)
    yaws = (-90.0, -60.0, -20.0, 0.0, 45.0, 90.0)
    takes = [sample_take(rng, person, name) for name in ("happy", "surprised", "disgusted")]
    actions = np.stack([take.actions for take in takes])
    pose = np.stack([take.pose for take in takes])
    wide = sample_session(rng, person, WIDE, len(yaws))
    # Through a lens alone, without what a camera does to the image.
    lenses = [Camera(distance=camera.distance, zoom=camera.zoom) for camera in wide.cameras]
    scene = (person, replace(wide, cameras=tuple(lenses)), actions, yaws, pose)
    renderer = FaceRenderer(96)
    images = renderer.render(*scene)
    monkeypatch.setattr(Triangles, "seen_from", lambda self, normals, direction: self.faces)
    changed = (renderer.render(*scene) != images).any(axis=-1)  # (takes, views, 96, 96)
    renderer.close()
    near = np.ones((1, 1, 3, 3), dtype=bool)
    patches, _ = ndimage.label(changed, np.pad(near, ((1, 1), (1, 1), (0, 0), (0, 0))))
    assert changed.mean() < 1 / 4000
    assert max(np.bincount(patches.ravel())[1:], default=0) <= 3


def test_about_a_third_of_the_head_is_left_out():
    head = head_model()
    triangles = Triangles(head.faces, len(head.rest), head.neighbours)
    normals = triangles.normals(head.rest)
    assert sorted(head.neighbours) == list(range(len(head.faces)))
    for direction in ([0, -1.0, 0], [1.0, 0, 0]):
        share = len(triangles.seen_from(normals, np.array(direction))) / len(head.faces)
        assert 0.5 < share < 0.8
