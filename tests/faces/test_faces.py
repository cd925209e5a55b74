"""Faces: action units and emotions, people drawn from a seed, and what the camera sees."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from fermodels import faces
from fermodels.data import EXPRESSIONS
from fermodels.faces import (
    ACTION_UNITS,
    ACTIONS,
    PROTOTYPES,
    FaceRenderer,
    Person,
    Studio,
    Style,
    prototype_weights,
    sample_person,
    sample_studio,
    sample_take,
    unit_weights,
)

BLUE, GREEN = (0.05, 0.15, 0.95), (0.1, 0.9, 0.1)

# Units of each emotion as Du, Tao & Martinez print them (PNAS 2014, table 1): those that all
# people use, and those that some use.
DU_2014 = {
    "happy": ({12, 25}, {6}),
    "sad": ({4, 15}, {1, 6, 11, 17}),
    "afraid": ({1, 4, 20, 25}, {2, 5, 26}),
    "angry": ({4, 7, 24}, {10, 17, 23}),
    "surprised": ({1, 2, 25, 26}, {5}),
    "disgusted": ({9, 10, 17}, {4, 24}),
}
# What Ekman, Friesen & Hager (2002) list beside them.
EKMAN_2002 = {
    "happy": {26},
    "sad": {7},
    "afraid": set(),
    "angry": {5, 25, 26},
    "surprised": {27},
    "disgusted": {7, 16, 25, 26},
}


def average_person(**changes) -> Person:
    """Anny's average head: symmetric, with irises of a colour that nothing else has."""
    style = Style(units={}, optional={}, side=0.0, resting=np.zeros(len(ACTIONS), np.float32))
    person = Person(
        gender="female",
        age=30.0,
        phenotype={},
        shapes={},
        skin=(0.83, 0.62, 0.49),
        lips=(0.75, 0.42, 0.40),
        hair=(0.24, 0.15, 0.09),
        brow=(0.24, 0.15, 0.09),
        iris=BLUE,
        style=style,
    )
    return replace(person, **changes)


def plain_studio(**changes) -> Studio:
    """Light from the camera alone, before a green wall."""
    studio = Studio(
        key_light=0.0, head_light=0.9, background_bottom=GREEN, background_top=GREEN, shine=0.0
    )
    return replace(studio, **changes)


def is_iris(picture: np.ndarray) -> np.ndarray:
    """bool (..., H, W): pixels far more blue than red."""
    red, _, blue = np.moveaxis(picture.astype(int), -1, 0)
    return blue > 2 * red + 10


