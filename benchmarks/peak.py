"""Which share of what the device's matrix multiplication can do does a training step reach?

    python -m benchmarks.peak [--device cpu]

On CUDA, a ResNet-18 at 96 pixels and a ResNet-50 at 224 train in bfloat16 mixed precision, as `fit`
does it, and are compared with square matrices in bfloat16 on the same card; on a CPU it is the
course's small encoder in float32. Operations are those of convolutions and matrix products, forward
and backward (`torch.utils.flop_counter`), two for a multiplication with its addition.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.timing import Row, in_turn, print_table, row
from fermodels.losses import MultiViewContrastiveLoss
from fermodels.models import ImageEncoder, ProjectionHead

# Encoder, pixels, images in a batch.
CASES = {"cuda": [("resnet18", 96, 980), ("resnet50", 224, 245)], "cpu": [("small", 48, 245)]}
SIDE = {"cuda": 8192, "cpu": 2048}  # of the matrices: large enough to fill the device


def run(quick: bool, device: str | None = None) -> dict:
    """Rows: operations/s of matrices; of each network, too, with images/s, share and memory."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    kind = torch.device(device).type
    dtype = torch.bfloat16 if kind == "cuda" else torch.float32
    scale, unit = (1e12, "TFLOP/s") if kind == "cuda" else (1e9, "GFLOP/s")
    rounds, side = (1, 256) if quick else (9, SIDE[kind])
    cases = [("small", 16, 20)] if quick else CASES[kind]

    a, b = torch.randn(2, side, side, device=device, dtype=dtype).unbind()
    steps: dict[str, Callable[[], object]] = {"matrices": lambda: a @ b}
    operations, memory = {"matrices": 2.0 * side**3}, {}
    for name, size, batch in cases:
        title = f"{name}, {size} px, {batch} images"
        before = torch.cuda.memory_allocated() if kind == "cuda" else 0
        steps[title] = training_step(name, size, batch, device)
        steps[title]()  # warms up
        if kind == "cuda":
            torch.cuda.reset_peak_memory_stats()
        with FlopCounterMode(display=False) as counter:
            steps[title]()
        operations[title] = float(counter.get_total_flops())
        if kind == "cuda":
            memory[title] = (torch.cuda.max_memory_allocated() - before) / 2**30
    steps["matrices"]()
    times = in_turn(steps, rounds, device)
    rate = {
        title: [operations[title] / seconds / scale for seconds, _ in values]
        for title, values in times.items()
    }
    rows: list[Row] = [row("matrices", rate["matrices"], unit)]
    for (_, _, batch), title in zip(cases, list(steps)[1:], strict=True):
        share = [100 * r / p for r, p in zip(rate[title], rate["matrices"], strict=True)]
        rows.append(row(title, rate[title], unit))
        rows.append(row(f"{title}: speed", [batch / s for s, _ in times[title]], "images/s"))
        rows.append(row(f"{title}: share of the matrices", share, "%"))
        if title in memory:
            rows.append(row(f"{title}: peak memory", [memory[title]], "GiB"))
    return {"rows": rows, "device": device, "precision": str(dtype).removeprefix("torch.")}


def training_step(name: str, size: int, batch: int, device: str) -> Callable[[], None]:
    """Forward, loss, backward and optimiser on one resident batch."""
    torch.manual_seed(0)
    encoder = ImageEncoder(name, image_size=size)
    model = torch.nn.Sequential(encoder, ProjectionHead(encoder.feature_dim)).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loss = MultiViewContrastiveLoss(0.15)
    images = torch.rand(batch, 3, size, size, device=device)
    instance = torch.arange(batch, device=device) // 5
    kind = torch.device(device).type

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            z = model(images)
        loss(z.float(), instance).backward()
        optimizer.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peak", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    print_table(run(options.quick, options.device))


if __name__ == "__main__":
    main()
