"""Commands of this package in processes of their own, killed on purpose; or without any."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def quiet_environment() -> dict[str, str]:
    """Without a display and progress bars, on one thread."""
    environment = dict(os.environ, FERMODELS_PROGRESS="0", OMP_NUM_THREADS="1")
    environment.pop("DISPLAY", None)
    return environment


def run_killed(*arguments, when):
    """`python -m data_prep ARGUMENTS`, killed by SIGKILL as soon as `when()` is true.

    Comes back when its workers have ended too, with what `when()` gave.
    """
    command = [sys.executable, "-m", "data_prep", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, env=quiet_environment(), start_new_session=True)
    try:
        seen = wait_for(when, process)
        process.kill()
        process.wait()
        # Workers are in the command's process group; the group is gone when they are.
        wait_for(lambda: not _group_lives(process.pid))
    finally:
        if _group_lives(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    return seen


def in_a_fork(run, *arguments) -> int:
    """The exit code of `run(*arguments)` in a fork of this process; negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run(*arguments)
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_for(condition, process=None, seconds: float = 250.0):
    """The first true value of `condition()`; fails when the time is over or the process is."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        assert process is None or process.poll() is None, "the command ended too early"
        time.sleep(0.02)
    return value


class InlinePool:
    """Stands in for the process pool: works at once, in this process, and keeps a diary."""

    done: list[int] = []
    stop_before: int | None = None
    error: BaseException = KeyboardInterrupt()

    def __init__(self, workers, context, initializer):
        assert workers >= 1 and context.get_start_method() == "spawn"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def shutdown(self, wait, cancel_futures):
        assert not wait and cancel_futures

    def submit(self, function, path, job, index):
        future = Future()
        if index == self.stop_before:
            future.set_exception(self.error)
        else:
            function(path, job, index)
            type(self).done.append(index)
            future.set_result(None)
        return future


def without_processes(monkeypatch) -> type[InlinePool]:
    """`data_prep` makes its parts in this process until the monkeypatch is undone."""
    from data_prep import parts

    monkeypatch.setattr(InlinePool, "done", [])
    monkeypatch.setattr(InlinePool, "stop_before", None)
    monkeypatch.setattr(InlinePool, "error", KeyboardInterrupt())
    monkeypatch.setattr(parts, "ProcessPoolExecutor", InlinePool)
    monkeypatch.setenv("FERMODELS_PROGRESS", "0")
    return InlinePool


def _group_lives(group: int) -> bool:
    """Whether a process group has a member that runs: a zombie that nobody collects does not."""
    listing = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True)
    members = (line.split() for line in listing.stdout.splitlines())
    return any(int(pgid) == group and not stat.startswith("Z") for pgid, stat in members)
