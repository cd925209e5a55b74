"""Pre-trains the encoders that ship with the course.

    python -m studies.pretrain clmex --out runs/mine --images-seen 560000 245000
    python -m studies.pretrain clmex --out runs/mine --data runs/wide.parquet runs/studio.parquet \\
        --decoded runs/decoded --start weights/clmex-anny-views

The commands of the shipped ones are in the Makefile, under `weights`.

Trains without labels: on the training subjects of the KDEF-shaped Anny Views, or on all subjects of
other files, such as a wide set and more studio people. Every so many steps a linear probe is fitted
on training subjects of the KDEF-shaped set and read on its validation subjects, and faces of
another make are asked (`studies/validation.py`). Interrupted, the same command goes on from the
last epoch.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from fermodels.data import Augment, ImageDataset, PreparedImages
from fermodels.methods.base import OPTIMIZERS
from fermodels.models import ImageEncoder
from fermodels.models.saving import weights_digest
from fermodels.models.small_resnet import NORMS
from fermodels.training import recipes
from studies.validation import LONDON, SECOND, STUDIO, read_if_there, rows_to_train, validator

RESULTS = Path("weights/clmex-anny-views/results")
LARGE = Path("weights/clmex-anny-views-96px")  # goes on from the other, on larger images
EARLY = Path("weights/clmex-anny-views-early")  # some minutes from new weights
# What the options of the recipe are by default; None is what `recipes.PRETRAINING` says.
ENCODER = {"encoder": "small", "width": 24, "norm": "batch"}
LEARNING = {"groups_per_batch": 7, "batch_by": "session", "temperature": None,
            "learning_rate": None, "projection_dim": None, "precision": None,
            "optimizer": "adamw"}  # fmt: skip
# Its peaks in the method's first cycle; with Muon, what `recipes.PRETRAINING` says.
ADAMW = {"clmex": 3e-3, "simclr": 2e-3}
POOL = {"data": [STUDIO], "subjects": None, "start": None, "decoded_size": None}
AUGMENT = {
    "default": Augment,
    "mild": Augment.mild,
    "strong": Augment.strong,
    "wide": Augment.wide,
}


def main() -> None:
    options = parsed()
    studio = PreparedImages.read(options.studio)
    split = studio.split("subject", seed=0)
    parts = [PreparedImages.read(path) for path in options.data]
    pool = parts[0] if len(parts) == 1 else PreparedImages.concat(parts)
    rows = rows_to_train(pool, studio, split, options.subjects)
    data = ImageDataset(pool, rows, size=options.decoded_size, folder=options.decoded)
    print(f"{len(data):,} images of {people(data):,} people to train on", flush=True)
    second, london = read_if_there(options.second), read_if_there(options.london)
    encoder, history = trained(options, data, validator(studio, split, second, london))

    encoder.save_pretrained(options.out, half=True)
    options.results.mkdir(parents=True, exist_ok=True)
    history.to_csv(
        options.results / f"history_{options.method}.csv", index=False, float_format="%.5g"
    )
    about = made(options, data, parts, encoder)
    (options.results / f"pretrain_{options.method}.json").write_text(json.dumps(about, indent=1))
    print(history.tail(3).to_string(index=False))


def parsed() -> argparse.Namespace:
    """The options, with one value a cycle where there can be several."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("method", choices=("clmex", "simclr"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--runs", type=Path, default=Path("runs/pretrain"))
    parser.add_argument("--seed", type=int, default=0)
    pool = parser.add_argument_group("what is trained on")
    pool.add_argument(
        "--data", type=Path, nargs="+", help="files of images, all of their subjects together"
    )
    pool.add_argument("--subjects", type=int, help="so many of them only")
    pool.add_argument("--decoded", type=Path, metavar="FOLDER", help="keep decoded images there")
    pool.add_argument(
        "--decoded-size", type=int, metavar="PIXELS", help="resized when they are decoded"
    )
    asked = parser.add_argument_group("what is asked while it trains; no test subjects are")
    asked.add_argument("--studio", type=Path, default=STUDIO)
    asked.add_argument("--second", type=Path, default=SECOND)
    asked.add_argument("--london", type=Path, default=LONDON)
    asked.add_argument("--epoch-steps", type=int, default=250, help="steps between two checkpoints")
    asked.add_argument("--validate-every", type=int, default=2, help="epochs")
    recipe = parser.add_argument_group("the recipe, see studies/ablation.py")
    recipe.add_argument(
        "--images-seen",
        type=int,
        nargs="+",
        default=[560_000],
        help="augmented images in each cycle of the learning rate",
    )
    recipe.add_argument("--start", type=Path, metavar="FOLDER", help="an encoder to go on from")
    recipe.add_argument("--encoder", help="small, or a network of torchvision such as resnet18")
    recipe.add_argument(
        "--image-size", type=int, nargs="+", help="pixels, one or one a cycle; default 48"
    )
    recipe.add_argument("--width", type=int, help="of the small encoder")
    recipe.add_argument("--norm", choices=NORMS, help="of the small encoder")
    recipe.add_argument("--groups-per-batch", type=int, help="sessions to a batch")
    recipe.add_argument("--batch-by", choices=("session", "instance"))
    recipe.add_argument(
        "--augment", nargs="+", choices=AUGMENT, default=["default"], help="one, or one a cycle"
    )
    recipe.add_argument("--temperature", type=float)
    recipe.add_argument(
        "--learning-rate", type=float, help="peak of the first cycle, later ones have half of it"
    )
    recipe.add_argument("--projection-dim", type=int)
    recipe.add_argument("--optimizer", choices=OPTIMIZERS)
    recipe.add_argument("--precision", help="of the computation, such as bf16-mixed")
    parser.set_defaults(**ENCODER, **LEARNING, **POOL)
    options = parser.parse_args()
    if options.start is not None:
        if changed := _changed(options, ENCODER):
            parser.error(f"--start has a network of its own: leave {', '.join(changed)} out")
        if not options.start.is_dir():
            parser.error(f"there is no folder {options.start} to start from")
    if options.image_size is None:
        config = {} if options.start is None else json.loads(
            (options.start / "config.json").read_text()
        )  # fmt: skip
        options.image_size = [config.get("image_size", 48)]
    for name in ("augment", "image_size"):
        given = getattr(options, name)
        if len(given) not in (1, len(options.images_seen)):
            parser.error(
                f"{len(given)} values of {name} for {len(options.images_seen)} cycles: give one "
                "for all of them, or one for each"
            )
        if len(given) == 1:
            setattr(options, name, given * len(options.images_seen))
    return options


