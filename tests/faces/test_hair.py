"""Hair and beards: where they grow, that they leave the face free, and that they follow it."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy.spatial import cKDTree

from fermodels.faces.actions import ACTIONS
from fermodels.faces.beards import (
    BEARD_KINDS,
    Beard,
    beard_cover,
    beard_pieces,
    sample_beard,
)
from fermodels.faces.hair import HAIR_KINDS, Hair, hairline, sample_hair, scalp_cover
from fermodels.faces.haircuts import hair_pieces
from fermodels.faces.headwear import Headwear, hair_under, headwear_pieces
from fermodels.faces.landmarks import landmarks
from fermodels.faces.model import head_model
from fermodels.faces.skull import CENTRE, Skull, angles, between, direction
from fermodels.faces.surfaces import ball, facing_out, ramp, sheet_triangles, tube

SKIN = (0.8, 0.6, 0.5)
# The average head, a child's, a heavy old man's.
PHENOTYPES = {
    "average": {},
    "child": {"age": 0.36, "gender": 0.5},
    "old man": {"age": 0.95, "gender": 0.05, "weight": 0.95},
}


def head(name="average", **actions):
    return _head(name, tuple(sorted(actions.items()))).copy()


@lru_cache(maxsize=8)
def _head(name, actions):
    weights = np.zeros((1, len(ACTIONS)), np.float32)
    for action, weight in actions:
        weights[0, ACTIONS.index(action)] = weight
    model = head_model()
    coarse = model.coarse_vertices(PHENOTYPES[name], {}, weights)
    return model.smooth_vertices(coarse)[0]


def brow_height(rest):
    """z just above the brows: where they are on the average head, 0.166 m."""
    average = head_model().rest
    near = landmarks().skin & (average[:, 1] < -0.1) & (np.abs(average[:, 2] - 0.166) < 0.003)
    return float(np.median(rest[near, 2]))


def in_the_face(points, rest):
    """Points before the eyes and brows, the nose, or the mouth, as the camera sees them."""
    m = landmarks()
    eye_wide = np.abs(rest[m.lids > 0.5, 0]).max()
    lips = rest[m.lips > 0.5]
    low, wide = lips[:, 2].min() - 0.003, np.abs(lips[:, 0]).max() + 0.005
    eyes = rest[m.lids > 0.5, 2].min() - 0.005
    x, y, z = points.T
    half = np.where(z > eyes, eye_wide, wide)
    return (np.abs(x) < half) & (z > low) & (z < brow_height(rest)) & (y < CENTRE[1] - 0.03)


def covers(shell, points):
    """How far (V,) a shell lies outside points (V, 3), seen from inside the head, metres."""
    middle = CENTRE * [0, 1, 1]
    shell, points = shell - middle, points - middle
    far, own = np.linalg.norm(shell, axis=1), np.linalg.norm(points, axis=1)
    near = cKDTree(shell / far[:, None]).query(points / own[:, None], k=4)[1]
    return far[near].max(axis=1) - own


def is_sound(piece, most):
    assert piece.points.shape == piece.colors.shape
    assert len(piece.points) <= most
    assert np.isfinite(piece.points).all()
    assert piece.triangles.min() >= 0
    assert piece.triangles.max() < len(piece.points)
    assert piece.colors.min() >= 0
    assert piece.colors.max() <= 1


@pytest.mark.parametrize("kind", HAIR_KINDS)
@pytest.mark.parametrize("name", PHENOTYPES)
def test_hair_is_small_and_leaves_the_face_free(kind, name):
    rest = head(name)
    for seed, part in ((1, -0.8), (2, 0.0)):
        hair = Hair(kind, length=1.3, volume=1.4, waviness=0.7, part=part, seed=seed)
        pieces = hair_pieces(hair, rest, SKIN)
        assert sum(len(p.points) for p in pieces) <= 8000
        for piece in pieces:
            is_sound(piece, 8000)
            assert not in_the_face(piece.points, rest).any()
            assert piece.anchor is None
            assert not piece.fixed


@pytest.mark.parametrize("kind", sorted(set(HAIR_KINDS) - {"bald", "ring"}))
@pytest.mark.parametrize("name", PHENOTYPES)
def test_hair_covers_the_scalp_it_grows_on(kind, name):
    rest = head(name).astype(float)
    hair = Hair(kind, seed=3)
    m = landmarks()
    points = np.concatenate([p.points for p in hair_pieces(hair, rest, SKIN)])
    polar, around = angles(head_model().rest - CENTRE)
    inside = m.skin & (m.ears < 0.01) & (polar < hairline(hair, around) - 0.1)
    assert inside.sum() > 300
    assert covers(points, rest[inside]).min() > -0.001  # the coarseness of the map it lies on


def test_forehead_is_as_high_as_people_have_it():
    """A third of the face lies above the brows: 5 to 6 cm on this head, whose chin is at 0.03."""
    rest = head()
    shell = hair_pieces(Hair("crew", seed=1), rest)[0].points
    front = shell[(np.abs(shell[:, 0]) < 0.015) & (shell[:, 1] < -0.08)]
    assert 0.205 < front[:, 2].min() < 0.220
    fringe = np.concatenate([p.points for p in hair_pieces(Hair("fringe_bob", seed=1), rest)])
    front = fringe[(np.abs(fringe[:, 0]) < 0.03) & (fringe[:, 1] < -0.1)]
    assert brow_height(rest) < front[:, 2].min() < brow_height(rest) + 0.02


def test_hairline_recedes_and_has_sideburns():
    at = np.array([0.0, 0.62, np.deg2rad(75), np.pi])
    plain, bare = hairline(Hair(), at), hairline(Hair(recession=1.0), at)
    assert plain[1] - bare[1] == pytest.approx(0.5, abs=0.02)
    assert bare[3] == plain[3]
    assert hairline(Hair(hairline=0.0095), at)[0] - plain[0] == pytest.approx(0.1, abs=1e-6)
    assert hairline(Hair("bun"), at)[2] < plain[2] - 0.2
    np.testing.assert_allclose(hairline(Hair(), -at), plain)
    np.testing.assert_allclose(hairline(Hair(), at + 2 * np.pi), plain)


def test_scalp_cover():
    m = landmarks()
    average = head_model().rest
    top = average[:, 2] > 0.235
    nape = m.skin & (average[:, 1] > 0.04) & (average[:, 2] > 0.12) & (average[:, 2] < 0.17)
    for kind in HAIR_KINDS:
        cover = scalp_cover(Hair(kind))
        assert cover.min() >= 0
        assert cover.max() <= 1
        assert cover[m.lips > 0].max() == 0
        assert cover[m.brows() > 0.1].max() == 0
        assert cover[~m.skin].max() == 0
    assert scalp_cover(Hair("bald")).max() == 0
    assert scalp_cover(Hair("short"))[top & m.skin].min() > 0.9
    assert scalp_cover(Hair("ring"))[top & m.skin].max() < 0.05
    assert scalp_cover(Hair("ring"))[nape].min() > 0.8
    assert 0.4 < scalp_cover(Hair("shaved"))[top & m.skin].min() < 0.5


def test_bald_and_ring():
    rest = head()
    assert hair_pieces(Hair("bald"), rest) == []
    (ring,) = hair_pieces(Hair("ring", seed=2), rest)
    drawn = ring.points[np.unique(ring.triangles)]
    assert drawn[:, 2].max() < rest[:, 2].max() - 0.02
    assert drawn[:, 1].min() > -0.10  # nothing over the forehead


def test_hair_is_the_same_for_a_seed_and_moves_with_the_head():
    rest = head()
    for kind in ("short", "afro", "long_wavy", "braids"):
        one, same = (hair_pieces(Hair(kind, seed=5), rest, SKIN) for _ in range(2))
        other = hair_pieces(Hair(kind, seed=6), rest, SKIN)
        for a, b, c in zip(one, same, other, strict=True):
            np.testing.assert_array_equal(a.points, b.points)
            np.testing.assert_array_equal(a.colors, b.colors)
            assert not np.array_equal(a.colors, c.colors)
        assert not np.array_equal(one[0].points, other[0].points)
        larger = hair_pieces(Hair(kind, seed=5), 1.1 * rest, SKIN)
        assert np.ptp(larger[0].points[:, 0]) > 1.05 * np.ptp(one[0].points[:, 0])


def test_length_and_volume_show():
    rest = head()

    def bounds(**changes):
        points = hair_pieces(replace(Hair("long_straight", seed=1), **changes), rest)[0].points
        return points[:, 2].min(), np.ptp(points[:, 0])

    assert bounds(length=1.4)[0] < bounds(length=0.7)[0] - 0.04
    assert bounds(volume=1.5)[1] > bounds(volume=0.6)[1] + 0.01


@pytest.mark.parametrize("kind", sorted(set(HAIR_KINDS) - {"bald", "ring"}))
@pytest.mark.parametrize("worn", ["cap", "beanie"])
def test_hair_stays_below_what_is_worn(kind, worn):
    rest = head()
    cap = headwear_pieces(Headwear(worn), rest)[0].points
    hair = hair_under(Hair(kind, volume=1.4, seed=4), Headwear(worn))
    assert hair.pressed == worn
    points = np.concatenate([p.points for p in hair_pieces(hair, rest)])
    assert covers(cap, points[points[:, 2] > 0.215]).min() > 0


def test_hair_under():
    hair = Hair("fringe_long", seed=3)
    assert hair_under(hair, None) is hair
    assert hair_under(hair, Headwear("headscarf")) is None
    assert hair_under(hair, Headwear("cap")).kind == "long_straight"


def test_who_has_which_hair():
    rng = np.random.default_rng(0)
    women = [sample_hair(rng, "female", 30, (0.2, 0.1, 0.1), SKIN) for _ in range(600)]
    men = [sample_hair(rng, "male", 60, (0.5, 0.5, 0.5), SKIN) for _ in range(600)]
    boys = [sample_hair(rng, "male", 8, (0.2, 0.1, 0.1), SKIN) for _ in range(600)]
    dark = [sample_hair(rng, "female", 30, (0.07, 0.05, 0.05), (0.4, 0.3, 0.2)) for _ in range(600)]

    def share(people, *kinds):
        return np.mean([hair.kind in kinds for hair in people])

    assert len({hair.kind for hair in women}) >= 14
    assert len({hair.kind for hair in men}) >= 12
    assert share(women, "bald", "ring", "receding") == 0
    assert share(boys, "bald", "ring", "receding") == 0
    assert 0.1 < share(men, "bald", "ring", "receding") < 0.5
    assert share(dark, "afro", "braids", "cornrows") > 0.3
    assert share(women, "afro", "braids", "cornrows") < 0.1
    for hair in women + men:
        assert 0.6 <= hair.length <= 1.5
        assert 0.6 <= hair.volume <= 1.5
        assert -0.4 <= hair.recession <= 1
        assert -1 <= hair.part <= 1
    again = sample_hair(np.random.default_rng(7), "male", 40, SKIN, SKIN)
    assert again == sample_hair(np.random.default_rng(7), "male", 40, SKIN, SKIN)


@pytest.mark.parametrize("kind", BEARD_KINDS)
def test_beard_follows_the_face_and_leaves_the_lips_free(kind):
    m = landmarks()
    rest = head()
    (beard,) = beard_pieces(Beard(kind, seed=1), rest, SKIN)
    is_sound(beard, 3000)
    assert m.lips[beard.anchor].max() < 0.3
    assert m.skin[beard.anchor].all()
    np.testing.assert_allclose(beard.at(rest + [0, 0, 0.1]), beard.at(rest) + [0, 0, 0.1])
    opened = head(jawOpen=1.0)
    chin = beard.anchor[np.argmin(np.abs(rest[beard.anchor] - [0, -0.135, 0.045]).sum(axis=1))]
    if kind != "moustache":
        at = np.flatnonzero(beard.anchor == chin)[0]
        fallen = beard.at(opened)[at] - beard.at(rest)[at]
        np.testing.assert_allclose(fallen, opened[chin] - rest[chin], atol=1e-6)
        assert fallen[2] < -0.005
    drawn = beard.at(rest)
    assert drawn[np.abs(drawn[:, 0]) < 0.055, 2].max() < 0.105  # below the nose's wings
    assert drawn[:, 2].max() < 0.142  # the sideburns
    if kind in ("moustache", "goatee", "circle"):
        assert np.abs(drawn[:, 0]).max() < 0.045


def test_beards_differ_in_place_and_length():
    rest = head()

    def lowest(**changes):
        (beard,) = beard_pieces(replace(Beard("long", seed=2), **changes), rest)
        return beard.at(rest)[:, 2].min()

    assert lowest(kind="moustache") > 0.06
    assert lowest() < lowest(kind="short") - 0.03
    assert lowest(length=1.3) < lowest(length=0.7) - 0.01
    cover = beard_cover(Beard("goatee", density=0.5))
    assert cover.max() == pytest.approx(0.5, abs=0.01)
    assert cover[landmarks().lips > 0.3].max() == 0
    average = head_model().rest
    assert cover[np.abs(average[:, 0]) > 0.03].max() == 0


def test_sampled_beards():
    rng = np.random.default_rng(3)
    beards = [sample_beard(rng, (0.3, 0.2, 0.1)) for _ in range(200)]
    assert {beard.kind for beard in beards} == set(BEARD_KINDS)
    assert all(0.6 <= beard.length <= 1.4 and 0.7 <= beard.density <= 1 for beard in beards)


def test_bad_input():
    with pytest.raises(ValueError, match="unknown kind of hair 'mohawk'"):
        Hair("mohawk")
    with pytest.raises(ValueError, match="unknown kind of beard"):
        Beard("wizard")
    with pytest.raises(ValueError, match="pressed by one of"):
        Hair(pressed="crown")
    with pytest.raises(ValueError, match=r"shape \(\d+, 3\), got \(4538, 3\)"):
        hair_pieces(Hair(), np.zeros((4538, 3)))


def test_skull_lies_on_the_skin_and_spans_the_ears():
    rest = head().astype(float)
    skull = Skull(rest)
    m = landmarks()
    polar, _ = angles(rest - CENTRE)
    scalp = m.skin & (polar < 1.2) & (m.ears < 0.01)
    points, normals = skull.at(rest[scalp] - CENTRE)
    assert np.linalg.norm(points - rest[scalp], axis=1).max() < 0.001
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert np.einsum("vd,vd->v", normals, points - CENTRE).min() > 0.03
    ears, _ = skull.at(rest[m.ears > 0.5] - CENTRE)
    assert np.abs(ears[:, 0]).max() < 0.078  # the ears reach to 0.085
    assert skull.outline().at(np.array(1.7), np.array(0.12)) > skull.outline(ears=False).at(
        np.array(1.7), np.array(0.12)
    )


def test_directions():
    for polar, around, vector in (
        (0.0, 0.0, (0, 0, 1)),
        (np.pi / 2, 0.0, (0, -1, 0)),  # the front
        (np.pi / 2, np.pi / 2, (1, 0, 0)),  # the subject's left
    ):
        np.testing.assert_allclose(direction(polar, around), vector, atol=1e-12)
        assert angles(np.array(vector))[0] == pytest.approx(polar)
    half = between(np.array([0, 0, 1.0]), np.array([1.0, 0, 0]), np.array(0.5))
    np.testing.assert_allclose(half, [np.sqrt(0.5), 0, np.sqrt(0.5)])


def test_surfaces():
    assert len(sheet_triangles(3, 4)) == 2 * 2 * 3
    assert len(sheet_triangles(3, 4, closed=True)) == 2 * 2 * 4
    assert (ramp([-1, 0, 0.5, 1, 2], 0, 1) == [0, 0, 0.5, 1, 1]).all()
    assert (ramp([0, 1], 1, 0) == [1, 0]).all()
    points, triangles = ball([1, 2, 3], [1, 1, 1], 9, 12)
    flat = points.reshape(-1, 3)
    np.testing.assert_allclose(np.linalg.norm(flat - [1, 2, 3], axis=1), 1)
    a, b, c = (flat[triangles[:, k]] for k in range(3))
    outward = np.einsum("fd,fd->f", np.cross(b - a, c - a), (a + b + c) / 3 - [1, 2, 3])
    assert (outward > 0).all()
    np.testing.assert_array_equal(
        facing_out(flat, triangles[:, ::-1], np.array([1, 2, 3])), triangles
    )
    path = np.stack([np.linspace(0, 1, 5), np.zeros(5), np.zeros(5)], axis=1)
    points, triangles = tube(path, 0.1, 8)
    np.testing.assert_allclose(np.hypot(points[..., 1], points[..., 2]), 0.1)
    flat = points.reshape(-1, 3)
    a, b, c = (flat[triangles[:, k]] for k in range(3))
    middle = (a + b + c) / 3 * [0, 1, 1]
    assert (np.einsum("fd,fd->f", np.cross(b - a, c - a), middle) > 0).all()
