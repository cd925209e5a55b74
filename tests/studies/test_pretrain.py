"""`python -m studies.pretrain`: cycles that differ, and a command that makes it again."""

import json
import shutil
import sys
import types

import pandas as pd
import pytest
import torch

pytest.importorskip("lightning")

from fermodels.models import ImageEncoder
from fermodels.training import loop, run_folder
from studies import pretrain
from studies.validation import rows_to_train
from tests.fixtures.images import make_tiny

TINY = ["--width", "4", "--images-seen", "140", "70", "--groups-per-batch", "2"]


@pytest.fixture
def run(tiny_prepared, tmp_path, monkeypatch):
    """The command, with all of its files in `tmp_path`."""
    tiny_prepared.write(tmp_path / "tiny.parquet")
    places = {"studio": "tiny.parquet", "data": "tiny.parquet", "out": "out", "runs": "runs",
              "results": "results", "second": "no.parquet", "london": "no.parquet"}  # fmt: skip

    def run(*arguments):
        paths = [part for k, v in places.items() for part in (f"--{k}", str(tmp_path / v))]
        monkeypatch.setattr("sys.argv", ["pretrain", "clmex", *paths, *arguments])
        pretrain.main()

    return run


@pytest.fixture
def command(run):
    return lambda *arguments: run(*TINY, *arguments)


def test_cycles_of_other_sizes_and_augmentations_go_on_with_the_same_weights(
    command, tmp_path, capsys
):
    command("--image-size", "16", "24", "--augment", "default", "mild")
    runs = [json.loads((tmp_path / f"runs/clmex/cycle{i}/settings.json").read_text()) for i in "01"]
    learners = [run["learner"] for run in runs]
    assert [learner["encoder"]["image_size"] for learner in learners] == [16, 24]
    assert [learner["augment"].startswith("Augment(size=16") for learner in learners] == [
        True,
        False,
    ]
    assert "gray=0," in learners[1]["augment"] and "gray=0," not in learners[0]["augment"]
    first = ImageEncoder.from_pretrained(tmp_path / "runs/clmex/cycle0/encoder").state_dict()
    last = ImageEncoder.from_pretrained(tmp_path / "out")
    assert last.image_size == 24
    # One step at the lowest rate changes little: they are not new weights.
    close = [
        torch.allclose(value, first[name], atol=0.02)
        for name, value in last.state_dict().items()
        if name.endswith("weight")
    ]
    assert all(close)
    history = pd.read_csv(tmp_path / "results/history_clmex.csv")
    assert history["step"].tolist() == [1, 2, 3] and history["cycle"].tolist() == [0, 0, 1]
    made = json.loads((tmp_path / "results/pretrain_clmex.json").read_text())
    assert made["images_seen"] == 210 and made["image_size"] == 24
    assert "--augment default mild --image-size 16 24 " in made["command"]


def test_one_value_for_each_cycle_or_one_for_all(command, capsys):
    with pytest.raises(SystemExit):
        command("--augment", "mild", "mild", "strong")
    assert "3 values of augment for 2 cycles" in capsys.readouterr().err


@pytest.fixture
def outside(monkeypatch):
    """`studies.outside` with numbers that are known; `outside.asked` lists what it was given."""
    module = types.ModuleType("studies.outside")
    module.asked = []

    def outside_scores(encoder, second, london, inside):
        module.asked.append((second, london, inside))
        return {"second r@1/45": len(module.asked) / 10}

    module.outside_scores = outside_scores
    monkeypatch.setitem(sys.modules, "studies.outside", module)
    return module


@pytest.fixture
def pool(tmp_path):
    """8 people that are not those of the studio set, one session each: 280 images."""
    make_tiny(8, sessions=("A",), seed=5, prefix="w").write(tmp_path / "wide.parquet")
    return tmp_path / "wide.parquet"


def test_a_wide_pool_is_trained_on_and_the_studio_and_the_outside_are_asked(
    command, pool, outside, tmp_path, tiny_prepared
):
    second = make_tiny(2, sessions=("A",), seed=7).write(tmp_path / "second.parquet")
    command("--data", str(pool), "--augment", "wide", "--second", str(second),
            "--decoded", str(tmp_path / "decoded"), "--decoded-size", "20", "--norm", "group",
            "--epoch-steps", "1", "--validate-every", "1")  # fmt: skip
    runs = [json.loads((tmp_path / f"runs/clmex/cycle{i}/settings.json").read_text()) for i in "01"]
    assert runs[0]["data"]["items"] == 280 and runs[0]["data"]["size"] == 20
    assert runs[0]["batches"]["num_batches"] == 1
    assert "cutout=0.3" in runs[1]["learner"]["augment"]
    assert len(list((tmp_path / "decoded").iterdir())) == 1
    history = pd.read_csv(tmp_path / "results/history_clmex.csv")
    assert history["step"].tolist() == [1, 2, 3] and history["epoch"].tolist() == [0, 1, 1]
    assert history["second r@1/45"].tolist() == [0.1, 0.2, 0.3]
    assert history["probe_accuracy"].between(0, 1).all()
    asked, london, inside = outside.asked[0]
    assert len(asked) == 70 and london is None
    train = tiny_prepared.split("subject", seed=0)["train"]
    assert set(inside.table["subject"]) == set(tiny_prepared.table["subject"].iloc[train])
    made = json.loads((tmp_path / "results/pretrain_clmex.json").read_text())
    assert made["people"] == 8 and made["recipe"] == {"width": 4, "norm": "group"} | {
        "groups_per_batch": 2
    }
    assert f"--norm group --groups-per-batch 2 --data {pool.as_posix()}" in made["command"]
    assert "--decoded-size 20" in made["command"]
    assert ImageEncoder.from_pretrained(tmp_path / "out").config["norm"] == "group"


