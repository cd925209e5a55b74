"""Faces: action units and emotions, people drawn from a seed, and what the camera sees."""

import subprocess
import sys
from dataclasses import replace
from itertools import compress, permutations, product

import numpy as np
import pytest

from fermodels import faces
from fermodels.data import EXPRESSIONS
from fermodels.faces import (
    ACTION_UNITS,
    ACTIONS,
    PROTOTYPES,
    WIDE,
    Difficulty,
    FaceRenderer,
    Variant,
    prototype_weights,
    sample_blend,
    sample_person,
    sample_session,
    sample_take,
    unit_weights,
)
from tests.fixtures.faces import average_person, is_iris, is_wall, plain_session

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
# Prototypes and major variants of Ekman, Friesen & Hager (Investigator's Guide, 2002): each face
# holds one of these sets whole, and may add what stands beside them.
EKMAN_2002 = {
    "surprised": ([{1, 2, 5, 26}, {1, 2, 5, 27}], {25}),
    # The last as in Du, Tao & Martinez, where not all people raise the outer brows.
    "afraid": ([{1, 2, 4, 5, 20, 25}, {1, 2, 4, 5, 25}, {1, 4, 5, 20, 25}], {26, 27}),
    "happy": ([{6, 12}, {12}], {25, 26}),
    "sad": ([{1, 4, 15}, {1, 4, 11, 15}, {6, 15}], {7, 17, 25, 26, 43}),
    "disgusted": ([{9}, {10}], {15, 16, 17, 25, 26}),
    # "Without any one of 4, 5, 7, 10."
    "angry": (
        [{4, 5, 7, 23}, {4, 5, 7, 24}, {4, 7, 23}, {4, 7, 24}, {4, 5, 23}, {4, 5, 24}],
        {10, 17, 22, 25, 26},
    ),
}
# What neither table has: see the top of fermodels/faces/actions.py.
OURS = {"disgusted": {6, 7, 19, 43}, "angry": {16}, "happy": {14}}


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
    with pytest.raises(ValueError, match="gender must be 'female' or 'male', got 'f'"):
        sample_person(np.random.default_rng(0), "f", 30)


def test_prototypes_cite_their_sources():
    source = faces.actions.__doc__
    assert "Ekman" in source and "Du, Tao" in source and "PNAS" in source
    assert set(PROTOTYPES) == set(EXPRESSIONS)
    assert PROTOTYPES["neutral"] == (Variant({}),)


@pytest.mark.parametrize("name", sorted(EKMAN_2002))
def test_every_variant_is_one_of_the_literatures(name):
    (always, sometimes), (kernels, beside) = DU_2014[name], EKMAN_2002[name]
    allowed = always | sometimes | beside | set().union(*kernels) | OURS.get(name, set())
    for variant in PROTOTYPES[name]:
        units = set(variant.units)
        assert any(kernel <= units for kernel in kernels), units
        assert units | set(variant.optional) <= allowed
        assert not units & set(variant.optional)


def test_variants_differ_in_what_people_see():
    def shown(name):
        return [set(variant.units) for variant in PROTOTYPES[name]]

    open_mouth, lips = {25, 26, 27}, {23, 24}
    assert any(units & open_mouth for units in shown("angry"))
    assert any(not units & open_mouth and units & lips for units in shown("angry"))
    assert sorted(bool(units & open_mouth) for units in shown("happy")) == [False, True]
    assert any({9, 17} <= units and not units & open_mouth for units in shown("disgusted"))
    assert any(19 in units for units in shown("disgusted"))
    assert any({1, 4} <= units for units in shown("sad"))
    assert any(not {1, 4} & units for units in shown("sad"))
    for name, variants in PROTOTYPES.items():
        assert len({frozenset(units) for units in shown(name)}) == len(variants), name
        for variant in variants:
            assert variant.share > 0 and min(variant.units.values(), default=1) > 0
            assert all(0 < w <= 1.2 and 0 < often < 1 for w, often in variant.optional.values())
    # The mouth of a content face stays closed.
    content = PROTOTYPES["content"][0]
    assert 12 in content.units and not open_mouth & {*content.units, *content.optional}


