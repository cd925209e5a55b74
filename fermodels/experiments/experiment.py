"""What the experiments of the command line share: folds one after the other, and the run folder."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
FREE = {"data", "features", "run_dir", "folds", "seeds", "accelerator"}


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
    """

    def __init__(
        self, name: str, data: str, run_dir: str, accelerator: str, precision: str | None
    ) -> None:
        self.name, self.data, self.run_dir = name, given_path(data), given_path(run_dir)
        self.accelerator, self.precision = accelerator, precision

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

        output_folder(self.run_dir, files=("config.yaml", "run.json", "scores.csv"))
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
        self.run_dir.mkdir(parents=True, exist_ok=True)
        about["measured"] = self._earlier(about)
        self._write("config.yaml", config)
        self._write("run.json", _json(about))
        for name, fold in self.make_folds():
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
        found = {path.parent.name: path for path in self.run_dir.glob("*/scores.csv")}
        frames = [
            pd.read_csv(found[name]).assign(fold=name) for name in sorted(found, key=natural_key)
        ]
        scores = pd.concat(frames, ignore_index=True)
        scores = scores[["fold", *(c for c in scores if c != "fold")]]
        self._write("scores.csv", scores.to_csv(index=False))
        print(f"{self.run_dir / 'scores.csv'}: {len(frames)} folds")
        return scores

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


def positive(value: float, name: str) -> None:
    """ValueError unless the setting of this name is above 0."""
    if not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}")


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested settings by names such as "finetuning.epochs"."""
    if not isinstance(value, dict):
        return {name: value}
    return {k: v for key in value for k, v in flat(value[key], f"{name}.{key}".strip(".")).items()}


def _json(value: Any) -> str:
    return to_json(value, indent=2, ensure_ascii=False) + "\n"


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, float_format="%.6g").encode()
