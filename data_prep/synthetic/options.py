"""What all data sets that are drawn here are asked on the command line, and what is refused."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from data_prep.io.parts import check_out


def add_drawing(parser: argparse.ArgumentParser, size: int, even: bool = False) -> None:
    """--size, --seed and --jobs; `even` for videos, whose codec takes no odd sizes."""
    pixels = "pixels, 16 to 512, even" if even else "pixels, 16 to 512"
    parser.add_argument("--size", type=int, default=size, help=pixels)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")


def check_drawing(
    out: str | os.PathLike, size: int, seed: int, even: bool = False, **counts: int
) -> Path:
    """The path of what is to be written.

    Raises:
        ValueError: one of the counts is below 1, a size that is odd (with `even`) or outside
            16…512, a negative seed, or an `out` that is not a .parquet file in an existing folder.
    """
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"--{name} must be at least 1, got {value}")
    if not 16 <= size <= 512 or (even and size % 2):
        what = "an even number of pixels, 16 to 512" if even else "16 to 512 pixels"
        raise ValueError(f"--size must be {what}, got {size}")
    if seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {seed}")
    return check_out(out)
