"""MEAD as clips: films of one camera, the sounds beside them, transcripts that are given."""

import pytest

from data_prep.importers.mead_clips import read_transcripts
from tests.importers.fixtures import mead
from tests.importers.fixtures.clips import write
from tests.importers.fixtures.images import write_folder
from tests.importers.fixtures.importing import SMALL, imported, reasons

TABLE = (
    "emotion,level,take,transcript,subject\n"
    "angry,1,001,She had your dark suit,\n"
    "angry,1,2,Don't ask me,M003\n"
    "Contempt,3,001,The same words,W017\n"
)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return write_folder(mead.mead().items(), tmp_path_factory.mktemp("mead") / "MEAD")


def test_films_of_the_front_with_their_sound(run, raw):
    clips, table, report = imported(run, "mead-clips", raw)
    row = table.loc["M003-front-contempt-level_3-001"]
    assert row[["subject", "gender", "emotion"]].tolist() == ["M003", "male", "contemptuous"]
    assert row[["level", "take", "camera", "original_label"]].tolist() == [
        *(3, "001", "front", "contempt"),
    ]
    assert row["modality"] == "audio-video" and row["transcript"] is None
    # Of M003 all, the last with the film's own sound; of W017 a sound, of M011 nothing.
    assert table["modality"].value_counts().to_dict() == {"audio-video": 8, "audio": 1}
    assert table.loc[["W017-front-angry-level_1-001"], "camera"].isna().all()
    assert "M003-front-contempt-level_3-002" in table.index
    assert clips.emotions[1] == "contemptuous" and clips.metadata["name"] == "mead"
    why = reasons(report)
    assert why["M011/video/left_30/angry/level_1/001.mp4"] == "of another camera than --view front"
    told = "\n".join(report["warnings"])
    assert "1 clips have a sound but no image, such as W017-front-angry-level_1-001" in told
    assert "W017: no film of front" in told


def test_another_camera(run, raw):
    _, table, report = imported(run, "mead-clips", raw, "--view", "down")
    assert set(table["camera"]) == {"down"} and set(table["subject"]) == {"M003", "W017"}
    # Its films have no sound of their own, and two takes have none beside them.
    assert table["modality"].value_counts().to_dict() == {"audio-video": 8, "video": 2}
    assert table.loc["W017-down-neutral-level_1-001", "modality"] == "video"
    assert report["counts"]["modality"] == {"audio-video": 8, "video": 2}


def test_the_same_from_the_archives_of_each_person(run, raw, tmp_path):
    files = {n: d for n, d in mead.mead().items() if n[0] in "MW" and "/copies/" not in n}
    tars = mead.in_tars(files, tmp_path / "tars")
    clips, _, _ = imported(run, "mead-clips", tars, "--view", "down")
    folder, _, _ = imported(run, "mead-clips", raw, "--view", "down")
    assert clips.fingerprint() == folder.fingerprint()


def test_transcripts_of_a_table(run, raw, tmp_path):
    path = write(tmp_path / "said.csv", TABLE.encode())
    _, table, report = imported(run, "mead-clips", raw, "--transcripts", path)
    said = table["transcript"].dropna().to_dict()
    assert said == {
        "M003-front-angry-level_1-001": "She had your dark suit",
        "M003-front-angry-level_1-002": "Don't ask me",
        "W017-front-angry-level_1-001": "She had your dark suit",
    }
    assert any("6 of 9 clips have no transcript in said.csv" in text for text in report["warnings"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "has no column emotion, level, take, transcript; it has a, b"),
        (TABLE + "angry,4,001,x,\n", "line 5: level '4' and take '001'"),
        (TABLE + "angry,1,one,x,\n", "line 5: level '1' and take 'one'"),
        (TABLE + "bored,1,001,x,\n", "line 5: unknown expression 'bored'"),
        (TABLE + "angry,1,1,Another,\n", "line 5: another transcript of a take"),
        (TABLE.encode("utf-16"), "is no UTF-8"),
        ("", "it has no header"),
        (TABLE + "x" * 140_000, "line 4: no CSV"),
    ],
)
def test_a_table_that_cannot_be_used_is_named(tmp_path, text, message):
    path = write(tmp_path / "said.csv", text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=r"said\.csv") as error:
        read_transcripts(path)
    assert message in str(error.value)


def test_what_is_not_there(run, raw, tmp_path):
    files = mead.takes("M003", [("angry", 1)], ["001"], ["top"], sounds=False)
    other = write_folder(files, tmp_path / "raw")
    for folder, options, message in (
        (raw, ("--transcripts", tmp_path / "no.csv"), "no.csv cannot be read"),
        (other, (), "but no film of --view front"),
    ):
        code, _, error = run("mead-clips", folder, tmp_path / "o.parquet", *SMALL, *options)
        assert code == 2 and message in error
