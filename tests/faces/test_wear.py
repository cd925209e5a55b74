"""Glasses, earrings, headwear and clothes: in their places, the face in sight."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from fermodels.faces.clothes import (
    CLOTHES_KINDS,
    PATTERNS,
    Clothes,
    clothes_pieces,
    sample_clothes,
)
from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model
from fermodels.faces.skull import CENTRE, Outline
from fermodels.faces.wear import (
    EARRING_KINDS,
    GLASSES_SHAPES,
    Earrings,
    Glasses,
    Headwear,
    earring_pieces,
    glasses_pieces,
    headwear_pieces,
    sample_earrings,
    sample_glasses,
    sample_headwear,
)
from tests.faces.test_hair import PHENOTYPES, SKIN, covers, head, in_the_face, is_sound

HEADWEAR = ("headscarf", "cap", "beanie")


def eyes(name="average"):
    model = head_model()
    coarse = model.coarse_vertices(PHENOTYPES[name], {}, np.zeros((1, 52)))[0]
    return np.array([coarse[model.left_eye].mean(axis=0), coarse[model.right_eye].mean(axis=0)])


@pytest.mark.parametrize("shape", GLASSES_SHAPES)
@pytest.mark.parametrize("name", PHENOTYPES)
def test_glasses_sit_before_the_eyes_and_reach_the_ears(shape, name):
    rest, centres = head(name), eyes(name)
    (piece,) = glasses_pieces(Glasses(shape), rest, centres)
    is_sound(piece, 1500)
    points = piece.points.astype(float)
    rims = points[points[:, 1] < centres[:, 1].mean() - 0.012]
    for eye in centres:
        seen = np.hypot(rims[:, 0] - eye[0], rims[:, 2] - eye[2])
        assert seen.min() > 0.008  # iris and lids are in sight
        beside = np.abs(rims[:, 0] - eye[0]) < 0.03
        assert rims[beside, 2].max() > eye[2] + 0.008
        if shape != "half_rim":
            assert rims[beside, 2].min() < eye[2] - 0.010
    # No rim is in the skin.
    average = head_model().rest
    skin = rest[landmarks().skin & (average[:, 1] < -0.085)]
    _, near = cKDTree(skin[:, [0, 2]]).query(rims[:, [0, 2]], k=3)
    front = np.abs(rims[:, 0]) < np.abs(centres[:, 0]).max() + 0.015
    assert (rims[front, 1] - skin[near[front], 1].max(axis=1)).max() < 0.001
    # The temples pass over the ears and end behind them.
    ear = rest[landmarks().ears > 0.5]
    for side in (-1, 1):
        own = ear[side * ear[:, 0] > 0]
        temple = points[side * points[:, 0] > 0]
        assert own[:, 1].mean() < temple[:, 1].max() < own[:, 1].max() + 0.03
        high = temple[temple[:, 1] > own[:, 1].min() - 0.005]
        assert own[:, 2].mean() < high[:, 2].max() < own[:, 2].max() + 0.015


def test_glasses_are_symmetric_and_take_the_eyes_in_any_order():
    rest, centres = head(), eyes()
    (piece,) = glasses_pieces(Glasses("round"), rest, centres)
    (same,) = glasses_pieces(Glasses("round"), rest, centres[::-1])
    np.testing.assert_array_equal(piece.points, same.points)
    assert piece.points[:, 0].max() == pytest.approx(-piece.points[:, 0].min(), abs=0.004)
    (thick,) = glasses_pieces(Glasses("round", thickness=0.005), rest, centres)
    assert np.ptp(thick.points[:, 0]) > np.ptp(piece.points[:, 0])


@pytest.mark.parametrize("kind", EARRING_KINDS)
@pytest.mark.parametrize("name", PHENOTYPES)
def test_earrings_hang_from_both_lobes(kind, name):
    rest = head(name)
    (piece,) = earring_pieces(Earrings(kind, size=0.02), rest)
    is_sound(piece, 1500)
    ears = landmarks().ears > 0.5
    for side in (-1, 1):
        own = rest[ears & (side * rest[:, 0] > 0)]
        ring = piece.points[side * piece.points[:, 0] > 0]
        lobe = own[own[:, 2] < own[:, 2].min() + 0.01]
        assert len(ring) == len(piece.points) / 2
        assert cKDTree(ring).query(lobe)[0].min() < 0.004
        assert ring[:, 2].max() < own[:, 2].mean()
        assert ring[:, 2].min() > own[:, 2].min() - 0.025


@pytest.mark.parametrize("kind", HEADWEAR)
@pytest.mark.parametrize("name", PHENOTYPES)
def test_headwear_covers_the_head_and_leaves_the_face_free(kind, name):
    rest = head(name)
    for seed in (0, 1):
        pieces = headwear_pieces(Headwear(kind, pattern=0.8, seed=seed), rest)
        assert sum(len(p.points) for p in pieces) <= 3000
        points = np.concatenate([p.points for p in pieces])
        for piece in pieces:
            is_sound(piece, 3000)
        assert points[:, 2].max() > rest[:, 2].max() + 0.005
        assert not in_the_face(points, rest).any()
        top = rest[rest[:, 2] > np.quantile(rest[:, 2], 0.97)]
        assert covers(points, top).min() > 0


@pytest.mark.parametrize("name", PHENOTYPES)
def test_headscarf_hides_the_ears(name):
    rest = head(name).astype(float)
    (scarf,) = headwear_pieces(Headwear("headscarf"), rest)
    ears = rest[landmarks().ears > 0.5]
    centre = CENTRE * [0, 1, 1]
    cloth = Outline(scarf.points.astype(float), centre)
    x, y = ears[:, 0] - centre[0], ears[:, 1] - centre[1]
    assert (cloth.at(np.arctan2(x, -y), ears[:, 2]) > np.hypot(x, y) - 0.001).all()


def test_cap_has_a_brim_and_a_pattern_its_second_color():
    rest = head()
    crown, brim = headwear_pieces(Headwear("cap", (0.1, 0.1, 0.9), (0.9, 0.1, 0.1), 0.8), rest)
    assert rest[:, 1].min() - 0.09 < brim.points[:, 1].min() < rest[:, 1].min() - 0.02
    assert brim.colors[:, 0].min() > brim.colors[:, 2].max()
    assert crown.colors[0, 2] > crown.colors[0, 0]


@pytest.mark.parametrize("kind", CLOTHES_KINDS)
@pytest.mark.parametrize("skin", [None, SKIN])
@pytest.mark.parametrize("name", PHENOTYPES)
def test_clothes_close_the_neck_and_stay_where_they_are(kind, skin, name):
    rest = head(name).astype(float)
    pieces = clothes_pieces(Clothes(kind, pattern="stripes", seed=1), rest, skin)
    assert sum(len(p.points) for p in pieces) <= 3000
    for piece in pieces:
        is_sound(piece, 3000)
        assert piece.fixed
    points = np.concatenate([p.points for p in pieces]).astype(float)
    # The neck's open edge lies inside: all around it, something reaches as high.
    faces = head_model().faces
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    ids = np.unique(unique[count == 1])
    average = head_model().rest
    edge = rest[ids[average[ids, 2] < 0.06]]
    centre = edge.mean(axis=0)
    angle = np.arctan2(*(edge - centre)[:, [0, 1]].T)
    around = np.arctan2(*(points - centre)[:, [0, 1]].T)
    for at, point in zip(angle, edge, strict=True):
        near = np.abs(np.angle(np.exp(1j * (around - at)))) < 0.12
        far = np.hypot(*(points[near] - centre)[:, :2].T)
        close = far < np.hypot(*(point - centre)[:2]) + 0.02
        assert points[near][close, 2].max() > point[2] - 0.003
    assert np.ptp(points[:, 0]) > 2.3 * np.ptp(edge[:, 0])
    assert points[:, 2].min() < centre[2] - 0.15
    # It never climbs over the mouth.
    front = points[points[:, 1] < centre[1] - 0.02]
    assert front[:, 2].max() < rest[landmarks().lips > 0.5, 2].min()


def test_necklines_show_skin_and_patterns_both_colors():
    rest = head()
    chest = clothes_pieces(Clothes("v_neck"), rest, SKIN)[0]
    np.testing.assert_allclose(chest.colors, np.tile(SKIN, (len(chest.points), 1)), atol=1e-6)
    assert len(clothes_pieces(Clothes("v_neck"), rest)) == 1

    def shades(pattern):
        clothes = Clothes("collar", (0.1, 0.2, 0.3), (0.9, 0.8, 0.7), pattern)
        return len(np.unique(clothes_pieces(clothes, rest)[0].colors.round(3), axis=0))

    assert [shades(pattern) for pattern in PATTERNS] == [1, 2, 3]


def test_what_is_worn_is_the_same_for_a_seed():
    rest = head()
    for make, one, other in (
        (headwear_pieces, Headwear("headscarf", seed=1), Headwear("headscarf", seed=2)),
        (clothes_pieces, Clothes(seed=1), Clothes(seed=2)),
    ):
        a, b, c = (make(item, rest)[-1].points for item in (one, one, other))
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_sampled():
    rng = np.random.default_rng(0)
    glasses = [sample_glasses(rng) for _ in range(200)]
    assert {g.shape for g in glasses} == set(GLASSES_SHAPES)
    assert all(0.0014 <= g.thickness <= 0.0046 and 0.88 <= g.size <= 1.12 for g in glasses)
    assert {sample_earrings(rng).kind for _ in range(100)} == set(EARRING_KINDS)
    assert {sample_headwear(rng, "female").kind for _ in range(100)} == set(HEADWEAR)
    assert {sample_headwear(rng, "male").kind for _ in range(100)} == {"cap", "beanie"}
    clothes = [sample_clothes(rng) for _ in range(300)]
    assert {c.kind for c in clothes} == set(CLOTHES_KINDS)
    assert {c.pattern for c in clothes} == set(PATTERNS)
    colors = np.array([c.color for c in clothes])
    assert colors.min() >= 0
    assert colors.max() <= 1
    assert sample_clothes(np.random.default_rng(4)) == sample_clothes(np.random.default_rng(4))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Glasses("monocle"),
        lambda: Earrings("chain"),
        lambda: Headwear("crown"),
        lambda: Clothes("tuxedo"),
        lambda: Clothes(pattern="paisley"),
        lambda: glasses_pieces(Glasses(), head(), np.zeros((3, 3))),
        lambda: headwear_pieces(Headwear(), np.zeros((10, 3))),
    ],
)
def test_bad_input(make):
    with pytest.raises(ValueError, match=r"known are|must be"):
        make()
