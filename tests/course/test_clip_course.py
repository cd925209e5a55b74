"""The helper that lets notebooks 05 and 06 work with the same clips and features."""

import numpy as np
import pandas as pd
import pytest

from fermodels import course
from fermodels.course.clips import course_clips, course_features
from fermodels.data import PreparedClips

EMOTIONS = ("happy", "sad")


def spoken(speakers, extra=""):
    """Clips of words only: features of them cost nothing."""
    rows = [
        {
            "video": None,
            "audio": None,
            "transcript": f"take {take} was {emotion} {extra}",
            "clip": f"s{speaker:02d}-{emotion}-{take}",
            "subject": f"s{speaker:02d}",
            "emotion": emotion,
            "gender": "fm"[speaker % 2],
        }
        for speaker in range(speakers)
        for emotion in EMOTIONS
        for take in ("one", "two")
    ]
    return PreparedClips(pd.DataFrame(rows), {"emotions": EMOTIONS})


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("FERMODELS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FERMODELS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("FERMODELS_PRESET", "fast")
    spoken(30).write(tmp_path / "data/anny_clips.parquet")


def test_the_fast_profile_has_fewer_speakers_in_the_same_roles(folders, monkeypatch):
    few, split = course_clips()
    monkeypatch.setenv("FERMODELS_PRESET", "laptop")
    monkeypatch.setattr(course, "hardware_preset", lambda: course.HardwarePreset("laptop", "cpu"))
    everybody, whole = course_clips()
    assert len(everybody) == 120 > len(few) > 0
    few.check_split(split)
    assert sorted(np.concatenate(list(split.values()))) == list(range(len(few)))
    for part, rows in split.items():
        kept = set(few.table["subject"].iloc[rows])
        assert kept < set(everybody.table["subject"].iloc[whole[part]])
        # All clips of a speaker, or none.
        assert len(rows) == 4 * len(kept)


@pytest.mark.filterwarnings("ignore:.*no clip has video, audio.*")
def test_features_are_computed_once(folders, capsys):
    clips, split = course_clips()
    first = course_features(clips, split["train"])
    assert "computed and stored" in capsys.readouterr().out
    first.check(clips)
    assert first.num_augmentations == 2
    again = course_features(clips, split["train"])
    assert "read" in capsys.readouterr().out
    assert (again.features["text"] == first.features["text"]).all()
    other = spoken(8, "today")
    assert course_features(other, np.arange(8)).clips == other.table["clip"].tolist()
    assert "computed and stored" in capsys.readouterr().out
