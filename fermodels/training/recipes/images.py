"""The trainings of image encoders, with the settings that course and studies share."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fermodels.data import (
    Augment,
    ImageDataset,
    InstanceBatchSampler,
    RandomBatchSampler,
    SubjectBatchSampler,
    loader,
)
from fermodels.models import ImageEncoder
from fermodels.models.modes import forked_rng
from fermodels.models.saving import weights_digest
from fermodels.training.recipes.starts import chosen_weights, settings_by_name

if TYPE_CHECKING:
    import pandas as pd

    from fermodels.data import PreparedImages
    from fermodels.methods import ImageFineTuning
    from fermodels.training.callbacks import Callback

_MUON = {"optimizer": "muon", "learning_rate": 1e-2, "weight_decay": 1e-2}
#: Method → settings of its pre-training.
PRETRAINING: dict[str, dict[str, Any]] = {
    "clmex": {"temperature": 0.15, "augment": Augment.mild} | _MUON,
    "simclr": {"temperature": 0.2, "augment": Augment} | _MUON,
    "viewfx": {"temperature": 0.15, "augment": Augment.mild} | _MUON,
}
#: Settings of training from new weights, chosen on validation subjects
#: (`python -m studies.search`).
FROM_SCRATCH: dict[str, Any] = _MUON | {"warmup": 0.2}
#: Settings of fine-tuning a pre-trained encoder.
PRETRAINED = FROM_SCRATCH | {"learning_rate": 3e-3}
_GROUPS, _GROUP = 7, 35  # to a batch by default; images: the 7 expressions × 5 views of KDEF
_FLOOR = 128  # images to a batch at least, where nothing is said
_EPOCH = 50  # steps of fine-tuning between two validations and checkpoints


def pretrain(
    method_name: str,
    prepared: PreparedImages | ImageDataset,
    indices: Sequence[int] | np.ndarray | None = None,
    *,
    images_seen: int,
    seed: int = 0,
    run_dir: str | os.PathLike | None = None,
    encoder: ImageEncoder | None = None,
    groups_per_batch: int | None = None,
    batch_size: int | None = None,
    batch_by: str = "session",
    epoch_steps: int | None = None,
    validate: Callable[[torch.nn.Module], Mapping[str, float]] | None = None,
    validate_every: int = 10,
    extend: bool = False,
    progress: bool | None = None,
    logger: Any = None,
    callbacks: Sequence[Callback] = (),
    accelerator: str = "auto",
    precision: str | int | None = None,
    compile: bool = False,
    **overrides: Any,
) -> tuple[ImageEncoder, pd.DataFrame]:
    """Pre-train an encoder: "clmex" and "simclr" without labels, "viewfx" with them.

    CL-MEx and ViewFX get batches of whole (subject, session) groups, 7 × 7 expressions × 5 views
    = 245 images of KDEF's shape, and at least 128 where the groups are small; SimCLR gets half as
    many random images, each augmented twice. Where some subjects are not known, a batch is 35
    images for each of `groups_per_batch`, by instance. Muon, one cycle of the learning rate.

    Args:
        method_name: "clmex", "simclr" or "viewfx".
        prepared: the images; or an `ImageDataset` of them, which says how they are kept.
        indices: rows to train on, default all, or those of the `ImageDataset`.
        images_seen: how many augmented images go through the encoder in all, rounded up to whole
            batches: the same for two methods is the same work for the encoder.
        seed: of the first weights, the order and the augmentation.
        run_dir: see :func:`fermodels.training.fit`; a finished run is loaded, not repeated.
        encoder: to go on from; it stays as it is (a copy is trained). Default: the small one at
            48 pixels, with new weights.
        groups_per_batch: subject-session groups to a batch. Default: 7, or as many as make 128
            images.
        batch_size: in place of it, how many images a batch has, about: whole groups or instances
            of CL-MEx and ViewFX; SimCLR gets half as many, which it augments twice.
        batch_by: "session" for these batches of CL-MEx and ViewFX; "instance" for as many images
            of moments drawn from everybody, which asks for the person more than the expression.
        epoch_steps: length of an epoch, after which a checkpoint and a validation come; default
            one pass over the images.
        validate, validate_every, extend, progress, logger, callbacks: see `fit`.
        accelerator, precision, compile: see `fit`.
        overrides: settings of the method, in place of those in `PRETRAINING`.

    Returns:
        The encoder, in eval mode on the CPU, and the history.

    Raises:
        ValueError: unknown names, "viewfx" on images without an expression, `indices` beside an
            `ImageDataset`, both `groups_per_batch` and `batch_size`, or a data set that is for
            judging only.
    """
    from fermodels import methods
    from fermodels.training.loop import fit

    if method_name not in PRETRAINING:
        raise ValueError(f"unknown method {method_name!r}: take {', '.join(PRETRAINING)}")
    if batch_by not in ("session", "instance"):
        raise ValueError(f"batch_by is 'session' or 'instance', not {batch_by!r}")
    if not isinstance(prepared, ImageDataset):
        data = ImageDataset(prepared, indices)
    elif indices is None:
        data, prepared = prepared, prepared.prepared
    else:
        raise ValueError("an ImageDataset has rows of its own: leave the indices out")
    prepared.check_trainable("pre-training")
    if method_name == "viewfx":
        prepared.check_labelled(data.indices, "ViewFX")
    by_subject, batch_images = _by_subject(data, groups_per_batch, batch_size, seed, epoch_steps)
    if not prepared.known_subjects[data.indices].all():  # a group would be a single instance
        wanted = batch_size or _GROUP * (groups_per_batch or _GROUPS)
        batch_by, batch_images = "instance", min(len(data), wanted)
    start = {} if encoder is None else {"start": weights_digest(encoder)}
    with forked_rng():
        torch.manual_seed(seed)
        encoder = ImageEncoder() if encoder is None else copy.deepcopy(encoder)
        settings = PRETRAINING[method_name] | {"seed": seed} | overrides
        if not isinstance(settings["augment"], torch.nn.Module):
            settings["augment"] = settings["augment"](encoder.image_size)
        if method_name == "simclr":
            learner = methods.SimCLR(encoder, **settings)
            sampler = RandomBatchSampler(
                len(data), max(2, batch_images // 2), seed, num_batches=epoch_steps
            )
            images_per_step = 2 * sampler.batch_size
        else:
            kind = methods.CLMEx if method_name == "clmex" else methods.ViewFX
            learner = kind(encoder, **settings)
            sampler = by_subject
            if batch_by == "instance":
                images_each = len(data) / len(data.columns["instance"].unique())
                sampler = InstanceBatchSampler(
                    data, round(batch_images / images_each), seed, num_batches=epoch_steps
                )
            images_per_step = batch_images * learner.num_augmentations
    history = fit(
        learner,
        loader(data, sampler, accelerator),
        max_steps=max(1, -(-images_seen // images_per_step)),
        run_dir=run_dir,
        validate=validate,
        validate_every=validate_every,
        extend=extend,
        progress=progress,
        logger=logger,
        callbacks=callbacks,
        accelerator=accelerator,
        precision=precision,
        compile=compile,
        settings=start,
    )
    return encoder, history


def _by_subject(
    data: ImageDataset, groups: int | None, images: int | None, seed: int, steps: int | None
) -> tuple[SubjectBatchSampler, int]:
    """Batches of whole groups, and how many images they have on average."""
    if groups is not None and images is not None:
        raise ValueError("give groups_per_batch or batch_size, not both")
    sampler = SubjectBatchSampler(data, groups or _GROUPS, seed, num_batches=steps)
    each = len(data) / len(sampler.groups)
    wanted = None
    if images is not None:
        wanted = max(1, round(images / each))
    elif groups is None and _GROUPS * each < _FLOOR:
        wanted = math.ceil(_FLOOR / each)
    if wanted is not None:
        sampler = SubjectBatchSampler(data, wanted, seed, num_batches=steps)
    return sampler, round(sampler.groups_per_batch * each)


def finetune(
    prepared: PreparedImages,
    train_indices: Sequence[int] | np.ndarray,
    *,
    encoder: ImageEncoder | None = None,
    settings: str | None = None,
    steps: int,
    seed: int = 0,
    run_dir: str | os.PathLike | None = None,
    val_indices: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 64,
    class_weights: str | Sequence[float] | None = None,
    image_size: int = 48,
    extend: bool = False,
    progress: bool | None = None,
    logger: Any = None,
    callbacks: Sequence[Callback] = (),
    accelerator: str = "auto",
    precision: str | int | None = None,
    compile: bool = False,
    **overrides: Any,
) -> ImageFineTuning:
    """Train a linear classifier and the encoder under it with cross-entropy.

    Args:
        train_indices: the labelled rows.
        encoder: stays as it is (a copy is trained); None trains the small one from scratch.
        settings: "from scratch" for those in `FROM_SCRATCH`, "pretrained" for those in
            `PRETRAINED`, with a third of the learning rate. None takes the first without an
            encoder, the second with one, and refuses one whose batch norm shows that it was never
            trained. Steps, batches and augmentation are the same for both.
        steps: optimiser steps; few images are gone through more often.
        seed: of the new weights, the order and the augmentation.
        run_dir: see :func:`fermodels.training.fit`.
        val_indices: rows whose accuracy joins the history as `val_accuracy`, every 50 steps and
            at the end.
        batch_size: images to a step.
        class_weights: "balanced" takes them from `train_indices`; else see
            :class:`fermodels.methods.ImageFineTuning`.
        image_size: of a new encoder.
        extend, progress, logger, callbacks, accelerator, precision, compile: see `fit`.
        overrides: arguments of `ImageFineTuning`, in place of these settings.

    Returns:
        The classifier, in eval mode on the CPU; its `history` is what `fit` returned.

    Raises:
        ValueError: some of the rows have no expression, balanced weights of a class without
            images, an untrained encoder without the name of its settings, or a data set that is
            for judging only.
    """
    from fermodels import methods
    from fermodels.training.loop import fit

    prepared.check_trainable("fine-tuning")
    data = ImageDataset(prepared, train_indices)
    prepared.check_labelled(data.indices, "fine-tuning")
    if val_indices is not None:
        prepared.check_labelled(val_indices, "validation")
    defaults = settings_by_name(settings, encoder, FROM_SCRATCH, PRETRAINED)
    weights = chosen_weights(class_weights, prepared.labels[data.indices], prepared.expressions)
    start = None if encoder is None else weights_digest(encoder)
    with forked_rng():
        torch.manual_seed(seed)
        encoder = ImageEncoder(image_size=image_size) if encoder is None else copy.deepcopy(encoder)
        encoder.requires_grad_(True)
        options = defaults | {"seed": seed, "class_weights": weights} | overrides
        learner = methods.ImageFineTuning(encoder, prepared.expressions, **options)
    sampler = RandomBatchSampler(len(data), batch_size, seed, num_batches=min(steps, _EPOCH))

    validate = None
    if val_indices is not None:
        images, labels = prepared.images(val_indices), prepared.labels[np.asarray(val_indices)]

        def validate(_) -> dict[str, float]:
            return {"val_accuracy": float(np.mean(learner.predict(images)[0] == labels))}

    learner.history = fit(
        learner,
        loader(data, sampler, accelerator),
        max_steps=steps,
        run_dir=run_dir,
        validate=validate,
        extend=extend,
        progress=progress,
        logger=logger,
        callbacks=callbacks,
        accelerator=accelerator,
        precision=precision,
        compile=compile,
        settings={"start": start},
    )
    return learner
