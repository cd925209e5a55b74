"""`fit`: train a learner so that a run killed at any moment can be continued."""

import contextlib
import csv
import io
import json
import logging
import math
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch.callbacks import Callback, Checkpoint
from torch import nn
from torch.utils.data import DataLoader

from fermodels.files import replace_file
from fermodels.methods.base import Learner
from fermodels.methods.batch_norm import SyncBatchNorm
from fermodels.modes import compiled, evaluating, forked_rng

if TYPE_CHECKING:
    import pandas as pd

CHECKPOINT, HISTORY, SETTINGS = "last.ckpt", "history.csv", "settings.json"


def fit(
    method: Learner,
    train_loader: DataLoader,
    *,
    epochs: int | None = None,
    max_steps: int | None = None,
    run_dir: str | os.PathLike | None = None,
    val_loader: DataLoader | None = None,
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    validate_every: int = 1,
    save_every: int = 1,
    resume: bool = True,
    progress: bool | None = None,
    accelerator: str = "auto",
    devices: int | str | list[int] = "auto",
    num_nodes: int = 1,
    precision: str | int | None = None,
    compile: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> "pd.DataFrame":
    """Train `method` in place, for so many epochs or optimiser steps.

    With `run_dir`, the run can be killed at any moment and continues from its last saved epoch
    when `fit` is called again with the same arguments; on CPU, with the same number of threads,
    to the bit-identical result. A finished run is not trained again: its weights and history come
    back. The folder holds `last.ckpt` (weights, optimiser, schedule, history; written at the end
    of every `save_every`-th epoch and of the run, loaded without pickled code), `history.csv`,
    `settings.json` and at the end `encoder/`, for a classifier also `classifier/` (safetensors).

    Args:
        method: the learner, on any device; it comes back on the CPU, in eval mode.
        train_loader, val_loader: from :func:`fermodels.datasets.loader`. Validation, by
            `method.validation_step`, comes at the end of each whole epoch.
        epochs, max_steps: exactly one of them.
        validate: called with the encoder (in eval mode, on the training device); the numbers that
            it returns by name join the history.
        validate_every: epochs between two calls of `validate`; the last epoch always has one.
        save_every: epochs between two checkpoints; above 1 where an epoch takes a moment only.
        resume: False starts anew, and deletes what the run folder has of an earlier run.
        progress: a bar with the time left; None shows it unless the environment has CI set or
            FERMODELS_PROGRESS=0.
        accelerator, devices, num_nodes: as in Lightning, but "auto" is one GPU of CUDA or else the
            CPU. See below for several of them.
        precision: as in Lightning; None is bfloat16 mixed precision on CUDA
            (float16 where the GPU has none), float32 on CPU.
        compile: run the encoder through `torch.compile`. Results differ in the last digits; on CPU
            it needs a C++ compiler. For learners of images.
        settings: anything else that tells runs apart, as JSON: the data, the seed.

    Several devices, or machines, train as one with the batches of all (Lightning's DDP): losses
    contrast the rows of all processes, k-means clusters them, batch norm normalises over them
    (`torch.nn.SyncBatchNorm`; on the CPU :mod:`fermodels.methods.batch_norm`). The batches of an
    epoch are dealt out to the processes, equally many to each, so the batch of a step grows with
    their number and an epoch has fewer steps; the learning rate stays as it is given. Each process
    validates on everything. It takes a script, not a notebook. On one machine with G devices ::

        torchrun --standalone --nproc-per-node G train.py       fit(…, devices=G)

    and on M machines that reach each other, the same command on each, HOST being one of them ::

        torchrun --nnodes M --nproc-per-node G --rdzv-backend c10d --rdzv-endpoint HOST:29500 \\
            train.py                                 fit(…, devices=G, num_nodes=M)

    with a `run_dir` that all of them see.

    Returns:
        One row for each optimiser step: `step` (from 1), `epoch` (from 0), `loss`, `lr` (the
        largest of the parameter groups), `seconds` of training so far; the learner's `terms`, NaN
        in steps without them; validation metrics in the last row of their epoch, NaN elsewhere.
        `attrs["best"]` maps each validation metric to
        its best value and the epoch of it (lowest for names with "loss", else highest).

    Raises:
        ValueError: the run folder holds a run with other settings (they are named), its
            checkpoint cannot be read, neither or both of epochs and max_steps are given, the
            loader has no batch, or compile is not for this learner.
        KeyboardInterrupt: after an orderly stop; call again to continue.
    """
    if (epochs is None) == (max_steps is None):
        raise ValueError("give either epochs or max_steps")
    if min(max_steps if epochs is None else epochs, validate_every, save_every) < 1:
        raise ValueError("epochs, max_steps, validate_every and save_every must be at least 1")
    if len(train_loader) == 0:
        raise ValueError("train_loader has no batch: fewer images than one batch holds")
    if compile and method.augment is None:
        raise ValueError(
            f"compile=True is for encoders of images; {type(method).__name__} has none"
        )
    accelerator, devices, precision = _hardware(accelerator, devices, precision)
    one_device = devices in (1, "1") or (isinstance(devices, list) and len(devices) == 1)
    several, on_cpu = num_nodes > 1 or not one_device, accelerator == "cpu"
    strategy = "ddp_find_unused_parameters_true" if method.rests_parameters else "ddp"

    history = _History(validate, validate_every, method.terms)
    callbacks: list[Callback] = [_Seeds(method.seed), history]
    if _progress_wanted(progress):
        callbacks.append(_ProgressBar())
    if run_dir is not None:
        run_dir = Path(run_dir)
        callbacks.append(_EpochCheckpoint(run_dir, history, save_every))

    faster = compiled(method.encoder) if compile else contextlib.nullcontext()
    with _quiet(), forked_rng(), faster:
        trainer = pl.Trainer(
            accelerator=accelerator,
            devices=devices,
            num_nodes=num_nodes,
            strategy=strategy if several else "auto",
            precision=precision,
            max_epochs=-1 if epochs is None else epochs,
            max_steps=-1 if max_steps is None else max_steps,
            callbacks=callbacks,
            plugins=[_CheckpointIO(), *([SyncBatchNorm()] if several and on_cpu else [])],
            logger=False,
            enable_checkpointing=run_dir is not None,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            sync_batchnorm=several and not on_cpu,
            default_root_dir=run_dir,
        )
        checkpoint = None
        if run_dir is not None:
            length = {"epochs": epochs, "max_steps": max_steps, "batches": len(train_loader)}
            if trainer.world_size > 1:
                length["processes"] = trainer.world_size
            everything = {
                "learner": method.settings(),
                "length": length,
                "run": dict(settings or {}),
            }
            if compile:  # runs from before this option have no such entry
                everything["compile"] = True
            checkpoint = _prepare(run_dir, everything, resume)
        method.train()
        try:
            trainer.fit(method, train_loader, val_loader, ckpt_path=checkpoint)
        except SystemExit:
            # Lightning turns Ctrl-C into an exit, which would end the notebook's kernel.
            raise KeyboardInterrupt(
                "training was interrupted"
                + ("" if run_dir is None else "; run it again to continue from its last checkpoint")
            ) from None
        method.eval()
        if run_dir is not None and trainer.is_global_zero:
            _save_modules(method, run_dir)
    return history.frame()


def _hardware(accelerator: str, devices, precision) -> tuple[str, Any, Any]:
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if devices == "auto":
        devices = 1
    if precision is None:
        on_cuda = accelerator in ("cuda", "gpu") and torch.cuda.is_available()
        fast = on_cuda and torch.cuda.is_bf16_supported(including_emulation=False)
        half = "bf16-mixed" if fast else "16-mixed"
        precision = half if on_cuda else "32-true"
    return accelerator, devices, precision


def _progress_wanted(progress: bool | None) -> bool:
    if progress is not None:
        return progress
    return not os.environ.get("CI") and os.environ.get("FERMODELS_PROGRESS") != "0"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's tips, device lists and advice on worker processes."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PossibleUserWarning)
            warnings.filterwarnings("ignore", ".*GPU available but not used.*")
            warnings.filterwarnings("ignore", ".*LeafSpec.*")  # Lightning 2.6 with torch 2.15
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


# ------------------------------------------------------------------------------ the run folder


def _prepare(run_dir: Path, settings: dict, resume: bool) -> Path | None:
    """Make or check the run folder; the checkpoint to continue from, if there is one."""
    run_dir.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in (CHECKPOINT, HISTORY, SETTINGS):
            (run_dir / name).unlink(missing_ok=True)
        for name in ("encoder", "classifier"):
            shutil.rmtree(run_dir / name, ignore_errors=True)
    settings = json.loads(json.dumps(settings))
    checkpoint = run_dir / CHECKPOINT
    if checkpoint.exists():
        path = run_dir / SETTINGS
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError) as error:
            raise ValueError(
                f"{path} cannot be read, so it is not known which run {checkpoint} belongs to: "
                "take another run_dir, or resume=False to start anew"
            ) from error
        changes = list(_differences(before, settings))
        if changes:
            raise ValueError(
                f"{run_dir} holds a run with other settings: {'; '.join(changes)}. Take another "
                "run_dir, or resume=False to delete that run and start anew"
            )
        return checkpoint
    replace_file(run_dir / SETTINGS, (json.dumps(settings, indent=2) + "\n").encode())
    return None


