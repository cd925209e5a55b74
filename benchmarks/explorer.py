"""Time and memory of the embedding explorer's kernel side, without a browser.

    python -m benchmarks.explorer [--points 4900 100000] [--dim 256] [--encoders 2] [--out FILE.csv]

Points are synthetic: instances of five views, seven expressions, no pictures. Each size runs in a
process of its own. `open` constructs the explorer with its map (PCA), imports included; `lasso`
selects half of the points on a map, `click` one point, with its neighbours in the full space;
`hover` is a point under the mouse; `color` colours by something else; `lines` joins the views of
all instances; `filter` hides an expression. These are medians of several rounds, in wall seconds
and in CPU seconds of the process, which a busy machine does not stretch. `memory` is the peak of
the process, embeddings included.
"""

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import resident_bytes

VIEWS = ("full_left", "half_left", "straight", "half_right", "full_right")
LIMITS = {"open": 3.0, "answer": 0.5, "memory": 1.5}
ROUNDS = 7
ACTIONS = ("open", "lasso", "click", "hover", "colour", "lines", "filter")


def synthetic(points: int, dim: int, seed: int = 0):
    """(embeddings float32 (N, D), table): a centre per expression and per instance, and noise."""
    import pandas as pd

    from fermodels.data import EXPRESSIONS

    rng = np.random.default_rng(seed)
    instance = np.arange(points) // len(VIEWS)
    expression = instance % 7
    subject = instance // 14
    view = np.arange(points) % len(VIEWS)
    x = rng.normal(size=(7, dim)).astype(np.float32)[expression]
    x += rng.normal(size=(instance[-1] + 1, dim)).astype(np.float32)[instance]
    x += 0.3 * rng.standard_normal((points, dim), dtype=np.float32)
    table = pd.DataFrame(
        {
            "subject": pd.Series(subject).map("s{:05d}".format),
            "expression": np.array(EXPRESSIONS[:7], dtype=object)[expression],
            "view": np.array(VIEWS, dtype=object)[view],
            "yaw": np.array([-90.0, -45, 0, 45, 90])[view],
            "session": "A",
            "instance": pd.Series(instance).map("i{:06d}".format),
        }
    )
    return x, table


def measure(points: int, dim: int, encoders: int) -> dict[str, float]:
    embeddings = {}
    for number in range(encoders):
        embeddings[f"encoder {number}"], table = synthetic(points, dim, number)
    row: dict[str, float] = {"points": points, "dim": dim, "encoders": encoders}

    start = time.perf_counter(), time.process_time()
    from fermodels.explore import EmbeddingExplorer

    explorer = EmbeddingExplorer(embeddings, table)
    explorer._repr_mimebundle_()
    row["open"], row["open_cpu"] = _since(start)

    widget = next(iter(explorer.maps.values())).widget
    rng = np.random.default_rng(1)
    half = [np.sort(rng.permutation(points)[: points // 2]) for _ in range(ROUNDS)]
    single = rng.integers(0, points, ROUNDS)
    actions = {
        "lasso": lambda i: setattr(widget, "selection", half[i].astype(np.uint32)),
        "click": lambda i: setattr(widget, "selection", single[i : i + 1].astype(np.uint32)),
        "hover": lambda i: setattr(widget, "hovering", int(single[i])),
        "colour": lambda i: setattr(explorer, "color_by", ("view", "expression")[i % 2]),
        "lines": lambda i: setattr(explorer, "lines", ("all", "none")[i % 2]),
        "filter": lambda i: setattr(explorer, "hidden", [explorer._field.categories[i % 5]]),
    }
    for name, act in actions.items():
        times = []
        for i in range(ROUNDS):
            start = time.perf_counter(), time.process_time()
            act(i)
            times.append(_since(start))
        row[name], row[f"{name}_cpu"] = np.median(times, axis=0).tolist()
    row["memory"] = resident_bytes("VmHWM") / 2**30
    explorer.close()
    return row


def _since(start: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - start[0], time.process_time() - start[1]


def in_a_process(points: int, dim: int, encoders: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.explorer", "--one", "--points", str(points)]
    command += ["--dim", str(dim), "--encoders", str(encoders)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def limit(action: str) -> float:
    return LIMITS["open" if action == "open" else "answer"]


def run(quick: bool = False) -> dict:
    """For `python -m benchmarks`: a row for each action at each size."""
    rows = []
    for points in (700,) if quick else (4900, 100_000):
        seen = in_a_process(points, 256, 2)
        where = f"{points:,} points"
        rows += [
            {"name": f"{action}, {where}", "value": seen[action], "unit": "seconds"}
            | {"cpu_seconds": seen[f"{action}_cpu"], "limit": limit(action)}
            for action in ACTIONS
        ]
        memory = {"name": f"the process, {where}", "value": seen["memory"], "unit": "GiB"}
        rows.append(memory | {"limit": LIMITS["memory"]})
    return {"rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.explorer", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--points", type=int, nargs="+", default=[4900, 100_000])
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--encoders", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.points[0], args.dim, args.encoders)))
        return
    rows = []
    for points in args.points:
        rows.append(in_a_process(points, args.dim, args.encoders))
        print(f"\n{points:,} points × {args.dim}, {args.encoders} encoders")
        for name in ACTIONS:
            times = f"{rows[-1][name]:7.3f} s ({rows[-1][f'{name}_cpu']:.3f} s of CPU)"
            print(f"  {name:<8}{times}   limit {limit(name)} s")
        print(f"  memory  {rows[-1]['memory']:7.2f} GiB, limit {LIMITS['memory']} GiB")
    if args.out:
        with args.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
