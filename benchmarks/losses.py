"""Time and memory of the contrastive losses, side by side with the peers.

    python -m benchmarks.losses [--sizes 512 2560 8192] [--rounds 7] [--out losses.json]
    python -m benchmarks.losses --quick                       two small sizes, three rounds, and
                                                              memory of the larger one alone
    python -m benchmarks.losses --switch [--sizes 1024 4096]  what other tiles would cost

Three cases: `multi-view`, N images in instances of five views, against pytorch-metric-learning's
SupConLoss; `nt-xent`, N/2 images in two augmentations, against lightly's NTXentLoss and SupConLoss;
`multi-modal`, N clips of two modalities, against the whole matrix in plain PyTorch (what CLIP does)
and, on CUDA where it is installed (`pip install inf-cl`), inf-cl.

Each round runs every implementation once, in an order that changes with the round, so that a noisy
machine is equally noisy to all; the table gives medians. One run is the loss and its gradient with
respect to the embeddings. CPU seconds are those of all threads. On the CPU all of it is timed once
more, `--tries` times, while as many other processes spin as `--busy` says. `memory` is what one run
needs at most beyond its inputs, and `process` the most that its process ever held, Python and
PyTorch included: on the CPU measured in a process of its own for each run, on CUDA from the
allocator's counter.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.machine import busy, resident_bytes
from benchmarks.timing import in_turn
from fermodels.losses import (
    MultiModalContrastiveLoss,
    MultiViewContrastiveLoss,
    NTXentLoss,
    tiles,
    unit_vectors,
)
from fermodels.losses.threads import threads_for

VIEWS = 5
IMPLEMENTATIONS = {
    "multi-view": ("fermodels", "pytorch-metric-learning"),
    "nt-xent": ("fermodels", "lightly", "pytorch-metric-learning"),
    "multi-modal": ("fermodels", "whole matrix", "inf-cl"),
}
# A matrix of twice as many rows takes pytorch-metric-learning some 40 GB.
MATRIX_UP_TO = 16_384
MIB = 2**20


# ------------------------------------------------------------------------- what is compared


def names(case: str, n: int, device: torch.device) -> list[str]:
    """The implementations that can run at this size on this device; ours is the first."""
    able = {"fermodels": True}
    able["inf-cl"] = device.type == "cuda" and importlib.util.find_spec("inf_cl") is not None
    return [name for name in IMPLEMENTATIONS[case] if able.get(name, n <= MATRIX_UP_TO)]


def rows_of(case: str, size: int) -> tuple[int, int]:
    """The N next below `size` that suits the case, and how many embeddings it takes."""
    if case == "multi-modal":
        return size, 2 * size
    n = size - size % (VIEWS if case == "multi-view" else 2)
    return n, n


def implementation(case: str, name: str, rows: int, temperature: float, device: torch.device):
    """The loss as a function of the embeddings (rows, D)."""
    if case == "multi-modal":
        return _multi_modal(name, temperature)
    if case == "multi-view":
        ids = torch.arange(rows, device=device) // VIEWS
    else:
        ids = torch.arange(rows // 2, device=device).repeat(2)
    if name == "pytorch-metric-learning":
        from pytorch_metric_learning.losses import SupConLoss

        supcon = SupConLoss(temperature=temperature)
        return lambda z: supcon(z, ids)
    if name == "lightly":
        from lightly.loss import NTXentLoss as LightlyNTXent

        lightly = LightlyNTXent(temperature=temperature)
        return lambda z: lightly(*z.chunk(2))
    if case == "multi-view":
        multi_view = MultiViewContrastiveLoss(temperature)
        return lambda z: multi_view(z, ids)
    nt_xent = NTXentLoss(temperature)
    return lambda z: nt_xent(*z.chunk(2))


def _multi_modal(name: str, temperature: float) -> Callable[[Tensor], Tensor]:
    if name == "fermodels":
        loss = MultiModalContrastiveLoss(temperature, margin=0)
        return lambda z: loss(dict(zip(("audio", "video"), z.chunk(2), strict=True)))
    if name == "inf-cl":
        from inf_cl import cal_flash_loss

        def both_ways(z: Tensor) -> Tensor:
            x, y = functional.normalize(z, dim=1).chunk(2)
            settings = {"scale": 1 / temperature, "head_dim": z.shape[1]}
            return (cal_flash_loss(x, y, **settings) + cal_flash_loss(y, x, **settings)).mean()

        return both_ways

    def whole_matrix(z: Tensor) -> Tensor:
        x, y = functional.normalize(z, dim=1).chunk(2)
        logits = x @ y.T / temperature
        match = torch.arange(len(x), device=z.device)
        return functional.cross_entropy(logits, match) + functional.cross_entropy(logits.T, match)

    return whole_matrix


def embeddings(rows: int, dim: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, dim, generator=generator).to(device).requires_grad_()


def forward_backward(function: Callable[[Tensor], Tensor], z: Tensor) -> float:
    z.grad = None
    loss = function(z)
    loss.backward()
    if z.is_cuda:
        torch.cuda.synchronize()
    return loss.item()


# -------------------------------------------------------------------------------------- memory


def peak_bytes(function: Callable[[Tensor], Tensor], z: Tensor) -> tuple[int, int]:
    """Most memory of one run beyond what was there before, and of the process (CUDA: of tensors).

    On the CPU only the first large run of a process can be measured: its peak never falls.
    """
    z.grad = None
    if z.is_cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        forward_backward(function, z)
        most = torch.cuda.max_memory_allocated()
    else:
        before = resident_bytes("VmRSS")
        forward_backward(function, z)
        most = resident_bytes("VmHWM")
    return most - before, most


def child_peak(case: str, name: str, options: argparse.Namespace, size: int) -> list[int]:
    """`peak_bytes` of one implementation in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.losses", "--child", case, name]
    for key in ("dim", "temperature", "device"):
        command += [f"--{key}", str(getattr(options, key))]
    # Settings that keep freed memory would hide what is used again.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    done = subprocess.run(
        [*command, "--sizes", str(size)], stdout=subprocess.PIPE, env=environment, check=True
    )
    return json.loads(done.stdout)


