"""The explorer with a second data set on its maps, shown and counted alone or beside ours."""

import threading

import numpy as np
import pandas as pd
import pytest

from fermodels.evaluation import view_invariance
from fermodels.explore import EmbeddingExplorer
from fermodels.explore.data_sets import DataSets, with_others
from fermodels.explore.maps import Layouts, square
from fermodels.explore.source import Source
from fermodels.plots import pca
from tests.fixtures.images import make_tiny

OWN, OTHER, ALL = slice(0, 420), slice(420, 560), "all"


@pytest.fixture(scope="module")
def second():
    """2 subjects, 140 images; called as two of ours, though they are others."""
    return make_tiny(subjects=2, seed=5)


@pytest.fixture(scope="module")
def embeddings():
    rng = np.random.default_rng(0)
    return {"before": rng.normal(size=(420, 8)), "after": rng.normal(size=(420, 6))}


@pytest.fixture(scope="module")
def further():
    rng = np.random.default_rng(1)
    return {"before": rng.normal(size=(140, 8)), "after": rng.normal(size=(140, 6))}


@pytest.fixture
def explorer(tiny_prepared, embeddings, second, further):
    explorer = EmbeddingExplorer(embeddings, tiny_prepared, others={"second": (further, second)})
    yield explorer
    explorer.close()


@pytest.fixture
def own_name(explorer):
    return explorer._source.sets.names[0]


def on_the_maps(explorer):
    """Which rows each map shows."""
    found = []
    for plot in explorer.maps.values():
        filtered = plot.widget.filter
        found.append(list(range(560)) if filtered is None else sorted(filtered))
    assert found[0] == found[1]
    return found[0]


def test_at_first_everything_is_as_without_others(explorer, tiny_prepared, embeddings, own_name):
    alone = EmbeddingExplorer(embeddings, tiny_prepared)
    assert alone._controls.data_set.layout.display == "none"
    assert explorer._controls.data_set.layout.display is None
    assert explorer.data_set == own_name and on_the_maps(explorer) == list(range(420))
    for name in embeddings:
        np.testing.assert_array_equal(explorer.maps[name].coords[OWN], alone.maps[name].coords)
        mine, theirs = (e.neighbours(7, 20, name) for e in (explorer, alone))
        pd.testing.assert_frame_equal(mine, theirs)
    assert explorer._legend.entries == alone._legend.entries
    for where in ({"expression": "sad"}, {"view": ["full_left"], "session": "A"}):
        assert explorer.select(**where).tolist() == alone.select(**where).tolist()
    assert explorer._selected.bars.value == alone._selected.bars.value
    assert explorer._selected.sheet.title == alone._selected.sheet.title
    assert list(alone._source.fields) == [n for n in explorer._source.fields if n != "set"]
    alone.close()


def test_the_menu_shows_the_other_one_or_both(explorer, own_name):
    menu = explorer._controls.data_set
    assert [value for _, value in menu.options] == [own_name, "second", ALL]
    menu.value = "second"
    assert explorer.data_set == "second" and on_the_maps(explorer) == list(range(420, 560))
    assert {entry["count"] for entry in explorer._legend.entries} == {20}
    assert explorer.select(expression="sad").min() >= 420
    assert explorer._selected.sheet.title == "Selection: 20 of 140"
    explorer.data_set = ALL
    assert on_the_maps(explorer) == list(range(560))
    assert {entry["count"] for entry in explorer._legend.entries} == {80}
    explorer.color_by = "set"
    counts = {entry["name"]: entry["count"] for entry in explorer._legend.entries}
    assert counts == {own_name: 420, "second": 140}
    assert len(explorer.select(set="second", expression="sad")) == 20
    with pytest.raises(ValueError, match="data_set 'third' is unknown; there are .*, second, all"):
        explorer.data_set = "third"
    explorer.data_set = own_name
    assert on_the_maps(explorer) == list(range(420))


def test_the_legend_hides_within_the_data_set(explorer):
    explorer.data_set, explorer.hidden = "second", ["happy"]
    sad = explorer._source.table["expression"] != "happy"
    expected = np.flatnonzero(sad & (np.arange(560) >= 420))
    assert on_the_maps(explorer) == expected.tolist()
    explorer.hidden = []
    assert on_the_maps(explorer) == list(range(420, 560))
    index = [entry["name"] for entry in explorer._legend.entries].index("sad")
    explorer._legend._received(None, {"type": "select", "index": index}, [])
    assert len(explorer.selection) == 20 and explorer.selection.min() >= 420


def test_neighbours_are_of_those_shown(explorer, embeddings, further):
    x = np.concatenate([embeddings["after"], further["after"]])
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    order = np.argsort(-(unit @ unit[430]), kind="stable")
    order = order[order != 430]
    explorer.choose(430)
    for shown, rows in (("second", range(420, 560)), (ALL, range(560))):
        explorer.data_set = shown
        expected = [row for row in order.tolist() if row in rows][:10]
        assert explorer.neighbours(430, encoder="after").index.tolist() == expected
        tiles = explorer._near.strips["after"].content["tiles"]
        assert [tile["row"] for tile in tiles] == expected
    assert min(expected) < 420  # ours are among the nearest of theirs


