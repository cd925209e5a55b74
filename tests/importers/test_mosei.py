"""CMU-MOSEI: labels, words, folds, raw videos, and features that ConCluGen can train on."""

import json
import shutil
import zipfile

import numpy as np
import pytest

from data_prep.__main__ import main
from data_prep.importers.csd import CsdError, CsdFile
from data_prep.importers.mosei_labels import read_folds, read_labels, read_transcript
from fermodels.data import PreparedClips
from fermodels.features import FeatureError, FeatureSet
from tests.importers.fixtures import mosei
from tests.importers.fixtures.clips import footage, write
from tests.importers.fixtures.importing import SMALL, imported, reasons, repairs

h5py = pytest.importorskip("h5py")


# A list of ten of a list of ten of … in nine lines.
BOMB = "a: &a [x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMB += "train: [*i]\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """.csd files and folds; nobody changes them."""
    root = tmp_path_factory.mktemp("mosei")
    mosei.folds_file(root / "folds.py")
    return mosei.csd_folder(root / "csd")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    root = tmp_path_factory.mktemp("mosei_raw")
    mosei.folds_file(root / "folds.py")
    return mosei.raw_folder(root / "raw")


def words(run, folder):
    return imported(run, "mosei", folder, "--folds", folder.parent / "folds.py")


# --------------------------------------------------------------------------------------- labels


def test_columns_are_in_the_order_of_the_file(run, folder):
    clips, table, _ = words(run, folder)
    assert clips.emotions == ("happy", "sad", "angry", "surprised", "disgusted", "afraid")
    np.testing.assert_allclose(
        table.loc["-aB3_xYz9Q0[1]", "intensities"], [0, 2 / 3, 1 / 3, 0, 0, 0], rtol=1e-6
    )
    assert table.loc["0123456[0]", "intensities"].tolist() == [0, 0, 0, 0, 1, 1]
    assert table.loc["-aB3_xYz9Q0[1]", "sentiment"] == -2.0
    assert table.loc["0123456[0]", "sentiment"] == -3.0


def test_several_emotions_are_present_above_zero(run, folder):
    clips, table, report = words(run, folder)
    at = {clip: row for row, clip in enumerate(clips.table["clip"])}
    assert clips.targets[at["0123456[0]"]].tolist() == [0, 0, 0, 0, 1, 1]
    assert clips.targets[at["100234[0]"]].tolist() == [1, 0, 0, 1, 0, 0]
    assert clips.targets[at["-aB3_xYz9Q0[2]"]].sum() == 0
    assert table.loc["-aB3_xYz9Q0[1]", "original_label"] == "sad+anger"  # 2/3 and 1/3
    # One emotion a clip only where one is the strongest; a value above 3 stays as it is.
    assert table.loc["100234[0]", "emotion"] == "happy"
    assert table.loc["0123456[0]", "emotion"] is None
    assert table.loc["-aB3_xYz9Q0[2]", "emotion"] is None
    assert table.loc["0123456[0]", "original_label"] == "disgust+fear"
    assert table.loc["100234[0]", "intensities"][0] > 3.3
    assert "1 segments have values beyond 3" in report["warnings"][0]


def test_other_columns_are_refused(tmp_path):
    names = ["sentiment", "anger", "disgust", "fear", "happy", "sad", "surprise"]
    mosei.write_csd(tmp_path / "a.csd", "All Labels", mosei.labels(), {"dimension names": names})
    with CsdFile(tmp_path / "a.csd") as file, pytest.raises(CsdError, match="are sentiment, anger"):
        read_labels(file.sequences["All Labels"])


