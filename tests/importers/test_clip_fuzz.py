"""Damaged videos, sounds, tables and .csd files: a row, or one sentence that says why not."""

import random
from argparse import Namespace

import numpy as np
import pytest

from data_prep import csd
from data_prep.clip_rows import clip_row
from data_prep.csd import CsdError, CsdFile
from data_prep.importing import Item, Skip
from data_prep.meld_table import read_table
from data_prep.mosei_labels import read_labels
from tests.importers.fixtures import clip_sets, mosei
from tests.importers.fixtures.clips import footage, sound_bytes, video_bytes

OPTIONS = Namespace(fps=2.0, max_seconds=2.0, too_long="cut", crop="none", size=16)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Cut off, bits flipped, overwritten with zeros, absurd sizes in the header, a piece gone."""
    new = bytearray(data)
    kind, at = rng.randrange(5), rng.randrange(len(data))
    if kind == 0:
        del new[at:]
    elif kind == 1:
        for _ in range(rng.choice((1, 20, 200))):
            new[rng.randrange(len(new))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        new[at : at + 64] = bytes(64)
    elif kind == 3:
        at = rng.randrange(min(400, len(new)))
        new[at : at + 4] = b"\xff\xff\xff\xff"
    else:
        del new[at : at + rng.randrange(1, 4000)]
    return bytes(new)


@pytest.mark.parametrize(
    "make",
    [
        lambda: video_bytes(0, size=32),
        lambda: video_bytes(0, size=32, container="avi", codec="mpeg4", sound="mp3"),
        lambda: video_bytes(0, size=32, container="matroska", sound=None),
        lambda: sound_bytes(0),
    ],
    ids=["mp4", "avi", "mkv", "wav"],
)
def test_damaged_videos_and_sounds(make):
    whole, rng = make(), random.Random(1)
    rows = 0
    for number in range(60):
        stretch = (0.5, 1.2) if number % 4 == 0 else None
        try:
            row = clip_row(Item(None, {"clip": "a"}), damaged(whole, rng), OPTIONS, stretch)
        except Skip as error:
            assert 3 < len(str(error)) < 300
        else:
            rows += 1
            assert row["video"] or row["audio"]
            assert 0 < row["seconds"] <= 2.6  # the last of the slow frames may reach beyond
    assert rows > 5  # some damage leaves most of a file as it is


def test_damaged_sequences(tmp_path, monkeypatch):
    monkeypatch.setattr(csd, "_PATIENCE", 4.0)
    mosei.csd_folder(tmp_path, roots=("All Labels", "words"))
    rng = random.Random(2)
    path = tmp_path / "damaged.csd"
    refused = 0

    def read(use):
        try:
            with CsdFile(path, "damaged.csd") as file:
                for sequence in file.sequences.values():
                    use(sequence)
        except CsdError as error:
            assert "damaged.csd" in str(error)
            return 1
        return 0

    for root, use, count in (("All Labels", read_labels, 20), ("words", read_all, 160)):
        whole = (tmp_path / mosei.FILES[root]).read_bytes()
        for _ in range(count):
            path.write_bytes(damaged(whole, rng))
            refused += read(use)
    assert refused > 30


def read_all(sequence):
    for key in sequence.keys:
        sequence.read(key)


def test_damaged_tables():
    text = "\r\n".join([clip_sets.MELD_HEADER, *clip_sets.TRAIN_ROWS]).encode()
    rng = random.Random(3)
    for _ in range(200):
        try:
            rows, skipped = read_table(damaged(text, rng), "t.csv")
        except ValueError as error:
            assert str(error).startswith("t.csv")
        else:
            assert all(isinstance(row.dialogue, int) and row.emotion for row in rows)
            assert all(where.startswith("t.csv, line") for where, _ in skipped)


def test_a_video_of_absurd_length_does_not_fill_the_memory():
    # Two pictures, ten days apart.
    frames = np.stack([footage(0)[0][0]] * 2)
    options = {"container": "matroska", "sound": None}
    data = video_bytes(0, frames=frames, times=[0.0, 864_000.0], **options)
    row = clip_row(Item(None, {}), data, OPTIONS)
    assert row["seconds"] == 2.0 and "cut to its first 2 s" in row["_repaired"]
