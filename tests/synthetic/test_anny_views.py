"""`python -m data_prep anny-views`: the file it makes, and what interrupting it leaves behind."""

import json
import subprocess
import sys
from collections import namedtuple
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields, replace
from itertools import permutations

import numpy as np
import pytest

from data_prep.__main__ import main
from data_prep.synthetic import anny_views
from data_prep.synthetic.anny_views import PROTOCOLS, Job, render, render_subject
from fermodels.data import VIEWS, PreparedImages
from fermodels.faces import ACTIONS, Camera, Difficulty
from fermodels.faces import render as drawing
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

    def render(self, person, session, actions, yaws, pose):
        self.asked.append({"person": person, "session": session, "actions": actions, "pose": pose})
        return np.full((len(actions), len(yaws), self.size, self.size, 3), 128, np.uint8)

    def close(self):
        pass


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(Recorder, "asked", [])
    monkeypatch.setattr(anny_views, "FaceRenderer", Recorder)
    return Recorder.asked


PARTS = ("sample_person", "sample_session", "sample_take", "sample_blend")


@pytest.fixture
def drawn(monkeypatch):
    """The names of what was drawn from the seed, in order, and what came of it."""
    diary = []

    def noted(name):
        function = getattr(anny_views, name)

        def noting(*arguments):
            diary.append((name, function(*arguments)))
            return diary[-1][1]

        return noting

    for name in PARTS:
        monkeypatch.setattr(anny_views, name, noted(name))
    return diary


@pytest.mark.parametrize("name, sessions, blends", [("kdef", 2, 0), ("wide", 1, 3)])
def test_light_and_cameras_belong_to_the_session(asked, drawn, name, sessions, blends):
    for index in range(4):
        del drawn[:]
        render_subject(Job(name, 4, 16, 0), index)
        # All sessions come before all takes: no take can change what surrounds it.
        person, *surroundings = drawn[: 1 + sessions]
        assert [what for what, _ in drawn] == (
            ["sample_person"]
            + ["sample_session"] * sessions
            + (["sample_take"] * 7 + ["sample_blend"] * blends) * sessions
        )
        # One session, the same object, for all its takes.
        calls = asked[-sessions:]
        for call, (_, session) in zip(calls, surroundings, strict=True):
            assert call["session"] is session and call["person"] is person[1]
            assert len(call["actions"]) == len(call["pose"]) == 7 + blends
    assert len(asked) == 4 * sessions
    for part in ("lights", "ambient", "clothes", "cameras"):
        assert len({getattr(call["session"], part) for call in asked}) == len(asked), part
    assert len({repr(call["person"]) for call in asked}) == 4
    poses = {tuple(pose) for call in asked for pose in call["pose"]}
    assert len(poses) == len(asked) * (7 + blends)


def test_the_cameras_of_a_wide_session_differ_in_everything(asked):
    for index in range(6):
        render_subject(Job("wide", 6, 16, 0), index)
    names = [field.name for field in fields(Camera)]
    for call in asked:
        cameras = call["session"].cameras
        assert len(cameras) == 5
        for name in set(names) - {"saturation", "blur", "noise", "jpeg", "occluder"}:
            assert len({getattr(camera, name) for camera in cameras}) == 5, name
    seeds = [camera.seed for call in asked for camera in call["session"].cameras]
    assert len(set(seeds)) == 30


def test_ddcf_children_before_one_wall_in_two_lights(asked):
    table = render_subject(Job("ddcf", 3, 16, 0), 2).table  # the first boy, after two girls
    assert len(table) == 2 * 8 * 5 and "content" in set(table["expression"])
    assert set(table["subject"]) == {"B01"} and set(table["session"]) == {"L1", "L2"}
    assert sorted(set(table["yaw"])) == [-60, -30, 0, 30, 60]
    assert table["age"].between(6, 16).all()
    first, second = (call["session"] for call in asked)
    assert first.cameras == second.cameras and first.clothes == second.clothes
    assert first.lights != second.lights and first.ambient != second.ambient


@pytest.mark.parametrize("name", ["kdef", "wide"])
def test_a_subject_does_not_depend_on_who_is_rendered_with_it(name):
    job = Job(name, 4, 16, 3)
    alone = render_subject(job, 1).fingerprint()
    render_subject(job, 0)
    assert render_subject(job, 1).fingerprint() == alone


# ------------------------------------------------------- the wide world, and what tells instances

SIDE = 48
WIDE_NAMES = ("WF01", "WM01")