def test_rows_that_say_nothing_are_left_out(tmp_path):
    nan = np.full(7, np.nan)
    data = {
        "a": (
            np.stack([np.ones(7), nan, np.ones(7), np.ones(7)]),
            np.array([[0, 1], [1, 2], [3, 2], [-2, -1]]),
        ),
        "b": (np.ones((1, 6)), np.array([[0.0, 1.0]])),
    }
    mosei.write_csd(tmp_path / "a.csd", "All Labels", data)
    with CsdFile(tmp_path / "a.csd") as file:
        labels = read_labels(file.sequences["All Labels"])
    assert [segment.clip for segment in labels.segments] == ["a[0]"]
    why = dict(labels.skipped)
    assert why["a[1]"] == "labels that are no numbers" and "from 3 to 2 s" in why["a[2]"]
    assert "from -2 to -1 s" in why["a[3]"] and "labels are N×7 numbers" in why["b"]


def test_words_need_no_finder_of_faces(run, folder, tmp_path, monkeypatch):
    from fermodels.crops import yunet

    monkeypatch.setattr(yunet, "face_finder", None)
    out = tmp_path / "o.parquet"
    assert run("mosei", folder, out, "--jobs", "1")[0] == 0  # --crop face
    assert "face_finder" not in PreparedClips.read(out).metadata


def test_ids_of_digits_stay_text(run, folder):
    clips, table, _ = words(run, folder)
    assert {"0123456", "100234"} <= set(clips.table["subject"])
    assert table.loc["0123456[0]", "split"] == "val" and table.loc["100234[0]", "split"] == "train"


# ------------------------------------------------------------------------------ intervals, words


def test_words_in_order_of_time_without_pauses(run, folder):
    _, table, report = words(run, folder)
    # The rows of labels and of words are out of order; "so" lies on the border of two segments,
    # and both overlap the third.
    assert table["transcript"].to_dict() == {
        "-aB3_xYz9Q0[0]": "fine today",
        "-aB3_xYz9Q0[1]": "i was so",
        "-aB3_xYz9Q0[2]": "so fine",
        "0123456[0]": "yuck scary",
        "100234[0]": "café closed",
    }
    assert reasons(report)["kQ7Lm2Vn8Xc[0]"] == "no words in its interval, and no video"


def test_intervals_that_begin_below_zero(run, folder):
    _, table, report = words(run, folder)
    assert table.loc["-aB3_xYz9Q0[1]", ["start", "end"]].tolist() == [0.0, 1.0]
    assert repairs(report) == {"-aB3_xYz9Q0[1]": "began below zero, set to 0 s"}


# ---------------------------------------------------------------------------------------- folds


def test_standard_folds_and_videos_without_labels(run, folder):
    clips, _, report = words(run, folder)
    parts = clips.split("official")
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 4, "val": 1}
    assert any("7l3BNtSE0xc, dZFV0lyedX4" in text for text in report["warnings"])
    clips, table, report = imported(run, "mosei", folder)
    assert "split" not in table and any("no --folds" in text for text in report["warnings"])


def test_folds_of_other_sizes_than_the_standard_ones_are_named(run, folder, monkeypatch):
    *_, report = words(run, folder)
    said = "folds.py has 2, 1, 3 videos to train, validate and test, the standard folds 2,249, 300"
    assert any(said in text for text in report["warnings"])
    monkeypatch.setattr("data_prep.importers.mosei.STANDARD_FOLDS", (2, 1, 3))
    out, path = folder.parent / "same.parquet", folder.parent / "same.json"
    folds = ("--folds", folder.parent / "folds.py")
    assert run("mosei", folder, out, *SMALL, *folds, "--report", path)[0] == 0
    warned = json.loads(path.read_text())["warnings"]
    assert warned and not any("standard folds" in text for text in warned)


