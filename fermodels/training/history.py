"""Losses, rates and metrics of a run, as a table."""

import csv
import io
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    import pandas as pd


STEP = ("step", "epoch", "loss", "lr", "seconds")  # columns of every history


class History:
    """Loss and rate of every step, metrics of every epoch; saved with the checkpoint.

    Args:
        loss_names: parts of the loss, a column each.

    Attributes:
        rows: a dict for each optimiser step.

    Raises:
        ValueError: a part of the loss is called as another column.
    """

    def __init__(self, loss_names: tuple[str, ...]):
        if taken := [name for name in loss_names if name in STEP]:
            raise ValueError(
                f"loss_names holds {', '.join(taken)}, a column of every history: call this part "
                "of the loss by another name"
            )
        self.loss_names = loss_names
        self.rows: list[dict[str, float]] = []
        self.begin([])

    def begin(self, rows: list[dict[str, float]]) -> None:
        """Go on after these rows, of earlier sessions."""
        self.rows = rows
        self.start = time.perf_counter() - (rows[-1]["seconds"] if rows else 0.0)
        self.read_at = time.perf_counter()
        self.pending: list[tuple[dict[str, float], dict[str, Tensor]]] = []

    def add(self, epoch: int, rate: float, losses: dict[str, Tensor]) -> None:
        """A step: its losses are scalars, which are not read yet."""
        seconds = time.perf_counter() - self.start
        self.pending.append(({"epoch": epoch, "lr": rate, "seconds": seconds}, losses))

    def read(self, every: float = 0.0) -> list[dict[str, float]]:
        """The rows of the steps since the last time.

        Args:
            every: none while so many seconds have not passed: reading waits for the GPU.
        """
        if time.perf_counter() - self.read_at < every or not self.pending:
            return []
        values = [value for _, losses in self.pending for value in losses.values()]
        numbers = iter(torch.stack(values).tolist())
        first = len(self.rows)
        for about, losses in self.pending:
            losses = {name: next(numbers) for name in losses}
            row = {"step": len(self.rows) + 1, "epoch": about.pop("epoch")}
            self.rows.append(row | {"loss": losses.pop("loss")} | about | losses)
        self.pending.clear()
        self.read_at = time.perf_counter()
        return self.rows[first:]

    def add_metrics(self, *found: Mapping[str, float]) -> dict[str, float]:
        """Metrics of the epoch that ended join the row of its last step.

        A name that the steps have a column of becomes that of a validation: "val_loss" for "loss".

        Returns:
            The metrics by column.

        Raises:
            TypeError: it is no mapping.
            ValueError: two metrics would share a column.
        """
        metrics: dict[str, float] = {}
        for one in found:
            if not isinstance(one, Mapping):
                raise TypeError(f"validate must return numbers by name, got {one!r}")
            for name, value in one.items():
                column = str(name)
                while column in STEP or column in self.loss_names:
                    column = f"val_{column}"
                if column in metrics:
                    raise ValueError(
                        f"two metrics of the validation would be the column {column!r}: give the "
                        f"one that is called {name!r} another name"
                    )
                metrics[column] = float(value)
        self.rows[-1] |= metrics
        return metrics

    def frame(self) -> "pd.DataFrame":
        """A row for each step; `attrs["best"]`: see :func:`fermodels.training.fit`."""
        import pandas as pd

        frame = pd.DataFrame(self.rows, columns=self.columns())
        best = {}
        for name in self.columns()[len(STEP) + len(self.loss_names) :]:
            values = frame[name].dropna()
            if len(values):
                row = values.idxmin() if "loss" in name else values.idxmax()
                best[name] = {"value": float(values[row]), "epoch": int(frame["epoch"][row])}
        frame.attrs["best"] = best
        return frame

    def columns(self) -> list[str]:
        names = dict.fromkeys([*STEP, *self.loss_names])
        return list(names | {key: None for row in self.rows for key in row})

    def csv(self) -> bytes:
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue().encode()


class ProgressBar:
    """One bar for the whole run, with the last loss that was read."""

    def __init__(self, shown: bool, name: str, done: int, total: int):
        self.bar = None
        if shown:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total, initial=done, desc=name, unit="step", dynamic_ncols=True)

    def update(self, step: int, rows: list[dict[str, float]]) -> None:
        if self.bar is None:
            return
        self.bar.update(step - self.bar.n)
        if rows:
            loss = rows[-1]["loss"]
            self.bar.set_postfix(loss=f"{loss:.3f}" if math.isfinite(loss) else str(loss))

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