def child(case: str, name: str, options: argparse.Namespace) -> None:
    """The other side of `child_peak`: prints both numbers."""
    device, temperature = torch.device(options.device), options.temperature
    _, few = rows_of(case, 2 * VIEWS)
    _, rows = rows_of(case, options.sizes[0])
    warm_up = implementation(case, name, few, temperature, device)
    forward_backward(warm_up, embeddings(few, options.dim, device))
    function = implementation(case, name, rows, temperature, device)
    print(json.dumps(peak_bytes(function, embeddings(rows, options.dim, device))))


# ---------------------------------------------------------------------------------------- time


def summary(times: Sequence[tuple[float, float]]) -> dict:
    """Median of the seconds, the fastest and the slowest, and the median of the CPU seconds."""
    wall, cpu = zip(*times, strict=True)
    return {
        "seconds": statistics.median(wall),
        "spread": [min(wall), max(wall)],
        "cpu_seconds": statistics.median(cpu),
    }


def ratios(times: Mapping[str, Sequence[tuple[float, float]]], name: str) -> list[float]:
    """Its seconds over ours, round by round."""
    pairs = zip(times[name], times["fermodels"], strict=True)
    return [other / own for (other, _), (own, _) in pairs]


def measure(case: str, size: int, options: argparse.Namespace) -> list[dict]:
    """One row for each implementation: medians over interleaved rounds, and memory."""
    device = torch.device(options.device)
    n, rows = rows_of(case, size)
    functions = {
        name: implementation(case, name, rows, options.temperature, device)
        for name in names(case, n, device)
    }
    z = embeddings(rows, options.dim, device)
    losses = {name: forward_backward(f, z) for name, f in functions.items()}  # also warms up
    runs = {name: lambda f=f: forward_backward(f, z) for name, f in functions.items()}
    times = in_turn(runs, options.rounds)
    beside = {}
    if options.busy and size <= MATRIX_UP_TO and device.type == "cpu":
        with busy(options.busy):
            beside = in_turn(runs, options.tries)
    result = []
    for name in functions:
        row = {"case": case, "n": n, "name": name, **summary(times[name]), "rounds": options.rounds}
        row["times_ours"] = statistics.median(ratios(times, name))
        if beside:
            least = min(ratios(beside, name))
            row["busy"] = {**summary(beside[name]), "tries": options.tries, "times_ours": least}
        if options.memory and not (options.quick and size < max(options.sizes)):
            row["memory_bytes"], row["process_bytes"] = child_peak(case, name, options, size)
        result.append(row | {"loss": losses[name]})
    return result


