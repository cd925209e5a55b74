"""Configurations and run folders of the first release go on working."""

import re
from pathlib import Path

import pandas as pd
import pytest

from fermodels.experiments import report
from fermodels.experiments.command_line import _read
from fermodels.experiments.old_names import translate_arguments, translate_run

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def of_first_release(text):
    """A configuration of today as the first release spelt it."""
    text = re.sub(r"(?m)^experiment:", "recipe:", text)
    text = text.replace("num_augmentations:", "augmentations:")
    return text.replace("ImageExperiment", "Views").replace("ClipExperiment", "Clips")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("option", [("--config", "{}"), ("--config={}",), ("-c", "{}")])
def test_an_old_file_is_read_as_the_new_one(path, option, tmp_path):
    old = tmp_path / path.name
    old.write_text(of_first_release(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert "recipe:" in old.read_text(encoding="utf-8")
    given = [text.format(old) for text in option] + ["--recipe.run_dir", "there"]
    _, settings, _ = _read("fit", given)
    _, expected, _ = _read("fit", ["--config", str(path), "--experiment.run_dir", "there"])
    assert settings == expected


def test_arguments_of_today_stay_as_they_are(tmp_path):
    arguments = ["--config", str(CONFIGS[0]), "--experiment.folds", "[0]", "-c", "nowhere.yaml"]
    assert translate_arguments(arguments) == arguments


def test_a_run_is_what_a_run_of_today_would_be():
    old = {
        "name": "run",
        "recipe": "Views",
        "settings": {"pretraining": {"augmentations": 2, "epochs": 1}, "seed": 0},
    }
    new = translate_run(old)
    assert new["experiment"] == "ImageExperiment" and "recipe" not in new
    was = {"num_augmentations": 2, "epochs": 1, "optimizer": "adamw"}  # there was no other
    assert new["settings"]["pretraining"] == was
    assert old["recipe"] == "Views" and "augmentations" in old["settings"]["pretraining"]
    assert translate_run(new) == new


def test_scores_by_part_are_scores_by_fold(tmp_path):
    (tmp_path / "run.json").write_text('{"name": "one"}')
    rows = {"part": ["fold0", "fold1"], "group": "all", "count": 3}
    rows |= dict.fromkeys(("accuracy", "balanced_accuracy", "weighted_f1"), 0.5)
    pd.DataFrame(rows).to_csv(tmp_path / "scores.csv", index=False)
    assert "| 2 |" in report.overview(report.read_runs([tmp_path]))
