"""`python -m studies.study_pretrain`: who is trained on, what is chosen, what is kept."""

import sys

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lightning")

from fermodels.models import ImageEncoder
from fermodels.training import recipes
from studies import study_methods, study_pretrain


@pytest.fixture
def command(tiny_prepared, tmp_path, monkeypatch):
    """Runs the command on tiny images with pre-trainings that only note what they are asked."""
    asked = []

    def pretrain(method, prepared, rows, *, augment, seed, images_seen, batch_size, **options):
        people = set(prepared.table["subject"].iloc[rows])
        asked.append((method, people, augment(48).scale, seed, images_seen, batch_size))
        return ImageEncoder(image_size=16, width=4), pd.DataFrame({"loss": [1.0]})

    def probe_accuracy(encoder, prepared, fitted, held_out):
        augment, small = asked[-1][2], asked[-1][-1] == min(study_pretrain.BATCHES)
        standard = augment == study_pretrain.AUGMENTS["standard"](48).scale
        # For SimCLR large batches are better.
        return 0.5 + 0.1 * standard + 0.01 * (small == (asked[-1][0] != "simclr"))

    def in_turn(function, tasks, jobs):
        for number, task in enumerate(tasks):
            yield number, function(*task)

    monkeypatch.setattr(recipes, "pretrain", pretrain)
    monkeypatch.setattr(study_pretrain, "probe_accuracy", probe_accuracy)
    monkeypatch.setattr(study_pretrain, "in_processes", in_turn)
    study_methods.read.cache_clear()
    data = str(tiny_prepared.write(tmp_path / "tiny.parquet"))

    def command(*arguments):
        asked.clear()
        folders = ["--encoders", str(tmp_path / "study"), "--results", str(tmp_path / "found")]
        arguments = ["--data", data, *folders, "--images-seen", "100", *arguments]
        monkeypatch.setattr(sys, "argv", ["study_pretrain", *arguments])
        study_pretrain.main()
        return asked, pd.read_csv(tmp_path / "found" / "study_pretrain.csv"), tmp_path / "study"

    yield command
    study_methods.read.cache_clear()


def test_another_set_takes_what_was_kept_and_tries_nothing(command, tmp_path):
    made = pd.DataFrame(
        [("SimCLR", "mild", 245, 0.9, False), ("SimCLR", "strong", 105, 0.1, True)],
        columns=["method", "augment", "batch_size", "probe", "kept"],
    )
    made.to_csv(tmp_path / "made.csv", index=False)
    settings = ["--settings", str(tmp_path / "made.csv"), "--methods"]
    asked, table, _ = command(*settings, "SimCLR")
    assert [(seed, batch) for *_, seed, _, batch in asked] == [(0, 105), (1, 105), (2, 105)]
    assert {scale for _, _, scale, *_ in asked} == {study_pretrain.AUGMENTS["strong"](48).scale}
    assert table["kept"].all() and set(table["augment"]) == {"strong"}
    with pytest.raises(ValueError, match=r"made\.csv has kept no pre-training of CL-MEx"):
        command(*settings, "SimCLR", "CL-MEx")


def test_everybody_has_the_same_choice_and_as_many_images(command, tiny_prepared):
    asked, table, folder = command()
    kept = table[table["kept"]]
    methods = [name for name, method in study_methods.METHODS.items() if method.pretraining]
    assert kept.groupby("method")["seed"].apply(sorted).to_dict() == {
        name: [0, 1, 2] for name in methods
    }
    assert set(table["images_seen"]) == {100} and set(kept["augment"]) == {"standard"}
    assert kept.groupby("method")["batch_size"].apply(set).to_dict() == {
        name: {245} if name == "SimCLR" else {105} for name in methods
    }
    tried = table[~table["kept"]]
    assert (tried.groupby("method")["augment"].nunique() == len(study_pretrain.AUGMENTS)).all()
    assert (tried.groupby("method").size() == len(study_pretrain.AUGMENTS) + 1).all()
    assert kept["digest"].notna().all() and tried["digest"].isna().all()
    split = tiny_prepared.split("subject", seed=0)
    trained = set(tiny_prepared.table["subject"].iloc[split["train"]])
    assert all(people == trained for _, people, *_ in asked)
    for name in methods:
        for seed in range(study_methods.PRETRAININGS):
            start = study_methods.start_of(study_methods.METHODS[name], folder, seed)
            assert ImageEncoder.from_pretrained(start).image_size == 16


def test_the_probe_reads_people_whom_it_was_not_fitted_on(tiny_prepared, monkeypatch):
    split = tiny_prepared.split("subject", seed=0)
    fitted = []
    from fermodels import evaluation

    def embed(encoder, prepared, rows):
        fitted.append(set(prepared.table["subject"].iloc[rows]))
        return np.eye(len(prepared))[rows]

    monkeypatch.setattr(evaluation, "embed", embed)
    accuracy = study_pretrain.probe_accuracy(None, tiny_prepared, split["train"], split["val"])
    assert 0 <= accuracy <= 1 and not fitted[0] & fitted[1]
