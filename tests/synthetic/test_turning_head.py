"""`python -m data_prep turning-head`: where the head is when, what is seen, and what is told."""

import json

import av
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from data_prep.__main__ import main
from data_prep.synthetic.turning_head import Film, film, frames, make, truth
from data_prep.synthetic.turning_head.acting import HALTS, act, showings, turn
from fermodels.crops import face_finder, head_yaw
from fermodels.faces import ACTIONS, sample_person

SECONDS = 20.0
TIMES = np.arange(500) / 25
HALTED, YAW = turn(TIMES, SECONDS)
PERSON = sample_person(np.random.default_rng(0), "female", 30.0)


def acted(expressions=("happy",), mirrored=False, seed=0):
    rng = np.random.default_rng(seed)
    return act(rng, PERSON, expressions, TIMES, SECONDS, mirrored)


def weight(actions: np.ndarray, name: str) -> np.ndarray:
    return actions[:, ACTIONS.index(name)]


def within(start: float, stop: float) -> np.ndarray:
    """bool (T,), of the moments from start to before stop."""
    return (start <= TIMES) & (stop > TIMES)


# ------------------------------------------------------------------------------------- the turn


def test_the_head_halts_at_five_angles_and_is_back_at_the_end():
    assert len(HALTED) == len(HALTS) == 5 and set(HALTS) == {-90, -45, 0, 45, 90}
    for (start, stop), angle in zip(HALTED, HALTS, strict=True):
        here = YAW[within(start, stop)]
        np.testing.assert_allclose(here, angle, atol=1e-9)
    assert YAW[0] == 0 and abs(YAW[-1]) < 0.1  # it can be played again and again
    assert YAW.min() == -90 and YAW.max() == 90


def test_the_turn_is_eased_and_never_goes_back_on_its_way():
    speed = np.diff(YAW) * 25
    assert np.abs(speed).max() < 80  # degrees a second
    assert np.abs(np.diff(speed)).max() * 25 < 400
    for (_, start), (stop, _), way in zip(
        HALTED, [*HALTED[1:], (SECONDS, None)], np.diff([*HALTS, 0.0]), strict=True
    ):
        steps = np.diff(YAW[within(start, stop)])
        assert (steps * np.sign(way) >= 0).all()


def test_a_held_expression_is_there_in_every_frame_and_nothing_is_said():
    rng = np.random.default_rng(0)
    held = act(rng, PERSON, ("happy",), TIMES, SECONDS, hold=True)
    smile = weight(held.actions, "mouthSmileLeft")
    assert set(held.expressions) == {"happy"} and (held.level == 1).all() and smile.min() > 0.3
    assert np.ptp(smile) < 1e-6 and not held.speaking.any()
    assert np.ptp(weight(acted().actions, "mouthSmileLeft")) > 0.3, "without it, the smile goes"
    np.testing.assert_allclose(held.poses[:, 0].min(), acted().poses[:, 0].min(), atol=10)
    with pytest.raises(ValueError, match="--hold: one expression is held, not 2"):
        Film(expressions=("happy", "sad"), hold=True)


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 12])
def test_every_expression_is_shown_in_order_and_no_halt_is_idle(count):
    names = tuple(f"e{i}" for i in range(count))
    shown = showings(HALTED, names)
    assert [name for name, *_ in shown] == [f"e{i % count}" for i in range(max(5, count))]
    starts = [start for _, start, _ in shown]
    assert starts == sorted(starts)
    for start, stop in HALTED:
        own = [(b, e) for _, b, e in shown if start <= b < stop]
        assert own and own[0][0] == start and own[-1][1] == pytest.approx(stop)


# ----------------------------------------------------------------------------------- the acting


def test_expressions_are_shown_where_the_head_halts_and_words_come_between():
    own = acted(("happy", "surprised"))
    assert own.actions.shape == (500, 52) and own.actions.dtype == np.float32
    assert own.actions.min() >= 0 and own.actions.max() <= 1
    smile = weight(own.actions, "mouthSmileLeft")
    for place, (start, stop) in enumerate(HALTED):
        here = within(start, stop)
        name = ("happy", "surprised")[place % 2]
        assert set(own.expressions[here]) == {name} and own.level[here].max() > 0.95
        assert not own.speaking[here].any()
        assert (smile[here].max() > 0.5) == (name == "happy")
    between = own.speaking
    assert set(own.expressions[between]) == {"neutral"} and not own.level[between].any()
    assert weight(own.actions, "jawOpen")[between].max() > 0.25