def test_some_of_the_people(command, pool, tmp_path, capsys):
    command("--data", str(pool), "--subjects", "3")
    assert "105 images of 3 people to train on" in capsys.readouterr().out
    with pytest.raises(ValueError, match="wide.parquet has 8 subjects to train on, not 9"):
        command("--data", str(pool), "--subjects", "9")


def test_files_make_one_pool(command, pool, tmp_path, capsys):
    make_tiny(3, sessions=("A",), seed=6, prefix="m").write(tmp_path / "more.parquet")
    command("--data", str(pool), str(tmp_path / "more.parquet"))
    assert "385 images of 11 people to train on" in capsys.readouterr().out
    made = json.loads((tmp_path / "results/pretrain_clmex.json").read_text())
    assert made["people"] == 11 and [p["name"] for p in made["pools"]] == ["tiny", "tiny"]
    assert f"--data {pool.as_posix()} {tmp_path.as_posix()}/more.parquet" in made["command"]


def test_interrupted_it_goes_on_to_the_same_encoder(command, pool, tmp_path, monkeypatch):
    options = ("--data", str(pool), "--epoch-steps", "1")
    command(*options)
    whole = ImageEncoder.from_pretrained(tmp_path / "out").state_dict()
    for folder in ("runs", "out"):
        shutil.rmtree(tmp_path / folder)
    write = run_folder.write_checkpoint

    def dies(*arguments):
        write(*arguments)
        raise RuntimeError("killed")

    for _ in range(3):  # after each epoch of one step, in both cycles
        with monkeypatch.context() as patch:
            patch.setattr(loop, "write_checkpoint", dies)
            with pytest.raises(RuntimeError, match="killed"):
                command(*options)
    command(*options)
    found = ImageEncoder.from_pretrained(tmp_path / "out").state_dict()
    assert all(torch.equal(found[name], value) for name, value in whole.items())


def test_going_on_from_an_encoder(run, tmp_path, capsys):
    torch.manual_seed(9)
    start = ImageEncoder(image_size=16, width=6)
    start.save_pretrained(tmp_path / "start")
    arguments = ["--images-seen", "70", "--groups-per-batch", "2",
                 "--start", str(tmp_path / "start")]  # fmt: skip
    run(*arguments, "--learning-rate", "1e-9")
    found = ImageEncoder.from_pretrained(tmp_path / "out")
    assert found.image_size == 16 and found.config["width"] == 6
    for name, value in start.state_dict().items():
        if name.endswith("conv1.weight"):
            torch.testing.assert_close(found.state_dict()[name], value, atol=1e-3, rtol=0)
    made = json.loads((tmp_path / "results/pretrain_clmex.json").read_text())
    assert len(made["start_digest"]) == 64 and made["start"].endswith("start")
    assert "--start" in made["command"]
    for more, message in (
        (["--width", "8"], "--start has a network of its own: leave width out"),
        (["--start", str(tmp_path / "none")], "there is no folder"),
    ):
        with pytest.raises(SystemExit):
            run(*arguments, *more)
        assert message in capsys.readouterr().err


def test_people_that_are_asked_later_are_not_trained_on(command, tiny_prepared, tmp_path):
    more = make_tiny(6, sessions=("A",), seed=3)  # of the same names
    with pytest.raises(ValueError, match="more.parquet has subjects that .*validates or tests"):
        command("--data", str(more.write(tmp_path / "more.parquet")))
    split = tiny_prepared.split("subject", seed=0)
    rows = rows_to_train(tiny_prepared, tiny_prepared, split)
    assert rows.tolist() == split["train"].tolist()


def test_files_that_are_not_there_are_left_out(command, tmp_path, capsys):
    command()
    printed = capsys.readouterr().out
    assert printed.count("is not there: without its numbers") == 2
    history = pd.read_csv(tmp_path / "results/history_clmex.csv")
    assert list(history) == ["step", "epoch", "loss", "lr", "seconds", "probe_accuracy", "cycle"]
