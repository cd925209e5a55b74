"""What tells runs apart: settings of the learner, its data, its batches; names of earlier runs."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset, Subset

from fermodels.data.indices import indices_digest

FORMAT = 2  # of settings.json and of the checkpoint; the first release wrote none

# Names in `settings.json` of the first release, and where the same stands today.
_CLASSES = {"ExpressionClassifier": "ImageFineTuning", "ClipClassifier": "ClipFineTuning"}
_LEARNER = {"augmentations": "num_augmentations"}
_RUN = {
    "data": ("data", "fingerprint"),
    "rows": ("data", "indices"),
    "indices": ("data", "indices"),
    "modalities": ("data", "modalities"),
    "batch_size": ("batches", "batch_size"),
    "speakers_per_batch": ("batches", "speakers_per_batch"),
    "draw": ("batches", "num_views"),
    "num_views": ("batches", "num_views"),
    "whole": ("batches", "class"),
    "batch_by": ("batches", "class"),
}
# Not compared: weights had another digest, batches are described in full today.
_DROPPED = ("start", "features", "images_per_step", "seed")
_VALUES = {"one": 1, "two": 2, "clean": 0, "instance": "InstanceBatchSampler"}


def data_settings(dataset: Dataset) -> dict[str, Any]:
    """What tells the data behind a loader from others, as far as the data set knows.

    Its own `settings()`; else, of prepared images, their fingerprint and the rows; else its type
    and length.
    """
    if callable(getattr(dataset, "settings", None)):
        return {"class": type(dataset).__name__} | dataset.settings()
    found: dict[str, Any] = {"class": type(dataset).__name__}
    if hasattr(dataset, "__len__"):
        found["items"] = len(dataset)
    if hasattr(dataset, "prepared"):
        found["fingerprint"] = dataset.prepared.fingerprint()
    if hasattr(dataset, "indices"):
        found["indices"] = indices_digest(np.asarray(dataset.indices))
    if isinstance(dataset, Subset):
        found["of"] = data_settings(dataset.dataset)
    return found


def batch_settings(loader: DataLoader) -> dict[str, Any]:
    """What fixes the batches of a loader: its sampler, and how many processes load."""
    # PyTorch makes a batch sampler of its own for a batch size, and a stand-in for the other one.
    sampler = loader.batch_sampler if loader.batch_size is None else loader.sampler
    own = getattr(sampler, "settings", None)
    if callable(own):
        found = own()
    else:
        found = {
            "class": type(sampler).__name__,
            "batch_size": loader.batch_size or getattr(sampler, "batch_size", None),
            "drop_last": loader.drop_last or getattr(sampler, "drop_last", False),
        }
        inner = getattr(sampler, "sampler", None)
        if inner is not None:
            found["sampler"] = type(inner).__name__
        seeds = [
            one.generator.initial_seed()
            for one in (loader, sampler, inner)
            if getattr(one, "generator", None) is not None
        ]
        if seeds:
            found["generator"] = seeds[0]
    return found | {"num_workers": loader.num_workers}


def differences(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """What differs between two settings, a sentence each.

    Of runs of the first release, only what is named in both is compared.
    """
    old = not name and isinstance(before, dict) and before.get("format") != FORMAT
    yield from _differences(_today(before) if old else before, now, name, old)


def _differences(before: Any, now: Any, name: str, old: bool) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = before.keys() & now.keys() if old else before.keys() | now.keys()
        for key in sorted(keys):
            path = f"{name}.{key}" if name else key
            yield from _differences(before.get(key), now.get(key), path, old)
    elif before != now:
        yield f"{name} was {before!r}, is {now!r}"


def _today(before: dict[str, Any]) -> dict[str, Any]:
    """Settings of the first release under the names of today."""
    learner = {_LEARNER.get(key, key): value for key, value in before.get("learner", {}).items()}
    learner["method"] = _CLASSES.get(learner.get("method"), learner.get("method"))
    found: dict[str, Any] = {"data": {}, "batches": {}, "run": {}}
    for key, value in before.get("run", {}).items():
        if key in _DROPPED:
            continue
        place, name = _RUN.get(key, ("run", key))
        found[place][name] = _VALUES.get(value, value) if isinstance(value, str) else value
    kept = {key: before[key] for key in ("length", "compile") if key in before}
    return kept | {"learner": learner} | found
