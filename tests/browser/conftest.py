"""A browser and a JupyterLab of its own for the tests in this folder."""

import os
from pathlib import Path

import pytest

from tests.browser.page import Browsed, Notebook
from tests.browser.servers import ROOT, jupyter_lab
from tools.check_browser import ADVICE, find

# WebGL in software, as machines without a graphics card need it; root in a container has neither
# the sandbox nor a large /dev/shm.
FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
NO_WEBGL = (*FLAGS[:2], "--disable-gpu", "--disable-3d-apis", *FLAGS[-3:])


def pytest_collection_modifyitems(items):
    """The fixtures start servers and kernels: they need more time than a test of a function."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(600))
    # Last: while Playwright runs, other tests would find its event loop running.
    items.sort(key=lambda item: here in item.path.parents)


def missing(reason: str):
    """Skip; on CI the tests must run, so there it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def playwright():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright is not installed: pip install -r requirements-dev.txt")
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def launch(playwright):
    """A function that starts a browser with the flags given."""
    # `find` cannot ask Playwright while Playwright is running.
    program = find(playwright)
    if program is None:
        missing(ADVICE)
    started = []

    def start(flags=FLAGS):
        browser = playwright.chromium.launch(executable_path=program, args=list(flags))
        started.append(browser)
        return browser

    yield start
    for browser in started:
        browser.close()


@pytest.fixture(scope="session")
def browser(launch):
    return launch()


@pytest.fixture(scope="session")
def screenshots():
    """Where pictures of each step are kept; FERMODELS_SCREENSHOTS names another folder."""
    return Path(os.environ.get("FERMODELS_SCREENSHOTS") or ROOT / "runs/test/browser")


@pytest.fixture(scope="session")
def notebooks(tmp_path_factory):
    """The folder that JupyterLab shows: copies, never the repository."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def lab(launch, notebooks, tmp_path_factory):
    server = jupyter_lab(tmp_path_factory.mktemp("jupyter"), notebooks)
    yield server
    server.close()


@pytest.fixture(scope="session")
def open_notebook(browser, lab, screenshots):
    """A function: path of a notebook in `notebooks` → `Notebook`, open in a page of its own."""
    contexts = []

    def open_it(path, browser=browser, width=1280, height=1500, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        return Notebook(context.new_page(), lab, path, screenshots)

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def open_page(browser, screenshots):
    """A function: address → `Browsed`."""
    contexts = []

    def open_it(url, width=1280, height=1500):
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        browsed = Browsed(context.new_page(), screenshots)
        browsed.page.goto(url, wait_until="domcontentloaded")
        return browsed

    yield open_it
    for context in contexts:
        context.close()
