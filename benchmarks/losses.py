"""Time and memory of the contrastive losses, side by side with the peers.

    python -m benchmarks.losses [--sizes 245 1024 4096] [--rounds 15] [--out losses.csv]

Two cases: `multi-view`, N images in instances of five views, against pytorch-metric-learning's
SupConLoss; `nt-xent`, N/2 images in two augmentations, against lightly's NTXentLoss and SupConLoss.
Each round runs every implementation once, in an order that changes with the round, so that a noisy
machine is equally noisy to all; the table gives medians. One run is the loss and its gradient with
respect to the embeddings. Peak memory is what the run has allocated at most beyond its inputs: on
CUDA from the allocator's counter, on CPU from the allocations that torch.profiler records.
"""

import argparse
import csv
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's chatter; read on torch's import

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from fermodels.losses import MultiViewContrastiveLoss, NTXentLoss  # noqa: E402

VIEWS = 5
MIB = 2**20


def implementations(case: str, num_images: int, temperature: float, device: torch.device):
    """Name → function of z (N, D), and the embeddings' first dimension N that suits the case."""
    from lightly.loss import NTXentLoss as LightlyNTXent
    from pytorch_metric_learning.losses import SupConLoss

    supcon = SupConLoss(temperature=temperature)
    if case == "multi-view":
        n = num_images // VIEWS * VIEWS
        instance = torch.arange(n, device=device) // VIEWS
        ours = MultiViewContrastiveLoss(temperature)
        return n, {
            "fermodels": lambda z: ours(z, instance),
            "pytorch-metric-learning": lambda z: supcon(z, instance),
        }
    n = num_images // 2 * 2
    image = torch.arange(n // 2, device=device).repeat(2)
    ours, lightly = NTXentLoss(temperature), LightlyNTXent(temperature=temperature)
    return n, {
        "fermodels": lambda z: ours(*z.chunk(2)),
        "lightly": lambda z: lightly(*z.chunk(2)),
        "pytorch-metric-learning": lambda z: supcon(z, image),
    }


def forward_backward(function: Callable[[Tensor], Tensor], z: Tensor) -> float:
    z.grad = None
    loss = function(z)
    loss.backward()
    return loss.item()  # waits for the device


def peak_bytes(function: Callable[[Tensor], Tensor], z: Tensor) -> int:
    """Most memory that one run holds at once beyond what was there before."""
    z.grad = None
    if z.is_cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        forward_backward(function, z)
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profiler:
        forward_backward(function, z)
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    changes = [e for e in events if e.get("name") == "[memory]"]
    held = most = 0
    for event in sorted(changes, key=lambda e: e["ts"]):
        held += event["args"]["Bytes"]
        most = max(most, held)
    return most


def measure(
    case: str, num_images: int, *, dim: int, temperature: float, rounds: int, device: torch.device
) -> list[dict]:
    """One row for each implementation: medians over `rounds` interleaved rounds."""
    n, functions = implementations(case, num_images, temperature, device)
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(n, dim, generator=generator).to(device).requires_grad_()

    losses = {name: forward_backward(f, z) for name, f in functions.items()}  # also warms up
    peaks = {name: peak_bytes(f, z) for name, f in functions.items()}
    times = {name: [] for name in functions}
    names = list(functions)
    for round_ in range(rounds):
        shift = round_ % len(names)
        for name in names[shift:] + names[:shift]:
            start = time.perf_counter()
            forward_backward(functions[name], z)
            times[name].append(1e3 * (time.perf_counter() - start))
    return [
        {
            "case": case,
            "images": n,
            "implementation": name,
            "median_ms": round(statistics.median(times[name]), 3),
            "fastest_ms": round(min(times[name]), 3),
            "peak_mib": round(peaks[name] / MIB, 2),
            "loss": round(losses[name], 5),
        }
        for name in names
    ]


def print_table(rows: Sequence[dict]) -> None:
    widths = {key: max(len(key), *(len(str(row[key])) for row in rows)) for key in rows[0]}
    print("  ".join(key.rjust(width) for key, width in widths.items()))
    for row in rows:
        print("  ".join(str(row[key]).rjust(width) for key, width in widths.items()))


def write_csv(rows: Sequence[dict], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, path)


def main(arguments: Sequence[str] | None = None) -> list[dict]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.losses", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--sizes", type=int, nargs="+", default=[245, 1024, 2048], metavar="N")
    parser.add_argument("--dim", type=int, default=128, help="size of an embedding")
    parser.add_argument("--temperature", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="also write the table to this CSV file")
    options = parser.parse_args(arguments)
    if min(options.sizes) < 2 * VIEWS:
        parser.error(f"--sizes must be at least {2 * VIEWS}: two instances of {VIEWS} views")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")

    device = torch.device(options.device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(
        f"torch {torch.__version__}, {where}, {torch.get_num_threads()} threads, "
        f"D = {options.dim}, median of {options.rounds} rounds",
        file=sys.stderr,
    )
    rows = [
        row
        for case in ("multi-view", "nt-xent")
        for size in options.sizes
        for row in measure(
            case,
            size,
            dim=options.dim,
            temperature=options.temperature,
            rounds=options.rounds,
            device=device,
        )
    ]
    print_table(rows)
    if options.out:
        write_csv(rows, options.out)
    return rows


if __name__ == "__main__":
    main()