def _differences(before: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            path = f"{name}.{key}" if name else key
            yield from _differences(before.get(key), now.get(key), path)
    elif before != now:
        yield f"{name} was {before!r}, is {now!r}"


class _CheckpointIO(TorchCheckpointIO):
    """Checkpoints that are whole or not there, and hold tensors and plain values only."""

    def save_checkpoint(self, checkpoint, path, storage_options=None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        replace_file(path, buffer.getvalue())

    def load_checkpoint(self, path, map_location=None, weights_only=None) -> dict[str, Any]:
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ValueError(
                f"{path} cannot be read ({error}): delete it, or pass resume=False, to start anew"
            ) from error


def _save_modules(method: Learner, run_dir: Path) -> None:
    for name in ("encoder", "classifier"):
        save = getattr(getattr(method, name, None), "save_pretrained", None)
        if save is not None:
            save(run_dir / name)


# ----------------------------------------------------------------------------------- callbacks


class _Seeds(Callback):
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


def _is_due(trainer, every: int) -> bool:
    """At the end of every so many epochs, and of the run."""
    done = trainer.current_epoch + 1
    last = done == trainer.max_epochs or trainer.global_step == trainer.max_steps
    return last or done % every == 0


class _History(Callback):
    """Loss and rate of every step, metrics of every epoch; saved with the checkpoint."""

    def __init__(self, validate, every: int, terms: tuple[str, ...]):
        self.validate, self.every, self.terms = validate, every, terms
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
        values = {k: outputs[k].detach() for k in ("loss", *self.terms) if k in outputs}
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
        if self.validate is not None and _is_due(trainer, self.every):
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
        for name in self.columns()[5 + len(self.terms) :]:
            values = frame[name].dropna()
            if len(values):
                row = values.idxmin() if "loss" in name else values.idxmax()
                best[name] = {"value": float(values[row]), "epoch": int(frame["epoch"][row])}
        frame.attrs["best"] = best
        return frame

    def columns(self) -> list[str]:
        names = dict.fromkeys(["step", "epoch", "loss", "lr", "seconds", *self.terms])
        return list(names | {key: None for row in self.rows for key in row})

    def csv(self) -> bytes:
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue().encode()


class _EpochCheckpoint(Checkpoint):
    """Writes the checkpoint last of all callbacks, when everything of the epoch is known."""

    def __init__(self, run_dir: Path, history: _History, every: int):
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
        if not _is_due(trainer, self.every):
            return
        trainer.save_checkpoint(self.run_dir / CHECKPOINT)
        if trainer.is_global_zero:
            replace_file(self.run_dir / HISTORY, self.history.csv())


class _ProgressBar(Callback):
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
