"""The lab's menus: variants of expressions, looks, the wide world, and heads of another make."""

import numpy as np
import pandas as pd
import pytest
import torch

from fermodels.data import PreparedError, PreparedImages
from fermodels.explore import FaceLab, lab_choices, lab_controls, lab_looks
from fermodels.explore.lab_face import LabFace
from fermodels.explore.lab_second import VARIABLE
from fermodels.faces import ACTIONS, PROTOTYPES, prototype_weights
from fermodels.models import ImageEncoder
from tests.fixtures.second_faces import write_npz

PLAIN = lab_controls.DEFAULTS | lab_choices.DEFAULT_CHOICES
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return ImageEncoder("small", image_size=24, width=4).eval()


@pytest.fixture(scope="module")
def shared(encoder):
    """One lab for tests that leave it as it was."""
    lab = FaceLab(encoder, size=48)
    yield lab
    lab.close()


@pytest.fixture
def lab(shared, monkeypatch):
    monkeypatch.setattr(shared, "_path", None)
    shared.dice(0)
    shared.widget.values = PLAIN
    return shared


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_npz(tmp_path_factory.mktemp("second") / "head.npz")


@pytest.fixture(scope="module")
def two_makes(encoder, model):
    lab = FaceLab(encoder, size=48, second_model=model)
    yield lab
    lab.close()


def browser_chooses(lab, **values):
    lab.widget.set_state({"values": lab.widget.values | values})


# ------------------------------------------------------------------------------- variants


@pytest.mark.parametrize("name", [name for name in PROTOTYPES if name != "neutral"])
def test_each_variant_is_its_prototype(name):
    for number in range(len(PROTOTYPES[name])):
        chosen = lab_choices.check_variants({name: number})
        found = lab_controls.actions(PLAIN | chosen | {name: 0.8})
        np.testing.assert_allclose(found, prototype_weights(name, 0.8, number).clip(0, 1))


def test_a_variant_changes_its_own_expression_only(lab):
    lab.set(angry=1)
    first = lab.image
    lab.set(variants={"sad": 1})
    np.testing.assert_array_equal(lab.image, first)
    lab.set(variants={"angry": 1})
    assert lab.variants == dict.fromkeys(lab_choices.VARIANTS, 0) | {"sad": 1, "angry": 1}
    assert (lab.image != first).any()
    second = lab.image
    assert lab.widget.result["alt"].endswith("angry 1 (variant 1)")  # sad is not shown at all
    lab.reset()
    assert set(lab.variants.values()) == {0} and lab.values == lab_controls.DEFAULTS
    lab.set(angry=1)
    np.testing.assert_array_equal(lab.image, first)
    browser_chooses(lab, **{"angry variant": "1"})
    np.testing.assert_array_equal(lab.image, second)


def test_menus_stand_beside_their_sliders_and_say_their_units(lab):
    groups = {group["name"]: group["controls"] for group in lab.widget.groups}
    assert [*groups][-2:] == ["camera and light", "looks"]
    beside = {c["beside"]: c for c in groups["expressions"] if "options" in c}
    assert set(beside) == {n for n, v in PROTOTYPES.items() if len(v) > 1}
    assert beside["happy"]["help"][0] == "AU6, 12, 25; at times 26"
    assert beside["happy"]["options"] == ("0", "1")
    assert [c["name"] for c in groups["looks"]] == [n for n in lab_choices.LOOKS if n != "make"]


# ---------------------------------------------------------------------------------- looks


@pytest.mark.parametrize(
    "looks",
    [
        {"hair": "afro"},
        {"hair": "bald"},
        {"beard": "full"},
        {"glasses": "round"},
        {"headwear": "beanie"},
        {"headwear": "headscarf"},
        {"appearance": "wide"},
        {"session": "B"},
    ],
    ids=str,
)
def test_a_look_changes_the_image_and_nothing_else(lab, looks):
    before, actions = lab.image.astype(int), lab_controls.actions(lab.widget.values)
    lab.set(**looks)
    assert np.abs(lab.image - before).mean() > 0.5
    assert lab.looks == {n: c.default for n, c in lab_choices.LOOKS.items()} | looks
    np.testing.assert_array_equal(lab_controls.actions(lab.widget.values), actions)
    assert lab.values == lab_controls.DEFAULTS
    said = lab.widget.result["alt"]
    [(name, option)] = looks.items()
    assert said == f"Person 0: {lab_choices.LOOKS[name].label} {option}"
    lab.reset()
    assert lab.looks[name] == option  # the looks stay
    lab.set(**{name: lab_choices.LOOKS[name].default})
    np.testing.assert_array_equal(lab.image, before)


