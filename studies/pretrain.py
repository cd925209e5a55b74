"""Pre-trains the encoders that ship with the course.

    python -m studies.pretrain clmex --out weights/clmex-anny-views \\
        --images-seen 560000 245000 490000 --augment default default mild
    python -m studies.pretrain simclr --out weights/simclr-anny-views

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

from fermodels import evaluation
from fermodels.data import Augment, PreparedImages
from fermodels.models import ImageEncoder
from fermodels.training import recipes

RESULTS = Path("weights/clmex-anny-views/results")
LARGE = Path("weights/clmex-anny-views-96px")  # after two cycles more on larger images
# What the options of the recipe are by default; None is what `recipes.PRETRAINING` says.
ENCODER = {"encoder": "small", "width": 24}
LEARNING = {"groups_per_batch": 7, "temperature": None, "learning_rate": None,
            "projection_dim": None}  # fmt: skip
AUGMENT = {"default": Augment, "mild": Augment.mild, "strong": Augment.strong}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
        default=[560_000],
        help="augmented images in each cycle of the learning rate",
    )
    parser.add_argument("--seed", type=int, default=0)
    recipe = parser.add_argument_group("the recipe, see studies/ablation.py")
    recipe.add_argument("--encoder")
    recipe.add_argument(
        "--image-size", type=int, nargs="+", default=[48], help="pixels, one or one a cycle"
    )
    recipe.add_argument("--width", type=int, help="of the small encoder")
    recipe.add_argument("--groups-per-batch", type=int, help="sessions to a batch")
    recipe.add_argument(
        "--augment", nargs="+", choices=AUGMENT, default=["default"], help="one, or one a cycle"
    )
    recipe.add_argument("--temperature", type=float)
    recipe.add_argument("--learning-rate", type=float, help="peak of the first cycle")
    recipe.add_argument("--projection-dim", type=int)
    parser.set_defaults(**ENCODER, **LEARNING)
    options = parser.parse_args()
    for name in ("augment", "image_size"):
        given = getattr(options, name)
        if len(given) not in (1, len(options.images_seen)):
            parser.error(
                f"{len(given)} values of {name} for {len(options.images_seen)} cycles: give one "
                "for all of them, or one for each"
            )
        if len(given) == 1:
            setattr(options, name, given * len(options.images_seen))
    recipe = ENCODER | LEARNING
    changed = {name: getattr(options, name) for name in recipe}
    changed = {name: value for name, value in changed.items() if value != recipe[name]}

    prepared = PreparedImages.read(options.data)
    split = prepared.split("subject", seed=0)
    torch.manual_seed(options.seed)
    encoder = ImageEncoder(options.encoder, image_size=options.image_size[0], width=options.width)
    settings = recipes.PRETRAINING[options.method] | {
        name: value for name, value in changed.items() if name in LEARNING
    }
    learning_rate = settings.pop("learning_rate")
    histories: list[pd.DataFrame] = []
    for cycle, (images_seen, augment, size) in enumerate(
        zip(options.images_seen, options.augment, options.image_size, strict=True)
    ):
        if size != encoder.image_size:
            weights = encoder.state_dict()
            encoder = ImageEncoder(options.encoder, image_size=size, width=options.width)
            encoder.load_state_dict(weights)
        # A later cycle starts from a trained encoder, so it climbs only half as high.
        peak = learning_rate / (1 if cycle == 0 else 2)
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
            **settings | {"augment": AUGMENT[augment]},
        )
        if histories:
            history[["step", "epoch"]] += histories[-1][["step", "epoch"]].iloc[-1]
        histories.append(history.assign(cycle=cycle))
    history = pd.concat(histories, ignore_index=True)
    encoder.save_pretrained(options.out, half=True)
    options.results.mkdir(parents=True, exist_ok=True)
    history.to_csv(options.results / f"history_{options.method}.csv", index=False)
    seen = " ".join(str(count) for count in options.images_seen)
    flags = f" --augment {' '.join(options.augment)}"
    if set(options.image_size) != {48}:
        flags += f" --image-size {' '.join(str(size) for size in options.image_size)}"
    flags += "".join(f" --{name.replace('_', '-')} {value}" for name, value in changed.items())
    made = {
        "method": options.method,
        "images_seen": sum(options.images_seen),
        "cycles": options.images_seen,
        "augment": options.augment,
        "seed": options.seed,
        "encoder": options.encoder,
        "image_size": options.image_size[-1],
        "recipe": changed,
        "data": prepared.fingerprint(),
        "command": f"python -m studies.pretrain {options.method} --out {options.out.as_posix()} "
        f"--images-seen {seen} --seed {options.seed}{flags}",
    }
    (options.results / f"pretrain_{options.method}.json").write_text(json.dumps(made, indent=1))
    print(history.tail(3).to_string(index=False))


def probe_on_validation(prepared: PreparedImages, split: dict[str, np.ndarray]):
    """A callback for `fit`: accuracy of a linear probe on the validation subjects."""
    rows = split["train"][::3]

    def validate(encoder: torch.nn.Module) -> dict[str, float]:
        probe = evaluation.linear_probe(
            evaluation.embed(encoder, prepared, rows),
            prepared.labels[rows],
            evaluation.embed(encoder, prepared, split["val"]),
            prepared.labels[split["val"]],
        )
        return {"probe_accuracy": probe.accuracy}

    return validate


if __name__ == "__main__":
    main()
