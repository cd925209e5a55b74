"""How many photographs of Anny Views are rendered in a second, and what takes the time?

    python -m benchmarks.rendering [--subjects 70] [--jobs 2]

`whole` is the command `python -m data_prep anny-views`, from its start to the written file, the
start of its processes included. `drawing` leaves that out: one process draws subject after subject,
and from its CPU seconds follows what as many processes as cores would draw. The parts are CPU
milliseconds a photograph in that process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.timing import print_table, row


def run(quick: bool, subjects: int = 70, jobs: int | None = None) -> dict:
    """Rows in images/s and in CPU milliseconds an image."""
    jobs = jobs or os.cpu_count() or 1
    rows = []
    if not quick:
        seconds = _command(subjects, jobs)
        rows.append(row(f"whole, {jobs} processes", [70 * subjects / seconds], "images/s"))
    parts = _parts(1 if quick else min(subjects, 7))
    everything = [sum(values) for values in zip(*parts.values(), strict=True)]
    rows.append(row(f"drawing, {jobs} cores", [jobs * 1e3 / ms for ms in everything], "images/s"))
    rows += [row(name, values, "CPU ms/image") for name, values in parts.items()]
    return {"rows": rows}


def _command(subjects: int, jobs: int) -> float:
    environment = dict(os.environ, FERMODELS_PROGRESS="0")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "part.parquet"
        command = [sys.executable, "-m", "data_prep", "anny-views", str(out)]
        command += ["--subjects", str(subjects), "--jobs", str(jobs)]
        start = time.perf_counter()
        subprocess.run(command, check=True, env=environment)
        return time.perf_counter() - start


def _parts(subjects: int) -> dict[str, list[float]]:
    """CPU milliseconds an image, by part, one number a subject; the first subject warms up."""
    import torch

    os.environ.setdefault("LP_NUM_THREADS", "0")  # as the processes of data_prep
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    from data_prep.synthetic import anny_views
    from fermodels import faces
    from fermodels.faces import render

    spent: dict[str, float] = {}

    def watched(name: str, function):
        def timed(*arguments, **options):
            start = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                spent[name] = spent.get(name, 0.0) + time.process_time() - start

        return timed

    head = faces.head_model()
    places = [
        ("head model", head, "coarse_vertices"),
        ("head model", head, "smooth_vertices"),
        ("painting", render, "skin_colors"),
        ("drawing", faces.FaceRenderer, "_image"),
        ("meshes", faces.FaceRenderer, "_show"),
        ("averaging", render, "_average"),
        ("WebP", anny_views, "encode_image"),
    ]
    originals = [(owner, attribute, getattr(owner, attribute)) for _, owner, attribute in places]
    parts: dict[str, list[float]] = {}
    try:
        for (name, owner, attribute), (_, _, function) in zip(places, originals, strict=True):
            setattr(owner, attribute, watched(name, function))
        job = anny_views.Job("kdef", 70, 96, 0)
        for index in range(subjects + 1):
            spent.clear()
            start = time.process_time()
            count = len(anny_views.render_subject(job, index))
            whole = time.process_time() - start
            if index == 0:
                continue
            spent["the rest"] = whole - sum(spent.values())
            for name, seconds in spent.items():
                parts.setdefault(name, []).append(1e3 * seconds / count)
    finally:
        for owner, attribute, function in originals:
            if owner is head:
                delattr(owner, attribute)
            else:
                setattr(owner, attribute, function)
        torch.set_num_threads(before)
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rendering", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--subjects", type=int, default=70)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    print_table(run(options.quick, options.subjects, options.jobs))


if __name__ == "__main__":
    main()
