"""The benchmark runs, compares equal losses, and its memory count can be trusted."""

import json

import pytest
import torch

from benchmarks import losses

CPU = torch.device("cpu")


def test_table_and_json(tmp_path, capsys):
    out = tmp_path / "new" / "losses.json"
    options = ["--sizes", "12", "20", "--rounds", "2", "--device", "cpu", "--no-memory", "--out"]
    losses.main([*options, str(out)])
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
        assert "memory_bytes" not in row
    assert result["settings"]["device"] == "CPU"
    assert [path.name for path in out.parent.iterdir()] == ["losses.json"]
    printed = capsys.readouterr().out
    assert printed.count("pytorch-metric-learning") == 4 and printed.count("whole matrix") == 2


def test_a_row_says_how_it_compares_with_ours_in_the_same_round(monkeypatch):
    times = {"fermodels": [(1.0, 0.5), (2.0, 0.5)], "whole matrix": [(3.0, 1.0), (4.0, 2.0)]}
    monkeypatch.setattr(losses, "in_turn", lambda functions, rounds: times)
    options = losses.parse(["--device", "cpu", "--no-memory"])
    _, theirs = losses.measure("multi-modal", 10, options)
    assert (theirs["seconds"], theirs["spread"], theirs["cpu_seconds"]) == (3.5, [3.0, 4.0], 1.5)
    assert theirs["times_ours"] == 2.5  # of 3 and 2, not 3.5 / 1.5


def test_every_size_of_tile_is_timed_and_the_settings_come_back():
    before = losses.tiles.TILE["cpu"], losses.tiles.KEPT_BYTES
    options = losses.parse(["--switch", "--sizes", "300", "--rounds", "1", "--device", "cpu"])
    rows = losses.measured(options)["rows"]
    assert [(row["tile"], row["tiles"]) for row in rows] == [
        (tile, kept) for tile in (128, 256, 300) for kept in ("made again", "kept")
    ]
    assert (losses.tiles.TILE["cpu"], losses.tiles.KEPT_BYTES) == before
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
