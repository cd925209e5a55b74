"""The widgets on the faces and encoders that ship with the course; `make explore` shows them."""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels import course
from fermodels.explore.background import Background
from fermodels.explore.embedding_explorer import EmbeddingExplorer
from fermodels.prepared import PreparedError, PreparedImages

if TYPE_CHECKING:
    import ipywidgets

    from fermodels.encoders import ImageEncoder

ENCODERS = {"SimCLR": "simclr-anny-views", "CL-MEx": "clmex-anny-views"}
# What `make explore FACES=… ENCODER=…` hands to the page.
FACES_VARIABLE, ENCODER_VARIABLE = "FERMODELS_EXPLORE_FACES", "FERMODELS_EXPLORE_ENCODER"

_CHUNK = 500
_KEPT, _MADE_OF = "embedding", "made of"

Say = Callable[[str], None]


def course_explorer(
    faces: str | os.PathLike | None = None,
    encoders: Mapping[str, str | os.PathLike] | None = None,
    *,
    say: Say = print,
    **options: Any,
) -> EmbeddingExplorer:
    """SimCLR and CL-MEx side by side on the 4,900 faces of the course.

    A linear probe, fitted on the people of the training part, adds predictions; the parts are the
    column `split`. A data set with too few people for three parts has neither. Embeddings are
    computed once, some ten seconds, and kept in `course.run_dir("explore")`.

    Args:
        faces: a prepared file of images. Default: "anny_views_kdef".
        encoders: folders of saved ImageEncoders by name. Default: those of the course.
        say: gets a sentence on how far it is, while embeddings are computed.
        options: for `EmbeddingExplorer`.

    Raises:
        PreparedError, FileNotFoundError: the file or a folder cannot be read.
    """
    return EmbeddingExplorer(**(_material(faces, _load(encoders), say) | options))


def course_page(
    faces: str | os.PathLike | None = None,
    encoders: Mapping[str, str | os.PathLike] | None = None,
) -> ipywidgets.VBox:
    """A page with `course_explorer` and a `FaceLab`, there at once: it says how far the embeddings
    are and shows the widgets when they are. What cannot be read is said in the page.

    Args: as for `course_explorer`; the defaults can be named by FERMODELS_EXPLORE_FACES (a file)
    and FERMODELS_EXPLORE_ENCODER (a folder, shown beside CL-MEx).
    """
    import ipywidgets

    faces = faces or os.environ.get(FACES_VARIABLE) or None
    if encoders is None and os.environ.get(ENCODER_VARIABLE):
        folder = Path(os.environ[ENCODER_VARIABLE])
        encoders = {folder.name: folder, "CL-MEx": course.weights(ENCODERS["CL-MEx"])}
    message = ipywidgets.HTML().add_class("fm-wait")
    page = ipywidgets.VBox([message], layout={"width": "100%"}).add_class("fm-course-page")
    say = _sayer(message)
    say("reading the faces …")

    def work() -> tuple[dict[str, ImageEncoder], dict[str, Any]]:
        loaded = _load(encoders)
        return loaded, _material(faces, loaded, say)

    def done(found: tuple[dict[str, ImageEncoder], dict[str, Any]]) -> None:
        loaded, material = found
        remember = course.run_dir("explore")
        explorer = EmbeddingExplorer(**material, remember=remember / "explorer.json")
        explorer._selected.to_notebook.layout.display = "none"
        page.children = (_tabs(explorer, loaded, material, remember / "face_lab.json"),)

    Background().run(work, done, lambda error: say(f"{type(error).__name__}: {error}"))
    return page


def _load(encoders: Mapping[str, str | os.PathLike] | None) -> dict[str, ImageEncoder]:
    from fermodels.encoders import ImageEncoder

    if encoders is None:
        encoders = {name: course.weights(folder) for name, folder in ENCODERS.items()}
    return {name: ImageEncoder.from_pretrained(folder) for name, folder in encoders.items()}


def _material(
    faces: str | os.PathLike | None, encoders: Mapping[str, ImageEncoder], say: Say
) -> dict[str, Any]:
    """What `EmbeddingExplorer` takes."""
    prepared = PreparedImages.read(faces or course.data("anny_views_kdef"))
    fingerprint = prepared.fingerprint()
    embeddings = {
        name: kept_embeddings(encoder, prepared, fingerprint, lambda text, n=name: say(n + text))
        for name, encoder in encoders.items()
    }
    material = {"embeddings": embeddings, "prepared": prepared}
    try:
        split = prepared.split()
    except PreparedError:
        return material
    train = split["train"]
    material["split"] = split
    if len(set(prepared.labels[train])) > 1:
        material["predictions"] = {
            name: _predictions(x, prepared.labels, train) for name, x in embeddings.items()
        }
    return material


def _predictions(x: np.ndarray, labels: np.ndarray, train: np.ndarray) -> np.ndarray:
    """What a linear probe fitted on the rows `train` says to every row of x (N, D)."""
    from fermodels.evaluate import linear_probe

    return linear_probe(x[train], labels[train], x, labels).predictions


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

    from fermodels.evaluate import embed
    from fermodels.recipes import weights_digest

    ingredients = {
        "faces": fingerprint or prepared.fingerprint(),
        "encoder": encoder._hub_mixin_config,
        "weights": weights_digest(encoder),
    }
    made_of = json.dumps(ingredients, sort_keys=True)
    folder = Path(course.run_dir("explore") if folder is None else folder)
    name = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    path = folder / f"{name}.safetensors"
    found = _read(path, made_of, len(prepared))
    if found is not None:
        return found
    device = "cuda" if torch.cuda.is_available() else None
    parts = []
    for start in range(0, len(prepared), _CHUNK):
        say(f": {start:,} of {len(prepared):,} faces embedded …")
        rows = np.arange(start, min(start + _CHUNK, len(prepared)))
        parts.append(embed(encoder, prepared, rows, device=device))
    embeddings = np.concatenate(parts)  # (N, D)
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

    from fermodels.files import replace_file

    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, save({_KEPT: embeddings}, metadata={_MADE_OF: made_of}))


def _sayer(message: ipywidgets.HTML) -> Say:
    """A function that shows a sentence in the page, callable from any thread."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None

    def show(text: str) -> None:
        message.value = f'<p role="status" style="font-size:14px">{html.escape(text)}</p>'

    def say(text: str) -> None:
        if loop is None or loop.is_closed():
            show(text)
        else:
            loop.call_soon_threadsafe(show, text)

    return say


def _tabs(
    explorer: EmbeddingExplorer,
    encoders: Mapping[str, ImageEncoder],
    material: Mapping[str, Any],
    remember: Path,
) -> ipywidgets.Tab:
    """The explorer, and a face lab that is made when its tab is first opened."""
    import ipywidgets

    lab = ipywidgets.VBox()
    tabs = ipywidgets.Tab([explorer.widget, lab], titles=["Explorer", "Face lab"])

    def opened(change) -> None:
        if change["new"] != 1 or lab.children:
            return
        message = ipywidgets.HTML()
        lab.children = (message,)
        _sayer(message)("loading the head: seconds, the very first time minutes …")
        asyncio.get_running_loop().call_later(0.1, fill)

    def fill() -> None:
        from fermodels.explore import FaceLab

        reference, embeddings = material["prepared"], material["embeddings"]
        try:
            made = FaceLab(encoders, reference, embeddings=embeddings, remember=remember)
        except Exception as error:
            _sayer(lab.children[0])(f"{type(error).__name__}: {error}")
            return
        lab.children = (made.widget,)

    tabs.observe(opened, "selected_index")
    return tabs
