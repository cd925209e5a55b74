"""What a measurement was made on: processor, memory, versions. No names of machines or people."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "lightning", "numpy", "pyarrow", "pillow", "anny", "pyvista")
PEERS = ("pytorch-metric-learning", "lightly", "inf-cl")


def describe() -> dict[str, Any]:
    """Processor, cores, memory (GiB), load, threads, GPU and versions, in types that JSON holds."""
    import torch

    gpu = None
    if torch.cuda.is_available():
        about = torch.cuda.get_device_properties(0)
        gpu = {"name": about.name, "memory_gib": round(about.total_memory / 2**30, 1)}
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": _memory_gib(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: found for name in (*PACKAGES, *PEERS) if (found := _version(name))},
    }


def in_words(machine: dict[str, Any]) -> str:
    """One line, for below a picture."""
    gpu = f", {machine['gpu']['name']}" if machine["gpu"] else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores{gpu}, {machine['threads']} threads, "
        f"PyTorch {machine['packages']['torch']}; load at the start {machine['load']}"
    )


def resident_bytes(field: str) -> int:
    """What this process holds in memory now (VmRSS) or held at most (VmHWM), on Linux.

    Not from `getrusage`, whose peak a process takes over from the one that started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return 1024 * int(status[field].split()[0])


# They end by themselves if their parent is killed.
_SPIN = "import os; parent = os.getppid()\nwhile os.getppid() == parent: sum(range(100_000))"


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many other processes spin meanwhile, each as much as a core lets it."""
    spinning = [subprocess.Popen([sys.executable, "-S", "-c", _SPIN]) for _ in range(processes)]
    try:
        time.sleep(0.5)  # until all have started
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*: (.+)", text)
    return re.sub(r"\((R|TM)\)", "", found[1]).strip() if found else platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
