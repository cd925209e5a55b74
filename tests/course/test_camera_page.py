"""What `make camera` shows."""

import threading

import pytest
import torch

from data_prep.io.film_files import write_film
from fermodels.course import camera_page, explore_page
from fermodels.models import ImageEncoder
from tests.fixtures.heads import five_views, scene


@pytest.fixture
def yours(tiny_prepared, tmp_path, monkeypatch):
    """Faces, an encoder and a film of one's own, named by the environment."""
    torch.manual_seed(0)
    ImageEncoder("small", image_size=24, width=4).save_pretrained(tmp_path / "one")
    faces = tiny_prepared.subset(range(30)).write(tmp_path / "faces.parquet")
    write_film(tmp_path / "film.mp4", [scene(five_views()[2])] * 2, 10)
    monkeypatch.setenv("FERMODELS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("FERMODELS_PRESET", "fast")
    monkeypatch.setenv(explore_page.FACES_VARIABLE, str(faces))
    monkeypatch.setenv(camera_page.FILM_VARIABLE, str(tmp_path / "film.mp4"))
    return {"faces": faces, "encoders": {"one": tmp_path / "one"}}


def shown(page):
    for thread in threading.enumerate():
        if thread.name == "fermodels-explorer":
            thread.join(60)
    return page.children[0]


def test_the_page_becomes_a_camera_lab(yours, tmp_path):
    panel = shown(camera_page.camera_page(encoders=yours["encoders"]))
    assert panel.film and panel.encoders == ["one"]
    assert not list(tmp_path.glob("**/my_face.parquet"))
    panel.close()


def test_what_cannot_be_read_is_said_in_the_page(yours, monkeypatch):
    monkeypatch.setenv(camera_page.FILM_VARIABLE, "none.mp4")
    said = shown(camera_page.camera_page(encoders=yours["encoders"])).value
    assert "none.mp4: there is no such film" in said


def test_the_lab_itself(yours, tmp_path):
    lab = camera_page.course_camera(tmp_path / "film.mp4", say=lambda _: None, **yours)
    assert lab.play()["faces"].tolist() == [1, 1]
    lab.close()
