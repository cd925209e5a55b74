"""What lets a killed computation go on: finished parts in a folder beside the file to be made."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fermodels._shared.files import replace_file

# Names of the files in a folder of parts, the ones that a killed process left included.
_OURS = re.compile(
    r"job\.json(\.tmp)?|\.job\.json\..*|\.?\d{5}\.(parquet|safetensors|unfinished).*"
)


@contextmanager
def folder_of_parts(out: Path, job: str, resume: bool = True) -> Iterator[Path]:
    """The folder `OUT.parts`, for this process alone; deleted when the block ends without error.

    It holds the parts of an interrupted run of the same job, and none of another job. Parts are
    called by a number of five digits.

    Args:
        out: the file that is made of the parts.
        job: fingerprint of all that the parts depend on.
        resume: keep what is there of the same job.

    Raises:
        ValueError: another process is making `out`, or the folder holds files of somebody else.
    """
    from filelock import FileLock, Timeout

    folder = out.with_name(out.name + ".parts")
    if folder.exists() and not folder.is_dir():
        raise _in_the_way(folder, folder)
    folder.mkdir(exist_ok=True)
    try:
        # Two runs into one file would take each other's parts for their own. The lock is let go of
        # when the process dies, however.
        lock = FileLock(folder / "lock").acquire(timeout=0)
    except Timeout as error:
        raise ValueError(
            f"another process is making {out}: wait until it is done, or write to another file"
        ) from error
    with lock:
        _prepare(folder, job, resume)
        yield folder
        shutil.rmtree(folder)


def _prepare(folder: Path, job: str, resume: bool) -> None:
    """Keeps the parts of an interrupted run with the same settings, drops those of another."""
    label = folder / "job.json"
    try:
        if resume and json.loads(label.read_text())["fingerprint"] == job:
            return
    except (OSError, ValueError, LookupError, TypeError):
        pass  # there is none, or the machine went down while it was written
    found = [path for path in folder.iterdir() if path.name != "lock"]
    for path in found:
        if path.is_dir() or not _OURS.fullmatch(path.name):
            raise _in_the_way(path, folder)
    for path in found:
        path.unlink()
    replace_file(label, json.dumps({"fingerprint": job}).encode())


def _in_the_way(path: Path, folder: Path) -> ValueError:
    return ValueError(
        f"{path} is in the way: {folder} is for the parts of an unfinished run, which are "
        "deleted after it. Move it elsewhere, or write to another file"
    )
