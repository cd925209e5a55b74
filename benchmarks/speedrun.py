"""Time to quality: from new weights to an encoder from which a linear probe reads the expression.

    python -m benchmarks speedrun

Pre-trains CL-MEx without labels on the training people of `data/anny_views_kdef.parquet`, once with
the recipe of the first release, for twenty minutes, and once with that of today. A linear probe
on validation people is read again and again; its time does not count. Both run with the threads
that PyTorch takes by itself. `seconds to X %` is the first reading of at least X, in seconds of
training; today's recipe is also asked for what the first one has at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.timing import Row, print_table, row
from fermodels import evaluation
from fermodels.data import Augment, ImageDataset, PreparedImages
from fermodels.training import recipes
from fermodels.training.hardware import fast_precision

DATA = Path("data/anny_views_kdef.parquet")
MINUTES = 20  # of the first release's recipe
IMAGES = 220_500  # of today's
BATCH = 245  # images, of seven sessions
TODAY: dict[str, Any] = {"groups_per_batch": 3}  # beside `recipes.PRETRAINING`
QUALITIES = (0.4, 0.5, 0.6, 0.7, 0.75, 0.8)
FIRST_RELEASE: dict[str, Any] = {
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "weight_decay": 1e-4,
    "augment": Augment,
    "precision": "32-true",
}


def run(quick: bool) -> dict[str, Any]:
    """Rows: seconds to each quality, what is reached at the end, images a second, per recipe."""
    prepared = PreparedImages.read(DATA)
    today = TODAY | {"precision": fast_precision("cpu")}
    names = {"first release": FIRST_RELEASE, "today": today}
    rows: list[Row] = []
    curves, last = {}, None
    for name, settings in names.items():
        images = IMAGES
        if quick:
            images = 2 * BATCH
        elif name == "first release":
            images = _images_in(60 * MINUTES, prepared, settings)
        curve = trained(prepared, images, every=1 if quick else 60, **settings)
        qualities = dict.fromkeys(QUALITIES if last is None else (*QUALITIES, last["probe"]))
        rows += summary(name, curve, qualities)
        curves[name], last = curve, curve[-1]
    result = {"rows": rows, "curves": curves, "threads": torch.get_num_threads()}
    print_table({key: value for key, value in result.items() if key != "curves"})
    return result


def summary(name: str, curve: list[dict[str, float]], qualities) -> list[Row]:
    end = curve[-1]
    rows = [row(f"{name}: probe at the end", [end["probe"]], "accuracy, 0…1")]
    rows.append(row(f"{name}: images", [end["images"] / end["seconds"]], "images/s"))
    for quality in qualities:
        reached = [point["seconds"] for point in curve if point["probe"] >= quality]
        if reached:
            rows.append(row(f"{name}: to {100 * quality:.1f} %", reached[:1], "seconds"))
    return rows


def trained(
    prepared: PreparedImages, images: int, every: int, **settings: Any
) -> list[dict[str, float]]:
    """The curve of one training: steps, images, seconds without the readings, loss, probe.

    Args:
        images: seen in all.
        every: steps between two readings.
        settings: of `recipes.pretrain`, in place of its own.
    """
    split = prepared.split("subject", seed=0)
    data = ImageDataset(prepared, split["train"], size=64)
    asked: list[tuple[float, float]] = []  # when a reading ended, and how long it took
    probe = probe_of(prepared, split)

    def validate(encoder: torch.nn.Module) -> dict[str, float]:
        start = time.perf_counter()
        accuracy = probe(encoder)
        asked.append((accuracy, time.perf_counter() - start))
        return {"probe": accuracy}

    _, history = recipes.pretrain(
        "clmex",
        data,
        images_seen=images,
        epoch_steps=every,
        validate=validate,
        validate_every=1,
        accelerator="cpu",
        progress=False,
        **settings,
    )
    each = images / len(history)
    read = history.dropna(subset=["probe"])
    # A step's clock stops before the reading that follows it.
    waited = np.concatenate([[0.0], np.cumsum([seconds for _, seconds in asked])[:-1]])
    return [
        {
            "step": int(read_at["step"]),
            "images": float(read_at["step"] * each),
            "seconds": float(read_at["seconds"] - before),
            "loss": float(read_at["loss"]),
            "probe": float(read_at["probe"]),
        }
        for (_, read_at), before in zip(read.iterrows(), waited, strict=True)
    ]


def probe_of(prepared: PreparedImages, split: dict) -> Callable[[torch.nn.Module], float]:
    """Accuracy on validation people, by a third of the training images."""
    fitted, asked = split["train"][::3], split["val"]

    def probe(encoder: torch.nn.Module) -> float:
        return evaluation.linear_probe(
            evaluation.embed(encoder, prepared, fitted),
            prepared.labels[fitted],
            evaluation.embed(encoder, prepared, asked),
            prepared.labels[asked],
        ).accuracy

    return probe


def _images_in(seconds: float, prepared: PreparedImages, settings: dict[str, Any]) -> int:
    """How many images this recipe trains on in so much time, by a short training."""
    steps = 24
    curve = trained(prepared, steps * BATCH, every=steps // 2, **settings)
    half, whole = curve[0], curve[-1]
    pace = (whole["images"] - half["images"]) / (whole["seconds"] - half["seconds"])
    return BATCH * max(1, round(pace * seconds / BATCH))
