"""Changes that a plot in the browser can take only one after the other."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

# A page that has been closed, or lies in the background, answers late or never.
_PATIENCE_S = 5.0


class Pace:
    """Lets one change through at a time.

    The plot drops points that reach it while it still draws the last ones; it would show the old
    points in the new colours. So the browser is told of every change, says when it has been drawn,
    and the next change waits for that. Of several that wait under one name only the last is made.
    Nothing waits before the plot is shown, nor where no loop runs (in a script).

    Args:
        announce: called with (number of the change, milliseconds that its animation takes); the
            browser answers with the number, which goes to `drawn`.
    """

    def __init__(self, announce: Callable[[int, int], None]) -> None:
        self._announce = announce
        self._number = 0
        self._busy_until = 0.0
        self._shown = False
        self._waiting: dict[str, tuple[Callable[[], None], int]] = {}
        self._timer: asyncio.TimerHandle | None = None
        # Cells of a notebook and messages of widgets may be handled in different threads.
        self._lock = threading.RLock()

    def shown(self, milliseconds: int) -> None:
        """A browser is asked to show the plot, which keeps it busy."""
        with self._lock:
            self._shown = True
            self._await(milliseconds)

    def make(self, name: str, change: Callable[[], None], milliseconds: int = 0) -> None:
        """Call `change()` as soon as the plot can take it: at once where no browser shows it."""
        if not self._shown or _loop() is None:
            change()
            return
        with self._lock:
            self._waiting.pop(name, None)
            self._waiting[name] = (change, milliseconds)
            self._next()

    def drawn(self, number: int) -> None:
        """The browser has drawn this change."""
        with self._lock:
            if number == self._number:
                self._busy_until = 0.0
                self._next()

    def _await(self, milliseconds: int) -> None:
        self._number += 1
        self._busy_until = time.monotonic() + _PATIENCE_S
        self._announce(self._number, milliseconds)

    def _next(self) -> None:
        with self._lock:
            self._stop()
            if not self._waiting:
                return
            wait = self._busy_until - time.monotonic()
            if wait <= 0:
                name = next(iter(self._waiting))
                change, milliseconds = self._waiting.pop(name)
                change()
                self._await(milliseconds)
                wait = _PATIENCE_S
            loop = _loop()
            if self._waiting and loop is not None:
                self._timer = loop.call_later(wait, self._next)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Drop what still waits."""
        self._waiting.clear()
        self._stop()


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
