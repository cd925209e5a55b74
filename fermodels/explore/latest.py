"""Work on what is newest: for input that comes faster than it can be looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Latest:
    """Calls `work(item)` in a thread of its own, one item at a time, the newest first.

    An item that comes meanwhile waits; one that comes then takes its place. So nothing queues up,
    and the last item is always worked on. After `close`, nothing is.
    """

    def __init__(self, work: Callable[[Any], None]) -> None:
        self._work = work
        self._ready = threading.Condition()
        self._waiting: list[Any] = []
        self._closed = False
        self._busy = False
        self._thread: threading.Thread | None = None

    def put(self, item: Any) -> None:
        """Have `item` worked on next, in place of one that still waits."""
        with self._ready:
            if self._closed:
                return
            self._waiting = [item]
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, daemon=True, name="fermodels-camera"
                )
                self._thread.start()
            self._ready.notify_all()

    def drop(self) -> None:
        """Forget what waits."""
        with self._ready:
            self._waiting = []

    def rest(self, seconds: float) -> bool:
        """Wait until nothing is left to do; False where it takes longer than that."""
        with self._ready:
            return self._ready.wait_for(lambda: not self._waiting and not self._busy, seconds)

    def close(self) -> None:
        """End the thread, after the item that it is at."""
        with self._ready:
            self._closed, self._waiting = True, []
            self._ready.notify_all()

    def _run(self) -> None:
        while True:
            with self._ready:
                self._busy = False
                self._ready.notify_all()
                self._ready.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                item, self._busy = self._waiting.pop(), True
            self._work(item)
