"""EmbeddingExplorer, driven as a browser would drive it: by messages and traits."""

import gc
import json
import weakref

import numpy as np
import pandas as pd
import pytest

from fermodels.explore import EmbeddingExplorer

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def embeddings():
    rng = np.random.default_rng(0)
    return {"before": rng.normal(size=(420, 8)), "after": rng.normal(size=(420, 6))}


@pytest.fixture
def explorer(tiny_prepared, embeddings):
    explorer = EmbeddingExplorer(embeddings, tiny_prepared, page_size=10)
    yield explorer
    explorer.close()


def lasso(explorer, name, rows):
    """What the plot does when the mouse has drawn around `rows`."""
    explorer.maps[name].widget.selection = np.asarray(rows, dtype=np.uint32)


def sheet_rows(explorer):
    return [tile["row"] for tile in explorer._selected.sheet.content["tiles"]]


def test_a_lasso_fills_the_sheet_and_the_other_map(explorer, tiny_prepared):
    lasso(explorer, "before", [7, 3, 99])
    assert explorer.selection.tolist() == [3, 7, 99]
    assert sheet_rows(explorer) == [3, 7, 99]
    assert explorer.maps["after"].widget.selection.tolist() == [3, 7, 99]
    pictures = explorer._selected.sheet.content["pictures"]
    assert all(picture[:2] == b"\xff\xd8" for picture in pictures)
    assert len(set(pictures)) == 3
    frame = explorer.frame
    assert frame.index.tolist() == [3, 7, 99]
    assert frame["subject"].tolist() == tiny_prepared.table["subject"].iloc[[3, 7, 99]].tolist()
    assert "by expression" in explorer._selected.bars.value
    assert "by view" in explorer._selected.bars.value


def test_only_a_page_of_pictures_is_sent(explorer):
    explorer.select(range(25))
    assert sheet_rows(explorer) == list(range(10))
    explorer._selected.forward.click()
    explorer._selected.forward.click()
    assert sheet_rows(explorer) == list(range(20, 25))
    assert explorer._selected.forward.disabled and not explorer._selected.back.disabled
    explorer.select([400])
    assert sheet_rows(explorer) == [400]


def test_a_click_chooses_and_shows_neighbours_in_each_space(explorer):
    lasso(explorer, "after", [42])
    assert explorer.chosen == 42
    for name, sheet in explorer._near.strips.items():
        expected = explorer.neighbours(42, encoder=name)
        assert [tile["row"] for tile in sheet.content["tiles"]] == expected.index.tolist()
        assert f"{expected['same_view'].sum()} the same view" in sheet.title
        assert sheet.content["tiles"][0]["note"] == f"{expected['distance'].iloc[0]:.3f}"
    explorer.k = 3
    assert len(explorer._near.strips["before"].content["tiles"]) == 3


def test_a_picture_of_the_sheet_can_be_picked(explorer):
    explorer.select([5, 6])
    explorer._selected.sheet._received(None, {"type": "pick", "row": 6}, [])
    assert explorer.chosen == 6 and explorer.selection.tolist() == [5, 6]
    assert [t["chosen"] for t in explorer._selected.sheet.content["tiles"]] == [False, True]


def test_hovering_shows_the_card_and_the_point_on_the_other_map(explorer, tiny_prepared):
    explorer.maps["before"].widget.hovering = 12
    card = explorer._hover.content
    assert card["row"] == 12 and card["picture"][:2] == b"\xff\xd8"
    assert tiny_prepared.table["subject"][12] in card["lines"][0]
    assert explorer.maps["after"].widget.hovering == 12
    assert len(explorer.maps["after"].widget.annotations) == 4  # joins the views of its instance
    explorer.maps["before"].widget.hovering = None
    assert explorer._hover.content == {}
    assert explorer.maps["after"].widget.hovering == -1
    assert explorer.maps["after"].widget.annotations == []


def test_the_chosen_point_can_be_hovered_too(explorer):
    explorer.choose(12)
    explorer.maps["before"].widget.hovering = 12
    assert explorer._hover.content["row"] == 12


