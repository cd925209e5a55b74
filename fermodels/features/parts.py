"""Chunks of tensors in a folder of parts; see :mod:`fermodels._shared.parts`."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from fermodels._shared.files import replace_file


def read_chunk(folder: Path, index: int) -> dict[str, Tensor] | None:
    """The chunk, or None where it has not been computed yet."""
    from safetensors.torch import load

    path = _path(folder, index)
    return load(path.read_bytes()) if path.exists() else None


def write_chunk(folder: Path, index: int, tensors: dict[str, Tensor]) -> None:
    from safetensors.torch import save

    replace_file(_path(folder, index), save(tensors))


def _path(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.safetensors"
