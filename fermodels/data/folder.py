"""A plain folder of images as the table of a prepared data set."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels._shared.paths import given_path
from fermodels._shared.progress import progress_wanted
from fermodels.data.errors import PreparedError
from fermodels.data.image_files import ImageError, decode_image, is_image_name
from fermodels.data.names import name_key, natural_key, one_spelling
from fermodels.data.pixels import encode_image
from fermodels.data.vocabulary import EXPRESSIONS

if TYPE_CHECKING:
    import pandas as pd

    Subject = str | re.Pattern | Callable[[str], str | None] | None

_JUNK = {"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "@eadir"}  # beside hidden ones
_SHOWN = 3  # broken files in a message
_BAR_AFTER = 3  # seconds


@dataclass(frozen=True)
class FolderFile:
    """A file in a folder or below it."""

    path: Path
    name: str  # within the folder, with "/"


def table_of_folder(
    folder: str | os.PathLike,
    size: int,
    labels: str | None,
    subject: Subject,
    progress: bool | None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Table and metadata for `PreparedImages`; see :meth:`PreparedImages.from_folder`."""
    import pandas as pd

    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 8 <= size <= 4096:
        raise ValueError(f"size is a number of pixels from 8 to 4096, got {size!r}")
    if labels not in (None, "folders"):
        raise ValueError(f"labels is 'folders' or None, not {labels!r}")
    who = _subject_reader(subject)
    root = given_path(folder)
    files = _image_files(root, folder)
    encoded, broken = _encode_all(files, size, progress)
    if broken:
        text = _about_broken(broken, len(files), root)
        if len(broken) == len(files):
            raise PreparedError(text)
        warnings.warn(text, UserWarning, stacklevel=3)
    kept = [(file, blob) for file, blob in zip(files, encoded, strict=True) if blob is not None]
    names = [file.name for file, _ in kept]
    expressions = _classes_of(names) if labels else [None] * len(names)
    if labels and not any(expressions):
        raise PreparedError(
            f"labels='folders' takes the expression from the folder that an image lies in, such as "
            f"happy/im01.jpg, but all {len(names):,} images lie in {root} itself"
        )
    table = pd.DataFrame(
        {
            "image": [blob for _, blob in kept],
            "subject": pd.Series([who(name) for name in names], dtype=object),
            "expression": pd.Series(expressions, dtype=object),
            "view": None,
            "yaw": np.nan,
            "pitch": np.nan,
            "session": "1",
            "instance": names,
        }
    )
    metadata: dict[str, Any] = {
        "name": _text(root.resolve().name) or "folder",
        "description": f"{len(kept)} images of a folder, the largest square in the middle of each, "
        f"{size} × {size} px",
    }
    found = {name for name in expressions if name is not None}
    if found:
        known = [name for name in EXPRESSIONS if name in found]
        metadata["expressions"] = known + sorted(found - set(known), key=natural_key)
    return table, metadata


def _image_files(root: Path, given: str | os.PathLike) -> list[FolderFile]:
    """All files that may be images, by their names, in natural order."""
    if not root.exists():
        beside = sorted(p.name for p in root.parent.glob("*") if p.is_dir())[:5]
        hint = f" In {root.parent} there are: {', '.join(beside)}." if beside else ""
        raise PreparedError(f"there is no folder {given} (looked in {Path.cwd()}).{hint}")
    if not root.is_dir():
        more = " PreparedImages.read opens a prepared file." if root.suffix == ".parquet" else ""
        raise PreparedError(f"{given} is a file, not a folder of images.{more}")
    others: list[FolderFile] = []
    files: list[FolderFile] = []
    for file in walk(root):
        (files if is_image_name(file.name) else others).append(file)
    if not files:
        seen = f"{len(others):,} other files, such as {others[0].name}" if others else "no files"
        raise PreparedError(f"{given}: no image in this folder or those below it ({seen})")
    return sorted(files, key=lambda file: natural_key(file.name))


