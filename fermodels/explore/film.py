"""A film in the place of a camera."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.data.containers import MediaError
from fermodels.data.films import open_film

LONGEST = 640  # pixels: the longer side of a frame, as the browser sends them


class Film:
    """The frames of a film, one after the other, no larger than a camera's.

    Args:
        path: of a file with a video track.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no film.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = given_path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path}: there is no such film")
        self._frames = self._read()
        self._first = next(self._frames, None)
        if self._first is None:
            raise ValueError(f"{self.path} has no frames")

    def next(self) -> tuple[float, np.ndarray] | None:
        """(seconds, uint8 (H, W, 3)) of the next frame; None after the last.

        Raises:
            ValueError: the rest of the film cannot be decoded.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._frames, None)

    def rewind(self) -> None:
        """Begin again."""
        self._first, self._frames = None, self._read()

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """All frames, from the first."""
        self.rewind()
        while (frame := self.next()) is not None:
            yield frame

    def _read(self) -> Iterator[tuple[float, np.ndarray]]:
        try:
            with open_film(self.path) as film:
                for frame in film.frames(fit=_fit):
                    yield frame.time, frame.pixels
        except MediaError as error:
            raise ValueError(f"{self.path} cannot be shown as a film: {error}") from error


def _fit(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, LONGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
