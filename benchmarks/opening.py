"""How long does it take to open a prepared file and to decode its images?

    python -m benchmarks.opening [DATA.parquet]

Opening checks every row and every image's header. Decoding uses threads. `cpu` are the CPU seconds
of all threads together, which other work on the machine stretches less.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.timing import Clock, print_table, row
from fermodels.data import PreparedImages

DATA = Path("data/anny_views_kdef.parquet")


def run(quick: bool, data: Path = DATA) -> dict:
    """Rows in seconds: opening, decoding, both, and both in CPU seconds."""
    times: dict[str, list[float]] = {"open": [], "decode": [], "open and decode": [], "cpu": []}
    clock = Clock()
    for _ in range(1 if quick else 7):
        clock()
        prepared = PreparedImages.read(data, in_memory=True)
        opened = clock()
        prepared.images()
        decoded = clock()
        times["open"].append(opened[0])
        times["decode"].append(decoded[0])
        times["open and decode"].append(opened[0] + decoded[0])
        times["cpu"].append(opened[1] + decoded[1])
    rows = [row(name, values, "s") for name, values in times.items()]
    return {"rows": rows, "images": len(prepared)}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.opening", description=__doc__.split("\n")[0]
    )
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    print_table(run(options.quick, options.data))


if __name__ == "__main__":
    main()
