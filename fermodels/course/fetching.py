"""The files of the course where only the package is installed, as on Colab and Kaggle."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath

from fermodels._shared.paths import output_folder
from fermodels._shared.places import root

PARTS = ("configs", "data", "notebooks", "weights")
SECONDS = 60  # without an answer


def fetch(archive: str, folder: str | os.PathLike = "fermodels-course") -> None:
    """Make sure that data, weights, notebooks and configurations of the course are there.

    Where they are, because this is the repository, because FERMODELS_ROOT names them, or because
    the working folder lies among them, nothing is fetched. Otherwise they are unpacked from
    `archive` into `folder`, once. FERMODELS_ROOT names the place afterwards, for this process and
    what it starts.

    Args:
        archive: address (https:// or file://) of a .tar.gz file with `configs/`, `data/`,
            `notebooks/` and `weights/`, at the top or inside one folder, as GitHub makes them of a
            repository.
        folder: where the files go; it must not exist, or hold the course.

    Raises:
        OSError: the archive cannot be read or lacks a part, or `folder` cannot be written.
        ValueError: `archive` is no address.
    """
    if os.environ.get("FERMODELS_ROOT"):
        root()  # says what is wrong with it
        return
    try:
        root()
        return
    except FileNotFoundError:
        pass
    here = Path.cwd()
    place = next((path for path in (here, *here.parents) if _is_course(path)), None)
    if place is None:
        place = output_folder(folder).absolute()
        if not _is_course(place):
            _unpack(archive, place)
    os.environ["FERMODELS_ROOT"] = str(place)


def _is_course(folder: Path) -> bool:
    return all((folder / part).is_dir() for part in PARTS)


def _unpack(archive: str, place: Path) -> None:
    if place.exists():
        raise FileExistsError(
            f"{place} exists and is not the course: move it away, or name another folder"
        )
    # Here, since every notebook calls `fetch`, and next to none has anything to fetch.
    import gzip
    import tarfile
    import tempfile
    import urllib.request
    import zlib

    print(f"fetching data, weights and notebooks into {place} …")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fermodels-") as temporary:
        unpacked, whole = Path(temporary, "unpacked"), Path(temporary, "whole")
        try:
            with (
                urllib.request.urlopen(archive, timeout=SECONDS) as stream,
                gzip.open(stream) as plain,  # knows when an end is missing; tarfile does not
                tarfile.open(fileobj=plain, mode="r|") as files,
            ):
                for member in files:
                    if member.isfile() and _may_be_ours(PurePosixPath(member.name)):
                        _write(files.extractfile(member), unpacked / member.name)
                while plain.read(2**20):
                    pass
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            raise OSError(
                f"{archive} could not be read ({error}). Is the network there (on Kaggle: "
                "Settings, Internet), and the address right?"
            ) from error
        found = next(filter(_is_course, (unpacked, *unpacked.glob("*"))), None)
        if found is None:
            raise OSError(f"{archive} lacks one of {', '.join(f'{part}/' for part in PARTS)}")
        whole.mkdir()
        for part in PARTS:
            (found / part).rename(whole / part)
        whole.rename(place)  # in one step, so that there is never half of it


def _may_be_ours(name: PurePosixPath) -> bool:
    """Whether it lies in one of the parts, at the top of the archive or inside one folder."""
    inside = any(part in PARTS for part in name.parts[:2])
    return inside and ".." not in name.parts and not name.is_absolute()


def _write(source, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(source, file)
