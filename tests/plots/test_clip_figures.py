import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fermodels import plots
from fermodels.data import PreparedClips
from fermodels.data.media import encode_audio, encode_video
from tests.plots.test_figures import SIGHTS, _lab, texts


@pytest.fixture(autouse=True)
def clean():
    with plt.rc_context():
        yield
        plt.close("all")


def beep(seconds=2.0, start=0.5, end=1.5):
    time = np.arange(round(seconds * 16_000)) / 16_000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)
    return np.where((time >= start) & (time < end), tone, 0).astype(np.float32)


@pytest.fixture(scope="module")
def clips():
    frames = np.zeros((16, 32, 24, 3), np.uint8)
    frames[:] = np.linspace(0, 240, 16).astype(np.uint8)[:, None, None, None]
    whole = {
        "video": encode_video(frames, 8),
        "audio": encode_audio(beep()),
        "transcript": "Anna was so happy",
        "subject": "s0",
        "emotion": "happy",
        "yaw": -12.0,
    }
    lacks = {"video": None, "audio": None, "transcript": None}
    rows = [
        {**whole, "clip": "whole"},
        *({**whole, column: value, "clip": f"no {column}"} for column, value in lacks.items()),
        {**whole, **lacks, "transcript": "only words", "clip": "words", "emotion": None},
    ]
    return PreparedClips(pd.DataFrame(rows), {"emotions": ["happy", "sad"]})


@pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS)
def test_modalities_can_be_told_apart(sight):
    colors = [*plots.MODALITY_COLORS.values(), plots.TOGETHER_COLOR]
    lab = _lab(colors, sight)
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    assert distance[~np.eye(len(lab), dtype=bool)].min() > 20
    assert not set(colors) & set(plots.EXPRESSION_COLORS.values())


def test_import_draws_nothing():
    code = (
        "import sys; from fermodels import plots; plots.clip_strip; plots.unit_circle; "
        "assert not {'matplotlib', 'seaborn', 'av', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_loudness_and_the_spoken_interval():
    level = plots.loudness(np.full(1000, -0.5), window=0.025)
    assert level.shape == (2,)
    assert np.allclose(level, 0.5)
    start, end = plots.spoken_interval(beep())
    assert start == pytest.approx(0.5, abs=0.03)
    assert end == pytest.approx(1.5, abs=0.03)
    assert plots.spoken_interval(np.zeros(16_000)) == (0.0, 1.0)


def test_words_share_the_spoken_time_by_their_length():
    times = plots.word_times(["a", "blue", "door"], 1.0, 2.2)
    assert [start for start, _ in times] == pytest.approx([1.0, 1.2, 1.7])
    assert [end for _, end in times] == pytest.approx([1.2, 1.7, 2.2])
    assert plots.word_times([], 0.0, 1.0) == []


def test_mel_frequencies_are_those_of_the_spectrogram():
    from fermodels.features.spectrograms import log_mel

    frequencies = plots.mel_frequencies(40)
    assert (np.diff(frequencies) > 0).all()
    for hertz in (500, 3000):
        tone = np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000)
        band = int(log_mel(tone)[:, 50].argmax())
        assert abs(frequencies[band] - hertz) < 0.06 * hertz


def test_strip_has_one_time_axis(clips):
    video, audio, text = plots.clip_strip(clips, 0, frames=8)
    assert [ax.get_xlim() for ax in (video, audio, text)] == [(0, 2)] * 3
    edges = [tuple(image.get_extent()[:2]) for image in video.images]
    assert edges == [(0.25 * i, 0.25 * i + 0.25) for i in range(8)]
    # The frames become brighter; a slot shows the one in its middle.
    shades = [np.asarray(image.get_array()).mean() for image in video.images]
    assert np.allclose(shades, np.linspace(0, 240, 16)[1::2], atol=6)
    assert video.get_title(loc="left") == "whole · happy · yaw −12°"
    words = {t.get_text(): t.get_position()[0] for t in text.texts}
    assert 0.5 < words["Anna"] < words["was"] < words["so"] < words["happy"] < 1.5


def test_frames_keep_their_shape(clips):
    video = plots.clip_strip(clips, 0)[0]
    video.figure.canvas.draw()
    box = video.get_window_extent()
    start, end = video.images[0].get_extent()[:2]
    width = box.width * (end - start) / 2.0
    assert box.height / width == pytest.approx(32 / 24, rel=0.03)


@pytest.mark.parametrize(("row", "says"), [(1, "no video"), (2, "no sound"), (3, "no transcript")])
def test_strip_says_what_is_missing(clips, row, says):
    axes = plots.clip_strip(clips, row)
    found = {"no video", "no sound", "no transcript"} & {t for ax in axes for t in texts(ax)}
    assert found == {says}
    assert axes[0].get_xlim() == (0, 2)


def test_strip_of_words_alone(clips):
    axes = plots.clip_strip(clips, 4)
    assert {"only", "words", "no video", "no sound"} <= {t for ax in axes for t in texts(ax)}
    assert "unlabelled" in axes[0].get_title(loc="left")


def test_spectrogram_names_frequencies():
    mel = np.random.default_rng(0).normal(size=(40, 50))
    ax = plots.spectrogram(mel, 0.5, frequencies=plots.mel_frequencies(40))
    assert ax.get_xlim() == (0, 0.5)
    assert {"1,000", "frequency (Hz)", "time (s)"} <= set(texts(ax))
    assert "band" in texts(plots.spectrogram(mel, 0.5))
    with pytest.raises(ValueError, match="3 frequencies for 40 bands"):
        plots.spectrogram(mel, 0.5, frequencies=[1, 2, 3])
    with pytest.raises(ValueError, match=r"shape \(40,\)"):
        plots.spectrogram(mel[:, 0], 0.5)


def test_shares_are_stacked():
    shares = pd.DataFrame({"yes": [0.75, 0.5], "no": [0.25, 0.5]}, index=["video", "text"])
    ax = plots.shares_bars(shares, ("#222222", "#EEEEEE"))
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    assert bars == [(0, 75), (0, 50), (75, 25), (50, 50)]
    assert {"75 %", "25 %", "50 %", "video", "text", "yes", "no"} <= set(texts(ax))


def test_bars_of_modalities():
    scores = {"video": [0.4, 0.6], "all three": [0.7, 0.9]}
    ax = plots.modality_bars(scores, chance=1 / 7)
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([50, 80])
    colors = [matplotlib.colors.to_hex(bar.get_facecolor()).upper() for bar in ax.patches]
    assert colors == [plots.MODALITY_COLORS["video"], plots.TOGETHER_COLOR]
    dots = np.concatenate([dots.get_offsets()[:, 1] for dots in ax.collections])
    assert sorted(dots) == pytest.approx([40, 60, 70, 90])
    assert {"50 %", "80 %", "chance\n14 %", "accuracy (%), dot = a speaker"} <= set(texts(ax))
    plain = plots.modality_bars({"text": 0.5}, dots="", metric="weighted F1")
    assert not plain.collections
    assert plain.get_ylabel() == "weighted F1 (%)"
    with pytest.raises(ValueError, match="no scores"):
        plots.modality_bars({})