@pytest.mark.parametrize("suffix", [".py", ".json", ".yaml", ".csv"])
def test_folds_of_every_form_keep_ids_text(tmp_path, suffix):
    path = tmp_path / f"folds{suffix}"
    if suffix == ".py":
        mosei.folds_file(path)
    elif suffix == ".json":
        path.write_text(json.dumps(mosei.FOLDS))
    elif suffix == ".yaml":
        # Without quotation marks: YAML would take them for numbers, one of them in base 8.
        lines = [f"{name}: [{', '.join(videos)}]" for name, videos in mosei.FOLDS.items()]
        path.write_text("\n".join(lines).replace("-aB3_xYz9Q0", '"-aB3_xYz9Q0"'))
    else:
        rows = [f"{video},{name}" for name, videos in mosei.FOLDS.items() for video in videos]
        path.write_text("\n".join(["video,split", *rows]))
    folds = read_folds(path)
    assert folds["0123456"] == "val" and folds["100234"] == "train"
    assert folds["-aB3_xYz9Q0"] == "train" and folds["7l3BNtSE0xc"] == "test" and len(folds) == 6


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("f.py", "standard_train_fold=['a']\nstandard_test_fold=['a']", "is in the folds 'train'"),
        ("f.py", "standard_train_fold=open('x')", "cannot be read"),
        ("f.py", "x = (", "cannot be read"),
        ("f.json", "[1, 2]", "no lists of video ids"),
        ("f.json", "{", "cannot be read"),
        ("f.yaml", "a: [", "cannot be read"),
        ("f.csv", "id,fold\n1,train\n", "columns video and split"),
        ("f.csv", "video,split\n1,later\n", "line 2: split 'later'"),
        ("f.csv", "video,split\n" + "1" * 140_000 + ",train\n", "no table .*field larger"),
        ("f.json", '{"train": [["a"]]}', "train holds a list, not only ids"),
        ("f.yaml", BOMB, "train holds a list, not only ids"),
    ],
)
def test_folds_that_cannot_be_used_name_the_file(tmp_path, name, text, message):
    write(tmp_path / name, text.encode())
    with pytest.raises(ValueError, match=message) as caught:
        read_folds(tmp_path / name)
    assert name in str(caught.value)


def test_a_file_of_folds_is_read_not_run(tmp_path):
    trap = tmp_path / "ran"
    text = f"open({str(trap)!r}, 'w')\nstandard_train_fold=['a']\n"
    assert read_folds(write(tmp_path / "folds.py", text.encode())) == {"a": "train"}
    assert not trap.exists()


# ----------------------------------------------------------------------------- pickles, archives


def test_pickles_are_not_opened(run, tmp_path, folder):
    write(tmp_path / "p/mosei_senti_data.pkl", b"cos\nsystem\n(S'exit 1'\ntR.")
    code, _, error = run("mosei", tmp_path / "p", tmp_path / "o.parquet", *SMALL)
    assert code == 2 and "mosei_senti_data.pkl" in error
    assert "a program that runs when it is opened" in error and "CMU_MOSEI_Labels.csd" in error
    shutil.copytree(folder, tmp_path / "both")
    write(tmp_path / "both/aligned_50.pkl", b"x")
    clips, _, report = imported(run, "mosei", tmp_path / "both")
    assert len(clips) == 5 and "not opened" in reasons(report)["aligned_50.pkl"]


def test_the_same_from_a_zip(run, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "mosei.zip", "w") as archive:
        for path in sorted(folder.rglob("*.csd")):
            archive.write(path, path.relative_to(folder))
    clips, _, _ = imported(
        run, "mosei", tmp_path / "mosei.zip", "--folds", folder.parent / "folds.py"
    )
    assert clips.fingerprint() == words(run, folder)[0].fingerprint()


def test_a_broken_file_is_named(run, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "csd")
    path = tmp_path / "csd" / mosei.FILES["words"]
    path.write_bytes(path.read_bytes()[:3000])
    report = tmp_path / "r.json"
    command = ("mosei", tmp_path / "csd", tmp_path / "o.parquet", *SMALL, "--report", report)
    code, _, error = run(*command)
    assert code == 2 and "labels, but neither words nor videos" in error
    assert mosei.FILES["words"] in reasons(json.loads(report.read_text()))


