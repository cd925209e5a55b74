"""The page that `make camera` serves, with a film in the camera's place."""

import sys
import urllib.request

import numpy as np
import pytest

from data_prep.io.film_files import write_film
from fermodels import course
from fermodels.data import PreparedImages
from tests.browser.servers import ROOT, Server, free_port, own_folders
from tests.fixtures.heads import five_views, scene


@pytest.fixture(scope="module")
def server(launch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("camera page")
    faces = PreparedImages.read(course.data("anny_views_kdef"))
    faces.subset(np.flatnonzero(faces.subject_ids < 2)).write(folder / "few.parquet")
    seen = five_views()
    frames = [scene(seen[i]) for i in 3 * (2, 1, 0, 3, 4) for _ in range(5)]
    write_film(folder / "head.mp4", frames, 10)
    port = free_port()
    command = [sys.executable, str(ROOT / "tools/explore.py"), "--camera", "--no-browser"]
    command += ["--faces", str(folder / "few.parquet"), "--film", str(folder / "head.mp4")]
    command += ["--own", str(folder / "me.parquet"), "--port", str(port)]
    server = Server(command, f"http://127.0.0.1:{port}", own_folders(folder), folder / "log")
    server.folder = folder
    try:
        server.wait("/favicon.ico")
        yield server
    finally:
        server.close()


def test_a_film_is_played_turned_and_kept(server, open_page):
    page = open_page(server.url)
    assert f"the camera lab is at {server.url}/" in server.output()
    page.wait_for(".fm-camera")
    served = urllib.request.urlopen(server.url, timeout=60).read().decode()
    for text in (served, page.page.content()):
        assert "camera_page" not in text
    page.page.locator(".fm-start").click()
    page.until("document.querySelector('.fm-turn').disabled === false")
    page.page.locator(".fm-turn").click()
    page.until("document.querySelectorAll('.fm-view').length === 5")
    page.until("document.querySelector('.fm-frame').naturalWidth === 320")
    assert page.page.locator(".fm-sign").text_content() == "film"
    page.screenshot("make_camera")
    page.until("document.querySelector('.fm-words').textContent === 'The film is over.'")
    page.page.locator(".fm-expression").fill("happy")
    page.page.locator(".fm-consent").check()
    page.page.locator(".fm-write").click()
    page.until("document.querySelector('.fm-said').textContent.startsWith('Written to me.parquet')")
    assert len(PreparedImages.read(server.folder / "me.parquet")) == 5
    addresses = page.page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    others = [a for a in addresses if not a.startswith((server.url, "blob:", "data:"))]
    assert others == [] and page.errors == []