def trained(
    options: argparse.Namespace, data: ImageDataset, validate: Any
) -> tuple[ImageEncoder, pd.DataFrame]:
    """The encoder after all cycles, and their history."""
    settings = dict(recipes.PRETRAINING[options.method])
    if options.optimizer == "adamw":
        adamw = {"learning_rate": ADAMW[options.method], "weight_decay": 1e-4}
        settings |= adamw | {"optimizer": "adamw"}
    settings |= _changed(options, LEARNING)
    peak = settings.pop("learning_rate")
    encoder = first_encoder(options)
    histories: list[pd.DataFrame] = []
    for cycle, (images_seen, augment, size) in enumerate(
        zip(options.images_seen, options.augment, options.image_size, strict=True)
    ):
        # A later cycle starts from a trained encoder, so it climbs only half as high.
        height = peak if cycle == 0 else peak / 2
        encoder, history = recipes.pretrain(
            options.method,
            data,
            images_seen=images_seen,
            seed=options.seed + cycle,
            run_dir=options.runs / options.method / f"cycle{cycle}",
            encoder=resized(encoder, size),
            learning_rate=height,
            epoch_steps=options.epoch_steps,
            validate=validate,
            validate_every=options.validate_every,
            **settings | {"augment": AUGMENT[augment]},
        )
        if histories:
            history[["step", "epoch"]] += histories[-1][["step", "epoch"]].iloc[-1]
        histories.append(history.assign(cycle=cycle))
    return encoder, pd.concat(histories, ignore_index=True)


def first_encoder(options: argparse.Namespace) -> ImageEncoder:
    if options.start is not None:
        return ImageEncoder.from_pretrained(options.start)
    torch.manual_seed(options.seed)
    return ImageEncoder(
        options.encoder,
        image_size=options.image_size[0],
        width=options.width,
        norm=options.norm,
    )


def resized(encoder: ImageEncoder, size: int) -> ImageEncoder:
    """The same weights for images of another size."""
    if size == encoder.image_size:
        return encoder
    other = ImageEncoder(**encoder.config | {"image_size": size})
    other.load_state_dict(encoder.state_dict())
    return other


def made(
    options: argparse.Namespace,
    data: ImageDataset,
    parts: Sequence[PreparedImages],
    encoder: ImageEncoder,
) -> dict[str, Any]:
    """How it was made, as JSON."""
    changed = _changed(options, ENCODER | LEARNING)
    seen = " ".join(str(count) for count in options.images_seen)
    flags = f" --augment {' '.join(options.augment)}"
    if set(options.image_size) != {48}:
        flags += f" --image-size {' '.join(str(size) for size in options.image_size)}"
    for name, value in (changed | _changed(options, POOL)).items():
        text = " ".join(map(_text, value)) if isinstance(value, list) else _text(value)
        flags += f" --{name.replace('_', '-')} {text}"
    start = options.start and weights_digest(ImageEncoder.from_pretrained(options.start))
    return {
        "method": options.method,
        "images_seen": sum(options.images_seen),
        "cycles": options.images_seen,
        "augment": options.augment,
        "seed": options.seed,
        "encoder": encoder.name,
        "parameters": sum(p.numel() for p in encoder.parameters()),
        "image_size": options.image_size[-1],
        "recipe": changed,
        "data": data.prepared.fingerprint(),
        "pools": [
            {name: part.metadata.get(name, "") for name in ("name", "command")} for part in parts
        ],
        "people": people(data),
        "start": options.start and options.start.as_posix(),
        "start_digest": start,
        "command": f"python -m studies.pretrain {options.method} --out {options.out.as_posix()} "
        f"--images-seen {seen} --seed {options.seed}{flags}",
    }


def people(data: ImageDataset) -> int:
    return len(data.columns["subject"].unique())


def _text(value: Any) -> str:
    return value.as_posix() if isinstance(value, Path) else str(value)


def _changed(options: argparse.Namespace, defaults: dict[str, Any]) -> dict[str, Any]:
    """Those of the options that are not what they are by default."""
    return {name: v for name in defaults if (v := getattr(options, name)) != defaults[name]}


if __name__ == "__main__":
    main()
