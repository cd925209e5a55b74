"""Small clip data for tests: an emotion that shows in three modalities, each of them unreliable."""

import numpy as np
import pandas as pd
import torch

from fermodels.clips import PreparedClips
from fermodels.features import FeatureSet
from fermodels.prepared import EXPRESSIONS

EMOTIONS = EXPRESSIONS[:7]
DIMS = {"video": 24, "audio": 16, "text": 12}


def make_clips(speakers: int = 6, takes: int = 2, emotions=EMOTIONS) -> PreparedClips:
    """speakers × emotions × takes clips of a sentence each, women and men in turn."""
    rows = [
        {
            "video": None,
            "audio": None,
            "transcript": f"take {take} of {emotion}",
            "clip": f"s{speaker:02d}-{emotion}-{take}",
            "subject": f"s{speaker:02d}",
            "emotion": emotion,
            "gender": "fm"[speaker % 2],
        }
        for speaker in range(speakers)
        for emotion in emotions
        for take in range(takes)
    ]
    metadata = {"name": "tiny-clips", "version": "1.0", "emotions": list(emotions)}
    return PreparedClips(pd.DataFrame(rows), metadata, source="tiny-clips")


def make_features(
    clips: PreparedClips,
    copies: int = 3,
    informative: float = 0.6,
    strength: float = 2.5,
    identity: float = 0.5,
    nuisance: float = 0.3,
    dims=DIMS,
    seed: int = 0,
) -> FeatureSet:
    """Features of which each modality shows the emotion in the share `informative` of the clips.

    In the other clips a modality shows neutral or another emotion. Every speaker adds something of
    its own, the same in all modalities; every modality has nuisances of its own (such as light or
    pitch); the rest is noise, some of it anew in every copy.
    """
    rng = np.random.default_rng(seed)
    count, classes = len(clips), len(clips.emotions)
    neutral = clips.emotions.index("neutral") if "neutral" in clips.emotions else 0
    person = rng.normal(size=(clips.subject_ids.max() + 1, 4))[clips.subject_ids]  # (N, 4)
    features = {}
    for modality, dim in dims.items():
        shown = clips.labels.copy()
        kind = rng.random(count)
        misled = kind >= (1 + informative) / 2
        shown[(kind >= informative) & ~misled] = neutral
        shown[misled] = rng.integers(classes, size=misled.sum())
        signal = strength * rng.normal(size=(classes, dim))[shown] / np.sqrt(2)  # (N, D)
        voice = identity * person @ rng.normal(size=(4, dim))
        light = nuisance * rng.normal(size=(count, 6)) @ rng.normal(size=(6, dim))
        clip = signal + voice + light + rng.normal(size=(count, dim))
        again = rng.normal(0, 0.7, (count, 1 + copies, dim))
        again[:, 0] = 0
        features[modality] = torch.from_numpy(clip[:, None] + again).float()
    return FeatureSet(
        features,
        clips=clips.table["clip"].tolist(),
        fingerprint=clips.fingerprint(),
        backbones={modality: f"synthetic-{modality}" for modality in dims},
        settings={"seed": seed},
    )
