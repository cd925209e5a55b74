"""Commands of this package in processes of their own, killed on purpose."""

import os
import signal
import subprocess
import sys
import time
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


def _group_lives(group: int) -> bool:
    """Whether a process group has a member that runs: a zombie that nobody collects does not."""
    listing = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True)
    members = (line.split() for line in listing.stdout.splitlines())
    return any(int(pgid) == group and not stat.startswith("Z") for pgid, stat in members)
