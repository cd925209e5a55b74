"""Computational sequences: the HDF5 files (.csd) in which CMU-MOSEI is given away.

`/<root>/data/<key>/{features,intervals}` and `/<root>/metadata/<name>`, where a key is a video, or
after an alignment `<video>[k]`, and intervals are N×2 seconds. The aligned `mosei.hdf5` in
circulation has several sequences in one file, `/<sequence>/<key>/features`, and no intervals.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np

# COVAREP of the longest video is below 100 MB; a header may announce anything.
_MOST_BYTES = 1 << 30
# In damaged files the library that h5py calls can read strings of any length for ever, and nothing
# in this process could stop it. Another process tries it first.
_PATIENCE = 60.0  # seconds
_READ_STRINGS = """
import sys, h5py
def read(name, item):
    if isinstance(item, h5py.Dataset) and item.dtype.kind == "O":
        item[()]
with h5py.File(sys.argv[1], "r") as file:
    file.visititems(read)
"""
_ALIGNED = re.compile(r"(?P<video>.+)\[(?P<number>\d+)\]")


class CsdError(ValueError):
    """A .csd file that is broken or built otherwise; the message names file and entry."""


def split_key(key: str) -> tuple[str, int | None]:
    """`abc[3]` → ("abc", 3); `abc` → ("abc", None). Ids stay text, also those of digits alone."""
    match = _ALIGNED.fullmatch(key)
    return (match["video"], int(match["number"])) if match else (key, None)


class CsdFile:
    """An open file of computational sequences; use it in a `with` statement.

    Args:
        path: a file on disk.
        name: what messages call it (its path inside an archive, say).

    Attributes:
        sequences: root name → :class:`Sequence`.

    Raises:
        CsdError: it is not HDF5, or no computational sequence is in it.
        ImportError: h5py is not installed.
    """

    def __init__(self, path: str | os.PathLike, name: str | None = None) -> None:
        try:
            import h5py
        except ImportError as error:
            raise ImportError(
                ".csd files are HDF5, read by h5py, which is not installed: pip install h5py"
            ) from error
        self.name, self._path = str(path) if name is None else name, path
        self._tried = False
        try:
            self._file = h5py.File(path, "r")
        except Exception as error:  # OSError, but damaged bytes have others
            raise CsdError(
                f"{self.name} is not a whole HDF5 file ({error}). It may be a broken download or a "
                "web page of an error: fetch it again."
            ) from error
        try:
            self.sequences = self._sequences()
        except BaseException:
            self._file.close()
            raise

    def _sequences(self) -> dict[str, Sequence]:
        roots = _names(self._file, self.name)
        found = {root: self._sequence(root) for root in roots}
        found = {root: sequence for root, sequence in found.items() if sequence is not None}
        if not found:
            raise CsdError(
                f"{self.name}: no computational sequence in it, such as /All Labels/data/<video>/"
                f"features; it holds {', '.join(roots[:5]) or 'nothing'}"
            )
        return found

    def _sequence(self, root: str) -> Sequence | None:
        group = _child(self._file, root, self.name)
        names = _names(group, self.name)
        data, metadata = group, None
        if "data" in names:
            data = _child(group, "data", self.name)
            metadata = _child(group, "metadata", self.name) if "metadata" in names else None
        keys = _names(data, self.name)
        if not keys or "features" not in _names(_child(data, keys[0], self.name), self.name):
            return None
        return Sequence(self.name, root, data, metadata, keys, self._try_strings)

    def _try_strings(self) -> None:
        if self._tried:
            return
        command = [sys.executable, "-c", _READ_STRINGS, os.fspath(self._path)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise CsdError(
                f"{self.name} is damaged: reading its text does not end. Fetch it again."
            ) from error
        if done.returncode < 0:
            raise CsdError(f"{self.name} is damaged: reading its text crashes. Fetch it again.")
        self._tried = True  # an error of another kind will come again here, and be named

    def __enter__(self) -> CsdFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


class Sequence:
    """One computational sequence of an open file.

    Attributes:
        root: its name in the file, such as "All Labels".
        keys: of its entries, in the order of the file.
    """

    def __init__(
        self,
        file: str,
        root: str,
        data: Any,
        metadata: Any,
        keys: list[str],
        try_strings: Callable[[], None],
    ) -> None:
        self.file, self.root, self._data, self._metadata = file, root, data, metadata
        self._try_strings = try_strings
        self.keys, self._known = keys, frozenset(keys)
        # Segments of a video come one after the other, and each asks for the whole video.
        self._last: tuple[str, np.ndarray, np.ndarray | None] | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __repr__(self) -> str:
        return f"<{self.root!r} of {self.file}, {len(self.keys):,} entries>"

    def metadata(self, name: str) -> Any:
        """What the file says about itself, one JSON value; None where it says nothing."""
        if self._metadata is None or name not in _names(self._metadata, self.file):
            return None
        where = f"{self.file}: {self.root}/metadata"
        values = _values(self._metadata, name, where, self._try_strings)
        if values is None or not values.size:
            return None
        text = values.reshape(-1)[0]
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        try:
            return json.loads(text)
        except ValueError:
            return text  # some files hold the bare text

    def read(self, key: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Features (N, D), or bytes (N, 1) of words, and intervals (N, 2) in seconds.

        Rows are as they are in the file: unsorted, overlapping, starting below zero. Intervals are
        None where the file has none.

        Raises:
            CsdError: no such entry, broken data, or features and intervals of different length.
        """
        if self._last is not None and self._last[0] == key:
            return self._last[1:]
        where = f"{self.file}: {self.root}/{key}"
        entry = _child(self._data, key, where)
        features = _values(entry, "features", where, self._try_strings)
        if features is None:
            raise CsdError(f"{where} has no features")
        features = features.reshape(len(features), -1) if features.ndim else features.reshape(1, 1)
        intervals = _values(entry, "intervals", where, self._try_strings)
        if intervals is not None:
            if intervals.ndim != 2 or intervals.shape[1] != 2 or intervals.dtype.kind not in "fiu":
                raise CsdError(
                    f"{where}: intervals are {intervals.dtype} {intervals.shape}, not N×2"
                )
            if len(intervals) != len(features):
                raise CsdError(
                    f"{where} has {len(features)} rows of features and {len(intervals)} intervals"
                )
            intervals = intervals.astype(np.float64)
        self._last = key, features, intervals
        return features, intervals