def test_lines_pass_through_the_points_of_the_map(explorer):
    explorer.lines = "all"
    for plot in explorer.maps.values():
        assert len(plot.widget.annotations) == 84 * 4
        vertices = {tuple(v) for line in plot.widget.annotations for v in line.vertices}
        assert vertices == {tuple(point) for point in plot.coords.tolist()}
    explorer.lines = "selected"
    assert explorer.maps["after"].widget.annotations == []
    explorer.select([0, 1, 200])
    assert len(explorer.maps["after"].widget.annotations) == 2 * 4
    with pytest.raises(ValueError, match="lines 'some' is unknown"):
        explorer.lines = "some"


def test_the_status_line_says_when_lines_are_left_out(explorer, monkeypatch):
    for module in ("lines", "embedding_explorer"):
        monkeypatch.setattr(f"fermodels.explore.{module}.MOST", 7)
    explorer.lines = "all"
    assert explorer._controls.status.value.startswith("7 instances")
    explorer.lines = "none"
    assert explorer._controls.status.value == ""


def test_recoloring_changes_points_and_legend(explorer, tiny_prepared):
    explorer.color_by = "view"
    entries = explorer._legend.entries
    assert [entry["name"] for entry in entries] == list(tiny_prepared.views)
    assert {entry["count"] for entry in entries} == {84}
    for plot in explorer.maps.values():
        assert plot.widget.points[:, 2].astype(int).tolist() == tiny_prepared.view_ids.tolist()
        assert len(plot.widget.color) == 5
    with pytest.raises(ValueError, match="color_by 'nose' is unknown"):
        explorer.color_by = "nose"


def test_the_legend_filters(explorer, tiny_prepared):
    happy = tiny_prepared.expressions.index("happy")
    explorer._legend._received(None, {"type": "show", "index": happy, "shown": False}, [])
    assert explorer.hidden == {"happy"}
    left = np.flatnonzero(tiny_prepared.labels != happy)
    for plot in explorer.maps.values():
        assert plot.widget.filter.tolist() == left.tolist()
    assert not explorer._legend.entries[happy]["shown"]
    explorer.color_by = "view"
    assert explorer.hidden == set() and explorer.maps["after"].widget.filter is None
    explorer.color_by = "expression"  # comes back as it was left
    assert explorer.hidden == {"happy"}
    explorer._legend._received(None, {"type": "only", "index": happy}, [])
    assert len(explorer.maps["after"].widget.filter) == 60
    explorer._legend._received(None, {"type": "all", "index": None}, [])
    assert explorer.maps["after"].widget.filter is None
    with pytest.raises(ValueError, match="category 'nose' is unknown"):
        explorer.hidden = {"nose"}


def test_the_legend_selects_what_is_shown(explorer, tiny_prepared):
    explorer.hidden = {"sad"}
    sad = tiny_prepared.expressions.index("sad")
    explorer._legend._received(None, {"type": "select", "index": sad}, [])
    assert len(explorer.selection) == 0
    explorer.hidden = ()
    explorer._legend._received(None, {"type": "select", "index": sad}, [])
    assert (tiny_prepared.labels[explorer.selection] == sad).all()
    assert len(explorer.selection) == 60


def test_select_from_python(explorer, tiny_prepared):
    table = tiny_prepared.table
    rows = explorer.select(expression="sad", view=["full_left", "full_right"])
    expected = (table["expression"] == "sad") & table["view"].isin(["full_left", "full_right"])
    assert rows.tolist() == np.flatnonzero(expected).tolist()
    assert explorer.select(expected.to_numpy()).tolist() == rows.tolist()
    assert explorer.select([]).tolist() == []
    for wrong in ([420], [-1], [0.5]):
        with pytest.raises(IndexError, match="rows must be numbers from 0 to 419"):
            explorer.select(wrong)
    with pytest.raises(ValueError, match="column 'nose' is unknown"):
        explorer.select(nose="long")
    with pytest.raises(IndexError, match="no row 420"):
        explorer.choose(420)


