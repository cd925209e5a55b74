"""Processes of one thread each, for work of many pieces."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any


def start_worker() -> None:
    """For a process of a pool: one thread of torch, and an end when its parent ends.

    Workers of a killed run would work on, and write beside the run that resumes it.
    """
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    else:  # read by torch when it is imported, which not all jobs do: it takes seconds and memory
        os.environ["OMP_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def in_processes(
    function: Callable,
    tasks: Iterable[tuple],
    jobs: int,
    start: Callable[..., None] = start_worker,
    start_with: tuple = (),
) -> Iterator[tuple[int, Any]]:
    """Calls `function(*task)` in processes; yields (number of the task, result) as they are done.

    If one fails, or the caller stops asking, the tasks that have not begun are dropped.

    Args:
        function: at the top level of a module, as are `start` and what the tasks hold.
        jobs: how many processes.
        start: called once in each of them, with `start_with`; it calls `start_worker`.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, start, start_with) as pool:
        futures = {pool.submit(function, *task): number for number, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """In this process, as in the others: the number of threads changes the last bits of sums."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
