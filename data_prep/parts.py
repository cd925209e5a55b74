"""Data sets made piece by piece: a part file for each person, joined at the end.

An interrupted run goes on where it stopped and never leaves a half-written data set.
"""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol, TypeVar


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
    per_part: int,
    unit: str,
) -> AnyTable:
    """Makes parts 0…count−1 in `jobs` processes, joins them, writes the whole to `out`.

    Args:
        make_part: writes part number `index` of the job to a path; at the top level of a module,
            as it is called in other processes.
        per_part, unit: rows of a part and what they are, for the progress bar.
    """
    from tqdm.auto import tqdm

    out = check_out(out)
    folder = out.with_name(out.name + ".parts")
    _open_folder(folder, job)
    paths = [folder / f"{index:05d}.parquet" for index in range(count)]
    missing = [index for index, path in enumerate(paths) if not path.exists()]
    quiet = os.environ.get("CI") or os.environ.get("FERMODELS_PROGRESS") == "0"
    bar = tqdm(
        total=count * per_part,
        initial=(count - len(missing)) * per_part,
        unit=unit,
        desc=out.name,
        disable=bool(quiet),
    )
    with (
        bar,
        ProcessPoolExecutor(
            min(jobs, max(1, len(missing))), multiprocessing.get_context("spawn"), _start_worker
        ) as pool,
    ):
        futures = [pool.submit(make_part, paths[index], job, index) for index in missing]
        try:
            for future in as_completed(futures):
                future.result()
                bar.update(per_part)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    whole = concat([read(path) for path in paths])
    whole.write(out)
    shutil.rmtree(folder)
    return whole


def _open_folder(folder: Path, job: Job) -> None:
    """Keeps the parts of an interrupted run with the same settings, drops those of another."""
    label = folder / "job.json"
    if folder.exists():
        if label.exists() and json.loads(label.read_text())["fingerprint"] == job.fingerprint():
            return
        shutil.rmtree(folder)
    folder.mkdir()
    unfinished = folder / "job.json.tmp"
    unfinished.write_text(json.dumps({"fingerprint": job.fingerprint()}))
    os.replace(unfinished, label)


def _start_worker() -> None:
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Workers of a killed run would draw on, and write beside the run that resumes it."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