def test_aligned_clips_of_one_file(run, tmp_path):
    root = tmp_path / "raw"
    root.mkdir()
    with h5py.File(root / "mosei.hdf5", "w") as file:
        for key, label in (("100234[0]", 1.0), ("100234[3]", -1.0)):
            file[f"All Labels/{key}/features"] = np.array([[label, 1, 0, 0, 0, 0, 0]])
            file[f"words/{key}/features"] = np.array([[b"sp"], [b"well"], [key[-2:-1].encode()]])
            file[f"glove_vectors/{key}/features"] = np.full((3, 300), label)
    clips, table, _ = imported(run, "mosei", root)
    assert table["transcript"].to_dict() == {"100234[0]": "well 0", "100234[3]": "well 3"}
    assert table["subject"].tolist() == ["100234"] * 2 and table["start"].isna().all()
    assert features(root, clips, tmp_path).clean("text")[1].tolist() == [-1.0] * 300


# ---------------------------------------------------------------------------------- raw segments


def test_pieces_go_with_the_labels_of_their_times(run, raw):
    clips, table, report = imported(run, "mosei", raw, "--folds", raw.parent / "folds.py")
    # Piece 0 in order of time is row 1 of the labels.
    row = int(np.flatnonzero(clips.table["clip"] == "-aB3_xYz9Q0[1]")[0])
    assert table.loc["-aB3_xYz9Q0[1]", "transcript"] == "Said in piece 0, ______ you know."
    sound, ours = clips.waveform(row), footage(3)[2][:16_000]
    assert np.corrcoef(sound[:16_000], ours)[0, 1] > 0.8
    assert reasons(report)["kQ7Lm2Vn8Xc[0]"] == "no words in its interval, and no video"


def test_a_stretch_is_cut_out_of_a_whole_video(run, raw):
    clips, table, report = imported(run, "mosei", raw, "--folds", raw.parent / "folds.py")
    at = {clip: row for row, clip in enumerate(clips.table["clip"])}
    frames, fps, _ = footage(3)
    images, _ = clips.frames(at["-aB3_xYz9Q0[2]"])  # 0.8 to 1.5 seconds
    assert len(images) == 6
    small = np.stack([frame[1::3, 1::3] for frame in frames]).astype(int)  # 96 to 32 pixels
    first = [np.abs(small[i] - images[0]).mean() for i in range(len(frames))]
    assert abs(int(np.argmin(first)) - 0.8 * fps) <= 1
    assert clips.waveform(at["-aB3_xYz9Q0[2]"]) is None and "cut" not in table
    # The label ends after the video does.
    assert "0.62 of 1.00 seconds are there" in repairs(report)["-aB3_xYz9Q0[0]"]


def test_the_words_alone_if_asked_for(run, raw):
    clips, table, _ = imported(run, "mosei", raw, "--media", "none")
    assert (
        not clips.present["video"].any() and table.loc["100234[0]", "transcript"] == "café closed"
    )


def test_videos_without_labels_are_counted(run, raw, tmp_path):
    shutil.copytree(raw, tmp_path / "raw")
    for name in ("Segmented/Combined/-aB3_xYz9Q0_9.mp4", "Full/Combined/unknown.mp4"):
        write(tmp_path / "raw/Raw/Videos" / name, b"x")
    _, _, report = imported(run, "mosei", tmp_path / "raw")
    assert any("2 videos belong to no label" in text for text in report["warnings"])


def test_lines_of_a_transcript():
    lines = read_transcript(
        b"v___0___0.0___1.5___ Hi ___there \n\nv___x\nv___1___a___2___no time\nv_____2___1___2___t"
    )
    assert [(line.piece, line.start, line.end, line.text) for line in lines] == [
        ("0", 0.0, 1.5, "Hi ___there")
    ]


# -------------------------------------------------------------------------------------- features


def features(root, clips, tmp_path, *options):
    out = tmp_path / "features.safetensors"
    path = tmp_path / "clips.parquet"
    clips.write(path)
    assert main(["mosei-features", str(root), str(path), str(out), *map(str, options)]) == 0
    return FeatureSet.read(out)


