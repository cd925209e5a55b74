"""Work that takes seconds, done beside the kernel's loop so that the widgets stay alive."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any


class Background:
    """Runs functions one after the other in a thread; their results come back to the kernel's
    loop. After `close`, results still under way are dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> threading.Thread:
        """Start `work`; `done(result)` or `failed(error)` is called when it is over."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None

        def deliver(callback: Callable[[Any], None], value: Any) -> None:
            if not self._closed.is_set():
                callback(value)

        def body() -> None:
            with self._lock:
                if self._closed.is_set():
                    return
                try:
                    callback, value = done, work()
                except Exception as error:
                    callback, value = failed, error
            if loop is None or loop.is_closed():
                deliver(callback, value)
            else:
                loop.call_soon_threadsafe(deliver, callback, value)

        thread = threading.Thread(target=body, daemon=True, name="fermodels-explorer")
        thread.start()
        return thread

    def close(self) -> None:
        self._closed.set()
