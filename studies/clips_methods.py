"""What the study of clips compares, on whom, and on which features."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fermodels._shared.tasks import TASKS
from fermodels.data import MODALITIES, PreparedClips, clean_batch
from fermodels.features import FeatureSet, compute_features
from fermodels.methods import ConCluGen
from fermodels.models import MultiModalEncoder
from fermodels.training import Callback
from fermodels.training.recipes import clips as clip_recipes

DATA = "data/anny_clips.parquet"
FEATURES = Path("runs/clips/features.safetensors")
RESULTS = Path("weights/conclugen-anny-clips/results")
COPIES = 8  # augmented ones of each clip
FRACTIONS = (1.0, 0.1)
FOLDS = 5
SHUFFLES = 20  # of labels, for what clusters say by chance


class Method(NamedTuple):
    """`tasks` () without SimCLR is no pre-training; `used`, what the classifier sees."""

    name: str
    tasks: tuple[str, ...] = ()
    modalities: tuple[str, ...] = MODALITIES
    simclr: bool = False
    linear: bool = False  # logistic regression on the raw features
    used: tuple[str, ...] | None = None
    fractions: tuple[float, ...] = FRACTIONS

    @property
    def family(self) -> str:
        """Who shares settings of the classifier."""
        if self.linear:
            return "logistic regression"
        return "SimCLR" if self.simclr else "ConCluGen" if self.tasks else "from scratch"

    @property
    def sees(self) -> tuple[str, ...]:
        """The modalities that the classifier sees."""
        return self.used or self.modalities


def methods() -> list[Method]:
    subsets = [s for size in (1, 2) for s in combinations(TASKS, size)]
    alone = {"fractions": (1.0,)}
    return [
        Method("logistic regression", linear=True),
        Method("from scratch"),
        Method("SimCLR, video", modalities=("video",), simclr=True),
        *(Method(" + ".join(subset), subset) for subset in subsets),
        Method("ConCluGen, video + audio", TASKS, ("video", "audio")),
        Method("ConCluGen, video + text", TASKS, ("video", "text")),
        Method("ConCluGen", TASKS),
        *(
            Method(f"logistic regression, {m}", linear=True, modalities=(m,), **alone)
            for m in MODALITIES
        ),
        *(Method(f"ConCluGen, then {m}", TASKS, used=(m,), **alone) for m in MODALITIES),
    ]


def baselines() -> list[str]:
    """The methods on all modalities that ConCluGen is to be better than, but for its own tasks."""
    return [m.name for m in methods() if not m.tasks and m.fractions == FRACTIONS]


def recipe_settings() -> dict:
    """The constants of `clip_recipes` that the pre-trainings depend on."""
    names = ("EPOCHS", "SPEAKERS_PER_BATCH", "TASK_WEIGHTS", "PRETRAINING", "SIMCLR")
    return {name.lower(): getattr(clip_recipes, name) for name in names}


def folds(clips: PreparedClips) -> list[dict[str, np.ndarray]]:
    """{"train", "test"} → rows, for each fold: everybody is a test speaker once.

    The first fold's test speakers are those of the split that ships, so nobody of them was asked
    when settings were chosen. The others are dealt out evenly.
    """
    subjects = clips.table["subject"].to_numpy()
    first = clips.split("subject", seed=0)["test"]
    rest = np.setdiff1d(np.unique(subjects), np.unique(subjects[first]))
    dealt = np.array_split(np.random.default_rng(0).permutation(rest), FOLDS - 1)
    parts = [np.isin(subjects, people) for people in (np.unique(subjects[first]), *dealt)]
    return [{"train": np.flatnonzero(~part), "test": np.flatnonzero(part)} for part in parts]


def stored_features(clips: PreparedClips, path: Path, jobs: int) -> FeatureSet:
    """The features in this file, which is made first if it is not there."""
    if path.exists():
        features = FeatureSet.read(path)
        features.check(clips)
        return features
    path.parent.mkdir(parents=True, exist_ok=True)
    return compute_features(clips, path, num_augmentations=COPIES, jobs=jobs)


def with_text_of(features: FeatureSet, clips: PreparedClips, rows: np.ndarray) -> FeatureSet:
    """The features with those of the text by a backbone that is fitted on these rows.

    Those of faces and voices are by backbones that have seen nobody of the data set.
    """
    text = compute_features(
        clips,
        video=None,
        audio=None,
        num_augmentations=features.num_augmentations,
        train_indices=rows,
        progress=False,
    )
    return FeatureSet(
        {**features.features, "text": text.features["text"]},
        features.present,
        clips=features.clips,
        fingerprint=features.fingerprint,
        backbones={**features.backbones, "text": text.backbones["text"]},
        settings=features.settings,
    )


class _Keep(Callback):
    """The learner itself, which knows clusters; the recipes return its encoder."""

    def on_train_end(self, learner, history) -> None:
        self.learner = learner


def pretrained(
    clips: PreparedClips,
    features: FeatureSet,
    rows: np.ndarray,
    method: Method,
    seed: int,
    **options,
) -> tuple[MultiModalEncoder | None, ConCluGen | None]:
    """Encoder and learner that `method` pre-trains on these rows; None where it does not."""
    keep = _Keep()
    options = {
        "modalities": method.modalities,
        "speakers": clips.subject_ids,
        "seed": seed,
        "progress": False,
        "accelerator": "cpu",
        "callbacks": [keep],
    } | options
    if method.simclr:
        return clip_recipes.pretrain_video_simclr(features, rows, **options)[0], None
    if method.tasks:
        encoder, _ = clip_recipes.pretrain_clips(features, rows, tasks=method.tasks, **options)
        return encoder, keep.learner
    return None, None


def cluster_scores(
    learner: ConCluGen, clips: PreparedClips, features: FeatureSet, rows: np.ndarray
) -> dict[str, float]:
    """What the clusters of these clips have to do with emotion and speaker, beside chance."""
    from sklearn.metrics import normalized_mutual_info_score as nmi

    modalities = learner.encoder.modalities
    cluster = learner.assign_clusters(*clean_batch(features, rows, modalities)).numpy()
    emotion, speaker = clips.labels[rows], clips.subject_ids[rows]
    rng = np.random.default_rng(0)

    def shuffled(labels):
        return float(np.mean([nmi(rng.permutation(labels), cluster) for _ in range(SHUFFLES)]))

    return {
        "clusters in use": len(np.unique(cluster)),
        "NMI emotion": float(nmi(emotion, cluster)),
        "NMI emotion, shuffled": shuffled(emotion),
        "NMI speaker": float(nmi(speaker, cluster)),
        "NMI speaker, shuffled": shuffled(speaker),
    }