def test_one_wears_what_is_chosen():
    person, session = lab_looks.draw_person(3)
    own = lab_looks.worn(person, session)
    for hair in lab_choices.LOOKS["hair"].options:
        found = lab_looks.dressed(person, 3, hair, "own")
        assert found.hair.kind == (own["hair"] if hair == "own" else hair)
        assert found.hair.color == person.hair.color and found.beard is person.beard
        if hair != "own":  # no bob with the bare temples of receding hair
            assert (found.hair.recession > 0.5) == (hair == "receding")
        assert found.phenotype == person.phenotype and found.style is person.style
    for beard in lab_choices.LOOKS["beard"].options:
        found = lab_looks.worn(lab_looks.dressed(person, 3, "own", beard), session)
        assert found == own | {"beard": own["beard"] if beard == "own" else beard}
    for name in ("glasses", "headwear"):
        for option in lab_choices.LOOKS[name].options:
            chosen = {"glasses": "own", "headwear": "own"} | {name: option}
            found = lab_looks.equipped(session, person, 3, **chosen)
            worn = own | {name: own[name] if option == "own" else option}
            assert lab_looks.worn(person, found) == worn
            assert (found.lights, found.clothes) == (session.lights, session.clothes)


def test_the_wide_world_changes_what_surrounds_the_same_person(lab):
    person, studio = lab.person, lab._face.session(lab.widget.values)
    lab.set(appearance="wide")
    wide = lab._face.session(lab.widget.values)
    assert lab.person is person
    assert wide.cameras[0].background != studio.cameras[0].background
    assert len(wide.cameras) == 1  # the same from whatever angle
    sessions = {}
    for appearance in ("studio", "wide"):
        for name in lab_choices.SESSIONS:
            lab.set(appearance=appearance, session=name)
            sessions[appearance, name] = lab._face.session(lab.widget.values).cameras
    assert len(set(sessions.values())) == 2 * len(lab_choices.SESSIONS)


# ---------------------------------------------------------------------------------- speed


def test_a_slider_builds_neither_person_nor_session_anew(lab):
    lab.set(appearance="wide", glasses="round", hair="curly")
    scene = lab._face._renderer._scene[1]
    person, session = lab.person, lab._face.session(lab.widget.values)
    for values in ({"happy": 0.5}, {"happy": 0.6}, {"AU4": 1}, {"yaw": 30}, {"pitch": 10}):
        browser_chooses(lab, **values)
        assert lab.person is person and lab._face.session(lab.widget.values) is session
        assert lab._face._renderer._scene[1] is scene
    browser_chooses(lab, **{"angry variant": "2"})
    lab.turn(90)
    assert lab._face._renderer._scene[1] is scene
    lab.set(glasses="none")
    assert lab.person is person and lab._face._renderer._scene[1] is not scene


def test_light_comes_from_the_side_that_is_set(lab):
    means = {}
    for side in (-1, 1):
        lab.set(light=side)
        left, right = np.split(lab.image[12:36].astype(float), 2, axis=1)
        means[side] = left[:, 8:].mean() - right[:, :16].mean()
    assert means[-1] > means[1] + 5