@dataclass
class Rendered:
    """Two subjects, and what the camera was given for each image: arrays as (session, take, view)
    with the sessions of both subjects after each other."""

    prepared: PreparedImages
    sessions: list
    covered: np.ndarray  # bool (..., H, W)
    backgrounds: np.ndarray  # (..., H, W, 3)
    cameras: list
    numbers: np.ndarray  # of the images' noise

    def images(self) -> np.ndarray:
        """float (session, take, view, H, W, 3)."""
        return self.prepared.images().astype(float).reshape(*self.covered.shape, 3)

    def beside_the_face(self, margin: int = 3) -> np.ndarray:
        """bool (session, view, H, W): what no head covers in any take, nor what blur carries."""
        from scipy.ndimage import binary_dilation

        around = np.ones((2 * margin + 1,) * 2, bool)
        masks = self.covered.any(axis=1)
        return np.stack([[~binary_dilation(mask, around) for mask in own] for own in masks])


def rendered(protocol: str) -> Rendered:
    seen, sessions = [], []
    develop, sample = drawing.develop, anny_views.sample_session

    def noting(image, background, camera, number):
        seen.append((image[..., 3] > 0, background, camera, number))
        return develop(image, background, camera, number)

    def sampling(*arguments):
        sessions.append(sample(*arguments))
        return sessions[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "develop", noting)
        patch.setattr(anny_views, "sample_session", sampling)
        parts = [render_subject(Job(protocol, 2, SIDE, 5), index) for index in (0, 1)]
    covered, backgrounds, cameras, numbers = zip(*seen, strict=True)
    shape = (len(sessions), -1, 5)
    return Rendered(
        PreparedImages.concat(parts),
        sessions,
        np.reshape(covered, (*shape, SIDE, SIDE)),
        np.reshape(backgrounds, (*shape, SIDE, SIDE, 3)),
        np.array([camera.seed for camera in cameras]).reshape(shape),
        np.reshape(numbers, shape),
    )


@pytest.fixture(scope="module")
def wide() -> Rendered:
    return rendered("wide")


@pytest.fixture(scope="module")
def kdef() -> Rendered:
    return rendered("kdef")


def test_wide_rows_and_columns(wide, two):
    prepared = wide.prepared
    table = prepared.table
    assert len(prepared) == 2 * (7 + 3) * 5 and prepared.image_size == (SIDE, SIDE)
    assert list(table) == list(PreparedImages.read(two).table)
    assert set(table["subject"]) == {"WF01", "WM01"} and set(table["session"]) == {"A"}
    assert (table.groupby("instance")["view"].nunique() == 5).all()
    assert table["instance"].nunique() == 20
    assert table["age"].between(14, 80).all()
    # The true angles of each camera, the same in all of its images.
    for subject, session in zip(("WF01", "WM01"), wide.sessions, strict=True):
        for view, (name, yaw) in enumerate(zip(VIEWS, (-90, -45, 0, 45, 90), strict=True)):
            rows = table[(table["subject"] == subject) & (table["view"] == name)]
            assert len(rows) == 10
            np.testing.assert_allclose(rows["yaw"], yaw + session.camera(view).yaw, atol=0.051)
            np.testing.assert_allclose(rows["pitch"], session.camera(view).pitch, atol=0.051)
    assert table["yaw"].nunique() == 10 and np.ptp(table["pitch"]) > 2


def test_blends_have_no_expression_and_names_of_their_own(wide, tmp_path):
    prepared = wide.prepared
    prepared.write(tmp_path / "wide.parquet")
    for kept in (prepared, PreparedImages.read(tmp_path / "wide.parquet")):
        table = kept.table
        blends = table["instance"].str.contains("blend")
        assert blends.sum() == 2 * 3 * 5
        assert table["expression"].isna().tolist() == blends.tolist()
        assert ((kept.labels == -1) == blends).all()
        assert set(kept.expressions) == set(table["expression"].dropna())
        for subject in WIDE_NAMES:
            names = {f"{subject}-A-blend{number}" for number in (1, 2, 3)}
            own = table[blends & (table["subject"] == subject)]
            assert set(own["instance"]) == names
    actions = np.stack(prepared.table["actions"])
    assert len({row.tobytes() for row in actions}) == 20


@pytest.mark.parametrize("name", ["kdef", "wide"])
def test_all_takes_of_a_camera_have_one_background(name, request):
    """Exactly so before noise and compression, which carries 16 pixels of the face with it."""
    found = request.getfixturevalue(name)
    assert (found.backgrounds == found.backgrounds[:, :1]).all()
    assert (found.cameras == found.cameras[:, :1]).all()
    assert len(set(found.numbers.ravel())) == found.numbers.size  # no noise is there twice
    images, free = found.images(), found.beside_the_face()
    seen = 0
    for session, view in np.ndindex(*free.shape[:2]):
        mask = free[session, view]
        if mask.sum() < 40:
            continue
        seen += 1
        pixels = images[session, :, view][:, mask]  # (takes, pixels, 3)
        camera = found.sessions[session].camera(view)
        noise, lost = 255 * camera.noise, 400 / camera.jpeg if camera.jpeg else 4
        assert (pixels - pixels.mean(axis=0)).std() < 1.2 * noise + 6, (session, view)
        apart = np.abs(pixels.mean(axis=1) - pixels.mean(axis=(0, 1))).max()
        assert apart < lost + 0.1 * noise, (session, view)
    assert seen >= 6


