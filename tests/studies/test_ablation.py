"""The ablation: its plan, one run of it on a tiny set, and what is read out of stored runs."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from fermodels.course import ablation
from fermodels.data import PreparedImages
from fermodels.models import ImageEncoder
from studies import ablation as runner
from studies import ablation_report

TINY = {
    "images_seen": 140,
    "learning_rate": 1e-3,
    "from_scratch": {"images_seen": 210, "learning_rate": 1e-3},
    "groups_per_batch": 2,
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
    assert factors >= {"temperature", "batch", "augmentation", "projection", "ViewFX",
                       "images seen", "image size", "from scratch"}  # fmt: skip


def test_settings_that_see_labels_say_so():
    for setting in runner.settings():
        weight = setting.pretrain.get("supervised_weight", 1.0)
        assert setting.uses_labels == (setting.method == "viewfx" and weight > 0), setting.name


@pytest.fixture
def tiny(tiny_prepared, tmp_path, monkeypatch):
    torch.manual_seed(0)
    ImageEncoder(image_size=16, width=4).save_pretrained(tmp_path / runner.Setting("", "").start)
    monkeypatch.setenv("FERMODELS_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(runner, "PROTOCOL", TINY)
    monkeypatch.setattr(runner, "_read", lambda _: tiny_prepared)
    return lambda setting, seed=0: runner.one_run(
        "", setting, seed, tmp_path / f"{setting.factor}-seed{seed}.json", tmp_path / "runs"
    )


def test_a_run_is_written_whole_and_read_back(tiny, tiny_prepared, tmp_path):
    setting = runner.Setting("projection", "8", pretrain={"projection_dim": 8})
    result = tiny(setting)
    assert list(tmp_path.glob("*.json")) == [tmp_path / "projection-seed0.json"]
    assert not any((tmp_path / "runs").glob("*")), "what a finished run left behind"
    assert result["steps"] == 2 and result["data"] == tiny_prepared.fingerprint()
    frame = ablation.read(tmp_path)
    assert frame["setting"].tolist() == ["projection 8"]
    assert frame["images_seen"].tolist() == [140]
    val = tiny_prepared.split("subject", seed=0)["val"]
    people = set(tiny_prepared.table["subject"].iloc[val])
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
    monkeypatch.setattr(
        PreparedImages, "images", lambda self, rows: seen.extend(rows) or images(self, rows)
    )
    tiny(runner.Setting("reference", ""))
    assert set(seen) >= set(split["val"]) and not set(seen) & set(split["test"])


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
    ],
    ids=lambda setting: setting.name,
)
def test_every_kind_of_change_runs(tiny, setting):
    result = tiny(setting)
    assert 0 <= result["probe"]["all"] <= 1 and 0 <= result["finetuned"]["profiles"] <= 1
    steps = 0 if not setting.method else 3 if setting.scratch else 2 * setting.longer
    assert result.get("steps", 0) == steps


def test_runs_go_on_from_their_start_unless_from_scratch(tiny, tiny_prepared, tmp_path):
    start = ImageEncoder.from_pretrained(tmp_path / runner.Setting("", "").start).state_dict()
    rows = np.arange(len(tiny_prepared))

    def is_start(**options):
        setting = runner.Setting("yardstick", "", method="", **options)
        encoder, history = runner.pretrained(tiny_prepared, rows, setting, 1, tmp_path)
        assert not history
        return all(torch.equal(value, start[key]) for key, value in encoder.state_dict().items())

    assert is_start() and is_start(encoder={"image_size": 24})
    assert not is_start(scratch=True)
    ImageEncoder(image_size=16, width=4).save_pretrained(tmp_path / "other")
    assert not is_start(start="other")


def test_finished_runs_are_skipped_and_those_of_another_protocol_are_not(tmp_path, monkeypatch):
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
    monkeypatch.setattr(runner, "PROTOCOL", TINY)
    assert not runner.is_done(setting, 0, path)


def test_list(tmp_path, monkeypatch, capsys):
    arguments = ["ablation", "--list", "--results", str(tmp_path), "--only", "projection 64"]
    monkeypatch.setattr("sys.argv", arguments)
    runner.main()
    assert capsys.readouterr().out.split() == ["projection-64-seed0"]
    monkeypatch.setattr("sys.argv", [*arguments, "nonsense"])
    with pytest.raises(SystemExit):
        runner.main()
    assert "unknown settings ['nonsense']" in capsys.readouterr().err


def test_asking_about_an_encoder_writes_nothing(tiny, tiny_prepared, tmp_path, capsys):
    tiny_prepared.write(tmp_path / "tiny.parquet")
    before = set(tmp_path.rglob("*"))
    runner.ask(tmp_path / "tiny.parquet", tmp_path / runner.Setting("", "").start)
    assert set(tmp_path.rglob("*")) == before
    lines = capsys.readouterr().out.splitlines()
    assert [line[:7] for line in lines] == ["seed 0:", "seed 1:", "seed 2:"]


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
