"""Settings of the study of clips, by one rule for every method, on validation speakers.

    python -m studies.clips_search

On the training and validation speakers of the split that ships; nobody of the first fold's test
speakers is asked. For every family of methods (from scratch, SimCLR, ConCluGen) and share of labels
as many trials of the classifier, and two more for from scratch with all labels: the best mean
accuracy over draws of labelled speakers that the study does not use wins (`settings.csv` has all).
What was tried of the pre-training, one change at a time, goes to `tried.csv`, with a linear probe's
accuracy and how much the clusters say about emotion. Finished trials are kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fermodels import evaluation
from fermodels._shared.digests import json_digest
from fermodels._shared.files import replacing
from fermodels.data import PreparedClips
from fermodels.evaluation import embed_clips
from fermodels.features import FeatureSet
from fermodels.training.recipes import clips as clip_recipes
from studies.clips_methods import (
    DATA,
    FEATURES,
    FRACTIONS,
    RESULTS,
    Method,
    cluster_scores,
    methods,
    pretrained,
    recipe_settings,
    stored_features,
)

LABELS = (100, 101, 102)  # seeds of the draws that settings are chosen with
# Inverse strengths of logistic regression.
STRENGTHS = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
# Trials of the classifier, equally many for each family; from scratch gets two longer ones more
# with all labels, where its best is at the end of the grid.
FROM_SCRATCH = [
    {"learning_rate": rate, "steps": steps} for rate in (1e-3, 3e-3, 1e-2) for steps in (200, 600)
]
PRETRAINED: list[dict[str, Any]] = [
    {"learning_rate": 3e-3, "encoder_learning_rate": rate} for rate in (1e-4, 1e-3, 3e-3)
] + [
    {"probe_first": 0.01, "learning_rate": 1e-3, "encoder_learning_rate": rate}
    for rate in (1e-4, 3e-4, 1e-3)
]
LONGER_FROM_SCRATCH: list[dict[str, Any]] = [
    {"learning_rate": rate, "steps": 1200} for rate in (3e-3, 1e-2)
]
FAMILIES = {
    "from scratch": ("from scratch", FROM_SCRATCH),
    "SimCLR": ("SimCLR, video", PRETRAINED),
    "ConCluGen": ("ConCluGen", PRETRAINED),
}
# Changes of the pre-training, one at a time; an empty one is the recipe. `tasks` names a part.
TRIED: dict[str, dict[str, Any]] = {
    "as in the recipe": {},
    "contrastive alone": {"tasks": ("contrastive",)},
    "clustering alone": {"tasks": ("clustering",)},
    "clustering alone, by k-means": {
        "tasks": ("clustering",),
        "cluster_assignment": "kmeans",
        "queue_size": 1024,
    },
    "reconstruction alone": {"tasks": ("reconstruction",)},
    "reconstruction alone, each from itself": {
        "tasks": ("reconstruction",),
        "reconstruct_from": "own",
    },
    "clusters by k-means, with its queue": {"cluster_assignment": "kmeans", "queue_size": 1024},
    "equal size over a queue that is filled first": {"queue_size": 378, "fill_queue": True},
    "each modality to the centre (individual)": {"cluster_mode": "individual"},
    "each modality to the centre of the others (swapped)": {"cluster_mode": "swapped"},
    "clusters on the shared projection": {"cluster_projection": "shared"},
    "reconstruction of each from itself": {"reconstruct_from": "own"},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.clips_search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", default=DATA)
    parser.add_argument("--features", type=Path, default=FEATURES, help="made if not there")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--parts", nargs="+", choices=("settings", "tried"), default=["settings", "tried"]
    )
    options = parser.parse_args()

    clips = PreparedClips.read(options.clips)
    features = stored_features(clips, options.features, jobs=1)
    made_of = [clips.fingerprint(), clip_recipes.features_digest(features), recipe_settings()]
    folder = Path("runs/clips") / f"search-{json_digest(made_of)[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    if "settings" in options.parts:
        settings = [search(clips, features, name, folder) for name in FAMILIES]
        pd.concat(settings).to_csv(options.results / "settings.csv", index=False)
    if "tried" in options.parts:
        found = [
            _kept(folder / f"tried-{n}.csv", lambda c=c: [tried(clips, features, c)])
            for n, c in TRIED.items()
        ]
        found = pd.concat(found, keys=list(TRIED)).droplevel(1)
        found.to_csv(options.results / "tried.csv", index_label="change", float_format="%.5f")
        print(found.round(3).to_string())


def search(clips: PreparedClips, features: FeatureSet, family: str, folder: Path) -> pd.DataFrame:
    """All trials of a family: a row each, with its accuracy on the validation speakers."""
    name, trials = FAMILIES[family]
    longer = LONGER_FROM_SCRATCH if family == "from scratch" else []
    (method,) = (m for m in methods() if m.name == name)
    split = clips.split("subject", seed=0)

    def rows():
        encoder, _ = pretrained(clips, features, split["train"], method, seed=0)
        for fraction in FRACTIONS:
            for trial in trials + (longer if fraction == 1 else []):
                hits = [
                    accuracy(clips, features, encoder, method, fraction, seed, trial)
                    for seed in LABELS
                ]
                found = {"family": family, "fraction": fraction, "accuracy": np.mean(hits)} | trial
                print(found, flush=True)
                yield found

    return _kept(folder / f"settings-{family}.csv", rows)


def accuracy(clips, features, encoder, method: Method, fraction: float, seed: int, trial) -> float:
    """Of a classifier with these settings, on the validation speakers."""
    split = clips.split("subject", seed=0)
    classifier = clip_recipes.train_clip_classifier(
        features,
        clips,
        evaluation.label_fraction(clips, split["train"], fraction, seed),
        encoder=encoder,
        modalities=method.sees,
        seed=seed,
        progress=False,
        accelerator="cpu",
        **trial,
    )
    predicted, _ = classifier.predict(features, split["val"])
    return float(np.mean(predicted == clips.labels[split["val"]]))


def tried(clips: PreparedClips, features: FeatureSet, change: dict[str, Any]) -> dict[str, float]:
    """A pre-training with this change: what a linear probe reads, and what the clusters say."""
    split = clips.split("subject", seed=0)
    (full,) = (m for m in methods() if m.name == "ConCluGen")
    change = dict(change)
    method = full._replace(tasks=change.pop("tasks", full.tasks))
    encoder, learner = pretrained(clips, features, split["train"], method, seed=0, **change)
    found = {}
    for fraction in FRACTIONS:
        hits = [
            evaluation.linear_probe(
                embed_clips(encoder, features, labelled),
                clips.labels[labelled],
                embed_clips(encoder, features, split["val"]),
                clips.labels[split["val"]],
                C=0.01,
            ).accuracy
            for labelled in (
                evaluation.label_fraction(clips, split["train"], fraction, seed)
                for seed in (LABELS if fraction < 1 else LABELS[:1])
            )
        ]
        found[f"probe, {fraction:.0%}"] = np.mean(hits)
    if "clustering" in method.tasks:
        scores = cluster_scores(learner, clips, features, split["val"])
        found |= {name: scores[name] for name in ("NMI emotion", "NMI emotion, shuffled")}
    print(change or method.tasks, found, flush=True)
    return found


def chosen_settings(results: Path) -> dict[str, dict[str, dict]]:
    """family → share of labels → the settings of its best trial, of those that were searched."""
    table = pd.read_csv(results / "settings.csv")
    best = table.loc[table.groupby(["family", "fraction"])["accuracy"].idxmax()]
    found: dict[str, dict[str, dict]] = {}
    for row in best.drop(columns="accuracy").to_dict("records"):
        family, fraction = row.pop("family"), row.pop("fraction")
        settings = {name: value for name, value in row.items() if pd.notna(value)}
        if "steps" in settings:
            settings["steps"] = int(settings["steps"])
        found.setdefault(family, {})[f"{fraction:g}"] = settings
    return found


def fit_regression(
    features: FeatureSet, clips: PreparedClips, labelled: np.ndarray, modalities
) -> Callable:
    """`predict(features, rows)` of a logistic regression on the raw features of these clips.

    Its regularisation is the one that is best over folds of the labelled speakers.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def raw(rows):
        x = [features.clean(name, rows).double().numpy() for name in modalities]
        return np.concatenate(x, axis=1)

    speakers = clips.subject_ids[labelled]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(tol=1e-3, max_iter=1000)),
        {"logisticregression__C": list(STRENGTHS)},
        cv=GroupKFold(min(4, len(np.unique(speakers)))),
    )
    search.fit(raw(labelled), clips.labels[labelled], groups=speakers)
    return lambda _, rows: (search.predict(raw(rows)), None)


def _kept(path: Path, rows: Callable) -> pd.DataFrame:
    """The table in this file, or a new one of these rows, which is kept there."""
    if not path.exists():
        table = pd.DataFrame(rows())
        with replacing(path) as temporary:
            table.to_csv(temporary, index=False)
    return pd.read_csv(path)


if __name__ == "__main__":
    main()
