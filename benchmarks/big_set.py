"""Training on a data set whose decoded images do not fit into memory.

    python -m benchmarks.big_set [--images 100000]

Writes a prepared file of so many images at 96 px (the rendered ones, under new names again and
again) and pre-trains on it with `fermodels.training.fit`: `from the file`, its images decoded as
they are used, in turn with `in memory`, the rendered set alone, decoded once. The ratio is the
median of the rounds'. Peak memory is that of a process which opens the file and pre-trains through
`fermodels.training.recipes`, libraries included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import resident_bytes
from benchmarks.pipeline import fit_steps
from benchmarks.timing import print_table, row
from fermodels.data import ImageDataset, PreparedImages
from fermodels.models import ImageEncoder

DATA = Path("data/anny_views_kdef.parquet")
BATCH = 245


def write(out: Path, images: int, data: Path = DATA) -> None:
    """The rows of `data` until there are `images`, each time as other people."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(data)
    done = 0
    with pq.ParquetWriter(out, table.schema, compression={"image": "NONE"}) as writer:
        while done < images:
            part = table.slice(0, images - done)
            for name in ("subject", "instance"):
                at, kind = part.schema.get_field_index(name), part.schema.field(name).type
                prefix = pa.scalar(f"{done // len(table):03d}-", kind)
                renamed = pc.binary_join_element_wise(prefix, part[name], pa.scalar("", kind))
                part = part.set_column(at, part.schema.field(name), renamed)
            writer.write_table(part, row_group_size=PreparedImages.ROW_GROUP)
            done += len(part)


def train(path: Path, steps: int) -> dict[str, float]:
    """Opens the file and pre-trains: seconds of opening, images/s, peak memory in GiB."""
    from fermodels.training.recipes.images import pretrain

    start = time.perf_counter()
    prepared = PreparedImages.read(path)
    opened = time.perf_counter() - start
    _, history = pretrain("clmex", prepared, images_seen=steps * BATCH, progress=False)
    seconds = history["seconds"].diff().dropna().median()
    return {
        "open": opened,
        "rate": BATCH / seconds,
        "peak": resident_bytes("VmHWM") / 2**30,
    }


def run(quick: bool, images: int = 100_000) -> dict:
    """Rows: images/s from the file and in memory, their ratio, seconds of opening, GiB."""
    images, rounds, steps = (1_000, 1, 2) if quick else (images, 7, 5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.parquet"
        write(path, images)
        command = [sys.executable, "-m", "benchmarks.big_set", "--train", str(path)]
        done = subprocess.run(
            [*command, "--steps", str(3 * steps)], check=True, capture_output=True, text=True
        )
        child = json.loads(done.stdout.splitlines()[-1])
        small = PreparedImages.read(DATA)
        rows = None if not quick else np.arange(1_000)
        sets = {
            "from the file": ImageDataset(PreparedImages.read(path, in_memory=False), None, False),
            "in memory": ImageDataset(small, rows, True),
        }
        torch.manual_seed(0)
        encoder = ImageEncoder()
        step: dict[str, list[np.ndarray]] = {name: [] for name in sets}
        for number in range(rounds):
            for name in list(sets) if number % 2 else reversed(list(sets)):
                times = fit_steps(sets[name], encoder, steps, "cpu", seed=number)
                step[name].append(np.median(times, axis=0))
    lines = [row(name, [BATCH / s for s, _ in runs], "images/s") for name, runs in step.items()]
    for at, kind in enumerate(("wall", "CPU")):
        pairs = zip(step["in memory"], step["from the file"], strict=True)
        lines.append(row(f"ratio, {kind}", [100 * a[at] / b[at] for a, b in pairs], "%"))
    lines.append(row("opening", [child["open"]], "s"))
    lines.append(row("peak memory", [child["peak"]], "GiB"))
    return {"rows": lines, "images": images}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.big_set", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=15, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        print(json.dumps(train(options.train, options.steps)))
        return
    print_table(run(options.quick, options.images))


if __name__ == "__main__":
    main()