def test_keys_choose_and_select(explorer):
    header = explorer._headers["before"]
    header._received(None, {"type": "key", "key": "ArrowRight"}, [])
    first = explorer.chosen
    assert first is not None
    for plot in explorer.maps.values():  # a cross on both maps, and the line of its instance
        level, upright = plot.widget.annotations[-2:]
        assert (upright.x, level.y) == tuple(plot.coords[first].tolist())
        assert len(plot.widget.annotations) == 4 + 2
    header._received(None, {"type": "key", "key": "ArrowRight"}, [])
    coords = explorer.maps["before"].coords
    assert coords[explorer.chosen, 0] > coords[first, 0]
    header._received(None, {"type": "key", "key": "Enter"}, [])
    assert explorer.selection.tolist() == [explorer.chosen]


def test_pan_and_zoom_and_tool_are_linked(explorer):
    before, after = (plot.widget for plot in explorer.maps.values())
    assert before.view_sync == after.view_sync
    before.mouse_mode = "lasso"
    assert after.mouse_mode == "lasso"


def test_numbers_are_measured_when_a_browser_shows_it(tiny_prepared, embeddings):
    explorer = EmbeddingExplorer(embeddings, tiny_prepared)
    header = explorer._headers["before"]
    assert header.numbers == [] and header.note == ""
    assert not explorer._invariance.done
    header._received(None, {"type": "shown"}, [])
    # No loop runs here, so the threads deliver by themselves.
    for thread in list(__import__("threading").enumerate()):
        if thread.name == "fermodels-explorer":
            thread.join(60)
    assert set(explorer._invariance.done) == {"before", "after"}
    assert header.numbers[0]["name"] == "margin" and header.note == ""
    assert explorer.reports["after"].images == 420
    explorer.close()


def test_the_map_can_be_changed(tiny_prepared, embeddings):
    given = {name: np.random.default_rng(3).normal(size=(420, 2)) for name in embeddings}
    explorer = EmbeddingExplorer(embeddings, tiny_prepared, coords=given, lines="all")
    assert explorer.map == "given"
    before = explorer.maps["before"].widget.points.copy()
    explorer.map = "pca"
    plot = explorer.maps["before"]
    assert not np.allclose(before[:, :2], plot.widget.points[:, :2])
    np.testing.assert_allclose(plot.widget.points[:, :2], plot.coords, atol=1e-6)
    assert tuple(plot.widget.annotations[0].vertices[0]) in {tuple(c) for c in plot.coords.tolist()}
    explorer.close()
    with pytest.raises(ValueError, match="pass coordinates by encoder"):
        EmbeddingExplorer(embeddings, tiny_prepared, coords=given["before"])


def test_the_figure_shows_what_the_maps_show(explorer):
    import matplotlib.pyplot as plt

    explorer.hidden = {"happy"}
    explorer.select([0, 1, 2])
    figure = explorer.figure()
    axes = figure.axes[:2]
    assert [ax.get_title() for ax in axes] == ["before", "after"]
    drawn = sum(len(dots.get_offsets()) for dots in axes[0].collections)
    assert drawn == 360 + 3  # the shown points and the circles around the selection
    names = [text.get_text() for text in axes[1].get_legend().get_texts()]
    assert "sad" in names and "happy" not in names
    plt.close(figure)


def test_without_webgl_a_picture_follows(explorer):
    for name in explorer.maps:  # both headers find out
        explorer._header_event(name, "no-webgl", {})
    column, legend = explorer.widget.children[1].children
    headers, picture = column.children
    assert legend is explorer._legend
    assert list(headers.children) == list(explorer._headers.values())
    seen = {bytes(picture.value)}
    explorer.color_by = "view"
    seen.add(bytes(picture.value))
    explorer._legend_event("select", {"index": 0})
    seen.add(bytes(picture.value))
    explorer._header_event("after", "key", {"key": "ArrowLeft"})
    seen.add(bytes(picture.value))
    assert len(seen) == 4 and all(png.startswith(b"\x89PNG") for png in seen)


