"""`python -m data_prep second-face-model`, and the file that ships: faces for judging only."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_prep.synthetic import second_face_model
from data_prep.synthetic.second_face_model import EXPRESSIONS, YAWS, Job, render, render_person
from fermodels.data import VIEWS, PreparedImages
from fermodels.faces import ACTIONS
from fermodels.faces.second_model import read_second_face_model
from tests.fixtures.second_faces import write_clone, write_npz

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "second_faces.parquet"
REAL = ROOT.parent / "shared" / "outside" / "ict_facekit.npz"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_npz(tmp_path_factory.mktemp("model") / "fake.npz")


@pytest.fixture(scope="module")
def two(model, tmp_path_factory, inline_module):
    out = tmp_path_factory.mktemp("two") / "two.parquet"
    render(model, out, people=2, size=32, seed=7)
    return out


@pytest.fixture(scope="module")
def shipped():
    return PreparedImages.read(SHIPPED)


def check_shape(prepared, people):
    table = prepared.table
    assert len(prepared) == people * 7 * 5
    assert list(table) == [
        *("subject", "expression", "view", "yaw", "pitch", "session", "instance"),
        *("intensity", "actions"),
    ]
    assert prepared.expressions == EXPRESSIONS and prepared.views == VIEWS
    assert dict(zip(table["view"], table["yaw"], strict=True)) == dict(
        zip(VIEWS, YAWS, strict=True)
    )
    assert sorted(set(table["subject"])) == [f"S{i + 1:02d}" for i in range(people)]
    assert (table["instance"] == table["subject"] + "-" + table["expression"]).all()
    assert (table.groupby("instance")["view"].nunique() == 5).all()
    assert (table.groupby("subject")["expression"].nunique() == 7).all()
    actions = np.stack(table["actions"])
    assert actions.shape == (len(table), 52) and actions.min() >= 0 and actions.max() <= 1
    shared = table.assign(a=[row.tobytes() for row in actions]).groupby("instance")["a"]
    assert shared.nunique().max() == 1 and len({row.tobytes() for row in actions}) == 7 * people
    metadata = prepared.metadata
    assert metadata["purpose"] == "judging" and metadata["licence"] == "MIT"
    assert "USC Institute for Creative Technologies" in metadata["citation"]
    assert metadata["name"] == "second-faces" and metadata["action_names"] == list(ACTIONS)


# ------------------------------------------------------------------------------------- the command


def test_rows_and_metadata(two):
    prepared = PreparedImages.read(two)
    check_shape(prepared, 2)
    assert prepared.image_size == (32, 32)
    assert prepared.metadata["command"].endswith("OUT.parquet --people 2 --size 32 --seed 7")
    assert sorted(path.name for path in two.parent.iterdir()) == ["two.parquet"]


def test_the_command_makes_the_same_file_of_npz_and_clone(run, model, two, tmp_path):
    options = ["--people", 2, "--size", 32, "--seed", 7, "--jobs", 1]
    out = tmp_path / "again.parquet"
    assert run("second-face-model", model, out, *options)[0] == 0
    assert out.read_bytes() == two.read_bytes()
    clone = write_clone(tmp_path / "ICT-FaceKit")
    assert run("second-face-model", clone, out, *options)[0] == 0
    mine, its = PreparedImages.read(two), PreparedImages.read(out)
    assert np.abs(mine.images().astype(int) - its.images()).mean() < 0.5
    again = run("second-face-model", model, out, *options[:4], "--seed", 8)
    assert again[0] == 0 and out.read_bytes() != two.read_bytes()


def test_an_interrupted_run_goes_on(model, two, tmp_path, inline):
    out = tmp_path / "two.parquet"
    inline.stop_before = 1
    with pytest.raises(KeyboardInterrupt):
        render(model, out, people=2, size=32, seed=7)
    assert inline.done == [0] and not out.exists()
    inline.stop_before = None
    render(model, out, people=2, size=32, seed=7)
    assert inline.done == [0, 1] and out.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--people", 0, "--people must be at least 1, got 0"),
        ("--jobs", 0, "--jobs must be at least 1, got 0"),
        ("--size", 15, "--size must be 16 to 512 pixels, got 15"),
        ("--size", 513, "--size must be 16 to 512 pixels, got 513"),
        ("--seed", -1, "--seed must be 0 or more, got -1"),
    ],
)
def test_options_out_of_range(run, model, tmp_path, option, value, message):
    code, _, error = run("second-face-model", model, tmp_path / "out.parquet", option, value)
    assert code == 2 and message in error and list(tmp_path.iterdir()) == []


def test_files_that_are_no_model(run, tmp_path):
    out = tmp_path / "out.parquet"
    for path in (tmp_path / "gone.npz", tmp_path, ROOT / "README.md"):
        code, _, error = run("second-face-model", path, out)
        assert code == 2 and str(path) in error and "Traceback" not in error
        assert not out.exists()
    code, _, error = run("second-face-model", tmp_path / "gone.npz", tmp_path / "out.csv")
    assert code == 2 and "must be a .parquet file" in error


def test_light_and_wall_are_the_same_for_all_takes(model, monkeypatch):
    calls = []

    class Recorder:
        def render(self, person, session, actions, yaws, pose):
            calls.append((person, session, len(actions), yaws, np.asarray(pose)))
            return np.full((len(actions), len(yaws), 16, 16, 3), 128, np.uint8)

    monkeypatch.setattr(second_face_model, "_renderer", lambda path, size: Recorder())
    job = Job(str(model), "", 3, 16, 0)
    for index in range(3):
        render_person(job, index)
    assert len(calls) == 3  # one session for a person's seven takes
    assert all(call[2] == 7 and call[3] == YAWS for call in calls)
    assert len({call[1].lights for call in calls}) == len({call[0].identity for call in calls}) == 3
    assert len({tuple(pose) for call in calls for pose in call[4]}) == 21


def test_where_the_model_lies_does_not_count(model):
    one, other = Job("a", "digest", 2, 32, 7), Job("b", "digest", 2, 32, 7)
    assert one.fingerprint() == other.fingerprint()
    assert one.fingerprint() != Job("a", "another", 2, 32, 7).fingerprint()
    assert one.fingerprint() != Job("a", "digest", 2, 32, 8).fingerprint()


# -------------------------------------------------------------------------------- what ships


def test_the_shipped_file(shipped):
    assert SHIPPED.stat().st_size <= 2_000_000
    check_shape(shipped, 24)
    assert shipped.image_size == (96, 96)
    assert shipped.metadata["command"] == (
        "python -m data_prep second-face-model ict_facekit.npz OUT.parquet "
        "--people 24 --size 96 --seed 0"
    )


def test_the_shipped_people_differ_and_their_walls_do_not_change(shipped):
    images, table = shipped.images().astype(float), shipped.table
    front = images[(table["view"] == "straight").to_numpy()]  # 24 × 7
    corners = [
        corner.mean(axis=(1, 2)).reshape(24, 7, 3)
        for corner in (front[:, :6, :3], front[:, :6, -3:])
    ]
    # Hair may reach into one of the two; else there is the encoder's noise, of 255.
    wall = corners[0]
    assert np.min([c.std(axis=1).max(axis=1) for c in corners], axis=0).max() < 10
    assert wall.mean(axis=1).std(axis=0).min() > 15
    face = front[:, 20:76, 24:72].reshape(24, 7, -1)
    change = np.abs(face[:, :, None] - face[:, None]).mean(axis=-1)  # (24, 7, 7)
    assert (change + 255 * np.eye(7)).min() > 1.0  # no two takes of a person are alike
    skin = front[:, 44:56, 30:36].mean(axis=(1, 2)).reshape(24, 7, 3).mean(axis=1).mean(axis=1)
    assert np.ptp(skin) > 60  # dark to light


def test_expressions_show_on_the_shipped_faces(shipped):
    """Open mouths are darker or show teeth: they vary more than closed ones."""
    table = shipped.table
    rows = (table["view"] == "straight").to_numpy()
    mouths = shipped.images()[rows][:, 60:80, 36:60].astype(float).mean(axis=-1)
    spread = mouths.std(axis=(1, 2))
    by_name = {n: spread[(table["expression"][rows] == n).to_numpy()].mean() for n in EXPRESSIONS}
    assert by_name["surprised"] > 1.3 * by_name["neutral"]
    assert by_name["happy"] > 1.1 * by_name["neutral"]


@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL.name} is not part of the repository")
def test_the_shipped_file_is_what_the_command_makes(shipped):
    model = read_second_face_model(REAL)
    assert shipped.metadata["settings"] == json.loads(
        json.dumps(Job(str(REAL), model.digest(), 24, 96, 0).settings())
    )
    again = render_person(Job(str(REAL), model.digest(), 24, 96, 0), 5)
    mine = np.flatnonzero(shipped.table["subject"] == "S06")
    np.testing.assert_array_equal(
        np.stack(again.table["actions"]), np.stack(shipped.table["actions"].iloc[mine])
    )
    assert np.abs(again.images().astype(int) - shipped.images(mine)).mean() < 2
