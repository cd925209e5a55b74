"""`python -m fermodels predict`: tables, annotated images and films, the curve."""

import io
import json
import re

import av
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from fermodels.__main__ import main
from fermodels.experiments.annotating import annotate
from fermodels.experiments.predict import predict
from fermodels.experiments.predictions import caution
from fermodels.models import ImageClassifier, ImageEncoder
from fermodels.models.saving import weights_digest
from tests.fixtures.films import film
from tests.fixtures.portraits import pasted

FACE = [(100, 40, 180)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("given")
    torch.manual_seed(0)
    encoder = ImageEncoder(image_size=24, width=8)
    ImageClassifier(encoder, ("happy", "sad")).save_pretrained(folder / "model")
    (folder / "images" / "sub").mkdir(parents=True)
    Image.fromarray(pasted(FACE)).save(folder / "images" / "a.png")
    Image.fromarray(pasted(FACE)).save(folder / "images" / "a.bmp")
    Image.fromarray(pasted([])).save(folder / "images" / "sub" / "b.png")
    frames = [pasted(FACE)] * 5 + [pasted([])] * 5
    (folder / "film.mp4").write_bytes(film(frames=frames, sound=[(0, 0.4)]))
    return folder


def as_text(path):
    return pd.read_parquet(path).to_csv(index=False)


@pytest.fixture
def said(capsys, monkeypatch):
    monkeypatch.setenv("FERMODELS_PROGRESS", "0")

    def said(*arguments):
        code = main(["predict", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return said


def test_images_to_a_table_and_annotated(folder, tmp_path, said):
    out, drawn = tmp_path / "new" / "table.parquet", tmp_path / "drawn"
    given = (folder / "model", folder / "images", "--out", out, "--annotate", drawn)
    code, text = said(*given)
    assert code == 0 and "2 faces in 3 images or frames; no face found in 1" in text, text
    assert caution() in text
    about = json.loads(pq.read_schema(out).metadata[b"fermodels"])
    model = ImageClassifier.from_pretrained(folder / "model")
    assert about["model"]["weights"] == weights_digest(model) and about["caution"] == caution()
    assert about["command"] == (
        "python -m fermodels predict model images --out table.parquet --annotate drawn"
    )
    names = sorted(path.relative_to(drawn).as_posix() for path in drawn.rglob("*.*"))
    assert names == ["a.jpg", "a_2.jpg", "sub/b.jpg"]
    picture = Image.open(drawn / "a.jpg")
    assert picture.width == 400 and picture.height > 310  # the caution lies below
    paper = np.asarray(picture)[305:]
    assert (paper > 200).mean() > 0.8 and (paper < 150).any()
    code, text = said(*given[:3], tmp_path / "table.csv")
    csv, same = (pd.read_csv(text) for text in (tmp_path / "table.csv", io.StringIO(as_text(out))))
    pd.testing.assert_frame_equal(csv, same, atol=1e-4)


def test_nothing_that_is_read_is_replaced(folder):
    found = predict(folder / "model", folder / "film.mp4", stride=5, progress=False)
    before = (folder / "film.mp4").read_bytes()
    for write in (lambda: annotate(found, folder), lambda: found.draw_curve(folder / "film.mp4")):
        with pytest.raises(ValueError, match="would be replaced|png"):
            write()
    assert (folder / "film.mp4").read_bytes() == before


def test_a_table_that_is_printed(folder, said):
    code, text = said(folder / "model", folder / "images" / "a.png")
    assert code == 0 and re.search(r"file +face_found +face .*p_happy +p_sad\n", text), text
    assert "frame" not in text.splitlines()[0]


def test_a_film_annotated_with_its_sound_and_its_curve(folder, tmp_path, said):
    drawn, curve = tmp_path / "drawn.mp4", tmp_path / "curve.png"
    given = (folder / "model", folder / "film.mp4", "--stride", 2, "--out", tmp_path / "t.csv")
    code, text = said(*given, "--annotate", drawn, "--curve", curve)
    assert code == 0 and len(pd.read_csv(tmp_path / "t.csv")) == 5, text
    assert min(Image.open(curve).size) > 400
    with av.open(str(drawn)) as container:
        sound = container.streams.audio[0]
        assert sound.codec_context.name == "aac" and sound.duration * sound.time_base > 0.3
        frames = list(container.decode(video=0))
    assert [round(frame.time * 25) for frame in frames] == list(range(10))
    first, last = (frame.to_ndarray(format="rgb24")[:300] for frame in (frames[0], frames[-1]))
    assert (np.abs(first.astype(int) - pasted(FACE)).max(2) > 60).mean() > 0.01  # box and text
    assert (np.abs(last.astype(int) - pasted([])).max(2) > 60).mean() > 0.001  # no face found
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize("codec", ["pcm_s16le", "libopus"])
def test_sound_of_any_codec_goes_along(folder, tmp_path, said, codec):
    source = tmp_path / "film.mkv"
    with av.open(str(folder / "film.mp4")) as given, av.open(str(source), "w") as output:
        video = output.add_stream_from_template(given.streams.video[0])
        sound = output.add_stream(codec, rate=48_000, layout="stereo")
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                output.mux(packet)
        tone = av.AudioFrame(format="s16", layout="stereo", samples=19_200)
        tone.sample_rate = 48_000
        for frame in [*av.AudioResampler(sound.format, "stereo", 48_000).resample(tone)]:
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    code, text = said(folder / "model", source, "--annotate", tmp_path / "drawn.mp4")
    assert code == 0, text
    with av.open(str(tmp_path / "drawn.mp4")) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
    assert heard == pytest.approx(19_200, abs=3000)


def test_outputs_are_looked_at_before_any_work(folder, tmp_path, said, monkeypatch):
    monkeypatch.setattr("fermodels.experiments.predict_command.predict", None)
    (tmp_path / "file").write_text("x")
    model, images, clip = folder / "model", folder / "images", folder / "film.mp4"
    for given, message in (
        ((images, "--out", tmp_path / "a.xlsx"), r"goes into a \.csv or \.parquet file"),
        ((images, "--out", tmp_path / "file/a.csv"), "nothing can be written"),
        ((clip, "--curve", tmp_path / "a.gif"), r"goes into a \.png file"),
        ((images, "--curve", tmp_path / "a.png"), "--curve draws one film"),
        ((images, "--annotate", tmp_path / "a.mp4"), "name a folder"),
        ((clip, "--annotate", tmp_path / "a.webm"), r"annotated films are \.mp4"),
        ((clip, "--annotate", clip), "is read, and would be replaced"),
        ((images, "--annotate", tmp_path / "file"), "is a file, not a folder"),
        ((images, "--annotate", images / "drawn"), "lies in .* whose images are read"),
        ((clip, "--annotate", folder), "is read, and would be replaced"),
        ((images / "a.png", clip, "--curve", tmp_path / "c.png"), "--curve draws one film"),
        ((clip, "--annotate", tmp_path / "a.mp4", "--curve", tmp_path / "a.mp4"), "png"),
        ((images, "--examples", tmp_path / "e.csv", "--out", tmp_path / "e.csv"), "are one file"),
        ((tmp_path / "file",), "neither an image nor a film"),
    ):
        code, text = said(model, *given)
        assert code == 2 and re.search(message, text), text
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_help_says_what_it_does_not_mean(said, capsys):
    with pytest.raises(SystemExit):
        said("--help")
    assert "not what a person feels" in " ".join(capsys.readouterr().out.split())