def test_the_background_is_that_of_the_camera_alone(wide, kdef):
    first, *others = np.moveaxis(wide.backgrounds[:, 0], 1, 0)  # views of (session, H, W, 3)
    for other in others:
        assert (np.abs(first - other).mean(axis=(1, 2, 3)) > 0.01).all()
    assert (kdef.backgrounds == kdef.backgrounds[:, :, :1]).all()  # one wall for five cameras
    walls = kdef.backgrounds[:, 0, 0].reshape(len(kdef.sessions), -1)
    assert len(np.unique(walls, axis=0)) == 4


def found_instances(found: Rendered, images: np.ndarray, subtract: bool) -> float:
    """How often the nearest image of another camera is of the same take, judged by what both see
    beside the face; with `subtract` by how that differs from take to take. Chance is 1 in 10."""
    free, hits = found.beside_the_face(), []
    for session in range(len(free)):
        for one, other in permutations(range(5), 2):
            mask = free[session, one] & free[session, other]
            if mask.sum() < 30:
                continue
            query, gallery = (
                images[session, :, view][:, mask].reshape(len(images[0]), -1)
                for view in (one, other)
            )
            if subtract:
                query, gallery = (x - x.mean(axis=0) for x in (query, gallery))
            away = np.linalg.norm(query[:, None] - gallery[None], axis=-1)
            hits += list(away.argmin(axis=1) == np.arange(len(query)))
    assert len(hits) >= 80
    return float(np.mean(hits))


def test_backgrounds_do_not_give_the_instance_away(wide):
    images = wide.images()
    for subtract in (False, True):
        assert found_instances(wide, images, subtract) < 0.2
    # It would be seen: a light of its own in every take, or noise that all cameras share.
    rng = np.random.default_rng(0)
    for shape in ((2, 10, 1, 1, 1, 1), (2, 10, 1, SIDE, SIDE, 3)):
        assert found_instances(wide, images + rng.normal(0, 8, shape), True) > 0.5


def test_nor_do_they_say_whose_it_is(wide):
    """Among both people's images from other cameras; chance is 1 in 20."""
    images, free = wide.images(), wide.beside_the_face()
    hits = []
    for one, other in permutations(range(5), 2):
        mask = free[:, one].all(axis=0) & free[:, other].all(axis=0)
        if mask.sum() < 30:
            continue
        query, gallery = (images[:, :, view][:, :, mask].reshape(20, -1) for view in (one, other))
        away = np.linalg.norm(query[:, None] - gallery[None], axis=-1)
        hits += list(away.argmin(axis=1) == np.arange(20))
    assert len(hits) >= 40 and np.mean(hits) < 0.15


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


def test_an_interrupted_wide_set_goes_on_with_the_same_faces(inline, tmp_path):
    """Two real subjects: the one that is there stays, and the whole is as if made at once."""
    out = tmp_path / "faces.parquet"
    inline.stop_before = 1
    with pytest.raises(KeyboardInterrupt):
        render(out, "wide", subjects=2, size=16)
    assert not out.exists() and inline.done == [0]
    inline.stop_before, inline.done = None, []
    prepared = render(out, "wide", subjects=2, size=16)
    assert inline.done == [1] and len(prepared) == 100
    assert [path.name for path in tmp_path.iterdir()] == ["faces.parquet"]
    render(tmp_path / "whole.parquet", "wide", subjects=2, size=16)
    assert (tmp_path / "whole.parquet").read_bytes() == out.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["kdef", "wide"])
def test_killed_it_leaves_no_worker_and_goes_on(tmp_path, inline, protocol):
    """SIGKILL of the command while its workers draw: they end too, and nothing is drawn twice."""
    out, parts = tmp_path / "faces.parquet", tmp_path / "faces.parquet.parts"
    options = ["--protocol", protocol, "--subjects", "3", "--size", "16", "--jobs", "1"]
    run_killed("anny-views", out, *options, when=lambda: list(parts.glob("0*.parquet")))
    assert not out.exists()
    left = {int(path.stem) for path in parts.glob("0*.parquet")}
    assert left and left < {0, 1, 2}
    assert json.loads((parts / "job.json").read_text())

    prepared = render(out, protocol, subjects=3, size=16, jobs=1)
    assert set(inline.done) == {0, 1, 2} - left
    assert prepared.table["subject"].nunique() == 3 and not parts.exists()


