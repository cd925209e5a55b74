"""Expressions of all faces in images and films, by a classifier or by labelled examples."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels._shared.progress import progress_wanted
from fermodels.data import PreparedImages
from fermodels.data.films import Sampling
from fermodels.experiments.expression_models import (
    NEIGHBORS,
    ExpressionModel,
    open_expression_model,
)
from fermodels.experiments.faces_in_media import MOST_FACES, FaceReader, FoundFace
from fermodels.experiments.given_media import LeftOut, Medium, find_media, told
from fermodels.experiments.predictions import TRAINED_ON, Predictions, caution

if TYPE_CHECKING:
    import pandas as pd

    from fermodels.models.saving import SavedModule

__all__ = ["Predictions", "predict"]

EVERY = 0.2  # seconds from one frame of a film to the next
_COLUMNS = {
    **{"file": "string", "row": "Int64", "frame": "Int64", "time": "float64"},
    **{"face_found": "boolean", "face": "Int64"},
    **dict.fromkeys(("x0", "y0", "x1", "y1", "score"), "float64"),
}


def predict(
    model: str | os.PathLike | SavedModule,
    inputs: str | os.PathLike | Iterable[str | os.PathLike],
    *,
    examples: str | os.PathLike | PreparedImages | None = None,
    k: int = NEIGHBORS,
    crop: str | None = None,
    size: int | None = None,
    faces: int = MOST_FACES,
    every: float | None = None,
    stride: int | None = None,
    trained_on: str = TRAINED_ON,
    batch_size: int = 64,
    device: str | None = None,
    progress: bool | None = None,
) -> Predictions:
    """Find the faces in images and films, and estimate the expression that each shows.

    It is an estimate of a facial configuration: not what a person feels, and not for decisions
    about people.

    Args:
        model, examples, k, device: see
            :func:`fermodels.experiments.expression_models.open_expression_model`.
        inputs: images, films, prepared files of images (.parquet), and folders, which are
            walked. Images of a prepared file are taken as they are, without looking for faces.
        crop: `face`, `centre` or `none`; default: as the examples were cropped, else `face`.
        size: pixels of a crop; default: those of the examples, else 96 or the classifier's own
            where that is larger.
        faces: at most so many of each image, the largest.
        every: of a film, a frame every so many seconds; default 0.2.
        stride: of a film, every so many frames, in place of `every`.
        trained_on: what the model was trained on, in words, for the caution.
        batch_size: crops at a time.
        progress: bars with the time left; None shows them unless the environment has CI set or
            FERMODELS_PROGRESS=0.

    Returns:
        The table, and what was left out: files that cannot be read cost no more than their rows.

    Raises:
        FileNotFoundError: a path does not exist.
        ValueError: there is nothing that can be read, or settings or model do not fit.
        MissingFinder: what finds faces is not installed.

    Example::

        from fermodels.experiments.predict import predict

        found = predict("clmex-anny-views", "photos/", examples="data/anny_views_kdef.parquet")
        found.table[["file", "face", "expression", "probability"]]
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    sampling = Sampling(EVERY if every is None and stride is None else every, stride)
    media, left_out = find_media(inputs)
    namer = open_expression_model(model, examples, k, device)
    reader = FaceReader(crop or namer.crop, size or namer.size, faces, sampling)
    collected = _Collected(namer, batch_size)
    for found in _looked_at(reader, media, left_out, progress):
        for row, pixels in found:
            collected.add(row, pixels)
    if not collected.rows:
        raise ValueError(f"nothing could be read{told(left_out)}")
    cropping = {"crop": reader.crop, "size": reader.size, "face_finder": reader.finder_name}
    about = {"model": namer.about, "cropping": cropping, "caution": caution(trained_on)}
    return Predictions(collected.table(), namer.classes, about, left_out, reader.notes, media)


def _looked_at(
    reader: FaceReader, media: Sequence[Medium], left_out: list[LeftOut], progress: bool | None
) -> Iterator[list[FoundFace]]:
    """The faces of one image or frame after the other, under a bar.

    Images share a bar, a film and a prepared file have one of their own.
    """
    from tqdm.auto import tqdm

    def bar(total: int | None, unit: str, name: str) -> Any:
        hidden = not progress_wanted(progress)
        return tqdm(total=total, unit=unit, desc=name, delay=0 if progress else 1, disable=hidden)

    images = [medium for medium in media if medium.kind == "image"]
    with bar(len(images), "image", "images") as shared:
        for medium in media:
            own = shared
            try:
                if medium.kind != "image":
                    unit = "frame" if medium.kind == "film" else "image"
                    own = bar(reader.count(medium), unit, medium.path.name)
                for found in reader.read(medium):
                    yield found
                    own.update()
            except (OSError, ValueError) as error:  # ImageError, MediaError, PreparedError
                left_out.append((medium.name, str(error)))
                if own is shared:
                    own.update()
            finally:
                if own is not shared:
                    own.close()


class _Collected:
    """Rows of the table, and crops that wait for a batch."""

    def __init__(self, model: ExpressionModel, batch_size: int) -> None:
        self.model, self.batch_size = model, batch_size
        self.rows: list[dict[str, Any]] = []
        self._waiting: list[tuple[int, np.ndarray]] = []
        self._probabilities: list[tuple[list[int], np.ndarray]] = []

    def add(self, row: dict[str, Any], crop: np.ndarray | None) -> None:
        if crop is not None:
            if self._waiting and self._waiting[0][1].shape != crop.shape:
                self._ask()
            self._waiting.append((len(self.rows), crop))
        self.rows.append(row)
        if len(self._waiting) >= self.batch_size:
            self._ask()

    def table(self) -> pd.DataFrame:
        import pandas as pd

        self._ask()
        classes = self.model.classes
        found = np.full((len(self.rows), len(classes)), np.nan, np.float32)
        for rows, probabilities in self._probabilities:
            found[rows] = probabilities
        table = pd.DataFrame(self.rows, columns=list(_COLUMNS)).astype(_COLUMNS)
        named = ~np.isnan(found[:, 0])
        best = np.where(named, np.nan_to_num(found).argmax(1), 0)
        names = np.where(named, np.array(classes, dtype=object)[best], None)
        table["expression"] = pd.Series(names, dtype="string")
        table["probability"] = found[np.arange(len(found)), best]
        shares = pd.DataFrame(found, columns=[f"p_{name}" for name in classes])
        return pd.concat([table, shares], axis=1)

    def _ask(self) -> None:
        if not self._waiting:
            return
        rows, crops = zip(*self._waiting, strict=True)
        self._waiting = []
        self._probabilities.append((list(rows), self.model.probabilities(np.stack(crops))))