def measure_switch(size: int, options: argparse.Namespace) -> list[dict]:
    """Time of the log-sum-exp and its gradient with other tiles, kept or not, split or shared."""
    device = torch.device(options.device)
    x = unit_vectors(embeddings(size, options.dim, device)).detach().requires_grad_()
    ways = [
        (tile, kept, from_rows)
        for tile in (128, 256, 512, 1024, 2048, 4096, 8192)
        if tile < 2 * size
        for kept in (0, size**2 * x.element_size())
        for from_rows in (size + 1, 0)[: min(2, threads_for(x))]
    ]

    def run(tile, kept, from_rows):
        tiles.TILE[device.type], tiles.KEPT_BYTES, tiles.THREADS_FROM = tile, kept, from_rows
        forward_backward(lambda z: tiles.self_logsumexp(z, options.temperature).mean(), x)

    before = tiles.TILE[device.type], tiles.KEPT_BYTES, tiles.THREADS_FROM
    try:
        for way in ways:
            run(*way)
        times = in_turn({way: lambda way=way: run(*way) for way in ways}, options.rounds)
    finally:
        tiles.TILE[device.type], tiles.KEPT_BYTES, tiles.THREADS_FROM = before
    return [
        {
            "n": size,
            "tile": min(tile, size),
            "tiles": "kept" if kept else "made again",
            "threads": "split operations" if from_rows else "share tiles",
            **summary(times[tile, kept, from_rows]),
        }
        for tile, kept, from_rows in ways
    ]


# ------------------------------------------------------------------------------------ results


def run(quick: bool = False) -> dict:
    """Everything with the default settings, as plain data: see `measured`."""
    return measured(parse(["--quick"] if quick else []))


def measured(options: argparse.Namespace) -> dict:
    """The table as plain data.

    Returns:
        "settings", and "rows": `case`, `n`, `name`, `seconds` (median over `rounds`), `spread`
        (fastest, slowest), `cpu_seconds`, `times_ours` (median over the rounds of its seconds over
        ours), `busy`, `memory_bytes` and `process_bytes` where they were asked for, and the value
        of the `loss`. `busy` holds what was measured beside busy processes: `seconds`, `spread` and
        `cpu_seconds` of so many `tries`, and as `times_ours` the least of its seconds over ours.
        With `switch`: `n`, `tile`, `tiles`, `threads`, `seconds`, `spread` and `cpu_seconds`.
    """
    if options.switch:
        rows = [row for size in options.sizes for row in measure_switch(size, options)]
    else:
        rows = [
            row
            for size in options.sizes
            for case in cases(size, options)
            for row in measure(case, size, options)
        ]
    return {"settings": settings(options), "rows": rows}


def cases(size: int, options: argparse.Namespace) -> list[str]:
    """All of them; on the CPU one of ours stands for all three where the peers cannot follow."""
    return list(IMPLEMENTATIONS)[: None if size <= MATRIX_UP_TO or on_cuda(options) else 1]


