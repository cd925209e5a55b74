"""How much of the training speed does everything beside the network cost?

    python -m benchmarks.pipeline [DATA.parquet] [--size 48] [--device cpu]

`fit` is pre-training as the course does it (`fermodels.training.fit`: loader, copy, augmentation,
its loop, history); `resident` is a plain loop over the same network and loss on a few batches that
are in memory, augmented already. They run in turn, one step each, so that a noisy machine disturbs
both alike; `fit / resident` is the median of the pairs' ratios, in wall time and in CPU seconds. A
third step, taken apart, gives the shares, and steps of `fit` with a loss that asks nothing those of
the loop. Without a file, images of noise in the shape of one (subject, session) group are used.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import Clock, print_table, row
from fermodels.data import (
    EXPRESSIONS,
    VIEWS,
    Augment,
    ImageDataset,
    PreparedImages,
    SubjectBatchSampler,
    encode_image,
    loader,
)
from fermodels.losses import MultiViewContrastiveLoss
from fermodels.models import ImageEncoder, ProjectionHead

WARM_UP = 2  # first steps that are not counted
PARTS = ("copy", "augmentation", "encoder and head", "loss", "optimiser")


def synthetic(subjects: int = 28, size: int = 96) -> PreparedImages:
    """Noise in the shape of KDEF, one session: what is in the pictures does not matter here."""
    import pandas as pd

    noise = np.random.default_rng(0).integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    blobs = [encode_image(image, quality=50) for image in noise]
    rows = [
        (blobs[v], f"s{s}", e, view, 45.0 * v - 90, 0.0, "A", f"s{s}-{e}")
        for s in range(subjects)
        for e in EXPRESSIONS[:7]
        for v, view in enumerate(VIEWS)
    ]
    names = ["image", "subject", "expression", "view", "yaw", "pitch", "session", "instance"]
    return PreparedImages(pd.DataFrame(rows, columns=names), {"name": "synthetic"})


def fit_steps(
    dataset: ImageDataset,
    encoder: torch.nn.Module,
    steps: int,
    device: str,
    seed: int = 0,
    between: Callable[[], None] = lambda: None,
    learns: bool = True,
) -> list[tuple[float, float]]:
    """Wall and CPU seconds of each step of `fermodels.training.fit`, without the first ones.

    What `between` does after every step is not counted. Where nothing is learned, the images are
    fetched and left alone: what remains is the engine's own work.
    """
    from fermodels.methods import CLMEx
    from fermodels.training import Callback, fit

    clock = Clock(device)
    times: list[tuple[float, float]] = []

    class Idle(CLMEx):
        def batch_loss(self, batch, generator) -> torch.Tensor:
            return next(self.projection.parameters()).sum()

    class Watch(Callback):
        def on_step_end(self, *_) -> None:
            times.append(clock())
            between()
            clock()

    batches = loader(dataset, SubjectBatchSampler(dataset, seed=seed))
    kind = "cuda" if device.startswith("cuda") else "cpu"
    fit(
        (CLMEx if learns else Idle)(encoder, seed=seed),
        batches,
        max_steps=WARM_UP + steps,
        callbacks=[Watch()],
        accelerator=kind,
        progress=False,
    )
    encoder.to(device).train()
    return times[WARM_UP:]


class Loop:
    """The plain loop: a step on batches that are in memory, and a step in parts."""

    def __init__(self, dataset: ImageDataset, encoder: torch.nn.Module, device: str) -> None:
        self.device = torch.device(device)
        self.model = torch.nn.Sequential(encoder, ProjectionHead(encoder.feature_dim))
        self.model.to(self.device).train()
        self.loss = MultiViewContrastiveLoss(temperature=0.15)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        self.augment = Augment.mild(encoder.image_size)
        self.batches = loader(dataset, SubjectBatchSampler(dataset))
        self.source = iter(self.batches)
        self.memory, self.steps = [], 0
        for _ in range(min(3, len(self.batches))):
            batch = self._load()
            self.memory.append((self.augment(batch["image"]).images, batch["instance"]))

    def _embed(self, images: torch.Tensor) -> torch.Tensor:
        # As `fit` does it: bfloat16 on CUDA, float32 on CPU.
        on_cuda = self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=on_cuda):
            return self.model(images)

    def _load(self) -> dict[str, torch.Tensor]:
        batch = next(self.source, None)
        if batch is None:
            self.source = iter(self.batches)
            batch = next(self.source)
        return {key: batch[key].to(self.device, non_blocking=True) for key in ("image", "instance")}

    def resident(self) -> tuple[float, float]:
        """Wall and CPU seconds of one step on a batch that is in memory."""
        clock = Clock(self.device)
        images, instance = self.memory[self.steps % len(self.memory)]
        self.steps += 1
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(self._embed(images), instance).backward()
        self.optimizer.step()
        return clock()

    def in_parts(self) -> list[tuple[float, float]]:
        """Wall and CPU seconds of `PARTS`."""
        clock = Clock(self.device)
        batch = self._load()
        copy = clock()
        images = self.augment(batch["image"]).images
        augmented = clock()
        self.optimizer.zero_grad(set_to_none=True)
        z = self._embed(images)
        forward = clock()
        leaf = z.detach().requires_grad_()
        self.loss(leaf, batch["instance"]).backward()
        loss = clock()
        z.backward(leaf.grad)
        backward = clock()
        self.optimizer.step()
        network = forward[0] + backward[0], forward[1] + backward[1]
        return [copy, augmented, network, loss, clock()]


def run(quick: bool, data: Path | None = None, size: int = 48, device: str | None = None) -> dict:
    """Rows: images/s of both, their ratio, and the shares of a step in milliseconds."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    steps = 2 if quick else 50
    if data is not None:
        prepared = PreparedImages.read(data)
    else:
        prepared = synthetic(7, 32) if quick else synthetic()
    dataset = ImageDataset(prepared)
    torch.manual_seed(0)
    encoder = ImageEncoder("small", image_size=16 if quick else size)
    loop = Loop(dataset, encoder, device)
    resident: list[tuple[float, float]] = []
    parts: list[list[tuple[float, float]]] = []

    def others() -> None:
        resident.append(loop.resident())
        parts.append(loop.in_parts())

    times = {
        "fit": fit_steps(dataset, encoder, steps, device, between=others),
        "resident": resident[WARM_UP:],
    }
    count = len(loop.memory[0][0])
    rows = [
        row(name, [count / seconds for seconds, _ in taken], "images/s")
        for name, taken in times.items()
    ]
    for at, kind in enumerate(("wall", "CPU")):
        pairs = zip(times["resident"], times["fit"], strict=True)
        rows.append(row(f"fit / resident, {kind}", [100 * a[at] / b[at] for a, b in pairs], "%"))
    shares = [[1e3 * part[at][0] for part in parts[WARM_UP:]] for at in range(len(PARTS))]
    rows += [row(name, values, "ms") for name, values in zip(PARTS, shares, strict=True)]
    idle = fit_steps(dataset, encoder, steps, device, learns=False)
    copy = float(np.median(shares[0]))
    rows.append(row("loop and history", [1e3 * wall - copy for wall, _ in idle], "ms"))
    return {
        "rows": rows,
        "images a batch": count,
        "source pixels": prepared.image_size[0],
        "network pixels": encoder.image_size,
        "device": device,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pipeline", description=__doc__.split("\n")[0]
    )
    parser.add_argument("data", nargs="?", type=Path, help="prepared file; default: synthetic")
    parser.add_argument("--size", type=int, default=48, help="side of the network's input, px")
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    print_table(run(options.quick, options.data, options.size, options.device))


if __name__ == "__main__":
    main()