def walk(root: Path) -> Iterator[FolderFile]:
    """The files below a folder, without those of the operating system; links are followed once."""
    seen = {os.path.realpath(root)}

    def refuse(error: OSError) -> None:
        raise PreparedError(f"{error.filename} cannot be listed ({error.strerror})") from error

    for folder, below, names in os.walk(root, onerror=refuse, followlinks=True):
        new = [name for name in sorted(below) if not _is_junk(name)]
        real = {name: os.path.realpath(os.path.join(folder, name)) for name in new}
        below[:] = [name for name in new if real[name] not in seen]
        seen.update(real.values())
        for name in names:
            path = Path(folder, name)
            if not _is_junk(name) and path.is_file():
                yield FolderFile(path, _text(path.relative_to(root).as_posix()))


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in _JUNK


def _text(name: str) -> str:
    """A file's name as text that can be stored, also where its bytes are no text."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _encode_all(
    files: list[FolderFile], size: int, progress: bool | None
) -> tuple[list[bytes | None], list[tuple[str, str]]]:
    """The encoded images, None for what is broken; and its names with what is wrong."""
    from tqdm.auto import tqdm

    def encode(file: FolderFile) -> bytes | str:
        try:
            return encode_image(_square(file, size))
        except (ImageError, OSError) as error:
            return str(error)

    with (
        # Around the threads, since the filters belong to the process: a thread that restored those
        # it met would leave another's behind.
        warnings.catch_warnings(),
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,  # Pillow works without the lock
        tqdm(
            total=len(files),
            unit="image",
            desc="reading",
            delay=0 if progress else _BAR_AFTER,
            disable=not progress_wanted(progress),
        ) as bar,
    ):
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
        found = []
        for result in pool.map(encode, files):
            found.append(result)
            bar.update()
    broken = [
        (file.name, why) for file, why in zip(files, found, strict=True) if isinstance(why, str)
    ]
    return [blob if isinstance(blob, bytes) else None for blob in found], broken


def _square(file: FolderFile, size: int) -> np.ndarray:
    """uint8 (size, size, 3): upright, the short side resized to `size`, the middle cut out."""
    from PIL import Image, ImageOps

    image = Image.fromarray(decode_image(file.path.read_bytes(), 2 * size, file.name).pixels)
    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS))


def _about_broken(broken: list[tuple[str, str]], count: int, root: Path) -> str:
    shown = "; ".join(f"{name} ({why})" for name, why in broken[:_SHOWN])
    more = f"; and {len(broken) - _SHOWN:,} more" if len(broken) > _SHOWN else ""
    return (
        f"{root}: {len(broken):,} of {count:,} images cannot be read and are left out: "
        f"{shown}{more}. Repair or delete them."
    )


def _classes_of(names: list[str]) -> list[str | None]:
    """The folder that each image lies in, as the course or else the first of them spells it; None
    for those at the top."""
    folders = [name.rpartition("/")[0].rpartition("/")[2] for name in names]
    spelt = dict(zip(map(name_key, EXPRESSIONS), EXPRESSIONS, strict=True))
    return [spelt.get(name_key(name), name) or None for name in one_spelling(folders)]


def _subject_reader(subject: Subject) -> Callable[[str], str | None]:
    """A function from an image's name to who it shows."""
    if subject is None:
        return lambda name: None
    if isinstance(subject, (str, re.Pattern)):
        try:
            pattern = re.compile(subject)
        except re.error as error:
            raise ValueError(f"subject={subject!r} is no regular expression ({error})") from error
        group = "subject" if "subject" in pattern.groupindex else min(1, pattern.groups)

        def search(name: str) -> str | None:
            found = pattern.search(name)
            return found[group] or None if found else None

        return search
    if not callable(subject):
        raise ValueError(f"subject is a function or a regular expression, not {subject!r}")

    def ask(name: str) -> str | None:
        who = subject(name)
        return None if who is None else str(who)

    return ask
