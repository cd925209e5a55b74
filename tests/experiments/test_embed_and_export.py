"""`python -m fermodels embed` and `… export`: what people take away."""

import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from fermodels import evaluation
from fermodels.__main__ import main
from fermodels.course.explore_page import course_explorer
from fermodels.data import PreparedClips, PreparedImages
from fermodels.evaluation.stored import stored_embedding, with_embedding
from fermodels.models import ImageClassifier, ImageEncoder, MultiModalEncoder
from tests.fixtures.clips import DIMS, make_clips, make_features


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_prepared):
    """Encoders, a classifier, and what to embed."""
    folder = tmp_path_factory.mktemp("given")
    torch.manual_seed(0)
    encoder = ImageEncoder(image_size=24, width=8)
    encoder.save_pretrained(folder / "mine")
    ImageClassifier(encoder, tiny_prepared.expressions).save_pretrained(folder / "classifier")
    MultiModalEncoder(DIMS, 8, 5).save_pretrained(folder / "clips")
    tiny_prepared.subset(np.arange(70)).write(folder / "faces.parquet")
    (folder / "pictures").mkdir()
    for number, blob in enumerate(tiny_prepared._blobs()[:4]):
        (folder / "pictures" / f"{number}.webp").write_bytes(blob)
    clips = make_clips(2)
    clips.write(folder / "clips.parquet")
    make_features(PreparedClips.read(folder / "clips.parquet")).write(folder / "clips.safetensors")
    return folder


def said(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


# -------------------------------------------------------------------------------------- embed


@pytest.mark.parametrize("model", ["mine", "classifier"])
def test_images_with_their_embeddings(folder, tmp_path, capsys, model):
    out = tmp_path / "new" / "embeddings.parquet"
    code, text = said(capsys, "embed", folder / model, folder / "faces.parquet", "--out", out)
    assert code == 0 and "70 rows, each with an embedding of 256 numbers" in text, text
    prepared = PreparedImages.read(out)
    name, x = stored_embedding(prepared)
    encoder = ImageEncoder.from_pretrained(folder / "mine")
    expected = evaluation.embed(encoder, folder / "faces.parquet", progress=False)
    assert name == model and x.dtype == np.float32
    np.testing.assert_allclose(x, expected, atol=1e-5)
    np.testing.assert_array_equal(np.stack(pd.read_parquet(out)["embedding"]), x)
    assert np.array_equal(prepared.images(), PreparedImages.read(folder / "faces.parquet").images())


def test_a_folder_of_pictures(folder, tmp_path, capsys):
    out = tmp_path / "embeddings.parquet"
    code, text = said(capsys, "embed", folder / "mine", folder / "pictures", "--out", out)
    assert code == 0 and stored_embedding(PreparedImages.read(out))[1].shape == (4, 256), text


def test_clips_with_their_embeddings(folder, tmp_path, capsys):
    out = tmp_path / "embeddings.parquet"
    given = ("embed", folder / "clips", folder / "clips.parquet", "--out", out)
    code, text = said(capsys, *given, "--features", folder / "clips.safetensors")
    assert code == 0, text
    assert stored_embedding(PreparedClips.read(out))[1].shape == (28, 15)
    code, text = said(capsys, *given)
    assert code == 2 and "is for clips: add --features" in text


def test_they_open_as_a_map(folder, tmp_path, capsys, monkeypatch):
    pytest.importorskip("ipywidgets")
    monkeypatch.setenv("FERMODELS_RUNS", str(tmp_path / "runs"))
    out = tmp_path / "embeddings.parquet"
    said(capsys, "embed", folder / "mine", folder / "faces.parquet", "--out", out)
    explorer = course_explorer(out, {"beside": folder / "mine"}, say=lambda text: None)
    assert list(explorer.reports) == ["mine", "beside"]  # two names of one encoder
    assert explorer.reports["mine"].margin == pytest.approx(
        explorer.reports["beside"].margin, abs=1e-4
    )
    explorer.close()


def test_what_cannot_be_embedded(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    out, faces = tmp_path / "out.parquet", folder / "faces.parquet"
    for given, message in (
        ((folder, faces, "--out", out), "config.json is missing.*in it there are: classifier"),
        ((folder / "mine", folder / "none.parquet", "--out", out), "there is no file"),
        ((folder / "mine", faces, "--out", tmp_path / "a.csv"), "go into a .parquet file"),
        ((folder / "mine", faces, "--out", tmp_path / "file/a.parquet"), "nothing can be written"),
        (
            (folder / "mine", faces, "--out", out, "--features", folder / "clips.safetensors"),
            "is for images: leave --features out",
        ),
    ):
        code, text = said(capsys, "embed", *given)
        assert code == 2 and re.search(message, text), text
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_embeddings_that_do_not_fit(tiny_prepared):
    few = tiny_prepared.subset(np.arange(6))
    with pytest.raises(ValueError, match="5 embeddings for the 6 rows"):
        with_embedding(few, np.ones((5, 3)), "mine")
    whole = with_embedding(few, np.ones((6, 3)), "mine", weights="abc")
    assert "embedding" not in few.table and stored_embedding(few) is None
    assert whole.metadata["embedding"] == {"encoder": "mine", "dim": 3, "weights": "abc"}
    whole.table.at[2, "embedding"] = np.ones(2)
    with pytest.raises(ValueError, match=r"rows of \[2, 3\] numbers, not of 3"):
        stored_embedding(whole)


# ------------------------------------------------------------------------------------- export


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mine", "classifier", "clips"])
def test_onnx_says_what_pytorch_says(folder, tmp_path, capsys, model):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    onnx = tmp_path / "new" / "model.onnx"
    code, text = said(capsys, "export", folder / model, "--onnx", onnx)
    assert code == 0 and "from PyTorch" in text, text
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    if model == "clips":
        names = [one.name for one in session.get_inputs()]
        assert names == [*DIMS, *(f"present_{name}" for name in DIMS)]
        return
    images = torch.rand(3, 3, 50, 41)
    found = session.run(None, {"images": images.numpy()})
    with torch.no_grad():
        encoder = ImageEncoder.from_pretrained(folder / "mine")
        if model == "mine":
            expected = [encoder(images)]
        else:
            logits = ImageClassifier.from_pretrained(folder / "classifier")(images)
            expected = [logits, logits.softmax(1)]
            assert about["classes"].startswith("afraid, angry")
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), atol=1e-4, rtol=1e-4)


