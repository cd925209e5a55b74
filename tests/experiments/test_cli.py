"""`python -m fermodels`: from raw data in small, through import and training, to the table."""

import json
import re
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest

from data_prep.__main__ import main as data_prep
from fermodels.__main__ import main
from fermodels.data import PreparedImages
from fermodels.experiments import report
from fermodels.models import ImageClassifier, ImageEncoder
from tests.fixtures.images import changed
from tests.fixtures.processes import without_processes
from tests.importers.fixtures import clip_sets, images, mead, mosei
from tests.importers.test_ddcf import FIT as DDCF_NAMES

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = (
    *("--experiment.network.name", "small", "--experiment.network.image_size", "32"),
    *("--experiment.pretraining.epochs", "1", "--experiment.finetuning.epochs", "1"),
    *("--experiment.pretraining.groups_per_batch", "1", "--experiment.accelerator", "cpu"),
)


@pytest.fixture(scope="module", autouse=True)
def no_processes():
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield without_processes(monkeypatch)


def prepare(*arguments):
    assert data_prep([str(a) for a in arguments]) == 0


def fit(config, run_dir, *arguments):
    given = ["--config", str(CONFIGS / config), "--experiment.run_dir", str(run_dir)]
    return main(["fit", *given, *map(str, arguments)])


