"""The page that `make explore` serves."""

import sys
import urllib.error
import urllib.request

import numpy as np
import psutil
import pytest

from fermodels import course
from fermodels.course.explore_page import ENCODERS, kept_embeddings
from fermodels.data import PreparedImages
from fermodels.explore.maps import Layouts
from fermodels.models import ImageEncoder
from tests.browser.page import free_rectangle, wait_until
from tests.browser.servers import ROOT, Server, free_port, own_folders


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A prepared file of one's own: nine people."""
    faces = PreparedImages.read(course.data("anny_views_kdef"))
    faces = faces.subset(np.flatnonzero(faces.subject_ids < 9))
    faces.source = str(faces.write(tmp_path_factory.mktemp("faces") / "mine.parquet"))
    return faces


@pytest.fixture(scope="module")
def server(launch, faces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("voila")
    port = free_port()
    command = [sys.executable, str(ROOT / "tools/explore.py"), "--faces", faces.source]
    command += ["--port", str(port), "--no-browser"]
    server = Server(
        command, f"http://127.0.0.1:{port}", own_folders(folder), folder / "explore.log"
    )
    server.folder = folder
    try:
        server.wait("/favicon.ico")
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def page(open_page, server):
    page = open_page(server.url)
    page.wait_for(".fm-wait")  # at once, while embeddings are computed
    page.screenshot("make_explore_waiting")
    page.wait_for(".fm-map canvas")
    page.wait_for(".fm-number")
    return page


def test_it_says_where_it_is_and_listens_on_this_machine_only(server):
    assert f"the explorer is at {server.url}/" in server.output()
    tree = psutil.Process(server.process.pid)
    for process in (tree, *tree.children(recursive=True)):
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1", f"listens on {connection.laddr}"


def test_the_page_has_no_source(page, server):
    served = urllib.request.urlopen(server.url, timeout=60).read().decode()
    for text in (served, page.page.content()):
        assert "course_page" not in text
    assert page.page.locator(".jp-CodeCell .jp-InputArea, .jp-Editor").count() == 0
    for path in ("/voila/files/explore.ipynb", "/voila/files/explore.py", "/files/explore.py"):
        with pytest.raises(urllib.error.HTTPError, match="40[34]"):
            urllib.request.urlopen(server.url + path, timeout=60)


def test_nothing_comes_from_elsewhere(open_page, server, page):
    addresses = page.page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    assert len(addresses) > 5
    others = [a for a in addresses if not a.startswith((server.url, "blob:", "data:"))]
    assert others == []


def test_a_lasso_in_the_page(page, server, faces):
    encoder = ImageEncoder.from_pretrained(course.weights(ENCODERS["CL-MEx"]))
    folder = next((server.folder / "runs").glob("*/explore"))
    before = sorted(folder.glob("*.safetensors"))
    second = PreparedImages.read(course.data("second_faces"))
    x = [kept_embeddings(encoder, shown, folder=folder) for shown in (faces, second)]
    assert len(before) == 4 == len(list(folder.glob("*.safetensors")))  # it read what the page kept
    page.settle()
    points = page.pixels(1, Layouts(np.concatenate(x), own=len(faces))["pca"][: len(faces)])
    low, high, inside = free_rectangle(points, page.map_box(1), most=40)
    page.draw_lasso(1, low, high)
    wait_until(lambda: len(page.rows()) > 0, "the contact sheet is filled")
    assert page.rows() == inside.tolist()
    colors = page.page.locator(".fm-color option").all_text_contents()
    colors = [text.replace("\xa0", " ") for text in colors]
    assert {"split", "outcome (SimCLR)", "outcome (CL-MEx)"} <= set(colors)
    assert not page.page.locator(".fm-frame").is_visible()
    shown = page.page.locator(".fm-data-set option").all_text_contents()
    assert [text.replace("\xa0", " ") for text in shown][1:] == ["second faces", "all"]
    page.screenshot("make_explore_lasso")
    assert page.errors == []


def test_the_face_lab_is_the_second_tab(page):
    page.page.get_by_role("tab", name="Face lab").click()
    page.wait_for(".fm-lab .fm-face img")
    page.until("document.querySelectorAll('.fm-probability').length === 14")
    page.screenshot("make_explore_face_lab")
    page.page.get_by_role("tab", name="Explorer").click()
    page.wait_for(".fm-map canvas")
    assert page.errors == []
