"""The study of notebook 11: every combination of ConCluGen's tasks, cross-validated over speakers.

    python -m studies.clips_study

Five folds, so that everybody is a test speaker once. In each, every combination of tasks is
pre-trained without labels on the other speakers, and a classifier is trained on all of them or on
10 % (two draws, the same for all methods), by settings that `python -m studies.clips_search`
has chosen by one rule for every method. Beside it: logistic regression on the raw features (its
regularisation by cross-validation over the labelled speakers), the same network from scratch, a
video SimCLR, ConCluGen on two modalities, and single modalities.

Written to the results: what each test clip was taken for, scores, how much the clusters say about
emotion (NMI, beside shuffled labels), and `study.json`. Finished runs are kept, so an interrupted
study of the same data, features and settings goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
from functools import lru_cache
from pathlib import Path

import pandas as pd

from fermodels import evaluation
from fermodels._shared.digests import json_digest
from fermodels._shared.files import replacing
from fermodels._shared.workers import in_processes
from fermodels.data import PreparedClips
from fermodels.features import FeatureSet
from fermodels.training.recipes import clips as clip_recipes
from studies.clips_methods import (
    DATA,
    FEATURES,
    RESULTS,
    Method,
    cluster_scores,
    folds,
    methods,
    pretrained,
    recipe_settings,
    stored_features,
    with_text_of,
)
from studies.clips_search import chosen_settings, fit_regression

DRAWS = (0, 1)  # of the labelled speakers, for the classifier; with all labels one is enough


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.clips_study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", default=DATA)
    parser.add_argument("--features", type=Path, default=FEATURES, help="made if not there")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    options = parser.parse_args()

    clips = PreparedClips.read(options.clips)
    features = stored_features(clips, options.features, options.jobs)
    settings = chosen_settings(options.results)
    made_of = [
        clips.fingerprint(),
        clip_recipes.features_digest(features),
        recipe_settings(),
        settings,
    ]
    folder = Path("runs/clips") / f"study-{json_digest(made_of)[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    runs = [(fold, m) for fold in range(len(folds(clips))) for m in methods()]
    tasks = ((options.clips, options.features, settings, fold, m, folder) for fold, m in runs)
    for count, (number, found) in enumerate(in_processes(one_run, tasks, options.jobs), 1):
        fold, method = runs[number]
        shares = ", ".join(f"{f:.0%} → {a:.1%}" for f, a in found.items())
        print(f"{count:3d}/{len(runs)} fold {fold}, {method.name}: {shares}", flush=True)
    parts = [_part(folder, *run) for run in runs]
    predictions = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
    scores = score(predictions, clips)
    clusters = [part.with_suffix(".json") for part in parts]
    clusters = [json.loads(path.read_text()) for path in clusters if path.exists()]
    options.results.mkdir(parents=True, exist_ok=True)
    predictions.to_parquet(options.results / "predictions.parquet", index=False)
    scores.to_csv(options.results / "scores.csv", index=False, float_format="%.5f")
    table = pd.DataFrame(clusters)
    table.to_csv(options.results / "clusters.csv", index=False, float_format="%.5f")
    made = {
        "command": "python -m studies.clips_study",
        "data": clips.fingerprint(),
        "backbones": features.backbones,
        "num_augmentations": features.num_augmentations,
        "folds": [
            {part: int(clips.table["subject"].iloc[rows].nunique()) for part, rows in fold.items()}
            for fold in folds(clips)
        ],
        "draws": list(DRAWS),
        "recipes": recipe_settings(),
        "settings": settings,
    }
    (options.results / "study.json").write_text(json.dumps(made, indent=1) + "\n")
    shutil.rmtree(folder)
    print(summary(scores).to_string())


def _part(folder: Path, fold: int, method: Method) -> Path:
    return folder / f"{method.name.replace(' ', '_')}-{fold}.parquet"


def one_run(data, stored, settings: dict, fold: int, method: Method, folder: Path) -> dict:
    """Pre-train, classify; writes the predictions, returns the accuracy at each fraction."""
    part = _part(folder, fold, method)
    clips, features = _read(data, stored, fold)
    if not part.exists():
        rows = folds(clips)[fold]
        encoder, learner = None, None
        if method.simclr or method.tasks:
            same = method._replace(name="", used=None, fractions=())
            encoder, learner = _pretrained(data, stored, fold, same)
        if learner is not None and "clustering" in method.tasks and method.used is None:
            found = {"method": method.name, "fold": fold}
            found |= cluster_scores(learner, clips, features, rows["test"])
            part.with_suffix(".json").write_text(json.dumps(found))
        tables = []
        for fraction in method.fractions:
            for draw in DRAWS[: 1 if fraction == 1 else None]:
                labelled = evaluation.label_fraction(clips, rows["train"], fraction, draw)
                if method.linear:
                    predict = fit_regression(features, clips, labelled, method.sees)
                else:
                    classifier = clip_recipes.train_clip_classifier(
                        features,
                        clips,
                        labelled,
                        encoder=encoder,
                        modalities=method.sees,
                        seed=draw,
                        progress=False,
                        accelerator="cpu",
                        **settings[method.family][f"{fraction:g}"],
                    )
                    predict = classifier.predict
                tables.append(
                    pd.DataFrame(
                        {
                            "method": method.name,
                            "fraction": fraction,
                            "fold": fold,
                            "seed": draw,
                            "index": rows["test"],
                            "clip": clips.table["clip"].to_numpy()[rows["test"]],
                            "predicted": predict(features, rows["test"])[0],
                        }
                    )
                )
        with replacing(part) as temporary:
            pd.concat(tables).to_parquet(temporary, index=False)
    table = pd.read_parquet(part)
    hit = table["predicted"] == clips.labels[table["index"]]
    return hit.groupby(table["fraction"]).mean().to_dict()


def score(predictions: pd.DataFrame, clips: PreparedClips) -> pd.DataFrame:
    """A row a classifier: what it was given, and how good it is on its test clips."""
    rows, by_name = [], {m.name: m for m in methods()}
    keys = ["method", "fraction", "fold", "seed"]
    for (name, fraction, fold, seed), table in predictions.groupby(keys, sort=False):
        method = by_name[name]
        given = {
            "method": name,
            "modalities": "+".join(method.sees),
            "tasks": "+".join(method.tasks),
            "fraction": fraction,
            "fold": fold,
            "seed": seed,
        }
        truth = clips.labels[table["index"]]
        rows.append(given | evaluation.classification_scores(truth, table["predicted"].to_numpy()))
    order = {name: number for number, name in enumerate(by_name)}
    return pd.DataFrame(rows).sort_values(
        ["method", "fraction", "fold", "seed"],
        key=lambda column: column.map(order) if column.name == "method" else column,
    )


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Weighted F1 in per cent, mean and deviation over folds and draws, by method and fraction."""
    scores = scores.assign(weighted_f1=100 * scores["weighted_f1"])
    grouped = scores.groupby(["method", "fraction"], sort=False)["weighted_f1"]
    return grouped.agg(["mean", "std"]).unstack().round(1)


@lru_cache(maxsize=1)
def _read(data: str, stored: Path, fold: int) -> tuple[PreparedClips, FeatureSet]:
    clips = PreparedClips.read(data)
    features = FeatureSet.read(stored)
    return clips, with_text_of(features, clips, folds(clips)[fold]["train"])


@lru_cache(maxsize=1)
def _pretrained(data: str, stored: Path, fold: int, method: Method):
    """Once for what a method is worth with all modalities and with one of them."""
    clips, features = _read(data, stored, fold)
    return pretrained(clips, features, folds(clips)[fold]["train"], method, seed=fold)


if __name__ == "__main__":
    main()