def test_prototype_weights_are_a_variant_with_its_common_units():
    for name, variants in PROTOTYPES.items():
        for number, variant in enumerate(variants):
            units = dict(variant.units)
            for unit, (weight, often) in variant.optional.items():
                if often >= 0.5:
                    units[unit] = weight
            expected = unit_weights(units)
            np.testing.assert_array_equal(prototype_weights(name, variant=number), expected)
    assert (prototype_weights("angry", variant=1) != prototype_weights("angry")).any()
    for number in (-1, 3):
        with pytest.raises(ValueError, match=f"angry has variants 0 to 2, not {number}"):
            prototype_weights("angry", variant=number)


def test_prototype_weights_grow_with_intensity():
    for name, variants in PROTOTYPES.items():
        for variant in range(len(variants)):
            half, full = (prototype_weights(name, i, variant) for i in (0.5, 1.0))
            assert (half <= full).all() and full.max() <= 1
            assert full.any() == (name != "neutral")
            assert not prototype_weights(name, 0.0, variant).any()
    smile = ACTIONS.index("mouthSmileLeft")
    assert prototype_weights("happy", 0.5)[smile] == pytest.approx(
        prototype_weights("happy")[smile] / 2, rel=1e-6
    )


# ------------------------------------------------------------------------- people drawn from a seed


def test_people_sessions_and_takes_depend_on_the_seed_alone():
    def draw(seed):
        rng = np.random.default_rng(seed)
        person = sample_person(rng, "female", 33.0)
        session = sample_session(rng, person)
        return person, session, sample_take(rng, person, "happy"), sample_blend(rng, person)

    (*a, take_a, blend_a), (*b, take_b, blend_b), (*c, take_c, blend_c) = map(draw, (5, 5, 6))
    for mine, same, other in zip(a, b, c, strict=True):
        assert repr(mine) == repr(same) != repr(other)
    for mine, same, other in ((take_a, take_b, take_c), (blend_a, blend_b, blend_c)):
        np.testing.assert_array_equal(mine.actions, same.actions)
        assert mine.pose == same.pose != other.pose


def test_no_two_takes_are_equal():
    rng = np.random.default_rng(0)
    person = sample_person(rng, "male", 40.0)
    takes = [sample_take(rng, person, name) for name in EXPRESSIONS for _ in range(20)]
    takes += [sample_blend(rng, person) for _ in range(20)]
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


EXACT = Difficulty(
    intensity=(1.0, 1.0),
    unit_spread=0.0,
    style_spread=0.0,
    resting_spread=0.0,
    asymmetry=0.0,
    pose=(0.0, 0.0, 0.0),
)
# Lids and gaze wander in every take.
STEADY = [i for i, name in enumerate(ACTIONS) if not name.startswith(("eyeBlink", "eyeLook"))]


def ways(name: str) -> np.ndarray:
    """(K, A): an emotion's variants, each with every choice of its optional units."""
    found = []
    for variant in PROTOTYPES[name]:
        for chosen in product((False, True), repeat=len(variant.optional)):
            weights = {u: w for u, (w, _) in compress(variant.optional.items(), chosen)}
            units = variant.units | weights
            found.append(sum((w * unit_weights({u: 1.0}) for u, w in units.items()), np.zeros(52)))
    return np.stack(found)[:, STEADY]


def test_a_take_is_a_variant_with_some_of_its_optional_units():
    rng = np.random.default_rng(2)
    for name in PROTOTYPES:
        possible = ways(name).clip(0, 1)
        seen = set()
        for _ in range(80):
            take = sample_take(rng, average_person(), name, EXACT)
            error = np.abs(possible - take.actions[STEADY]).max(axis=1)
            assert error.min() < 1e-6 and take.expression == name and take.intensity == 1.0
            seen.add(int(error.argmin()))
        assert len(seen) >= 0.4 * len(possible), name