def test_features_are_means_over_the_interval(run, folder, tmp_path):
    clips, _, _ = words(run, folder)
    found = features(folder, clips, tmp_path)
    found.check(PreparedClips.read(tmp_path / "clips.parquet"))
    assert found.dims == {"video": 35, "audio": 74, "text": 300} and found.num_augmentations == 0
    assert found.backbones["video"] == "csd:FACET 4.2"
    at = {clip: row for row, clip in enumerate(found.clips)}

    values, times = mosei.features("FACET 4.2")["100234"]
    inside = (times.mean(1) >= 0) & (times.mean(1) < 1) & values.any(1)
    assert 10 <= inside.sum() < 25  # frames without a face do not count
    expected = values[inside].mean(0)
    np.testing.assert_allclose(found.clean("video")[at["100234[0]"]], expected, rtol=2e-3)

    # −inf: of the other rows where there are any, else 0.
    values, times = mosei.features("COVAREP")["100234"]
    inside = (times.mean(1) >= 0) & (times.mean(1) < 1)
    column = values[inside, 3]
    assert np.isinf(column).any()
    audio = found.clean("audio")[at["100234[0]"]]
    np.testing.assert_allclose(audio[3], column[np.isfinite(column)].mean(), rtol=2e-3)
    assert audio[5] == 0 and audio.isfinite().all()


def test_other_sequences_and_fewer_modalities(run, folder, tmp_path, capsys):
    clips, _, _ = words(run, folder)
    found = features(folder, clips, tmp_path, "--video", "OpenFace_2", "--audio", "none")
    assert found.dims == {"video": 713, "text": 300}
    path = tmp_path / "clips.parquet"
    command = ["mosei-features", str(folder), str(path), str(tmp_path / "o.safetensors")]
    assert main([*command, "--video", "FACET"]) == 2
    assert "a sequence 'FACET' (--video)" in capsys.readouterr().err
    assert main([*command[:3], str(tmp_path / "o.pt")]) == 2
    assert "must be a .safetensors file" in capsys.readouterr().err


def test_a_clip_without_a_face_lacks_the_modality(run, folder, tmp_path):
    clips, _, _ = words(run, folder)
    root = tmp_path / "csd"
    shutil.copytree(folder, root)
    data = mosei.features("FACET 4.2")
    del data["0123456"]
    data["100234"][0][:] = 0
    (root / mosei.FILES["FACET 4.2"]).unlink()
    mosei.write_csd(root / mosei.FILES["FACET 4.2"], "FACET 4.2", data)
    found = features(root, clips, tmp_path)
    there = dict(zip(found.clips, found.present["video"].tolist(), strict=True))
    assert not there["100234[0]"] and not there["0123456[0]"] and sum(there.values()) == 3
    assert found.present["audio"].all()


@pytest.mark.slow
def test_conclugen_trains_on_the_features(run, folder, tmp_path):
    from fermodels.training.recipes.clips import pretrain_clips, train_clip_classifier

    clips, _, _ = words(run, folder)
    found = features(folder, clips, tmp_path)
    settings = {"num_clusters": 2, "warmup_epochs": 0, "progress": False}
    encoder, history = pretrain_clips(found, epochs=2, **settings)
    assert np.isfinite(history["loss"]).all() and encoder.modalities == ("video", "audio", "text")
    classifier = train_clip_classifier(
        found, clips, range(5), encoder=encoder, steps=2, multi_label=True, progress=False
    )
    assert classifier.predict(found, [0, 1])[0].shape == (2, 6)


def test_features_of_other_clips_are_refused(run, folder, raw, tmp_path):
    found = features(folder, words(run, folder)[0], tmp_path)
    other, _, _ = imported(run, "mosei", raw, "--media", "none")
    with pytest.raises(FeatureError, match="stale"):
        found.check(other)
