"""Pre-trainings of the study: every method three times, from new weights, on as many images.

    python -m studies.study_pretrain

On the training people of the KDEF-shaped Anny Views, with the recipes' settings; a method's
augmentation is chosen first, then the size of its batches, by what a linear probe reads on
validation people; with `--settings`, they are those of another study. Writes the encoders to
`runs/study/`, the choices and the probes to
`weights/clmex-anny-views/results/study_pretrain.csv`. Finished trainings are loaded, not repeated.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from fermodels._shared.workers import in_processes
from fermodels.data import Augment
from fermodels.models import ImageEncoder
from fermodels.models.saving import weights_digest
from fermodels.training import recipes
from fermodels.training.hardware import fast_precision
from studies.pretrain import RESULTS
from studies.search import AUGMENTS as SOME
from studies.study_methods import METHODS, PRETRAININGS, STUDY, read
from studies.validation import probe_accuracy

IMAGES_SEEN = 147_000
AUGMENTS = SOME | {"strong": Augment.strong}
BATCHES = (245, 105)  # images: 7 or 3 sessions; SimCLR takes half as many, twice each


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.study_pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="data/anny_views_kdef.parquet")
    parser.add_argument("--encoders", type=Path, default=STUDY)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--settings", type=Path,
                        help="table of a study to take the choices of")  # fmt: skip
    parser.add_argument("--images-seen", type=int, default=IMAGES_SEEN)
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    methods = [name for name, method in METHODS.items() if method.pretraining]
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    options = parser.parse_args()

    options.results.mkdir(parents=True, exist_ok=True)
    if options.settings:
        tried, known = [], kept_in(options.settings, options.methods)
    else:
        tried = tries(options)
        known = best(tried)
    chosen = [known[name] for name in options.methods]
    final = [
        (row["method"], seed, row["augment"], row["batch_size"])
        for seed in range(PRETRAININGS)
        for row in chosen
    ]
    table = pd.DataFrame(tried + run(final, options, keep=True))
    table.to_csv(options.results / "study_pretrain.csv", index=False, float_format="%.5g")


def tries(options: argparse.Namespace) -> list[dict]:
    """Every augmentation, and then every size of the batches with the best of them."""
    tried = run(
        [(name, 0, augment, BATCHES[0]) for name in options.methods for augment in AUGMENTS],
        options,
    )
    first = best(tried)
    return tried + run(
        [
            (name, 0, first[name]["augment"], size)
            for name in options.methods
            for size in BATCHES[1:]
        ],
        options,
    )


def kept_in(settings: Path, methods: list[str]) -> dict[str, dict]:
    """By method, what another study has kept.

    Raises:
        ValueError: it has nothing of one of the methods.
    """
    made = pd.read_csv(settings)
    known = {row["method"]: row for row in made[made["kept"]].to_dict("records")}
    if missing := [name for name in methods if name not in known]:
        raise ValueError(f"{settings} has kept no pre-training of {', '.join(missing)}")
    return known


def best(tried: list[dict]) -> dict[str, dict]:
    """By method, what a probe reads best."""
    rows = sorted(tried, key=lambda row: row["probe"])  # stable: of equals the last
    return {row["method"]: row for row in rows}


def run(trainings: list[tuple], options: argparse.Namespace, keep: bool = False) -> list[dict]:
    """What came of each training."""
    tasks = (
        (options.data, options.encoders, *training, options.images_seen, keep)
        for training in trainings
    )
    rows: list[dict] = []
    for _, row in in_processes(pretrained, tasks, options.jobs):
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        rows.append(row)
    return rows


def pretrained(
    data: str,
    encoders: Path,
    name: str,
    seed: int,
    augment: str,
    batch_size: int,
    images_seen: int,
    keep: bool = True,
) -> dict:
    """One pre-training, in a run folder; `keep` saves the encoder as `encoders/METHOD-SEED`."""
    prepared, method = read(data), METHODS[name]
    split = prepared.split("subject", seed=0)
    stem = f"{method.key}-{seed}"
    encoder, history = recipes.pretrain(
        method.pretraining,
        prepared,
        split["train"],
        images_seen=images_seen,
        batch_size=batch_size,
        seed=seed,
        run_dir=encoders / "runs" / f"{stem}-{augment}-{batch_size}",
        epoch_steps=100,
        augment=AUGMENTS[augment],
        precision=fast_precision("cpu"),
        accelerator="cpu",
        progress=False,
    )
    kept = {}
    if keep:
        encoder.save_pretrained(encoders / stem)
        kept["digest"] = weights_digest(ImageEncoder.from_pretrained(encoders / stem))
    return {
        "method": name,
        "seed": seed,
        "augment": augment,
        "batch_size": batch_size,
        "images_seen": images_seen,
        "loss": float(history["loss"].tail(50).mean()),
        "probe": probe_accuracy(encoder, prepared, split["train"], split["val"]),
        "kept": keep,
    } | kept


if __name__ == "__main__":
    main()
