"""The benchmark runs, compares equal losses, and its memory count can be trusted."""

import json
import os
import subprocess
from contextlib import nullcontext

import pytest
import torch

from benchmarks import losses, machine

CPU = torch.device("cpu")


def test_table_and_json(tmp_path, capsys):
    out = tmp_path / "new" / "losses.json"
    options = ["--sizes", "12", "20", "--rounds", "2", "--device", "cpu", "--no-memory"]
    losses.main([*options, "--busy", "0", "--out", str(out)])
    result = json.loads(out.read_text())
    rows = result["rows"]
    assert [row["n"] for row in rows] == [10, 10, 12, 12, 12, 12, 12, 20, 20, 20, 20, 20, 20, 20]
    for case in {(row["case"], row["n"]) for row in rows}:
        same = [row for row in rows if (row["case"], row["n"]) == case]
        values = [row["loss"] for row in same]
        assert max(values) - min(values) < 1e-4  # the same loss, or the comparison is void
        assert same[0]["name"] == "fermodels" and same[0]["times_ours"] == 1
    for row in rows:
        fastest, slowest = row["spread"]
        assert 0 < fastest <= row["seconds"] <= slowest and row["rounds"] == 2
        assert "memory_bytes" not in row and "busy" not in row
    assert result["settings"]["device"] == "CPU"
    assert [path.name for path in out.parent.iterdir()] == ["losses.json"]
    printed = capsys.readouterr().out
    assert printed.count("pytorch-metric-learning") == 4 and printed.count("whole matrix") == 2


def test_a_row_says_how_it_compares_with_ours_in_the_same_round(monkeypatch):
    times = {"fermodels": [(1.0, 0.5), (2.0, 0.5)], "whole matrix": [(3.0, 1.0), (4.0, 2.0)]}
    monkeypatch.setattr(losses, "in_turn", lambda functions, rounds: times)
    options = losses.parse(["--device", "cpu", "--no-memory", "--busy", "0"])
    _, theirs = losses.measure("multi-modal", 10, options)
    assert (theirs["seconds"], theirs["spread"], theirs["cpu_seconds"]) == (3.5, [3.0, 4.0], 1.5)
    assert theirs["times_ours"] == 2.5  # of 3 and 2, not 3.5 / 1.5


def test_beside_busy_processes_it_is_the_least_ratio_that_counts(monkeypatch):
    idle = {"fermodels": [(1.0, 1.0)], "whole matrix": [(3.0, 3.0)]}
    beside = {"fermodels": [(2.0, 1.0), (4.0, 1.0)], "whole matrix": [(5.0, 3.0), (6.0, 3.0)]}
    taken = iter((idle, beside))
    monkeypatch.setattr(losses, "in_turn", lambda functions, rounds: next(taken))
    started = []
    monkeypatch.setattr(losses, "busy", lambda many: started.append(many) or nullcontext())
    options = losses.parse(["--device", "cpu", "--no-memory", "--tries", "2"])
    ours, theirs = losses.measure("multi-modal", 10, options)
    assert started == [2] and ours["seconds"] == 1.0 and ours["busy"]["times_ours"] == 1
    assert theirs["busy"] == {
        "seconds": 5.5,
        "spread": [5.0, 6.0],
        "cpu_seconds": 3.0,
        "tries": 2,
        "times_ours": 1.5,  # of 5/2 and 6/4
    }
    assert "≥ 1.50" in losses.table([ours, theirs])


def test_busy_processes_spin_and_are_ended():
    def spinning():
        command = ["ps", "--ppid", str(os.getpid()), "-o", "args="]
        return subprocess.run(command, capture_output=True, text=True).stdout.count("getppid")

    with machine.busy(2):
        assert spinning() == 2
    assert spinning() == 0


def test_every_size_of_tile_is_timed_and_the_settings_come_back(monkeypatch):
    monkeypatch.setattr(losses, "threads_for", lambda x: 2)
    before = losses.tiles.TILE["cpu"], losses.tiles.KEPT_BYTES, losses.tiles.THREADS_FROM
    options = losses.parse(["--switch", "--sizes", "300", "--rounds", "1", "--device", "cpu"])
    rows = losses.measured(options)["rows"]
    assert [(row["tile"], row["tiles"], row["threads"]) for row in rows] == [
        (tile, kept, threads)
        for tile in (128, 256, 300)
        for kept in ("made again", "kept")
        for threads in ("split operations", "share tiles")
    ]
    after = losses.tiles.TILE["cpu"], losses.tiles.KEPT_BYTES, losses.tiles.THREADS_FROM
    assert after == before
    assert "made again" in losses.table(rows)


@pytest.mark.slow
def test_peak_memory_of_a_matrix_and_of_our_loss_without_one():
    options = losses.parse(["--device", "cpu"])
    ours, process = losses.child_peak("nt-xent", "fermodels", options, 4096)
    theirs, _ = losses.child_peak("nt-xent", "lightly", options, 4096)
    matrix = 4096**2 * 4
    assert theirs > 3 * matrix
    assert theirs < 8 * matrix  # not the whole process
    assert ours < matrix < process


def test_peers_are_left_out_where_their_matrices_do_not_fit():
    for case in losses.IMPLEMENTATIONS:
        assert losses.names(case, 65_536, CPU) == ["fermodels"]
    assert losses.names("nt-xent", 8192, CPU) == ["fermodels", "lightly", "pytorch-metric-learning"]
    assert losses.names("multi-modal", 8192, CPU) == ["fermodels", "whole matrix"]
    options = losses.parse(["--device", "cpu"])
    assert options.rounds == 7 and max(options.sizes) == 65_536
    assert losses.cases(65_536, options) == ["multi-view"]
    assert losses.cases(8192, options) == list(losses.IMPLEMENTATIONS)


def test_sizes_without_two_instances_are_refused(capsys):
    with pytest.raises(SystemExit):
        losses.main(["--sizes", "9"])
    assert "two instances" in capsys.readouterr().err
