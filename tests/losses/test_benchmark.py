"""The benchmark runs, compares equal losses, and its memory count can be trusted."""

import csv

import pytest
import torch

from benchmarks import losses


def test_table_and_csv(tmp_path, capsys):
    out = tmp_path / "new" / "losses.csv"
    options = ["--sizes", "12", "20", "--rounds", "2", "--device", "cpu", "--out"]
    rows = losses.main([*options, str(out)])
    assert [r["images"] for r in rows] == [10, 10, 20, 20, 12, 12, 12, 20, 20, 20]
    for case in {(r["case"], r["images"]) for r in rows}:
        values = [r["loss"] for r in rows if (r["case"], r["images"]) == case]
        assert max(values) - min(values) < 1e-4  # the same loss, or the comparison is void
    with out.open() as file:
        assert [r["implementation"] for r in csv.DictReader(file)] == [
            r["implementation"] for r in rows
        ]
    assert [p.name for p in out.parent.iterdir()] == ["losses.csv"]
    assert capsys.readouterr().out.count("pytorch-metric-learning") == 4


def test_peak_memory_counts_what_is_held_at_once():
    z = torch.ones(256, 256, requires_grad=True)
    size = z.numel() * 4

    def one_at_a_time(z):
        for _ in range(5):
            torch.zeros(256, 256)
        return z.sum()

    def three_at_once(z):
        kept = [torch.zeros(256, 256) for _ in range(3)]
        return z.sum() + kept[0][0, 0]

    assert losses.peak_bytes(three_at_once, z) == pytest.approx(3 * size, rel=0.1)
    assert losses.peak_bytes(one_at_a_time, z) == pytest.approx(size, rel=0.1)


def test_sizes_without_two_instances_are_refused(capsys):
    with pytest.raises(SystemExit):
        losses.main(["--sizes", "9"])
    assert "two instances" in capsys.readouterr().err
