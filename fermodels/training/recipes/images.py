"""The two trainings of the course, with the settings that notebooks and benchmarks share."""

from __future__ import annotations

import copy
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
from fermodels.data.indices import indices_digest
from fermodels.models import ImageEncoder
from fermodels.models.modes import forked_rng
from fermodels.models.saving import weights_digest

if TYPE_CHECKING:
    import pandas as pd

    from fermodels.data import PreparedImages
    from fermodels.methods import ImageFineTuning

PRETRAINING: dict[str, dict[str, Any]] = {
    "clmex": {"temperature": 0.15, "learning_rate": 3e-3, "augment": Augment},
    "simclr": {"temperature": 0.2, "learning_rate": 2e-3, "augment": Augment},
    "viewfx": {"temperature": 0.15, "learning_rate": 3e-3, "augment": Augment},
}
# Chosen on the validation subjects. From scratch, a peak of 2e-3 or more stays at chance level.
FROM_SCRATCH = {"learning_rate": 1e-3, "weight_decay": 1e-2, "warmup": 0.2}
PRETRAINED = FROM_SCRATCH | {"encoder_learning_rate": 5e-4}
_GROUP = 35  # images: the 7 expressions × 5 views of KDEF
_EPOCH = 50  # steps of fine-tuning between two validations and checkpoints


