"""The ablation: its plan, one run of it on a tiny set, and what is read out of stored runs."""

import json
import sys
import types
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fermodels.course import ablation
from fermodels.data import Augment, PreparedImages
from fermodels.models import ImageEncoder
from studies import ablation as runner
from studies import ablation_report
from tests.fixtures.images import make_tiny

TINY = {
    "start": "first",
    "augment": "default",
    "images_seen": 140,
    "learning_rate": 1e-3,
    "from_scratch": {"images_seen": 210, "learning_rate": 1e-3},
    "groups_per_batch": 2,
    "epoch_steps": 1,
    "labelled": 0.5,
    "finetune_steps": 2,
}


def stored(values, **columns):
    """Runs as `read` returns them, from {setting: accuracies of its seeds}."""
    rows = []
    for name, accuracies in values.items():
        factor, _, value = name.partition(" ")
        for seed, accuracy in enumerate(accuracies):
            metrics = dict.fromkeys(ablation.METRICS, accuracy)
            row = {"setting": name, "factor": factor, "value": value, "seed": seed}
            rows.append(row | {"uses_labels": False} | metrics | columns)
    return pd.DataFrame(rows)


def test_plan(tmp_path):
    runs = list(runner.planned(runner.settings(), tmp_path))
    assert len({path for *_, path in runs}) == len(runs), "two runs would share a file"
    assert runs[0][0].factor == "reference"
    seeds = [seed for _, seed, _ in runs]
    assert seeds == sorted(seeds), "each setting has a first run before any has a second"
    factors = {setting.factor for setting in runner.settings()}
    assert factors >= {"temperature", "batch", "augmentation", "without", "people", "pool",
                       "projection", "ViewFX", "images seen", "image size",
                       "from scratch"}  # fmt: skip


def test_settings_that_see_labels_say_so():
    for setting in runner.settings():
        weight = setting.pretrain.get("supervised_weight", 1.0)
        assert setting.uses_labels == (setting.method == "viewfx" and weight > 0), setting.name


def test_every_setting_can_be_made():
    """Its encoder, its augmentation; and each changes something."""
    reference = runner.augmentation(runner.Setting("reference", ""), 48)
    assert repr(reference) == repr(Augment(48))
    seen = {}
    for setting in runner.settings():
        augment = runner.augmentation(setting, 48)
        changed = setting.augment or setting.ingredients
        assert (repr(augment) != repr(reference)) == bool(changed), setting.name
        assert seen.setdefault(repr(setting), setting.name) == setting.name
        if setting.factor == "from scratch":
            ImageEncoder(**{"image_size": 48} | setting.encoder)
    without = runner.replaced(Augment.wide(48), {"style": 0.0})
    assert without.style == 0 and without.cutout == Augment.wide(48).cutout
    assert repr(without) == repr(Augment.wide(48)).replace(", style=0.2", "")
    with pytest.raises(ValueError, match="style is a probability"):
        runner.replaced(Augment.wide(48), {"style": 2})


