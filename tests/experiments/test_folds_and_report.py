"""Folds by number or name, and what the table of results says of a run that is not as planned."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fermodels.data import PreparedImages
from fermodels.experiments import report
from fermodels.experiments.command_line import _read
from fermodels.experiments.images import ImageExperiment, ImageFinetuning, Network

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
PEOPLE = ["f000", "m001", "f002", "m003", "f004", "m005"]


def experiment(tiny, of_people, **settings):
    """On six people, of whom each has the fold given."""
    named = dict(zip(PEOPLE, of_people, strict=True))
    table = tiny.table.assign(image=tiny._blobs())
    table["fold"] = pd.Series([named[subject] for subject in table["subject"]])
    made = ImageExperiment(
        "x", "x.parquet", "runs/x", Network(), None, ImageFinetuning(), **settings
    )
    made.prepared = PreparedImages(table, tiny.metadata)
    return made


NAMES = {
    "whole numbers": ([10, 9, 1, 2, 3, 4], [1, 2, 3, 4, 9, 10]),
    "text": (["10", "9", "1", "2", "3", "4"], [1, 2, 3, 4, 9, 10]),
    "floats": ([10.0, 9.0, 1.0, 2.0, 3.0, 4.0], [1, 2, 3, 4, 9, 10]),
    "with zeros": (["10", "09", "01", "1", "03", "04"], [1, 3, 4, 9, 10]),
    "letters": (list("ACBACB"), ["A", "B", "C"]),
    "two cases": (list("AcBaCb"), ["A", "B", "c"]),
    "numbered": (["set10", "set9", "set1", "set1", "set2", "set3"],
                 ["set1", "set2", "set3", "set9", "set10"]),
    "categories": (pd.Categorical([3, 3, 12, 12, 1, 1]), [1, 3, 12]),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMES)
def test_the_fold_after_one_by_its_number_validates(tiny_prepared, kind):
    given, order = NAMES[kind]
    made = experiment(tiny_prepared, list(given))
    folds = dict(made.make_folds())
    assert list(folds) == [f"fold{name}" for name in order]
    tested = [set(fold["test"].tolist()) for fold in folds.values()]
    validated = [set(fold["val"].tolist()) for fold in folds.values()]
    assert validated == [*tested[1:], tested[0]]
    assert set.union(*tested) == set(range(420)) and sum(map(len, tested)) == 420


@pytest.mark.parametrize("wanted", [[2], ["2"], ["02"]])
def test_one_fold_by_its_number(tiny_prepared, wanted):
    made = experiment(tiny_prepared, ["1", "2", "3", "4", "5", "10"], folds=wanted)
    ((name, fold),) = made.make_folds()
    subjects = made.prepared.table["subject"].to_numpy()
    assert name == "fold2" and set(subjects[fold["test"]]) == {"m001"}
    assert set(subjects[fold["val"]]) == {"f002"}


def test_one_fold_by_its_name_and_mistakes(tiny_prepared):
    assert [n for n, _ in experiment(tiny_prepared, "ABCABC", folds=["b"]).make_folds()] == [
        "foldB"
    ]
    with pytest.raises(ValueError, match="has the folds A, B, C, not 7, D"):
        list(experiment(tiny_prepared, "ABCABC", folds=["D", 7]).make_folds())
    with pytest.raises(ValueError, match=r"row 0, .*'a/b' cannot be the name of a folder"):
        list(experiment(tiny_prepared, ["a/b", *"BCABC"]).make_folds())
    with pytest.raises(ValueError, match="row 140, column 'fold' is empty"):
        list(experiment(tiny_prepared, ["1", "2", None, "1", "2", "2"]).make_folds())


# ------------------------------------------------------------------------------------ report

DATA = {
    **{"KDEF": "kdef", "DDCF": "ddcf", "CMU-MOSEI": "cmu-mosei", "MELD": "meld", "CAER": "caer"},
    "MEAD": "mead",
}


def run_of(path):
    """`run.json` of a run that is just as the file says, and how many folds it has."""
    _, recipe, _ = _read("fit", ["--config", str(path)])
    settings = recipe["init_args"]
    name = settings["name"]
    about = {
        "name": name,
        "experiment": recipe["class_path"].rpartition(".")[2],
        "settings": settings,
        "data": {"name": DATA[name.partition(",")[0]]},
    }
    return about, len(settings["seeds"]) if "seeds" in settings else 10


def changed(about, key, value):
    about = json.loads(json.dumps(about))
    *above, last = key.split(".")
    at = about
    for name in above:
        at = at[name]
    at[last] = value
    return about


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_run_as_its_file_says_differs_in_nothing(path):
    about, folds = run_of(path)
    assert report.differences(about, folds) == []
    free = {"run_dir": "there", "data": "/mnt/a.parquet", "accelerator": "cpu", "folds": [0]}
    for key, value in free.items():
        about = changed(about, f"settings.{key}", value)
    del about["settings"]["finetuning"]["weight_decay"]  # of a release that had it not
    assert report.differences(about, folds + 1) == []
    what = "seeds" if "seeds" in about["settings"] else "folds"
    assert report.differences(about, 1) == [f"1 of {folds} {what}"]


CHANGES = {
    "settings.network.image_size": (48, "network.image_size 48"),
    "settings.network.name": ("small", "network.name small"),
    "settings.pretraining": (None, "pretraining null"),
    "settings.pretraining.method": ("simclr", "pretraining.method simclr"),
    "settings.finetuning.freeze_encoder": (True, "finetuning.freeze_encoder true"),
    "settings.seed": (1, "seed 1"),
    "settings.precision": ("32-true", "precision 32-true"),
    "settings.fold_column": ("mine", "fold_column mine"),
    "data.name": ("anny-views-kdef", "data anny-views-kdef"),
    "experiment": ("ClipExperiment", "ClipExperiment for ImageExperiment"),
}


@pytest.mark.parametrize("key", CHANGES)
def test_what_differs_is_named(key):
    (path,) = [path for path in CONFIGS if path.stem == "kdef_clmex_resnet18"]
    about, folds = run_of(path)
    value, text = CHANGES[key]
    assert report.differences(changed(about, key, value), folds) == [text]


def written(folder, about, folds):
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(about))
    rows = {"fold": [f"fold{fold}" for fold in range(folds)], "group": "all", "count": 3}
    rows |= dict.fromkeys(("accuracy", "balanced_accuracy", "weighted_f1"), 0.5)
    pd.DataFrame(rows).to_csv(folder / "scores.csv", index=False)


def test_a_run_that_is_not_as_its_file_says_has_a_row_of_its_own(tmp_path):
    (path,) = [path for path in CONFIGS if path.stem == "kdef_clmex_resnet18"]
    about, _ = run_of(path)
    written(tmp_path / "whole", about, 10)
    small = changed(changed(about, "settings.network.name", "small"), "settings.seed", "a|b")
    written(tmp_path / "small", small, 1)
    runs = report.read_runs([tmp_path])
    assert list(runs) == [
        f"{about['name']} (network.name small; seed a|b; 1 of 10 folds)", about["name"]
    ]  # fmt: skip
    lines = report.overview(runs).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"| {about['name']} |"))
    assert lines[at].endswith("| 50.0 ± 0.0 | 50.0 ± 0.0 | 50.0 ± 0.0 | 10 |")
    assert lines[at + 1] == (
        f"| {about['name']} (network.name small; seed a\\|b; 1 of 10 folds) |  | 50.0 | 50.0 "
        "| 50.0 | 1 |"
    )
    assert len(lines) == 2 + len(report.PAPERS) + 1
    written(tmp_path / "twin", about, 10)
    with pytest.raises(ValueError, match="are both named 'KDEF, CL-MEx, ResNet-18'"):
        report.read_runs([tmp_path])


def test_without_the_file_nothing_is_said_to_be_as_planned(tmp_path, monkeypatch):
    about, folds = run_of(CONFIGS[0])
    monkeypatch.setenv("FERMODELS_ROOT", str(tmp_path))
    assert report.differences(about, folds) == ["not compared: its file in configs/ is not there"]


def test_groups_are_in_order_of_their_angle_or_as_they_came():
    for groups in (["yaw-30", "straight", "yaw+30"], ["happy", "angry"]):
        given = groups[::-1] if "straight" in groups else groups
        scores = pd.DataFrame({"group": ["all", *given]})
        scores[["accuracy", "balanced_accuracy", "weighted_f1"]] = np.float64(0.5)
        lines = report.by_group(scores).splitlines()[2:]
        assert [line.split("|")[1].strip() for line in lines] == [*groups, "all"]