@pytest.fixture(scope="module")
def kdef(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kdef")
    codes = [c for c in images.kdef_codes(["F02", "F03", "F04"]) if c[0] == "A"]
    codes = [code for code in codes if code[4:6] in ("AN", "HA")]
    raw = images.write_folder(images.kdef_files(codes, quality=70), folder / "KDEF")
    prepare("kdef", raw, folder / "kdef.parquet", "--size", 48, "--crop", "centre", "--jobs", 1)
    return folder / "kdef.parquet"


@pytest.fixture(scope="module")
def kdef_run(kdef, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "kdef"
    assert fit("kdef_clmex.yaml", run, "--experiment.data", kdef, *SMALL) == 0
    return run


def test_kdef_from_raw_files_to_a_run_folder(kdef_run):
    scores = pd.read_csv(kdef_run / "scores.csv")
    assert list(scores["fold"].unique()) == ["fold0", "fold1", "fold2"]  # of F04, F03, F02
    assert list(scores["group"].unique())[:2] == ["all", "full_left"]
    assert (scores[scores["group"] == "all"]["count"] == 10).all()
    one = kdef_run / "fold1"
    predictions = pd.read_csv(one / "predictions.csv")
    assert set(predictions["subject"]) == {"F03"}
    hit = (predictions["expression"] == predictions["predicted"]).mean()
    row = scores[(scores["fold"] == "fold1") & (scores["group"] == "all")].iloc[0]
    assert row["accuracy"] == pytest.approx(hit)
    shares = predictions.filter(like="p_")
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-4)
    best = shares.idxmax(axis=1).str.removeprefix("p_")
    assert (best == predictions["predicted"]).all()
    assert ImageEncoder.from_pretrained(one / "pretraining" / "encoder").image_size == 32
    classifier = ImageClassifier.from_pretrained(one / "finetuning" / "classifier")
    assert "angry" in classifier.classes
    assert {"loss", "val_accuracy"} <= set(pd.read_csv(one / "finetuning" / "history.csv"))
    run = json.loads((kdef_run / "run.json").read_text())
    assert run["measured"]["fold1"]["seconds"] > 0
    assert "image_size: 32" in (kdef_run / "config.yaml").read_text()


def test_training_sees_neither_the_tested_nor_the_validating_people(kdef):
    from fermodels.experiments.command_line import _read

    config = ["--config", str(CONFIGS / "kdef_clmex.yaml"), "--experiment.data", str(kdef), *SMALL]
    experiment, _, _ = _read("fit", [*config, "--experiment.folds", "[2]"])
    subjects = experiment.read().table["subject"].to_numpy()
    ((name, fold),) = experiment.make_folds()
    assert name == "fold2"
    found = {key: set(subjects[rows]) for key, rows in fold.items()}
    assert found == {"test": {"F02"}, "val": {"F04"}, "train": {"F03"}}


def test_a_finished_part_is_not_run_again_and_other_settings_are_refused(kdef, kdef_run, capsys):
    before = (kdef_run / "fold0" / "predictions.csv").stat().st_mtime_ns
    config = (kdef_run / "config.yaml").read_text()
    options = ("--experiment.data", kdef, *SMALL)
    assert fit("kdef_clmex.yaml", kdef_run, *options, "--experiment.folds", "[0]") == 0
    assert "fold0: done before" in capsys.readouterr().out
    assert (kdef_run / "fold0" / "predictions.csv").stat().st_mtime_ns == before
    assert len(pd.read_csv(kdef_run / "scores.csv")["fold"].unique()) == 3
    config = (kdef_run / "config.yaml").read_text()
    assert fit("kdef_clmex.yaml", kdef_run, *options, "--experiment.seed", 1) == 2
    assert "seed was 0, is 1" in capsys.readouterr().err
    assert (kdef_run / "config.yaml").read_text() == config


def test_the_kept_configuration_is_one_that_runs(kdef_run, capsys):
    assert main(["fit", "--config", str(kdef_run / "config.yaml")]) == 0
    assert capsys.readouterr().out.count("done before") >= 1


def test_unlabelled_images_take_part_in_pretraining_only(kdef, tmp_path):
    whole = PreparedImages.read(kdef)
    angry = (whole.table["expression"] == "angry").to_numpy()
    hidden = angry & whole.table["subject"].isin(["F02", "F04"]).to_numpy()
    some = changed(whole, hidden, expression=None).write(tmp_path / "some.parquet")
    options = ("--experiment.data", some, *SMALL, "--experiment.folds", "[0]")
    assert fit("kdef_clmex.yaml", tmp_path / "run", *options) == 0  # tests F04, trains on F02
    scores = pd.read_csv(tmp_path / "run" / "scores.csv").set_index("group")
    assert scores.loc["all", "count"] == 5
    predictions = pd.read_csv(tmp_path / "run" / "fold0" / "predictions.csv")
    assert set(predictions["expression"]) == {"happy"}
    nothing = changed(whole, None, expression=None).write(tmp_path / "nothing.parquet")
    options = ("--experiment.data", nothing, *SMALL, "--experiment.folds", "[0]")
    assert fit("kdef_clmex.yaml", tmp_path / "other", *options) == 2


def test_without_pretraining_and_with_people_dealt_out(kdef, tmp_path):
    options = ("--experiment.pretraining", "null", "--experiment.fold_column", "none")
    options += (
        "--experiment.num_folds",
        3,
        "--experiment.folds",
        "[1]",
        "--experiment.accelerator",
        "cpu",
    )
    options += ("--experiment.finetuning.epochs", 1, *SMALL[:4])
    assert fit("kdef_clmex.yaml", tmp_path, "--experiment.data", kdef, *options) == 0
    assert not (tmp_path / "fold1" / "pretraining").exists()
    assert (tmp_path / "fold1" / "finetuning" / "classifier").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--experiment.data", "nowhere.parquet"], "nowhere.parquet"),
        (["--experiment.finetuning.epochs", "0"], "finetuning.epochs must be above 0"),
        (["--experiment.folds", "[7]"], "not 7"),
        (["--experiment.finetuning.batch_size", "0"], "finetuning.batch_size must be above 0"),
        (["--experiment.run_dir", "/proc/self/run"], "nothing can be written there"),
        (["--experiment.run_dir", "$NOWHERE/run"], "there is no variable $NOWHERE here"),
    ],
)
def test_mistakes_are_named(kdef, tmp_path, capsys, arguments, message):
    assert fit("kdef_clmex.yaml", tmp_path, "--experiment.data", kdef, *SMALL, *arguments) == 2
    assert message in capsys.readouterr().err


def test_an_unknown_setting_is_refused(kdef, tmp_path, capsys):
    with pytest.raises(SystemExit) as error:
        fit("kdef_clmex.yaml", tmp_path, "--experiment.finetuning.epochen", 3)
    assert error.value.code == 2
    assert "epochen" in capsys.readouterr().err


def test_unknown_commands_and_help(capsys):
    assert main(["train"]) == 2
    assert "unknown command 'train'" in capsys.readouterr().err
    assert main([]) == 0
    assert "--config configs/kdef_clmex.yaml" in capsys.readouterr().out