def is_wall(picture: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return (green > 2 * red) & (green > 2 * blue)


@pytest.fixture(scope="module")
def renderer():
    renderer = FaceRenderer(128)
    yield renderer
    renderer.close()


# -------------------------------------------------------------------------------- action units


def test_there_are_52_actions_sides_in_pairs():
    assert len(ACTIONS) == len(set(ACTIONS)) == 52
    left = {name.removesuffix("Left") for name in ACTIONS if name.endswith("Left")}
    right = {name.removesuffix("Right") for name in ACTIONS if name.endswith("Right")}
    assert left == right


def test_every_action_unit_moves_known_actions():
    for unit, parts in ACTION_UNITS.items():
        assert unit_weights({unit: 1.0}).any(), unit
        for action, weight in parts:
            assert 0 < weight <= 1
            assert action in ACTIONS or {action + "Left", action + "Right"} <= set(ACTIONS)


def test_unit_weights_by_hand():
    weights = unit_weights({12: 0.5, 26: 1.0}, left=1.0, right=0.4)
    moved = {ACTIONS[i]: float(weights[i]) for i in np.flatnonzero(weights)}
    assert weights.dtype == np.float32 and weights.shape == (52,)
    assert moved == pytest.approx(
        {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.2, "jawOpen": ACTION_UNITS[26][0][1]}
    )
    assert not unit_weights({}).any()
    assert unit_weights({12: 5.0}).max() == 1.0


def test_unknown_units_and_expressions_are_named():
    with pytest.raises(ValueError, match="unknown action unit 3: known are .*12"):
        unit_weights({3: 1.0})
    with pytest.raises(ValueError, match="unknown expression 'joy': known are .*happy"):
        prototype_weights("joy")
    person = sample_person(np.random.default_rng(0), "male", 30)
    with pytest.raises(ValueError, match="unknown expression 'joy'"):
        sample_take(np.random.default_rng(0), person, "joy")
    with pytest.raises(ValueError, match="gender"):
        sample_person(np.random.default_rng(0), "f", 30)


def test_prototypes_cite_their_sources_and_keep_to_them():
    source = faces.actions.__doc__
    assert "Ekman" in source and "Du, Tao" in source and "PNAS" in source
    assert set(PROTOTYPES) == set(EXPRESSIONS)
    for name, (always, sometimes) in DU_2014.items():
        prototype = PROTOTYPES[name]
        ours = set(prototype.core) | set(prototype.optional)
        # Lips part by themselves where the jaw drops, so 25 may be left to 26.
        assert always - ours <= {25}, name
        assert ours <= always | sometimes | EKMAN_2002[name], name
        assert not set(prototype.core) & set(prototype.optional), name
    assert 12 in PROTOTYPES["content"].core
    assert not {25, 26, 27} & set(PROTOTYPES["content"].core)  # the mouth stays closed


def test_prototype_weights_grow_with_intensity():
    for name in PROTOTYPES:
        half, full = prototype_weights(name, 0.5), prototype_weights(name)
        assert (half <= full).all() and full.max() <= 1
        assert full.any() == (name != "neutral")
        assert not prototype_weights(name, 0.0).any()
    smile = ACTIONS.index("mouthSmileLeft")
    assert prototype_weights("happy", 0.5)[smile] == pytest.approx(
        prototype_weights("happy")[smile] / 2, rel=1e-6
    )


# ------------------------------------------------------------------------- people drawn from a seed


def test_people_studios_and_takes_depend_on_the_seed_alone():
    def draw(seed):
        rng = np.random.default_rng(seed)
        person = sample_person(rng, "female", 33.0)
        return person, sample_studio(rng), sample_take(rng, person, "happy")

    (a, studio_a, take_a), (b, studio_b, take_b), (c, studio_c, take_c) = map(draw, (5, 5, 6))
    assert repr(a) == repr(b) != repr(c)
    assert studio_a == studio_b != studio_c
    np.testing.assert_array_equal(take_a.actions, take_b.actions)
    assert take_a.pose == take_b.pose != take_c.pose


def test_no_two_takes_are_equal():
    rng = np.random.default_rng(0)
    person = sample_person(rng, "male", 40.0)
    takes = [sample_take(rng, person, name) for name in EXPRESSIONS for _ in range(20)]
    assert len({take.actions.tobytes() for take in takes}) == len(takes)
    assert len({take.pose for take in takes}) == len(takes)
    for take in takes:
        assert take.actions.shape == (52,) and take.actions.dtype == np.float32
        assert take.actions.min() >= 0 and take.actions.max() <= 1


def test_a_take_shows_the_core_of_its_emotion():
    rng = np.random.default_rng(1)
    person = sample_person(rng, "female", 25.0)
    for name, core in (("happy", "mouthSmile"), ("sad", "mouthFrown"), ("disgusted", "noseSneer")):
        left, right = (ACTIONS.index(core + side) for side in ("Left", "Right"))
        shown = np.mean([sample_take(rng, person, name).actions for _ in range(20)], axis=0)
        resting = np.mean([sample_take(rng, person, "neutral").actions for _ in range(20)], axis=0)
        assert (shown - resting)[[left, right]].min() > 0.2, name


def test_people_differ_and_are_of_their_gender_and_age():
    rng = np.random.default_rng(2)
    women = [sample_person(rng, "female", 30.0) for _ in range(20)]
    men = [sample_person(rng, "male", 30.0) for _ in range(20)]
    boys = [sample_person(rng, "male", 8.0) for _ in range(20)]
    assert len({person.skin for person in women}) == 20
    assert min(p.phenotype["gender"] for p in women) > max(p.phenotype["gender"] for p in men)
    assert max(p.phenotype["age"] for p in boys) < min(p.phenotype["age"] for p in men)
    assert all(p.stubble == 0 for p in women + boys)
    for person in women:
        colors = [person.skin, person.lips, person.hair, person.brow, person.iris]
        assert np.min(colors) >= 0 and np.max(colors) <= 1
        assert not set(person.shapes) - set(faces.shapes.HEAD_SHAPES)


def test_a_studio_can_keep_its_light_before_another_wall():
    a, b = (sample_studio(np.random.default_rng(seed)) for seed in (0, 1))
    mixed = a.with_background_of(b)
    assert mixed.background_bottom == b.background_bottom and mixed.shirt == b.shirt
    assert mixed.key_position == a.key_position and mixed.tint == a.tint


# ------------------------------------------------------------------------- what the camera sees


def test_shapes_of_what_render_returns(renderer):
    person, studio = average_person(), plain_studio()
    one = renderer.render(person, studio, np.zeros(52), (0.0, 45.0))  # (V, S, S, 3)
    many = renderer.render(person, studio, np.zeros((3, 52)), (0.0, 45.0))  # (N, V, S, S, 3)
    assert one.shape == (2, 128, 128, 3) and one.dtype == np.uint8
    assert many.shape == (3, 2, 128, 128, 3)
    # The same take gives the same picture, whatever was drawn before it.
    for take in many:
        np.testing.assert_array_equal(take, one)


@pytest.mark.parametrize("shape", [(51,), (2, 53), (1, 2, 52), ()])
def test_actions_of_another_shape_are_refused(renderer, shape):
    with pytest.raises(ValueError, match=r"actions must have shape \(52,\) or \(N, 52\)"):
        renderer.render(average_person(), plain_studio(), np.zeros(shape))


@pytest.mark.parametrize("size", [0, 15, 513])
def test_sizes_outside_16_to_512_are_refused(size):
    with pytest.raises(ValueError, match="between 16 and 512"):
        FaceRenderer(size)


@pytest.mark.parametrize("size", [16, 47, 512])
def test_sizes_at_the_limits(size):
    renderer = FaceRenderer(size)
    picture = renderer.render(average_person(), plain_studio(), np.zeros(52))
    renderer.close()
    assert picture.shape == (1, size, size, 3)
    assert 0.1 < is_wall(picture).mean() < 0.7  # a head before a wall


def test_a_neutral_frontal_face_is_symmetric_with_two_whole_eyes(renderer):
    picture = renderer.render(average_person(), plain_studio(), np.zeros(52))[0]
    grey = picture.astype(float).mean(axis=-1)
    assert np.abs(grey - grey[:, ::-1]).mean() < 5  # skin has its mottles
    iris = is_iris(picture)
    rows, columns = np.nonzero(iris)
    left, right = columns < 64, columns >= 64
    assert min(left.sum(), right.sum()) >= 6
    assert 0.75 < left.sum() / right.sum() < 1.33
    assert abs(rows[left].mean() - rows[right].mean()) < 1.5
    assert abs(columns[left].mean() + columns[right].mean() - 127) < 3
    # White on both sides of each iris: brighter than the skin and without its colour.
    for side in (left, right):
        row, column = round(rows[side].mean()), round(columns[side].mean())
        for step in (-1, 1):
            beside = picture[row - 2 : row + 3, column + step * np.arange(2, 8)].astype(int)
            pale = (beside.max(axis=-1) - beside.min(axis=-1) < 40) & (beside.min(axis=-1) > 110)
            assert pale.any(), (row, column, step)


def test_a_closed_eye_shows_no_iris(renderer):
    blink = np.zeros((2, 52), np.float32)
    blink[0, ACTIONS.index("eyeBlinkLeft")] = 1
    blink[1, ACTIONS.index("eyeBlinkRight")] = 1
    left, right = is_iris(renderer.render(average_person(), plain_studio(), blink)[:, 0])
    # Seen from the front, the subject's left eye is on the picture's right.
    assert left[:, 64:].sum() == 0 < left[:, :64].sum()
    assert right[:, :64].sum() == 0 < right[:, 64:].sum()


def test_at_minus_90_the_camera_sees_the_left_cheek_and_the_nose_points_left(renderer):
    blink = np.zeros((3, 52), np.float32)
    blink[1, ACTIONS.index("eyeBlinkLeft")] = 1
    blink[2, ACTIONS.index("eyeBlinkRight")] = 1
    pictures = renderer.render(average_person(), plain_studio(), blink, (-90.0, 90.0))
    (open_l, open_r), (left_l, left_r), (right_l, right_r) = is_iris(pictures).sum(axis=(-1, -2))
    assert open_l > 0 and open_r > 0
    assert left_l == 0 < left_r  # "full left" loses the left eye
    assert right_r == 0 < right_l
    head = ~is_wall(pictures[0])  # (2, S, S)
    reach = head.argmax(axis=-1)[0], head[..., ::-1].argmax(axis=-1)[1]
    for edge in reach:  # columns from the picture's edge to the head, a row each
        nose = 32 + edge[32:96].argmin()
        assert 55 <= nose <= 90  # between the eyes and the mouth
        assert edge[nose] + 4 < edge[40]  # before the forehead
        assert edge[nose] < 40
    np.testing.assert_allclose(reach[0], reach[1], atol=2)


def test_a_head_turned_to_its_left_shows_what_a_camera_on_its_right_sees(renderer):
    person, studio = average_person(), plain_studio()
    turned = is_iris(renderer.render(person, studio, np.zeros(52), (0.0,), (30.0, 0.0, 0.0)))
    walked = is_iris(renderer.render(person, studio, np.zeros(52), (-30.0, 30.0)))
    from_left, from_right = (walked != turned).sum(axis=(-1, -2))
    assert from_right < 0.3 * from_left


def test_expressions_change_the_face_and_not_the_wall(renderer):
    actions = np.stack([prototype_weights(name) for name in ("neutral", "happy", "surprised")])
    pictures = renderer.render(average_person(), plain_studio(), actions)[:, 0].astype(int)
    change = np.abs(pictures[1:] - pictures[0]).sum(axis=-1)  # (2, S, S)
    assert (change > 60).sum(axis=(1, 2)).min() > 50
    wall = is_wall(pictures[0].astype(np.uint8))
    corners = wall.copy()
    corners[24:, 24:104] = False
    assert corners.any() and change[:, corners].max() <= 3


def test_an_open_mouth_is_dark_inside(renderer):
    gape = unit_weights({27: 1.0})
    closed, wide = renderer.render(
        average_person(), plain_studio(), np.stack([np.zeros(52, np.float32), gape])
    )[:, 0].astype(int)
    mouth = slice(78, 108), slice(50, 78)
    assert (wide[mouth].sum(axis=-1) < 200).sum() > (closed[mouth].sum(axis=-1) < 200).sum() + 20


def test_a_renderer_is_not_confused_by_the_person_before(renderer):
    rng = np.random.default_rng(3)
    people = [sample_person(rng, gender, age) for gender, age in (("male", 55), ("female", 7))]
    studios = [sample_studio(rng) for _ in people]
    first = [renderer.render(*pair, np.zeros(52)) for pair in zip(people, studios, strict=True)]
    again = [renderer.render(*pair, np.zeros(52)) for pair in zip(people, studios, strict=True)]
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0].astype(int) - first[1]).mean() > 5


def test_faces_are_made_without_a_display_and_without_noise():
    """What a notebook shows must not begin with a warning that there is no X server."""
    code = (
        "import os; os.environ.pop('DISPLAY', None); import numpy as np\n"
        "from tests.faces.test_faces import average_person, plain_studio\n"
        "from fermodels.faces import FaceRenderer\n"
        "print(FaceRenderer(16).render(average_person(), plain_studio(), np.zeros(52)).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(1, 16, 16, 3)" and "WARN" not in done.stderr


def test_importing_faces_loads_neither_anny_nor_pyvista():
    code = (
        "import sys, fermodels.faces\n"
        "print(sorted({'anny', 'pyvista', 'vtk', 'torch', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
