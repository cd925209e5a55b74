"""The hardware preset: how much work a notebook does, and where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TypeVar

HARDWARE_PRESETS = ("fast", "laptop", "gpu")

T = TypeVar("T")


@dataclass(frozen=True)
class HardwarePreset:
    """How much work a notebook does, and where.

    Attributes:
        name: "fast" (a minute a notebook, for tests), "laptop" (a few minutes on two CPU cores)
            or "gpu" (more training steps).
        device: "cuda" or "cpu".
    """

    name: str
    device: str

    @property
    def precision(self) -> str:
        """The fastest mixed precision that the device computes with, for `fit` and the recipes."""
        from fermodels.training.hardware import fast_precision

        return fast_precision(self.device)

    @property
    def fast(self) -> bool:
        return self.name == "fast"

    def pick(self, fast: T, laptop: T, gpu: T | None = None) -> T:
        """The value for this preset; without one for GPUs, that of laptops."""
        return {"fast": fast, "laptop": laptop, "gpu": laptop if gpu is None else gpu}[self.name]


def hardware_preset() -> HardwarePreset:
    """The preset of this machine: "gpu" with CUDA, else "laptop"; FERMODELS_PRESET overrides.

    Raises:
        ValueError: FERMODELS_PRESET is unknown, or "gpu" where PyTorch sees no CUDA device.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    # The first release called it FERMODELS_PROFILE.
    asked = os.environ.get("FERMODELS_PRESET") or os.environ.get("FERMODELS_PROFILE")
    name = asked or ("gpu" if device == "cuda" else "laptop")
    if name not in HARDWARE_PRESETS:
        raise ValueError(f"FERMODELS_PRESET is {name!r}: take one of {', '.join(HARDWARE_PRESETS)}")
    if name == "gpu" and device == "cpu":
        raise ValueError("FERMODELS_PRESET is 'gpu', but PyTorch sees no CUDA device")
    return HardwarePreset(name, device)