@pytest.fixture
def tiny(tiny_prepared, tmp_path, monkeypatch):
    """`tiny(setting, seed)` makes a run; `tiny.files` are what it trains on and asks."""
    torch.manual_seed(0)
    ImageEncoder(image_size=16, width=4).save_pretrained(tmp_path / TINY["start"])
    monkeypatch.setenv("FERMODELS_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(runner, "PROTOCOL", TINY)
    pool = make_tiny(9, sessions=("A",), seed=5, prefix="w")
    more = make_tiny(4, sessions=("A",), seed=6, prefix="m")
    second = make_tiny(2, sessions=("A",), seed=7)
    module = types.ModuleType("studies.outside")
    module.asked = []

    def outside_scores(encoder, second, london, inside):
        module.asked.append((len(second), london, set(inside.table["subject"])))
        return {"second R@1, 45°": 0.25, "second R@1, 45° error": 0.01}

    module.outside_scores = outside_scores
    monkeypatch.setitem(sys.modules, "studies.outside", module)
    folder = tmp_path / "files"
    runner._read.cache_clear()
    runner._there.cache_clear()

    def run(setting, seed=0):
        path = tmp_path / f"{setting.factor}-seed{seed}.json"
        return runner.one_run(run.files, setting, seed, path, tmp_path / "runs")

    run.files = runner.Files(
        studio=tiny_prepared.write(folder / "studio.parquet"),
        pool=pool.write(folder / "pool.parquet"),
        more_studio=more.write(folder / "more.parquet"),
        second=second.write(folder / "second.parquet"),
        london=folder / "no.parquet",
        decoded=folder / "decoded",
    )
    run.outside = module
    yield run
    runner._read.cache_clear()
    runner._there.cache_clear()


def test_a_run_is_written_whole_and_read_back(tiny, tiny_prepared, tmp_path):
    setting = runner.Setting("projection", "8", pretrain={"projection_dim": 8})
    result = tiny(setting)
    assert list(tmp_path.glob("*.json")) == [tmp_path / "projection-seed0.json"]
    assert not any((tmp_path / "runs").glob("*")), "what a finished run left behind"
    assert result["steps"] == 2 and result["data"] == tiny_prepared.fingerprint()
    frame = ablation.read(tmp_path)
    assert frame["setting"].tolist() == ["projection 8"]
    assert frame["images_seen"].tolist() == [140]
    assert result["people"] == 9 and result["pool"] != result["data"]
    assert result["outside"] == {"second R@1, 45°": 0.25, "second R@1, 45° error": 0.01}
    assert ablation.outside(frame) == {"outside/second R@1, 45°": "second R@1, 45°"}
    assert frame["outside/second R@1, 45° error"].tolist() == [0.01]
    val = tiny_prepared.split("subject", seed=0)["val"]
    people = set(tiny_prepared.table["subject"].iloc[val])
    train = tiny_prepared.table["subject"].iloc[tiny_prepared.split("subject", seed=0)["train"]]
    assert tiny.outside.asked == [(70, None, set(train))]
    assert {c.split("/")[1] for c in frame if c.startswith("probe/")} >= people
    hits = frame[[f"probe/{person}" for person in people]].mean(axis=1)
    assert frame["probe/all"].item() == pytest.approx(hits.item(), abs=1e-3)


def test_the_same_run_gives_the_same_numbers_and_another_seed_others(tiny):
    setting = runner.Setting("temperature", "0.1", pretrain={"temperature": 0.1})
    first, again, other = tiny(setting), tiny(setting), tiny(setting, seed=1)
    assert first["loss"] == again["loss"] != other["loss"]
    assert first["probe"] == again["probe"]


def test_only_validation_subjects_are_asked(tiny, tiny_prepared, monkeypatch):
    split = tiny_prepared.split("subject", seed=0)
    seen = []
    images = PreparedImages.images

    def noted(self, rows=None):
        seen.extend(self.table["subject"].iloc[rows])
        return images(self, rows)

    monkeypatch.setattr(PreparedImages, "images", noted)
    tiny(runner.Setting("reference", ""))
    tiny(runner.Setting("pool", "studio", pool="studio"))
    people = {name: set(tiny_prepared.table["subject"].iloc[rows]) for name, rows in split.items()}
    assert set(seen) >= people["val"] and not set(seen) & people["test"]


def test_pools(tiny, tiny_prepared):
    trained = tiny_prepared.split("subject", seed=0)["train"]
    studio = tiny(runner.Setting("pool", "studio", pool="studio"))
    assert studio["pool"] == studio["data"] == tiny_prepared.fingerprint()
    assert studio["people"] == tiny_prepared.table["subject"].iloc[trained].nunique()
    few = tiny(runner.Setting("people", "3", subjects=3))
    assert few["people"] == 3 and few["images_seen"] == studio["images_seen"]
    assert few["loss"] != tiny(runner.Setting("reference", ""))["loss"]
    assert tiny(runner.Setting("pool", "more", pool="more studio"))["people"] == 4
    both = tiny(runner.Setting("pool", "both", pool="both"))
    assert both["people"] == 13 and both["images_seen"] == studio["images_seen"]
    assert len(list(tiny.files.decoded.iterdir())) == 5


def test_viewfx_leaves_out_what_has_no_label(tiny):
    pool = PreparedImages.read(tiny.files.pool)
    pool.table.loc[pool.table["expression"] == "sad", "expression"] = None
    pool.write(tiny.files.pool)
    runner._read.cache_clear()
    runner._pool.cache_clear()
    viewfx = runner.Setting("ViewFX", "", method="viewfx", pretrain={"supervised_weight": 0.0})
    assert tiny(viewfx)["people"] == 9


def test_ingredients_change_the_training(tiny):
    plain, changed = (
        tiny(runner.Setting("without", str(n), ingredients=n)) for n in ({}, {"gains": 0.0})
    )
    assert plain["loss"] != changed["loss"]
    assert changed["made"]["setting"]["ingredients"] == {"gains": 0.0}


@pytest.mark.parametrize(
    "setting",
    [
        runner.Setting("yardstick", "no pre-training", method="", scratch=True),
        runner.Setting("from scratch", "width 8", encoder={"width": 8}, scratch=True),
        runner.Setting("batch", "random moments", pretrain={"batch_by": "instance"}),
        runner.Setting("ViewFX", "both terms", method="viewfx", uses_labels=True),
        runner.Setting("augmentation", "mild", augment="mild"),
        runner.Setting("images seen", "× 2", longer=2),
        runner.Setting("image size", "24", encoder={"image_size": 24}),
        runner.Setting("SimCLR", "its own pairs", method="simclr"),
        runner.Setting("from scratch", "norm group", encoder={"norm": "group"}, scratch=True),
    ],
    ids=lambda setting: setting.name,
)
def test_every_kind_of_change_runs(tiny, setting):
    result = tiny(setting)
    assert 0 <= result["probe"]["all"] <= 1 and 0 <= result["finetuned"]["profiles"] <= 1
    steps = 0 if not setting.method else 3 if setting.scratch else 2 * setting.longer
    assert result.get("steps", 0) == steps


def test_runs_go_on_from_their_start_unless_from_scratch(tiny, tmp_path):
    start = ImageEncoder.from_pretrained(tmp_path / TINY["start"]).state_dict()

    def is_start(**options):
        setting = runner.Setting("yardstick", "", method="", **options)
        encoder, history = runner.pretrained(tiny.files, setting, 1, tmp_path)
        assert not history
        return all(torch.equal(value, start[key]) for key, value in encoder.state_dict().items())

    assert is_start() and is_start(encoder={"image_size": 24})
    assert not is_start(scratch=True)
    ImageEncoder(image_size=16, width=4).save_pretrained(tmp_path / "other")
    assert not is_start(start="other") and not is_start(start=str(tmp_path / "other"))
    assert is_start(start=str(tmp_path / TINY["start"]))


def test_finished_runs_are_skipped_and_those_of_another_protocol_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "PROTOCOL", runner.PROTOCOL | {"start": "clmex-anny-views"})
    setting = runner.Setting("projection", "8")
    path = tmp_path / "projection-8-seed0.json"
    assert not runner.is_done(setting, 0, path)
    path.write_text(json.dumps({"made": runner.made(setting, 0)}))
    assert runner.is_done(setting, 0, path)
    assert not runner.is_done(setting, 1, path)
    assert not runner.is_done(replace(setting, longer=2), 0, path)
    assert runner.is_done(replace(setting, seeds=(0, 1)), 0, path), "more seeds are other runs"
    other = replace(setting, start="simclr-anny-views")
    assert runner.made(other, 0)["start"] != runner.made(setting, 0)["start"], "its weights"
    assert not runner.is_done(other, 0, path)
    monkeypatch.setattr(runner, "PROTOCOL", TINY | {"start": runner.PROTOCOL["start"]})
    assert not runner.is_done(setting, 0, path)
    with pytest.raises(FileNotFoundError, match="is not there to go on from: `make weights`"):
        runner.start_of(replace(setting, start=str(tmp_path / "none")))


