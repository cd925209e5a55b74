"""What the experiments of the command line share: folds one after the other, and the run folder."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from fermodels._shared.files import replace_file
from fermodels._shared.paths import given_path, output_folder
from fermodels._shared.plain import from_json, recorded, to_json
from fermodels.data.names import natural_key
from fermodels.experiments.old_names import translate_run

if TYPE_CHECKING:
    import pandas as pd

    from fermodels.data.table import PreparedTable

# Where something lies, which folds are wanted and on what they run: a run may be continued with
# others. That the data is the same is seen by its fingerprint and `made_with`.
FREE = {"data", "features", "run_dir", "folds", "seeds", "accelerator", "logger"}
_ABOVE_ZERO = {
    *("epochs", "batch_size", "groups_per_batch", "num_augmentations", "learning_rate"),
    *("temperature", "cluster_temperature", "cluster_epsilon", "num_clusters"),
    *("projection_dim", "hidden_dim", "representation_dim"),
}

LoggerName = Literal["tensorboard", "csv"]


class Experiment:
    """A protocol: for each fold (fold, seed) train on some people, and test on others.

    The run folder gets `config.yaml`; `run.json` (data, settings, versions, seconds and GPU
    memory); for each fold a folder with its trainings (:func:`fermodels.training.fit`: history,
    checkpoint, encoder and classifier as safetensors), `predictions.csv` and `scores.csv`; and
    `scores.csv` of all folds. The same command continues a run that was killed.

    Args:
        name: of the run, as the table of results shows it.
        data: the prepared Parquet file.
        run_dir: where the results go.
        accelerator: "auto" is one GPU of CUDA, or else the CPU.
        precision: as in Lightning; None is bfloat16 mixed precision on CUDA, float32 on CPU.
        logger: "tensorboard" or "csv" writes the curves of every training while it runs, into
            `logs/` of its folder; None writes the history at the end of each epoch only.
    """

    def __init__(
        self,
        name: str,
        data: str,
        run_dir: str,
        accelerator: str,
        precision: str | None,
        logger: str | None = None,
    ) -> None:
        self.name, self.data, self.run_dir = name, given_path(data), given_path(run_dir)
        self.accelerator, self.precision, self.logger = accelerator, precision, logger

    # ------------------------------------------------------------------------- of a subclass

    def read(self) -> PreparedTable:
        """The data, checked."""
        raise NotImplementedError

    def made_with(self) -> dict[str, str]:
        """Digests of what else was read: a run goes on with the same only."""
        return {}

    def make_folds(self) -> Iterator[tuple[str, Any]]:
        """Name of each fold that is to be run, and what `train_and_test` needs of it."""
        raise NotImplementedError

    def train_and_test(self, fold: Any, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Predictions (a row an image or clip) and scores (a row a group of them)."""
        raise NotImplementedError

    # --------------------------------------------------------------------------- the run folder

    def run(self, settings: dict[str, Any], config: str) -> pd.DataFrame:
        """Train and test all folds; returns the scores, one row a fold and group.

        Args:
            settings: `class_path` and `init_args`, as JSON.
            config: the whole configuration as YAML, kept in the run folder.

        Raises:
            ValueError: the folder holds a run with other settings or data (they are named).
            OSError: nothing can be written to the folder.
        """
        import pandas as pd

        about, folds = self.check(settings)
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self._write("config.yaml", config)
        self._write("run.json", _json(about))
        for name, fold in folds:
            folder = self.run_dir / name
            if (folder / "scores.csv").exists():
                print(f"{name}: done before")
                continue
            folder.mkdir(exist_ok=True)
            predictions, scores = self._timed(name, fold, folder, about["measured"])
            replace_file(folder / "predictions.csv", _csv(predictions))
            replace_file(folder / "scores.csv", _csv(scores))
            self._write("run.json", _json(about))
            first = scores.iloc[0]
            print(f"{name}: accuracy {first['accuracy']:.1%} of {first['count']:,}", flush=True)
        found = {
            path.parent.name: path
            for path in self.run_dir.glob("*/scores.csv")
            if not (path.parent / "run.json").exists()  # a run of a sweep, not a fold
        }
        frames = [
            pd.read_csv(found[name]).assign(fold=name) for name in sorted(found, key=natural_key)
        ]
        scores = pd.concat(frames, ignore_index=True)
        scores = scores[["fold", *(c for c in scores if c != "fold")]]
        self._write("scores.csv", scores.to_csv(index=False))
        print(f"{self.run_dir / 'scores.csv'}: {len(frames)} folds")
        return scores

    def check(self, settings: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
        """What can be seen before anything is trained; writes nothing.

        Args:
            settings: see :meth:`run`.

        Returns:
            What `run.json` says of the run, and its folds.

        Raises:
            ValueError, OSError: see :meth:`run`.
        """
        from fermodels.training.loggers import make_loggers

        output_folder(self.run_dir, files=("config.yaml", "run.json", "scores.csv"))
        make_loggers(self.logger, self.run_dir)  # the package for it may be missing
        data = self.read()
        data.check_trainable("an experiment")
        about = {
            "name": self.name,
            "experiment": type(self).__name__,
            "settings": settings["init_args"],
            "data": {
                "name": str(data.metadata.get("name", "")),
                "rows": len(data),
                "fingerprint": data.fingerprint(),
                **self.made_with(),
            },
        }
        return about | {"measured": self._earlier(about)}, list(self.make_folds())

    @property
    def device(self) -> str:
        """Where to predict after training."""
        return "cpu" if self.accelerator == "cpu" or not torch.cuda.is_available() else "cuda"

    def _timed(self, name: str, fold: Any, folder: Path, measured: dict):
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        results = self.train_and_test(fold, folder)
        measured[name] = {"seconds": round(time.perf_counter() - start, 1), "device": "CPU"}
        if self.device == "cuda":
            measured[name]["device"] = torch.cuda.get_device_name()
            measured[name]["gpu_bytes"] = torch.cuda.max_memory_allocated()
        measured[name]["torch"] = torch.__version__
        measured[name]["python"] = platform.python_version()
        return results

    def _earlier(self, about: dict[str, Any]) -> dict[str, Any]:
        """What was measured of the parts that are done."""
        path = self.run_dir / "run.json"
        if not path.exists():
            return {}
        try:
            before = from_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{path} cannot be read ({error}): take another run_dir, or delete this one"
            ) from error
        before = translate_run(before)
        old, new = (
            flat({k: v for k, v in run["settings"].items() if k not in FREE})
            | {"experiment": run["experiment"], "data": run["data"]["fingerprint"][:12]}
            | {name: run["data"].get(name, "")[:12] for name in self.made_with()}
            for run in (before, recorded(about))
        )
        changes = [
            f"{key} was {old.get(key)!r}, is {new.get(key)!r}"
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key)
        ]
        if changes:
            raise ValueError(
                f"{self.run_dir} holds a run with other settings: {'; '.join(changes)}. Take "
                "another run_dir, or delete this one"
            )
        return before["measured"]

    def _write(self, name: str, text: str) -> None:
        replace_file(self.run_dir / name, text.encode())


def check_numbers(training: Any, name: str) -> None:
    """ValueError unless all numbers of a training are finite and at least 0, or above it.

    Args:
        training: a dataclass of settings, or None.
        name: what messages call it.
    """
    for key, value in vars(training).items() if training else ():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        if not (0 < value < math.inf or (value == 0 and key not in _ABOVE_ZERO)):
            least = "above 0" if key in _ABOVE_ZERO else "at least 0"
            raise ValueError(f"{name}.{key} must be {least}, got {value}")


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings by names such as "finetuning.epochs"."""
    if not isinstance(value, dict):
        return {name: value}
    return {k: v for key in value for k, v in flat(value[key], f"{name}.{key}".strip(".")).items()}


def _json(value: Any) -> str:
    return to_json(value, indent=2, ensure_ascii=False) + "\n"


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, float_format="%.6g").encode()
