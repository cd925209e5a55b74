"""The study of notebook 06: every combination of ConCluGen's tasks, on unseen speakers.

    python -m studies.clips_study --results weights/conclugen-anny-clips/results

Pre-trains with each combination of tasks, without labels, on the training speakers; then trains a
classifier on all of them or on 10 %, and writes what the clips of the test speakers were taken
for. Beside it a video SimCLR, ConCluGen on two modalities, the same network from scratch, and
single modalities. Three seeds: a seed draws the weights, the order, the copies, and the labelled
speakers. Finished runs are kept, so an interrupted study of the same data, features and settings
goes on where it stopped.

Settings are chosen with `--split val`, which asks about the validation speakers in place of the
test speakers and never looks at those.
"""

from __future__ import annotations

import argparse
import json
import shutil
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fermodels import evaluation
from fermodels._shared.digests import json_digest
from fermodels._shared.files import replacing
from fermodels._shared.workers import in_processes
from fermodels.data import MODALITIES, FeatureSet, PreparedClips, compute_features
from fermodels.methods.conclugen import TASKS
from fermodels.training.recipes import clips as clip_recipes

FRACTIONS = (1.0, 0.1)
SEEDS = (0, 1, 2)
COPIES = 8  # augmented ones of each clip
DATA = "data/anny_clips.parquet"
FEATURES = Path("runs/clips/features.safetensors")
RESULTS = Path("weights/conclugen-anny-clips/results")


class Method(NamedTuple):
    """tasks () and no SimCLR is training from scratch; `used`, what the classifier sees."""

    name: str
    tasks: tuple[str, ...] = ()
    modalities: tuple[str, ...] = MODALITIES
    simclr: bool = False
    used: tuple[str, ...] | None = None
    fractions: tuple[float, ...] = FRACTIONS


