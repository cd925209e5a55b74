"""The second face model: reading it, its shapes by our names, its colours, its images."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fermodels.faces.actions import ACTIONS
from fermodels.faces.second import (
    SecondFaceRenderer,
    sample_second_person,
    sample_second_session,
)
from fermodels.faces.second_folds import Folds
from fermodels.faces.second_model import (
    MISSING,
    PARTS,
    SKIN,
    read_second_face_model,
    shapes_of,
)
from fermodels.faces.second_paint import Places, grow_hair, paint
from tests.fixtures.second_faces import (
    COMPONENTS,
    EXPRESSION_NAMES,
    LASHES,
    PART_NAMES,
    SHELL,
    fake_arrays,
    write_clone,
    write_npz,
)

REAL = Path(__file__).parents[3] / "shared" / "outside" / "ict_facekit.npz"
# The names in the ICT FaceKit's repository that none of ours stands for.
OTHERS = {"PupilDilate_L", "PupilDilate_R", "cheekRaiser_L", "cheekRaiser_R"}
real_only = pytest.mark.skipif(
    not REAL.exists(), reason=f"{REAL.name} is not part of the repository (see data_prep/README.md)"
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_npz(tmp_path_factory.mktemp("model") / "fake.npz")


@pytest.fixture(scope="module")
def model(path):
    return read_second_face_model(path)


@pytest.fixture(scope="module")
def person(model):
    return sample_second_person(np.random.default_rng(3), model)


@pytest.fixture(scope="module")
def session(person):
    return sample_second_session(np.random.default_rng(3), person)


@pytest.fixture(scope="module")
def renderer(model):
    renderer = SecondFaceRenderer(model, 32)
    yield renderer
    renderer.close()


@pytest.fixture(scope="module")
def real():
    return read_second_face_model(REAL)


def weights(**values) -> np.ndarray:
    actions = np.zeros(len(ACTIONS), np.float32)
    for name, value in values.items():
        actions[ACTIONS.index(name)] = value
    return actions


# ------------------------------------------------------------------------------------- reading


def test_names_of_shapes():
    assert shapes_of("browDownLeft") == ("browDown_L",)
    assert shapes_of("mouthSmileRight") == ("mouthSmile_R",)
    assert shapes_of("browInnerUp") == ("browInnerUp_L", "browInnerUp_R")
    assert shapes_of("cheekPuff") == ("cheekPuff_L", "cheekPuff_R")
    for name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight", "jawOpen", "mouthPucker"):
        assert shapes_of(name) == (name,)
    assert [name for name in ACTIONS if not shapes_of(name)] == list(MISSING) == ["tongueOut"]
    named = [name for action in ACTIONS for name in shapes_of(action)]
    assert len(named) == len(set(named)) == 53


def test_frame_and_units(model):
    arrays = fake_arrays()
    first = arrays["neutral"][0]  # left, up, front; centimetres
    np.testing.assert_allclose(
        model.neutral[0], [first[0] / 100, -first[2] / 100, first[1] / 100], rtol=1e-6
    )
    skin = model.is_part("M_Face")
    assert model.neutral[skin, 1].min() == pytest.approx(-0.12, abs=1e-3)  # the front is at −y
    corners = model.neutral[model.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for name in PARTS:
        own = model.is_part(name)[model.triangles].all(axis=1)
        outwards = corners[own].mean(axis=1) - model.neutral[model.is_part(name)].mean(axis=0)
        assert (np.einsum("fd,fd->f", normals[own], outwards) >= -1e-12).mean() > 0.99, name


def test_shells_before_the_eyes_and_lashes_are_left_out(model):
    arrays = fake_arrays()
    left_out = [PART_NAMES.index(name) for name in (SHELL, LASHES)]
    drawn = ~np.isin(arrays["part"], left_out)
    assert len(model.triangles) == drawn.sum() < len(arrays["faces"])
    assert len(model.neutral) == len(np.unique(arrays["faces"][drawn]))
    assert all(model.is_part(name).any() for name in PARTS)


def test_points_of_identities_and_actions(model):
    arrays = fake_arrays()
    rest = np.zeros(COMPONENTS)
    np.testing.assert_array_equal(model.points(rest, weights()), model.neutral)

    def moved(**values):
        offset = model.points(rest, weights(**values)) - model.neutral
        assert np.ptp(offset, axis=0).max() < 1e-6
        return 100 * offset[0]

    def shape(name):
        left, up, front = arrays["expression"][EXPRESSION_NAMES.index(name), 0].astype(float)
        return np.array([left, -front, up])

    close = {"rtol": 1e-3, "atol": 1e-5}
    for action in ACTIONS:
        expected = sum((shape(name) for name in shapes_of(action)), np.zeros(3))
        if action != "mouthClose":
            np.testing.assert_allclose(moved(**{action: 0.5}), 0.5 * expected, **close)
    # It undoes an open jaw: alone it would push the lips through each other.
    np.testing.assert_allclose(moved(mouthClose=1.0), 0, atol=1e-6)
    np.testing.assert_allclose(
        moved(mouthClose=1.0, jawOpen=0.3),
        0.3 * (shape("mouthClose") + shape("jawOpen")), **close,
    )  # fmt: skip
    own = model.points(np.array([0.0, 2.0, 0.0]), weights()) - model.neutral
    np.testing.assert_allclose(own, 2 * model.identity[1], atol=1e-7)


@pytest.mark.parametrize("identity, actions", [(2, 52), (COMPONENTS, 51), (COMPONENTS, 57)])
def test_points_of_other_shapes_are_refused(model, identity, actions):
    with pytest.raises(ValueError, match=r"\(3,\) and \(52,\), got"):
        model.points(np.zeros(identity), np.zeros(actions))


@pytest.mark.parametrize("name", list(fake_arrays()))
def test_a_missing_array_is_named(tmp_path, name):
    path = write_npz(tmp_path / "model.npz", **{name: None})
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: the array '{name}' is missing"):
        read_second_face_model(path)


def _with(name, index, value):
    array = fake_arrays()[name].copy()
    array[index] = value
    return {name: array}


@pytest.mark.parametrize(
    "changes, message",
    [
        (_with("neutral", (5, 1), np.nan), "'neutral' holds numbers that are not finite"),
        (_with("identity", (1, 5, 1), np.inf), "'identity' holds numbers that are not finite"),
        (_with("faces", (0, 0), -1), r"'faces' must be 0…\d+, it has -1…"),
        (_with("faces", (0, 0), 10**6), r"'faces' must be 0…\d+, it has 0…1000000"),
        (_with("part", 0, 200), "'part' must be 0…7, it has 0…200"),
        ({"neutral": np.zeros((4, 2), np.float32)}, r"'neutral' is float32 \(4, 2\)"),
        ({"neutral": np.zeros((0, 3), np.float32)}, r"'neutral' is float32 \(0, 3\)"),
        ({"neutral": np.float32(1)}, r"'neutral' is float32 \(\)"),
        ({"faces": np.zeros((4, 3), np.float32)}, r"'faces' is float32 \(4, 3\)"),
        ({"part": np.zeros(3, np.uint8)}, r"'part' is uint8 \(3,\)"),
        ({"identity": np.zeros((2, 7, 3))}, r"'identity' is float64 \(2, 7, 3\)"),
        ({"expression": fake_arrays()["expression"][:-1]}, "'expression' is float16"),
        ({"expression_names": np.arange(3)}, "'expression"),
        ({"part": np.zeros_like(fake_arrays()["part"])}, "the part 'M_BackHead' has no triangles"),
        (_with("part_names", 0, "M_Mask"), "the part 'M_Face' is missing"),
        (_with("expression_names", 5, "frown"), r"the expression '\w+' is missing"),
    ],
)
def test_a_foreign_array_is_named(tmp_path, changes, message):
    path = write_npz(tmp_path / "model.npz", **changes)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: .*{message}"):
        read_second_face_model(path)


def test_damaged_and_other_files(tmp_path, path):
    whole = path.read_bytes()
    for name, content in (
        ("empty.npz", b""),
        ("text.npz", b"not a model"),
        ("half.npz", whole[: len(whole) // 2]),
        ("flipped.npz", whole[:2000] + bytes(b ^ 255 for b in whole[2000:4000]) + whole[4000:]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}: not a readable .npz file"):
            read_second_face_model(tmp_path / name)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(ValueError, match="one.npy: not a readable .npz file.*one array only"):
        read_second_face_model(tmp_path / "one.npy")
    with pytest.raises(ValueError, match="gone.npz: there is no such file"):
        read_second_face_model(tmp_path / "gone.npz")


def test_nothing_is_unpickled(tmp_path):
    class Loud:
        def __reduce__(self):
            return (pytest.fail, ("a pickle of the file was opened",))

    objects = np.array([Loud()], dtype=object)
    path = write_npz(tmp_path / "model.npz", part_names=objects)
    with pytest.raises(ValueError, match="not a readable .npz file"):
        read_second_face_model(path)


# -------------------------------------------------------------------------------------- .obj files


def test_a_clone_of_the_repository_is_the_same_model(tmp_path, model):
    clone = read_second_face_model(write_clone(tmp_path / "ICT-FaceKit"))
    assert read_second_face_model(tmp_path / "ICT-FaceKit" / "FaceXModel").digest() == (
        clone.digest()
    )
    np.testing.assert_array_equal(clone.triangles, model.triangles)
    np.testing.assert_array_equal(clone.part, model.part)
    for name in ("neutral", "identity", "actions"):
        np.testing.assert_allclose(getattr(clone, name), getattr(model, name), atol=1e-6)


def test_obj_files_of_other_programs(tmp_path):
    from fermodels.faces.second_obj import read_obj

    text = (
        "# exported\no head\nv 0 0 0\nv\t1 0 0 0.5 0.5 0.5\n  v 1 1 0\nv 0 1 0\r\nvt 0 0\n"
        "f 1//1 2//1 3//1\nusemtl M_Face\ns 1\nf 1/1 2/1 3/1 4/1\nusemtl M_Teeth\nf -4 -3 -1\n"
    )
    (tmp_path / "a.obj").write_text(text)
    points, triangles, part, names = read_obj(tmp_path / "a.obj")
    assert points.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert triangles.tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 3], [0, 1, 3]]
    assert [names[i] for i in part] == ["", "M_Face", "M_Face", "M_Teeth"]


@pytest.mark.parametrize(
    "line, message",
    [
        ("f 1 2 x", "line 5 is no face: 'f 1 2 x'"),
        ("f 1 2 9", "line 5 is no face of its 3 points"),
        ("f 0 1 2", "line 5 is no face of its 3 points"),
        ("f 1 2", "line 5 is no face of its 3 points"),
        ("f -9 1 2", "line 5 is no face of its 3 points"),
        ("v 1 2", "one of its points is not three numbers"),
        ("v 1 2 nan", "finite numbers"),
        ("# nothing", "no faces are in it"),
    ],
)
def test_a_broken_obj_line_is_named(tmp_path, line, message):
    from fermodels.faces.second_obj import read_obj

    (tmp_path / "a.obj").write_text(f"v 0 0 0\nv 1 0 0\nv 1 1 0\nusemtl M_Face\n{line}\n")
    with pytest.raises(ValueError, match=f"a.obj: .*{message}"):
        read_obj(tmp_path / "a.obj")


def test_incomplete_clones(tmp_path):
    with pytest.raises(ValueError, match="generic_neutral_mesh.obj is missing; give a clone"):
        read_second_face_model(tmp_path)
    place = write_clone(tmp_path / "clone") / "FaceXModel"
    (place / "jawOpen.obj").write_text("v 0 0 0\n")
    with pytest.raises(ValueError, match=r"jawOpen.obj: 1 points, but generic_neutral_mesh.obj"):
        read_second_face_model(place)
    (place / "jawOpen.obj").unlink()
    with pytest.raises(ValueError, match="the expression 'jawOpen' is missing"):
        read_second_face_model(place)
    for path in place.glob("identity*.obj"):
        path.unlink()
    with pytest.raises(ValueError, match=r"no identity\*.obj files"):
        read_second_face_model(place)


# ------------------------------------------------------------------------------- people and colours


def test_people_are_drawn_from_the_seed(model):
    people = [sample_second_person(np.random.default_rng([0, i]), model) for i in range(60)]
    again = sample_second_person(np.random.default_rng([0, 0]), model)
    assert again.identity == people[0].identity and again.look == people[0].look
    assert len({p.identity for p in people}) == 60
    identities = np.array([p.identity for p in people])
    assert np.abs(identities).max() <= 2 and 0.6 < identities.std() < 1.1
    skin = np.array([p.look.skin for p in people])
    light = skin.mean(axis=1)
    assert light.min() < 0.3 and light.max() > 0.7  # light to dark,
    assert np.histogram(light, 4, (0.2, 0.82))[0].min() >= 6  # and all between
    assert ((skin[:, 0] > skin[:, 1]) & (skin[:, 1] > skin[:, 2])).all()


def test_the_iris_is_painted_about_the_axis_of_the_gaze(model, person):
    look = replace(person.look, iris=(0.1, 0.4, 0.8))
    color = paint(model, Places(model), look)
    for name in ("M_ScleraLeft", "M_ScleraRight"):
        eye = model.is_part(name)
        points = model.neutral[eye] - model.neutral[eye].mean(axis=0)
        angle = np.rad2deg(np.arccos(-points[:, 1] / np.linalg.norm(points, axis=1)))
        own = color[eye]
        assert own[angle < 5].max() < 0.05  # pupil
        iris = own[(angle > 12) & (angle < 20)]
        assert (iris[:, 2] > 1.5 * iris[:, 1]).all() and (iris[:, 1] > 1.5 * iris[:, 0]).all()
        assert own[(angle > 30) & (angle < 60)].min() > 0.7  # white
    other = paint(model, Places(model), replace(look, iris=(0.3, 0.2, 0.1)))
    eyes = model.is_part("M_ScleraLeft", "M_ScleraRight")
    assert (other[~eyes] == color[~eyes]).all() and (other[eyes] != color[eyes]).any()


def test_lips_brows_and_hair_are_where_they_belong(model, person):
    places = Places(model)
    look = replace(person.look, lips=(0.8, 0.1, 0.1), hair=(0.0, 0.0, 0.0), skin=(0.8, 0.7, 0.6))
    look = replace(look, mottle=0.0, freckles=0.0, stubble=0.0, hair_cover=1.0)
    color = paint(model, places, look)
    x, y, z = (100 * model.neutral).T
    front = model.is_part("M_Face") & (y < -9)
    lips = front & (abs(z + 3.9) < 0.2) & (abs(x) < 1.2)
    assert lips.any() and (color[lips, 1] < 0.3).all()
    cheek = front & (abs(z - 0.5) < 0.5) & (abs(abs(x) - 4.3) < 1)
    assert cheek.any() and (color[cheek, 1] > 0.4).all()
    scalp = model.is_part(*SKIN) & (z > 12) & (y > -3)
    assert scalp.any() and color[scalp].max() < 0.1
    lifted = grow_hair(places, look)
    assert lifted[scalp].min() > 0.3 * look.hair_volume and (lifted[front & (z < 8)] == 0).all()


def test_folds_follow_their_actions(model):
    folds = Folds(Places(model))
    depth, dark = folds.on(weights(), 1.0)
    assert not depth.any() and not dark.any()
    x, _, z = (100 * model.neutral).T
    _, between = folds.on(weights(browDownLeft=1.0), 1.0)
    at = between.argmax()
    assert between[at] > 0.1 and 0 < x[at] < 1.6 and 3.5 < z[at] < 7.5
    _, half = folds.on(weights(browDownLeft=0.5), 1.0)
    assert 0.1 * between[at] < half[at] < 0.5 * between[at]
    _, smile = folds.on(weights(mouthSmileRight=1.0), 1.0)
    assert smile[x > 0.1].max() == 0 < smile[x < 0].max()
    weaker = folds.on(weights(mouthSmileRight=1.0), 0.5)[1]
    np.testing.assert_allclose(weaker, smile / 2, atol=1e-6)


def test_light_and_wall_differ_between_people(person):
    sessions = [sample_second_session(np.random.default_rng(i), person) for i in range(20)]
    assert len({s.lights for s in sessions}) == len({s.cameras for s in sessions}) == 20
    assert all(len(s.cameras) == 1 for s in sessions)  # one wall for all five views


def test_dark_skin_gets_more_light(person):
    def light(*skin):
        one = replace(person, look=replace(person.look, skin=skin))
        session = sample_second_session(np.random.default_rng(0), one)
        return session.ambient[0][0] + sum(sum(light.color) for light in session.lights)

    pale, brown, dark = light(0.9, 0.8, 0.7), light(0.5, 0.4, 0.3), light(0.3, 0.2, 0.15)
    assert brown / pale == pytest.approx(0.62 / 0.4 / 0.95) and dark / pale == pytest.approx(
        2 / 0.95
    )


# ------------------------------------------------------------------------------------------- images


def test_images_of_takes_and_views(renderer, person, session):
    takes = np.stack([weights(), weights(jawOpen=1.0, mouthSmileLeft=1.0)])
    images = renderer.render(person, session, takes, (-45.0, 0.0, 45.0))
    assert images.shape == (2, 3, 32, 32, 3) and images.dtype == np.uint8
    alone = renderer.render(person, session, takes[1], (-45.0, 0.0, 45.0))
    assert alone.shape == (3, 32, 32, 3)
    np.testing.assert_array_equal(alone, images[1])
    change = np.abs(images[0].astype(int) - images[1]).mean(axis=(1, 2, 3))
    assert (change > 0.5).all()
    turned = renderer.render(person, session, takes[0], (0.0,), pose=(0.0, 0.0, 20.0))
    assert np.abs(turned[0].astype(int) - images[0, 1]).mean() > 0.5


def test_the_wall_is_behind_the_head(renderer, person, session):
    image = renderer.render(person, session, weights(), (0.0,))[0] / 255
    bottom = np.asarray(session.cameras[0].background.bottom)
    top = np.asarray(session.cameras[0].background.top)
    np.testing.assert_allclose(image[0, 0], top, atol=0.02)
    np.testing.assert_allclose(image[-1, -1], bottom, atol=0.02)
    assert np.abs(image[16, 16] - (bottom + top) / 2).max() > 0.05


@pytest.mark.parametrize("shape", [(51,), (2, 57), (2, 2, 52)])
def test_actions_of_other_shapes_are_refused(renderer, person, session, shape):
    with pytest.raises(ValueError, match=r"actions must have shape \(52,\) or \(N, 52\)"):
        renderer.render(person, session, np.zeros(shape))


def test_another_head_is_refused(tmp_path):
    path = write_npz(tmp_path / "model.npz", neutral=fake_arrays()["neutral"] / 100)
    with pytest.raises(ValueError, match="no skin where the lips .* other units"):
        SecondFaceRenderer(path, 32)


@pytest.mark.parametrize("size", [15, 513])
def test_sizes_out_of_range_are_refused(model, size):
    with pytest.raises(ValueError, match="size must be between 16 and 512"):
        SecondFaceRenderer(model, size)


# -------------------------------------------------------------------------------- the model itself


@real_only
def test_the_whole_model(real):
    with np.load(REAL, allow_pickle=False) as file:
        names = set(file["expression_names"].tolist())
    assert names - {name for action in ACTIONS for name in shapes_of(action)} == OTHERS
    assert len(real.identity) == 100 and len(real.neutral) == 22991


@real_only
@pytest.mark.parametrize(
    "actions, at, direction",
    [  # place (left, up) in cm of a point at the front, and where it goes (left, up)
        (("mouthSmileLeft",), (2.5, -3.5), (1, 1)),
        (("mouthSmileRight",), (-2.5, -3.5), (-1, 1)),
        (("mouthFrownLeft",), (2.5, -3.5), (0, -1)),
        (("mouthStretchRight",), (-2.5, -3.5), (-1, 0)),
        (("jawOpen",), (0.0, -7.0), (0, -1)),
        (("jawLeft",), (0.0, -7.0), (1, 0)),
        (("mouthLeft",), (0.0, -3.9), (1, 0)),
        (("browDownLeft",), (2.4, 6.2), (0, -1)),
        (("browInnerUp",), (1.2, 5.9), (0, 1)),
        (("browInnerUp",), (-1.2, 5.9), (0, 1)),
        (("browOuterUpRight",), (-4.9, 6.0), (0, 1)),
        (("noseSneerLeft",), (1.5, -0.8), (0, 1)),
        (("mouthUpperUpLeft",), (1.0, -2.7), (0, 1)),
        (("mouthLowerDownLeft",), (1.0, -4.1), (0, -1)),
        (("mouthShrugLower",), (0.0, -6.2), (0, 1)),
        (("cheekSquintLeft",), (4.8, 0.3), (0, 1)),
        (("eyeBlinkLeft",), (3.2, 4.0), (0, -1)),
        (("eyeWideRight",), (-3.2, 4.0), (0, 1)),
    ],
)
def test_actions_move_what_they_name(real, actions, at, direction):
    moved = real.points(np.zeros(100), weights(**dict.fromkeys(actions, 1.0))) - real.neutral
    x, y, z = (100 * real.neutral).T
    outside = real.is_part("M_Face") & (y < -7)
    near = outside & (np.hypot(x - at[0], z - at[1]) < 0.35)
    offset = 100 * moved[near].mean(axis=0)[[0, 2]]
    for value, sign in zip(offset, direction, strict=True):
        if sign:
            assert value * sign > 0.12, (actions, offset)


@real_only
def test_profile_irises_and_mouth_on_images(real):
    rng = np.random.default_rng([0, 1])
    person = sample_second_person(rng, real)
    session = sample_second_session(rng, person)
    renderer = SecondFaceRenderer(real, 96)
    left, front, right = renderer.render(person, session, weights(), (-90.0, 0.0, 90.0)) / 255.0
    wall = np.asarray(session.cameras[0].background.bottom)

    def is_wall(column):
        return np.abs(column[30:60] - wall).max(axis=1).min() < 0.1

    # Full left: the nose points to the left edge, the back of the head leaves the image.
    assert is_wall(left[:, 0]) and not is_wall(left[:, -1])
    assert is_wall(right[:, -1]) and not is_wall(right[:, 0])
    blue = replace(person, look=replace(person.look, iris=(0.1, 0.3, 0.9)))
    changed = np.abs(renderer.render(blue, session, weights(), (0.0,))[0] / 255 - front).max(axis=2)
    rows, columns = np.nonzero(changed > 0.1)
    assert 8 <= len(rows) <= 120 and 24 < rows.mean() < 42  # both irises, at the eyes' height
    assert (columns < 44).any() and (columns > 52).any() and not (abs(columns - 48) < 5).any()
    opened = renderer.render(person, session, weights(jawOpen=0.8), (0.0,))[0] / 255
    mouth = np.s_[58:76, 40:56]
    assert opened[mouth].mean() < front[mouth].mean() - 0.03
    renderer.close()
