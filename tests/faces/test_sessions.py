"""Light, clothes and cameras of a session: what is shared, and what is every camera's own."""

from dataclasses import astuple, fields, replace

import numpy as np
import pytest

from fermodels.faces import STUDIO, WIDE, Camera, Session, sample_person, sample_session
from fermodels.faces.appearance import APPEARANCES
from fermodels.faces.render import HALF_HEIGHT, viewpoint

MANY = 150


def session(seed: int, appearance=STUDIO, views: int = 5, gender: str = "female") -> Session:
    rng = np.random.default_rng(seed)
    return sample_session(rng, sample_person(rng, gender, 30.0, appearance), appearance, views)


@pytest.fixture(scope="module")
def wide() -> list[Session]:
    return [session(seed, WIDE, gender=("female", "male")[seed % 2]) for seed in range(MANY)]


@pytest.fixture(scope="module")
def studio() -> list[Session]:
    return [session(seed, gender=("female", "male")[seed % 2]) for seed in range(MANY)]


@pytest.mark.parametrize("appearance", APPEARANCES.values(), ids=APPEARANCES)
def test_a_session_depends_on_the_seed_alone(appearance):
    first, same, other = (session(seed, appearance) for seed in (3, 3, 4))
    assert first == same != other
    for part in ("lights", "ambient", "clothes", "cameras"):
        assert getattr(first, part) != getattr(other, part), part


@pytest.mark.parametrize("views", [1, 5, 7])
def test_in_the_studio_one_camera_serves_all_views(views):
    found = session(0, views=views)
    assert len(found.cameras) == 1
    assert {found.camera(view) for view in range(views)} == set(found.cameras)
    camera = found.cameras[0]
    assert camera.background.kind == "wall" and camera.occluder is None
    plain = Camera()
    # The picture is as it was drawn: nothing but the wall and the framing is the camera's own.
    own = {"background", "distance", "zoom", "shift", "seed"}
    for name in {field.name for field in fields(Camera)} - own:
        assert getattr(camera, name) == getattr(plain, name), name


@pytest.mark.parametrize("views", [1, 5, 7])
def test_in_the_wide_world_every_view_has_its_own(views):
    found = session(0, WIDE, views)
    assert len(found.cameras) == views
    assert [found.camera(view) for view in range(views)] == list(found.cameras)
    assert found.camera(views) is found.cameras[0]
    for name in ("background", "distance", "zoom", "shift", "yaw", "pitch", "roll", "seed"):
        assert len({getattr(camera, name) for camera in found.cameras}) == views, name
    for name in ("exposure", "white_balance", "contrast"):
        assert len({getattr(camera, name) for camera in found.cameras}) == views, name
    assert len({camera.background.bottom for camera in found.cameras}) == views
    assert len({camera.background.seed for camera in found.cameras}) == views


def test_no_two_sessions_are_alike(wide, studio):
    for sessions in (wide, studio):
        for part in ("lights", "ambient", "clothes"):
            assert len({getattr(found, part) for found in sessions}) == MANY, part
        cameras = [camera for found in sessions for camera in found.cameras]
        assert len({camera.seed for camera in cameras}) == len(cameras)
        assert len({camera.background for camera in cameras}) == len(cameras)


def test_what_is_drawn_keeps_to_its_appearance(wide, studio):
    for appearance, sessions in ((WIDE, wide), (STUDIO, studio)):
        cameras = [camera for found in sessions for camera in found.cameras]
        near, far = appearance.lens
        small, large = appearance.zoom
        distance, zoom = (np.array([getattr(c, n) for c in cameras]) for n in ("distance", "zoom"))
        assert near <= distance.min() < near + 0.1 * (far - near)
        assert far - 0.1 * (far - near) < distance.max() <= far
        assert small <= zoom.min() and zoom.max() <= large and np.ptp(zoom) > 0.8 * (large - small)
        shift = np.array([c.shift for c in cameras])
        assert shift[:, 1].std() == pytest.approx(appearance.shift, rel=0.25)
        for name in ("pitch", "roll"):
            spread = np.std([getattr(c, name) for c in cameras])
            assert spread == pytest.approx(getattr(appearance, name), rel=0.15, abs=1e-9)
        for share, seen in (
            (appearance.glasses, [found.glasses is not None for found in sessions]),
            (appearance.headwear, [found.headwear is not None for found in sessions]),
            (appearance.clutter, [c.background.kind != "wall" for c in cameras]),
            (appearance.occluded, [c.occluder is not None for c in cameras]),
        ):
            assert abs(np.mean(seen) - share) < 0.09
    # Nobody wears glasses in the studio.
    assert {found.glasses for found in studio} == {None} == {found.headwear for found in studio}


