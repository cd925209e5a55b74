"""A checkpoint puts in place whatever a notebook takes from those before it."""

import re

import pytest

from fermodels import course
from fermodels.models import ImageEncoder
from tests.notebooks import cells as notebooks
from tools import checkpoint

RUN = re.compile(r"""(?:run_dir|finished_run)\(["'](\d\d(?:/[\w-]+)?)["']""")


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("FERMODELS_RUNS", str(tmp_path))
    monkeypatch.setenv("FERMODELS_PRESET", "fast")
    return tmp_path / "fast"


@pytest.fixture
def computed(monkeypatch):
    """Calls of `course_features`, which here computes nothing."""
    calls = []
    monkeypatch.setattr("fermodels.course.clips.course_clips", lambda: ("clips", {"train": [0]}))
    monkeypatch.setattr(
        "fermodels.course.clips.course_features", lambda *given: calls.append(given)
    )
    return calls


def taken_from_others(path):
    """Names of the run folders of other notebooks that a notebook reads, in code or in text."""
    source = "\n".join(cell.source for cell in notebooks.read(path).cells)
    names = {name for name in RUN.findall(source) if name[:2] != path.name[:2]}
    if "course_features(" in source and path.name[:2] != "05":
        names.add("05/features")
    return names


@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda path: path.stem)
def test_all_that_a_notebook_takes_from_others_is_put_in_place(path):
    assert taken_from_others(path) <= set(checkpoint.needed(path.name[:2]))


def test_something_is_taken():
    assert set().union(*map(taken_from_others, notebooks.PATHS)) & set(checkpoint.HANDED_OVER)


@pytest.mark.parametrize(
    ("number", "names"),
    [("00", []), ("02", []), ("03", ["02/clmex"]), ("06", ["02/clmex", "05/features"])],
)
def test_each_notebook_gets_what_those_before_it_leave(number, names, computed):
    assert list(checkpoint.put_in_place(number)) == names
    assert len(computed) == names.count("05/features")


def test_the_encoder_of_notebook_02_loads_as_a_finished_run(runs):
    with pytest.raises(FileNotFoundError, match="run 02_"):
        course.finished_run("02/clmex")
    checkpoint.put_in_place("03")
    encoder = ImageEncoder.from_pretrained(course.finished_run("02/clmex") / "encoder")
    assert encoder.feature_dim == 256
    assert [path.name for path in (runs / "02/clmex").iterdir()] == ["encoder"]


def test_what_a_learner_has_trained_is_kept(runs):
    mine = runs / "02/clmex/encoder/model.safetensors"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert "kept" in checkpoint.put_in_place("03")["02/clmex"]
    assert mine.read_text() == "mine"


def test_an_interrupted_copy_is_made_again(runs):
    left = runs / "02/clmex/.encoder.part/model.safetensors"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    checkpoint.put_in_place("03")
    ImageEncoder.from_pretrained(course.finished_run("02/clmex") / "encoder")


def test_an_unknown_notebook_is_named():
    with pytest.raises(ValueError, match="no notebook 77"):
        checkpoint.put_in_place("77")
