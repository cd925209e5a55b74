"""EmbeddingExplorer in JupyterLab, with mouse and keyboard, in a real browser."""

import io

import numpy as np
import pytest
from PIL import Image

from fermodels import course
from fermodels.data import PreparedImages
from fermodels.plots import EXPRESSION_COLORS
from tests.browser import notebooks as cells
from tests.browser.page import free_rectangle, lone_points, wait_until

SIMCLR, CLMEX = 0, 1  # the maps from left to right
INTERACTIVE = {"button", "checkbox", "combobox", "spinbutton", "textbox", "slider", "link"}


@pytest.fixture(scope="module")
def faces():
    """What the notebook shows."""
    faces = PreparedImages.read(course.data("anny_views_kdef"))
    return faces.subset(np.flatnonzero(faces.subject_ids % 9 == 0))


@pytest.fixture(scope="module")
def opened(open_notebook, notebooks):
    notebook = open_notebook(cells.write(notebooks / "explorer.ipynb", cells.FACES, cells.EXPLORER))
    notebook.run_all()
    notebook.wait_for(".fm-map canvas")
    notebook.wait_for(".fm-number")
    notebook.screenshot("explorer_open")
    return notebook


@pytest.fixture
def notebook(opened):
    """The explorer as at first; the browser must have nothing to complain about afterwards."""
    opened.python(
        "explorer.clear(); explorer.hidden = ()\n"
        "explorer.color_by, explorer.lines, explorer.k = 'expression', 'one', 10\n"
        "explorer.hidden = ()"
    )
    opened.page.mouse.move(2, 2)
    opened.page.locator(".fm-map").first.locator("button[title*='pan']").click()
    opened.until("document.querySelector('.fm-legend-title').textContent.startsWith('expression')")
    opened.until("document.querySelectorAll('.fm-tile').length === 0")
    opened.settle()
    yield opened
    assert opened.errors == []


def coords(notebook, encoder="CL-MEx"):
    return np.array(notebook.value(f"explorer.maps[{encoder!r}].coords"))


def legend(notebook):
    """Names and colours of the legend's entries."""
    entries = notebook.page.locator(".fm-legend li").evaluate_all(
        "items => items.map((item) => [item.dataset.name,"
        " getComputedStyle(item.querySelector('.fm-swatch')).backgroundColor])"
    )
    return {
        name: "#{:02X}{:02X}{:02X}".format(*map(int, color[4:-1].split(",")))
        for name, color in entries
    }


def rgb(color):
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])


def close(seen, wanted, within=40):
    return np.abs(np.asarray(seen, float) - wanted).max(-1) < within


def test_a_lasso_shows_exactly_the_images_inside(notebook, faces):
    points = notebook.pixels(CLMEX, coords(notebook))
    low, high, inside = free_rectangle(points, notebook.map_box(CLMEX), most=40)
    notebook.draw_lasso(CLMEX, low, high)
    notebook.wait_for(".fm-tile")
    assert notebook.value("explorer.selection") == inside.tolist()
    assert notebook.rows() == inside.tolist()
    title = notebook.page.locator(".fm-sheet-title").first.inner_text()
    assert title == f"Selection: {len(inside)} of 560"
    counts = notebook.page.locator(".fm-composition .fm-bars").nth(0).inner_text()
    for expression, count in faces.table["expression"].iloc[inside].value_counts().items():
        assert f"{expression}\n{count} (" in counts
    notebook.screenshot("explorer_lasso")
    # On the other map, too, the selected points keep their colour and all others turn pale.
    other = notebook.pixels(SIMCLR, coords(notebook, "SimCLR"))
    lone = np.setdiff1d(lone_points(other, 10), inside)
    colors = np.array([rgb(EXPRESSION_COLORS[name]) for name in faces.table["expression"]])

    def vivid(rows):
        return close(notebook.colors(other[rows]), colors[rows]).mean()

    assert len(lone) > 20
    wait_until(lambda: vivid(inside) > 0.8 and vivid(lone) == 0, "the selection on the second map")
    notebook.page.locator(".fm-clear").click()
    notebook.until_value("len(explorer.selection)", 0)
    notebook.until("document.querySelectorAll('.fm-tile').length === 0")