def test_list(tmp_path, monkeypatch, capsys):
    arguments = ["ablation", "--list", "--results", str(tmp_path), "--only", "projection 64"]
    monkeypatch.setattr("sys.argv", arguments)
    runner.main()
    assert capsys.readouterr().out.split() == ["projection-64-seed0"]
    monkeypatch.setattr("sys.argv", [*arguments, "nonsense"])
    with pytest.raises(SystemExit):
        runner.main()
    assert "unknown settings ['nonsense']" in capsys.readouterr().err


def test_asking_about_an_encoder_writes_nothing(tiny, tmp_path, capsys):
    before = set(tmp_path.rglob("*"))
    runner.ask(tiny.files, tmp_path / TINY["start"])
    assert set(tmp_path.rglob("*")) == before
    missing, *lines = capsys.readouterr().out.splitlines()
    assert "no.parquet is not there" in missing
    assert [line[:7] for line in lines] == ["seed 0:", "seed 1:", "seed 2:"]
    assert all(" second R@1, 45° 25.0%" in line for line in lines)


def test_noise_is_pooled_within_settings():
    runs = stored({"reference": [0.5, 0.6], "a 1": [0.9, 0.9, 0.9], "b 1": [0.2]})
    assert ablation.noise(runs, "probe/all") == pytest.approx(np.sqrt(0.005 / 3))
    with_yardstick = pd.concat([runs, stored({"yardstick x": [0.0, 1.0]})])
    assert ablation.noise(with_yardstick, "probe/all") == pytest.approx(np.sqrt(0.005 / 3))
    assert np.isnan(ablation.noise(stored({"reference": [0.5], "a 1": [0.6]}), "probe/all"))