# ------------------------------------------------------------------------- wrong, remembered


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"hair": "wig"}, "hair is 'wig'; choose one of own, bald"),
        ({"glasses": True}, "glasses is True; choose one of own, none, round"),
        ({"appearance": "outdoors"}, "choose one of studio, wide"),
        ({"make": "ICT FaceKit"}, "no head of another make: pass second_model, or .*FERMODELS"),
        ({"variants": {"angry": 3}}, "angry has the variants 0 to 2, not 3"),
        ({"variants": {"angry": "1"}}, "not '1'"),
        ({"variants": {"content": 1}}, "content has the variants 0 to 0, not 1"),
        ({"variants": {"bored": 0}}, "no expression 'bored'; there are afraid"),
        ({"variants": {"neutral": 0}}, "no expression 'neutral'"),
        ({"nose": 1}, "'nose' cannot be set"),
    ],
    ids=str,
)
def test_what_is_not_there_changes_nothing(lab, wrong, words):
    before = dict(lab.widget.values)
    with pytest.raises(ValueError, match=words):
        lab.set(**({"happy": 1.0, "hair": "bob"} | wrong))
    assert lab.widget.values == before


def test_what_a_browser_sends_is_cleaned(lab):
    lab.widget.set_state(
        {"values": {"hair": EVIL, "glasses": ["round"], "make": "ICT FaceKit", "happy variant": 1}}
    )
    assert lab.widget.values == PLAIN
    cleaned = lab_choices.clean_choices({"beard": "full", "angry variant": "2", EVIL: EVIL})
    assert cleaned == lab_choices.DEFAULT_CHOICES | {"beard": "full", "angry variant": "2"}
    assert lab_choices.clean_choices(EVIL) == lab_choices.DEFAULT_CHOICES


def test_looks_outlive_the_lab_and_make_a_track_stale(encoder, tmp_path):
    path = tmp_path / "lab.json"
    first = FaceLab(encoder, size=32, remember=path)
    first.set(angry=0.5, variants={"angry": 2}, headwear="cap", appearance="wide", session="C")
    first.turn(90)
    assert first.widget.result["fresh"]
    state, image = first.state, first.image
    first.close()
    again = FaceLab(encoder, size=32, remember=path)
    assert again.state == state and again.looks["headwear"] == "cap"
    assert again.variants["angry"] == 2
    np.testing.assert_array_equal(again.image, image)
    again.set(headwear="none")
    assert not again.widget.result["fresh"]
    again.close()


# ----------------------------------------------------------------------------------- saved


def test_a_saved_face_says_what_it_wears(lab, tmp_path):
    path = tmp_path / "mine.parquet"
    lab.save_instance(path)
    # A file of the first release knows nothing of looks.
    old = PreparedImages.read(path)
    table = old.table.drop(columns=["variant", "make", *lab_looks.WORN])
    table["image"] = old._blobs("image")
    PreparedImages(table, old.metadata).write(path)
    lab.set(sad=0.9, variants={"sad": 1}, appearance="wide", session="B")
    lab.set(hair="bob", glasses="square", headwear="none", beard="none")
    lab.save_instance(path)
    table = PreparedImages.read(path).table
    assert len(table) == 10 and table["subject"].nunique() == 1
    new = table.iloc[5:]
    assert set(new["session"]) == {"wide B"} and set(new["variant"]) == {1}
    assert [new[name].unique().tolist() for name in ("hair", "glasses", "headwear", "beard")] == [
        ["bob"], ["square"], ["none"], ["none"],
    ]  # fmt: skip
    weights = prototype_weights("sad", 0.9, 1)
    np.testing.assert_allclose(np.stack(new["actions"]), np.tile(weights, (5, 1)), atol=1e-3)
    assert table["hair"].iloc[:5].isna().all()
    assert "purpose" not in PreparedImages.read(path).metadata


# -------------------------------------------------------------------------- another make


def test_without_a_second_model_there_is_no_menu(lab, two_makes):
    def names(lab):
        return [c["name"] for group in lab.widget.groups for c in group["controls"]]

    assert "make" not in names(lab) and "make" in names(two_makes)


