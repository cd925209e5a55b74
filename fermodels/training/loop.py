"""`fit`: train a learner so that a run killed at any moment can be continued."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader

from fermodels._shared.paths import output_folder
from fermodels._shared.plain import recorded
from fermodels._shared.progress import progress_wanted
from fermodels.methods.base import Learner
from fermodels.models.modes import compiled, forked_rng
from fermodels.training.batch_norm import synchronised_batch_norm
from fermodels.training.callbacks import Callback
from fermodels.training.hardware import (
    Devices,
    dealt,
    default_accelerator,
    default_precision,
    make_fabric,
    quiet,
)
from fermodels.training.history import History
from fermodels.training.loggers import make_loggers
from fermodels.training.run_folder import (
    FILES,
    FOLDERS,
    clear_run,
    open_run,
    save_modules,
    saved_rows,
    write_checkpoint,
    write_settings,
)
from fermodels.training.run_settings import FORMAT, batch_settings, data_settings
from fermodels.training.steps import Plan, train

if TYPE_CHECKING:
    import pandas as pd
    from lightning.fabric.loggers import Logger


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
    extend: bool = False,
    progress: bool | None = None,
    logger: "str | Logger | Sequence[str | Logger] | None" = None,
    callbacks: Sequence[Callback] = (),
    accelerator: str = "auto",
    devices: Devices = "auto",
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
    `settings.json` and at the end `encoder/`, for a classifier also `classifier/` (safetensors;
    of a module without `save_pretrained` its weights alone, with a warning).

    Args:
        method: the learner, on any device; it comes back on the CPU, in eval mode, its weights of
            the type that they had.
        train_loader, val_loader: from :func:`fermodels.data.loader`. Validation, by
            `method.validation_step`, comes at the end of each whole epoch.
        epochs, max_steps: exactly one of them.
        validate: called with the encoder (in eval mode, on the training device); the numbers that
            it returns by name join the history. A name that a column of the steps has, such as
            "loss", becomes that of a validation, "val_loss".
        validate_every: epochs between two calls of `validate`; the last epoch always has one.
        save_every: epochs between two checkpoints; above 1 where an epoch takes a moment only.
        resume: False starts anew, and deletes what the run folder has of an earlier run.
        extend: True trains a finished run on, up to a larger `epochs` or `max_steps`, with the
            weights and the optimiser that it has. Over the added steps the learning rate runs one
            more cycle, up to half its peak and down again; they begin with a new epoch. Killed, the
            same call continues.
        progress: a bar with the time left; None shows it unless the environment has CI set or
            FERMODELS_PROGRESS=0.
        logger: where the columns of the history go while it trains, about once a second: "csv" or
            "tensorboard", into `logs/` of the run folder (a folder for each session); a logger of
            Lightning; or several.
        callbacks: see :class:`fermodels.training.Callback`.
        accelerator, devices, num_nodes: as in Lightning, but "auto" is one GPU of CUDA or else the
            CPU. See below for several of them.
        precision: as in Lightning; None is bfloat16 mixed precision on CUDA
            (float16 where the GPU has none), float32 on CPU.
        compile: run the encoder through `torch.compile`. Results differ in the last digits; on CPU
            it needs a C++ compiler. For learners of images.
        settings: anything else that tells runs apart, as JSON. The learner's settings, the data
            behind the loader, its batches and the precision do so by themselves.

    Several devices, or machines, train as one with the batches of all (DDP): losses
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
        One row for each optimiser step: `step` (from 1), `epoch` (from 0), `loss` (NaN where a
        batch had nothing to learn from), `lr` (the largest of the parameter groups), `seconds` of
        training so far; the learner's `loss_names`, NaN in steps without them; validation metrics
        in the last row of their epoch, NaN elsewhere. `attrs["best"]` maps each validation metric
        to its best value and the epoch of it (lowest for names with "loss", else highest).

    Raises:
        ValueError: the run folder holds a run with other settings, data, batches or precision
            (they are named), or an unfinished one of the first release; its checkpoint cannot be
            read; there is nothing to extend; neither or both of epochs and max_steps are given;
            the loader has no batch, or none with anything to learn from; two metrics have one
            name; the learner refuses the data; compile is not for this learner.
        TypeError: `settings` hold something that is no number, text, list or dict.
        OSError: nothing can be written to the run folder, or a name in it is taken.
        ImportError: `logger="tensorboard"` without that package.
        KeyboardInterrupt: after an orderly stop; call again to continue.
    """
    if (epochs is None) == (max_steps is None):
        raise ValueError("give either epochs or max_steps")
    epochs, max_steps = _count(epochs, "epochs"), _count(max_steps, "max_steps")
    if min(max_steps if epochs is None else epochs, validate_every, save_every) < 1:
        raise ValueError("epochs, max_steps, validate_every and save_every must be at least 1")
    if extend and (run_dir is None or not resume):
        raise ValueError("extend=True goes on with a run folder: pass run_dir, and resume=True")
    _check(method, train_loader, val_loader, callbacks, compile)
    if run_dir is not None:
        run_dir = output_folder(run_dir, files=FILES, folders=FOLDERS)

    if accelerator == "auto":
        accelerator = default_accelerator()
    used = default_precision(accelerator) if precision is None else precision
    with quiet():
        fabric = make_fabric(
            accelerator,
            1 if devices == "auto" else devices,
            num_nodes,
            used,
            method.find_unused_parameters,
            make_loggers(logger, run_dir),
        )
    saved, cycles, save = None, [], None
    if run_dir is not None:
        length = {"epochs": epochs, "max_steps": max_steps, "batches": len(train_loader)}
        if fabric.world_size > 1:
            length["processes"] = fabric.world_size
        everything = {
            "format": FORMAT,
            "learner": method.settings(),
            "length": length,
            "data": data_settings(train_loader.dataset),
            "batches": batch_settings(train_loader),
            "precision": str(used),
            "run": dict(settings or {}),
            **({"compile": True} if compile else {}),  # not in runs from before this option
        }
        everything = recorded(everything)
        saved, cycles = _open(fabric, run_dir, everything, resume, extend, precision is None)

        def save(checkpoint: dict[str, Any], rows: bytes) -> None:
            if fabric.is_global_zero:
                write_checkpoint(run_dir, checkpoint, rows)
            fabric.barrier()

    history = History(method.loss_names)
    method.global_rank = fabric.global_rank
    method.global_step = method.current_epoch = 0
    first_step, first_epoch = cycles[-1] if cycles else (0, 0)
    with contextlib.ExitStack() as within:
        within.enter_context(forked_rng())
        within.enter_context(dealt(train_loader, fabric))
        if fabric.world_size > 1:
            within.enter_context(synchronised_batch_norm(method, fabric.device.type == "cpu"))
        if compile:
            within.enter_context(compiled(method.encoder))
        kind = next(method.parameters()).dtype
        within.callback(lambda: method.eval().cpu().to(kind))  # also after true half precision
        total = max_steps or first_step + (epochs - first_epoch) * len(train_loader)
        method.train()
        fabric.strategy.precision.convert_module(method)
        fabric.to_device(method)
        if saved is not None:
            method.load_state_dict(saved["state_dict"])
            method.global_step, method.current_epoch = saved["global_step"], saved["epoch"] + 1
            history.begin(saved_rows(saved))
        plan = Plan(
            total_steps=total,
            first_step=first_step,
            val_loader=val_loader,
            validate=validate,
            validate_every=validate_every,
            save=save,
            save_every=save_every,
            callbacks=callbacks,
            progress=progress_wanted(progress) and fabric.is_global_zero,
        )
        try:
            if method.global_step < total:
                train(fabric, method, train_loader, plan, saved, history)
        except KeyboardInterrupt:
            again = "; run it again to continue from its last checkpoint" if run_dir else ""
            raise KeyboardInterrupt(f"training was interrupted{again}") from None
    if run_dir is not None and fabric.is_global_zero:
        save_modules(method, run_dir)
    return history.frame()


