"""What `fit` does beside the steps: seeds, history, checkpoints, a progress bar."""

import csv
import io
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint

from fermodels._shared.files import replace_file
from fermodels.models.modes import evaluating
from fermodels.training.run_folder import CHECKPOINT, HISTORY

if TYPE_CHECKING:
    import pandas as pd


class Seeds(Callback):
    """Dropout and the like follow from (seed, step), not from what ran before.

    Also tells the samplers which part of an epoch this process has under DDP.
    """

    def __init__(self, seed: int):
        self.seed = seed

    def setup(self, trainer, pl_module, stage) -> None:
        self._deal(trainer, trainer.global_rank, trainer.world_size)

    def teardown(self, trainer, pl_module, stage) -> None:
        self._deal(trainer, 0, 1)

    def _deal(self, trainer, rank: int, num_replicas: int) -> None:
        sampler = getattr(trainer.fit_loop._data_source.instance, "batch_sampler", None)
        if trainer.world_size > 1 and hasattr(sampler, "num_replicas"):
            sampler.rank, sampler.num_replicas = rank, num_replicas

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        # Not once an epoch: Lightning skips `on_train_epoch_start` in the first epoch after a
        # checkpoint.
        state = np.random.SeedSequence([self.seed, trainer.global_step, trainer.global_rank])
        torch.manual_seed(int(state.generate_state(1, np.uint64)[0]))


def is_due(trainer, every: int) -> bool:
    """At the end of every so many epochs, and of the run."""
    done = trainer.current_epoch + 1
    last = done == trainer.max_epochs or trainer.global_step == trainer.max_steps
    return last or done % every == 0


class History(Callback):
    """Loss and rate of every step, metrics of every epoch; saved with the checkpoint."""

    def __init__(self, validate, every: int, loss_names: tuple[str, ...]):
        self.validate, self.every, self.loss_names = validate, every, loss_names
        self.rows: list[dict[str, float]] = []
        self.seconds = 0.0  # of all earlier sessions
        self.start = time.perf_counter()
        self.rate, self.validated = 0.0, False
        self.pending: list[tuple[dict[str, torch.Tensor], float, float]] = []  # rate, seconds

    def state_dict(self) -> dict:
        return {"rows": self.rows}

    def load_state_dict(self, state: dict) -> None:
        self.rows = state["rows"]
        self.seconds = self.rows[-1]["seconds"] if self.rows else 0.0

    def on_train_start(self, trainer, pl_module) -> None:
        self.start = time.perf_counter()

    def on_validation_start(self, trainer, pl_module) -> None:
        self.validated = True

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.rate = max(group["lr"] for o in trainer.optimizers for group in o.param_groups)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        seconds = self.seconds + time.perf_counter() - self.start
        # Kept as tensors until the epoch ends: reading one waits for the GPU.
        values = {k: outputs[k].detach() for k in ("loss", *self.loss_names) if k in outputs}
        self.pending.append((values, self.rate, seconds))

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        first = len(self.rows) + 1
        everything = [value for values, _, _ in self.pending for value in values.values()]
        numbers = iter(torch.stack(everything).tolist() if everything else [])
        for i, (values, rate, seconds) in enumerate(self.pending):
            values = {name: next(numbers) for name in values}
            self.rows.append(
                {
                    "step": first + i,
                    "epoch": trainer.current_epoch,
                    "loss": values.pop("loss"),
                    "lr": rate,
                    "seconds": seconds,
                    **values,
                }
            )
        self.pending.clear()
        metrics = {}
        if self.validated:
            metrics = {key: float(value) for key, value in trainer.callback_metrics.items()}
            self.validated = False
        if self.validate is not None and is_due(trainer, self.every):
            metrics |= self._call(pl_module)
        if self.rows:
            self.rows[-1] |= metrics

    def _call(self, pl_module) -> dict[str, float]:
        encoder = pl_module.encoder
        with evaluating(encoder), torch.no_grad():
            return {str(key): float(value) for key, value in self.validate(encoder).items()}

    def frame(self) -> "pd.DataFrame":
        import pandas as pd

        frame = pd.DataFrame(self.rows, columns=self.columns())
        best = {}
        for name in self.columns()[5 + len(self.loss_names) :]:
            values = frame[name].dropna()
            if len(values):
                row = values.idxmin() if "loss" in name else values.idxmax()
                best[name] = {"value": float(values[row]), "epoch": int(frame["epoch"][row])}
        frame.attrs["best"] = best
        return frame

    def columns(self) -> list[str]:
        names = dict.fromkeys(["step", "epoch", "loss", "lr", "seconds", *self.loss_names])
        return list(names | {key: None for row in self.rows for key in row})

    def csv(self) -> bytes:
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue().encode()


class EpochCheckpoint(Checkpoint):
    """Writes the checkpoint last of all callbacks, when everything of the epoch is known."""

    def __init__(self, run_dir: Path, history: History, every: int):
        self.run_dir, self.history, self.every = run_dir, history, every

    def on_train_start(self, trainer, pl_module) -> None:
        # Checkpoints are of whole epochs, so the next one starts as any other does. Lightning
        # would take it for the rest of a broken one, and go on with batches drawn before it told
        # the sampler which epoch it is.
        loop = trainer.fit_loop
        loop.epoch_progress.current.completed = loop.epoch_progress.current.processed
        loop.on_iteration_done()
        loop.epoch_loop.restarting = False

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        if not is_due(trainer, self.every):
            return
        trainer.save_checkpoint(self.run_dir / CHECKPOINT)
        if trainer.is_global_zero:
            replace_file(self.run_dir / HISTORY, self.history.csv())


class ProgressBar(Callback):
    """One bar for the whole run."""

    def __init__(self):
        self.bar, self.shown = None, 0.0

    def on_train_start(self, trainer, pl_module) -> None:
        if trainer.is_global_zero:
            from tqdm.auto import tqdm

            self.bar = tqdm(
                total=int(trainer.estimated_stepping_batches),
                initial=trainer.global_step,
                desc=type(pl_module).__name__,
                unit="step",
                dynamic_ncols=True,
            )

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if self.bar is None:
            return
        self.bar.update(trainer.global_step - self.bar.n)
        if time.monotonic() - self.shown > 1:  # reading the loss waits for the GPU
            self.shown = time.monotonic()
            loss = outputs["loss"].item()
            self.bar.set_postfix(loss=f"{loss:.3f}" if math.isfinite(loss) else str(loss))

    def on_train_end(self, trainer, pl_module) -> None:
        if self.bar is not None:
            self.bar.close()

    def on_exception(self, trainer, pl_module, exception) -> None:
        self.on_train_end(trainer, pl_module)
