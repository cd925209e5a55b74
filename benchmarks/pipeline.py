"""How much of the training speed does the data pipeline cost?

    python -m benchmarks.pipeline [DATA.parquet] [--steps 20] [--out pipeline.json]

Trains the same network with the same loss twice, step by step in turn, so that a noisy machine
disturbs both alike: (a) load a batch, augment it, train; (b) train on augmented batches that are
in memory already. Prints images/s of both, their ratio, and the milliseconds of each part.
Without a file, synthetic 96 px images in the shape of one (subject, session) group are used.
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from fermodels.augment import Augment
from fermodels.datasets import ImageDataset, SubjectBatchSampler, loader
from fermodels.encoders import ImageEncoder
from fermodels.heads import ProjectionHead
from fermodels.losses import MultiViewContrastiveLoss
from fermodels.prepared import EXPRESSIONS, VIEWS, PreparedImages, encode_image


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


class Clock:
    """Seconds since the last call; waits for the device, which works on while Python goes on."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.last = device, 0.0
        self()

    def __call__(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        passed, self.last = now - self.last, now
        return passed


def measure(prepared: PreparedImages, steps: int, size: int, device: str) -> dict:
    device = torch.device(device)
    torch.manual_seed(0)
    encoder = ImageEncoder("small", image_size=size)
    model = torch.nn.Sequential(encoder, ProjectionHead(encoder.feature_dim)).to(device).train()
    loss = MultiViewContrastiveLoss(temperature=0.15)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    augment = Augment.mild(size)
    dataset = ImageDataset(prepared)
    sampler = SubjectBatchSampler(dataset)
    batches = loader(dataset, sampler)

    def endless():
        for epoch in range(steps + 3):
            sampler.set_epoch(epoch)
            yield from batches

    def load(source) -> dict:
        batch = next(source)
        return {key: batch[key].to(device, non_blocking=True) for key in ("image", "instance")}

    def train(images: torch.Tensor, instance: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss(model(images), instance).backward()
        optimizer.step()

    source = endless()
    memory = []
    for _ in range(min(4, len(batches))):
        batch = load(source)
        memory.append((augment(batch["image"]).images, batch["instance"]))
    for _ in range(3):  # warm up
        train(*memory[0])

    times: dict[str, list[float]] = {"load": [], "augment": [], "train": [], "in_memory": []}
    clock = Clock(device)

    def with_pipeline() -> None:
        clock()
        batch = load(source)
        times["load"].append(clock())
        images = augment(batch["image"]).images
        times["augment"].append(clock())
        train(images, batch["instance"])
        times["train"].append(clock())

    def in_memory(step: int) -> None:
        clock()
        train(*memory[step % len(memory)])
        times["in_memory"].append(clock())

    for step in range(steps):
        # In turn also who goes first: the second of two steps finds warmer caches.
        if step % 2:
            in_memory(step)
            with_pipeline()
        else:
            with_pipeline()
            in_memory(step)

    count = len(memory[0][0])
    ms = {name: round(1e3 * statistics.median(values), 2) for name, values in times.items()}
    whole = [
        sum(parts) for parts in zip(times["load"], times["augment"], times["train"], strict=True)
    ]
    ratio = statistics.median(m / w for m, w in zip(times["in_memory"], whole, strict=True))
    return {
        "data": str(prepared.metadata["name"]),
        "images_per_batch": count,
        "source_px": list(prepared.image_size),
        "network_px": size,
        "device": torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"CPU ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "median_ms": ms,
        "pipeline_images_per_s": round(count / statistics.median(whole), 1),
        "in_memory_images_per_s": round(count / statistics.median(times["in_memory"]), 1),
        "ratio": round(ratio, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="?", type=Path, help="prepared file; default: synthetic")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--size", type=int, default=48, help="side of the network's input, px")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="write the result as JSON")
    args = parser.parse_args()
    prepared = PreparedImages.read(args.data) if args.data else synthetic()
    result = measure(prepared, args.steps, args.size, args.device)
    print(json.dumps(result, indent=2))
    print(f"pipeline / in memory: {100 * result['ratio']:.1f} %")
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
