"""Figures of views, classes and labels that are none of the course's."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fermodels import evaluation, plots
from fermodels.plots.style import UNLABELLED_COLOR
from tests.plots.test_figures import texts

LEFT, FRONT, RIGHT = (plots.VIEW_COLORS[n] for n in ("full_left", "straight", "full_right"))


@pytest.fixture(autouse=True)
def clean():
    with plt.rc_context():
        yield
        plt.close("all")


def upper(colors):
    return {view: color.upper() for view, color in colors.items()}


@pytest.mark.parametrize(
    ("left", "front", "right"),
    [("yaw-90", "straight", "yaw+90"), ("-30", "0", "30"), (-60, 0, 60), ("−45°", "0°", "45°")],
)
def test_views_by_degrees_are_blue_on_the_left_and_red_on_the_right(left, front, right):
    colors = upper(plots.view_colors([right, front, left]))
    assert list(colors) == [left, front, right]
    assert (colors[left], colors[right]) == (LEFT, RIGHT)
    assert colors[front] == FRONT
    assert list(plots.view_markers([right, front, left]).values()) == ["<", "o", ">"]


def test_the_front_is_grey_where_only_one_side_is_shown():
    colors = upper(plots.view_colors(["straight", "yaw+45", "yaw+90"]))
    assert colors["straight"] == FRONT and colors["yaw+90"] == RIGHT
    assert len(set(colors.values())) == 3
    colors = upper(plots.view_colors(["front", "side"], {"front": 0, "side": -80}))
    assert list(colors) == ["side", "front"] and colors["side"] == LEFT


def test_views_without_an_angle():
    colors = upper(plots.view_colors(["top", "below", "yaw-30", "straight", "unknown"]))
    assert colors["unknown"] == UNLABELLED_COLOR and len(set(colors.values())) == 5
    cameras = plots.view_colors(["camera 10", "camera 9"])
    assert list(cameras) == ["camera 9", "camera 10"] and len(set(cameras.values())) == 2
    assert plots.view_markers(["camera 10", "camera 9", "unknown"])["unknown"] == "."


VIEWS = {
    "degrees": ["yaw-90", "straight", "yaw+90"],
    "numbers": [-22.5, 0.0, 60.0],
    "plain text": ["0", "30", "60"],
    "cameras": ["camera 2", "camera 10"],
    "some of both": ["straight", "yaw+30", "above", "top"],
    "one": ["front"],
}


@pytest.mark.parametrize("views", VIEWS.values(), ids=VIEWS)
def test_every_view_has_its_bar(views):
    y = np.zeros(len(views))
    rows = [
        {"method": m, "fraction": 0.5, "seed": 1, **evaluation.per_view_accuracy(y, y, views)}
        for m in ("a", "b")
    ]
    ax = plots.per_view_bars(pd.DataFrame(rows))
    shown = [tick.get_text() for tick in ax.get_xticklabels()]
    expected = [v if isinstance(v, str) else f"{v:g}°".replace("-", "−") for v in views]
    assert shown == [*expected, "profiles", "all"]


def test_bars_of_views_that_are_named():
    frame = pd.DataFrame({"method": ["a"], "front": [0.5], "note": [0.1], "side": [0.2]})
    yaws = {"front": 0, "side": -80}
    for given in ({"views": ["front", "side"], "yaws": yaws}, {"yaws": yaws}):
        ax = plots.per_view_bars(frame, **given)
        assert [t.get_text() for t in ax.get_xticklabels()] == ["side\n−80°", "front\n0°"]
    with pytest.raises(ValueError, match=r"no column \['back'\]"):
        plots.per_view_bars(frame, views=["back"])
    with pytest.raises(ValueError, match="view columns such as"):
        plots.per_view_bars(frame)


CLASSES = {
    "indices": (np.array([10, 2, 0] * 4), ["0", "2", "10"]),
    "Int64": (pd.array([3, None, 1] * 4, "Int64"), ["1", "3", "unlabelled"]),
    "categories": (pd.Categorical([3, 1, 2] * 4), ["1", "2", "3"]),
    "strings": (pd.Series(["b10", "b9", None] * 4, dtype="string"), ["b9", "b10", "unlabelled"]),
    "yes and no": (np.array([True, False, True] * 4), ["False", "True"]),
    "numbers and names": (np.array([1, "x", None] * 4, dtype=object), ["1", "x", "unlabelled"]),
    "views": (["yaw+30", "unknown", "yaw-30"] * 4, ["yaw-30", "yaw+30", "unknown"]),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_a_map_of_classes_of_any_kind(kind):
    values, names = CLASSES[kind]
    ax = plots.embedding_map(np.random.default_rng(0).normal(size=(12, 2)), values)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == names


def test_a_confusion_of_numbers_and_of_emotions():
    table = evaluation.confusion([3, 5], [3.0, 3.0], [3, 5])
    shown = texts(plots.confusion_heatmap(table, label="emotion"))
    assert {"3", "5", "predicted emotion", "true emotion"} <= set(shown)


def test_a_grid_of_views_of_any_name_and_of_many_sessions(tiny_prepared):
    table = tiny_prepared.table
    own = dict(zip(plots.VIEW_COLORS, ("left", "l45", "front", "r45", "right"), strict=True))
    chosen = tiny_prepared.subset(np.flatnonzero(table["subject"] == "f000"))
    metadata = {k: v for k, v in chosen.metadata.items() if k != "views"}
    renamed = type(chosen)(
        chosen.table.assign(
            image=chosen._blobs(),
            view=chosen.table["view"].map(own),
            session=chosen.table["session"].map({"A": "10", "B": "9"}),
        ),
        metadata,
    )
    ax = plots.instance_grid(renamed, "f000")
    ticks = [text.get_text().split("\n")[0] for text in ax.get_xticklabels()]
    assert ticks == list(own.values())
    session_9 = plots.instance_grid(renamed, "f000", "9").images[0].get_array()
    assert (ax.images[0].get_array() == session_9).all()