def on_cuda(options: argparse.Namespace) -> bool:
    return torch.device(options.device).type == "cuda"


def settings(options: argparse.Namespace) -> dict:
    return {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(options.device) if on_cuda(options) else "CPU",
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "busy": options.busy,
        "dim": options.dim,
        "temperature": options.temperature,
    }


def table(rows: Sequence[dict]) -> str:
    """The rows for the eye: milliseconds and MiB."""
    shown = []
    for row in rows:
        what = ("case", "n", "name", "tile", "tiles", "threads")
        cells = {key: row[key] for key in what if key in row}
        fastest, slowest = row["spread"]
        for key, value in (
            ("ms", row["seconds"]),
            ("fastest", fastest),
            ("slowest", slowest),
            ("CPU ms", row["cpu_seconds"]),
        ):
            cells[key] = f"{1e3 * value:.1f}"
        if "times_ours" in row:
            cells["× ours"] = f"{row['times_ours']:.2f}"
            cells |= busy_cells(row.get("busy"))
            for key in ("memory", "process"):
                value = row.get(f"{key}_bytes")
                cells[f"{key} MiB"] = "" if value is None else f"{value / MIB:.1f}"
            cells["loss"] = f"{row['loss']:.5f}"
        shown.append({key: str(value) for key, value in cells.items()})
    widths = {key: max(len(key), *(len(cells[key]) for cells in shown)) for key in shown[0]}
    lines = [[key.rjust(width) for key, width in widths.items()]]
    lines += [[cells[key].rjust(width) for key, width in widths.items()] for cells in shown]
    return "\n".join("  ".join(line) for line in lines)


def busy_cells(beside: dict | None) -> dict[str, str]:
    """Median, slowest try and the least ratio to ours beside busy processes; empty without them."""
    if beside is None:
        return dict.fromkeys(("busy ms", "busy slowest", "busy × ours"), "")
    return {
        "busy ms": f"{1e3 * beside['seconds']:.1f}",
        "busy slowest": f"{1e3 * beside['spread'][1]:.1f}",
        "busy × ours": f"≥ {beside['times_ours']:.2f}",
    }


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.losses", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="512 and 2048, three rounds")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="N")
    parser.add_argument("--dim", type=int, default=128, help="size of an embedding")
    parser.add_argument("--temperature", type=float, default=0.1)
    parser.add_argument("--rounds", type=int)
    parser.add_argument(
        "--device",
        choices=("cpu", "cuda"),
        default="cuda" if torch.cuda.is_available() else "cpu",
    )
    parser.add_argument(
        "--busy", type=int, default=2, help="other processes that spin in the second turn, or 0"
    )
    parser.add_argument("--tries", type=int, help="beside the busy processes")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="time alone")
    parser.add_argument("--switch", action="store_true", help="compare sizes of tiles instead")
    parser.add_argument("--out", type=Path, help="also write the table to this JSON file")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.sizes is None:
        full = [512, 1024, 2560, 8192, 65_536] + [262_144] * on_cuda(options)
        matrices = [size for size in full if size <= MATRIX_UP_TO]
        options.sizes = [512, 2048] if options.quick else matrices if options.switch else full
    if options.rounds is None:
        options.rounds = 3 if options.quick else 7
    if options.tries is None:
        options.tries = 3 if options.quick else 10
    if min(options.sizes) < 2 * VIEWS:
        parser.error(f"--sizes must be at least {2 * VIEWS}: two instances of {VIEWS} views")
    if min(options.rounds, options.tries) < 1:
        parser.error("--rounds and --tries must be at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if options.child:
        child(*options.child, options)
        return
    result = measured(options)
    print(", ".join(f"{key} {value}" for key, value in result["settings"].items()))
    print(table(result["rows"]))
    if options.out:
        from fermodels._shared.files import replace_file

        options.out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(options.out, (json.dumps(result, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
