"""`fit --sweep KEY=A,B,C`: a run for each value, a table at the end, mistakes at the beginning."""

import json
import os
import shutil

import pandas as pd
import pytest

from fermodels.__main__ import main
from fermodels.experiments import sweep
from fermodels.training import recipes

CONFIG = """
experiment:
  class_path: ImageExperiment
  init_args:
    name: mine
    data: {folder}/d.parquet
    run_dir: {folder}/runs
    network: {{name: small, image_size: 24}}
    pretraining: null
    finetuning: {{epochs: 0.1, batch_size: 16}}
    num_folds: 3
    folds: [0]
    accelerator: cpu
"""


@pytest.fixture(scope="module")
def shared(tiny_prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    tiny_prepared.write(folder / "d.parquet")
    (folder / "c.yaml").write_text(CONFIG.format(folder=folder))
    return folder


@pytest.fixture(scope="module")
def finished(shared):
    assert fit(shared, "finetuning.learning_rate=1e-3,0.002", "seed=0,1") == 0
    return shared / "runs"


def fit(folder, *sweeps, extra=()):
    given = [part for text in sweeps for part in ("--sweep", text)]
    return main(["fit", "--config", str(folder / "c.yaml"), *given, *extra])


@pytest.fixture
def trained(monkeypatch):
    """The folders of the trainings that were begun."""
    folders = []

    def finetune(*arguments, **options):
        folders.append(options["run_dir"].parent.parent.name)
        return before(*arguments, **options)

    before = recipes.finetune
    monkeypatch.setattr(recipes, "finetune", finetune)
    return folders


GRID = [
    f"finetuning.learning_rate={rate},seed={seed}" for rate in ("0.001", "0.002") for seed in (0, 1)
]


def test_a_grid_has_a_folder_for_each_run_and_a_table(finished):
    assert sorted(path.name for path in finished.iterdir() if path.is_dir()) == GRID
    table = pd.read_csv(finished / sweep.TABLE)
    assert table["folder"].tolist() == GRID
    assert table["finetuning.learning_rate"].tolist() == [0.001, 0.001, 0.002, 0.002]
    assert table["seed"].tolist() == [0, 1, 0, 1]
    for name, row in zip(GRID, table.itertuples(), strict=True):
        run = json.loads((finished / name / "run.json").read_text())
        assert run["settings"]["finetuning"]["learning_rate"] == row[1]
        assert run["settings"]["seed"] == row.seed
        assert run["name"] == f"mine: {name.replace('=', ' ').replace(',', ', ')}"
        scores = pd.read_csv(finished / name / "scores.csv").set_index("group")
        assert row.accuracy == pytest.approx(scores.loc["all", "accuracy"], abs=1e-5)
        history = pd.read_csv(finished / name / "fold0" / "finetuning" / "history.csv")
        assert row.val_accuracy == pytest.approx(history["val_accuracy"].iloc[-1], abs=1e-5)


def test_finished_runs_are_not_run_again_in_whichever_order_they_are_asked_for(
    shared, finished, trained, capsys
):
    assert fit(shared, "seed=1,0", "experiment.finetuning.learning_rate=0.0020,0.001") == 0
    assert trained == [] and capsys.readouterr().out.count("fold0: done before") == 4
    assert fit(shared, "experiment.seed=0,3", "finetuning.learning_rate=0.001") == 0
    assert trained == ["finetuning.learning_rate=0.001,seed=3"]
    assert main(["report", str(finished)]) == 0
    assert "| mine: finetuning.learning_rate 0.001, seed 3 |" in capsys.readouterr().out


def test_an_interrupted_sweep_goes_on(shared, trained, monkeypatch, tmp_path):
    before = recipes.finetune

    def interrupted(*arguments, **options):
        if len(trained) == 1:
            raise KeyboardInterrupt
        return before(*arguments, **options)

    to = ("--experiment.run_dir", str(tmp_path))
    monkeypatch.setattr(recipes, "finetune", interrupted)
    assert fit(shared, "seed=5,6,7", extra=to) == 130
    assert trained == ["seed=5"] and not (tmp_path / sweep.TABLE).exists()
    monkeypatch.setattr(recipes, "finetune", before)
    assert fit(shared, "seed=5,6,7", extra=to) == 0
    assert trained == ["seed=5", "seed=6", "seed=7"]
    assert pd.read_csv(tmp_path / sweep.TABLE)["seed"].tolist() == [5, 6, 7]


def test_a_single_run_beside_the_runs_of_a_sweep(shared, finished):
    assert fit(shared) == 0
    assert set(pd.read_csv(finished / "scores.csv")["fold"]) == {"fold0"}


@pytest.mark.parametrize(
    ("sweeps", "message"),
    [
        (["finetuning.epochen=1,2"], "finetuning.epochen=1: the experiment has no setting"),
        (["seeed=1"], "seeed=1: the experiment has no setting seeed"),
        (["seed=0,x"], "seed=x: expected int, got x"),
        (["seed=0,0.5"], "seed=0.5: expected int, got 0.5"),
        (["finetuning.augment=mild,wild"], "augment=wild: expected Literal['mild', "),
        (["finetuning.learning_rate=1e-3,fast"], "learning_rate=fast: expected float, got fast"),
        (["finetuning.learning_rate=1e-3,-1"], "finetuning.learning_rate must be above 0, got -1"),
        (["finetuning.learning_rate=.nan"], "finetuning.learning_rate must be above 0, got nan"),
        (["finetuning.weight_decay=0,.inf"], "weight_decay must be at least 0, got inf"),
        (["finetuning.epochs=0.1,0"], "finetuning.epochs must be above 0"),
        (["folds=[0],[7]"], "folds=[7]: "),
        (["network.name=small,resnet999"], "network.name=resnet999: "),
        (["data=nowhere.parquet,other.parquet"], "nowhere.parquet"),
        (["seed=0", "seed=1"], "--sweep seed is there twice"),
        (["finetuning.learning_rate=0.1,0.10"], "two runs of the sweep are the same"),
        (["run_dir=a,b"], "every run of a sweep gets a run_dir of its own"),
        (["name=a,b"], "every run of a sweep gets a name of its own"),
        (["seed"], "write KEY=A,B,C"),
        (["seed=1,,2"], "write KEY=A,B,C"),
        (["=1"], "write KEY=A,B,C"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(
    shared, trained, tmp_path, capsys, sweeps, message
):
    to = ("--experiment.run_dir", str(tmp_path / "runs"))
    assert fit(shared, *sweeps, extra=to) == 2
    assert message in capsys.readouterr().err
    assert trained == [] and not (tmp_path / "runs").exists()


def test_other_settings_in_a_folder_are_refused_before_anything_is_trained(
    shared, finished, trained, tmp_path, capsys
):
    shutil.copytree(finished / GRID[0], tmp_path / "seed=1")
    assert fit(shared, "seed=0,1", extra=("--experiment.run_dir", str(tmp_path))) == 2
    assert "--sweep seed=1: " in (said := capsys.readouterr().err) and "other settings" in said
    assert trained == [] and os.listdir(tmp_path) == ["seed=1"]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"seed": 1}, "seed=1"),
        ({"b": 0.5, "a.c": None}, "a.c=null,b=0.5"),
        ({"learning_rate": 1e-05}, "learning_rate=1e-5"),
        ({"method": "clmex", "freeze": True}, "freeze=true,method=clmex"),
    ],
)
def test_names_of_folders(values, name):
    assert sweep.folder_name(values) == name
    assert sweep.folder_name(dict(reversed(values.items()))) == name


