"""The folder of a run: its settings, its checkpoint, and what it leaves behind."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from fermodels._shared.files import replace_file
from fermodels.methods.base import Learner

CHECKPOINT, HISTORY, SETTINGS = "last.ckpt", "history.csv", "settings.json"


def prepare_run(run_dir: Path, settings: dict, resume: bool) -> Path | None:
    """Make or check the run folder; the checkpoint to continue from, if there is one."""
    run_dir.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in (CHECKPOINT, HISTORY, SETTINGS):
            (run_dir / name).unlink(missing_ok=True)
        for name in ("encoder", "classifier"):
            shutil.rmtree(run_dir / name, ignore_errors=True)
    settings = json.loads(json.dumps(settings))
    checkpoint = run_dir / CHECKPOINT
    if checkpoint.exists():
        path = run_dir / SETTINGS
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError) as error:
            raise ValueError(
                f"{path} cannot be read, so it is not known which run {checkpoint} belongs to: "
                "take another run_dir, or resume=False to start anew"
            ) from error
        changes = list(_differences(before, settings))
        if changes:
            raise ValueError(
                f"{run_dir} holds a run with other settings: {'; '.join(changes)}. Take another "
                "run_dir, or resume=False to delete that run and start anew"
            )
        return checkpoint
    replace_file(run_dir / SETTINGS, (json.dumps(settings, indent=2) + "\n").encode())
    return None


def _differences(before: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            path = f"{name}.{key}" if name else key
            yield from _differences(before.get(key), now.get(key), path)
    elif before != now:
        yield f"{name} was {before!r}, is {now!r}"


class CheckpointIO(TorchCheckpointIO):
    """Checkpoints that are whole or not there, and hold tensors and plain values only."""

    def save_checkpoint(self, checkpoint, path, storage_options=None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        replace_file(path, buffer.getvalue())

    def load_checkpoint(self, path, map_location=None, weights_only=None) -> dict[str, Any]:
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ValueError(
                f"{path} cannot be read ({error}): delete it, or pass resume=False, to start anew"
            ) from error


def save_modules(method: Learner, run_dir: Path) -> None:
    for name in ("encoder", "classifier"):
        save = getattr(getattr(method, name, None), "save_pretrained", None)
        if save is not None:
            save(run_dir / name)
