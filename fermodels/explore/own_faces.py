"""The faces that a person has recorded, as the encoders see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fermodels.data import PreparedImages, encode_image
from fermodels.explore.lab_column import EncoderColumn
from fermodels.explore.neighbours import Space


class OwnFaces:
    """Embeddings of one's own file by encoder, with their places on the maps; at first none.

    Attributes:
        file: PreparedImages, or None.
    """

    def __init__(self, columns: Sequence[EncoderColumn]) -> None:
        self._columns = list(columns)
        self.show(None)

    def show(self, file: PreparedImages | None) -> None:
        """These in place of the earlier ones."""
        self.file = file
        self._spaces: dict[str, Space] = {}
        self._points: dict[str, np.ndarray] = {}
        for column in self._columns if file is not None else ():
            h = column.embed(file.images())
            self._spaces[column.name] = Space(h)
            if column.projection is not None:
                self._points[column.name] = column.projection(h)

    def __len__(self) -> int:
        return 0 if self.file is None else len(self.file)

    @property
    def instances(self) -> int:
        return 0 if self.file is None else int(self.file.table["instance"].nunique())

    @property
    def points(self) -> dict[str, np.ndarray]:
        """(N, 2) by encoder, of those that have a map."""
        return {name: points.copy() for name, points in self._points.items()}

    def nearest(self, name: str, h: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(rows, cosine distances) of the k nearest to an embedding (D,) of an encoder."""
        if self.file is None:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        return self._spaces[name].nearest_to(h, k)

    def caption(self, row: int) -> str:
        table = self.file.table
        words = ("you" if table["subject"].iat[row] == "me" else table["subject"].iat[row],)
        words += (table["expression"].iat[row], table["view"].iat[row].replace("_", " "))
        return " · ".join(words)

    def jpeg(self, row: int) -> bytes:
        return encode_image(self.file.images([row])[0], "JPEG", 88)

    def marks(self) -> list[dict[str, Any]]:
        """For the browser: the places of each encoder's map, and whose they are."""
        captions = [self.caption(row) for row in range(len(self))]
        return [
            {"points": self._points[column.name].tolist(), "captions": captions}
            for column in self._columns
            if column.name in self._points
        ]