ODD = ["a/b", "a_b", "a b", "../up", "x" * 300, "x" * 301, "é" * 100, [0], [0, 1], {"a": 1}, "…"]


def test_odd_values_have_folders_of_their_own(tmp_path):
    names = [sweep.folder_name({"data": value}) for value in ODD]
    assert len(set(names)) == len(ODD)
    for name in names:
        (tmp_path / name).mkdir()  # one folder, in this one
    assert sorted(os.listdir(tmp_path)) == sorted(names)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("folds=[0,1],[2]", ["[0,1]", "[2]"]),
        ("network={name: small, image_size: 24},{name: resnet18}",
         ["{name: small, image_size: 24}", "{name: resnet18}"]),
        ("a=1, 2 ,3", ["1", "2", "3"]),
        ("a=[[1,2],3],4", ["[[1,2],3]", "4"]),
        ("a=x=1,y", ["x=1", "y"]),
    ],
)  # fmt: skip
def test_commas_in_brackets_do_not_part_values(text, values):
    sweeps, others = sweep.take_sweeps(["--config", "c.yaml", f"--sweep={text}", "--x", "1"])
    assert list(sweeps.values()) == [values] and others == ["--config", "c.yaml", "--x", "1"]


def test_help_speaks_of_it(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    assert "--sweep KEY=A,B,C" in capsys.readouterr().out
