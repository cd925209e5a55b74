"""The camera lab on the faces and encoders that ship with the course; `make camera` shows it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fermodels._shared.paths import given_path
from fermodels.course import folders
from fermodels.course.explore_page import chosen, kept_embeddings, load_encoders
from fermodels.data import PreparedImages
from fermodels.explore.camera_lab import CameraLab
from fermodels.explore.page import Page, Say, waiting_page

# What `make camera FILM=… OWN=…` hands to the page.
FILM_VARIABLE, OWN_VARIABLE = "FERMODELS_CAMERA_FILM", "FERMODELS_CAMERA_OWN"
OWN = "my_face.parquet"  # in course.run_dir("camera"), once the person has agreed


def course_camera(
    film: str | os.PathLike | None = None,
    own: str | os.PathLike | None = None,
    *,
    faces: str | os.PathLike | None = None,
    encoders: Mapping[str, str | os.PathLike] | None = None,
    say: Say = print,
    **options: Any,
) -> CameraLab:
    """The camera lab with SimCLR and CL-MEx, among the 4,900 faces of the course.

    Embeddings are computed once, some ten seconds, and kept in `course.run_dir("explore")`.

    Args:
        film: takes the place of the camera.
        own: the file of one's own face. Default: `OWN` in `course.run_dir("camera")`.
        faces: a prepared file of images. Default: "anny_views_kdef".
        encoders: folders of saved ImageEncoders by name. Default: those of the course.
        say: gets a sentence on how far it is, while embeddings are computed.
        options: for `CameraLab`.

    Raises:
        PreparedError, FileNotFoundError, ValueError: a file cannot be read.
    """
    material = _material(faces, encoders, say) | {"source": film, "own": _own(own)}
    return CameraLab(**(material | options))


def camera_page(
    film: str | os.PathLike | None = None,
    own: str | os.PathLike | None = None,
    *,
    faces: str | os.PathLike | None = None,
    encoders: Mapping[str, str | os.PathLike] | None = None,
) -> Page:
    """A page with `course_camera`, there at once: it says how far the embeddings are.

    Args:
        film, own, faces, encoders: as of `course_camera`. FERMODELS_CAMERA_FILM and
            FERMODELS_CAMERA_OWN can name the first two, and the others what names them for
            `explore_page.course_page`.
    """
    film = film or os.environ.get(FILM_VARIABLE) or None
    own = _own(own or os.environ.get(OWN_VARIABLE) or None)
    faces, encoders = chosen(faces, encoders)
    return waiting_page(
        "reading the faces …",
        lambda say: _material(faces, encoders, say),
        lambda material: CameraLab(**material, source=film, own=own).widget,
    )


def _own(path: str | os.PathLike | None) -> os.PathLike:
    return folders.run_dir("camera") / OWN if path is None else given_path(path)


def _material(
    faces: str | os.PathLike | None,
    encoders: Mapping[str, str | os.PathLike] | None,
    say: Say,
) -> dict[str, Any]:
    prepared = PreparedImages.read(faces or folders.data("anny_views_kdef"))
    loaded, fingerprint = load_encoders(encoders), prepared.fingerprint()
    embeddings = {
        name: kept_embeddings(encoder, prepared, fingerprint, lambda text, n=name: say(n + text))
        for name, encoder in loaded.items()
    }
    return {"encoders": loaded, "prepared": prepared, "embeddings": embeddings}