def rows_within(intervals: np.ndarray, start: float, end: float) -> np.ndarray:
    """Rows whose middle lies in [start, end), in order of time, int64.

    By the middle, so that a word on the border of two labels is in one of them. Rows with times
    that are no numbers are in none.
    """
    middle = intervals.mean(axis=1)
    inside = np.flatnonzero((middle >= start) & (middle < end))
    return inside[np.argsort(intervals[inside, 0], kind="stable")]


def words_of(features: np.ndarray) -> list[str]:
    """The words of the rows without `sp`, the mark of a pause."""
    words = []
    for word in features[:, 0].tolist():
        word = word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
        word = word.strip()
        if word and word.lower() != "sp":
            words.append(word)
    return words


def mean_features(features: np.ndarray) -> np.ndarray | None:
    """Mean over rows, float32 (D,), column by column over what is a number; None for no row.

    COVAREP holds −inf where its model has no value. Rows of zeros alone are frames in which a tool
    found nothing (no face, no word vector) and do not count. A column without any number is 0.
    """
    values = np.asarray(features, dtype=np.float64)
    finite = np.isfinite(values)
    values = np.where(finite, values, 0.0)
    something = values.any(axis=1)
    values, finite = values[something], finite[something]
    if not len(values):
        return None
    return (values.sum(axis=0) / np.maximum(finite.sum(axis=0), 1)).astype(np.float32)


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Whatever h5py raises for damaged bytes, which is of many kinds, is a CsdError."""
    try:
        yield
    except CsdError:
        raise
    except Exception as error:
        raise CsdError(f"{where} cannot be read ({type(error).__name__}: {error})") from error


def _names(group: Any, where: str) -> list[str]:
    """Of what is in a group; nothing is in a table of numbers."""
    with _named(where):
        return list(group.keys()) if hasattr(group, "keys") else []


def _child(group: Any, name: str, where: str) -> Any:
    """An entry that lies in this very file: links may lead to any other file of the machine."""
    import h5py

    with _named(f"{where}: {name!r}"):
        if group.get(name, getlink=True, getclass=True) is not h5py.HardLink:
            raise CsdError(f"{where}: {name!r} is a link or is not there; links are not followed")
        return group[name]


def _values(
    entry: Any, name: str, where: str, try_strings: Callable[[], None]
) -> np.ndarray | None:
    if name not in _names(entry, where):
        return None
    dataset = _child(entry, name, where)
    with _named(f"{where}: {name!r}"):
        if hasattr(dataset, "keys") or dataset.shape is None:
            raise CsdError(f"{where}: {name!r} is no table of numbers")
        if dataset.external or dataset.is_virtual:
            raise CsdError(f"{where}: {name!r} lies in another file, which is not opened")
        if dataset.size * dataset.dtype.itemsize > _MOST_BYTES:
            raise CsdError(f"{where}: {name!r} announces {dataset.shape} values, more than 1 GiB")
        if dataset.dtype.kind == "O":
            try_strings()
        return np.asarray(dataset[()])
