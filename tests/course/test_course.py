"""Profiles, folders and checks that the notebooks share."""

import pytest
import torch

from fermodels import course
from fermodels.course import exercises, machine


@pytest.fixture
def no_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def register(monkeypatch):
    """`exercise`, forgotten after the test."""
    monkeypatch.setattr(exercises, "_CHECKS", {})
    return exercises.exercise


# --------------------------------------------------------------------------------------- preset


@pytest.mark.parametrize(("cuda", "name"), [(False, "laptop"), (True, "gpu")])
def test_preset_follows_the_hardware(monkeypatch, cuda, name):
    monkeypatch.delenv("FERMODELS_PRESET", raising=False)
    monkeypatch.delenv("FERMODELS_PROFILE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert course.hardware_preset() == course.HardwarePreset(name, "cuda" if cuda else "cpu")


def test_preset_from_the_environment(monkeypatch, no_cuda):
    monkeypatch.setenv("FERMODELS_PRESET", "fast")
    preset = course.hardware_preset()
    assert preset.fast and preset.device == "cpu"
    assert (preset.pick(1, 2), preset.pick(1, 2, 3)) == (1, 1)
    monkeypatch.setenv("FERMODELS_PRESET", "laptop")
    assert not course.hardware_preset().fast and course.hardware_preset().pick(1, 2, 3) == 2
    monkeypatch.delenv("FERMODELS_PRESET")
    monkeypatch.setenv("FERMODELS_PROFILE", "fast")  # its name in the first release
    assert course.hardware_preset().fast


def test_pick_without_a_value_for_gpus_takes_that_of_laptops():
    gpu = course.HardwarePreset("gpu", "cuda")
    assert (gpu.pick(1, 2), gpu.pick(1, 2, 3), gpu.pick(1, 2, 0)) == (2, 3, 0)


@pytest.mark.parametrize(("name", "message"), [("slow", "fast, laptop, gpu"), ("gpu", "CUDA")])
def test_preset_errors(monkeypatch, no_cuda, name, message):
    monkeypatch.setenv("FERMODELS_PRESET", name)
    with pytest.raises(ValueError, match=message):
        course.hardware_preset()


# -------------------------------------------------------------------------------------- folders


def test_root_is_the_repository(monkeypatch):
    monkeypatch.delenv("FERMODELS_ROOT", raising=False)
    assert (course.root() / "fermodels" / "course").is_dir()


def test_root_without_the_course(monkeypatch, tmp_path):
    monkeypatch.setenv("FERMODELS_ROOT", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="clone the repository"):
        course.root()


@pytest.mark.parametrize(
    ("find", "variable", "file", "command"),
    [
        (course.data, "FERMODELS_DATA", "some.parquet", "make data"),
        (course.weights, "FERMODELS_WEIGHTS", "some", "make weights"),
    ],
)
def test_shipped_files(monkeypatch, tmp_path, find, variable, file, command):
    monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=command):
        find("some")
    (tmp_path / file).touch()
    assert find("some") == tmp_path / file


def test_profiles_have_run_folders_of_their_own(monkeypatch, tmp_path, no_cuda):
    monkeypatch.setenv("FERMODELS_RUNS", str(tmp_path))
    monkeypatch.setenv("FERMODELS_PRESET", "fast")
    assert course.run_dir("02/clmex") == tmp_path / "fast" / "02" / "clmex"
    monkeypatch.setenv("FERMODELS_PRESET", "laptop")
    assert course.run_dir("02/clmex") == tmp_path / "laptop" / "02" / "clmex"


def test_finished_run(monkeypatch, tmp_path, no_cuda):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "02_pretraining.ipynb").touch()
    monkeypatch.setenv("FERMODELS_ROOT", str(tmp_path))
    monkeypatch.setenv("FERMODELS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("FERMODELS_PRESET", "fast")
    with pytest.raises(FileNotFoundError, match="run 02_pretraining.ipynb first"):
        course.finished_run("02/clmex")
    with pytest.raises(FileNotFoundError, match="run notebook 05 first"):
        course.finished_run("05/clmex")
    (course.run_dir("02/clmex") / "encoder").mkdir(parents=True)
    assert course.finished_run("02/clmex") == course.run_dir("02/clmex")


# ---------------------------------------------------------------------------------- environment


def test_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FERMODELS_WEIGHTS", str(tmp_path))
    monkeypatch.setitem(machine.NEEDED, "torch", "999")
    monkeypatch.setitem(machine.NEEDED, "no-such-package", "1.0")
    table = course.environment()
    assert list(table.columns) == ["found", "needed", "ok"]
    assert table.loc["Python", "ok"] == table.loc["numpy", "ok"] == "✓"
    assert table.loc["torch", "found"] == torch.__version__.split("+")[0]
    assert table.loc["torch", "ok"] == "pip install -U torch"
    assert table.loc["no-such-package", "found"] == "not installed"
    assert table.loc["clmex-anny-views"].tolist() == ["missing", "ships with it", "make weights"]


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("2.15.0+cu130", (2, 15, 0)), ("3.1", (3, 1)), ("1.0.dev3", (1, 0, 3)), ("2.0.x", (2, 0))],
)
def test_version_numbers(version, numbers):
    assert machine._numbers(version) == numbers


# --------------------------------------------------------------------------------------- checks


def test_check_passes_and_says_so(register, capsys):
    @register("90.1")
    def two(answer):
        assert answer == 2, "it is the number of eyes."

    result = course.check("90.1", 2)
    assert result and result.passed and result.name == "90.1"
    assert capsys.readouterr().out == "✓ Exercise 90.1: right.\n"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (3, "it is the number of eyes."),
        ("ten", "a number, please."),
        ([], "your answer led to TypeError: unhashable"),
        (None, "no answer yet."),
        (..., "no answer yet."),
    ],
)
def test_check_fails_with_a_hint_and_never_raises(register, capsys, answer, message):
    @register("90.1")
    def two(answer):
        {answer}  # noqa: B018  a TypeError for lists
        if isinstance(answer, str):
            raise ValueError("a number, please.")
        assert answer == 2, "it is the number of eyes."

    result = course.check("90.1", answer)
    assert not result and message in result.message
    assert capsys.readouterr().out.startswith("✗ Exercise 90.1: ")


def test_check_of_an_unknown_exercise(capsys):
    assert not course.check("77.1", 2)
    assert "no exercises for notebook '77'" in capsys.readouterr().out


def test_a_bare_assert_still_has_a_hint(register):
    @register("90.1")
    def two(answer):
        assert answer == 2

    assert course.check("90.1", 3).message


def test_a_result_shows_nothing_of_its_own_in_a_notebook(register, capsys):
    course.CheckResult("90.1", True, "right.")._ipython_display_()
    assert capsys.readouterr().out == ""


def test_two_checks_for_one_exercise(register):
    @register("90.1")
    def first(answer): ...

    with pytest.raises(ValueError, match="two checks: first, second"):

        @register("90.1")
        def second(answer): ...


def test_the_name_of_an_exercise(register):
    with pytest.raises(ValueError, match="named like '02.1'"):
        register("2.1")
