"""The camera lab in JupyterLab: a rendered film is the camera of the browser."""

from itertools import chain

import numpy as np
import pytest
from PIL import Image

from data_prep.io.film_files import write_film
from data_prep.synthetic.turning_head.film import Film, frames
from tests.browser import notebooks as cells
from tests.browser.conftest import FLAGS
from tests.browser.page import wait_until

FPS = 5
LAB = """\
import numpy as np
from pathlib import Path
from fermodels import course
from fermodels.data import PreparedImages
from fermodels.explore import CameraLab
from fermodels.models import ImageEncoder

faces = PreparedImages.read(course.data("anny_views_kdef"))
faces = faces.subset(np.flatnonzero(faces.subject_ids % 35 == 0))
names = {"SimCLR": "simclr-anny-views", "CL-MEx": "clmex-anny-views"}
encoders = {n: ImageEncoder.from_pretrained(course.weights(f)) for n, f in names.items()}
lab = CameraLab(encoders, faces, own="me.parquet", rate=15)
lab"""

# What the page asks the browser for, and all tracks that it ever got.
WATCH = """() => {
  const media = navigator.mediaDevices;
  window.fmReal = media.getUserMedia.bind(media);
  window.fmAsked = [];
  window.fmTracks = [];
  media.getUserMedia = async (wanted) => {
    window.fmAsked.push(wanted);
    const stream = await window.fmReal(wanted);
    window.fmTracks.push(...stream.getTracks());
    return stream;
  };
}"""
ROOT = ".fm-camera"
STATE = "(document.querySelector('.fm-camera')?.dataset.state ?? 'off')"
WORDS = "document.querySelector('.fm-words').textContent"
NUMBER = "Number(document.querySelector('.fm-camera').dataset.number || 0)"
LIVE = "window.fmTracks.filter((track) => track.readyState === 'live').length"


@pytest.fixture(scope="module")
def camera(launch, tmp_path_factory):
    """A browser before whose camera a head turns, is gone, and is joined by a second one."""
    alone = list(frames(Film(seconds=9, fps=FPS, expressions=("happy",))))
    nobody = [np.full_like(alone[0], 128)] * (3 * FPS)
    two = []
    for frame in alone[: 3 * FPS]:
        both = frame.copy()
        small = np.asarray(Image.fromarray(frame[:, 130:510]).resize((228, 288)))
        both[150:438, :228] = small
        two.append(both)
    path = tmp_path_factory.mktemp("camera") / "head.y4m"
    write_film(path, chain(alone, nobody, two), FPS)
    flags = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={path}")
    return launch((*FLAGS, *flags))


@pytest.fixture(scope="module")
def opened(camera, open_notebook, notebooks):
    path = cells.write(notebooks / "camera.ipynb", LAB)
    notebook = open_notebook(path, browser=camera, permissions=["camera"])
    notebook.run_all(seconds=400)
    notebook.wait_for(ROOT)
    notebook.page.evaluate(WATCH)
    return notebook


@pytest.fixture
def notebook(opened):
    yield opened
    if opened.page.evaluate(STATE) != "off":
        opened.page.locator(".fm-start").click()
    opened.until(f"{STATE} === 'off'")
    assert opened.page.evaluate(LIVE) == 0  # the light is off
    assert opened.errors == []


def start(notebook):
    notebook.page.locator(".fm-start").click()
    notebook.until(f"{STATE} === 'on'")
    before = notebook.page.evaluate(NUMBER)
    notebook.until(f"{NUMBER} > {before + 1}")


def test_nothing_runs_before_it_is_started(notebook):
    assert notebook.page.evaluate(STATE) == "off"
    assert notebook.page.evaluate("window.fmAsked.length") == 0
    assert not notebook.page.locator(".fm-sign").is_visible()
    assert notebook.page.locator(".fm-write").is_disabled()
    assert notebook.page.locator(".fm-turn").is_disabled()
    notebook.screenshot("camera_off", ROOT)


def test_the_face_is_on_the_maps(notebook):
    start(notebook)
    page = notebook.page
    assert page.locator(".fm-sign").is_visible()
    assert page.locator(".fm-sign").text_content() == "camera on"
    notebook.until("document.querySelectorAll('.fm-near-tile img').length === 8")
    notebook.until("document.querySelector('.fm-crop').naturalWidth === 96")
    for node in page.locator(".fm-lab-map").all():
        assert abs(float(node.get_attribute("data-x"))) < 3
    assert page.locator(".fm-lab-bars").first.is_visible()
    shares = page.locator(".fm-probability").evaluate_all(
        "(bars) => bars.map((bar) => Number(bar.dataset.value))"
    )
    assert len(shares) == 14 and sum(shares) == pytest.approx(2)
    notebook.until(f"{WORDS}.includes('No face is found')")
    notebook.until(f"{WORDS}.includes('Two faces: the nearest')")
    notebook.screenshot("camera_two_faces", ROOT)
    asked = page.evaluate("window.fmAsked")
    assert len(asked) == 1 and "audio" not in asked[0]


