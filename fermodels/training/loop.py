"""`fit`: train a learner so that a run killed at any moment can be continued."""

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch.callbacks import Callback
from torch import nn
from torch.utils.data import DataLoader

from fermodels.methods.base import Learner
from fermodels.models.modes import compiled, forked_rng
from fermodels.training.batch_norm import SyncBatchNorm
from fermodels.training.callbacks import EpochCheckpoint, History, ProgressBar, Seeds
from fermodels.training.run_folder import CheckpointIO, prepare_run, save_modules

if TYPE_CHECKING:
    import pandas as pd


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
        train_loader, val_loader: from :func:`fermodels.data.loader`. Validation, by
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
    (`torch.nn.SyncBatchNorm`; on the CPU :mod:`fermodels.training.batch_norm`). The batches of an
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
        largest of the parameter groups), `seconds` of training so far; the learner's
        `loss_names`, NaN in steps without them; validation metrics in the last row of their epoch,
        NaN elsewhere. `attrs["best"]` maps each validation metric to its best value and the epoch
        of it (lowest for names with "loss", else highest).

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
    strategy = "ddp_find_unused_parameters_true" if method.find_unused_parameters else "ddp"

    history = History(validate, validate_every, method.loss_names)
    callbacks: list[Callback] = [Seeds(method.seed), history]
    if _progress_wanted(progress):
        callbacks.append(ProgressBar())
    if run_dir is not None:
        run_dir = Path(run_dir)
        callbacks.append(EpochCheckpoint(run_dir, history, save_every))

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
            plugins=[CheckpointIO(), *([SyncBatchNorm()] if several and on_cpu else [])],
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
            checkpoint = prepare_run(run_dir, everything, resume)
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
            save_modules(method, run_dir)
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
