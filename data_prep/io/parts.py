"""Data sets made piece by piece: a part file for each person, joined at the end.

An interrupted run goes on where it stopped and never leaves a half-written data set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fermodels._shared.parts import folder_of_parts
from fermodels._shared.paths import given_path, output_file
from fermodels._shared.progress import progress_wanted
from fermodels._shared.workers import in_processes, start_worker


class Job(Protocol):
    """All that a data set depends on; equal fingerprints make equal files."""

    def fingerprint(self) -> str: ...


class Table(Protocol):
    def write(self, path: str | os.PathLike) -> Path: ...


AnyTable = TypeVar("AnyTable", bound=Table)


def check_out(out: str | os.PathLike) -> Path:
    """The path; an error if it is not a .parquet file in a folder that can be written to."""
    out = given_path(out)
    if out.suffix != ".parquet" or not out.parent.is_dir() or out.is_dir():
        raise ValueError(f"{out}: must be a .parquet file in a folder that exists")
    return output_file(out)


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
    with folder_of_parts(out, job.fingerprint()) as folder:
        parts = _made_parts(folder, job, count, make_part, read, jobs, per_part, unit, job_of)
        try:
            whole = concat(parts)
        except ValueError:  # all of the work is done, and the same parts would say the same again
            shutil.rmtree(folder)
            raise
        del parts  # as much memory as the whole
        whole.write(out)
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
    tasks = ((paths[index], job_of(index), index) for index in missing)
    done = in_processes(make_part, tasks, min(jobs, max(1, len(missing))), _start_worker)
    with tqdm(
        total=sum(rows),
        initial=sum(rows) - sum(rows[index] for index in missing),
        unit=unit,
        desc=folder.stem,
        disable=not progress_wanted(),
    ) as bar:
        for number, _ in done:
            bar.update(rows[missing[number]])
    return [read(path) for path in paths]


def _start_worker() -> None:
    # Mesa's software OpenGL: threads of its own only get in the way of the other workers.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    os.environ["OMP_NUM_THREADS"] = "1"
    start_worker()
