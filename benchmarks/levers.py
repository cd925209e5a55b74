"""What each setting does to the time to quality, one changed at a time.

    python -m benchmarks levers

Trains as `python -m benchmarks speedrun` does it, by `recipes.pretrain` as it is (seven sessions a
batch) and with one setting changed, each on equally many images (smaller ones: equal pixels), with
one thread. Two numbers a variant: the accuracy of the probe at the end, and the processor's seconds
of a thousand images, which other processes disturb less than the clock on the wall. One seed:
differences of a few points are luck.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.speedrun import BATCH, DATA, probe_of
from benchmarks.timing import Row, print_table, row
from fermodels.data import Augment, ImageDataset, PreparedImages
from fermodels.models import ImageEncoder
from fermodels.training import recipes
from fermodels.training.hardware import fast_precision

IMAGES = 360 * BATCH
FEW = ("happy", "surprised", "angry")
VARIANTS: dict[str, dict[str, Any]] = {
    "as the recipe has it": {},
    "AdamW": {"optimizer": "adamw", "learning_rate": 3e-3, "weight_decay": 1e-4},
    "AdamW, rate 1e-2": {"optimizer": "adamw", "learning_rate": 1e-2, "weight_decay": 1e-4},
    "rate 5e-3": {"learning_rate": 5e-3},
    "rate 2e-2": {"learning_rate": 2e-2},
    "augmentation default": {"augment": Augment},
    "temperature 0.1": {"temperature": 0.1},
    "2 sessions a batch": {"groups_per_batch": 2},
    "3 sessions a batch": {"groups_per_batch": 3},
    "4 sessions a batch": {"groups_per_batch": 4},
    "14 sessions a batch": {"groups_per_batch": 14},
    "32, then 48 pixels": {"stages": ({"side": 32, "share": 0.6}, {"share": 0.4})},
    "three expressions first": {"stages": ({"share": 0.3, "expressions": FEW}, {"share": 0.7})},
    "24 people": {"stages": ({"people": 24},)},
    "width 16": {"network": {"width": 16}},
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
            rows.append(row(name, [accuracy], "accuracy of the probe, 0…1"))
            rows.append(row(name, [seconds], "processor seconds / 1,000 images"))
            print(f"{name}: {accuracy:.3f}, {seconds:.2f} s / 1,000 images", flush=True)
    finally:
        torch.set_num_threads(threads)
    result = {"rows": rows, "images": IMAGES}
    print_table(result)
    return result


def trained(
    prepared: PreparedImages,
    split: dict,
    images: int,
    *,
    stages: Sequence[dict[str, Any]] = ({},),
    network: dict[str, Any] | None = None,
    **settings: Any,
) -> tuple[ImageEncoder, float]:
    """The encoder, and processor seconds a thousand images.

    Args:
        images: of 48 pixels in all; of smaller ones as many more as make the same pixels.
        stages: what is trained on, one after the other, each a cycle on the weights of the last:
            `side` in pixels, `share` of the images, `people` (so many), `expressions` (these).
        network: of the encoder.
        settings: of `recipes.pretrain`.
    """
    torch.manual_seed(0)
    encoder = ImageEncoder(**network or {})
    full = encoder.image_size
    seen, start = 0, time.process_time()
    for stage in stages:
        encoder.image_size = stage.get("side", full)  # the weights do not know it
        rows = chosen(prepared, split["train"], stage.get("people"), stage.get("expressions"))
        many = round(images * stage.get("share", 1.0) * (full / encoder.image_size) ** 2)
        encoder, _ = recipes.pretrain(
            "clmex",
            ImageDataset(prepared, rows, size=64),
            images_seen=many,
            encoder=encoder,
            epoch_steps=100,
            accelerator="cpu",
            progress=False,
            **{"precision": fast_precision("cpu")} | settings,
        )
        seen += many
    encoder.image_size = full
    return encoder, 1000 * (time.process_time() - start) / seen


def chosen(
    prepared: PreparedImages,
    rows: np.ndarray,
    people: int | None,
    expressions: Sequence[str] | None,
) -> np.ndarray:
    """Of these rows, those of the first people by name, and of these expressions; None for all."""
    table = prepared.table.iloc[rows]
    kept = np.ones(len(rows), bool)
    if people is not None:
        kept &= table["subject"].isin(sorted(table["subject"].unique())[:people]).to_numpy()
    if expressions is not None:
        kept &= table["expression"].isin(expressions).to_numpy()
    return rows[kept]
