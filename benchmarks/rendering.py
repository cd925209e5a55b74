"""How many images of Anny Views are rendered in a second, and what takes the time?

    python -m benchmarks.rendering [--protocol wide] [--subjects 70] [--jobs 2]

For the studio (`kdef`) and the wide world (`wide`). `whole` is the command `python -m data_prep
anny-views`, from its start to the written file, the start of its processes included. `drawing`
leaves that out: one process draws subject after subject, and from its CPU seconds follows what as
many processes as cores would draw. The parts are CPU milliseconds an image in that process, each
without the parts that it calls; `scene` is the geometry of hair, beards, clothes and what is worn.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.timing import print_table, row

SETS = ("kdef", "wide")


def run(
    quick: bool, subjects: int = 70, jobs: int | None = None, protocols: Sequence[str] = SETS
) -> dict:
    """Rows in images/s and in CPU milliseconds an image."""
    jobs = jobs or os.cpu_count() or 1
    rows = []
    for protocol in protocols:
        if not quick:
            images, seconds = _command(protocol, subjects, jobs)
            rows.append(row(f"{protocol}: whole, {jobs} processes", [images / seconds], "images/s"))
        parts = _parts(protocol, 1 if quick else min(subjects, 12))
        everything = [sum(values) for values in zip(*parts.values(), strict=True)]
        speed = [jobs * 1e3 / milliseconds for milliseconds in everything]
        rows.append(row(f"{protocol}: drawing, {jobs} cores", speed, "images/s"))
        rows += [row(f"{protocol}: {name}", ms, "CPU ms/image") for name, ms in parts.items()]
    return {"rows": rows}


def _command(protocol: str, subjects: int, jobs: int) -> tuple[int, float]:
    """Number of images, and wall seconds."""
    from fermodels.data import PreparedImages

    environment = dict(os.environ, FERMODELS_PROGRESS="0")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "part.parquet"
        command = [sys.executable, "-m", "data_prep", "anny-views", str(out)]
        command += ["--protocol", protocol, "--subjects", str(subjects), "--jobs", str(jobs)]
        start = time.perf_counter()
        subprocess.run(command, check=True, env=environment)
        seconds = time.perf_counter() - start
        return len(PreparedImages.read(out)), seconds


class Stopwatch:
    """CPU seconds by name; what a timed function calls is counted where it belongs, not twice."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._within: list[float] = []  # seconds of the parts inside, a number a level

    def timed(self, name: str, function: Callable) -> Callable:
        """The function with its time noted under the name."""

        def noting(*arguments, **options):
            self._within.append(0.0)
            start = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                passed = time.process_time() - start
                self.spent[name] += passed - self._within.pop()
                if self._within:
                    self._within[-1] += passed

        return noting

    @contextmanager
    def watching(self, places: Sequence[tuple[str, Any, str]]):
        """Times attributes of modules, classes and objects: (name, owner, attribute)."""
        before = [(owner, attribute, vars(owner).get(attribute)) for _, owner, attribute in places]
        try:
            for name, owner, attribute in places:
                setattr(owner, attribute, self.timed(name, getattr(owner, attribute)))
            yield
        finally:
            for owner, attribute, original in before:
                if original is None:  # it was its class's
                    delattr(owner, attribute)
                else:
                    setattr(owner, attribute, original)


def _places() -> list[tuple[str, Any, str]]:
    from data_prep.synthetic import anny_views
    from fermodels.faces import head_model, render, shading
    from fermodels.faces.canvas import Canvas
    from fermodels.faces.creases import Creases
    from fermodels.faces.triangles import Triangles

    names = {
        "head model": [(head_model(), "coarse_vertices"), (head_model(), "smooth_vertices")],
        "scene": [(render._Scene, "__init__")],
        "painting": [(render, "skin_colors"), (render, "skin_shine"), (render, "eye_colors")],
        "creases": [(Creases, "fold"), (Creases, "pull")],
        "meshes": [
            *((render._Scene, "points"), (render, "place_eye")),
            *((Triangles, name) for name in ("normals", "point_normals", "seen_from")),
        ],
        "shading": [(render, name) for name in ("shade_fixed", "shade_view", "to_pixels")],
        "shadows": [(shading, "shadow")],
        "drawing": [(Canvas, name) for name in ("load", "move", "choose", "draw")],
        "developing": [(render, "draw_background"), (render, "develop")],
        "WebP": [(anny_views, "encode_image")],
    }
    return [(name, *place) for name, places in names.items() for place in places]


def _parts(protocol: str, subjects: int) -> dict[str, list[float]]:
    """CPU milliseconds an image, by part, one number a subject; the first subject warms up."""
    import torch

    os.environ.setdefault("LP_NUM_THREADS", "0")  # as the processes of data_prep
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    from data_prep.synthetic import anny_views

    watch, parts = Stopwatch(), defaultdict(list)
    places = _places()
    try:
        with watch.watching(places):
            # Half of them women, the others men; subject number 0 warms up.
            job = anny_views.Job(protocol, 2 * subjects, 96, 0)
            first = subjects - subjects // 2
            for index in (0, *range(first, first + subjects)):
                watch.spent.clear()
                start = time.process_time()
                count = len(anny_views.render_subject(job, index))
                whole = time.process_time() - start
                if index == 0:
                    continue
                for name in dict.fromkeys(name for name, *_ in places):
                    parts[name].append(1e3 * watch.spent[name] / count)
                parts["the rest"].append(1e3 * (whole - sum(watch.spent.values())) / count)
    finally:
        torch.set_num_threads(before)
    return dict(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rendering", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--protocol", choices=SETS, help="one of the two only")
    parser.add_argument("--subjects", type=int, default=70)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    protocols = (options.protocol,) if options.protocol else SETS
    print_table(run(options.quick, options.subjects, options.jobs, protocols))


if __name__ == "__main__":
    main()