def test_differences():
    runs = stored(
        {
            "reference": [0.50, 0.51, 0.52],
            "a 1": [0.70, 0.71],
            "a 2": [0.515, 0.525],
            "b 1": [0.40, 0.41],
            "yardstick x": [0.99],
        }
    )
    found = ablation.differences(runs, "probe/all")
    assert found.index.tolist() == ["a 1", "a 2", "b 1"]
    assert found["difference"].tolist() == pytest.approx([0.195, 0.01, -0.105])
    spread = ablation.noise(runs, "probe/all")
    assert found.loc["a 1", "error"] == pytest.approx(spread * np.sqrt(1 / 2 + 1 / 3))
    assert found["clear"].tolist() == [True, False, True]
    with pytest.raises(ValueError, match="no reference"):
        ablation.differences(runs[runs["factor"] == "a"], "probe/all")


def test_nothing_is_clear_without_repeats():
    runs = stored({"reference": [0.5], "a 1": [0.9]})
    assert not ablation.differences(runs, "probe/all")["clear"].any()


def test_order_of_the_table():
    names = ["yardstick x", "size 112", "size 64", "reference", "images × 2", "batch random"]
    runs = stored({name: [0.5] for name in names})
    assert list(ablation.table(runs).index) == [
        "reference", "batch random", "images × 2", "size 64", "size 112", "yardstick x"
    ]  # fmt: skip


def test_picture_has_a_row_for_each_change():
    import matplotlib.pyplot as plt

    runs = stored({"reference": [0.5, 0.52], "a 1": [0.6, 0.61], "yardstick x": [0.9]})
    axes = ablation.figure(runs)
    assert len(axes) == 3
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["a 1", "reference"]
    plt.close("all")


def test_inside_and_outside_stand_beside_each_other():
    import matplotlib.pyplot as plt

    runs = stored({"reference": [0.5], "a 1": [0.6], "b 1": [0.7], "yardstick x": [0.9]})
    runs["outside/r1"], runs["outside/r1 error"] = [0.3, 0.2, 0.1, 0.9], 0.02
    assert list(ablation.table(runs))[-2:] == ["fine-tuned, ±90°", "r1"]
    assert ablation.table(runs)["r1"].tolist() == pytest.approx([30, 20, 10, 90])
    assert ablation.agreement(runs, "probe/all", "outside/r1") == pytest.approx(-1)
    assert np.isnan(ablation.agreement(runs[:2], "probe/all", "outside/r1"))
    titles = [ax.get_title() for ax in ablation.figure(runs)]
    assert titles == ["linear probe, all views", "r1"]
    plt.close("all")
    text = ablation_report.text(runs, TINY)
    assert "ranks the settings as they do to a correlation of -1.00 with r1." in text
    assert "r1: none" in text and "| a 1 | 1 | 60.0 | 60.0 | 60.0 | 60.0 | 60.0 | 20.0 |" in text


def test_no_runs(tmp_path):
    with pytest.raises(FileNotFoundError, match="studies.ablation"):
        ablation.read(tmp_path)


def test_report():
    runs = stored({"reference": [0.5, 0.51], "a 1": [0.7, 0.71], "b 1": [0.505, 0.505]})
    lines = ablation_report.text(runs, TINY | {"images_seen": 1500}).splitlines()
    assert "for 1,500 images" in lines[2] and "50%" in lines[2]
    assert "| reference | 2 | 50.5 | 50.5 | 50.5 | 50.5 | 50.5 |" in lines
    assert "linear probe, all views: a 1 (+20.0)" in lines[-1]


def test_runs_of_two_protocols_are_refused(tmp_path):
    for number, seen in enumerate((1, 2)):
        run = {"made": {"protocol": {"images_seen": seen}}}
        (tmp_path / f"x-seed{number}.json").write_text(json.dumps(run))
    with pytest.raises(ValueError, match="2 protocols"):
        ablation_report.protocol(tmp_path)
