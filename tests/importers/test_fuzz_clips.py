"""Damaged videos, sounds, .csd files, tables, folds: rows, or a sentence that names the file."""

import json
import re

import pytest

from data_prep.importers import csd
from data_prep.importers.csd import CsdError, CsdFile
from data_prep.importers.mead_takes import CAMERAS
from data_prep.importers.mosei_labels import read_folds, read_transcript
from fermodels.data import PreparedClips, PreparedImages
from tests.importers.fixtures import clip_sets, crema_d, mead, mosei
from tests.importers.fixtures.clips import sound_bytes, video_bytes, write
from tests.importers.fixtures.damage import (
    all_said,
    damaged,
    garbled,
    inputs,
    thrower,
    watched,
)
from tests.importers.fixtures.importing import reasons

pytest.importorskip("h5py")
OPTIONS = ("--size", "16", "--jobs", "1", "--crop", "none", "--fps", "2", "--max-seconds", "2")


@pytest.fixture
def thrown(run, tmp_path):
    return thrower(run, tmp_path, PreparedClips.read, OPTIONS)


def test_videos(thrown, tmp_path):
    wholes = [
        video_bytes(0, size=32),
        video_bytes(0, size=32, container="avi", codec="mpeg4", sound="mp3"),
        video_bytes(0, size=32, container="matroska", sound=None),
    ]
    names = []
    for number, rng in inputs("videos"):
        names.append(f"dev/mp4/id{number:05d}/video/00001.mp4")
        write(tmp_path / "raw" / names[-1], damaged(wholes[number % 3], rng))
    _, _, about = thrown("voxceleb2", tmp_path / "raw")
    all_said(about, names)
    assert 20 < about["kept"] < len(names) - 20
    seconds = PreparedClips.read(tmp_path / "out.parquet").table["seconds"]
    assert seconds.between(0, 2.6, inclusive="right").all()  # the last slow frame may reach beyond


def test_sounds(thrown, tmp_path):
    whole, names = sound_bytes(0), []
    for number, rng in inputs("sounds"):
        emotion, actor = number // 24 + 1, number % 24 + 1
        names.append(f"03-01-{emotion:02d}-01-01-01-{actor:02d}.wav")
        write(tmp_path / "raw" / names[-1], damaged(whole, rng))
    _, _, about = thrown("ravdess", tmp_path / "raw")
    all_said(about, names)
    assert 10 < about["kept"] < len(names) - 5


def test_tables_of_utterances(thrown, tmp_path):
    raw, codes = tmp_path / "raw", []
    write(raw / "train_splits/dia0_utt0.mp4", video_bytes(0, size=32))
    text = "\r\n".join([clip_sets.MELD_HEADER, *clip_sets.TRAIN_ROWS])
    bits = (*',"\n\r\0;', "\ufeff", "é", "\x92", "9" * 5000, "x" * 140_000, "Utterance", ",,,,,")
    for number, rng in inputs("tables of utterances"):
        data = garbled(text, rng, bits).encode()
        write(raw / "train_sent_emo.csv", damaged(data, rng) if number % 2 else data)
        code, error, about = thrown("meld", raw)
        codes.append(code)
        assert code == 0 or "train_sent_emo.csv" in error
        assert all(3 < len(entry["reason"]) < 600 for entry in about["skipped"])
        assert len(error) < 9000
    assert codes.count(2) > 20 and codes.count(0) > 20


def test_films_with_sounds_beside_them(thrown, tmp_path):
    whole, heard = crema_d.film(0, sound="aac"), sound_bytes(0)
    films, sounds = {}, {}
    for number, rng in inputs("films with sounds beside them"):
        name = f"{1001 + number}_IEO_ANG_HI"
        films[name], sounds[name] = f"VideoFlash/{name}.flv", f"AudioWAV/{name}.wav"
        # One of the two is whole, the other or both are damaged.
        film = whole if number % 3 == 0 else damaged(whole, rng)
        sound = heard if number % 3 == 1 else damaged(heard, rng)
        write(tmp_path / "raw" / films[name], film)
        write(tmp_path / "raw" / sounds[name], sound)
    _, _, about = thrown("crema-d", tmp_path / "raw")
    table, why = PreparedClips.read(tmp_path / "out.parquet").table, reasons(about)
    assert not [reason for reason in why.values() if reason.startswith("cannot be used (")]
    for name in set(films) - set(table["clip"]):
        film = why[films[name]]
        assert sounds[name] in why or "its sound cannot be used" in film
    assert about["kept"] > 40 and set(table["modality"]) >= {"audio-video", "audio"}
    assert table["seconds"].between(0, 2.6, inclusive="right").all()