# ---------------------------------------------------------------------------------- the command


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--size", "15"], "--size must be 16 to 512"),
        (["--size", "513"], "--size must be 16 to 512"),
        (["--subjects", "0"], "--subjects must be at least 1, got 0"),
        (["--jobs", "0"], "--jobs must be at least 1, got 0"),
        (["--seed", "-1"], "--seed must be 0 or more"),
    ],
)
def test_bad_options_are_refused_before_anything_is_made(tmp_path, capsys, arguments, message):
    assert main(["anny-views", str(tmp_path / "a.parquet"), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("data_prep: ") and message in error
    assert not list(tmp_path.iterdir())


NEEDED = 2 * 50 * (16**2 * anny_views.BYTES_A_PIXEL + anny_views.BYTES_A_ROW)  # of two subjects


def room(monkeypatch, disk: float = 1e12, memory: float | None = 1e12) -> None:
    usage = namedtuple("usage", "total used free")
    free = usage(int(2e12), 0, int(disk))
    monkeypatch.setattr(anny_views.shutil, "disk_usage", lambda place: free)
    monkeypatch.setattr(anny_views, "_free_memory", lambda: None if memory is None else int(memory))


@pytest.mark.parametrize(
    "free, message",
    [
        ({"disk": 1.9e9}, r"1.0 GB, twice while they are made, and 1.9 GB of the disk are free"),
        ({"memory": 1.5e9}, r"1.0 GB, twice in memory while they are joined, and 1.5 GB are free"),
    ],
)
def test_a_set_without_room_is_refused_with_the_sizes(
    strokes, tmp_path, capsys, monkeypatch, free, message
):
    room(monkeypatch, **free)
    monkeypatch.setattr(anny_views, "BYTES_A_PIXEL", 0.4)
    monkeypatch.setattr(anny_views, "BYTES_A_ROW", 1000)  # with the pixels' 4,686 bytes an image
    out = tmp_path / "wide.parquet"
    arguments = ["anny-views", str(out), "--protocol", "wide", "--subjects", "4400"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"data_prep: {out}: 220,000 images of 96 pixels take about ")
    assert message in error and "take fewer --subjects or a smaller --size" in error
    assert not list(tmp_path.iterdir()) and strokes.done == []


def test_a_set_with_just_enough_room_is_made(strokes, tmp_path, monkeypatch):
    for number, free in enumerate(
        (
            {"disk": 2 * NEEDED + 1, "memory": 2 * NEEDED + 1},
            {"memory": None},  # the system does not say
        )
    ):
        room(monkeypatch, **free)
        render(tmp_path / f"{number}.parquet", "wide", subjects=2, size=16)
    room(monkeypatch, disk=2 * NEEDED - 2)
    with pytest.raises(OSError, match="100 images of 16 pixels"):
        render(tmp_path / "no.parquet", "wide", subjects=2, size=16)


def test_what_is_there_already_needs_no_more_room(strokes, tmp_path, monkeypatch):
    out = tmp_path / "faces.parquet"
    strokes.stop_before = 1
    with pytest.raises(KeyboardInterrupt):
        render(out, "wide", subjects=2, size=16)
    made = (tmp_path / "faces.parquet.parts" / "00000.parquet").stat().st_size
    room(monkeypatch, disk=2 * NEEDED - made - 2)
    with pytest.raises(OSError, match="of the disk are free"):
        render(out, "wide", subjects=2, size=16)
    assert (tmp_path / "faces.parquet.parts" / "00000.parquet").exists()
    strokes.stop_before = None
    room(monkeypatch, disk=2 * NEEDED - made + 1)
    render(out, "wide", subjects=2, size=16)
    assert out.exists()


def test_the_memory_that_is_free_is_known_on_linux():
    memory = anny_views._free_memory()
    if sys.platform == "linux":
        assert 2**24 < memory < 2**50
    else:
        assert memory is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_files_are_no_larger_than_room_is_kept_for(protocol):
    """At sizes at which sets are made; measured on one subject."""
    for size in (48, 96):
        one = render_subject(Job(protocol, 2, size, 0), 0)
        bytes_of = [len(blob) for blob in one._blobs()]
        assert np.mean(bytes_of) < size**2 * anny_views.BYTES_A_PIXEL + anny_views.BYTES_A_ROW


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
    with pytest.raises(ValueError, match="unknown protocol 'feret': take kdef or ddcf or wide"):
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
