"""The widgets on the faces and encoders that ship with the course; `make explore` shows them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.course import folders
from fermodels.data import PreparedError, PreparedImages
from fermodels.evaluation.stored import stored_embedding
from fermodels.explore.data_sets import name_of
from fermodels.explore.embedding_explorer import EmbeddingExplorer
from fermodels.explore.page import Material, Page, Say, explore_page

if TYPE_CHECKING:
    from fermodels.models import ImageEncoder

OTHERS = {"second faces": "second_faces"}  # beside the course's own
ENCODERS = {"SimCLR": "simclr-anny-views", "CL-MEx": "clmex-anny-views"}
# What `make explore FACES=… ENCODER=…` hands to the page.
FACES_VARIABLE, ENCODER_VARIABLE = "FERMODELS_EXPLORE_FACES", "FERMODELS_EXPLORE_ENCODER"

_KEPT, _MADE_OF = "embedding", "made of"


def course_explorer(
    faces: str | os.PathLike | None = None,
    encoders: Mapping[str, str | os.PathLike] | None = None,
    *,
    others: Mapping[str, str | os.PathLike] | None = None,
    say: Say = print,
    **options: Any,
) -> EmbeddingExplorer:
    """SimCLR and CL-MEx side by side on the 4,900 faces of the course; a menu shows faces of
    another make on the same maps.

    A linear probe, fitted on the people of the training part, adds predictions; the parts are the
    column `split`. A data set with too few people for three parts has neither. Embeddings are
    computed once, some ten seconds, and kept in `course.run_dir("explore")`.

    Args:
        faces: a prepared file of images. Default: "anny_views_kdef".
        encoders: folders of saved ImageEncoders by name. Default: those of the course.
        others: prepared files that the menu can show, by name. Default: the second faces.
        say: gets a sentence on how far it is, while embeddings are computed.
        options: for `EmbeddingExplorer`.

    Raises:
        PreparedError, FileNotFoundError: the file or a folder cannot be read.
    """
    return EmbeddingExplorer(**(_material(faces, load_encoders(encoders), say, others) | options))


def course_page(
    faces: str | os.PathLike | None = None,
    encoders: Mapping[str, str | os.PathLike] | None = None,
) -> Page:
    """A page with `course_explorer` and a `FaceLab`, there at once: it says how far the embeddings
    are and shows the widgets when they are. What cannot be read is said in the page.

    Args:
        faces: as of `course_explorer`; FERMODELS_EXPLORE_FACES can name the default, a file.
        encoders: as of `course_explorer`; FERMODELS_EXPLORE_ENCODER can name a folder, which is
            shown beside CL-MEx.
    """
    faces, encoders = chosen(faces, encoders)

    def prepare(say: Say) -> Material:
        loaded = load_encoders(encoders)
        return Material(loaded, _material(faces, loaded, say))

    return explore_page(prepare, folders.run_dir("explore"))


def chosen(
    faces: str | os.PathLike | None, encoders: Mapping[str, str | os.PathLike] | None
) -> tuple[str | os.PathLike | None, Mapping[str, str | os.PathLike] | None]:
    """Faces and encoders as given, or as the environment names them, or None each."""
    faces = faces or os.environ.get(FACES_VARIABLE) or None
    if encoders is None and os.environ.get(ENCODER_VARIABLE):
        folder = given_path(os.environ[ENCODER_VARIABLE])
        encoders = {folder.name: folder, "CL-MEx": folders.weights(ENCODERS["CL-MEx"])}
    return faces, encoders


def load_encoders(
    encoders: Mapping[str, str | os.PathLike] | None = None,
) -> dict[str, ImageEncoder]:
    """Saved ImageEncoders by name, from their folders. Default: those of the course."""
    from fermodels.models import ImageEncoder

    if encoders is None:
        encoders = {name: folders.weights(folder) for name, folder in ENCODERS.items()}
    return {name: ImageEncoder.from_pretrained(folder) for name, folder in encoders.items()}


def _material(
    faces: str | os.PathLike | None,
    encoders: Mapping[str, ImageEncoder],
    say: Say,
    others: Mapping[str, str | os.PathLike] | None = None,
) -> dict[str, Any]:
    """What `EmbeddingExplorer` takes. Embeddings that the file has itself come first; faces of
    other files have none of theirs and are left out."""
    prepared = PreparedImages.read(faces or folders.data("anny_views_kdef"))
    embeddings = _embeddings(encoders, prepared, say)
    if (stored := stored_embedding(prepared)) is not None:  # by an encoder that is not at hand
        embeddings, others = {stored[0]: stored[1]} | embeddings, {}
    material = {"embeddings": embeddings, "prepared": prepared}
    further = {}
    for name, path in (_shipped_others(prepared) if others is None else others).items():
        other = PreparedImages.read(path)
        further[name] = _embeddings(encoders, other, say), other
    material["others"] = further
    try:
        split = prepared.split()
    except PreparedError:
        return material
    train = split["train"]
    material["split"] = split
    labelled = train[prepared.labels[train] >= 0]
    if len(set(prepared.labels[labelled])) > 1:
        material["predictions"] = {}
        for name, x in embeddings.items():
            everything = np.concatenate([x, *(own[name] for own, _ in further.values())])
            said = _predictions(everything, prepared.labels, labelled)
            material["predictions"][name] = np.array(prepared.expressions, dtype=object)[said]
    return material


def _shipped_others(prepared: PreparedImages) -> dict[str, Path]:
    """`OTHERS` that lie there and are not the data set itself."""
    found = {}
    for name, file in OTHERS.items():
        with suppress(FileNotFoundError):
            path = folders.data(file)
            itself = Path(prepared.source).resolve() == path.resolve()
            if not itself and name != name_of(prepared):
                found[name] = path
    return found


def _embeddings(
    encoders: Mapping[str, ImageEncoder], prepared: PreparedImages, say: Say
) -> dict[str, np.ndarray]:
    fingerprint = prepared.fingerprint()
    return {
        name: kept_embeddings(encoder, prepared, fingerprint, lambda text, n=name: say(n + text))
        for name, encoder in encoders.items()
    }


def _predictions(x: np.ndarray, labels: np.ndarray, train: np.ndarray) -> np.ndarray:
    """What a linear probe fitted on the rows `train` says to every row of x (N, D); the first are
    those of the `labels`."""
    from fermodels.evaluation import linear_probe

    # What the rows are compared with does not matter: only the predictions are used.
    return linear_probe(x[train], labels[train], x, np.zeros(len(x), dtype=int)).predictions


def kept_embeddings(
    encoder: ImageEncoder,
    prepared: PreparedImages,
    fingerprint: str | None = None,
    say: Say = print,
    folder: str | os.PathLike | None = None,
) -> np.ndarray:
    """Embeddings (N, D) of all images, from a file if they have been computed before.

    The file carries the fingerprint of the data and a digest of the weights; of another data set,
    other weights, or unreadable, it is not used but written anew.

    Args:
        fingerprint: `prepared.fingerprint()`, if it is at hand.
        say: gets how far it is, such as ": 1,500 of 4,900 faces".
        folder: where the files lie. Default: `course.run_dir("explore")`.
    """
    import torch

    from fermodels.evaluation import embed
    from fermodels.models.saving import weights_digest

    ingredients = {
        "faces": fingerprint or prepared.fingerprint(),
        "encoder": encoder.config,
        "weights": weights_digest(encoder),
    }
    made_of = json.dumps(ingredients, sort_keys=True)
    folder = given_path(folders.run_dir("explore") if folder is None else folder)
    name = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    path = folder / f"{name}.safetensors"
    found = _read(path, made_of, len(prepared))
    if found is not None:
        return found
    device = "cuda" if torch.cuda.is_available() else None

    def progress(done: int, total: int | None) -> None:
        say(f": {done:,} of {total:,} faces embedded …")

    embeddings = embed(encoder, prepared, device=device, progress=progress)  # (N, D)
    _write(path, embeddings, made_of)
    return embeddings


def _read(path: Path, made_of: str, count: int) -> np.ndarray | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            if (file.metadata() or {}).get(_MADE_OF) != made_of:
                return None
            embeddings = file.get_tensor(_KEPT)
    except (OSError, SafetensorError):
        return None
    fits = embeddings.ndim == 2 and len(embeddings) == count and np.isfinite(embeddings).all()
    return embeddings if fits else None


def _write(path: Path, embeddings: np.ndarray, made_of: str) -> None:
    from safetensors.numpy import save

    from fermodels._shared.files import replace_file

    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, save({_KEPT: embeddings}, metadata={_MADE_OF: made_of}))
