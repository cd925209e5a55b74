"""The study of notebooks 03 and 04: label budgets, probes and view invariance on unseen subjects.

    python -m studies.study

Reads two shipped encoders, fine-tunes them and trains the same network from scratch with 100 to
5 % of the training subjects labelled and three seeds, and writes what the test subjects were taken
for to `weights/clmex-anny-views/results/`; then asks them frozen, and the encoder for larger images
too. A seed draws the labelled subjects, the new weights, the order and the augmentation; the
pre-trained encoders are one each. Finished fine-tunings are kept, so an interrupted study goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd
import torch

from fermodels import evaluation
from fermodels._shared.files import replacing
from fermodels._shared.workers import in_processes
from fermodels.data import PreparedImages
from fermodels.models import ImageEncoder
from fermodels.training import recipes
from studies.pretrain import LARGE, RESULTS
from studies.report import accuracies
from studies.study_methods import read

# From scratch still gains where CL-MEx, which starts ahead, no longer does; SimCLR gains like it.
STEPS = {1.0: 800, 0.5: 400, 0.2: 300, 0.1: 100, 0.05: 100}
STEPS_FROM_SCRATCH = {1.0: 3000, 0.5: 1500, 0.2: 1000, 0.1: 500, 0.05: 500}
SEEDS = (0, 1)
SLOW = ("from scratch", "SimCLR")
METHODS = {"from scratch": None, "SimCLR": "simclr-anny-views", "CL-MEx": "clmex-anny-views"}
FROZEN = {name: METHODS[name] for name in ("SimCLR", "CL-MEx")} | {"CL-MEx, 96 px": LARGE.name}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="data/anny_views_kdef.parquet")
    parser.add_argument("--weights", type=Path, default=Path("weights"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, help="fine-tune only these, for now"
    )
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)

    folder = options.results / "predictions"
    folder.mkdir(exist_ok=True)
    fine_tune(options, folder)
    if options.methods:
        return
    prepared = PreparedImages.read(options.data)
    split = prepared.split("subject", seed=0)
    study_frozen(options, prepared, split)
    parts = sorted(folder.glob("*.parquet"))
    pd.concat([pd.read_parquet(part) for part in parts]).to_parquet(
        options.results / "predictions.parquet", index=False
    )
    for part in parts:
        part.unlink()
    folder.rmdir()
    made = {
        "command": "python -m studies.study",
        "data": prepared.fingerprint(),
        "subjects": {k: int(prepared.table.loc[v, "subject"].nunique()) for k, v in split.items()},
        "steps": {str(fraction): steps for fraction, steps in STEPS.items()},
        "steps_from_scratch": {str(f): steps for f, steps in STEPS_FROM_SCRATCH.items()},
        "steps_from_scratch_for": SLOW,
        "seeds": list(SEEDS),
    }
    (options.results / "steps.json").write_text(json.dumps(made, indent=1))
    print(summary(prepared, options.results).to_string())


def fine_tune(options: argparse.Namespace, folder: Path) -> None:
    runs = [(m, f, s) for f in STEPS for s in SEEDS for m in options.methods or METHODS]
    starts = {m: name and options.weights / name for m, name in METHODS.items()}
    tasks = ((options.data, starts[m], m, f, s, folder) for m, f, s in runs)
    for count, (number, accuracy) in enumerate(in_processes(finetuned, tasks, options.jobs), 1):
        method, fraction, seed = runs[number]
        print(
            f"{count:2d}/{len(runs)} {method:12s} {fraction:4.0%} seed {seed}: "
            f"{accuracy:.1%} of the test images",
            flush=True,
        )


def study_frozen(options: argparse.Namespace, prepared: PreparedImages, split: dict) -> None:
    trained = {
        name: ImageEncoder.from_pretrained(options.weights / folder)
        for name, folder in FROZEN.items()
    }
    torch.manual_seed(0)
    clmex = trained["CL-MEx"]
    frozen = {"untrained": ImageEncoder(clmex.name, image_size=clmex.image_size)} | trained
    tables = [frozen_encoder(name, encoder, prepared, split) for name, encoder in frozen.items()]
    probes = pd.DataFrame([row for probes, _ in tables for row in probes])
    probes.to_csv(options.results / "probe.csv", index=False)
    reports = pd.DataFrame([row for _, row in tables])
    reports.to_csv(options.results / "invariance.csv", index=False)


def frozen_encoder(name, encoder, prepared, split) -> tuple[list[dict], dict]:
    """Probes and the view-invariance report of a frozen encoder on the test subjects."""
    train, test = split["train"], split["test"]
    x_train = evaluation.embed(encoder, prepared, train)
    x_test = evaluation.embed(encoder, prepared, test)
    views = prepared.table.loc[test, "view"].to_numpy()
    y_train, y_test = prepared.labels[train], prepared.labels[test]
    probes = []
    for kind, probe in (("linear", evaluation.linear_probe), ("knn", evaluation.knn)):
        predicted = probe(x_train, y_train, x_test, y_test).predictions
        accuracy = evaluation.per_view_accuracy(y_test, predicted, views)
        probes.append({"encoder": name, "kind": kind, **accuracy.to_dict()})
    report = evaluation.view_invariance(x_test, prepared.table.loc[test].reset_index(drop=True))
    return probes, {"encoder": name, **report.to_series().to_dict()}


def finetuned(data, start, method, fraction, seed, folder: Path) -> float:
    """Writes what one fine-tuned classifier takes the test images for; returns its accuracy."""
    prepared = read(data)
    path = folder / f"{method.replace(' ', '_')}-{fraction}-{seed}.parquet"
    if not path.exists():
        split = prepared.split("subject", seed=0)
        rows = split["train"]
        if fraction < 1:
            rows = evaluation.label_fraction(prepared, rows, fraction, seed)
        classifier = recipes.finetune(
            prepared,
            rows,
            encoder=start and ImageEncoder.from_pretrained(start),
            steps=(STEPS_FROM_SCRATCH if method in SLOW else STEPS)[fraction],
            seed=seed,
            progress=False,
        )
        predicted, _ = classifier.predict(prepared.images(split["test"]))
        table = pd.DataFrame({"method": method, "fraction": fraction, "seed": seed,
                              "index": split["test"], "predicted": predicted})  # fmt: skip
        with replacing(path) as temporary:
            table.to_parquet(temporary, index=False)
    table = pd.read_parquet(path)
    return float((prepared.labels[table["index"]] == table["predicted"]).mean())


def summary(prepared: PreparedImages, results: Path) -> pd.DataFrame:
    """Accuracy in per cent, mean and standard deviation over seeds, per method and budget."""
    frame = accuracies(prepared, results).drop(columns="seed").set_index(["fraction", "method"])
    frame = (frame * 100).groupby(level=["fraction", "method"])
    return frame.agg(["mean", "std"]).round(1)


if __name__ == "__main__":
    main()