def pretrain(
    method_name: str,
    prepared: PreparedImages,
    indices: Sequence[int] | np.ndarray | None = None,
    *,
    images_seen: int,
    seed: int = 0,
    run_dir: str | os.PathLike | None = None,
    encoder: ImageEncoder | None = None,
    groups_per_batch: int = 7,
    batch_by: str = "session",
    validate: Callable[[torch.nn.Module], Mapping[str, float]] | None = None,
    validate_every: int = 10,
    progress: bool | None = None,
    accelerator: str = "auto",
    precision: str | int | None = None,
    compile: bool = False,
    **overrides: Any,
) -> tuple[ImageEncoder, pd.DataFrame]:
    """Pre-train an encoder: "clmex" and "simclr" without labels, "viewfx" with them.

    CL-MEx and ViewFX get batches of whole (subject, session) groups, 7 × 7 expressions × 5 views
    = 245 images of KDEF's shape; SimCLR gets half as many random images, each augmented twice.
    Where some subjects are not known, a batch is 35 images for each of `groups_per_batch`, by
    instance. AdamW, one cycle of the learning rate.

    Args:
        method_name: "clmex", "simclr" or "viewfx".
        indices: rows to train on, default all.
        images_seen: how many augmented images go through the encoder in all, rounded up to whole
            batches: the same for two methods is the same work for the encoder.
        seed: of the first weights, the order and the augmentation.
        run_dir: see :func:`fermodels.training.fit`; a finished run is loaded, not repeated.
        encoder: to go on from; it stays as it is (a copy is trained). Default: the small one at
            48 pixels, with new weights.
        groups_per_batch: subject-session groups to a batch.
        batch_by: "session" for these batches of CL-MEx and ViewFX; "instance" for as many images
            of moments drawn from everybody, which asks for the person more than the expression.
        validate, validate_every, progress, accelerator, precision, compile: see `fit`. An epoch is
            one pass over the images.
        overrides: settings of the method, in place of those in `PRETRAINING`.

    Returns:
        The encoder, in eval mode on the CPU, and the history.

    Raises:
        ValueError: unknown names, or "viewfx" on images without an expression.
    """
    from fermodels import methods
    from fermodels.training.loop import fit

    if method_name not in PRETRAINING:
        raise ValueError(f"unknown method {method_name!r}: take {', '.join(PRETRAINING)}")
    if batch_by not in ("session", "instance"):
        raise ValueError(f"batch_by is 'session' or 'instance', not {batch_by!r}")
    data = ImageDataset(prepared, indices)
    if method_name == "viewfx":
        prepared.check_labelled(data.indices, "ViewFX")
    by_subject = SubjectBatchSampler(data, groups_per_batch, seed)
    batch_images = round(len(data) * by_subject.groups_per_batch / len(by_subject.groups))
    if not prepared.known_subjects[data.indices].all():  # a group would be a single instance
        batch_by, batch_images = "instance", min(len(data), _GROUP * groups_per_batch)
    other = {} if encoder is None else {"start": weights_digest(encoder)}
    with forked_rng():
        torch.manual_seed(seed)
        encoder = ImageEncoder() if encoder is None else copy.deepcopy(encoder)
        settings = PRETRAINING[method_name] | {"seed": seed} | overrides
        if not isinstance(settings["augment"], torch.nn.Module):
            settings["augment"] = settings["augment"](encoder.image_size)
        if method_name == "simclr":
            learner = methods.SimCLR(encoder, **settings)
            sampler = RandomBatchSampler(len(data), batch_images // 2, seed)
            images_per_step = 2 * sampler.batch_size
        else:
            kind = methods.CLMEx if method_name == "clmex" else methods.ViewFX
            learner = kind(encoder, **settings)
            sampler = by_subject
            if batch_by == "instance":
                images_each = len(data) / len(data.columns["instance"].unique())
                sampler = InstanceBatchSampler(data, round(batch_images / images_each), seed)
                other["batch_by"] = batch_by
            images_per_step = batch_images * learner.num_augmentations
    history = fit(
        learner,
        loader(data, sampler, accelerator),
        max_steps=max(1, -(-images_seen // images_per_step)),
        run_dir=run_dir,
        validate=validate,
        validate_every=validate_every,
        progress=progress,
        accelerator=accelerator,
        precision=precision,
        compile=compile,
        settings=_data_settings(prepared, data) | {"images_per_step": images_per_step} | other,
    )
    return encoder, history


def finetune(
    prepared: PreparedImages,
    train_indices: Sequence[int] | np.ndarray,
    *,
    encoder: ImageEncoder | None = None,
    steps: int,
    seed: int = 0,
    run_dir: str | os.PathLike | None = None,
    val_indices: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 64,
    image_size: int = 48,
    progress: bool | None = None,
    accelerator: str = "auto",
    precision: str | int | None = None,
    compile: bool = False,
    **overrides: Any,
) -> ImageFineTuning:
    """Train a linear classifier and the encoder under it with cross-entropy.

    Args:
        train_indices: the labelled rows.
        encoder: a pre-trained encoder, which stays as it is (a copy is trained); None trains the
            small one from scratch. Steps, batches and augmentation are the same for both.
        steps: optimiser steps; few images are gone through more often.
        seed: of the new weights, the order and the augmentation.
        run_dir: see :func:`fermodels.training.fit`.
        val_indices: rows whose accuracy joins the history as `val_accuracy`, every 50 steps and
            at the end.
        batch_size: images to a step.
        image_size: of an encoder from scratch.
        overrides: settings of :class:`fermodels.methods.ImageFineTuning`, in place of those
            in `FROM_SCRATCH` or `PRETRAINED`.

    Returns:
        The classifier, in eval mode on the CPU; its `history` is what `fit` returned.

    Raises:
        ValueError: some of the rows have no expression.
    """
    from fermodels import methods
    from fermodels.training.loop import fit

    data = ImageDataset(prepared, train_indices)
    prepared.check_labelled(data.indices, "fine-tuning")
    if val_indices is not None:
        prepared.check_labelled(val_indices, "validation")
    start = None if encoder is None else weights_digest(encoder)
    with forked_rng():
        torch.manual_seed(seed)
        defaults = FROM_SCRATCH if encoder is None else PRETRAINED
        encoder = ImageEncoder(image_size=image_size) if encoder is None else copy.deepcopy(encoder)
        encoder.requires_grad_(True)
        settings = defaults | {"seed": seed} | overrides
        learner = methods.ImageFineTuning(encoder, prepared.expressions, **settings)
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
        progress=progress,
        accelerator=accelerator,
        precision=precision,
        compile=compile,
        settings=_data_settings(prepared, data) | {"batch_size": batch_size, "start": start},
    )
    return learner


def _data_settings(prepared: PreparedImages, data: ImageDataset) -> dict[str, Any]:
    return {"data": prepared.fingerprint(), "rows": indices_digest(data.indices)}
