"""What the course needs, and what this machine has."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from fermodels.course.folders import data, weights

if TYPE_CHECKING:
    import pandas as pd

# Distribution → oldest version that the course is made for.
NEEDED = {
    "torch": "2.11",
    "torchvision": "0.26",
    "lightning": "2.5",
    "numpy": "1.26",
    "pandas": "2.2",
    "pyarrow": "16",
    "scikit-learn": "1.4",
    "matplotlib": "3.8",
    "umap-learn": "0.5.7",
    "av": "16",
    "anny": "0.6",
    "pyvista": "0.44",
    "jupyterlab": "4.2",
    "ipywidgets": "8.1",
    "anywidget": "0.9",
    "jupyter-scatter": "1.0",
}
IMAGES_AND_CLIPS = (
    "anny_views_kdef",
    "anny_views_ddcf",
    "anny_views_wide",
    "second_faces",
    "anny_clips",
)


def environment() -> pd.DataFrame:
    """What the course needs and what this machine has, a row for each part.

    The column `ok` is "✓", or says what to do. Packages are looked up, not imported.
    """
    import importlib.metadata

    import pandas as pd
    import torch

    python = platform.python_version()
    rows = [_row("Python", python, "≥ 3.10", _numbers(python) < (3, 10), "install a newer Python")]
    for package, oldest in NEEDED.items():
        try:
            found = importlib.metadata.version(package)
            lacking = _numbers(found) < _numbers(oldest)
        except importlib.metadata.PackageNotFoundError:
            found, lacking = "not installed", True
        rows.append(_row(package, found, f"≥ {oldest}", lacking, f"pip install -U {package}"))
    rows.append(_row("CPU cores", str(os.cpu_count()), "≥ 2 for the times given"))
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none: the CPU does it"
    rows.append(_row("CUDA device", gpu, "optional"))
    for find, names in (
        (data, IMAGES_AND_CLIPS),
        (
            weights,
            (
                "clmex-anny-views",
                "simclr-anny-views",
                "conclugen-anny-clips",
            ),
        ),
    ):
        for name in names:
            try:
                found, lacking = f"{_megabytes(find(name)):.1f} MB", False
            except FileNotFoundError:
                found, lacking = "missing", True
            rows.append(_row(name, found, "ships with it", lacking, f"make {find.__name__}"))
    return pd.DataFrame(rows).set_index("part")


def _row(part: str, found: str, needed: str, lacking: bool = False, remedy: str = "") -> dict:
    return {"part": part, "found": found, "needed": needed, "ok": remedy if lacking else "✓"}


def _megabytes(path: Path) -> float:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def _numbers(version: str) -> tuple[int, ...]:
    """ "2.15.0+cu130" → (2, 15, 0)"""
    numbers = []
    for part in version.split("+")[0].split("."):
        digits = "".join(c for c in part if c.isdigit())
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
