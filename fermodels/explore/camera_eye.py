"""What encoders make of a frame: place, probabilities, and the faces that are nearest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fermodels.explore.camera_sight import Sight, look
from fermodels.explore.lab_column import EncoderColumn
from fermodels.explore.lab_reference import Reference
from fermodels.explore.neighbours import Space
from fermodels.explore.own_faces import OwnFaces

if TYPE_CHECKING:
    from fermodels.crops import YuNetFinder

_RENDERED, _OWN = 4, 2  # nearest faces that are shown
_VOTES = 20  # neighbours that take a classifier's place, as in `evaluation.knn`


class Near(NamedTuple):
    """A face that is near: of one's own or of the reference, its row, and the cosine distance."""

    own: bool
    row: int
    distance: float


@dataclass(frozen=True)
class Seen:
    """A frame as the encoders see it; everything by encoder, and empty where there is no face.

    Attributes:
        sight: what was found in the frame.
        embeddings: float32 (D,). places: (2,), on the map. shares: probability by class.
        near: the nearest faces of the reference, then those of one's own, nearest first.
    """

    sight: Sight
    embeddings: dict[str, np.ndarray] = field(default_factory=dict)
    places: dict[str, np.ndarray] = field(default_factory=dict)
    shares: dict[str, dict[str, float]] = field(default_factory=dict)
    near: dict[str, list[Near]] = field(default_factory=dict)


class Eye:
    """Looks at frames, with one finder and the encoders' columns.

    Args:
        size: of the crops, which the encoders get, in pixels.
    """

    def __init__(
        self,
        finder: YuNetFinder,
        columns: Sequence[EncoderColumn],
        reference: Reference,
        own: OwnFaces,
        size: int,
    ) -> None:
        self.finder, self.columns, self.own, self.size = finder, list(columns), own, size
        self._spaces = {name: Space(x) for name, x in reference.embeddings.items()}

    def look(self, image: np.ndarray) -> Seen:
        """A frame uint8 (H, W, 3) RGB, at least 8×8 px."""
        sight = look(image, self.finder, self.size)
        seen = Seen(sight)
        if sight.crop is None:
            return seen
        crops = sight.crop[None]  # (1, S, S, 3)
        for column in self.columns:
            h = column.embed(crops)  # (1, D)
            seen.embeddings[column.name] = h[0]
            if column.projection is not None:
                seen.places[column.name] = column.projection(h)[0]
            if column.classify is not None:
                shares = column.classify(h, crops)[0].tolist()
                seen.shares[column.name] = dict(zip(column.classes, shares, strict=True))
            seen.near[column.name] = self.nearest(column.name, h[0])
        return seen

    def nearest(self, name: str, h: np.ndarray) -> list[Near]:
        """The faces nearest to an embedding (D,) of an encoder."""
        found = []
        if name in self._spaces:
            rows, distances = self._spaces[name].nearest_to(h, _RENDERED)
            found = [Near(False, int(r), float(d)) for r, d in zip(rows, distances, strict=True)]
        rows, distances = self.own.nearest(name, h, _OWN)
        return found + [Near(True, int(r), float(d)) for r, d in zip(rows, distances, strict=True)]


def vote(
    embeddings: np.ndarray, labels: np.ndarray, classes: Sequence[str]
) -> tuple[list[str], Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """What the labels (N,) of the nearest of `embeddings` (N, D) say, for `EncoderColumn`.

    Returns (the names among `classes` that occur, a function that gives their shares).
    """
    present = set(labels)
    found = [name for name in classes if name in present]
    space, place = Space(embeddings), {name: at for at, name in enumerate(found)}
    codes = np.array([place[name] for name in labels])

    def classify(h: np.ndarray, images: np.ndarray) -> np.ndarray:
        near = [space.nearest_to(one, _VOTES)[0] for one in h]
        return np.stack([np.bincount(codes[r], minlength=len(found)) / len(r) for r in near])

    return found, classify
