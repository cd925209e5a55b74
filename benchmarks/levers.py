"""What each setting does to the time to quality, one changed at a time.

    python -m benchmarks levers

Trains as `python -m benchmarks speedrun` does it, with today's recipe and its variants, each on
equally many images (smaller images: equal pixels), with one thread. Two numbers a variant: the
accuracy of the probe at the end, and the processor's seconds of a thousand images, which other
processes disturb less than the clock on the wall. One seed: differences of a few points are luck.
"""

from __future__ import annotations

import time
from typing import Any

import torch

from benchmarks.speedrun import BATCH, DATA, probe_of
from benchmarks.timing import Row, print_table
from fermodels.data import Augment, ImageDataset, PreparedImages
from fermodels.models import ImageEncoder
from fermodels.training import recipes
from fermodels.training.hardware import fast_precision

IMAGES = 450 * BATCH
STAGES = "stages"  # (side in pixels, share of the images), one training after the other
PEOPLE, EXPRESSIONS = "people", "expressions"  # fewer of them
VARIANTS: dict[str, dict[str, Any]] = {
    "today's recipe": {},
    "AdamW": {"optimizer": "adamw", "learning_rate": 3e-3, "weight_decay": 1e-4},
    "AdamW, rate 1e-2": {"optimizer": "adamw", "learning_rate": 1e-2, "weight_decay": 1e-4},
    "rate 2.5e-3": {"learning_rate": 2.5e-3},
    "rate 1e-2": {"learning_rate": 1e-2},
    "warm-up 0.1": {"warmup": 0.1},
    "augmentation mild": {"augment": Augment.mild},
    "augmentation default": {"augment": Augment},
    "augmentation strong": {"augment": Augment.strong},
    "temperature 0.1": {"temperature": 0.1},
    "temperature 0.25": {"temperature": 0.25},
    "4 sessions a batch": {"groups_per_batch": 4},
    "14 sessions a batch": {"groups_per_batch": 14},
    "32, then 48 pixels": {STAGES: ((32, 0.6), (48, 0.4))},
    "24 people": {PEOPLE: 24},
    "width 16": {"network": {"width": 16}},
    "width 32": {"network": {"width": 32}},
    "group norm": {"network": {"norm": "group"}},
    "float32": {"precision": "32-true"},
}


def run(quick: bool) -> dict[str, Any]:
    """Rows: the probe's accuracy and processor seconds a thousand images, per variant."""
    prepared = PreparedImages.read(DATA)
    split = prepared.split("subject", seed=0)
    probe, threads = probe_of(prepared, split), torch.get_num_threads()
    torch.set_num_threads(1)
    rows: list[Row] = []
    try:
        for name, changed in VARIANTS.items():
            encoder, seconds = trained(prepared, split, 2 * BATCH if quick else IMAGES, **changed)
            accuracy = probe(encoder)
            rows.append(_row(name, accuracy, "accuracy of the probe, 0…1"))
            rows.append(_row(name, seconds, "processor seconds / 1,000 images"))
            print(f"{name}: {accuracy:.3f}, {seconds:.2f} s / 1,000 images", flush=True)
    finally:
        torch.set_num_threads(threads)
    result = {"rows": rows, "images": IMAGES}
    print_table(result)
    return result


def _row(name: str, value: float, unit: str) -> Row:
    return {"name": name, "value": value, "spread": 0.0, "unit": unit, "runs": 1}


def trained(
    prepared: PreparedImages,
    split: dict,
    images: int,
    *,
    stages: tuple[tuple[int, float], ...] = ((48, 1.0),),
    people: int | None = None,
    network: dict[str, Any] | None = None,
    **settings: Any,
) -> tuple[ImageEncoder, float]:
    """The encoder, and processor seconds a thousand images.

    Args:
        images: of 48 pixels in all; of smaller ones as many more as make the same pixels.
        stages: (side in pixels, share), each a cycle of its own, on the weights of the last.
        people: of the training people, only so many.
        network: of the encoder.
        settings: of `recipes.pretrain`.
    """
    rows = split["train"]
    if people is not None:
        names = sorted(prepared.table["subject"].iloc[rows].unique())[:people]
        rows = rows[prepared.table["subject"].iloc[rows].isin(names).to_numpy()]
    data = ImageDataset(prepared, rows, size=64)
    torch.manual_seed(0)
    encoder = ImageEncoder(image_size=stages[-1][0], **network or {})
    seen, start = 0, time.process_time()
    for side, share in stages:
        # The weights do not know the size of the images.
        encoder.image_size = side
        many = round(images * share * (stages[-1][0] / side) ** 2)
        encoder, _ = recipes.pretrain(
            "clmex",
            data,
            images_seen=many,
            encoder=encoder,
            epoch_steps=100,
            accelerator="cpu",
            progress=False,
            **{"precision": fast_precision("cpu")} | settings,
        )
        seen += many
    return encoder, 1000 * (time.process_time() - start) / seen
