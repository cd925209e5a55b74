"""What a lab's maps show beside the face in question: the dots of a prepared data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fermodels import evaluation
from fermodels.data import EXPRESSIONS, PreparedImages
from fermodels.explore.fields import Field
from fermodels.explore.lab_column import EncoderColumn
from fermodels.explore.maps import Layouts
from fermodels.explore.naming import by_encoder
from fermodels.explore.neighbours import check_embeddings
from fermodels.explore.projection import Projection
from fermodels.explore.source import Source
from fermodels.models import ImageEncoder
from fermodels.plots import EXPRESSION_COLORS
from fermodels.plots.style import UNLABELLED_COLOR

_MOST_DOTS = 6_000


def named_encoders(
    encoders: ImageEncoder | Mapping[str, ImageEncoder],
) -> dict[str, ImageEncoder]:
    """Encoders by name; ValueError where there is none."""
    named = encoders if isinstance(encoders, Mapping) else {"encoder": encoders}
    if not named:
        raise ValueError("there is no encoder to show")
    return {str(name): encoder for name, encoder in named.items()}


class Reference:
    """A data set on the map (PCA, the explorer's) of each encoder; without one, no maps.

    Args:
        encoders: by name.
        prepared: PreparedImages, or None.
        embeddings: (N, D), or such by encoder, if they are at hand; otherwise computed here.

    Attributes:
        prepared, source: None without a data set.
        embeddings: (N, D) by encoder. maps: (N, 2) by encoder. Both empty without a data set.
        palette: colours of expressions, and of what the dots are coloured by.
        expressions: the label order of the data set, or `EXPRESSIONS`.

    Raises:
        ValueError: shapes do not fit, or there are embeddings of no data set.
    """

    def __init__(
        self,
        encoders: Mapping[str, ImageEncoder],
        prepared: PreparedImages | None,
        embeddings: np.ndarray | Mapping[str, np.ndarray] | None,
    ) -> None:
        given = by_encoder("embeddings", embeddings, encoders)
        if given and prepared is None:
            raise ValueError("these embeddings need the reference that they are of")
        self.prepared = prepared
        self.embeddings: dict[str, np.ndarray] = {}
        for name, encoder in encoders.items() if prepared is not None else ():
            x = given.get(name)
            x = evaluation.embed(encoder, prepared) if x is None else x
            self.embeddings[name] = check_embeddings(x, len(prepared), name)
        self.maps = {name: Layouts(x)["pca"] for name, x in self.embeddings.items()}
        self.source = None if prepared is None else Source(prepared)
        self.palette = dict(EXPRESSION_COLORS)
        if self.source is not None:
            self.palette |= self.field.palette
        self.expressions = EXPRESSIONS if prepared is None else prepared.expressions

    def __len__(self) -> int:
        return 0 if self.prepared is None else len(self.prepared)

    @property
    def field(self) -> Field:
        """What colours the dots."""
        return self.source.fields[self.source.fields.default]

    def projection(self, name: str) -> Projection | None:
        """Puts further embeddings of an encoder on its map."""
        if self.prepared is None:
            return None
        return Projection(self.embeddings[name], self.maps[name])

    def labelled(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(embeddings (M, D) of an encoder, expressions (M,)) of what is labelled."""
        known = self.prepared.labels >= 0
        labels = self.prepared.table["expression"].to_numpy(dtype=object)[known]
        return self.embeddings[name][known], labels

    @property
    def has_labels(self) -> bool:
        return self.prepared is not None and bool((self.prepared.labels >= 0).any())

    def dots(self) -> dict[str, Any]:
        """For the browser; a random part of a large data set, empty without one."""
        if self.source is None:
            return {}
        field = self.field
        # In a random order no expression covers the others by coming last.
        rows = np.random.default_rng(0).permutation(len(self))[:_MOST_DOTS]
        return {
            "points": [coords[rows].astype("<f4").tobytes() for coords in self.maps.values()],
            "codes": field.codes[rows].astype(np.uint8).tobytes(),
            "captions": [self.source.caption(row) for row in rows.tolist()],
            "categories": list(field.categories),
            "colors": list(field.colors),
        }

    def bars(self, classes: Sequence[str]) -> list[dict[str, str]]:
        """Names and colours of classes, for the browser."""
        return [
            {"name": name, "color": self.palette.get(name, UNLABELLED_COLOR)} for name in classes
        ]


def classes_of(columns: Sequence[EncoderColumn]) -> list[str]:
    """The classes of all encoders, in the order that expressions have everywhere."""
    names = dict.fromkeys(name for column in columns for name in column.classes)
    rank = {name: i for i, name in enumerate(EXPRESSION_COLORS)}
    return sorted(names, key=lambda name: rank.get(name, len(rank)))
