"""`python -m data_prep anny-views`: the file it makes, and what interrupting it leaves behind."""

import json
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import numpy as np
import pytest

from data_prep.__main__ import main
from data_prep.synthetic import anny_views
from data_prep.synthetic.anny_views import PROTOCOLS, Job, render, render_subject
from fermodels.data import VIEWS, PreparedImages
from fermodels.faces import ACTIONS, Difficulty
from tests.fixtures.images import make_tiny
from tests.fixtures.processes import ROOT, quiet_environment, run_killed


@pytest.fixture
def strokes(inline, monkeypatch):
    """The same, with faces of a few strokes: no head model."""

    def draw(job: Job, index: int) -> PreparedImages:
        one = make_tiny(subjects=1, size=job.size, seed=1000 * job.seed + index)
        table = one.table.assign(image=one._blobs(), subject=f"S{index}")
        table["instance"] = f"S{index}-" + table["instance"]
        return PreparedImages(table, one.metadata, source="strokes")

    monkeypatch.setattr(anny_views, "render_subject", draw)
    monkeypatch.setattr(anny_views, "head_model", lambda: None)
    return inline


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two subjects of 32 px, rendered by the command in two processes."""
    out = tmp_path_factory.mktemp("two") / "two.parquet"
    command = [sys.executable, "-m", "data_prep", "anny-views", str(out), "--protocol", "kdef"]
    command += ["--subjects", "2", "--size", "32", "--seed", "7", "--jobs", "2"]
    done = subprocess.run(
        command, cwd=ROOT, env=quiet_environment(), capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and done.stderr == ""  # no progress bar, no warnings
    return out


# ------------------------------------------------------------------------------------- the file


def test_rows_and_columns(two):
    prepared = PreparedImages.read(two)
    table = prepared.table
    assert len(prepared) == 2 * 2 * 7 * 5 and prepared.image_size == (32, 32)
    assert list(table) == [
        *("subject", "expression", "view", "yaw", "pitch", "session", "instance"),
        *("gender", "age", "intensity", "actions"),
    ]
    assert prepared.expressions == PROTOCOLS["kdef"].expressions and len(prepared.expressions) == 7
    assert prepared.views == VIEWS
    assert dict(zip(table["view"], table["yaw"], strict=True)) == dict(
        zip(VIEWS, (-90.0, -45.0, 0.0, 45.0, 90.0), strict=True)
    )
    assert set(table["subject"]) == {"F01", "M01"} and set(table["session"]) == {"A", "B"}
    assert dict(zip(table["subject"], table["gender"], strict=True)) == {
        "F01": "female",
        "M01": "male",
    }
    assert (table.groupby("instance")["view"].nunique() == 5).all()
    assert (table.groupby(["subject", "session"])["expression"].nunique() == 7).all()
    assert (
        table["instance"] == table["subject"] + "-" + table["session"] + "-" + table["expression"]
    ).all()
    low, high = Difficulty().intensity
    assert table["intensity"].between(low, high).all() and table["age"].between(18, 60).all()
    actions = np.stack(table["actions"])
    assert actions.shape == (140, 52) and actions.min() >= 0 and actions.max() <= 1
    for names in ("instance", ["subject", "gender", "age"]):
        once = table.drop_duplicates(names)
        assert len(once) == {"instance": 28}.get(str(names), 2)
    # No two takes are equal, and the five views of a take share its actions.
    assert table.assign(a=list(map(bytes, actions))).groupby("instance")["a"].nunique().max() == 1
    assert len({row.tobytes() for row in actions}) == 28


def test_metadata_say_how_to_make_it_again(two):
    metadata = PreparedImages.read(two).metadata
    assert metadata["licence"] == "CC0-1.0" and metadata["name"] == "anny-views-kdef"
    assert metadata["action_names"] == list(ACTIONS)
    assert metadata["command"].endswith("--protocol kdef --subjects 2 --size 32 --seed 7")
    assert metadata["settings"]["difficulty"]["intensity"] == list(Difficulty().intensity)


def test_the_folder_is_left_clean(two):
    assert sorted(path.name for path in two.parent.iterdir()) == ["two.parquet"]


def test_the_seed_gives_the_bytes_whatever_the_processes(two, inline, tmp_path):
    render(tmp_path / "again.parquet", "kdef", subjects=2, size=32, seed=7, jobs=1)
    assert (tmp_path / "again.parquet").read_bytes() == two.read_bytes()
    assert sorted(inline.done) == [0, 1]


def test_another_seed_is_other_people(two):
    first = PreparedImages.read(two)
    other = render_subject(Job("kdef", 2, 32, 8), 0)
    mine = np.flatnonzero(first.table["subject"] == "F01")
    change = np.abs(first.images(mine).astype(int) - other.images()).mean(axis=(1, 2, 3))
    assert change.min() > 3


class Recorder:
    """Stands in for the renderer: keeps what it was asked for, draws nothing."""

    asked: list[dict] = []

    def __init__(self, size):
        self.size = size

    def render(self, person, studio, actions, yaws, pose):
        self.asked.append({"person": person, "studio": studio, "actions": actions, "pose": pose})
        return np.full((len(actions), len(yaws), self.size, self.size, 3), 128, np.uint8)

    def close(self):
        pass


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(Recorder, "asked", [])
    monkeypatch.setattr(anny_views, "FaceRenderer", Recorder)
    return Recorder.asked


def test_light_and_background_belong_to_the_session(asked):
    for index in range(4):
        render_subject(Job("kdef", 4, 16, 0), index)
    # One studio for all takes of a session, and none twice.
    assert len(asked) == 4 * 2 and all(len(call["actions"]) == 7 for call in asked)
    studios = [call["studio"] for call in asked]
    for name in ("background_bottom", "key_position", "head_light", "shirt", "tint"):
        assert len({getattr(studio, name) for studio in studios}) == 8, name
    assert len({repr(call["person"]) for call in asked}) == 4
    assert len({tuple(pose) for call in asked for pose in call["pose"]}) == 4 * 2 * 7


def test_ddcf_children_before_one_wall_in_two_lights(asked):
    table = render_subject(Job("ddcf", 3, 16, 0), 2).table  # the first boy, after two girls
    assert len(table) == 2 * 8 * 5 and "content" in set(table["expression"])
    assert set(table["subject"]) == {"B01"} and set(table["session"]) == {"L1", "L2"}
    assert sorted(set(table["yaw"])) == [-60, -30, 0, 30, 60]
    assert table["age"].between(6, 16).all()
    first, second = (call["studio"] for call in asked)
    assert first.background_bottom == second.background_bottom and first.shirt == second.shirt
    assert first.key_position != second.key_position and first.head_light != second.head_light


def test_the_wall_is_the_same_in_all_images_of_a_session(two):
    prepared = PreparedImages.read(two)
    straight = prepared.table.query("view == 'straight'")
    images = prepared.images(straight.index.to_numpy()).astype(float)
    wall = np.concatenate([images[:, 0:3, 0:3], images[:, 0:3, -3:]], axis=2).mean(axis=(1, 2))
    for _, rows in straight.reset_index().groupby(["subject", "session"]):
        assert wall[rows.index].std(axis=0).max() < 4  # the encoder's noise, of 255


def test_a_subject_does_not_depend_on_who_is_rendered_with_it():
    job = Job("kdef", 4, 16, 3)
    alone = render_subject(job, 1).fingerprint()
    render_subject(job, 0)
    assert render_subject(job, 1).fingerprint() == alone


# -------------------------------------------------------------------------------- interruptions


def test_interrupted_it_leaves_no_file_and_goes_on_where_it_stopped(strokes, tmp_path):
    out = tmp_path / "faces.parquet"
    strokes.stop_before = 2
    with pytest.raises(KeyboardInterrupt):
        render(out, subjects=4, size=16)
    assert not out.exists()
    parts = sorted(path.name for path in (tmp_path / "faces.parquet.parts").glob("0*"))
    assert "00002.parquet" not in parts and "00000.parquet" in parts
    before = list(strokes.done)

    strokes.stop_before, strokes.done = None, []
    prepared = render(out, subjects=4, size=16)
    assert strokes.done == [index for index in range(4) if index not in before]
    assert list(dict.fromkeys(prepared.table["subject"])) == ["S0", "S1", "S2", "S3"]
    assert [path.name for path in tmp_path.iterdir()] == ["faces.parquet"]

    render(tmp_path / "whole.parquet", subjects=4, size=16)
    assert (tmp_path / "whole.parquet").read_bytes() == out.read_bytes()


def test_an_interrupted_run_keeps_the_old_file(strokes, tmp_path):
    out = tmp_path / "faces.parquet"
    render(out, subjects=1, size=16)
    old = out.read_bytes()
    strokes.stop_before = 1
    with pytest.raises(KeyboardInterrupt):
        render(out, subjects=2, size=16)
    assert out.read_bytes() == old


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"size": 17},
        {"subjects": 4},
        {"protocol": "ddcf"},
        {"difficulty": Difficulty(asymmetry=0.5)},
    ],
)
def test_other_settings_start_again(strokes, tmp_path, change):
    settings = {"protocol": "kdef", "subjects": 3, "size": 16, "seed": 0}
    strokes.stop_before = 1
    with pytest.raises(KeyboardInterrupt):
        render(tmp_path / "faces.parquet", **settings)
    strokes.stop_before, strokes.done = None, []
    settings |= change
    render(tmp_path / "faces.parquet", **settings)
    assert strokes.done == list(range(settings["subjects"]))


def test_other_parts_of_unknown_origin_are_not_used(strokes, tmp_path):
    parts = tmp_path / "faces.parquet.parts"
    parts.mkdir()
    (parts / "00000.parquet").write_bytes(b"not ours")
    render(tmp_path / "faces.parquet", subjects=1, size=16)
    assert strokes.done == [0] and not parts.exists()


def test_settings_name_all_that_a_file_depends_on():
    job = Job("kdef", 2, 32, 0)
    prints = {job.fingerprint()}
    for change in (
        {"protocol": "ddcf"},
        {"subjects": 3},
        {"size": 33},
        {"seed": 1},
        {"quality": 9},
    ):
        prints.add(replace(job, **change).fingerprint())
    assert len(prints) == 6 and Job("kdef", 2, 32, 0).fingerprint() == job.fingerprint()


@pytest.mark.slow
def test_killed_it_leaves_no_worker_and_goes_on(tmp_path, inline):
    """SIGKILL of the command while its workers draw: they end too, and nothing is drawn twice."""
    out, parts = tmp_path / "faces.parquet", tmp_path / "faces.parquet.parts"
    options = ["--subjects", "3", "--size", "16", "--jobs", "1"]
    run_killed("anny-views", out, *options, when=lambda: list(parts.glob("0*.parquet")))
    assert not out.exists()
    left = {int(path.stem) for path in parts.glob("0*.parquet")}
    assert left and left < {0, 1, 2}
    assert json.loads((parts / "job.json").read_text())

    prepared = render(out, subjects=3, size=16, jobs=1)
    assert set(inline.done) == {0, 1, 2} - left
    assert prepared.table["subject"].nunique() == 3 and not parts.exists()


# ---------------------------------------------------------------------------------- the command


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--size", "15"], "--size must be 16 to 512"),
        (["--size", "513"], "--size must be 16 to 512"),
        (["--subjects", "0"], "--subjects and --jobs must be at least 1"),
        (["--jobs", "0"], "--subjects and --jobs must be at least 1"),
        (["--seed", "-1"], "--seed must be 0 or more"),
    ],
)
def test_bad_options_are_refused_before_anything_is_made(tmp_path, capsys, arguments, message):
    assert main(["anny-views", str(tmp_path / "a.parquet"), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("data_prep: ") and message in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.csv", "nowhere/a.parquet", "folder.parquet"])
def test_a_bad_place_is_refused(tmp_path, capsys, name):
    (tmp_path / "folder.parquet").mkdir()
    assert main(["anny-views", str(tmp_path / name)]) == 2
    assert "must be a .parquet file in a folder that exists" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["folder.parquet"]


def test_unknown_words_end_with_the_usage(capsys):
    for arguments in ([], ["kedf"], ["anny-views", "a.parquet", "--protocol", "feret"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
        assert "usage: python -m data_prep" in capsys.readouterr().err
    with pytest.raises(ValueError, match="unknown protocol 'feret': take kdef or ddcf"):
        render("a.parquet", "feret")


@pytest.mark.parametrize(
    "error, code, message",
    [
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from here"),
        (BrokenProcessPool(), 1, "a working process died"),
        (OSError("no space left on device"), 2, "no space left on device"),
    ],
)
def test_exit_codes(strokes, tmp_path, capsys, error, code, message):
    strokes.stop_before, strokes.error = 0, error
    arguments = ["anny-views", str(tmp_path / "a.parquet"), "--subjects", "2", "--size", "16"]
    assert main(arguments) == code
    assert message in capsys.readouterr().err
    strokes.stop_before = None
    assert main(arguments) == 0
    assert capsys.readouterr().err == ""
    assert len(PreparedImages.read(tmp_path / "a.parquet")) == 140


def test_the_progress_bar_counts_images(strokes, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("FERMODELS_PROGRESS")
    monkeypatch.delenv("CI", raising=False)
    assert main(["anny-views", str(tmp_path / "a.parquet"), "--subjects", "2", "--size", "16"]) == 0
    assert "140/140" in capsys.readouterr().err