def test_the_head_is_turned_and_kept_and_forgotten(notebook):
    page = notebook.page
    start(notebook)
    page.locator(".fm-turn").press("Enter")  # by the keyboard
    notebook.until("document.querySelector('.fm-guide-words').textContent.length > 0")
    notebook.until(f"{NUMBER} % 7 === 0")
    notebook.screenshot("camera_asking", ROOT)
    page.wait_for_selector(".fm-view", timeout=180_000)
    notebook.until("document.querySelectorAll('.fm-view').length === 5")
    assert page.locator(".fm-sentence").text_content() == notebook.value("lab.sentence")
    notebook.screenshot("camera_turned", ROOT)

    write = page.locator(".fm-write")
    page.locator(".fm-expression").fill("happy")
    assert write.is_disabled()  # without consent
    page.locator(".fm-consent").check()
    assert notebook.value("Path('me.parquet').exists()") is False
    write.click()
    wait_until(
        lambda: "now holds 1 instance" in page.locator(".fm-said").text_content(), "it is written"
    )
    assert write.is_disabled()  # not twice
    about = notebook.value("PreparedImages.read('me.parquet').table['view'].tolist()")
    assert len(about) == 5
    notebook.until("document.querySelectorAll('.fm-own').length === 4")
    notebook.screenshot("camera_recorded", ROOT)

    forget = page.locator(".fm-forget")
    forget.click()
    assert forget.text_content() == "Really delete me.parquet?"
    assert notebook.value("Path('me.parquet').exists()") is True
    forget.click()
    notebook.until("document.querySelectorAll('.fm-view, .fm-own').length === 0")
    notebook.until_value("Path('me.parquet').exists()", False)
    saved = notebook.value("[type(v).__name__ for v in lab.widget.get_state().values()]")
    assert "bytes" not in saved


@pytest.mark.parametrize(
    "name, said",
    [
        ("NotFoundError", "No camera is found"),
        ("NotReadableError", "Another program uses the camera"),
        ("OverconstrainedError", "Choose another one"),
        ("WeirdError", "could not be started: why"),
    ],
)
def test_what_the_browser_refuses_is_said(notebook, name, said):
    page = notebook.page
    page.evaluate(
        """(name) => {
          window.fmKept = window.fmReal;
          window.fmReal = async () => { throw new DOMException("why", name); };
        }""",
        name,
    )
    page.locator(".fm-start").click()
    notebook.until(f"{WORDS}.includes({said!r})")
    assert page.evaluate(STATE) == "off"
    page.evaluate("() => { window.fmReal = window.fmKept; }")


def test_a_refused_permission_is_said(notebook):
    page = notebook.page
    page.context.clear_permissions()
    page.locator(".fm-start").click()
    notebook.until(f"{WORDS}.includes('may not use the camera')")
    notebook.screenshot("camera_refused", ROOT)
    page.context.grant_permissions(["camera"])
    start(notebook)  # and it goes on when the person has thought better of it


def test_a_camera_that_is_lost_is_said(notebook):
    start(notebook)
    notebook.page.evaluate(
        "() => { const track = window.fmTracks.at(-1); track.dispatchEvent(new Event('ended')); }"
    )
    notebook.until(f"{WORDS}.includes('The camera is gone')")
    assert notebook.page.evaluate(STATE) == "off"


def test_it_is_off_when_the_page_is_left(notebook):
    hide = """(hidden) => {
      Object.defineProperty(document, "visibilityState", {
        configurable: true, get: () => (hidden ? "hidden" : "visible") });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    start(notebook)
    notebook.page.evaluate(hide, True)
    notebook.until(f"{STATE} === 'off' && {LIVE} === 0")
    notebook.page.evaluate(hide, False)
    assert "because you left this page" in notebook.page.evaluate(WORDS)
    start(notebook)
    notebook.page.evaluate("document.querySelector('.fm-camera').parentElement.hidden = true")
    notebook.until(f"{STATE} === 'off' && {LIVE} === 0")  # another tab of JupyterLab
    notebook.page.evaluate("document.querySelector('.fm-camera').parentElement.hidden = false")


def test_of_two_cameras_one_is_chosen(notebook):
    page = notebook.page
    assert not page.locator(".fm-device").is_visible()
    page.evaluate(
        """() => {
          const other = { kind: "videoinput", deviceId: "other", label: "the other one" };
          const media = navigator.mediaDevices;
          const real = (window.fmDevices = media.enumerateDevices.bind(media));
          media.enumerateDevices = async () => [...(await real()), other];
        }"""
    )
    start(notebook)
    page.locator(".fm-device").wait_for()
    assert page.locator(".fm-device option").count() == 2
    page.select_option(".fm-device", label="the other one")
    notebook.until("window.fmAsked.at(-1).video.deviceId?.exact === 'other'")
    notebook.until(f"{STATE} === 'off'")  # there is none of that name
    assert "Choose another one" in page.evaluate(WORDS)
    page.evaluate("() => { navigator.mediaDevices.enumerateDevices = window.fmDevices; }")
    page.locator(".fm-start").click()  # it is still chosen, and not listed any more
    notebook.until("!document.querySelector('.fm-device').checkVisibility()")
    start(notebook)


def test_it_is_off_when_its_output_goes(notebook):
    start(notebook)
    notebook.python("lab.close()")
    notebook.until(f"!document.querySelector('.fm-camera') && {LIVE} === 0")


def test_it_is_off_when_the_kernel_goes(notebook):
    """Last: the kernel is gone then."""
    notebook.run_all(seconds=400)
    notebook.wait_for(ROOT)
    start(notebook)
    notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()"
    )
    notebook.until(f"{STATE} === 'off' && {LIVE} === 0")
