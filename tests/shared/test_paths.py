"""Paths as people give them, and whether results can go where they are to go."""

import os
from pathlib import Path

import pytest

from fermodels._shared.paths import given_path, output_file, output_folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.delenv("NOWHERE", raising=False)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("a/b.parquet", "a/b.parquet"),
        ("/a/b", "/a/b"),
        ("~", "{home}"),
        ("~/runs/n", "{home}/runs/n"),
        ("$HOME/runs", "{home}/runs"),
        ("${SCRATCH}/runs", "{scratch}/runs"),
        ("runs/$SCRATCHED", "runs/$SCRATCHED"),  # no variable, so part of the name
        ("a~b", "a~b"),
        ("./~x", "~x"),
        (Path("~/runs"), "{home}/runs"),
        (b"~/runs", "{home}/runs"),
    ],
)
def test_what_is_meant(home, given, meant):
    scratch = home.with_name("scratch")
    assert given_path(given) == Path(meant.format(home=home, scratch=scratch))


def test_what_lies_there_is_meant_as_it_is_written(home):
    for name in ("$HOME", "~lock.parquet", "~"):
        Path(name).mkdir()
    assert given_path("$HOME") == Path("$HOME")
    assert given_path("~lock.parquet") == Path("~lock.parquet")
    assert given_path("~/x") == home / "x"  # a folder "~" is what others left behind


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "an empty path"),
        ("  ", "an empty path"),
        ("$NOWHERE/runs", r"\$NOWHERE/runs: there is no variable \$NOWHERE here.*\./\$NOWHERE"),
        ("~nobody-at-all/runs", "there is no user ~nobody-at-all here"),
    ],
)
def test_what_means_nothing_is_refused(home, given, message):
    with pytest.raises(ValueError, match=message):
        given_path(given)


def test_a_folder_for_results_is_looked_at_and_not_made(home):
    assert output_folder("~/runs/n", files=["a"], folders=["b"]) == home / "runs" / "n"
    assert output_file("~/runs/n.csv") == home / "runs" / "n.csv"
    assert not any(home.iterdir())


def test_a_folder_that_cannot_be_is_named(home):
    (home / "file").write_text("x")
    for path in (home / "file", home / "file" / "run"):
        with pytest.raises(NotADirectoryError, match="nothing can be written there.*another path"):
            output_folder(path)
    with pytest.raises(OSError, match="/proc/self"):
        output_folder("/proc/self/run")
    if os.geteuid():  # nothing is closed to root
        home.chmod(0o500)
        with pytest.raises(PermissionError, match="nothing can be written there"):
            output_folder(home / "run")


def test_names_that_are_taken_by_the_other_kind(home):
    (home / "last.ckpt").mkdir()
    (home / "encoder").write_text("x")
    with pytest.raises(IsADirectoryError, match="last.ckpt is a folder where a file"):
        output_folder(home, files=["last.ckpt"], folders=["logs"])
    with pytest.raises(NotADirectoryError, match="encoder is a file where a folder"):
        output_folder(home, folders=["encoder"])
    with pytest.raises(IsADirectoryError, match="last.ckpt"):
        output_file(home / "last.ckpt")