def test_the_same_actions_on_a_head_of_another_make(two_makes):
    lab = two_makes
    lab.widget.values = PLAIN
    lab.dice(0)
    ours, person = lab.image.astype(int), lab.person
    lab.set(make="ICT FaceKit")
    neutral = lab.image.astype(int)
    assert np.abs(neutral - ours).mean() > 5 and type(lab.person).__name__ == "SecondPerson"
    assert lab.person is lab.person and lab.widget.result["subject"] == "second0"
    lab.set(happy=1)
    happy = lab.image.astype(int)
    assert np.abs(happy - neutral).mean() > 0.1
    lab.set(hair="afro", glasses="round", beard="full", headwear="cap")
    np.testing.assert_array_equal(lab.image, happy)  # it wears nothing
    assert lab.widget.result["alt"] == "Person 0: happy 1, head by ICT FaceKit"
    lab.set(appearance="wide")
    assert np.abs(lab.image - happy).mean() > 1
    lab.dice(1)
    assert np.abs(lab.image - happy).mean() > 1
    lab.widget.values = PLAIN
    lab.dice(0)
    assert lab.person.phenotype == person.phenotype
    np.testing.assert_array_equal(lab.image, ours)


def test_a_second_face_is_saved_for_judging_only(two_makes, tmp_path):
    lab, path = two_makes, tmp_path / "mine.parquet"
    lab.widget.values = PLAIN
    lab.dice(0)
    lab.set(make="ICT FaceKit", angry=1)
    lab.save_instance(path, subject="Ada")
    lab.set(make="Anny")
    with pytest.raises(PreparedError, match="already person 0 by ICT FaceKit.* person 0 by Anny"):
        lab.save_instance(path, subject="Ada")
    lab.save_instance(path, subject="Bob")
    own = PreparedImages.read(path)
    assert own.table["make"].tolist() == ["ICT FaceKit"] * 5 + ["Anny"] * 5
    assert own.table["gender"].isna().tolist() == [True] * 5 + [False] * 5
    assert pd.isna(own.table["hair"][0]) and own.table["hair"][5] in lab_choices.HAIR_KINDS
    assert "MIT" in own.metadata["licence"] and "ICT FaceKit" in own.metadata["citation"]
    with pytest.raises(ValueError, match="for judging encoders only"):
        own.check_trainable("a test")


def test_the_environment_can_name_the_second_model(encoder, model, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(model))
    face = FaceLab(encoder, size=24)
    face.set(make="ICT FaceKit")
    face.close()
    broken = tmp_path / "broken.npz"
    broken.write_bytes(model.read_bytes()[:1000])
    monkeypatch.setenv(VARIABLE, str(broken))
    with pytest.raises(ValueError, match="broken.npz: not a readable .npz file of the ICT"):
        FaceLab(encoder, size=24)
    with pytest.raises(ValueError, match="missing.npz: there is no such file"):
        FaceLab(encoder, size=24, second_model=tmp_path / "missing.npz")


def test_a_state_with_another_make_opens_without_it(encoder, model, tmp_path):
    import threading

    path, before = tmp_path / "lab.json", threading.active_count()
    first = FaceLab(encoder, size=24, remember=path, second_model=model)
    first.set(make="ICT FaceKit", happy=0.5)
    first.close()
    again = FaceLab(encoder, size=24, remember=path)
    assert again.looks["make"] == "Anny" and again.values["happy"] == 0.5
    again.close()
    with pytest.raises(ValueError, match="no such file"):
        LabFace(0, 24, tmp_path / "missing.npz")
    assert threading.active_count() == before


def test_actions_reach_both_makes_alike(two_makes, monkeypatch):
    """What the renderers are asked to draw."""
    asked = []
    for renderer in (two_makes._face._renderer, two_makes._face._second.renderer):
        monkeypatch.setattr(renderer, "render", _listening(renderer, asked))
    two_makes.widget.values = PLAIN
    two_makes.set(surprised=0.7, AU15=0.4, variants={"surprised": 1})
    two_makes.set(make="ICT FaceKit")
    assert asked[-2].shape == (len(ACTIONS),) and asked[-2].max() > 0.5
    np.testing.assert_array_equal(asked[-2], asked[-1])


def _listening(renderer, asked):
    render = renderer.render

    def listening(person, session, actions, *rest, **options):
        asked.append(actions)
        return render(person, session, actions, *rest, **options)

    return listening