def test_films_of_several_cameras(run, tmp_path):
    thrown = thrower(run, tmp_path, PreparedImages.read, OPTIONS[:6])
    names = []
    for number, rng in inputs("films of several cameras"):
        camera, take = CAMERAS[number % 7], number // 7 + 1
        names.append(f"M003/video/{camera}/angry/level_1/{take:03d}.mp4")
        write(tmp_path / "raw" / names[-1], damaged(mead.film("M003", "angry", camera), rng))
    _, _, about = thrown("mead-images", tmp_path / "raw")
    all_said(about, [f"{name} at 1 s" for name in names])
    assert 20 < about["kept"] < len(names) - 20


def test_tables_of_votes(thrown, tmp_path):
    raw, left_out = tmp_path / "raw", []
    for name in ("1001_IEO_ANG_HI", "1040_ITH_SAD_X"):
        write(raw / f"AudioWAV/{name}.wav", sound_bytes(0))
    bits = (*',"\n\r\0;:', "\ufeff", "é", "9" * 5000, "x" * 140_000, "FileName", "A:B", "::")
    for number, rng in inputs("tables of votes"):
        for text, place in (
            (crema_d.VOTES, "processedResults/summaryTable.csv"),
            (crema_d.DEMOGRAPHICS, "VideoDemographics.csv"),
        ):
            data = garbled(text, rng, bits).encode()
            write(raw / place, damaged(data, rng) if number % 2 else data)
        code, _, about = thrown("crema-d", raw)
        left_out.append(about["skipped"])
        assert code == 0 and about["kept"] == 2
    assert 8 < sum(map(bool, left_out)) < 40


def test_sequences(thrown, tmp_path, monkeypatch):
    # Each takes a second: labels hold strings, which another process tries to read first.
    monkeypatch.setattr(csd, "_PATIENCE", 4.0)
    raw, codes = mosei.csd_folder(tmp_path / "raw", roots=("All Labels", "words")), []
    path = raw / mosei.FILES["All Labels"]
    whole = path.read_bytes()
    for _, rng in inputs("sequences"):
        path.write_bytes(damaged(whole, rng))
        code, error, about = thrown("mosei", raw)
        codes.append(code)
        assert code == 0 or path.name in error
    assert codes.count(2) > 3 and codes.count(0) > 3


def test_sequences_of_words(tmp_path):
    raw = mosei.csd_folder(tmp_path / "raw", roots=("words",))
    path = tmp_path / "damaged.csd"
    whole, refused = (raw / mosei.FILES["words"]).read_bytes(), 0
    for _, rng in inputs("sequences of words"):
        path.write_bytes(damaged(whole, rng))
        try:
            with watched(tmp_path), CsdFile(path) as file:
                for sequence in file.sequences.values():
                    for key in sequence.keys:
                        sequence.read(key)
        except CsdError as error:
            refused += 1
            assert str(path) in str(error)
    assert 30 < refused < 140


def test_folds(tmp_path):
    path = mosei.folds_file(tmp_path / "folds.py")
    lists = mosei.FOLDS
    wholes = {
        ".py": path.read_text(),
        ".json": json.dumps(lists),
        ".yaml": "\n".join(f"{name}: {json.dumps(videos)}" for name, videos in lists.items()),
        ".csv": "video,split\n" + "\n".join(f"{v},{name}" for name in lists for v in lists[name]),
    }
    bits = (*"[]{}()'\",:=\n\t\0", "&a", "*a", "<<: *a", "é", "\ud7ff", "[" * 5000, "-" * 9000)
    bits += ("train", "9" * 5000, "x" * 140_000, "!!python/object:os.system", "# ", "lambda: 0")
    refused = 0
    for number, rng in inputs("folds"):
        suffix, text = list(wholes.items())[number % 4]
        data = garbled(text, rng, bits).encode()
        path = tmp_path / f"damaged{suffix}"
        path.write_bytes(damaged(data, rng) if number % 8 > 3 else data)
        try:
            with watched(tmp_path):
                folds = read_folds(path)
        except ValueError as error:
            refused += 1
            assert str(path) in str(error)
        else:
            assert set(folds.values()) <= {"train", "val", "test"}
            assert all(isinstance(video, str) for video in folds)
    assert refused > 40


def test_transcripts():
    whole = b"".join(b"v___%d___%d.5___%d.0___What is said\n" % (n, n, n + 1) for n in range(9))
    for _, rng in inputs("transcripts"):
        for line in read_transcript(damaged(whole, rng)):
            assert line.piece.isdecimal() and not re.search("\n", line.text)