def test_a_file_of_torch_export(folder, tmp_path, capsys):
    path = tmp_path / "model.pt2"
    code, text = said(capsys, "export", folder / "mine", "--torch", path)
    assert code == 0 and "images → representation" in text, text
    images = torch.rand(2, 3, 33, 60)
    (found,) = torch.export.load(path).module()(images)
    expected = ImageEncoder.from_pretrained(folder / "mine")(images)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_without_the_packages_one_line_says_what_to_install(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, text = said(capsys, "export", folder / "mine", "--onnx", tmp_path / "model.onnx")
    assert code == 2 and text == (
        "fermodels: an ONNX file needs onnxruntime: pip install 'fermodels[export]'\n"
    )
    with pytest.raises(SystemExit):
        main(["export", str(folder / "mine")])
    assert "name a file: --onnx" in capsys.readouterr().err


def test_a_graph_that_says_something_else_is_not_written(folder, tmp_path, capsys, monkeypatch):
    from fermodels.models import exporting

    class Wrong(exporting._OfImages):
        def forward(self, *inputs):
            (found,) = super().forward(*inputs)
            return (found + (torch.compiler.is_exporting() * 0.01),)

    monkeypatch.setattr(exporting, "_OfImages", Wrong)
    code, text = said(capsys, "export", folder / "mine", "--torch", tmp_path / "model.pt2")
    assert code == 2 and "is not written: the representation of its graph" in text, text
    assert not list(tmp_path.iterdir())
    assert json.loads((folder / "mine" / "config.json").read_text())["image_size"] == 24
