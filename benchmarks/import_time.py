"""Seconds that importing parts of fermodels adds to `import torch`.

    python -m benchmarks.import_time

Each run is a fresh interpreter; the best of several leaves out a cold disk and a busy machine.
"""

from __future__ import annotations

import subprocess
import sys

MODULES = ("fermodels", "fermodels.losses", "fermodels.models", "fermodels.course")
_CODE = """
import time, torch
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""


def added_seconds(module: str, runs: int = 5) -> float:
    """Seconds that `import module` takes once torch is there."""
    command = [sys.executable, "-c", _CODE.format(module=module)]
    return min(float(subprocess.check_output(command)) for _ in range(runs))


if __name__ == "__main__":
    for name in MODULES:
        print(f"{name:20} {added_seconds(name):.3f} s")
