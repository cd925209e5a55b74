"""Paths as people give them, and a look at where results are to go before they are made."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def given_path(path: str | os.PathLike) -> Path:
    """The path that somebody means: ~, ~user and $NAME stand for what a shell makes of them.

    Some libraries expand them and pathlib does not, so that one name can mean two places. Every
    path that comes from outside goes through here, where it comes in. What lies there under the
    name as it is written is meant, unless it begins with ~/.

    Raises:
        ValueError: it is empty, or begins with a user or a variable that is not known here.
    """
    text = os.fsdecode(path)
    if not text.strip():
        raise ValueError("an empty path: name a file or a folder, or . for this folder")
    home = text == "~" or text.startswith(("~/", "~\\"))
    if not home and (not (text.startswith("~") or "$" in text) or os.path.lexists(text)):
        return Path(text)
    found = os.path.expanduser(os.path.expandvars(text))
    if found.startswith(("~", "$")):
        name = found.replace("\\", "/").split("/")[0]
        kind = "variable" if found.startswith("$") else "user"
        raise ValueError(
            f"{text}: there is no {kind} {name} here. Write the path in full, or ./{name} for a "
            "name that begins like that"
        )
    return Path(found)


def output_folder(
    path: str | os.PathLike, *, files: Iterable[str] = (), folders: Iterable[str] = ()
) -> Path:
    """The folder for results, looked at before there are any; it is not made yet.

    Args:
        path: of the folder, as somebody gave it.
        files, folders: names of what is to lie in it.

    Raises:
        OSError: it cannot be made or written to, or one of the names is taken by the other kind.
        ValueError: see :func:`given_path`.
    """
    folder = given_path(path)
    there = folder.absolute()
    while not os.path.lexists(there):
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"\0")
    except OSError as error:
        raise type(error)(
            f"{folder}: nothing can be written there ({there}: {error.strerror}). Take another path"
        ) from error
    for name in files:
        if (folder / name).is_dir():
            raise IsADirectoryError(
                f"{folder / name} is a folder where a file is to be written: take another path, or "
                "move it away"
            )
    for name in folders:
        if os.path.lexists(folder / name) and not (folder / name).is_dir():
            raise NotADirectoryError(
                f"{folder / name} is a file where a folder is to be made: take another path, or "
                "move it away"
            )
    return folder


def output_file(path: str | os.PathLike) -> Path:
    """The file for results, looked at before there are any; see :func:`output_folder`."""
    file = given_path(path)
    output_folder(file.parent, files=[file.name])
    return file