def test_the_report_of_a_run(kdef_run, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.START}\nold\n{report.END}\nafter\n")
    numbers = tmp_path / "all.csv"
    command = ["report", str(kdef_run), "--into", str(page), "--csv", str(numbers)]
    assert main(command) == 0
    scores = pd.read_csv(kdef_run / "scores.csv")
    every = 100 * scores[scores["group"] == "all"]["accuracy"]
    expected = f"| {every.mean():.1f} ± {every.std():.1f} |"
    lines = page.read_text().splitlines()
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in lines
    # A small network on three people is not the experiment of that name.
    (empty,) = [line for line in lines if line.startswith("| KDEF, CL-MEx, ResNet-50 |")]
    assert empty.endswith("|  |  |  |  |")
    (row,) = [line for line in lines if line.startswith("| KDEF, CL-MEx, ResNet-50 (")]
    assert expected in row and row.endswith("| 3 |") and lines.index(row) == lines.index(empty) + 1
    assert "network.image_size 32; network.name small" in row and "3 of 10 folds)" in row
    (empty,) = [line for line in lines if line.startswith("| MELD, ConCluGen |")]
    assert empty.endswith("|  |  |  |  |")
    printed = capsys.readouterr().out
    views = ["full_left", "half_left", "straight", "half_right", "full_right", "all"]
    assert [line.split("|")[1].strip() for line in printed.splitlines()[-6:]] == views
    assert len(pd.read_csv(numbers)) == 18


def test_the_spread_is_that_of_a_sample_and_parts_without_a_score_are_left_out():
    rows = [("fold0", 0.5), ("fold1", 0.6), ("fold2", 0.7)]
    scores = pd.DataFrame(rows, columns=["fold", "accuracy"]).assign(group="all", weighted_f1=0.5)
    scores["balanced_accuracy"] = [None, None, 0.25]
    last = report.overview({"mine": scores}).splitlines()[-1]
    assert last == "| mine |  | 60.0 ± 10.0 | 25.0 | 50.0 ± 0.0 | 3 |"


