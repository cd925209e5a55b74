"""Notebooks keep rendered people only: their camera labs look at films, never at a camera."""

import ast

import pytest

from tests.notebooks.cells import PATHS, plain_python, read

LIVE = ("image/jpeg", "video/", "audio/", "application/vnd.jupyter.widget")


def camera_labs(source: str) -> list[ast.Call]:
    """The calls of `CameraLab` in a cell."""
    return [
        node
        for node in ast.walk(ast.parse(plain_python(source)))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "CameraLab"
    ]


def looks_at_a_film(call: ast.Call) -> bool:
    """Whether it is given a source that is not None."""
    given = [word.value for word in call.keywords if word.arg == "source"]
    return bool(given) and not (isinstance(given[0], ast.Constant) and given[0].value is None)


@pytest.mark.parametrize(
    ("source", "film"),
    [
        ("lab = CameraLab(encoders, crowd, source=film('happy'))", True),
        ("CameraLab(encoders, source='film.mp4').play()", True),
        ("lab = CameraLab(encoders, crowd)", False),
        ("lab = CameraLab(encoders, crowd, source=None)", False),
    ],
)
def test_a_lab_without_a_film_is_found(source, film):
    (call,) = camera_labs(source)
    assert looks_at_a_film(call) == film


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_camera_lab_looks_at_a_film(path):
    for cell in read(path).cells:
        for call in camera_labs(cell.source) if cell.cell_type == "code" else ():
            assert looks_at_a_film(call), f"{path.name}: a lab would look at whoever runs it"


def is_live(kind: str, output: dict) -> bool:
    """Whether an output could be a camera's: figures of `plots.show`, which may be JPEG, have an
    alternative text, and so does no frame of a camera."""
    figure = output.get("metadata", {}).get(kind, {}).get("alt")
    return kind.startswith(LIVE) and not figure


def test_notebook_10_keeps_no_frame_of_its_widget():
    (path,) = (path for path in PATHS if path.stem.startswith("10"))
    text = path.read_text(encoding="utf-8")
    assert "widget-state" not in text and "data:image" not in text
    outputs = [output for cell in read(path).cells for output in cell.get("outputs", ())]
    kinds = [(kind, output) for output in outputs for kind in output.get("data", {})]
    assert any(kind.startswith("image/") for kind, _ in kinds)
    assert not [kind for kind, output in kinds if is_live(kind, output)]
