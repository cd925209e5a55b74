"""The course's files, where only the package is installed."""

import io
import os
import subprocess
import sys
import tarfile

import pytest

from fermodels import course
from fermodels._shared import places

FILES = (
    "data/a.parquet",
    "notebooks/00_welcome.ipynb",
    "configs/a.yaml",
    "weights/one/config.json",
)


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """The package without the course around it, in a working folder of its own."""
    monkeypatch.setattr(places, "_PACKAGE", tmp_path / "site-packages" / "fermodels")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("FERMODELS_ROOT", "")  # so that what is set is undone
    return tmp_path


def make_archive(path, names):
    with tarfile.open(path, "w:gz") as files:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            files.addfile(member, io.BytesIO(name.encode()))
    return path.as_uri()


def test_in_the_repository_nothing_is_fetched(monkeypatch, tmp_path):
    monkeypatch.delenv("FERMODELS_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    course.fetch("no address")
    assert "FERMODELS_ROOT" not in os.environ and not list(tmp_path.iterdir())


def test_where_the_course_is_the_first_cell_takes_no_time():
    """Of the processor's, so that other work on this machine does not matter."""
    code = (
        "from time import process_time as now; start = now(); from fermodels import course; "
        "course.fetch('no address'); print(now() - start)"
    )
    run = [sys.executable, "-c", code]
    taken = [float(subprocess.check_output(run, cwd=places.root())) for _ in range(3)]
    assert min(taken) < 0.05


def test_a_wrong_root_is_not_passed_over(monkeypatch, tmp_path):
    monkeypatch.setenv("FERMODELS_ROOT", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no notebooks/"):
        course.fetch("no address")


@pytest.mark.parametrize("top", ["", "./", "fermodels-main/", "./fermodels-main/"])
def test_the_files_are_unpacked_once(alone, top, capsys):
    others = [top + "README.md", top + "tests/data/x", "../data/evil", "/data/evil"]
    address = make_archive(alone / "course.tar.gz", [*(top + name for name in FILES), *others])
    course.fetch(address)
    place = alone / "work" / "fermodels-course"
    assert course.root() == place and course.data("a") == place / "data" / "a.parquet"
    found = [path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()]
    assert sorted(found) == sorted(FILES)
    assert [path.name for path in (alone / "work").iterdir()] == ["fermodels-course"]
    assert str(place) in capsys.readouterr().out
    os.environ["FERMODELS_ROOT"] = ""  # a new kernel
    course.fetch("no address")
    assert course.root() == place and capsys.readouterr().out == ""


def test_a_notebook_of_the_course_finds_what_lies_beside_it(alone, monkeypatch):
    for name in FILES:
        (alone / "course" / name).parent.mkdir(parents=True)
    monkeypatch.chdir(alone / "course" / "notebooks")
    course.fetch("no address")
    assert course.root() == alone / "course"


@pytest.mark.parametrize(
    ("names", "cut", "message"),
    [
        (FILES[:3], 0, "lacks one of configs/, data/, notebooks/, weights/"),
        *((FILES, cut, "could not be read") for cut in (1, 8, 40, 100)),
        (None, 0, "could not be read .*on Kaggle"),
    ],
)
def test_what_is_broken_leaves_nothing_behind(alone, names, cut, message):
    path = alone / "course.tar.gz"
    if names:
        make_archive(path, names)
        path.write_bytes(path.read_bytes()[: len(path.read_bytes()) - cut])
    with pytest.raises(OSError, match=message):
        course.fetch(path.as_uri())
    assert not list((alone / "work").iterdir())


def test_another_folder_is_not_overwritten(alone):
    (alone / "work" / "fermodels-course").mkdir()
    with pytest.raises(FileExistsError, match="move it away"):
        course.fetch(make_archive(alone / "course.tar.gz", FILES))