def test_eyes_blink_every_few_seconds():
    neutral = acted(("neutral",))
    closed = weight(neutral.actions, "eyeBlinkLeft") > 0.6
    blinks = int((np.diff(closed.astype(int)) == 1).sum())
    assert 4 <= blinks <= 10 and closed.mean() < 0.1


def test_the_other_one_turns_the_other_way_and_the_seed_changes_how():
    one, other = acted(), acted(mirrored=True)
    still = np.abs(YAW) == 90
    assert np.abs(one.poses[still, 0] - YAW[still]).max() < 4
    assert np.abs(other.poses[still, 0] + YAW[still]).max() < 4
    np.testing.assert_array_equal(one.actions, acted().actions)
    assert np.abs(one.actions - acted(seed=1).actions).max() > 0.1


# ----------------------------------------------------------------------------------- the frames


class Cardboard:
    """Stands in for the renderer: a disc in the middle, as bright as the mouth is open."""

    def __init__(self, size: int, width: int) -> None:
        self.size, self.width = size, width

    def cutout(self, person, session, actions, yaw, pose) -> np.ndarray:
        y, x = np.mgrid[: self.size, : self.width]
        radius = 0.5 * self.size / session.camera(0).zoom
        inside = np.hypot(y - self.size / 2, x - self.width / 2) < radius
        drawn = np.zeros((self.size, self.width, 4), np.uint8)
        drawn[inside] = (255, 0, 0, 255)
        return drawn

    def close(self) -> None:
        pass


@pytest.fixture
def cardboard(monkeypatch):
    monkeypatch.setattr(film, "FaceRenderer", Cardboard)


def red(frame: np.ndarray) -> np.ndarray:
    return (frame[..., 0] > 180) & (frame[..., 1] < 60)


SMALL = dict(size=(128, 96), seconds=2.0, fps=5.0)


def test_one_is_in_the_middle_and_two_are_beside_each_other(cardboard):
    (one, *_), (two, *_) = (list(frames(Film(faces=n, **SMALL))) for n in (1, 2))
    assert one.shape == (96, 128, 3) and one.dtype == np.uint8
    assert np.nonzero(red(one))[1].mean() == pytest.approx(63.5, abs=1)
    told = truth(Film(faces=2, **SMALL))
    told = told[told["frame"] == 0]
    sizes = []
    for x, unit in zip(told["x"], told["eyes_to_mouth"], strict=True):
        own = red(two)[:, int(x) - 12 : int(x) + 12]
        assert own[48, 12] and own.any(axis=0).all()
        sizes.append((own[:, 12].sum(), unit))
    (far, far_unit), (near, near_unit) = sorted(sizes)
    assert near > 1.3 * far and near_unit > 1.3 * far_unit


def test_nobody_is_there_while_they_are_missing(cardboard):
    away = Film(missing=((0.4, 0.8), (1.6, 2.0)), **SMALL)
    there = [bool(red(frame).any()) for frame in frames(away)]
    assert there == [True, True, False, False, True, True, True, True, False, False]
    assert sorted(set(truth(away)["frame"])) == [i for i, seen in enumerate(there) if seen]


def test_who_is_near_hides_who_is_far():
    far, near = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 4), np.uint8)
    far[:, 0], near[0] = (100, 0, 0, 255), (0, 200, 0, 255)
    near[0, 1, 3] = 51  # a fifth
    both = film._before(near, far)
    assert both[0, 0].tolist() == [0, 200, 0, 255] and both[1, 0].tolist() == [100, 0, 0, 255]
    assert both[0, 1].tolist() == [0, 200, 0, 51] and not both[1, 1].any()
    near[0, 0, 3] = 51
    assert film._before(near, far)[0, 0].tolist() == [80, 40, 0, 255]