def test_the_report_says_what_is_wrong(kdef_run, tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert f"{tmp_path}: no run.json" in capsys.readouterr().err
    page = tmp_path / "page.md"
    page.write_text(f"{report.END}\n{report.START}\n")
    assert main(["report", str(kdef_run), "--into", str(page)]) == 2
    assert "in this order" in capsys.readouterr().err
    twin = tmp_path / "twin"
    twin.mkdir()
    for name in ("run.json", "scores.csv"):
        (twin / name).write_bytes((kdef_run / name).read_bytes())
    assert main(["report", str(kdef_run), str(twin)]) == 2
    assert "both named 'KDEF, CL-MEx, ResNet-50'" in capsys.readouterr().err


@pytest.mark.parametrize("config", ["ddcf_clmex", "ddcf_clmex_resnet18"])
def test_ddcf(ddcf, tmp_path, config):
    options = ["--experiment.num_folds", 2, "--experiment.folds", "[0]", *SMALL]
    assert fit(f"{config}.yaml", tmp_path, "--experiment.data", ddcf, *options) == 0
    scores = pd.read_csv(tmp_path / "scores.csv").set_index("group")
    assert scores["count"].to_dict() == {"all": 40} | dict.fromkeys(scores.index[1:], 8)
    assert len(scores) == 6 and set(scores["fold"]) == {"fold0"}


def test_kdef_with_an_encoder_of_torchvision(kdef, tmp_path):
    options = [
        "--experiment.data",
        kdef,
        "--experiment.folds",
        "[0]",
        "--experiment.pretraining",
        "null",
    ]
    options += ["--experiment.network.image_size", 32, "--experiment.finetuning.epochs", 0.1]
    options += ["--experiment.accelerator", "cpu"]
    assert fit("kdef_clmex_resnet18.yaml", tmp_path, *options) == 0
    classifier = tmp_path / "fold0" / "finetuning" / "classifier"
    assert ImageClassifier.from_pretrained(classifier).encoder.name == "resnet18"


@pytest.fixture(scope="module")
def ddcf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ddcf")
    raw = images.write_folder(images.ddcf_files(2, 40), folder / "DDCF")
    options = ("--size", 32, "--crop", "none", "--jobs", 1)
    prepare("ddcf", raw, folder / "ddcf.parquet", *options, *DDCF_NAMES)
    return folder / "ddcf.parquet"


TINY = (
    *("--experiment.seeds", "[0, 1]", "--experiment.pretraining.epochs", "2"),
    *("--experiment.pretraining.num_clusters", "2", "--experiment.finetuning.epochs", "2"),
    *("--experiment.accelerator", "cpu"),
)
IMPORT = ("--crop", "none", "--size", 32, "--jobs", 1)
FEATURES = ("--split", "official", "--copies", 1, "--jobs", 1)


def clips_run(config, run, parquet, features, *options):
    given = ("--experiment.data", parquet, "--experiment.features", features)
    assert fit(config, run, *given, *TINY, *options) == 0
    assert main(["report", str(run)]) == 0
    return pd.read_csv(run / "scores.csv"), pd.read_csv(run / "seed1" / "predictions.csv")


def test_mosei_from_its_csd_files(tmp_path, capsys):
    pytest.importorskip("h5py")
    parquet, features = tmp_path / "mosei.parquet", tmp_path / "mosei.safetensors"
    # Of the fixture's standard folds the clip of the test has no words, and is left out.
    folds, csd = tmp_path / "folds.csv", mosei.csd_folder(tmp_path / "csd")
    folds.write_text("video,split\n-aB3_xYz9Q0,train\n100234,train\n0123456,test\n")
    prepare("mosei", csd, parquet, "--folds", folds, *IMPORT)
    prepare("mosei-features", csd, parquet, features)
    run = tmp_path / "run"
    scores, predictions = clips_run("mosei_conclugen.yaml", run, parquet, features)
    assert list(scores["group"].unique()) == ["all", *mosei_emotions(predictions)]
    assert len(mosei_emotions(predictions)) == 6
    assert list(scores["fold"].unique()) == ["seed0", "seed1"]
    # One clip to test with: no emotion is there in some and not there in others.
    assert scores["balanced_accuracy"].isna().all()
    one = scores[scores["fold"] == "seed1"].set_index("group")["accuracy"]
    for name in mosei_emotions(predictions):
        right = (predictions[f"p_{name}"] >= 0.5) == predictions[f"true_{name}"]
        assert one[name] == pytest.approx(right.mean())
    assert one["all"] == pytest.approx(one.drop("all").mean(), abs=1e-5)
    assert "| – |" in capsys.readouterr().out


def mosei_emotions(predictions):
    return [c.removeprefix("true_") for c in predictions if c.startswith("true_")]


def test_scores_of_several_emotions():
    import numpy as np

    from fermodels.experiments.clips import _multi_label

    truth = np.array([[1, 0], [0, 0], [1, 0], [0, 0]])
    guess = np.array([[1, 0], [0, 1], [0, 1], [0, 0]])
    every, sad, angry = _multi_label(truth, guess, ["sad", "angry"])
    assert (sad["accuracy"], angry["accuracy"], every["accuracy"]) == (0.75, 0.5, 0.625)
    assert sad["balanced_accuracy"] == every["balanced_accuracy"] == 0.75  # (1/2 + 2/2) / 2
    assert "balanced_accuracy" not in angry


def test_meld(tmp_path):
    parquet, features = tmp_path / "meld.parquet", tmp_path / "meld.safetensors"
    prepare("meld", clip_sets.meld(tmp_path / "raw"), parquet, *IMPORT)
    prepare("features", parquet, features, *FEATURES)
    scores, predictions = clips_run("meld_conclugen.yaml", tmp_path / "run", parquet, features)
    assert list(scores["group"].unique()) == ["all"]
    hit = (predictions["emotion"] == predictions["predicted"]).mean()
    assert scores["accuracy"].iloc[1] == pytest.approx(hit)
    history = pd.read_csv(tmp_path / "run" / "seed0" / "pretraining" / "history.csv")
    assert {"contrastive", "clustering", "reconstruction"} <= set(history)


def test_caer_without_pretraining_and_cost(tmp_path, capsys):
    parquet, features = tmp_path / "caer.parquet", tmp_path / "caer.safetensors"
    prepare("caer", clip_sets.caer(tmp_path), parquet, *IMPORT)
    prepare("features", parquet, features, "--text", "none", *FEATURES)
    scores, _ = clips_run("caer_conclugen.yaml", tmp_path / "run", parquet, features)
    assert (scores["count"] > 0).all()
    capsys.readouterr()
    given = ["--experiment.data", parquet, "--experiment.features", features]
    config = ["--config", CONFIGS / "caer_conclugen.yaml", *given]
    assert main(["cost", *map(str, config)]) == 0
    assert "computed, not measured" in capsys.readouterr().out
    missing = ["--experiment.modalities", "[video, text]"]
    assert fit("caer_conclugen.yaml", tmp_path / "other", *given, *missing) == 2
    assert "no features of 'text'" in capsys.readouterr().err
    other = tmp_path / "other.safetensors"
    prepare("features", parquet, other, "--text", "none", *FEATURES, "--copies", "2")
    given[-1] = other
    assert fit("caer_conclugen.yaml", tmp_path / "run", *given) == 2
    assert re.search(r"other settings: features was '\w+', is '\w+'", capsys.readouterr().err)


def test_mead_as_images(tmp_path, capsys):
    acted, people = [("angry", 1), ("neutral", 1)], ("M003", "W009", "W011")
    films = [mead.takes(person, acted, ["001"], sounds=False) for person in people]
    raw, parquet = images.write_folder(chain(*films), tmp_path / "MEAD"), tmp_path / "mead.parquet"
    prepare("mead-images", raw, parquet, *IMPORT)
    options = ["--experiment.num_folds", 3, "--experiment.folds", "[0]", *SMALL]
    run = tmp_path / "run"
    assert fit("mead_clmex.yaml", run, "--experiment.data", parquet, *options) == 0
    scores = pd.read_csv(run / "scores.csv").set_index("group")
    assert scores["count"].to_dict() == {"all": 14} | dict.fromkeys(scores.index[1:], 2)
    assert {"full_left", "straight", "top", "down"} < set(scores.index) and len(scores) == 8
    assert (run / "fold0/pretraining/encoder").is_dir()
    config = ["--config", str(CONFIGS / "mead_clmex.yaml"), "--experiment.network.name", "small"]
    capsys.readouterr()
    assert main(["cost", *config]) == 0
    text = capsys.readouterr().out
    assert "counted for 73,920 images" in text and "a batch of 257" in text


def test_mead_as_clips(tmp_path):
    people, acted = ("M003", "M011", "W009", "W011", "W014"), [("angry", 1), ("contempt", 2)]
    files = [mead.takes(person, acted, ["001"], ["front"]) for person in people]
    raw = images.write_folder(chain(*files), tmp_path / "MEAD")
    parquet, features = tmp_path / "mead.parquet", tmp_path / "mead.safetensors"
    prepare("mead-clips", raw, parquet, *IMPORT)
    prepare("features", parquet, features, "--text", "none", "--copies", 1, "--jobs", 1)
    scores, predictions = clips_run("mead_conclugen.yaml", tmp_path / "run", parquet, features)
    hit = (predictions["emotion"] == predictions["predicted"]).mean()
    assert scores["accuracy"].iloc[1] == pytest.approx(hit) and (scores["count"] == 2).all()
    assert set(predictions["emotion"]) == {"angry", "contemptuous"}


def test_every_experiment_is_in_the_table_and_can_be_read():
    from fermodels.experiments.command_line import _read

    experiments = [_read("fit", ["--config", str(path)])[0] for path in CONFIGS.glob("*.yaml")]
    assert {experiment.name for experiment in experiments} == set(report.PAPERS)
    assert len({experiment.run_dir for experiment in experiments}) == len(experiments)
    for experiment in experiments:
        if hasattr(experiment, "network"):
            title = experiment.name.rpartition(", ")[2]
            assert experiment.network.name == title.lower().replace("-", "")


def test_the_cost_counts_convolutions():
    import torch

    from fermodels.experiments.cost import probe

    flops, kept, parameters = probe(torch.nn.Conv2d(3, 8, 3, padding=1), torch.rand(4, 3, 16, 16))
    assert flops == 2 * 16 * 16 * 8 * 3 * 9
    assert parameters == 8 * 27 + 8
    assert kept == 2 * 3 * 16 * 16  # its input in bfloat16


def test_the_cost_of_kdef_without_kdef(capsys):
    options = ("--experiment.network.name", "small", "--experiment.network.image_size", "32")
    config = ["--config", str(CONFIGS / "kdef_clmex.yaml"), "--experiment.data", "kdef.parquet"]
    assert main(["cost", *config, *options]) == 0
    text = capsys.readouterr().out
    assert f"{4890 * 8 // 10 * 130:,} images trained on in each of 10 folds" in text
    assert "batch of 245" in text and "computed, not measured" in text
