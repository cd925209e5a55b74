"""The explorer's logic, without a browser: fields, lines, neighbours, composition, walking."""

import numpy as np
import pandas as pd
import pytest

from fermodels.explore.composition import composition, composition_html
from fermodels.explore.fields import Fields, field
from fermodels.explore.images import Images
from fermodels.explore.invariance import Invariance, summary
from fermodels.explore.lines import InstanceLines
from fermodels.explore.maps import Layouts, square
from fermodels.explore.neighbours import Space, check_embeddings, neighbour_frame, shared_counts
from fermodels.explore.source import Source
from fermodels.explore.walk import step
from fermodels.plots import EXPRESSION_COLORS, VIEW_COLORS, project

# --------------------------------------------------------------------------------- fields


def test_expressions_and_views_have_their_colors_of_the_course(tiny_prepared):
    fields = Fields(tiny_prepared.table)
    assert fields["expression"].palette == {
        e: EXPRESSION_COLORS[e] for e in EXPRESSION_COLORS if e != "content"
    }
    assert fields["view"].palette == VIEW_COLORS
    assert list(fields["view"].categories) == list(VIEW_COLORS)
    names = tiny_prepared.table["expression"].to_numpy()
    assert (fields["expression"].values == names).all()


def test_expression_comes_first_and_lists_are_no_colors(tiny_prepared):
    fields = Fields(tiny_prepared.table)
    assert list(fields)[:3] == ["expression", "view", "subject"]
    assert "actions" not in fields and "pitch" not in fields  # a list; all the same
    with pytest.raises(KeyError):
        fields["actions"]


def test_few_numbers_are_sorted_by_value_and_many_are_binned():
    yaw = field("yaw", pd.Series([90.0, -90.0, 0.0, 90.0]))
    assert yaw.categories == ("−90", "0", "90") and yaw.codes.tolist() == [2, 0, 1, 2]
    age = field("age", pd.Series(np.arange(100.0)))
    assert len(age.categories) == 6 and age.codes[0] == 0 and age.codes[-1] == 5
    assert (np.diff(age.codes) >= 0).all()
    assert age.counts.sum() == 100 and age.counts.min() >= 16


def test_missing_values_are_a_category_of_their_own():
    text = field("split", pd.Series(["train", None, "test"]))
    assert text.categories == ("train", "test", "(none)")
    assert text.codes.tolist() == [0, 2, 1]
    numbers = field("age", pd.Series([20.0, np.nan, 30.0]))
    assert numbers.categories == ("20", "30", "(none)") and numbers.codes.tolist() == [0, 2, 1]


def test_rare_names_beyond_the_limit_become_one_entry():
    names = [f"s{i}" for i in range(300) for _ in range(4 if i < 50 else 2)]
    subjects = field("subject", pd.Series(names))
    assert len(subjects.categories) == 200
    assert subjects.categories[-1] == "(101 more)"
    assert {f"s{i}" for i in range(50)} <= set(subjects.categories)
    assert subjects.counts.sum() == len(names)


def test_columns_with_a_value_per_row_are_left_out():
    table = pd.DataFrame({"word": [f"w{i}" for i in range(100)], "kind": ["a", "b"] * 50})
    assert list(Fields(table)) == ["kind"]


# ---------------------------------------------------------------------------------- lines


def test_lines_run_through_an_instance_by_yaw(tiny_prepared):
    table = tiny_prepared.table
    shuffled = table.sample(frac=1, random_state=0).reset_index(drop=True)
    lines = InstanceLines(shuffled)
    assert len(lines) == 84
    for path in lines.paths("all", [], None):
        assert shuffled["instance"].iloc[path].nunique() == 1
        assert shuffled["yaw"].iloc[path].tolist() == [-90, -45, 0, 45, 90]


def test_line_modes(tiny_prepared):
    table = tiny_prepared.table
    lines = InstanceLines(table)
    assert lines.paths("none", [0, 7], 3) == []
    assert lines.paths("one", [], None) == []
    [one] = lines.paths("one", [0], 7)
    assert set(one) == set(np.flatnonzero(table["instance"] == table["instance"][7]))
    selected = lines.paths("selected", [0, 1, 7], None)
    assert len(selected) == 2
    with pytest.raises(ValueError, match="lines must be one of"):
        lines.paths("some", [], None)


