"""Pictures of the tasks, of their toys and of the study."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fermodels import plots
from fermodels._shared.tasks import TASKS


@pytest.fixture(autouse=True)
def clean():
    yield
    plt.close("all")


def notes(ax):
    return [text.get_text() for text in ax.texts]


def test_diagram_shows_every_sense_in_every_task():
    axes = plots.task_diagram()
    assert len(axes) == 3
    for ax, task in zip(axes, TASKS, strict=True):
        assert ax.get_title().startswith(task)
        assert set(plots.MODALITY_COLORS) <= set(notes(ax))


def test_unit_circle_scales_points_to_length_one():
    points = np.array([[3.0, 4.0], [0.0, -2.0]])
    ax = plots.unit_circle({"video": points}, names=["a", "b"], legend=True)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[0.6, 0.8], [0, -1]])
    assert notes(ax) == ["a", "b"]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["video"]


def test_unit_circle_joins_clips_and_their_centroids():
    points = np.eye(2)
    centroids = np.array([[-1.0, 0.0], [0.0, 5.0]])
    ax = plots.unit_circle({"mean": points}, [1, 1], centroids)
    ends = [(line.get_xdata()[1], line.get_ydata()[1]) for line in ax.lines]
    assert ends == [(0, 1), (0, 1)]
    colors = ax.collections[0].get_facecolor()
    np.testing.assert_allclose(colors[0], matplotlib.colors.to_rgba(plots.CLUSTER_COLORS[1]))


def test_unit_circle_draws_moves():
    moves = np.array([[0.1, 0.0], [0.0, 0.2]])
    ax = plots.unit_circle({"video": np.eye(2)}, moves={"video": moves})
    (arrows,) = [c for c in ax.collections if isinstance(c, matplotlib.quiver.Quiver)]
    np.testing.assert_allclose(np.c_[arrows.U, arrows.V], moves)


def test_unit_circle_takes_two_numbers_only():
    with pytest.raises(ValueError, match=r"video has shape \(4, 3\)"):
        plots.unit_circle({"video": np.ones((4, 3))})


def test_pair_matrix_frames_the_diagonal_and_writes_cosines():
    s = np.array([[0.9, -0.1], [0.25, 0.5]])
    ax = plots.pair_matrix(s, ("video", "audio"))
    assert [patch.get_xy() for patch in ax.patches] == [(-0.5, -0.5), (0.5, 0.5)]
    assert notes(ax) == ["0.90", "−0.10", "0.25", "0.50"]
    assert ax.get_xlabel() == "audio of clip" and ax.get_ylabel() == "video of clip"
    plain = plots.pair_matrix(s, ("video", "audio"), numbers=False)
    assert not notes(plain) and not plain.patches
    with pytest.raises(ValueError, match="a square"):
        plots.pair_matrix(np.ones((2, 3)), ("video", "audio"))


def history(**tasks):
    return pd.DataFrame({"step": np.arange(1, 101), "loss": 1.0, **tasks})


def test_task_curves_have_a_panel_a_task_and_lines_at_chance():
    falling = np.linspace(9, 4, 100)
    late = np.r_[np.full(10, np.nan), np.linspace(3, 1, 90)]
    frame = history(contrastive=falling, clustering=late)
    axes = plots.task_curves(frame, {"contrastive": 10.5, "reconstruction": 3.0})
    assert [ax.get_title() for ax in axes] == ["contrastive", "clustering"]
    assert "chance 10.50" in notes(axes[0]) and not notes(axes[1])
    assert axes[0].get_ylim()[1] > 10.5
    assert axes[1].lines[0].get_xdata().min() == 11


def test_task_curves_of_several_runs_leave_out_what_a_run_lacks():
    runs = {
        "alone": history(clustering=np.ones(100)),
        "both": history(clustering=np.ones(100), reconstruction=np.ones(100)),
    }
    axes = plots.task_curves(runs)
    assert [len(ax.lines) for ax in axes] == [4, 2]
    with pytest.raises(ValueError, match="no history has a column of a task"):
        plots.task_curves(history())


def scores():
    rows = [
        {"method": m, "tasks": t, "modalities": s, "fraction": f, "seed": seed}
        | {"weighted_f1": level * (0.8 if f < 1 else 1) + 0.01 * seed}
        for m, t, s, level in (
            ("ConCluGen", "contrastive+clustering+reconstruction", "video+audio+text", 0.7),
            ("from scratch", "", "video+audio+text", 0.6),
        )
        for f in (1, 0.1)
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def test_combination_chart_shows_ingredients_and_every_run():
    left, right = plots.combination_chart(scores(), chance=1 / 7)
    assert [t.get_text() for t in left.get_yticklabels()] == ["ConCluGen", "from scratch"]
    grey = matplotlib.colors.to_rgba("#DDDDDD")
    off = {
        tuple(np.round(c.get_offsets()[0], 1))
        for c in left.collections
        if np.allclose(c.get_facecolor()[0], grey)
    }
    assert off == {(0.0, -1.0), (1.0, -1.0), (2.0, -1.0)}  # no task from scratch, all senses
    drawn = np.concatenate([c.get_offsets()[:, 0] for c in right.collections])
    assert {70, 71, 72, 56, 57, 58, 60, 48} <= set(np.round(drawn, 6))
    assert right.get_xlabel() == "weighted F1 (%)"
    labels = [t.get_text() for t in right.get_legend().get_texts()]
    assert set(labels) == {"100 % of the labels", "10 % of the labels", "chance 14 %"}
    np.testing.assert_allclose(right.lines[4].get_xdata(), 100 / 7)


def test_combination_chart_names_missing_columns():
    with pytest.raises(ValueError, match=r"no column \['tasks'\]"):
        plots.combination_chart(scores().drop(columns="tasks"))


def test_cluster_heatmap_counts_clips_and_sorts_clusters():
    clusters = [5, 5, 5, 2, 2, 9]
    emotions = ["sad", "sad", "angry", "angry", "angry", "sad"]
    ax = plots.cluster_heatmap(clusters, emotions)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["angry", "sad"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["2", "5", "9"]
    assert notes(ax) == ["2", "1", "0", "0", "2", "1"]


def test_gain_chart_has_a_row_a_method_and_a_line_a_budget():
    index = pd.MultiIndex.from_product([["a", "b"], [0.1, 1.0]], names=["method", "fraction"])
    table = pd.DataFrame({"gain": [3.0, 1.0, -2.0, 0.5], "2 s.e.": [1.0, 2.0, 1.0, 0.2]}, index)
    ax = plots.gain_chart(table, "ours", order=["b", "ours", "a"])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["b", "a"]
    full, tenth = ax.containers
    assert list(full.lines[0].get_xdata()) == [0.5, 1.0]
    assert list(tenth.lines[0].get_xdata()) == [-2.0, 3.0]
    (bars,) = tenth.lines[2]
    np.testing.assert_allclose(bars.get_segments()[1][:, 0], [2, 4])
    assert ax.get_xlabel().startswith("ours minus the other")