def test_the_selection_becomes_a_dataframe(notebook):
    notebook.page.locator(".fm-legend li[data-name=sad] button[data-type=select]").click()
    notebook.until("document.querySelectorAll('.fm-tile').length === 48")
    notebook.page.locator(".fm-frame").click()
    notebook.until("document.body.textContent.includes('now holds these 80 rows')")
    assert notebook.value("sorted(set(selected['expression']))") == ["sad"]
    assert notebook.value("selected.index") == notebook.value("explorer.selection")
    notebook.page.get_by_role("button", name="next ▶").click()
    wait_until(lambda: len(notebook.rows()) == 32, "the second page")
    assert notebook.rows() == notebook.value("explorer.selection[48:]")


def test_hovering_shows_the_right_picture(notebook, faces):
    points = notebook.pixels(CLMEX, coords(notebook))
    images = faces.images().astype(np.int16)
    lone = lone_points(points, 10)
    for row in lone[[0, len(lone) // 2, -1]]:
        assert notebook.hover(*points[row]) == row
        card = notebook.page.locator(".fm-hover").first
        assert faces.table["subject"][row] in card.inner_text()
        notebook.until("document.querySelector('.fm-hover img')?.complete")
        data = card.locator("img").evaluate(
            "async (image) => [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())]"
        )
        shown = np.asarray(Image.open(io.BytesIO(bytes(data)))).astype(np.int16)
        assert np.abs(images - shown).mean((1, 2, 3)).argmin() == row
    notebook.screenshot("explorer_hover")
    # The views of its instance are joined, on both maps.
    assert notebook.value("[len(m.widget.annotations) for m in explorer.maps.values()]") == [4, 4]
    notebook.page.mouse.move(2, 2)
    notebook.until("document.querySelector('.fm-hover').dataset.row === undefined")


def test_recoloring_changes_legend_and_points(notebook, faces):
    assert legend(notebook) == {name: EXPRESSION_COLORS[name].upper() for name in faces.expressions}
    points = notebook.pixels(CLMEX, coords(notebook))
    row = lone_points(points, 12)[7]
    before = rgb(EXPRESSION_COLORS[faces.table["expression"][row]])
    assert close(notebook.colors(points[[row]]), before).all()
    notebook.choose("fm-color", "view")
    notebook.until("document.querySelector('.fm-legend-title').textContent.startsWith('view')")
    palette = legend(notebook)
    assert list(palette) == list(faces.views)
    after = rgb(palette[faces.table["view"][row]])
    wait_until(lambda: close(notebook.colors(points[[row]]), after).all(), "the new colour")
    notebook.screenshot("explorer_by_view")


def test_recoloring_in_quick_succession_ends_with_the_last_colors(notebook, faces):
    for column in ("subject", "yaw", "session", "expression", "view"):
        notebook.python(f"explorer.color_by = {column!r}")
    palette = legend(notebook)
    assert list(palette) == list(faces.views)
    points = notebook.pixels(CLMEX, coords(notebook))
    rows = lone_points(points, 12)
    wanted = np.array([rgb(palette[view]) for view in faces.table["view"].iloc[rows]])
    wait_until(
        lambda: close(notebook.colors(points[rows]), wanted).all(), "the colours of the views"
    )


def test_the_legend_filters(notebook, faces):
    points = notebook.pixels(CLMEX, coords(notebook))
    lone = lone_points(points, 12)
    happy = lone[(faces.table["expression"].iloc[lone] == "happy").to_numpy()]
    rest = np.setdiff1d(lone, happy)
    assert len(happy) and len(rest) > len(happy)

    def seen(rows):
        return ~close(notebook.colors(points[rows]), 255)

    assert seen(lone).all()
    notebook.page.get_by_role("checkbox", name="Show happy, 80 points").uncheck()
    wait_until(lambda: not seen(happy).any() and seen(rest).all(), "happy hidden, the rest there")
    notebook.page.get_by_role("button", name="Show only happy").click()
    wait_until(lambda: seen(happy).all() and not seen(rest).any(), "nothing but happy")
    notebook.screenshot("explorer_only_happy")
    notebook.page.get_by_role("button", name="Show every expression").click()
    wait_until(lambda: seen(lone).all(), "all back")


def test_lines_join_the_views_of_an_instance(notebook):
    points = notebook.pixels(SIMCLR, coords(notebook, "SimCLR"))
    views = notebook.value("[explorer._instances.rows(row) for row in range(560)]")
    # The instance with the most places in the middle between two views that no point covers.
    best = 0, None, None
    for row in range(0, 560, 5):
        ends = points[views[row]]
        middles = (ends[1:] + ends[:-1]) / 2
        free = np.linalg.norm(points[:, None] - middles, axis=2).min(0) > 6
        best = max(best, (free.sum(), row, middles[free]), key=lambda found: found[0])
    count, row, middles = best
    assert count >= 2

    def drawn():
        # A line is two pixels wide: look around its middle.
        near = [middles + (dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        return np.any([notebook.colors(spot).max(1) < 110 for spot in near], axis=0)

    notebook.python(f"explorer.select([{row}])")
    notebook.choose("fm-lines", "none")
    wait_until(lambda: not drawn().any(), "no line")
    notebook.choose("fm-lines", "the selected")
    wait_until(lambda: drawn().all(), "the lines of the selected instance")
    notebook.choose("fm-lines", "all")
    notebook.until_value("len(explorer.maps['SimCLR'].widget.annotations)", 4 * 112)
    notebook.screenshot("explorer_all_lines")


def test_both_maps_zoom_together(notebook):
    rows = lone_points(notebook.pixels(SIMCLR, coords(notebook, "SimCLR")), 10)
    points = notebook.pixels(SIMCLR, coords(notebook, "SimCLR"))[rows]
    before = notebook.colors(points)
    box = notebook.map_box(CLMEX)
    notebook.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6)
    notebook.page.mouse.wheel(0, -300)

    def unchanged():
        return close(notebook.colors(points), before).mean()

    wait_until(lambda: unchanged() < 0.5, "the other map has zoomed")
    notebook.screenshot("explorer_zoomed")
    # Without an end to it, the plot would run out of numbers and take the page with it.
    for _ in range(60):
        notebook.page.mouse.wheel(0, -900)
    zoom = "max(float(plot.widget.zoom_level) for plot in explorer.maps.values())"
    wait_until(lambda: notebook.value(zoom) > 6, "the map has zoomed far")
    notebook.settle()
    assert notebook.value(zoom) < 16
    notebook.page.mouse.move(2, 2)

    def reset():
        # Drawn without a graphics card, a reset may stop a frame before its end.
        for plot in notebook.page.locator(".fm-map").all():
            plot.get_by_title("Reset View").click()
            notebook.settle()
        return unchanged() > 0.95

    wait_until(reset, "the view is back")


def test_everything_can_be_done_by_keyboard(notebook):
    page = notebook.page
    page.locator(".fm-color select").focus()
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => {
              const node = document.activeElement;
              if (!node.closest('.fm-explorer')) return null;
              const style = getComputedStyle(node);
              const visible = style.outlineStyle !== 'none' || style.boxShadow !== 'none'
                || style.borderColor !== getComputedStyle(document.body).borderColor;
              const around = node.closest('[class*=fm-]');
              return [`${node.className} ${around.className}`, visible];
            }"""
        )
        if focus is None:
            break
        assert focus[1], f"the focus cannot be seen on {focus[0]}"
        reached.append(focus[0])
    text = " | ".join(reached)
    for hook in ("fm-map-kind", "fm-lines", "fm-k", "fm-clear", "fm-header", "fm-map", "fm-legend"):
        assert hook in text, f"Tab does not reach {hook}"

    header = page.locator(".fm-header").nth(CLMEX)
    header.focus()
    page.keyboard.press("ArrowRight")
    notebook.until("document.querySelector('.fm-chosen-image .fm-tile')")
    first = notebook.value("explorer.chosen")
    page.keyboard.press("ArrowRight")
    wait_until(lambda: notebook.value("explorer.chosen") != first, "a step to the right")
    here, there = coords(notebook)[[first, notebook.value("explorer.chosen")]]
    assert there[0] > here[0]
    page.keyboard.press("Enter")
    notebook.until_value("explorer.selection", [notebook.value("explorer.chosen")])
    notebook.until("document.querySelector('.fm-sheet .fm-tile')")
    notebook.screenshot("explorer_keyboard")

    # In the contact sheet the arrows walk and Enter chooses.
    notebook.python("explorer.select([3, 5, 8])")
    notebook.until(
        "document.querySelectorAll('.fm-sheet')[0].querySelectorAll('.fm-tile').length === 3"
    )
    page.locator(".fm-sheet").first.locator(".fm-tile").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    notebook.until_value("explorer.chosen", 5)


def test_every_control_has_a_name(notebook):
    notebook.python("explorer.select(range(60)); explorer.choose(3)")
    notebook.until("document.querySelectorAll('.fm-neighbours .fm-tile').length === 20")
    session = notebook.page.context.new_cdp_session(notebook.page)
    document = session.send("DOM.getDocument")["root"]["nodeId"]
    root = session.send("DOM.querySelector", {"nodeId": document, "selector": ".fm-explorer"})
    tree = session.send("Accessibility.queryAXTree", {"nodeId": root["nodeId"]})["nodes"]
    controls = [
        (node["role"]["value"], node["name"]["value"].strip())
        for node in tree
        if not node["ignored"] and node["role"]["value"] in INTERACTIVE
    ]
    # 4 lists and fields, 8 buttons, 6 on each map, 3 a legend entry, 48 + 1 + 20 pictures.
    assert len(controls) > 100
    assert [role for role, name in controls if not name] == []


def test_settings_survive_restart_and_run_all(notebook):
    notebook.choose("fm-color", "view")
    notebook.choose("fm-lines", "all")
    notebook.until("document.querySelector('.fm-legend-title').textContent.startsWith('view')")
    notebook.page.get_by_role("checkbox", name="Show straight").uncheck()
    notebook.python("explorer.select([3, 5, 8]); explorer.k = 4; explorer.choose(5)")
    notebook.until_value("sorted(explorer.hidden)", ["straight"])
    before = notebook.value("explorer.state")
    pid = notebook.value("__import__('os').getpid()")
    notebook.restart_and_run_all()
    notebook.wait_for(".fm-map canvas")
    wait_until(lambda: notebook.rows() == [3, 5, 8], "the selection is back")
    assert notebook.value("__import__('os').getpid()") != pid
    assert notebook.value("explorer.state") == before
    assert notebook.page.locator(".fm-color select").input_value() == "view"
    assert not notebook.page.get_by_role("checkbox", name="Show straight").is_checked()
    assert notebook.page.locator(".fm-neighbours").first.locator(".fm-tile").count() == 4
    notebook.screenshot("explorer_after_restart")


def test_it_can_be_read_in_the_dark(notebook):
    def theme(name):
        notebook.page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
            name,
        )
        light = "true" if "Light" in name else "false"
        notebook.until(f"document.body.dataset.jpThemeLight === '{light}'")

    notebook.python("explorer.select(expression='sad', view='straight'); explorer.choose(3)")
    notebook.wait_for(".fm-neighbours .fm-tile")
    theme("JupyterLab Dark")
    try:
        notebook.screenshot("explorer_dark")
        for selector in (
            ".fm-header-title",
            ".fm-number",
            ".fm-legend-name",
            ".fm-sheet-title",
            ".fm-bar-count",
            ".fm-tile-note",
            ".fm-header-keys",
        ):
            contrast = None
            while contrast is None:  # what is drawn anew just then is no longer in the page
                contrast = notebook.page.locator(selector).first.evaluate(_CONTRAST)
            assert contrast > 4.5, f"{selector} has a contrast of {contrast:.1f}"
    finally:
        theme("JupyterLab Light")


# Of WCAG 2: (L1 + 0.05) / (L2 + 0.05) of the text and what lies behind it.
_CONTRAST = """(node) => {
  if (!node.isConnected) return null;
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (color) => rgb(color).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  let behind = node;
  const clear = (color) => (rgb(color)[3] ?? 1) === 0;
  while (clear(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
  const text = light(getComputedStyle(node).color);
  const back = light(getComputedStyle(behind).backgroundColor);
  return (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
}"""


def test_closing_takes_it_out_of_the_page(notebook):
    # Another explorer in the same kernel: what is left afterwards is what was there before it.
    notebook.python("import ipywidgets.widgets.widget as _w; before = set(_w._instances)")
    notebook.python("explorer.close()")
    notebook.until("document.querySelectorAll('.fm-explorer, .fm-hover, .fm-map').length === 0")
    notebook.python("del explorer; import gc; gc.collect()")
    left = notebook.value("[type(w).__name__ for w in _w._instances.values()]")
    assert left == []
    notebook.run_all()
    notebook.wait_for(".fm-map canvas")