def test_hidden_points_leave_the_lines(tiny_prepared):
    lines = InstanceLines(tiny_prepared.table)
    shown = (tiny_prepared.table["view"] != "straight").to_numpy()
    assert all(len(path) == 4 for path in lines.paths("all", [], None, shown))
    assert lines.paths("all", [], None, np.zeros(len(shown), dtype=bool)) == []


def test_of_very_many_lines_some_are_drawn(tiny_prepared, monkeypatch):
    monkeypatch.setattr("fermodels.explore.lines.MOST", 10)
    lines = InstanceLines(tiny_prepared.table)
    drawn = lines.paths("all", [], None)
    assert len(drawn) == 10 == len({path[0] for path in drawn})


def test_a_table_without_instances_has_no_lines():
    lines = InstanceLines(pd.DataFrame({"emotion": ["sad"] * 3}))
    assert not lines.available and lines.paths("all", [0], 0) == []


# ----------------------------------------------------------------------------- neighbours


def test_neighbours_are_those_of_a_plain_sort():
    x = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    distance = 1 - unit @ unit[17]
    distance[17] = np.inf
    expected = np.argsort(distance)[:8]
    near, found = Space(x).nearest(17, 8)
    assert near.tolist() == expected.tolist()
    np.testing.assert_allclose(found, distance[expected], atol=1e-6)


def test_neighbours_that_tie_keep_the_order_of_rows_and_k_is_cut():
    x = np.ones((6, 3), dtype=np.float32)
    assert Space(x).nearest(2, 3)[0].tolist() == [0, 1, 3]
    assert len(Space(x).nearest(2, 99)[0]) == 5
    assert Space(np.zeros((3, 2), np.float32)).nearest(0, 2)[1].tolist() == [1, 1]


def test_neighbour_frame_counts_what_is_shared(tiny_prepared):
    table = tiny_prepared.table
    instance = pd.get_dummies(table["instance"]).to_numpy(np.float32)
    frame = neighbour_frame(Space(instance), table, 12, 4)
    assert (frame["distance"] < 1e-6).all()
    assert shared_counts(frame) == {"expression": 4, "instance": 4, "view": 0, "subject": 4}
    assert table["instance"].iloc[frame.index].eq(table["instance"][12]).all()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones(5), r"shape \(5,\)"),
        (np.ones((4, 2)), "4 embeddings of 'A', but the data set has 5 rows"),
        (np.array([[1.0, np.nan]] * 5), "5 rows hold NaN"),
    ],
)
def test_embeddings_that_do_not_fit(x, message):
    with pytest.raises(ValueError, match=message):
        check_embeddings(x, 5, "A")


# ---------------------------------------------------------------------------- composition


def test_composition_of_a_selection():
    kind = field("kind", pd.Series(["a"] * 6 + ["b"] * 2))
    table = composition(kind, np.array([0, 6, 7]))
    assert table["count"].tolist() == [1, 2]
    np.testing.assert_allclose(table["share"], [1 / 3, 2 / 3])
    np.testing.assert_allclose(table["overall"], [0.75, 0.25])


def test_composition_bars_escape_names_and_keep_the_commonest():
    evil = '<img src=x onerror="alert(1)">'
    names = [evil] * 3 + [f"s{i:02d}" for i in range(30)] * 2
    shown = composition_html(field(evil, pd.Series(names)), np.arange(len(names)))
    assert "<img" not in shown and "&lt;img" in shown
    assert shown.count("fm-bar-count") == 12 and "the 12 commonest" in shown


# ------------------------------------------------------------------------- maps and walking


def test_square_keeps_proportions():
    coords = square([[0, 0], [10, 0], [10, 5]])
    np.testing.assert_allclose(coords, [[-0.95, -0.475], [0.95, -0.475], [0.95, 0.475]], rtol=1e-5)
    assert np.isfinite(square(np.ones((4, 2)))).all()
    with pytest.raises(ValueError, match="finite"):
        square([[0, np.nan]])


