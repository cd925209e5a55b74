"""Loggers by name, so that a curve can be watched while it trains."""

import importlib.util
from pathlib import Path
from typing import Any

from lightning.fabric.loggers import CSVLogger, Logger, TensorBoardLogger

FOLDER = "logs"  # of the run folder


def make_loggers(logger: Any, run_dir: Path | None) -> list[Logger]:
    """What `logger` of :func:`fermodels.training.fit` stands for.

    Raises:
        ValueError: an unknown name, or a named logger without a run folder.
        ImportError: TensorBoard is not installed.
        TypeError: something that is no logger of Lightning.
    """
    if logger is None:
        return []
    several = logger if isinstance(logger, (list, tuple)) else [logger]
    return [_make(item, run_dir) for item in several]


def _make(logger: Any, run_dir: Path | None) -> Logger:
    if isinstance(logger, Logger):
        return logger
    if not isinstance(logger, str):
        raise TypeError(f"logger must be a name or a logger of Lightning, got {logger!r}")
    if logger not in ("tensorboard", "csv"):
        raise ValueError(f"unknown logger {logger!r}: take 'tensorboard', 'csv', or a logger")
    if run_dir is None:
        raise ValueError(
            f"logger={logger!r} writes into the run folder: pass run_dir, or a logger of Lightning"
        )
    if logger == "csv":
        return CSVLogger(run_dir / FOLDER, name="csv")
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError(
            "logger='tensorboard' needs the package tensorboard: pip install tensorboard, or take "
            "logger='csv'"
        )
    return TensorBoardLogger(run_dir / FOLDER, name="tensorboard")
