"""What the notebooks share: the hardware profile, where things lie, the checks of exercises."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PROFILES = ("fast", "laptop", "gpu")
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

T = TypeVar("T")


# ---------------------------------------------------------------------------------- the machine


@dataclass(frozen=True)
class Profile:
    """How much work a notebook does, and where.

    Attributes:
        name: "fast" (a minute a notebook, for tests), "laptop" (a few minutes on two CPU cores)
            or "gpu" (more training steps).
        device: "cuda" or "cpu".
    """

    name: str
    device: str

    @property
    def fast(self) -> bool:
        return self.name == "fast"

    def pick(self, fast: T, laptop: T, gpu: T | None = None) -> T:
        """The value for this profile; without one for GPUs, that of laptops."""
        return {"fast": fast, "laptop": laptop, "gpu": laptop if gpu is None else gpu}[self.name]


def profile() -> Profile:
    """The profile of this machine: "gpu" with CUDA, else "laptop"; FERMODELS_PROFILE overrides.

    Raises:
        ValueError: FERMODELS_PROFILE is unknown, or "gpu" where PyTorch sees no CUDA device.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = os.environ.get("FERMODELS_PROFILE") or ("gpu" if device == "cuda" else "laptop")
    if name not in PROFILES:
        raise ValueError(f"FERMODELS_PROFILE is {name!r}: take one of {', '.join(PROFILES)}")
    if name == "gpu" and device == "cpu":
        raise ValueError("FERMODELS_PROFILE is 'gpu', but PyTorch sees no CUDA device")
    return Profile(name, device)


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
        (data, ("anny_views_kdef", "anny_views_ddcf", "anny_clips")),
        (
            weights,
            (
                "clmex-anny-views",
                "clmex-anny-views-v1",
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


# Number: title, what it is about, and where its box is drawn (column, row).
_MAP = {
    "00": ("Welcome", "does everything\nrun?", (0, 0)),
    "01": ("Data", "faces, cameras,\nfair splits", (1, 0)),
    "02": ("Contrastive\npre-training", "learning\nwithout labels", (2, 0)),
    "03": ("Fine-tuning", "few labels,\nsteep angles", (3, 0.6)),
    "04": ("View\ninvariance", "what has\nit learned?", (3, 0)),
    "05": ("Clips", "video, speech,\ntext; features", (3, -0.6)),
    "06": ("Multi-task\nself-supervision", "three losses\non three senses", (4, -0.6)),
    "07": ("Explore", "hands on the\nembedding", (4, 0)),
    "08": ("Your own data", "importers, faces\nof real people", (4, 0.6)),
    "09": ("Appendix", "what moves\nthe learner", (2, -0.6)),
}
_ARROWS = (
    ("00", "01", ""),
    ("01", "02", "prepared\nfile"),
    ("02", "03", ""),
    ("02", "04", "encoder"),
    ("02", "05", ""),
    ("05", "06", "features"),
    ("04", "07", "questions"),
    ("03", "08", ""),
    ("02", "09", ""),
)


def draw_map() -> Axes:
    """The notebooks as boxes, and what one hands to the next as arrows."""
    import matplotlib.pyplot as plt

    width, height, step = 1.3, 0.9, 1.8
    _, ax = plt.subplots(figsize=(12, 4))
    for i, (number, (title, about, (column, row))) in enumerate(_MAP.items()):
        corner = (column * step, row * 2 - height / 2)
        color = plt.get_cmap("Blues")(0.08 + 0.05 * i)
        ax.add_patch(plt.Rectangle(corner, width, height, facecolor=color, edgecolor="0.35"))
        x, y = corner[0] + width / 2, corner[1] + height / 2
        ax.text(x, y + 0.17, f"{number} · {title}", ha="center", va="center", weight="bold", size=9)
        ax.text(x, y - 0.21, about, ha="center", va="center", color="0.25", size=9)
    for start, end, label in _ARROWS:
        (x0, y0), (x1, y1) = (_MAP[number][2] for number in (start, end))
        tail, tip = (x0 * step + width, y0 * 2), (x1 * step, y1 * 2)
        if x0 == x1:  # from the foot of a box to the head of the one below it
            tail, tip = (
                (x0 * step + width / 2, y0 * 2 - height / 2),
                (x1 * step + width / 2, y1 * 2 + height / 2),
            )
        ax.annotate("", tip, tail, arrowprops={"arrowstyle": "-|>", "color": "0.35"})
        middle = ((tail[0] + tip[0]) / 2, (tail[1] + tip[1]) / 2 + 0.08)
        ax.text(*middle, label, ha="center", va="bottom", size=8)
    ax.set(xlim=(-0.1, 4 * step + width + 0.1), ylim=(-1.75, 1.75))
    ax.set_axis_off()
    return ax


# -------------------------------------------------------------------------------------- folders


def root() -> Path:
    """The folder of the course, with `notebooks/`, `data/`, `weights/`; FERMODELS_ROOT overrides.

    Raises:
        FileNotFoundError: `fermodels` was installed without the course around it.
    """
    override = os.environ.get("FERMODELS_ROOT")
    folder = Path(override) if override else Path(__file__).resolve().parents[1]
    if not (folder / "notebooks").is_dir():
        raise FileNotFoundError(
            f"{folder} is not the course's folder (it has no notebooks/): clone the repository and "
            "install it with 'make course' or 'pip install -e .', or set FERMODELS_ROOT"
        )
    return folder


def data(name: str) -> Path:
    """The file of a prepared data set that ships with the course.

    Args:
        name: "anny_views_kdef" or "anny_views_ddcf", for `PreparedImages.read`, or "anny_clips",
            for `PreparedClips.read`. FERMODELS_DATA names another folder.
    """
    path = _folder("FERMODELS_DATA", "data") / f"{name}.parquet"
    return _existing(path, "it ships with the repository; 'make data' renders it again")


def weights(name: str) -> Path:
    """The folder of an encoder that ships with the course, for `from_pretrained`.

    Args:
        name: "clmex-anny-views", "clmex-anny-views-v1" (its first release, which the features of
            clips are from) or "simclr-anny-views" (`ImageEncoder`), or "conclugen-anny-clips"
            (`ClipEncoder`). FERMODELS_WEIGHTS names another folder.
    """
    path = _folder("FERMODELS_WEIGHTS", "weights") / name
    return _existing(path, "it ships with the repository; 'make weights' trains it again")


def run_dir(name: str) -> Path:
    """Where a run of a notebook keeps its files: `runs/<profile>/<name>`, not made yet.

    Args:
        name: number of the notebook and name of the run, as "02/clmex". Profiles have folders of
            their own, so that a quick test never meets a longer run. FERMODELS_RUNS names another
            folder than `runs`.
    """
    return _folder("FERMODELS_RUNS", "runs") / profile().name / name


def finished_run(name: str) -> Path:
    """The folder of a run that another notebook has finished; its `encoder/` can be loaded.

    Raises:
        FileNotFoundError: it is not there; the message names the notebook to run first.
    """
    path = run_dir(name)
    if not (path / "encoder").is_dir():
        number = name.split("/")[0]
        maker = next((root() / "notebooks").glob(f"{number}_*.ipynb"), None)
        maker = maker.name if maker else f"notebook {number}"
        raise FileNotFoundError(f"{path} holds no finished run: run {maker} first, up to its end")
    return path


def _folder(variable: str, name: str) -> Path:
    override = os.environ.get(variable)
    return Path(override) if override else root() / name


def _existing(path: Path, remedy: str) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: {remedy}")
    return path


# ------------------------------------------------------------------------------------ exercises


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a check; true when passed."""

    name: str
    passed: bool
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def _ipython_display_(self) -> None:
        """Nothing: `check` has printed it."""


def check(name: str, answer: Any) -> CheckResult:
    """Check the answer to an exercise, print ✓ or ✗ with a hint. Never raises.

    Args:
        name: number of the exercise, such as "02.1".
        answer: a value or a function, as the exercise says. None and `...` count as no answer yet.
    """
    result = _check(name, answer)
    print(f"{'✓' if result.passed else '✗'} Exercise {name}: {result.message}")
    return result


def _check(name: str, answer: Any) -> CheckResult:
    from fermodels.exercises import find

    try:
        checking = find(name)
    except KeyError as error:
        return CheckResult(name, False, str(error.args[0]))
    except Exception as error:
        return CheckResult(name, False, f"the check cannot be loaded: {error}")
    if answer is None or answer is ...:
        return CheckResult(name, False, "no answer yet.")
    try:
        checking(answer)
    except (AssertionError, ValueError) as error:
        return CheckResult(name, False, str(error) or "not yet.")
    except Exception as error:
        return CheckResult(name, False, f"your answer led to {type(error).__name__}: {error}")
    return CheckResult(name, True, "right.")
