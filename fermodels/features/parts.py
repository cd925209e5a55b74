"""What lets a killed computation go on: finished chunks in a folder beside the file to be made."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import threading
from pathlib import Path

import torch
from torch import Tensor

from fermodels._shared.files import replace_file


class Parts:
    """Chunks of tensors in a folder; those of a job with other settings are dropped.

    Args:
        folder: made if it is not there; None keeps the chunks in memory only.
        job: fingerprint of all that the chunks depend on.
        resume: keep what is there of the same job.
    """

    def __init__(self, folder: Path | None, job: str, resume: bool = True) -> None:
        self.folder = folder
        if folder is None:
            return
        label = folder / "job.json"
        if folder.exists():
            if resume and label.exists() and json.loads(label.read_text())["job"] == job:
                return
            shutil.rmtree(folder)
        folder.mkdir()
        replace_file(label, json.dumps({"job": job}).encode())

    def read(self, index: int) -> dict[str, Tensor] | None:
        """The chunk, or None where it has not been computed yet."""
        from safetensors.torch import load

        if self.folder is None or not (path := self._path(index)).exists():
            return None
        return load(path.read_bytes())

    def write(self, index: int, tensors: dict[str, Tensor]) -> None:
        from safetensors.torch import save

        if self.folder is not None:
            replace_file(self._path(index), save(tensors))

    def remove(self) -> None:
        if self.folder is not None:
            shutil.rmtree(self.folder)

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.safetensors"


def start_worker() -> None:
    """For a process of a pool: one thread, and an end when the process that started it ends."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
