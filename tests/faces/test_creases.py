"""What facial actions do to brows, lips, lids and skin: on the points, and as it is seen."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from fermodels.faces import (
    ACTIONS,
    PROTOTYPES,
    FaceRenderer,
    head_model,
    prototype_weights,
    render,
    sample_person,
    sample_session,
    sample_take,
    unit_weights,
)
from fermodels.faces.creases import creases
from fermodels.faces.landmarks import landmarks
from tests.fixtures.faces import BLUE, actions, average_person, is_iris, plain_session

NAMES = sorted({name.removesuffix("Left").removesuffix("Right") for name in ACTIONS})
# Where the skin folds or moves, as the Investigator's Guide describes it: |x| and z in mm on the
# average head, whose brows are at z = 159, eyes at 142, tip of the nose at 100, and mouth at 69.
WHERE = {
    "browDown": ((0, 65), (135, 185)),
    "browInnerUp": ((0, 32), (140, 210)),
    "browOuterUp": ((8, 62), (135, 210)),
    "cheekSquint": ((12, 65), (70, 160)),
    "eyeSquint": ((12, 65), (125, 155)),
    "eyeWide": ((15, 45), (135, 155)),
    "mouthDimple": ((28, 45), (55, 85)),
    "mouthFrown": ((10, 42), (42, 82)),
    "mouthPress": ((28, 45), (55, 85)),
    "mouthShrugLower": ((0, 18), (30, 62)),
    "mouthSmile": ((8, 58), (50, 120)),
    "mouthStretch": ((10, 45), (45, 85)),
    "mouthUpperUp": ((0, 40), (65, 120)),
    "noseSneer": ((0, 48), (65, 152)),
}
# Where a fold has to be dark: between the brows, on the forehead, beside nose, mouth and eyes.
DARK = {
    "browDown": ((3, 10), (150, 172)),
    "browInnerUp": ((0, 18), (175, 203)),
    "browOuterUp": ((20, 42), (175, 203)),
    "cheekSquint": ((48, 60), (138, 156)),
    "eyeSquint": ((18, 44), (127, 138)),
    "mouthDimple": ((33, 39), (62, 78)),
    "mouthFrown": ((27, 36), (49, 67)),
    "mouthShrugLower": ((0, 13), (34, 57)),
    "mouthSmile": ((18, 34), (72, 108)),
    "mouthUpperUp": ((15, 34), (72, 110)),
    "noseSneer": ((2, 14), (118, 141)),
}


@pytest.fixture(scope="module")
def renderer():
    renderer = FaceRenderer(128)
    yield renderer
    renderer.close()


def box(where) -> np.ndarray:
    """bool (V,): points within |x| and z, mm."""
    (x0, x1), (z0, z1) = where
    x, _, z = np.abs(head_model().rest.T * 1000)
    return (x >= x0) & (x <= x1) & (z >= z0) & (z <= z1)


def shown(weights: np.ndarray) -> np.ndarray:
    """(V, 3), mm: the average head's skin with an action's shape and pull."""
    head = head_model()
    coarse = head.coarse_vertices({}, {}, render._lips_meet(weights[None]))
    return 1000 * (head.smooth_vertices(coarse)[0] + creases().pull(weights))


# ------------------------------------------------------------------------------- folds and pulls


@pytest.mark.parametrize("name", NAMES)
def test_an_action_folds_and_pulls_the_skin_only_where_it_should(name):
    weights = actions(**{name: 1.0})
    depth, dark = creases().fold(weights, 0.0, 1.0)
    moved = np.linalg.norm(creases().pull(weights), axis=1) * 1000
    if name == "jawOpen":  # the tongue goes down with the jaw
        assert not dark.any() and not depth.any()
        assert (moved > 0).tolist() == (landmarks().tongue > 0).tolist()
        return
    touched = (dark > 0.02) | (np.abs(depth) > 2e-4) | (moved > 0.7)
    assert touched.any() == (dark > 0).any() | (moved > 0).any() == (name in WHERE)
    if name in WHERE:
        assert not touched[~box(WHERE[name])].any()
        assert not touched[landmarks().tongue | landmarks().sockets].any()
        assert moved.max() < 10 and depth.min() * 1000 > -3 and depth.max() * 1000 < 3.5


@pytest.mark.parametrize("name", DARK)
def test_the_fold_is_dark_where_people_look_for_it(name):
    _, dark = creases().fold(actions(**{name: 1.0}), 0.0, 1.0)
    assert dark[box(DARK[name])].max() > 0.12 and dark.min() >= 0 and dark.max() <= 0.5


def test_folds_grow_with_the_action_the_age_and_the_skin():
    frown = [creases().fold(actions(browDown=w), 0.0, 1.0) for w in np.linspace(0, 1, 6)]
    for (depth, dark), (deeper, darker) in zip(frown[:-1], frown[1:], strict=True):
        assert (np.abs(deeper) >= np.abs(depth)).all() and (darker >= dark).all()
        assert darker.max() > dark.max()
    nothing = np.zeros(52, np.float32)
    assert not np.any(creases().fold(nothing, 0.0, 1.0))
    assert not np.any(creases().pull(nothing))
    assert not np.any(creases().fold(actions(browDown=1.0), 0.3, 0.0))
    _, old = creases().fold(nothing, 0.4, 1.0)
    assert all(old[box(where)].max() > 0.05 for where in DARK.values())
    _, deep = creases().fold(actions(**dict.fromkeys(DARK, 1.0)), 1.0, 5.0)
    assert deep.max() == pytest.approx(0.8)


SIDED = [name for name in WHERE if name + "Left" in ACTIONS]


@pytest.mark.parametrize("name", SIDED)
def test_left_and_right_are_independent(name):
    """x goes to the subject's left. Folds across the middle belong to both sides, half each."""
    x = head_model().rest[:, 0] * 1000
    left, right = (actions(**{name + side: 1.0}) for side in ("Left", "Right"))
    both = actions(**{name: 1.0})
    for side, own, other in ((left, x > 24, x < -24), (right, x < -24, x > 24)):
        depth, dark = creases().fold(side, 0.0, 1.0)
        moved = np.linalg.norm(creases().pull(side), axis=1)
        assert not dark[other].any() and not depth[other].any() and not moved[other].any()
        np.testing.assert_allclose(dark[own], creases().fold(both, 0.0, 1.0)[1][own])
        np.testing.assert_allclose(creases().pull(side)[own], creases().pull(both)[own], atol=1e-9)


