"""`python -m studies.outside`: each number by hand, every method by the same rules."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from fermodels import evaluation
from fermodels.data import EXPRESSIONS, PreparedImages
from fermodels.models import ImageEncoder
from studies import outside, representations
from tests.fixtures.images import changed, make_tiny

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def second():
    return make_tiny(subjects=6, sessions=("A",), size=16)


@pytest.fixture(scope="module")
def london():
    """A real-looking London: one view, two expressions."""
    prepared = make_tiny(subjects=8, sessions=("A",), expressions=("happy", "neutral"), size=16)
    return prepared.subset(np.flatnonzero(prepared.table["view"] == "straight"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("encoders") / "mine"
    ImageEncoder(image_size=16, width=4).save_pretrained(path)
    return path


def by_name(numbers):
    return {f"{n.faces}, {n.measure}": n for n in numbers}


def one_hot(values):
    return np.eye(len(set(values)))[np.unique(values, return_inverse=True)[1]]


class Sure:
    """A probe that gives scores known before."""

    def __init__(self, classes, scores):
        self.classes_, self.scores = np.array(classes, dtype=object), np.asarray(scores, float)

    def predict_log_proba(self, x):
        return self.scores

    def predict(self, x):
        return self.classes_[self.scores.argmax(1)]


def test_who_knows_the_moment_finds_it_and_reads_nothing_of_others(second):
    numbers = by_name(outside.on_second(one_hot(second.table["instance"]), second))
    for angle in (45, 90):
        found = numbers[f"second faces, R@1, {angle}°"]
        assert (found.value, found.standard_error) == (1.0, 0.0)
        assert (found.people, found.images) == (6, 6 * 7 * 2)
        assert numbers[f"second faces, 5 neighbours, {angle}°"].value < 0.4
        assert numbers[f"second faces, linear probe, {angle}°"].value < 0.4


def test_who_knows_the_expression_reads_it_and_finds_a_person_by_chance(second):
    numbers = by_name(outside.on_second(one_hot(second.table["expression"]), second))
    for angle in (45, 90):
        # All six frontal takes of the expression tie for nearest.
        assert numbers[f"second faces, R@1, {angle}°"].value == pytest.approx(1 / 6)
        assert numbers[f"second faces, 5 neighbours, {angle}°"].value == 1
    assert numbers["second faces, linear probe"].value == 1
    assert numbers["second faces, linear probe"].images == len(second)
    assert numbers["second faces, linear probe"].confusion["sad"]["sad"] == 1


def test_an_angle_is_asked_for_itself(second):
    """Knowledge that profiles lack shows at 45° and not at 90°."""
    x = one_hot(second.table["instance"])
    profile = (second.table["yaw"].abs() == 90).to_numpy()
    x[profile] = 1.0
    numbers = by_name(outside.retrievals(x, second))
    assert numbers["second faces, R@1, 45°"].value == 1
    assert numbers["second faces, R@1, 90°"].value == pytest.approx(1 / 42), "chance"
    frontal = second.subset(outside.rows_at(second, 0))
    with pytest.raises(ValueError, match="no image at 45°"):
        outside.retrievals(x[: len(frontal)], frontal)


def test_zero_shot_on_london_among_two_and_among_all(london):
    classes = ["angry", "happy", "neutral"]
    happy = outside.labels_of(london) == "happy"
    scores = np.where(happy[:, None], [0.1, 0.5, 0.4], [0.6, 0.1, 0.3])
    scores[np.flatnonzero(happy)[0]] = [0.5, 0.2, 0.3]
    two, every = outside.zero_shot_on_london(np.zeros((16, 2)), london, Sure(classes, scores))
    # Of two, one of eight happy faces is taken for neutral; of all, every neutral one for angry.
    assert two.measure == "zero-shot, of 2" and two.value == pytest.approx((7 / 8 + 1) / 2)
    assert every.measure == "zero-shot, of 3" and every.value == pytest.approx(7 / 8 / 2)
    assert every.confusion == {
        "happy": {"angry": 1 / 8, "happy": 7 / 8, "neutral": 0},
        "neutral": {"angry": 1, "happy": 0, "neutral": 0},
    }
    assert "neutral read as angry 100%" in outside.text("mine", [two, every])
    with pytest.raises(ValueError, match="does not know happy"):
        probe = Sure(["angry", "neutral"], scores[:, :2])
        outside.zero_shot_on_london(np.zeros((16, 2)), london, probe)


def test_neighbours_on_london(london):
    x = one_hot(outside.labels_of(london))
    with pytest.raises(ValueError, match="fewer than 10 images"):
        outside.london_neighbours(x[:10], london.subset(np.arange(10)))
    found = outside.london_neighbours(x, london)
    assert found.value == 1 and found.people == 8 and found.images == 16


def test_the_probe_of_our_own_faces_sees_its_training_subjects_only(second, london):
    inside = make_tiny(subjects=8, size=16, seed=5)
    train = inside.split("subject", seed=0)["train"]
    seen = []

    def represent(images):
        seen.append(len(images))
        return representations.pixels(images, 16)

    numbers = by_name(outside.outside(represent, second, london, inside))
    assert seen == [len(train), len(second), len(london)]
    assert numbers["second faces, zero-shot"].value > 0.3, "tiny faces are all of one make"
    assert numbers["London, zero-shot, of 7"].value <= numbers["London, zero-shot, of 2"].value
    names = [f"second faces, {m}" for m in ("R@1, 45°", "zero-shot, 90°", "linear probe")]
    assert set(names) | {"London, 10 neighbours", "London, linear probe"} <= set(numbers)
    few = by_name(outside.outside(represent, None, london, None))
    assert set(few) == {"London, 10 neighbours", "London, linear probe"}


def test_unlabelled_images_of_our_own_are_left_out(second):
    inside = make_tiny(subjects=8, size=16, seed=5)
    people = inside.table["subject"].unique()[:2]
    inside = changed(inside, inside.table["subject"].isin(people).to_numpy(), expression=None)
    rows = inside.split("subject", seed=0)["train"]
    labelled = rows[inside.labels[rows] >= 0]
    assert 0 < len(labelled) < len(rows)
    asked = []
    outside.outside(
        lambda images: asked.append(len(images)) or representations.pixels(images, 16),
        second,
        None,
        inside,
    )
    assert asked[0] == len(labelled)


def test_scores_for_validation(folder, second, london):
    encoder = ImageEncoder.from_pretrained(folder).train()
    inside = make_tiny(subjects=4, size=16, seed=5)
    scores = outside.outside_scores(encoder, second, london, inside)
    assert encoder.training
    assert list(scores) == [
        "second R@1, 45°", "second R@1, 90°", "second 5 neighbours, 45°",
        "second 5 neighbours, 90°", "second zero-shot", "London 10 neighbours",
        "London zero-shot, of 2", "London zero-shot, of 7",
    ]  # fmt: skip
    assert all(0 <= value <= 1 for value in scores.values())
    x = evaluation.embed(encoder, second)
    half = evaluation.retrieval(x, second.table, ["half_left", "half_right"])
    assert scores["second R@1, 45°"] == pytest.approx(half)
    assert list(outside.outside_scores(encoder, None, london)) == ["London 10 neighbours"]
    assert outside.outside_scores(encoder) == outside.outside_scores(encoder, inside=inside) == {}


def test_an_encoder_has_a_feature_dim(second):
    with pytest.raises(ValueError, match="Linear has no feature_dim"):
        outside.outside_scores(torch.nn.Linear(2, 2), second)


def test_representations_are_the_encoders_and_three_without_training(folder, tmp_path):
    other = tmp_path / "mine"
    ImageEncoder(image_size=16, width=4).save_pretrained(other)
    ImageEncoder(image_size=24, width=4).save_pretrained(tmp_path / "larger")
    found = representations.representations([folder, other, tmp_path / "larger"])
    assert list(found) == [
        str(folder), str(other), "larger", f"untrained, as {folder}", "untrained, as larger",
        representations.PIXELS, representations.HOG,
    ]  # fmt: skip
    images = np.random.default_rng(0).integers(0, 256, (3, 30, 30, 3), dtype=np.uint8)
    features = {name: represent(images) for name, represent in found.items()}
    assert [len(x) for x in features.values()] == [3] * 7
    new = features[f"untrained, as {folder}"]
    assert not np.allclose(new, features[str(folder)])
    again = representations.representations([folder])["untrained, as mine"](images)
    assert np.allclose(new, again), "new weights are the same every time"
    assert np.allclose(
        features["larger"],
        evaluation.embed(ImageEncoder.from_pretrained(tmp_path / "larger"), images),
    )


def test_pixels_and_gradients():
    images = np.zeros((2, 96, 96, 3), np.uint8)
    images[0, :, 48:] = 255  # an upright edge
    images[1, 48:] = 255  # a level edge
    gray = representations.pixels(images)
    assert gray.shape == (2, 48 * 48) and gray[0, :2].tolist() == [0, 0] and gray[0, 47] == 1
    assert representations.pixels(images, 2).tolist() == [[0, 1, 0, 1], [0, 0, 1, 1]]
    hog = representations.gradients(images).reshape(2, 11 * 11 * 4, 8)
    assert hog.shape[1:] == (484, 8)
    upright, level = hog.sum(1)
    assert upright.argmax() in (0, 7) and level.argmax() in (3, 4)
    assert representations.gradients(images[:, :50, :50]).shape == (2, 3872)


def test_no_encoder(tmp_path, capsys):
    assert outside.main([str(tmp_path / "nothing")]) == 2
    assert "no such folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert outside.main([str(tmp_path / "empty")]) == 2
    assert "config.json is missing" in capsys.readouterr().err


def test_london_is_read_by_the_importer(tmp_path, inline):
    photographs, rows = tmp_path / "faces", []
    photographs.mkdir()
    rng = np.random.default_rng(0)
    for number in range(2):
        for expression in ("happy", "neutral"):
            name = f"{number}_{expression}.png"
            picture = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(picture).save(photographs / name)
            row = {"file": name, "subject": str(number), "expression": expression}
            rows.append(row | {"view": "straight"})
    with pytest.raises(FileNotFoundError, match="faces.csv: no such table of labels"):
        outside.read_london(photographs)
    pd.DataFrame(rows).to_csv(tmp_path / "faces.csv", index=False)
    london = outside.read_london(photographs)
    assert len(london) == 4 and london.images().shape == (4, 96, 96, 3)
    assert sorted(set(london.table["subject"])) == ["0", "1"]
    pd.DataFrame(rows).assign(expression="sad").to_csv(tmp_path / "sad.csv", index=False)
    with pytest.raises(ValueError, match="shows sad: London shows happy and neutral"):
        outside.read_london(photographs, tmp_path / "sad.csv")


def test_the_command(folder, second, london, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {"second": second, "london": london, "inside": make_tiny(5, sessions="A", size=16)}
    for name, prepared in files.items():
        prepared.write(tmp_path / f"{name}.parquet")
    options = [part for name in files for part in (f"--{name}", f"{name}.parquet")]
    assert outside.main([str(folder), *options, "--results", "there"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("mine\n") and "London, zero-shot, of 2" in printed
    table = pd.read_csv(tmp_path / "there/outside.csv")
    assert table["method"].unique().tolist() == [
        "mine", "untrained, as mine", representations.PIXELS, representations.HOG
    ]  # fmt: skip
    assert table.groupby("method").size().nunique() == 1, "every method is asked the same"
    assert table["value"].between(0, 1).all() and (table["people"] > 0).all()
    details = json.loads((tmp_path / "there/outside.json").read_text())
    assert details["data"]["London"] == files["london"].fingerprint()
    confusion = details["confusions"]["mine"]["London, zero-shot, of 7"]
    assert sum(confusion["happy"].values()) == pytest.approx(1, abs=1e-3)
    # Without London, of which nobody has to have a copy.
    monkeypatch.setattr(outside, "representations", lambda folders: {"p": representations.pixels})
    options = [*options[:2], *options[4:], "--results", "without"]
    assert outside.main([str(folder), *options]) == 0
    assert "without London" in capsys.readouterr().out
    assert set(pd.read_csv(tmp_path / "without/outside.csv")["faces"]) == {"second faces"}
    assert outside.main([str(folder), "--second", "none.parquet"]) == 2
    assert "none.parquet" in capsys.readouterr().err


def test_what_ships_is_shaped_as_it_is_asked():
    path = Path(__file__).parents[2] / outside.SECOND
    if not path.exists():
        pytest.skip(f"{path} is not there")
    second = PreparedImages.read(path)
    rows = {angle: len(outside.rows_at(second, angle)) for angle in (0, 45, 90)}
    assert rows == {0: len(second) / 5, 45: 2 * len(second) / 5, 90: 2 * len(second) / 5}
    assert set(outside.labels_of(second)) == set(EXPRESSIONS[:7])
