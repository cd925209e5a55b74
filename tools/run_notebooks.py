"""Execute the notebooks of the course in order and say how long each took.

python -m tools.run_notebooks [--out FOLDER | --in-place] [NUMBER …]
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from fermodels._shared.files import replacing
from tools import palette

ROOT = Path(__file__).resolve().parents[1]
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def find(numbers: list[str]) -> list[Path]:
    """The notebooks, in order; all of them if no number is given."""
    found = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    missing = set(numbers) - {path.name[:2] for path in found}
    if missing:
        sys.exit(f"there is no notebook {', '.join(sorted(missing))}")
    return [path for path in found if not numbers or path.name[:2] in numbers]


def execute(path: Path, show_cells: bool) -> tuple[nbformat.NotebookNode, Exception | None]:
    """The notebook with its outputs, up to the cell that failed, if any."""
    notebook = nbformat.read(path, as_version=4)
    total = sum(cell.cell_type == "code" for cell in notebook.cells)
    count = 0

    def report(cell, cell_index) -> None:
        nonlocal count
        if cell.cell_type == "code":
            count += 1
            print(f"\r{path.stem}: cell {count} of {total} … ", end="", flush=True)

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        on_cell_start=report if show_cells else None,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return notebook, error
    return notebook, None


def clean(notebook: nbformat.NotebookNode) -> None:
    """Leave only what does not differ from one machine to the next, beside the outputs; of these,
    only what can be seen without a kernel."""
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        for output in cell.get("outputs", []):
            # A widget lives in its kernel; without it, a page would show an error instead.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)


def shrink(notebook: nbformat.NotebookNode) -> None:
    """Store images with a palette of 256 colours: about half the size, hard to see."""
    from PIL import Image

    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            png = output.get("data", {}).get("image/png")
            if png is None:
                continue
            smaller = base64.b64encode(
                palette.png(Image.open(io.BytesIO(base64.b64decode(png))))
            ).decode()
            if len(smaller) < len(png):
                output["data"]["image/png"] = smaller


def write(path: Path, notebook: nbformat.NotebookNode) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        nbformat.write(notebook, temporary)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="such as 02; default: all")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, default=ROOT / "runs/course", help="for the copies")
    where.add_argument("--in-place", action="store_true", help="overwrite the notebooks")
    options = parser.parse_args()

    rows, failure = [], None
    for path in find(options.numbers):
        print(f"{path.stem} … ", end="", flush=True)
        start = time.perf_counter()
        notebook, failure = execute(path, show_cells=sys.stdout.isatty())
        seconds = time.perf_counter() - start
        rows.append((path.stem, len(notebook.cells), seconds))
        print(f"{'failed after' if failure else 'done in'} {_clock(seconds)} min")
        if not (failure and options.in_place):
            clean(notebook)
            shrink(notebook)
            write(path if options.in_place else options.out / path.name, notebook)
        if failure:
            break

    width = max((len(name) for name, *_ in rows), default=0)
    print(f"\n{'notebook':{width}}  cells  min:s")
    for name, cells, seconds in rows:
        print(f"{name:{width}}  {cells:5}  {_clock(seconds):>5}")
    print(f"{'all':{width}}  {'':5}  {_clock(sum(row[2] for row in rows)):>5}")
    if not options.in_place:
        options.out.mkdir(parents=True, exist_ok=True)
        with open(options.out / "times.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("notebook", "cells", "seconds"))
            writer.writerows((name, cells, f"{seconds:.1f}") for name, cells, seconds in rows)
        print(f"the executed notebooks are in {options.out}")
    if failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    return 0


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"


if __name__ == "__main__":
    sys.exit(main())