def test_people_have_their_own_way_to_be_angry():
    people = [sample_person(np.random.default_rng(seed), "male", 30.0) for seed in range(40)]
    habits = np.array([person.style.habit["angry"] for person in people])
    np.testing.assert_allclose(habits.sum(axis=1), 1)
    assert habits.shape == (40, 3) and habits.std(axis=0).min() > 0.1
    person = replace(people[0], style=replace(people[0].style, habit={"angry": (0.0, 1.0, 0.0)}))
    rng = np.random.default_rng(0)
    press = ACTIONS.index("mouthPressLeft")
    takes = [sample_take(rng, person, "angry") for _ in range(20)]
    assert min(take.actions[press] for take in takes) > 0.05  # AU 24, variant 1 alone


def test_a_blend_has_no_label_and_lies_between_two_emotions():
    rng = np.random.default_rng(3)
    names = [name for name in PROTOTYPES if name != "neutral"]
    pairs = [(ways(a), ways(b)) for a, b in permutations(names, 2)]
    met = set()
    for _ in range(25):
        blend = sample_blend(rng, average_person(), EXACT)
        share = blend.intensity  # of the first emotion
        assert blend.expression == "" and 0.3 <= share <= 0.7
        errors = []
        for first, second in pairs:
            mixed = share * first[:, None] + (1 - share) * second[None]
            between = (1.3 * mixed).clip(0, 1)
            errors.append(np.abs(between - blend.actions[STEADY]).max(axis=-1).min())
        assert min(errors) < 1e-5
        met.add(int(np.argmin(errors)))
    assert len(met) > 12  # all emotions with all others


def test_people_differ_and_are_of_their_gender_and_age():
    rng = np.random.default_rng(2)
    women = [sample_person(rng, "female", 30.0) for _ in range(20)]
    men = [sample_person(rng, "male", 30.0) for _ in range(20)]
    boys = [sample_person(rng, "male", 8.0) for _ in range(20)]
    assert len({person.skin.color for person in women}) == 20
    assert len({person.skin.seed for person in women + men + boys}) == 60
    assert min(p.phenotype["gender"] for p in women) > max(p.phenotype["gender"] for p in men)
    assert max(p.phenotype["age"] for p in boys) < min(p.phenotype["age"] for p in men)
    assert all(p.skin.stubble == 0 and p.beard is None for p in women + boys)
    for person in women:
        colors = [person.skin.color, person.lips, person.hair.color, person.brows.color]
        assert np.min([*colors, person.iris]) >= 0 and np.max([*colors, person.iris]) <= 1
        assert not set(person.shapes) - set(faces.shapes.HEAD_SHAPES)


def test_the_wide_world_is_wider():
    """Rougher skin, more beards, many haircuts; and wrinkles with age."""

    def people(appearance, age=30.0):
        rng = np.random.default_rng(4)
        return [sample_person(rng, "male", age, appearance) for _ in range(60)]

    studio, wide = people(faces.STUDIO), people(WIDE)
    for measure in (
        lambda crowd: np.mean([p.skin.mottle for p in crowd]),
        lambda crowd: np.mean([p.skin.moles for p in crowd]),
        lambda crowd: np.mean([p.beard is not None for p in crowd]),
    ):
        assert measure(wide) > 1.2 * measure(studio)
    assert len({person.hair.kind for person in wide}) >= 8
    young, old = ([p.skin.wrinkles for p in people(WIDE, age)] for age in (30.0, 75.0))
    assert max(young) < 0.15 and np.mean(old) > 3 * np.mean(young)


# ------------------------------------------------------------------------- what the camera sees


def test_shapes_of_what_render_returns(renderer):
    person, session = average_person(), plain_session()
    one = renderer.render(person, session, np.zeros(52), (0.0, 45.0))  # (V, S, S, 3)
    many = renderer.render(person, session, np.zeros((3, 52)), (0.0, 45.0))  # (N, V, S, S, 3)
    assert one.shape == (2, 128, 128, 3) and one.dtype == np.uint8
    assert many.shape == (3, 2, 128, 128, 3)
    # The same take gives the same picture, whatever was drawn before it.
    for take in many:
        np.testing.assert_array_equal(take, one)


