"""Data sets made piece by piece: a part file for each person, joined at the end.

An interrupted run goes on where it stopped and never leaves a half-written data set.
"""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.connection
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fermodels._shared.files import replace_file

# Names of the files in a folder of parts, the ones that a killed process left included.
_OURS = re.compile(r"job\.json(\.tmp)?|\.job\.json\..*|\.?\d{5}\.(parquet|unfinished).*")


class Job(Protocol):
    """All that a data set depends on; equal fingerprints make equal files."""

    def fingerprint(self) -> str: ...


class Table(Protocol):
    def write(self, path: str | os.PathLike) -> Path: ...


AnyTable = TypeVar("AnyTable", bound=Table)


def check_out(out: str | os.PathLike) -> Path:
    """The path; ValueError if it is not that of a .parquet file in an existing folder."""
    out = Path(out)
    if out.suffix != ".parquet" or not out.parent.is_dir() or out.is_dir():
        raise ValueError(f"{out}: must be a .parquet file in a folder that exists")
    return out


def make_in_parts(
    out: str | os.PathLike,
    job: Job,
    count: int,
    make_part: Callable[[Path, Job, int], None],
    read: Callable[[Path], AnyTable],
    concat: Callable[[Sequence[AnyTable]], AnyTable],
    *,
    jobs: int,
    per_part: int | Sequence[int],
    unit: str,
    job_of: Callable[[int], Any] | None = None,
) -> AnyTable:
    """Makes parts 0…count−1 in `jobs` processes, joins them, writes the whole to `out`.

    Args:
        make_part: writes part number `index` of the job to a path; at the top level of a module,
            as it is called in other processes.
        per_part, unit: rows of a part (or of each) and what they are, for the progress bar.
        job_of: what `make_part` needs of the job for one part, where sending all of it to another
            process for every part would be slow; without it, the job.

    Raises:
        ValueError: `out` is no such path, or another process is making it.
    """
    out = check_out(out)
    folder = out.with_name(out.name + ".parts")
    with _only_process(folder, out):
        _open_folder(folder, job)
        parts = _made_parts(folder, job, count, make_part, read, jobs, per_part, unit, job_of)
        try:
            whole = concat(parts)
        except ValueError:  # all of the work is done, and the same parts would say the same again
            shutil.rmtree(folder)
            raise
        del parts  # as much memory as the whole
        whole.write(out)
        shutil.rmtree(folder)
    return whole


def _made_parts(
    folder: Path,
    job: Job,
    count: int,
    make_part: Callable[[Path, Job, int], None],
    read: Callable[[Path], AnyTable],
    jobs: int,
    per_part: int | Sequence[int],
    unit: str,
    job_of: Callable[[int], Any] | None,
) -> list[AnyTable]:
    from tqdm.auto import tqdm

    paths = [folder / f"{index:05d}.parquet" for index in range(count)]
    missing = [index for index, path in enumerate(paths) if not path.exists()]
    rows = [per_part] * count if isinstance(per_part, int) else list(per_part)
    job_of = job_of or (lambda index: job)
    quiet = os.environ.get("CI") or os.environ.get("FERMODELS_PROGRESS") == "0"
    bar = tqdm(
        total=sum(rows),
        initial=sum(rows) - sum(rows[index] for index in missing),
        unit=unit,
        desc=folder.stem,
        disable=bool(quiet),
    )
    with (
        bar,
        ProcessPoolExecutor(
            min(jobs, max(1, len(missing))), multiprocessing.get_context("spawn"), _start_worker
        ) as pool,
    ):
        futures = {
            pool.submit(make_part, paths[index], job_of(index), index): index for index in missing
        }
        try:
            for future in as_completed(futures):
                future.result()
                bar.update(rows[futures[future]])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [read(path) for path in paths]


@contextmanager
def _only_process(folder: Path, out: Path) -> Iterator[None]:
    """Two runs into one file would take each other's parts for their own."""
    from filelock import FileLock, Timeout

    folder.mkdir(exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):  # let go of when the process dies, however
            yield
    except Timeout as error:
        raise ValueError(
            f"another process is making {out}: wait until it is done, or write to another file"
        ) from error


def _open_folder(folder: Path, job: Job) -> None:
    """Keeps the parts of an interrupted run with the same settings, drops those of another."""
    label, fingerprint = folder / "job.json", job.fingerprint()
    try:
        if json.loads(label.read_text())["fingerprint"] == fingerprint:
            return
    except (OSError, ValueError, LookupError, TypeError):
        pass  # there is none, or the machine went down while it was written
    found = [path for path in folder.iterdir() if path.name != "lock"]
    for path in found:
        if path.is_dir() or not _OURS.fullmatch(path.name):
            raise ValueError(
                f"{path} is in the way: {folder} is for the parts of an unfinished run, which are "
                "deleted after it. Move it elsewhere, or write to another file"
            )
    for path in found:
        path.unlink()
    replace_file(label, json.dumps({"fingerprint": fingerprint}).encode())


def _start_worker() -> None:
    # Read by torch when it is imported, which not all jobs do: it takes seconds and memory.
    os.environ["OMP_NUM_THREADS"] = "1"
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    # Mesa's software OpenGL, too: threads of its own only get in the way of the other workers.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Workers of a killed run would draw on, and write beside the run that resumes it."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
