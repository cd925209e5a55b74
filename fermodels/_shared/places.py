"""Where the data and the weights lie that ship with the repository."""

import os
from contextlib import suppress
from pathlib import Path

from fermodels._shared.paths import given_path

_PACKAGE = Path(__file__).resolve().parents[1]
# The encoder that features of clips are made with; a wheel brings it along (see setup.py).
DEFAULT_VIDEO = "clmex-anny-views"
_IN_PACKAGE = _PACKAGE / "features" / "weights"


def root() -> Path:
    """The folder of the course, with `notebooks/`, `data/`, `weights/`; FERMODELS_ROOT overrides.

    Raises:
        FileNotFoundError: `fermodels` was installed without the course around it.
    """
    override = os.environ.get("FERMODELS_ROOT")
    folder = given_path(override) if override else _PACKAGE.parent
    if not (folder / "notebooks").is_dir():
        raise FileNotFoundError(
            f"{folder} is not the course's folder (it has no notebooks/): clone the repository and "
            "install it with 'make course' or 'pip install -e .', or set FERMODELS_ROOT"
        )
    return folder


def folder(variable: str, name: str) -> Path:
    """The folder that an environment variable names, or else `name` in the course's folder."""
    override = os.environ.get(variable)
    return given_path(override) if override else root() / name


def shipped_data(name: str) -> Path:
    """The Parquet file of a data set that ships; FERMODELS_DATA names another folder.

    Raises:
        FileNotFoundError: there is no such file.
    """
    path = folder("FERMODELS_DATA", "data") / f"{name}.parquet"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: it ships with the repository; 'make data' renders it again"
        )
    return path


def shipped_weights(name: str) -> Path:
    """The folder of an encoder that ships; FERMODELS_WEIGHTS names another place for them.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    in_package = _IN_PACKAGE / name
    try:
        path = folder("FERMODELS_WEIGHTS", "weights") / name
    except FileNotFoundError:
        if in_package.is_dir():
            return in_package
        raise
    if path.exists():
        return path
    if in_package.is_dir():
        return in_package
    raise FileNotFoundError(
        f"{path} is missing: it ships with the repository; 'make weights' trains it again"
    )


def shipped_weights_folders() -> list[Path]:
    """The folders of all encoders that are there, those of the repository and of the package."""
    places = [_IN_PACKAGE]
    with suppress(FileNotFoundError):  # installed without the course around it
        places.append(folder("FERMODELS_WEIGHTS", "weights"))
    found = {path.name: path for place in places if place.is_dir() for path in place.iterdir()}
    return [found[name] for name in sorted(found) if found[name].is_dir()]
