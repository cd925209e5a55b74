"""The quick forms of the pipeline's speed tests: they run, and their rows are plain numbers."""

import importlib
import json
import math

import pytest

from benchmarks import timing

pytest.importorskip("lightning")

ROWS = {
    "opening": {"open and decode"},
    "network": {"channels last", "channels first", "bfloat16 mixed"},
    "peak": {"matrices", "small, 16 px, 20 images: share of the matrices"},
    "pipeline": {"fit", "resident", "fit / resident, wall", "copy", "augmentation", "loss"},
    "rendering": {
        f"{protocol}: {part}"
        for protocol in ("kdef", "wide")
        for part in (
            *("head model", "creases", "scene", "painting", "meshes", "shading", "shadows"),
            *("drawing", "developing", "WebP", "the rest"),
        )
    },
    "big_set": {"from the file", "in memory", "ratio, wall", "peak memory"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ROWS))
def test_quick(name, capsys):
    result = importlib.import_module(f"benchmarks.{name}").run(quick=True)
    rows = {row["name"]: row for row in result["rows"]}
    assert ROWS[name] <= set(rows)
    for row in rows.values():
        assert set(row) == {"name", "value", "spread", "unit", "runs"}
        assert math.isfinite(row["value"]) and row["spread"] >= 0 and row["runs"] >= 1
    assert json.loads(json.dumps(result)) == result
    timing.print_table(result)
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("PyTorch", *rows))
    if name == "big_set":
        assert rows["peak memory"]["value"] < 2


def test_row():
    row = timing.row("a", [1.0, 2.0, 3.0, 4.0, 100.0], "s")
    assert row == {"name": "a", "value": 3.0, "spread": 1.0, "unit": "s", "runs": 5}
    assert timing.row("a", [2.0], "s")["spread"] == 0


def test_in_turn_changes_who_goes_first():
    calls = []
    times = timing.in_turn({name: lambda name=name: calls.append(name) for name in "abc"}, 3)
    assert "".join(calls) == "abcbcacab"
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3, "c": 3}