def methods() -> list[Method]:
    tasks = TASKS
    subsets = [s for size in (1, 2) for s in combinations(tasks, size)]
    return [
        Method("from scratch"),
        Method("SimCLR, video", modalities=("video",), simclr=True),
        *(Method(" + ".join(subset), subset) for subset in subsets),
        Method("ConCluGen, video + audio", tasks, ("video", "audio")),
        Method("ConCluGen, video + text", tasks, ("video", "text")),
        Method("ConCluGen", tasks),
        *(Method(f"from scratch, {m}", modalities=(m,), fractions=(1.0,)) for m in MODALITIES),
        *(Method(f"ConCluGen, then {m}", tasks, used=(m,), fractions=(1.0,)) for m in MODALITIES),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.clips_study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", default=DATA)
    parser.add_argument("--features", type=Path, default=FEATURES, help="made if not there")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--split", choices=("val", "test"), default="test")
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    names, only = [method.name for method in methods()], "only these, and only print their scores"
    parser.add_argument(
        "--methods", nargs="+", choices=names, default=names, metavar="NAME", help=only
    )
    options = parser.parse_args()

    clips = PreparedClips.read(options.clips)
    features = stored_features(clips, options.features, options.jobs)
    made_of = [clips.fingerprint(), clip_recipes.features_digest(features), recipe_settings()]
    digest = json_digest(made_of)
    folder = options.results / f"predictions-{options.split}-{digest[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    parts = run(options, folder)
    chosen = [method for method in methods() if method.name in options.methods]
    predictions = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
    scores = score(predictions, clips, chosen, options.split)
    if len(chosen) < len(methods()):
        print(summary(scores).to_string())
        return
    predictions.to_parquet(options.results / "predictions.parquet", index=False)
    scores.to_csv(options.results / "scores.csv", index=False)
    made = {
        "command": "python -m studies.clips_study",
        "split": options.split,
        "data": clips.fingerprint(),
        "backbones": features.backbones,
        "num_augmentations": features.num_augmentations,
        "speakers": {
            part: int(clips.table["subject"].iloc[rows].nunique())
            for part, rows in clips.split("subject", seed=0).items()
        },
        "seeds": list(SEEDS),
        "recipes": recipe_settings(),
    }
    (options.results / "study.json").write_text(json.dumps(made, indent=1) + "\n")
    shutil.rmtree(folder)
    print(summary(scores).to_string())


def stored_features(clips: PreparedClips, path: Path, jobs: int) -> FeatureSet:
    """The features in this file, which is made first if it is not there."""
    if path.exists():
        features = FeatureSet.read(path)
        features.check(clips)
        return features
    path.parent.mkdir(parents=True, exist_ok=True)
    return compute_features(clips, path, num_augmentations=COPIES, jobs=jobs)


def recipe_settings() -> dict:
    """The constants of `clip_recipes` that the results depend on."""
    names = ("EPOCHS", "SPEAKERS_PER_BATCH", "STEPS", "TASK_WEIGHTS", "PRETRAINING", "SIMCLR")
    names += ("FROM_SCRATCH", "PRETRAINED")
    return {name.lower(): getattr(clip_recipes, name) for name in names}


def run(options: argparse.Namespace, folder: Path) -> list[Path]:
    """The files with the predictions of the chosen methods, in the folder; made or found there."""
    runs = [(m, s) for m in methods() if m.name in options.methods for s in SEEDS]
    tasks = ((options.clips, options.features, options.split, m, s, folder) for m, s in runs)
    for count, (number, found) in enumerate(in_processes(one_run, tasks, options.jobs), 1):
        method, seed = runs[number]
        shares = ", ".join(f"{f:.0%} → {a:.1%}" for f, a in found.items())
        print(f"{count:2d}/{len(runs)} {method.name}, seed {seed}: {shares}", flush=True)
    return sorted(_part(folder, method, seed) for method, seed in runs)


def _part(folder: Path, method: Method, seed: int) -> Path:
    return folder / f"{method.name.replace(' ', '_')}-{seed}.parquet"


def one_run(data, stored, split: str, method: Method, seed: int, folder: Path) -> dict:
    """Pre-train, classify; writes the predictions, returns the accuracy at each fraction."""
    clips, features = _read(data, stored)
    part = _part(folder, method, seed)
    if not part.exists():
        rows = clips.split("subject", seed=0)
        encoder = pretrained(clips, features, rows["train"], method, seed)
        tables = []
        for fraction in method.fractions:
            labelled = evaluation.label_fraction(clips, rows["train"], fraction, seed)
            classifier = clip_recipes.train_clip_classifier(
                features,
                clips,
                labelled,
                encoder=encoder,
                modalities=method.used or method.modalities,
                seed=seed,
                progress=False,
                accelerator="cpu",
            )
            asked = rows[split]
            predicted, _ = classifier.predict(features, asked)
            tables.append(
                pd.DataFrame(
                    {
                        "method": method.name,
                        "fraction": fraction,
                        "seed": seed,
                        "index": asked,
                        "clip": clips.table["clip"].to_numpy()[asked],
                        "predicted": predicted,
                    }
                )
            )
        with replacing(part) as temporary:
            pd.concat(tables).to_parquet(temporary, index=False)
    table = pd.read_parquet(part)
    hit = table["predicted"] == clips.labels[table["index"]]
    return hit.groupby(table["fraction"]).mean().to_dict()


def pretrained(clips: PreparedClips, features: FeatureSet, rows, method: Method, seed: int):
    """The encoder that `method` pre-trains on these rows; None where it trains from scratch."""
    options = {
        "modalities": method.modalities,
        "speakers": clips.subject_ids,
        "seed": seed,
        "progress": False,
        "accelerator": "cpu",
    }
    if method.simclr:
        return clip_recipes.pretrain_video_simclr(features, rows, **options)[0]
    if method.tasks:
        return clip_recipes.pretrain_clips(features, rows, tasks=method.tasks, **options)[0]
    return None


def score(predictions: pd.DataFrame, clips: PreparedClips, chosen, split: str) -> pd.DataFrame:
    """A row a run: what it was given, and how good it is on the clips that it was asked about."""
    rows = []
    for method in chosen:
        mine = predictions[predictions["method"] == method.name]
        for (fraction, seed), table in mine.groupby(["fraction", "seed"]):
            truth = clips.labels[table["index"]]
            given = {
                "method": method.name,
                "modalities": "+".join(method.used or method.modalities),
                "tasks": "+".join(method.tasks),
                "fraction": fraction,
                "seed": seed,
                "split": split,
            }
            rows.append(
                given | evaluation.classification_scores(truth, table["predicted"].to_numpy())
            )
    return pd.DataFrame(rows)


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Weighted F1 in per cent, mean and deviation over the seeds, by method and fraction."""
    scores = scores.assign(weighted_f1=100 * scores["weighted_f1"])
    grouped = scores.groupby(["method", "fraction"], sort=False)["weighted_f1"]
    return grouped.agg(["mean", "std"]).unstack().round(1)


@lru_cache(maxsize=1)
def _read(data: str, stored: Path) -> tuple[PreparedClips, FeatureSet]:
    return PreparedClips.read(data), FeatureSet.read(stored)


if __name__ == "__main__":
    main()
