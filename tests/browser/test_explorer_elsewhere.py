"""EmbeddingExplorer with hostile data, with clips, and in a browser without WebGL."""

import pytest

from tests.browser import notebooks as cells
from tests.browser.conftest import NO_WEBGL
from tests.browser.page import wait_until

EVIL = "onerror='window.hacked = true'"


@pytest.fixture(scope="module")
def evil(open_notebook, notebooks):
    notebook = open_notebook(cells.write(notebooks / "evil.ipynb", cells.EVIL))
    notebook.run_all()
    notebook.wait_for(".fm-map canvas")
    return notebook


def test_text_of_the_data_never_runs(evil):
    columns = evil.value("list(explorer._source.fields)")
    assert len(columns) > 5
    for column in columns:
        evil.python(
            f"explorer.color_by = {column!r}\n"
            "explorer.select(range(31)); explorer.choose(2)\n"
            "explorer._selected.name.value = evil; explorer._selected.button.click()\n"
            "explorer._failed(ValueError(evil))"
        )
        evil.until(
            "(name) => document.querySelector('.fm-legend').getAttribute('aria-label')"
            " === 'Legend: ' + name.replaceAll('_', ' ')",
            column,
        )
    evil.settle()
    evil.until("document.querySelectorAll('.fm-sheet')[0].querySelectorAll('.fm-tile').length > 20")
    evil.hover(*evil.pixels(0, evil.value("next(iter(explorer.maps.values())).coords"))[2])
    evil.screenshot("hostile_text")
    # It is there to be read, as text.
    for selector in (".fm-header", ".fm-legend", ".fm-composition", ".fm-status", ".fm-player"):
        wait_until(
            lambda s=selector: EVIL in " ".join(evil.page.locator(s).all_inner_texts()),
            f"the text in {selector}",
        )
    assert EVIL in evil.page.locator(".fm-hover").inner_text()
    assert evil.page.locator(".fm-explorer img[src=x], .fm-explorer script").count() == 0
    assert evil.page.evaluate("window.hacked") is None
    assert evil.errors == []


def test_a_clip_plays_with_its_sound_and_words(evil):
    evil.python("explorer.choose(0)")
    evil.until("document.querySelector('.fm-player')?.textContent.includes('Well, I think so.')")
    video = evil.wait_for(".fm-player video")
    evil.until("document.querySelector('.fm-player video').readyState >= 2")
    playing = video.evaluate(
        "async (video) => { video.muted = true; await video.play();"
        " return [video.duration, video.videoWidth, video.controls]; }"
    )
    assert playing[0] == pytest.approx(evil.value("clips.table['duration'][0]"), abs=0.5)
    assert playing[1] == evil.value("clips.frames(0)[0].shape[2]") and playing[2]
    evil.until(
        "(({ currentTime, webkitAudioDecodedByteCount }) => currentTime > 0.1"
        " && webkitAudioDecodedByteCount > 0)(document.querySelector('.fm-player video'))"
    )
    evil.screenshot("clip_player", ".fm-explorer")
    assert evil.errors == []


def test_without_webgl_the_map_is_a_picture(launch, open_notebook, notebooks):
    name = cells.write(notebooks / "plain.ipynb", cells.PLAIN)
    notebook = open_notebook(name, browser=launch(NO_WEBGL))
    assert notebook.page.evaluate("document.createElement('canvas').getContext('webgl2')") is None
    notebook.run_all()
    notebook.wait_for("img.fm-static")
    notebook.until("document.querySelector('img.fm-static').naturalWidth > 400")
    notebook.until(
        "document.querySelector('.fm-explorer').textContent.includes('without WebGL')"
        " || document.querySelector('.fm-explorer').textContent.includes('with WebGL')"
    )
    notebook.page.locator(".fm-legend li[data-name=sad] button[data-type=select]").click()
    notebook.until("document.querySelectorAll('.fm-tile').length === 48")
    assert notebook.rows() == list(range(0, 96, 2))
    # The picture is no wider than its place, and new with every selection.
    fits = "(image) => image.getBoundingClientRect().right <= document.querySelector('.fm-legend')"
    assert notebook.page.locator("img.fm-static").evaluate(f"{fits}.getBoundingClientRect().left")
    before = notebook.value("hash(explorer._image.value)")
    notebook.page.locator(".fm-header").first.press("ArrowRight")
    wait_until(lambda: notebook.value("explorer.chosen") is not None, "a point is chosen")
    assert notebook.value("hash(explorer._image.value)") != before
    notebook.screenshot("without_webgl")
    # The plot complains that it cannot draw; nothing else does.
    assert all("reading 'getExtension'" in error for error in notebook.errors), notebook.errors
