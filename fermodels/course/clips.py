"""What notebooks 05, 06 and 11 share: the clips of a preset, and their features, computed once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from fermodels.course import folders
from fermodels.course.hardware import hardware_preset

if TYPE_CHECKING:
    from fermodels.data import PreparedClips
    from fermodels.features import FeatureSet

# Of the speakers of each part; a quick test needs few.
_SHARE_IN_FAST_PROFILE = 0.2


def course_clips() -> tuple[PreparedClips, dict[str, np.ndarray]]:
    """The clips that this preset works with, and their split by speaker.

    All of Anny Clips, except in the "fast" preset: there, some speakers of each part. A speaker
    is in the same part in every preset.

    Returns:
        The clips, and {"train", "val", "test"} → rows of them.
    """
    from fermodels.data import PreparedClips
    from fermodels.evaluation import label_fraction

    clips = PreparedClips.read(folders.data("anny_clips"))
    split = clips.split("subject", seed=0)
    if not hardware_preset().fast:
        return clips, split
    split = {name: label_fraction(clips, r, _SHARE_IN_FAST_PROFILE) for name, r in split.items()}
    kept = np.sort(np.concatenate(list(split.values())))
    split = {name: np.searchsorted(kept, rows) for name, rows in split.items()}
    return clips.subset(kept), split


def course_features(
    clips: PreparedClips, train_indices: np.ndarray, *, progress: bool | None = None
) -> FeatureSet:
    """Features of `course_clips()` by the shipped backbones, with augmented copies.

    They lie in `course.run_dir("05/features")`: whoever asks first computes them (a run that was
    stopped goes on), the next one reads them. Those of other clips or other weights are computed
    again. Prints which of the two it was, and how long it took.

    Args:
        clips: as `course_clips` gives them.
        train_indices: the clips that the text backbone is fitted on.
        progress: show a bar; default: where neither CI nor FERMODELS_PROGRESS=0 is set.
    """
    from fermodels.features import compute_features

    preset = hardware_preset()
    path = folders.run_dir("05/features") / "anny_clips.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else None
    start = time.perf_counter()
    features = compute_features(
        clips,
        path,
        num_augmentations=preset.pick(fast=2, laptop=10),
        train_indices=train_indices,
        jobs=preset.pick(fast=1, laptop=min(4, os.cpu_count() or 1)),
        progress=progress,
    )
    computed = path.stat().st_mtime_ns != before
    what = "computed and stored" if computed else "read, they were computed before"
    print(f"features: {what} ({time.perf_counter() - start:.0f} s)")
    return features
