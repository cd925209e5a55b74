"""The loop: epochs of steps, validation, checkpoints. Lightning Fabric moves and casts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from fermodels.losses import EmptyBatchError
from fermodels.losses.distributed import rank_and_size
from fermodels.methods.base import Learner
from fermodels.models.modes import evaluating
from fermodels.training.callbacks import Callback
from fermodels.training.hardware import autocast
from fermodels.training.history import History, ProgressBar
from fermodels.training.run_settings import FORMAT

LATER_CYCLES = 0.5  # height of their peaks: what is trained on is trained already


@dataclass
class Plan:
    """What is done beside the steps, and how often; see :func:`fermodels.training.fit`."""

    total_steps: int  # where training ends
    first_step: int  # where the present cycle of the learning rate begins
    val_loader: DataLoader | None
    validate: Callable[[nn.Module], Mapping[str, float]] | None
    validate_every: int
    save: Callable[[dict[str, Any], bytes], None] | None  # checkpoint and history
    save_every: int
    callbacks: Sequence[Callback]
    progress: bool


def train(
    fabric: Fabric,
    method: Learner,
    loader: DataLoader,
    plan: Plan,
    saved: dict[str, Any] | None,
    history: History,
) -> None:
    """Train the learner, which is on its device, from where it stands.

    Args:
        fabric: devices, precision, processes, loggers.
        method: its `global_step` and `current_epoch` are done; so are its weights.
        loader: the batches of this process.
        plan: the rest.
        saved: the checkpoint that the optimiser and its schedule go on from, or None.
        history: of the steps that are done; gets those that follow.
    """
    step, epoch = method.global_step, method.current_epoch
    optimizer, precision = method.configure_optimizer(), fabric.strategy.precision
    if saved is not None and step == plan.first_step:  # moments go on, the rate starts anew
        optimizer.load_state_dict(saved["optimizer_states"][0])
    height = LATER_CYCLES if plan.first_step else 1.0
    schedule = method.configure_schedule(optimizer, plan.total_steps - plan.first_step, height)
    if saved is not None and step > plan.first_step:
        optimizer.load_state_dict(saved["optimizer_states"][0])
        schedule.load_state_dict(saved["lr_schedulers"][0])
    if saved is not None:
        precision.load_state_dict(saved.get("precision", {}))
    # Not `fabric.setup`, under which a batch comes in bfloat16 and stored features lose digits.
    within = _Step(method)
    model = fabric.strategy.setup_module(within)
    stepper = fabric.setup_optimizers(optimizer)
    batches, useful = len(loader), 0
    bar = ProgressBar(plan.progress, type(method).__name__, step, plan.total_steps)
    watched = plan.progress or bool(fabric.loggers)

    call(plan.callbacks, "on_train_start", method, plan.total_steps)
    try:
        while step < plan.total_steps:
            set_epoch(loader, epoch)
            for number, batch in enumerate(loader):
                torch.manual_seed(step_seed(method))
                batch = fabric.to_device(batch)
                with autocast(fabric):
                    losses = model(batch, number)
                stepper.zero_grad()
                fabric.backward(losses["loss"])
                rate = max(group["lr"] for group in optimizer.param_groups)
                stepper.step()
                schedule.step()
                step = method.global_step = step + 1
                losses = {name: value.detach() for name, value in losses.items()}
                useful += within.empty is None
                if within.empty is not None:
                    losses["loss"] = torch.full_like(losses["loss"], torch.nan)
                history.add(epoch, rate, losses)
                call(plan.callbacks, "on_step_end", method, batch, losses)
                rows = history.read(every=1.0) if watched else []
                log(fabric, rows)
                bar.update(step, rows)
                if step == plan.total_steps:
                    break
            rows = history.read()
            log(fabric, rows)
            bar.update(step, rows)
            if not useful:
                raise ValueError(f"no batch has anything to learn from: {within.empty}")

            last, found = step == plan.total_steps, []
            if plan.val_loader is not None and number + 1 == batches:
                found.append(mean_metrics(fabric, method, plan.val_loader, epoch))
            if plan.validate is not None and (last or (epoch + 1) % plan.validate_every == 0):
                with evaluating(method.encoder), torch.no_grad():
                    found.append(plan.validate(method.encoder))
            metrics = history.add_metrics(*found)
            if metrics:
                log(fabric, [{"step": step, "epoch": epoch, **metrics}])
            if plan.save is not None and (last or (epoch + 1) % plan.save_every == 0):
                checkpoint = {
                    "format": FORMAT,
                    "epoch": epoch,
                    "global_step": step,
                    "state_dict": method.state_dict(),
                    "optimizer_states": [optimizer.state_dict()],
                    "lr_schedulers": [schedule.state_dict()],
                    "precision": precision.state_dict(),
                    "history": history.rows,
                }
                plan.save(checkpoint, history.csv())
            call(plan.callbacks, "on_epoch_end", method, metrics)
            epoch = method.current_epoch = epoch + 1
        call(plan.callbacks, "on_train_end", method, history)
    finally:
        bar.close()
        for logger in fabric.loggers:
            logger.finalize("success" if step == plan.total_steps else "interrupted")


class _Step(nn.Module):
    """The training step as a `forward`, which DDP hooks into.

    Attributes:
        empty: why the last batch had nothing to learn from, or None.
    """

    def __init__(self, learner: Learner):
        super().__init__()
        self.learner = learner
        self.empty: EmptyBatchError | None = None

    def forward(self, batch: dict, number: int) -> dict[str, Tensor]:
        self.empty = None
        try:
            found = self.learner.training_step(batch, number)
        except EmptyBatchError as error:
            if rank_and_size()[1] > 1:  # others may have had something, and wait
                raise
            self.empty, found = error, torch.zeros((), device=_device(self.learner))
        found = found if isinstance(found, dict) else {"loss": found}
        losses = {name: found[name] for name in ("loss", *self.learner.loss_names) if name in found}
        if not losses["loss"].requires_grad:
            losses["loss"] = losses["loss"] + self._nothing()
        return losses

    def _nothing(self) -> Tensor:
        """Zero, with gradients of zero, which is what a scaler of gradients and DDP ask for."""
        trained = (p for p in self.learner.parameters() if p.requires_grad)
        return sum((0.0 * p.sum() for p in trained), torch.zeros((), device=_device(self.learner)))


def _device(learner: Learner) -> torch.device:
    return next(learner.parameters()).device


def step_seed(method: Learner) -> int:
    """Dropout and the like follow from (seed, step, process), not from what ran before."""
    state = np.random.SeedSequence([method.seed, method.global_step, method.global_rank])
    return int(state.generate_state(1, np.uint64)[0])


def set_epoch(loader: DataLoader, epoch: int) -> None:
    """Tell the samplers, whose order depends on it."""
    for sampler in (loader.batch_sampler, loader.sampler):
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)


def mean_metrics(
    fabric: Fabric, method: Learner, loader: DataLoader, epoch: int
) -> dict[str, float]:
    """Metrics of `validation_step`, each the mean over the rows of the batches that have it.

    Raises:
        EmptyBatchError: no batch has anything to compare.
    """
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    empty = None
    set_epoch(loader, epoch)
    with evaluating(method), torch.no_grad(), autocast(fabric):
        for number, batch in enumerate(loader):
            rows = _rows(batch)
            try:
                found = method.validation_step(fabric.to_device(batch), number)
            except EmptyBatchError as error:
                empty = error
                continue
            for name, value in found.items():
                sums[name] = sums.get(name, 0) + value * rows
                counts[name] = counts.get(name, 0) + rows
    if empty is not None and not sums:
        raise empty
    return {name: float(fabric.all_reduce(value / counts[name])) for name, value in sums.items()}


def _rows(batch: dict) -> int:
    first = next(iter(batch.values()))
    return _rows(first) if isinstance(first, dict) else len(first)


def log(fabric: Fabric, rows: list[dict[str, float]]) -> None:
    """Rows of the history, for the loggers."""
    for row in rows:
        values = {name: value for name, value in row.items() if name not in ("step", "seconds")}
        fabric.log_dict(values, row["step"])
    if rows:
        for logger in fabric.loggers:
            logger.save()


def call(callbacks: Sequence[Callback], hook: str, *arguments: Any) -> None:
    for callback in callbacks:
        getattr(callback, hook)(*arguments)
