"""The built site in a browser, from its folder and without a network, wide and narrow."""

from pathlib import Path

import pytest

from tests.browser.conftest import missing
from tools.check_site import BADGES

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "runs" / "site" / "html"
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def open_page(browser):
    """A function that opens a page of the site; requests to elsewhere fail the test."""
    if not (SITE / "index.html").is_file():
        missing("no site is built: make site")
    context = browser.new_context(viewport=WIDE, offline=True)
    asked: list[str] = []

    def open_page(name: str, size=WIDE):
        page = context.new_page()
        page.set_viewport_size(size)
        page.on("request", lambda request: asked.append(request.url))
        page.goto((SITE / name).as_uri())
        return page

    yield open_page
    context.close()
    elsewhere = {url for url in asked if not url.startswith(("file:", "data:"))}
    assert elsewhere <= BADGES


def test_who_opens_the_folder_is_sent_to_the_first_page(open_page):
    page = open_page("index.html")
    page.wait_for_url("**/docs/index.html")
    assert page.locator("h1").first.inner_text().startswith("fermodels")


def test_search_finds_a_class_and_a_word_of_a_notebook(open_page):
    for word, place in (("MultiViewContrastiveLoss", "losses"), ("uniformity", "02_contrastive")):
        page = open_page("docs/index.html")
        page.locator(".sidebar-search").first.fill(word)
        page.keyboard.press("Enter")
        link = page.locator(f"ul.search li a[href*='{place}']").first
        link.wait_for(timeout=20_000)
        page.close()


def test_formulas_are_drawn_in_the_font_of_the_site(open_page):
    page = open_page("notebooks/02_contrastive_pretraining.html")
    loaded = page.evaluate(
        "document.fonts.ready.then(() => document.fonts.check('16px \"STIX Two Math\"'))"
    )
    heights = page.eval_on_selector_all(
        "math[display=block]", "all => all.map(one => one.getBoundingClientRect().height)"
    )
    assert loaded and len(heights) >= 3 and min(heights) > 20


@pytest.mark.parametrize(
    "name",
    [
        "docs/index.html",
        "docs/reference/losses.html",
        "notebooks/01_data.html",
        "notebooks/06_multi_task.html",
        "README.html",
    ],
)
def test_a_narrow_page_does_not_scroll_sideways(open_page, name):
    page = open_page(name, NARROW)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW["width"] + 1


def test_the_narrow_menu_opens_and_leads_to_a_notebook(open_page):
    page = open_page("docs/index.html", NARROW)
    entry = page.locator(".sidebar-tree a", has_text="Fine-tuning").first
    assert not entry.is_visible() or entry.bounding_box()["x"] < 0
    page.locator("header label[for=__navigation]").first.click()
    page.wait_for_timeout(400)  # it slides in
    entry.click()
    page.wait_for_url("**/03_fine_tuning.html")
