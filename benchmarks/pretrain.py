"""Pre-trains the encoders that ship with the course.

    python -m benchmarks.pretrain clmex --out weights/clmex-anny-views
    python -m benchmarks.pretrain simclr --out weights/simclr-anny-views --images-seen 560000

Trains on the training subjects of the KDEF-shaped Anny Views, without labels; every few epochs a
linear probe is fitted on training subjects and read on the validation subjects. Interrupted, the
same command goes on from the last epoch.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from fermodels import evaluate, recipes
from fermodels.encoders import ImageEncoder
from fermodels.prepared import PreparedImages

RESULTS = Path("weights/clmex-anny-views/results")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("method", choices=("clmex", "simclr"))
    parser.add_argument("--data", default="data/anny_views_kdef.parquet")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--runs", type=Path, default=Path("runs/pretrain"))
    parser.add_argument(
        "--images-seen",
        type=int,
        nargs="+",
        default=list(recipes.FULL_RUN),
        help="augmented images in each cycle of the learning rate",
    )
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--image-size", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    prepared = PreparedImages.read(options.data)
    split = prepared.split("subject", seed=0)
    torch.manual_seed(options.seed)
    encoder = ImageEncoder(options.encoder, image_size=options.image_size)
    histories: list[pd.DataFrame] = []
    for cycle, images_seen in enumerate(options.images_seen):
        # A later cycle starts from a trained encoder, so it climbs only half as high.
        peak = recipes.PRETRAINING[options.method]["learning_rate"] / (1 if cycle == 0 else 2)
        encoder, history = recipes.pretrain(
            options.method,
            prepared,
            split["train"],
            images_seen=images_seen,
            seed=options.seed + cycle,
            run_dir=options.runs / options.method / f"cycle{cycle}",
            encoder=encoder,
            learning_rate=peak,
            validate=probe_on_validation(prepared, split),
        )
        if histories:
            history[["step", "epoch"]] += histories[-1][["step", "epoch"]].iloc[-1]
        histories.append(history.assign(cycle=cycle))
    history = pd.concat(histories, ignore_index=True)
    encoder.save_pretrained(options.out, half=True)
    options.results.mkdir(parents=True, exist_ok=True)
    history.to_csv(options.results / f"history_{options.method}.csv", index=False)
    seen = " ".join(str(count) for count in options.images_seen)
    made = {
        "method": options.method,
        "images_seen": sum(options.images_seen),
        "cycles": options.images_seen,
        "seed": options.seed,
        "encoder": options.encoder,
        "image_size": options.image_size,
        "data": prepared.fingerprint(),
        "command": f"python -m benchmarks.pretrain {options.method} --out {options.out.as_posix()} "
        f"--images-seen {seen} --seed {options.seed}",
    }
    (options.results / f"pretrain_{options.method}.json").write_text(json.dumps(made, indent=1))
    print(history.tail(3).to_string(index=False))


def probe_on_validation(prepared: PreparedImages, split: dict[str, np.ndarray]):
    """A callback for `fit`: accuracy of a linear probe on the validation subjects."""
    rows = split["train"][::3]

    def validate(encoder: torch.nn.Module) -> dict[str, float]:
        probe = evaluate.linear_probe(
            evaluate.embed(encoder, prepared, rows),
            prepared.labels[rows],
            evaluate.embed(encoder, prepared, split["val"]),
            prepared.labels[split["val"]],
        )
        return {"probe_accuracy": probe.accuracy}

    return validate


if __name__ == "__main__":
    main()
