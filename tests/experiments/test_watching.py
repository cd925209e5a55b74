"""Experiments write the curves of their trainings while these run, wherever they are to be seen."""

import json

import pandas as pd
import pytest

from fermodels.__main__ import main
from fermodels.experiments.images import ImageExperiment, ImageFinetuning, Network

SMALL = """
experiment:
  class_path: ImageExperiment
  init_args:
    name: watched
    data: {folder}/d.parquet
    run_dir: {folder}/run
    network: {{name: small, image_size: 24}}
    pretraining: {{epochs: 0.5, groups_per_batch: 1}}
    finetuning: {{epochs: 0.1, batch_size: 16}}
    num_folds: 3
    folds: [0]
    accelerator: cpu
"""


@pytest.fixture(scope="module")
def folder(tiny_prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    tiny_prepared.write(folder / "d.parquet")
    (folder / "c.yaml").write_text(SMALL.format(folder=folder))
    return folder


def test_every_training_of_an_experiment_has_its_curves(folder):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    command = ["fit", "--config", str(folder / "c.yaml"), "--experiment.logger"]
    assert main([*command, "tensorboard"]) == 0
    for name in ("pretraining", "finetuning"):
        training = folder / "run" / "fold0" / name
        (version,) = (training / "logs" / "tensorboard").iterdir()
        found = events.EventAccumulator(str(version)).Reload().Scalars("loss")
        history = pd.read_csv(training / "history.csv")
        assert [event.step for event in found] == history["step"].tolist()
        assert [event.value for event in found] == pytest.approx(history["loss"].tolist())
    # With another logger, or none, it is the same run.
    assert main([*command, "csv"]) == main([*command, "null"]) == 0
    settings = json.loads((folder / "run" / "run.json").read_text())["settings"]
    assert settings["logger"] is None


def test_a_logger_that_is_not_installed_is_missed_before_anything_is_trained(
    folder, monkeypatch, tmp_path
):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name)
    )
    parts = ("x", str(folder / "d.parquet"), str(tmp_path / "run"))
    experiment = ImageExperiment(
        *parts, Network("small", 24), None, ImageFinetuning(), logger="tensorboard"
    )
    with pytest.raises(ImportError, match="pip install tensorboard"):
        experiment.run({"init_args": {}}, "")
    assert not (tmp_path / "run").exists()