def test_images_are_those_of_their_rows(explorer, tiny_prepared, second):
    from fermodels.data import encode_image

    images = explorer._source.images
    for row, pixels in ((419, tiny_prepared.images([419])), (420, second.images([0]))):
        assert images.jpeg(row) == encode_image(pixels[0], "JPEG", 88)
    explorer.select([419, 420, 559])
    assert explorer._selected.sheet.content["pictures"][2] == images.jpeg(559)


def test_people_of_two_sets_are_not_one_person(explorer, tiny_prepared, second):
    table = explorer._source.table
    assert table["subject"].nunique() == 8 and table["instance"].nunique() == 112
    assert set(table["subject"][OWN]) == set(tiny_prepared.table["subject"])
    names = set(table["subject"][OTHER])
    assert names == {f"second {name}" for name in second.table["subject"].unique()}
    explorer.data_set, explorer.lines = ALL, "all"
    assert all(len({row < 420 for row in path}) == 1 for path in explorer._paths())


def test_numbers_are_of_the_set_that_is_shown(explorer, second, further):
    header = explorer._headers["after"]
    header._received(None, {"type": "shown"}, [])
    _finish()
    own = [number["value"] for number in header.numbers]
    explorer.data_set = "second"
    assert header.note == "measuring view invariance …" or header.numbers
    _finish()
    other = [number["value"] for number in header.numbers]
    assert header.note == "" and other != own
    expected = view_invariance(further["after"].astype(np.float32), second.table)
    assert explorer.reports["after"].margin == pytest.approx(expected.margin, abs=1e-6)
    explorer.data_set = explorer._source.sets.names[0]
    assert [number["value"] for number in header.numbers] == own


def _finish():
    for thread in threading.enumerate():
        if thread.name == "fermodels-explorer":
            thread.join(60)


def test_predictions_may_end_before_the_others(tiny_prepared, embeddings, second, further):
    said = tiny_prepared.labels
    others = {"second": second}
    table = Source(tiny_prepared, said, others=others).table
    assert (table["outcome"][OWN] == "correct").all() and table["outcome"][OTHER].isna().all()
    everything = np.append(said, (second.labels + 1) % 7)
    table = Source(tiny_prepared, everything, others=others).table
    assert set(table["outcome"][OTHER]) == {"wrong"}
    with pytest.raises(ValueError, match="421 predictions for 560 rows"):
        Source(tiny_prepared, np.append(said, 0), others=others)


def test_axes_stay_those_of_our_own(embeddings, further):
    x = np.concatenate([embeddings["after"], further["after"]])
    coords = square(pca(embeddings["after"]))
    found = Layouts(x, own=420)["pca"]
    scale = np.abs(found[OWN]).max() / np.abs(coords).max()
    np.testing.assert_allclose(found[OWN], scale * coords, atol=1e-5)
    assert np.abs(found).max() <= 1 and (scale == 1 or np.abs(found).max() == pytest.approx(1))
    # Where theirs lie where some of ours do, they fall on the same points.
    again = Layouts(np.concatenate([embeddings["after"], embeddings["after"][:50]]), own=420)["pca"]
    np.testing.assert_allclose(again[420:], coords[:50], atol=1e-4)
    # One that is far outside makes the map smaller, and nothing is lost beyond its edge.
    narrow = np.random.default_rng(2).normal(size=(40, 3)) * [0.01, 0.01, 0] + [0, 0, 1]
    wide = Layouts(np.concatenate([narrow, [[1.0, 1.0, 0]]]), own=40)["pca"]
    assert np.abs(wide).max() == pytest.approx(1) and np.abs(wide[:40]).max() < 0.2


def test_settings_come_back(tiny_prepared, embeddings, second, further, tmp_path):
    options = {"others": {"second": (further, second)}, "remember": tmp_path / "settings.json"}
    first = EmbeddingExplorer(embeddings, tiny_prepared, **options)
    first.data_set = "second"
    first.select([430, 5])
    state = first.state
    first.close()
    again = EmbeddingExplorer(embeddings, tiny_prepared, **options)
    assert again.state == state and on_the_maps(again) == list(range(420, 560))
    again.close()


def test_wrong_others(tiny_prepared, embeddings, second, further):
    def make(others, x=embeddings):
        EmbeddingExplorer(x, tiny_prepared, others=others)

    with pytest.raises(ValueError, match="embeddings of second of before, but there are before, a"):
        make({"second": ({"before": further["before"]}, second)})
    with pytest.raises(ValueError, match="139 embeddings of 'after, second', but .* has 140 rows"):
        make({"second": (further | {"after": further["after"][1:]}, second)})
    with pytest.raises(ValueError, match="by 'after' have 8 dimensions, the others 6"):
        make({"second": (further | {"after": further["before"]}, second)})
    with pytest.raises(ValueError, match="cannot be called 'all'"):
        make({"all": (further, second)})
    own = Source(tiny_prepared).sets.names[0]
    with pytest.raises(ValueError, match=f"two data sets '{own}'"):
        make({own: (further, second)})
    tables = {"a": pd.DataFrame({"set": ["x"] * 3}), "b": pd.DataFrame({"view": ["x"] * 3})}
    with pytest.raises(ValueError, match="table of 'a' has a column 'set'"):
        DataSets(tables).table()
    assert "set" in DataSets({"a": tables["a"]}).table()
    x = with_others({"e": np.ones((3, 2), np.float32)}, {"b": (np.zeros((3, 2)), tables["b"])})
    assert x["e"].shape == (6, 2) and x["e"].dtype == np.float32