def test_light_is_usable_and_wide(wide, studio):
    def brightness(found: Session) -> float:
        return sum(np.mean(light.color) for light in found.lights) + np.mean(found.ambient)

    for sessions in (wide, studio):
        for found in sessions:
            for light in found.lights:
                assert min(light.color) > 0 and 0 <= light.shadow <= 1
                assert np.linalg.norm(light.direction) > 0.1
            assert 0.4 < brightness(found) < 3.5
            # Someone is lit from before, not from behind alone.
            assert any(light.on_camera or light.direction[1] < 0 for light in found.lights)
    warmth = [[np.log(light.color[0] / light.color[2]) for light in found.lights] for found in wide]
    assert np.std([w[0] for w in warmth]) > 0.15
    tint = [[np.log(light.color[0] / light.color[2]) for light in f.lights] for f in studio]
    assert np.std([w[0] for w in tint]) < 0.15
    assert {len(found.lights) for found in wide} >= {2, 3}


def test_the_number_of_views_changes_neither_light_nor_clothes():
    one, five = session(9, WIDE, 1), session(9, WIDE, 5)
    assert replace(one, cameras=()) == replace(five, cameras=())
    assert one.cameras == five.cameras[:1]


# ------------------------------------------------------------------------- where a camera stands


def test_a_camera_stands_where_its_angle_says():
    for yaw, pitch, where in (
        (0.0, 0.0, (0, -2, 0)),
        (-90.0, 0.0, (2, 0, 0)),  # the subject's left
        (90.0, 0.0, (-2, 0, 0)),
        (0.0, 90.0, (0, 0, 2)),
        (45.0, 0.0, (-np.sqrt(2), -np.sqrt(2), 0)),
    ):
        view = viewpoint(Camera(), yaw, pitch, 0.065)
        np.testing.assert_allclose(view.position, where, atol=1e-9)
        assert view.target == (0, 0, 0)
    assert view.half_height == pytest.approx(HALF_HEIGHT * 0.065)


def test_a_cameras_own_angles_and_lens_add_up():
    camera = Camera(distance=1.0, zoom=1.2, yaw=5.0, pitch=-4.0, roll=7.0)
    view = viewpoint(camera, 40.0, 10.0, 0.06)
    same = viewpoint(Camera(distance=1.0, zoom=1.2, roll=7.0), 45.0, 6.0, 0.06)
    np.testing.assert_allclose(astuple(view)[0], astuple(same)[0])
    assert view.roll == 7.0 and view.half_height == pytest.approx(1.2 * HALF_HEIGHT * 0.06)
    assert np.linalg.norm(np.subtract(view.position, view.target)) == pytest.approx(1.0)


@pytest.mark.parametrize("yaw", [-90.0, 0.0, 45.0])
def test_a_shift_moves_the_camera_beside_and_up_without_turning_it(yaw):
    plain = viewpoint(Camera(), yaw, 0.0, 0.06)
    moved = viewpoint(Camera(shift=(0.5, -0.25)), yaw, 0.0, 0.06)
    step = np.subtract(moved.target, plain.target)
    np.testing.assert_allclose(step, np.subtract(moved.position, plain.position), atol=1e-12)
    assert step[2] == pytest.approx(-0.25 * 0.06)
    assert np.linalg.norm(step[:2]) == pytest.approx(0.5 * 0.06)
    assert step @ np.asarray(plain.position) == pytest.approx(0.0, abs=1e-12)