@pytest.mark.parametrize("name", SIDED)
def test_the_right_side_is_the_lefts_mirror_image(name):
    mirror = head_model().rest * np.array([-1, 1, 1])
    away, twin = cKDTree(mirror).query(head_model().rest)
    near = away < 1e-4
    left, right = (actions(**{name + side: 1.0}) for side in ("Left", "Right"))
    assert near.mean() > 0.9
    np.testing.assert_allclose(
        creases().fold(right, 0.0, 1.0)[1][twin][near],
        creases().fold(left, 0.0, 1.0)[1][near],
        atol=0.02,
    )
    np.testing.assert_allclose(
        creases().pull(right)[twin][near] * [-1, 1, 1], creases().pull(left)[near], atol=2e-4
    )


# ------------------------------------------------------------------------------ brows, lips, lids


def brow_shift(units: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Mean move (3,) in mm, x towards the ear, of the inner and of the outer part of the brows."""
    x = head_model().rest[:, 0] * 1000
    brow = landmarks().brows() > 0.5
    moved = shown(unit_weights(units)) - shown(np.zeros(52, np.float32))
    moved[:, 0] *= np.sign(x)
    return tuple(moved[brow & part].mean(axis=0) for part in (np.abs(x) < 22, np.abs(x) > 35))


def test_brows_go_where_their_units_pull_them():
    inner, outer = brow_shift({4: 1.0})
    assert inner[2] < -4 and inner[0] < -2 and outer[2] < -2  # down and together
    inner, outer = brow_shift({1: 1.0})
    assert inner[2] > 4 > 2 > abs(outer[2])
    inner, outer = brow_shift({2: 1.0})
    assert outer[2] > 4 > abs(inner[2]) + 1
    for unit in (5, 7, 12, 15, 24, 26):
        assert np.abs(brow_shift({unit: 1.0})).max() < 0.5, unit


def mouth(units: dict[int, float]) -> tuple[float, float]:
    """Width of the mouth from corner to corner, mm, and area of its red from the front, mm²."""
    points, m = shown(unit_weights(units)), landmarks()
    right, left = (points[corner, 0].mean() for corner in m.mouth_corners)
    red = head_model().faces[(m.lips[head_model().faces] > 0.5).all(axis=1)]
    a, b, c = (points[red[:, k]] for k in range(3))
    return left - right, float(np.clip(-np.cross(b - a, c - a)[:, 1], 0, None).sum() / 2)


def test_lips_pressed_together_get_thin_and_not_wide():
    """AU 24 "presses the lips together, tightens and narrows them", AU 23 tightens them."""
    wide, red = mouth({})
    for unit in (23, 24):
        widths, reds = zip(*(mouth({unit: weight}) for weight in (0.3, 0.6, 1.0)), strict=True)
        assert red > reds[0] > reds[1] > reds[2] and reds[2] < 0.85 * red, unit
        assert max(widths) < wide + 0.5, unit


def test_corners_of_the_mouth_go_where_their_units_pull_them():
    def corner(units):
        points = shown(unit_weights(units))
        return points[landmarks().mouth_corners[1]].mean(axis=0) - rest

    rest = shown(np.zeros(52, np.float32))[landmarks().mouth_corners[1]].mean(axis=0)
    out, _, up = corner({12: 1.0})
    assert out > 4 and up > 4
    assert corner({15: 1.0})[2] < -3
    out, _, up = corner({20: 1.0})
    assert out > 3 and -4 < up < 1
    assert corner({18: 1.0})[0] < -2


def test_lids_open_and_close(renderer):
    rest, wide, tight, half, shut = (
        int(is_iris(image).sum())
        for image in renderer.render(
            average_person(),
            plain_session(zoom=0.6),
            np.stack([unit_weights(u) for u in ({}, {5: 1}, {7: 1}, {43: 1}, {43: 2})]),
        )[:, 0]
    )
    assert wide > 1.1 * rest and tight < 0.85 * rest and half < 0.85 * rest and shut == 0


def glowing_teeth(monkeypatch):
    """Teeth of a colour that nothing else has: then it can be seen where they are seen."""
    teeth = render.teeth

    def glowing(neutral):
        points, triangles, colors = teeth(neutral)
        return points, triangles, np.broadcast_to(np.float32(BLUE), colors.shape)

    monkeypatch.setattr(render, "teeth", glowing)


def test_teeth_are_seen_between_parted_lips_only(renderer, monkeypatch):
    glowing_teeth(monkeypatch)
    person = average_person(iris=(0.3, 0.2, 0.1))
    yaws = (-90.0, -45.0, 0.0, 45.0, 90.0)
    names = [(name, number) for name in PROTOTYPES for number in range(len(PROTOTYPES[name]))]
    weights = [prototype_weights(name, variant=number) for name, number in names]
    single = [unit_weights({unit: 1.0}) for unit in (4, 5, 6, 9, 12, 14, 15, 17, 23, 24)]
    seen = is_iris(renderer.render(person, plain_session(), np.stack(weights + single), yaws)).sum(
        axis=(-1, -2)
    )
    for (name, number), views in zip(names, seen, strict=False):
        units = PROTOTYPES[name][number].units
        if {25, 26, 27} & set(units):
            assert views[2] > 3, (name, number)
        elif name != "disgusted":  # an upper lip that is raised, AU 10, may show them
            assert views.max() == 0, (name, number)
    assert seen[len(names) :].max() == 0


def test_resting_lips_are_closed_whoever_it_is(renderer, monkeypatch):
    glowing_teeth(monkeypatch)
    rng = np.random.default_rng(5)
    for number in range(10):
        person = sample_person(rng, ("female", "male")[number % 2], float(rng.uniform(8, 75)))
        person = average_person(
            phenotype=person.phenotype,
            shapes=person.shapes,
            style=person.style,
            iris=(0.3, 0.2, 0.1),
        )
        take = sample_take(rng, person, "neutral")
        seen = is_iris(renderer.render(person, plain_session(), take.actions, (-45.0, 0.0, 90.0)))
        assert not seen.any(), number


def test_a_frown_is_seen_between_the_brows(renderer):
    """At 128 pixels, in a studio's light: darker lines, and gone without the actions."""
    rng = np.random.default_rng(0)
    person = average_person()
    session = sample_session(rng, person)
    rest, frown = renderer.render(
        person, session, np.stack([unit_weights({}), unit_weights({4: 1.0})])
    )[:, 0].astype(float)
    change = (frown - rest).mean(axis=-1)
    assert change[30:48, 58:70].min() < -25  # above the nose
    assert np.abs(change[60:72, 30:44]).max() < 12  # a cheek


def test_the_tongue_lies_in_an_open_mouth_unless_it_is_put_out():
    tongue, line = landmarks().tongue, landmarks().mouth_line > 0.5

    def inside(weights):
        """How far the tongue's tip is behind where the lips meet, mm; y goes to the back."""
        points = shown(weights)
        return points[tongue, 1].min() - points[line, 1].min()

    gape = actions(jawOpen=0.5)
    assert inside(gape) > 20
    assert inside(gape + actions(tongueOut=1.0)) < 0
    assert creases().pull(gape)[tongue, 2].max() < -0.008
    assert not creases().pull(gape + actions(tongueOut=1.0)).any()