def test_layouts_are_computed_once_and_given_ones_come_first():
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    layouts = Layouts(x, given=np.random.default_rng(1).normal(size=(9, 2)))
    assert layouts.names == ("given", "pca", "umap")
    assert layouts.known("given") and not layouts.known("pca")
    assert layouts["pca"] is layouts["pca"]
    np.testing.assert_array_equal(layouts["pca"], square(project(x, "pca")))
    with pytest.raises(ValueError, match="unknown map 'tsne'"):
        layouts["tsne"]


def test_arrow_keys_walk_over_the_map():
    coords = np.array([[0, 0], [1, 0.1], [3, 0], [0, 1], [-1, 0], [0.5, 5]], dtype=float)
    shown = np.ones(6, dtype=bool)
    assert step(coords, 0, "ArrowRight", shown) == 1
    assert step(coords, 1, "ArrowRight", shown) == 2
    assert step(coords, 0, "ArrowUp", shown) == 3
    assert step(coords, 0, "ArrowLeft", shown) == 4
    assert step(coords, 4, "ArrowLeft", shown) == 4
    shown[1] = False
    assert step(coords, 0, "ArrowRight", shown) == 2
    assert step(coords, None, "ArrowUp", np.zeros(6, dtype=bool)) is None


# --------------------------------------------------------------------------- view invariance


def test_invariance_is_measured_once_and_given_reports_are_taken(tiny_prepared):
    from fermodels.evaluation import view_invariance

    x = np.random.default_rng(0).normal(size=(420, 8))
    own = view_invariance(x, tiny_prepared.table)
    measured = Invariance({"A": x, "B": x}, tiny_prepared.table, {"A": own})
    assert measured["A"] is own
    assert measured["B"] == own and measured["B"] is measured["B"]
    names = [number["name"] for number in summary(own)]
    assert names == ["margin", "R@1 from profiles", "view can be read", "person can be read"]
    with pytest.raises(ValueError, match="no such embeddings"):
        Invariance({"A": x}, tiny_prepared.table, {"C": own})


def test_large_data_sets_are_measured_on_whole_subjects(tiny_prepared, monkeypatch):
    monkeypatch.setattr("fermodels.explore.invariance._MOST_IMAGES", 150)
    measured = Invariance(
        {"A": np.random.default_rng(0).normal(size=(420, 4))}, tiny_prepared.table
    )
    assert measured["A"].images == 140


def test_no_views_nothing_to_measure():
    assert not Invariance({}, pd.DataFrame({"emotion": ["sad"]})).available


# ------------------------------------------------------------------------ source, pictures


def test_predictions_become_outcomes(tiny_prepared):
    labels = tiny_prepared.labels.copy()
    labels[0] = (labels[0] + 1) % 7
    source = Source(tiny_prepared, {"A": labels, "B": tiny_prepared.table["expression"]})
    assert source.table["outcome (A)"].tolist() == ["wrong"] + ["correct"] * 419
    assert (source.table["outcome (B)"] == "correct").all()
    assert {"outcome (A)", "prediction (B)"} <= set(source.fields)
    with pytest.raises(ValueError, match="3 predictions for 420 rows"):
        Source(tiny_prepared, labels[:3])
    with pytest.raises(ValueError, match="indices up to 9"):
        Source(tiny_prepared, np.full(420, 9))


def test_split_becomes_a_column_and_the_data_set_keeps_its_own(tiny_prepared):
    source = Source(tiny_prepared, split={"train": [0, 1], "test": [2]})
    assert source.table["split"].tolist()[:3] == ["train", "train", "test"]
    assert source.fields["split"].categories == ("train", "test", "(none)")
    assert "split" not in tiny_prepared.table


def test_pictures_are_jpeg_of_the_row_and_only_the_last_are_kept(tiny_prepared, monkeypatch):
    import io

    from PIL import Image

    monkeypatch.setattr("fermodels.explore.images._KEPT", 2)
    pictures = Images(tiny_prepared)
    shown = np.asarray(Image.open(io.BytesIO(pictures.jpeg(37))), dtype=float)
    true = tiny_prepared.images([37])[0].astype(float)
    assert shown.shape == true.shape and np.abs(shown - true).mean() < 6
    for row in range(5):
        pictures.jpeg(row)
    assert len(pictures._kept) == 2
    assert Images(pd.DataFrame()).jpeg(0) == b"" and not Images(None).available
