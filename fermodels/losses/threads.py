"""Threads that share out tiles among them and add to common sums always in the same order.

PyTorch splits each operation among its threads (OpenMP), which wait for each other at its end and
spin meanwhile. Where other processes keep the cores busy, one of the threads is often not running,
and each of thousands of small operations waits for it for milliseconds. Here a thread takes a whole
tile and runs PyTorch on one core; it waits twice a tile at most, seldom, and asleep.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from fermodels.losses.matrix import Tile

# Called as worker(tile, *turns), with a turn for each of `tile.sums`.
Worker = Callable[..., None]


class Turn:
    """``with turn:`` waits for those who had it before, and then lets the next in."""

    def __init__(self, before: "Turn | None"):
        self.before, self.over = before, threading.Event()

    def __enter__(self) -> None:
        if self.before is not None:
            self.before.over.wait()
            self.before = None  # or the last turn would hold all of them in memory

    def __exit__(self, *_) -> None:
        self.over.set()


class Queue:
    """Hands out tiles one by one, with a turn at each of their sums.

    Who adds to a sum in its turn adds in the order of the tiles, whichever thread is the fastest:
    the result is the same, bit by bit, with any number of threads that run PyTorch on one core.
    Nobody waits for a tile of a higher number, so all get done.
    """

    def __init__(self, tiles: Iterable[Tile]):
        self._tiles, self._last = iter(tiles), {}
        self._lock = threading.Lock()

    def work(self, worker: Worker) -> None:
        """`worker(tile, *turns)` for each tile that no other thread has taken."""
        while (taken := self._take()) is not None:
            tile, turns = taken
            try:
                worker(tile, *turns)
            except BaseException:
                self._tiles = iter(())
                raise
            finally:
                for turn in turns:  # nobody shall wait for a tile that failed
                    turn.over.set()

    def _take(self) -> tuple[Tile, list[Turn]] | None:
        with self._lock:
            tile = next(self._tiles, None)
            if tile is None:
                return None
            turns = [Turn(self._last.get(name)) for name in tile.sums]
            self._last.update(zip(tile.sums, turns, strict=True))
            return tile, turns


def threads_for(x: Tensor) -> int:
    """How many threads may share out tiles of x: as many as PyTorch may use; one on a GPU."""
    if x.device.type != "cpu" or not torch.backends.openmp.is_available():
        return 1
    return torch.get_num_threads()


def share_out(tiles: list[Tile], make_worker: Callable[[], Worker], threads: int) -> None:
    """Each tile is given to one worker, on `threads` threads; that of the caller is one of them.

    On one thread the workers are one, and PyTorch splits its operations as it does elsewhere. On
    several each runs PyTorch on one core, until all are done: ``torch.set_num_threads`` belongs to
    the thread that calls it. (A thread that calls PyTorch for the first time of all meanwhile
    starts with one core too.)

    Args:
        make_worker: gives a function `worker(tile, *turns)` with memory of its own.

    Raises:
        Exception: what a worker raised first, when no thread works any more.
    """
    queue = Queue(tiles)
    threads = min(threads, len(tiles))
    if threads <= 1:
        queue.work(make_worker())
        return
    inference = torch.is_inference_mode_enabled()

    def help_out() -> None:
        _on_one_core()
        with torch.inference_mode(inference), torch.no_grad():
            queue.work(make_worker())

    before = _on_one_core()
    try:
        helpers = [_helpers(threads - 1).submit(help_out) for _ in range(threads - 1)]
        try:
            queue.work(make_worker())
        finally:
            # Others' tiles may keep the helpers busy; then the caller has done all by itself.
            errors = [helper.exception() for helper in helpers if not helper.cancel()]
        for error in filter(None, errors):
            raise error
    finally:
        torch.set_num_threads(before)


def _on_one_core() -> int:
    """For PyTorch in this thread; gives how many it had."""
    # In this order: a thread's first question takes over what another thread has set last.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    return before


_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def _helpers(count: int) -> ThreadPoolExecutor:
    """At least `count` threads of this process, which stay: a fork has none of its parent's."""
    global _pool
    if _pool is None or _pool[0] != os.getpid() or _pool[1] < count:
        _pool = os.getpid(), count, ThreadPoolExecutor(count, "fermodels-tiles")
    return _pool[2]