@pytest.mark.parametrize("shape", [(51,), (2, 53), (1, 2, 52), ()])
def test_actions_of_another_shape_are_refused(renderer, shape):
    with pytest.raises(ValueError, match=r"actions must have shape \(52,\) or \(N, 52\)"):
        renderer.render(average_person(), plain_session(), np.zeros(shape))


@pytest.mark.parametrize("size", [0, 15, 513])
def test_sizes_outside_16_to_512_are_refused(size):
    with pytest.raises(ValueError, match="between 16 and 512"):
        FaceRenderer(size)


@pytest.mark.parametrize("size", [16, 47, 512])
def test_sizes_at_the_limits(size):
    renderer = FaceRenderer(size)
    picture = renderer.render(average_person(), plain_session(), np.zeros(52))
    renderer.close()
    assert picture.shape == (1, size, size, 3)
    assert 0.1 < is_wall(picture).mean() < 0.7  # a head before a wall


def test_a_neutral_frontal_face_is_symmetric_with_two_whole_eyes(renderer):
    picture = renderer.render(average_person(), plain_session(), np.zeros(52))[0]
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
    left, right = is_iris(renderer.render(average_person(), plain_session(), blink)[:, 0])
    # Seen from the front, the subject's left eye is on the picture's right.
    assert left[:, 64:].sum() == 0 < left[:, :64].sum()
    assert right[:, :64].sum() == 0 < right[:, 64:].sum()


def test_at_minus_90_the_camera_sees_the_left_cheek_and_the_nose_points_left(renderer):
    blink = np.zeros((3, 52), np.float32)
    blink[1, ACTIONS.index("eyeBlinkLeft")] = 1
    blink[2, ACTIONS.index("eyeBlinkRight")] = 1
    pictures = renderer.render(average_person(), plain_session(), blink, (-90.0, 90.0))
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
    person, session = average_person(), plain_session()
    turned = is_iris(renderer.render(person, session, np.zeros(52), (0.0,), (30.0, 0.0, 0.0)))
    walked = is_iris(renderer.render(person, session, np.zeros(52), (-30.0, 30.0)))
    from_left, from_right = (walked != turned).sum(axis=(-1, -2))
    assert from_right < 0.3 * from_left


def test_expressions_change_the_face_and_not_the_wall(renderer):
    actions = np.stack([prototype_weights(name) for name in ("neutral", "happy", "surprised")])
    pictures = renderer.render(average_person(), plain_session(), actions)[:, 0].astype(int)
    change = np.abs(pictures[1:] - pictures[0]).sum(axis=-1)  # (2, S, S)
    assert (change > 60).sum(axis=(1, 2)).min() > 50
    wall = is_wall(pictures[0].astype(np.uint8))
    corners = wall.copy()
    corners[24:, 24:104] = False
    assert corners.any() and change[:, corners].max() <= 3


def test_an_open_mouth_is_dark_inside(renderer):
    gape = unit_weights({27: 1.0})
    closed, wide = renderer.render(
        average_person(), plain_session(), np.stack([np.zeros(52, np.float32), gape])
    )[:, 0].astype(int)
    mouth = slice(78, 108), slice(50, 78)
    assert (wide[mouth].sum(axis=-1) < 200).sum() > (closed[mouth].sum(axis=-1) < 200).sum() + 20


def test_a_renderer_is_not_confused_by_the_person_before(renderer):
    rng = np.random.default_rng(3)
    people = [sample_person(rng, gender, age) for gender, age in (("male", 55), ("female", 7))]
    pairs = [(person, sample_session(rng, person, WIDE)) for person in people]
    first = [renderer.render(*pair, np.zeros(52)) for pair in pairs]
    again = [renderer.render(*pair, np.zeros(52)) for pair in pairs]
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0].astype(int) - first[1]).mean() > 5


def test_faces_are_made_without_a_display_and_without_noise():
    """What a notebook shows must not begin with a warning that there is no X server."""
    code = (
        "import os; os.environ.pop('DISPLAY', None); import numpy as np\n"
        "from tests.fixtures.faces import average_person, plain_session\n"
        "from fermodels.faces import FaceRenderer\n"
        "print(FaceRenderer(16).render(average_person(), plain_session(), np.zeros(52)).shape)"
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
