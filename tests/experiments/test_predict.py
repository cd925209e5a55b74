"""Expressions of faces in images, films, folders and prepared files."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from fermodels import crops, evaluation
from fermodels.experiments.given_media import find_media
from fermodels.experiments.predict import predict
from fermodels.models import ImageClassifier, ImageEncoder, MultiModalEncoder
from tests.fixtures.clips import DIMS
from tests.fixtures.films import film
from tests.fixtures.portraits import pasted

CLASSES = ("angry", "happy", "puzzled")
ONE = [(100, 40, 180)]
THREE = [(10, 30, 200), (220, 20, 110), (330, 150, 150)]


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    return ImageClassifier(ImageEncoder(image_size=24, width=8), CLASSES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One of everything: a face, three, none, a broken file, a note, a film."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "more").mkdir()
    Image.fromarray(pasted(ONE)).save(folder / "im10.png")
    Image.fromarray(pasted(THREE, width=500)).save(folder / "im9.png")
    Image.fromarray(pasted([])).save(folder / "more" / "none.png")
    (folder / "more" / "broken.jpg").write_bytes(b"\xff\xd8\xff and no more")
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.png").write_text("x")
    frames = [pasted(ONE)] * 6 + [pasted([])] * 6
    (folder / "film.mp4").write_bytes(film(frames=frames, sound=[(0, 0.4)]))
    return folder


@pytest.fixture(scope="module")
def found(classifier, folder):
    return predict(classifier, folder, stride=5, progress=False)


def test_everything_in_a_folder(found, folder):
    rows = found.table[["file", "frame", "face"]].astype(object).where(lambda x: x.notna(), None)
    assert rows.values.tolist() == [
        [f"{folder}/film.mp4", 0, 1],
        [f"{folder}/film.mp4", 5, 1],
        [f"{folder}/film.mp4", 10, None],
        [f"{folder}/im9.png", None, 1],
        [f"{folder}/im9.png", None, 2],
        [f"{folder}/im9.png", None, 3],
        [f"{folder}/im10.png", None, 1],
        [f"{folder}/more/none.png", None, None],
    ]
    assert found.table["time"].dropna().tolist() == pytest.approx([0, 0.2, 0.4])
    why = dict(found.left_out)
    assert set(why) == {f"{folder}/more/broken.jpg", f"{folder}/notes.txt"}
    assert "damaged or cut off" in why[f"{folder}/more/broken.jpg"]
    text = found.summary()
    assert "6 faces in 6 images or frames; no face found in 2 of them; 2 files left out" in text
    assert "notes.txt (neither an image nor a film)" in text


def test_probabilities_are_those_of_the_model_on_the_same_crops(found, classifier):
    pixels = pasted(ONE)
    crop, there = crops.crop(pixels, "face", 96)
    labels, expected = classifier.predict(crop[None].copy())
    (row,) = np.flatnonzero(found.table["file"].str.endswith("im10.png"))
    assert there and found.classes == CLASSES
    np.testing.assert_allclose(found.probabilities[row], expected[0], atol=1e-6)
    assert found.table["expression"][row] == CLASSES[labels[0]]
    assert found.table["probability"][row] == pytest.approx(expected[0].max(), abs=1e-6)
    box = crops.face_finder().find(pixels)
    here = found.table.loc[row, ["x0", "y0", "x1", "y1"]].tolist()
    assert here == pytest.approx(box[:4], abs=0.06)


def test_several_faces_come_largest_first_and_only_as_many_as_asked_for(found, classifier, folder):
    rows = found.table[found.table["file"].str.endswith("im9.png")]
    heights = (rows["y1"] - rows["y0"]).to_numpy()
    assert (np.diff(heights) < 0).all()
    for (left, top, side), number in zip(
        sorted(THREE, key=lambda face: -face[2]), range(3), strict=True
    ):
        row = rows.iloc[number]
        assert left < (row["x0"] + row["x1"]) / 2 < left + side
        assert top < (row["y0"] + row["y1"]) / 2 < top + side
    two = predict(classifier, folder / "im9.png", faces=2, progress=False).table
    pd.testing.assert_frame_equal(two, rows[:2].reset_index(drop=True))


def test_rows_without_a_face_have_no_expression(found):
    empty = found.table[found.table["face_found"].eq(False)]
    assert len(empty) == 2
    assert empty.drop(columns=["file", "frame", "time", "face_found"]).isna().all(axis=None)
    assert np.isnan(found.probabilities[empty.index]).all()


@pytest.mark.parametrize("how", ["centre", "none"])
def test_without_looking_for_faces(classifier, folder, how):
    table = predict(classifier, folder / "more/none.png", crop=how, size=40, progress=False)
    crop, _ = crops.crop(pasted([]), how, 40)
    assert table.table["face_found"].isna().all() and table.table["x0"].isna().all()
    np.testing.assert_allclose(
        table.probabilities, classifier.predict(crop[None].copy())[1], atol=1e-6
    )


def test_boxes_are_in_pixels_of_the_file(classifier, folder, tmp_path):
    """Also of one that is not decoded in full, and lies on its side."""
    image = Image.fromarray(pasted(ONE)).resize((3600, 2700))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.rotate(90, expand=True).save(tmp_path / "large.jpg", exif=exif)
    small = predict(classifier, folder / "im10.png", progress=False).table
    large = predict(classifier, tmp_path / "large.jpg", progress=False).table
    edges = ["x0", "y0", "x1", "y1"]
    np.testing.assert_allclose(large[edges].to_numpy() / 9, small[edges].to_numpy(), atol=4)


@pytest.fixture(scope="module")
def examples(tmp_path_factory, tiny_prepared):
    path = tmp_path_factory.mktemp("examples") / "examples.parquet"
    return tiny_prepared.subset(np.arange(70)).write(path)


def test_by_the_nearest_examples(examples, classifier, tiny_prepared):
    """A prepared file, whose images are taken as they are; each is nearest to itself."""
    encoder = classifier.encoder
    own = predict(encoder, examples, examples=examples, k=1, progress=False)
    shown = tiny_prepared.table["expression"][:70].tolist()
    assert own.table["expression"].tolist() == shown and (own.table["probability"] == 1).all()
    assert own.table["row"].tolist() == list(range(70)) and own.table["x0"].isna().all()
    five = predict(encoder, examples, examples=examples, k=5, progress=False)
    h = evaluation.embed(encoder, examples, progress=False).astype(np.float64)
    unit = h / np.linalg.norm(h, axis=1, keepdims=True)
    nearest = np.argsort(-(unit @ unit.T), axis=1)[:, :5]
    names = np.array(shown)[nearest]
    expected = np.stack([(names == name).mean(1) for name in five.classes], 1)
    assert (np.abs(five.probabilities - expected) < 1e-6).all(axis=1).mean() > 0.95  # but for ties
    assert five.about["model"]["k"] == 5 and five.about["cropping"]["size"] == 24


def test_models_and_examples_that_do_not_fit(examples, classifier, folder, tmp_path):
    MultiModalEncoder(DIMS, 8, 5).save_pretrained(tmp_path / "clips")
    one, encoder = folder / "im10.png", classifier.encoder
    for model, settings, message in (
        (tmp_path / "none", {}, "no folder of a saved model"),
        (folder, {}, "config.json is missing"),
        (tmp_path / "clips", {}, "no model of images"),
        (encoder, {}, "knows no expressions: name labelled examples"),
        (classifier, {"examples": examples}, "needs no examples"),
        (encoder, {"examples": examples, "k": 0}, "k is a number of neighbours"),
        (classifier, {"crop": "nose"}, "unknown crop 'nose'"),
        (classifier, {"faces": 0}, "1 or more"),
        (classifier, {"every": 1, "stride": 1}, "not both"),
    ):
        with pytest.raises((ValueError, OSError), match=message):
            predict(model, one, progress=False, **settings)


def test_what_cannot_be_looked_at(classifier, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for inputs, message in (
        ([], "no path was given"),
        (tmp_path / "empty", "no image and no film"),
        ([folder / "im10.png", tmp_path / "gone.png"], "gone.png: there is no such file"),
        (folder / "notes.txt", "neither an image nor a film"),
    ):
        with pytest.raises((ValueError, OSError), match=message):
            find_media(inputs)
    with pytest.raises(ValueError, match="nothing could be read; 1 file left out.*broken.jpg"):
        predict(classifier, folder / "more/broken.jpg", progress=False)
