"""What frozen encoders know of unseen subjects: linear and neighbour probes, view invariance.

    python -m studies.frozen

Asks the shipped encoders and an untrained one about the test subjects of the KDEF-shaped Anny
Views and writes `probe.csv` and `invariance.csv` to `weights/clmex-anny-views/results/`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from fermodels import evaluation
from fermodels.data import PreparedImages
from fermodels.models import ImageEncoder
from studies.pretrain import LARGE, RESULTS
from studies.validation import STUDIO

TRAINED = {
    "SimCLR": Path("weights/simclr-anny-views"),
    "CL-MEx": Path("weights/clmex-anny-views"),
    "CL-MEx, 96 px": LARGE,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.frozen",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=STUDIO)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)

    prepared = PreparedImages.read(options.data)
    trained = {name: ImageEncoder.from_pretrained(folder) for name, folder in TRAINED.items()}
    torch.manual_seed(0)
    encoders = {"untrained": ImageEncoder(**trained["CL-MEx"].config)} | trained
    split = prepared.split("subject", seed=0)
    asked = [ask(name, encoder, prepared, split) for name, encoder in encoders.items()]
    options.results.mkdir(parents=True, exist_ok=True)
    tables = {
        "probe.csv": [row for probes, _ in asked for row in probes],
        "invariance.csv": [report for _, report in asked],
    }
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(options.results / name, index=False)


def ask(
    name: str,
    encoder: ImageEncoder,
    prepared: PreparedImages,
    split: Mapping[str, np.ndarray],
) -> tuple[list[dict], dict]:
    """Accuracies of the probes, a row each, and the view-invariance report."""
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


if __name__ == "__main__":
    main()