def test_settings_outlive_the_explorer(tiny_prepared, embeddings, tmp_path):
    path = tmp_path / "run" / "explorer.json"
    first = EmbeddingExplorer(embeddings, tiny_prepared, remember=path)
    first.color_by, first.lines, first.k = "view", "selected", 4
    first.hidden = {"straight"}
    first.select([1, 2, 3])
    first.choose(2)
    first.close()
    again = EmbeddingExplorer(embeddings, tiny_prepared, remember=path)
    assert again.state == first.state
    assert again.color_by == "view" and again.hidden == {"straight"} and again.chosen == 2
    assert again._legend.title == "view"
    assert sheet_rows(again) == [1, 2, 3]
    again.close()
    other = EmbeddingExplorer(
        embeddings["after"][:70], tiny_prepared.subset(np.arange(70)), remember=path
    )
    assert other.color_by == "expression" and len(other.selection) == 0
    other.close()
    path.write_text("{broken")
    EmbeddingExplorer(embeddings, tiny_prepared, remember=path).close()


def test_settings_can_be_saved_from_two_threads(tmp_path):
    """JupyterLab may handle a widget's message while a cell runs."""
    from concurrent.futures import ThreadPoolExecutor

    from fermodels.explore import memory

    path = tmp_path / "explorer.json"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda k: memory.save(path, {"rows": 5, "k": k}), range(400)))
    assert memory.load(path, 5)["rows"] == 5
    assert list(tmp_path.iterdir()) == [path]


def test_the_mouse_is_heard_while_a_cell_selects(explorer):
    """A lasso that arrives in the widgets' thread waits for the cell, it is not taken for an echo
    of what the cell does."""
    from threading import Thread

    after = explorer.maps["after"].widget
    mouse = Thread(target=lambda: lasso(explorer, "before", [7, 8]))

    def at_work(change):
        if not mouse.ident:
            mouse.start()
            mouse.join(0.3)  # it is not done before the cell is

    after.observe(at_work, "selection")
    explorer.select([1, 2, 3])
    mouse.join(10)
    assert explorer.selection.tolist() == [7, 8] and list(after.selection) == [7, 8]


def test_closing_frees_everything(tiny_prepared, embeddings):
    from ipywidgets.widgets import widget

    before = set(widget._instances)
    explorer = EmbeddingExplorer(embeddings, tiny_prepared)
    explorer.select([1, 2])
    explorer.choose(1)
    parts = [explorer, explorer._selected, explorer._source, explorer.maps["before"].widget]
    parts += [explorer._legend, explorer._hover]
    watched = [weakref.ref(part) for part in parts]
    explorer.close()
    explorer.close()
    assert set(widget._instances) == before
    del explorer, parts
    gc.collect()
    assert [ref() for ref in watched] == [None] * 6


def test_without_pictures_and_with_one_array(embeddings):
    table = pd.DataFrame({"emotion": ["sad", "happy", None] * 140, "note": "x"})
    explorer = EmbeddingExplorer(embeddings["after"], table)
    assert explorer.color_by == "emotion"
    explorer.select([0, 2])
    content = explorer._selected.sheet.content
    assert content["pictures"] == [b"", b""]
    assert content["tiles"][1]["caption"] == "row 2"
    assert explorer._controls.lines.disabled
    with pytest.raises(ValueError, match="no instances seen from several views"):
        _ = explorer.reports
    explorer.close()


class Clips:
    """What the explorer uses of PreparedClips."""

    emotions = ("sad", "happy")

    def __init__(self):
        self.table = pd.DataFrame(
            {
                "clip": [f"c{i}" for i in range(30)],
                "subject": ["s1", "s2", EVIL] * 10,
                "emotion": ["sad", "happy"] * 15,
                "transcript": [EVIL] * 30,
            }
        )

    def frames(self, row):
        return None if row == 1 else (np.full((5, 8, 8, 3), 200, np.uint8), 8.0)

    def transcript(self, row):
        return self.table["transcript"][row]

    @property
    def present(self):
        return {"video": np.arange(30) != 1}

    def webm(self, row):
        return b"clip"


def test_clips_show_a_frame_their_words_and_a_player():
    explorer = EmbeddingExplorer(np.random.default_rng(0).normal(size=(30, 4)), Clips())
    explorer.choose(0)
    markup = explorer._near.player.value
    assert "<video controls" in markup and "base64,Y2xpcA==" in markup and EVIL not in markup
    explorer.select([0, 1])
    assert [len(picture) > 0 for picture in explorer._selected.sheet.content["pictures"]] == [
        True,
        False,
    ]
    explorer.maps["embedding"].widget.hovering = 0
    assert f"“{EVIL}”" in explorer._hover.content["lines"]
    explorer.close()


