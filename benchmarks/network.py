"""What channels-last, mixed precision and torch.compile do to a training step.

    python -m benchmarks.network [--encoder small] [--size 48] [--device cpu]

A step is forward, loss and backward on one resident batch. The forms run in turn. `break-even` is
after how many steps compiling has paid: the seconds of the first compiled step over those that each
later one saves; there is none where it saves nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time

import torch
from torch import Tensor

from benchmarks.timing import in_turn, print_table, row
from fermodels.losses import MultiViewContrastiveLoss
from fermodels.models import ImageEncoder, ProjectionHead
from fermodels.models.modes import compiled


class ChannelsFirst(ImageEncoder):
    """The encoder without its change of the images' memory format."""

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone((images - self.mean) / self.std)


def run(
    quick: bool, name: str = "small", size: int = 48, batch: int = 245, device: str | None = None
) -> dict:
    """Rows: images/s of each form, seconds of compiling, and the break-even in steps."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    rounds = 1 if quick else 15
    size, batch = (16, 20) if quick else (size, batch)
    torch.manual_seed(0)
    images = torch.rand(batch, 3, size, size, device=device)
    instance = torch.arange(batch, device=device) // 5
    loss = MultiViewContrastiveLoss(0.15)

    def step(kind: type[ImageEncoder], weights_last: bool = False, half: bool = False):
        torch.manual_seed(0)
        encoder = kind(name, image_size=size)
        model = torch.nn.Sequential(encoder, ProjectionHead(encoder.feature_dim))
        model = model.to(device, memory_format=torch.channels_last if weights_last else None)
        model.train()

        def one() -> None:
            model.zero_grad(set_to_none=True)
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half):
                z = model(images)
            loss(z.float(), instance).backward()

        return one, encoder

    plain, _ = step(ImageEncoder)
    forms = {
        "channels last": plain,  # as the encoder does it
        "channels first": step(ChannelsFirst)[0],
        "weights channels last, too": step(ImageEncoder, weights_last=True)[0],
        "bfloat16 mixed": step(ImageEncoder, half=True)[0],
    }
    with contextlib.ExitStack() as stack:
        start = time.perf_counter()
        if not quick:
            fast, encoder = step(ImageEncoder)
            stack.enter_context(compiled(encoder))
            fast()
            forms["compiled"] = fast
        first = time.perf_counter() - start
        for form in forms.values():
            form()  # warm up
        times = in_turn(forms, rounds, device)
    rows = [row(form, [batch / s for s, _ in values], "images/s") for form, values in times.items()]
    if not quick:
        seconds = {form: statistics.median(s for s, _ in v) for form, v in times.items()}
        saved = seconds["channels last"] - seconds["compiled"]
        rows.append(row("compiling", [first], "s"))
        if saved > 0:
            rows.append(row("break-even", [first / saved], "steps"))
    return {
        "rows": rows,
        "encoder": name,
        "pixels": size,
        "images a batch": batch,
        "device": device,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.network", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--batch", type=int, default=245)
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    size, batch = options.size, options.batch
    print_table(run(options.quick, options.encoder, size, batch, options.device))


if __name__ == "__main__":
    main()
