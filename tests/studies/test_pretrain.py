"""`python -m studies.pretrain`: cycles that differ, and a command that makes it again."""

import json

import pandas as pd
import pytest
import torch

pytest.importorskip("lightning")

from fermodels.models import ImageEncoder
from studies import pretrain

TINY = ["--width", "4", "--images-seen", "140", "70", "--groups-per-batch", "2"]


@pytest.fixture
def command(tiny_prepared, tmp_path, monkeypatch):
    tiny_prepared.write(tmp_path / "tiny.parquet")

    def run(*arguments):
        folders = {"data": "tiny.parquet", "out": "out", "results": "results", "runs": "runs"}
        paths = [part for k, v in folders.items() for part in (f"--{k}", str(tmp_path / v))]
        monkeypatch.setattr("sys.argv", ["pretrain", "clmex", *TINY, *paths, *arguments])
        pretrain.main()

    return run


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