def _count(value: Any, name: str) -> int | None:
    """Python's own int, of NumPy's or a whole float as well: schedules and Fabric insist on it."""
    if value is None:
        return None
    if value != int(value):
        raise ValueError(f"{name} must be a whole number, got {value}")
    return int(value)


def _check(
    method: Learner,
    train_loader: DataLoader,
    val_loader: DataLoader | None,
    callbacks: Sequence[Callback],
    compile: bool,
) -> None:
    if len(train_loader) == 0:
        raise ValueError("train_loader has no batch: fewer images than one batch holds")
    if compile and method.augment is None:
        raise ValueError(
            f"compile=True is for encoders of images; {type(method).__name__} has none"
        )
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"{callback!r} is no fermodels.training.Callback: derive from it (callbacks of "
                "Lightning's Trainer do not fit)"
            )
    for loader in (train_loader, val_loader):
        if loader is not None:
            method.check_data(loader.dataset)


def _open(
    fabric: Fabric, run_dir: Path, settings: dict, resume: bool, extend: bool, any_precision: bool
) -> tuple[dict[str, Any] | None, list[list[int]]]:
    """`open_run` in every process, while one of them changes the folder."""
    if not resume and fabric.is_global_zero:
        clear_run(run_dir)
    fabric.barrier()
    saved, extended = open_run(run_dir, settings, extend, any_precision)
    fabric.barrier()
    begins = saved is None or [saved["global_step"], saved["epoch"] + 1] in extended
    if begins and fabric.is_global_zero:
        write_settings(run_dir, settings | {"extended": extended})
    return saved, extended
