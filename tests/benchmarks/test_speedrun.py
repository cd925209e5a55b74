"""`python -m benchmarks speedrun` and `levers`: clocks, readings, and quick forms that run."""

from types import SimpleNamespace

import pandas as pd
import pytest

pytest.importorskip("lightning")

from benchmarks import levers, pictures, speedrun
from benchmarks.speedrun import summary

CURVE = [
    {"step": 1, "images": 100.0, "seconds": 2.0, "loss": 5.0, "probe": 0.2},
    {"step": 2, "images": 200.0, "seconds": 4.0, "loss": 4.0, "probe": 0.65},
    {"step": 3, "images": 300.0, "seconds": 6.0, "loss": 3.0, "probe": 0.6},
]


def test_seconds_are_those_of_the_first_reading_that_is_good_enough():
    rows = {row["name"]: row["value"] for row in summary("now", CURVE, (0.1, 0.6, 0.65, 0.7))}
    assert rows == {
        "now: probe at the end": 0.6,
        "now: images": 50.0,
        "now: to 10.0 %": 2.0,
        "now: to 60.0 %": 4.0,
        "now: to 65.0 %": 4.0,
    }


def test_reading_the_probe_does_not_count_as_training(tiny_prepared, monkeypatch):
    clock = [0.0]

    def probe_of(prepared, split):
        def probe(encoder):
            clock[0] += 0.4
            return 0.5

        return probe

    def pretrain(method, data, *, validate, **options):
        rows = []
        for step in (1, 2, 3):  # as in `fit`: a step's clock is read before its validation
            clock[0] += 1.0
            rows.append({"step": step, "loss": 4.0, "seconds": clock[0]} | validate(None))
        return None, pd.DataFrame(rows)

    monkeypatch.setattr(speedrun, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(speedrun, "probe_of", probe_of)
    monkeypatch.setattr(speedrun.recipes, "pretrain", pretrain)
    curve = speedrun.trained(tiny_prepared, 300, every=1)
    assert [point["seconds"] for point in curve] == pytest.approx([1, 2, 3])
    assert [point["images"] for point in curve] == [100, 200, 300]
    assert all(point["probe"] == 0.5 for point in curve)


@pytest.mark.slow
def test_the_quick_forms_run(monkeypatch):
    names = dict(list(levers.VARIANTS.items())[:1]) | {
        name: levers.VARIANTS[name]
        for name in ("32, then 48 pixels", "three expressions first", "24 people")
    }
    monkeypatch.setattr(levers, "VARIANTS", names)
    rows = levers.run(quick=True)["rows"]
    assert len(rows) == 2 * len(names) and all(row["value"] > 0 for row in rows)
    result = speedrun.run(quick=True)
    assert {"first release: probe at the end", "today: images"} <= {
        r["name"] for r in result["rows"]
    }
    assert result["curves"]["today"][0]["probe"] > 0


def test_the_picture_has_a_curve_for_each_recipe():
    figure = pictures.speedrun({"curves": {"first release": CURVE, "today": CURVE[:2]}})
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == ["first release", "today"]
    assert list(lines[0].get_xdata()) == pytest.approx([2 / 60, 4 / 60, 6 / 60])
    assert list(lines[1].get_ydata()) == pytest.approx([20, 65])
