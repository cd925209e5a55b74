"""Features that were computed in shards, put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fermodels._shared.paths import given_path, output_file
from fermodels._shared.shards import Shard, check_numbers, check_same
from fermodels.features.backbone import FeatureError
from fermodels.features.feature_set import FeatureSet

_OWN = ("shard", "rows")  # settings of a shard alone

Named = Sequence[tuple[Path, FeatureSet]]


def merge_features(paths: Sequence[str | os.PathLike], out: str | os.PathLike) -> FeatureSet:
    """The features that one computation without shards would have given, written to `out`.

    Args:
        paths: the files of all shards, of :func:`compute_features` or of the command `features`
            with ``--shard K/N``.
        out: a .safetensors file in a folder that exists.

    Raises:
        FeatureError: one of them is no such file.
        ValueError: they do not fit together; says which ones and why: another data set, backbones
            or settings, a shard that is missing or given twice, clips that are in two or in none.
    """
    out = given_path(out)
    if out.suffix != ".safetensors" or not out.parent.is_dir():
        raise ValueError(f"{out}: must be a .safetensors file in a folder that exists")
    output_file(out)
    parts = [(path, FeatureSet.read(path)) for path in map(given_path, paths)]
    for path, part in parts:
        if not set(_OWN) <= set(part.settings):
            raise FeatureError(f"{path} is no shard: it holds features of all clips")
        if path.resolve() == out.resolve():
            raise ValueError(f"{out} is one of the shards: write to another file")
    _check(parts)
    parts = sorted(parts, key=lambda pair: Shard.parse(pair[1].settings["shard"]).number)
    order = _order(parts)
    first = parts[0][1]
    features, present = {}, {}
    for modality in first.modalities:
        present[modality] = torch.cat([part.present[modality] for _, part in parts])[order]
        if present[modality].any():
            features[modality] = _values(parts, modality)[order]
    if not features:
        raise FeatureError(f"no clip has {', '.join(first.modalities)}")
    whole = FeatureSet(
        features,
        {modality: present[modality] for modality in features},
        clips=np.concatenate([part.clips for _, part in parts])[order].tolist(),
        fingerprint=first.fingerprint,
        backbones={modality: first.backbones[modality] for modality in features},
        settings={name: v for name, v in first.settings.items() if name not in _OWN},
        text_model=first.text_model if "text" in features else None,
    )
    whole.write(out)
    return whole


def _check(parts: Named) -> None:
    """Refuses what does not fit together."""

    def same(what: str, of: Callable[[FeatureSet], Any], shown: Callable = str) -> None:
        check_same(what, [(path, of(part)) for path, part in parts], shown)

    same("the data set is", lambda part: part.fingerprint, _shortened)
    same("the modalities are", lambda part: part.modalities, ", ".join)
    for name in sorted({name for _, part in parts for name in part.settings} - {*_OWN, "job"}):
        same(f"{name.replace('_', ' ')} is", lambda part, n=name: part.settings.get(n))
    for modality in parts[0][1].modalities:
        same(f"the backbone of the {modality} is", lambda part, m=modality: part.backbones[m])
        # Where no clip has a modality it may not be known how wide its features are.
        there = [(p, part.dims[modality]) for p, part in parts if part.present[modality].any()]
        if there:
            check_same(f"features of the {modality} to a clip are", there)
    same("the computation is", lambda part: part.settings.get("job", ""), _shortened)
    check_numbers([(path, Shard.parse(part.settings["shard"])) for path, part in parts])


def _shortened(digest: str) -> str:
    return digest[:12] or "unknown"


def _order(parts: Named) -> np.ndarray:
    """Where the clips of the whole are among those of all shards, int64 (N,)."""
    owner: dict[int, Path] = {}
    for path, part in parts:
        rows = part.settings["rows"]
        if len(rows) != len(part):
            raise FeatureError(f"{path} is damaged: {len(rows)} rows for {len(part)} clips")
        for row, clip in zip(rows, part.clips, strict=True):
            if owner.setdefault(row, path) != path:
                raise ValueError(f"clip {clip!r} is in {owner[row]} and in {path}")
    rows = np.concatenate([part.settings["rows"] for _, part in parts]).astype(np.int64)
    order = np.argsort(rows, kind="stable")
    if (rows[order] != np.arange(len(rows))).any():
        missing = int((rows[order] != np.arange(len(rows))).argmax())
        raise ValueError(f"clip {missing + 1:,} of the data set is in none of the shards")
    return order


def _values(parts: Named, modality: str) -> Tensor:
    """(N, 1 + augmentations, D); zeros where no clip of a shard has the modality."""
    width = next(p.dims[modality] for _, p in parts if p.present[modality].any())
    return torch.cat(
        [
            part.features[modality]
            if part.dims[modality] == width
            else torch.zeros(len(part), 1 + part.num_augmentations, width, dtype=torch.float16)
            for _, part in parts
        ]
    )
