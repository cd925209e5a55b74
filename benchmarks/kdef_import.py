"""Time and memory of importing a data set of KDEF's shape: 4,900 JPEGs of 562×762 pixels.

    python -m benchmarks.kdef_import [--crop none face] [--jobs 2] [--out FILE.csv]

The photographs are faces of the course in KDEF's names, sizes and faults, with a camera's noise,
without which JPEG would be far quicker to decode. Each crop is one run of the command
`python -m data_prep kdef`; seconds are of the clock, from its start to its end, CPU seconds those
of all its processes; memory is the largest sum over the processes, shared pages counted once.
"""

import argparse
import csv
import io
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from data_prep.importers.subject_splits import KDEF_SUBJECTS
from data_prep.synthetic import demo

LIMITS = {"none": 60, "centre": 60, "face": 240}  # seconds
QUALITY = 94


def write_images(root: Path, subjects: Sequence[str] = KDEF_SUBJECTS) -> int:
    """KDEF's folders under `root`; returns the bytes of all files."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 4, (762, 562, 3)).astype(np.int16)

    def noisy(data: bytes) -> bytes:
        pixels = np.asarray(Image.open(io.BytesIO(data)))
        if pixels.shape != noise.shape or not pixels.any():
            return data
        pixels = (pixels + np.roll(noise, rng.integers(500), 0)).clip(0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY)
        return buffer.getvalue()

    files = demo.kdef_files(demo.kdef_codes(subjects), quality=100)
    demo.write_folder(((name, noisy(data)) for name, data in files), root)
    return sum(path.stat().st_size for path in root.rglob("*.JPG"))


def measure(raw: Path, crop: str, jobs: int) -> dict[str, float]:
    out = raw / f"{crop}.parquet"
    command = [sys.executable, "-m", "data_prep", "kdef", str(raw), str(out)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    running = psutil.Popen(
        [*command, "--crop", crop, "--jobs", str(jobs)], stdout=subprocess.DEVNULL
    )
    peak = 0
    while running.poll() is None:
        peak = max(peak, _memory(running))
        time.sleep(0.3)
    seconds = time.monotonic() - start
    if running.returncode:
        sys.exit(f"the import with --crop {crop} ended with {running.returncode}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_seconds": cpu, "memory_mb": peak / 1e6}


def _memory(process: psutil.Process) -> int:
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:  # ended meanwhile
            continue
    return total


def run(quick: bool = False) -> dict:
    """For `python -m benchmarks`: seconds and memory with and without face crops."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        subjects = KDEF_SUBJECTS[:2] if quick else KDEF_SUBJECTS
        write_images(raw, subjects)
        for crop in ("none", "face"):
            seen = measure(raw, crop, jobs=2)
            name = f"{70 * len(subjects):,} photographs, --crop {crop}"
            rows += [
                {"name": name, "value": seen["seconds"], "unit": "seconds"}
                | {"cpu_seconds": seen["cpu_seconds"], "limit": LIMITS[crop]},
                {"name": name, "value": seen["memory_mb"], "unit": "MB", "limit": 1000},
            ]
    return {"rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kdef_import", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--crop", nargs="+", choices=tuple(LIMITS), default=["none", "face"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="write the table as CSV as well")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        print(f"4,900 files, {write_images(raw) / 1e6:,.0f} MB", flush=True)
        for crop in options.crop:
            row = {"crop": crop, "jobs": options.jobs, **measure(raw, crop, options.jobs)}
            row["limit_seconds"] = LIMITS[crop]
            rows.append(row)
            print(
                "  ".join(
                    f"{k} {v:,.1f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()
                ),
                flush=True,
            )
    if options.out:
        with options.out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