def test_data_never_becomes_html(tiny_prepared):
    """What goes into an HTML widget is escaped; the rest travels as text to `textContent`."""
    import ipywidgets

    from fermodels.explore.embedding_explorer import _all_widgets

    table = tiny_prepared.table.copy()
    for column in ("subject", "instance", "expression", "view"):
        table[column] = EVIL + table[column]
    table[EVIL] = EVIL
    x = np.random.default_rng(0).normal(size=(420, 4))
    explorer = EmbeddingExplorer({EVIL: x}, table, predictions={EVIL: table["expression"]})
    for name in explorer._source.fields:
        explorer.color_by = name
        explorer.select(range(60))
        explorer.choose(3)
        explorer._selected.name.value = EVIL
        explorer._selected.button.click()
        explorer._failed(ValueError(EVIL))
        pages = [w for w in _all_widgets(explorer.widget) if isinstance(w, ipywidgets.HTML)]
        assert len(pages) >= 4
        for page in pages:
            assert "<img" not in page.value.lower()
            # Dropdowns, labels and buttons show descriptions as text, unless told otherwise.
            assert not page.description_allow_html
    assert EVIL in explorer._legend.entries[0]["name"] or EVIL in explorer._legend.title
    explorer.close()


def test_the_scripts_never_write_html():
    from pathlib import Path

    import fermodels.explore

    scripts = sorted((Path(fermodels.explore.__file__).parent / "static").glob("*.js"))
    assert {path.name for path in scripts} >= {"header.js", "hover.js", "legend.js", "sheet.js"}
    for path in scripts:
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in path.read_text(), f"{path.name} uses {way}"


def test_every_control_has_a_label(explorer):
    import ipywidgets

    from fermodels.explore.embedding_explorer import _all_widgets

    kinds = (ipywidgets.Dropdown, ipywidgets.BoundedIntText, ipywidgets.Text, ipywidgets.Button)
    controls = [w for w in _all_widgets(explorer.widget) if isinstance(w, kinds)]
    assert len(controls) >= 8
    for control in controls:
        assert control.description and control.tooltip


def test_the_button_hands_over_the_frame(explorer, monkeypatch):
    pushed = {}

    class Shell:
        def push(self, values):
            pushed.update(values)

    monkeypatch.setattr("IPython.get_ipython", lambda: Shell())
    explorer.select([4, 5])
    explorer._selected.name.value = "mine"
    explorer._selected.button.click()
    assert pushed["mine"].index.tolist() == [4, 5]
    assert "now holds these 2 rows" in explorer._selected.said.value
    explorer._selected.name.value = "not a name"
    explorer._selected.button.click()
    assert "is not a name" in explorer._selected.said.value


def test_wrong_arguments(tiny_prepared, embeddings):
    with pytest.raises(ValueError, match="6 embeddings of 'embedding', but the data set has 420"):
        EmbeddingExplorer(embeddings["after"][:6], tiny_prepared)
    with pytest.raises(ValueError, match="no embeddings"):
        EmbeddingExplorer({}, tiny_prepared)
    with pytest.raises(ValueError, match="unknown map 'tsne'"):
        EmbeddingExplorer(embeddings, tiny_prepared, map="tsne")
    with pytest.raises(ValueError, match="color_by 'nose' is unknown"):
        EmbeddingExplorer(embeddings, tiny_prepared, color_by="nose")
    with pytest.raises(TypeError, match="expected PreparedImages"):
        EmbeddingExplorer(embeddings, [1, 2, 3])
    with pytest.raises(ValueError, match="needs three points"):
        EmbeddingExplorer(embeddings["after"][:2], tiny_prepared.subset([0, 1]))


def test_state_is_plain_json(explorer):
    explorer.select([1, 2])
    assert json.loads(json.dumps(explorer.state))["selection"] == [1, 2]