def test_the_truth_has_a_row_for_everyone_in_each_frame():
    told = truth(Film(faces=2, **SMALL))
    assert len(told) == 2 * 10 and told["frame"].is_monotonic_increasing
    assert set(told["person"]) == {2, 3}
    np.testing.assert_allclose(told["seconds"], told["frame"] / 5)
    assert told["yaw"].between(-95, 95).all() and np.stack(told["actions"]).shape == (20, 52)
    assert set(told["expression"]) <= {*film.EXPRESSIONS, "neutral"}
    shown = told["expression"] != "neutral"
    assert shown.any() and (told["intensity"][shown] > 0.5).all()


@pytest.mark.parametrize(
    "value, message",
    [
        ({"person": -1}, "--person must be 0 or more"),
        ({"seed": -1}, "--seed must be 0 or more"),
        ({"faces": 3}, "--faces must be 1 or 2, got 3"),
        ({"expressions": ()}, "there is none; known are afraid"),
        ({"expressions": ("happy", "bored")}, "'bored' is none; known are afraid"),
        ({"size": (641, 480)}, "two even numbers"),
        ({"size": (480, 640)}, "not higher than wide"),
        ({"size": (1280, 720)}, "at most 1024x512"),
        ({"fps": 0.5}, "--fps must be 1 to 120"),
        ({"seconds": 0.5}, "--seconds must be 1 to 600"),
        ({"missing": ((3.0, 3.0),)}, "--missing 3-3"),
        ({"missing": ((19.0, 21.0),)}, "--missing 19-21: must be two moments of the film"),
    ],
)
def test_films_that_cannot_be_made_are_refused(value, message):
    with pytest.raises(ValueError, match=message):
        Film(**value)


# ---------------------------------------------------------------------------------- the command


@pytest.mark.parametrize(
    "arguments",
    [
        ["film.avi"],
        ["film.mp4", "--size", "640"],
        ["film.mp4", "--missing", "3"],
        ["film.mp4", "--expressions", "bored"],
        ["film.mp4", "--truth", "film.csv"],
    ],
)
def test_the_command_refuses_and_leaves_nothing(arguments, tmp_path, monkeypatch, cardboard):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["turning-head", *arguments])
    except SystemExit as stopped:  # of argparse
        status = stopped.code
    assert status == 2 and not list(tmp_path.iterdir())


def test_the_command_writes_the_film_and_the_truth(tmp_path, cardboard):
    out, told = tmp_path / "film.y4m", tmp_path / "film.parquet"
    asked = ["--seconds", "2", "--size", "128x96", "--fps", "5", "--missing", "1-1.4"]
    assert main(["turning-head", str(out), *asked, "--truth", str(told)]) == 0
    with av.open(str(out)) as container:
        assert len(list(container.decode(video=0))) == 10
    about = json.loads(pq.read_schema(told).metadata[b"fermodels"])
    assert about["frames"] == 10 and about["size"] == [128, 96]
    assert about["action_names"] == list(ACTIONS)
    assert about["command"].endswith("--size 128x96 --fps 5 --missing 1-1.4")
    assert len(pd.read_parquet(told)) == 8


def test_a_rendered_head_is_where_the_truth_says_and_the_file_shows_it(tmp_path):
    small = Film(size=(214, 160), seconds=1.0, fps=4.0, missing=((0.6, 1.0),))
    drawn = list(frames(small))
    told = truth(small)
    assert len(drawn) == 4 and len(told) == 3 and told["yaw"].min() < -40
    assert not face_finder().faces(drawn[3], most=1)
    for frame, row in zip(drawn, told.itertuples(), strict=False):
        (face,) = face_finder().faces(frame, most=2)
        assert head_yaw(face) == pytest.approx(row.yaw, abs=20)
        assert abs((face.box.x0 + face.box.x1) / 2 - row.x) < row.eyes_to_mouth
        assert abs((face.box.y0 + face.box.y1) / 2 - row.y) < row.eyes_to_mouth
    with av.open(str(make(tmp_path / "film.mp4", small))) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert np.abs(np.stack(shown).astype(int) - drawn).mean() < 5
