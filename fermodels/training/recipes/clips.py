"""The trainings of the clip half of the course, with the settings of notebooks and studies."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fermodels._shared.tasks import TASKS
from fermodels.data import ClipBatchSampler, FeatureDataset, SpeakerBatchSampler, all_copies, loader
from fermodels.data.clip_samplers import even_batch_size
from fermodels.data.feature_dataset import chosen_modalities
from fermodels.data.indices import resolve_indices
from fermodels.models import MultiModalEncoder
from fermodels.models.modes import forked_rng
from fermodels.models.saving import weights_digest
from fermodels.training.recipes.starts import chosen_weights, settings_by_name

if TYPE_CHECKING:
    import pandas as pd

    from fermodels.data import PreparedClips
    from fermodels.features import FeatureSet
    from fermodels.methods import ClipFineTuning
    from fermodels.training.callbacks import Callback

# Chosen on the validation speakers of Anny Clips by studies/clips_search.py. The classifiers of the
# study have settings of their own for each share of labels, such as a start from a probe.
EPOCHS = 10
SPEAKERS_PER_BATCH = 1
STEPS = 200
PRETRAINING: dict[str, Any] = {
    "temperature": 0.2,
    "num_clusters": 7,
    "cluster_assignment": "sinkhorn",
    "cluster_mode": "joint",
    "cluster_projection": "none",
    "cluster_temperature": 0.1,
    "cluster_epsilon": 0.02,
    "queue_size": 0,  # each speaker's clips fill the clusters equally
    "reconstruct_from": "both",
    "warmup_epochs": 2,
    "feature_dropout": 0.5,
    "learning_rate": 3e-3,
    "weight_decay": 1e-2,
}
# The weights of the tasks where they are on.
TASK_WEIGHTS = {"contrastive": 1.0, "clustering": 4.0, "reconstruction": 1.0}
SIMCLR: dict[str, Any] = {
    "temperature": 0.2,
    "feature_dropout": 0.5,
    "learning_rate": 3e-3,
    "weight_decay": 1e-2,
}
FROM_SCRATCH: dict[str, Any] = {
    "learning_rate": 3e-3,
    "weight_decay": 1e-2,
    "dropout": 0.5,
    "feature_dropout": 0.5,
}
PRETRAINED: dict[str, Any] = {
    "learning_rate": 3e-3,
    "encoder_learning_rate": 1e-4,
    "weight_decay": 1e-2,
    "dropout": 0.5,
    "feature_dropout": 0.3,
}
_EPOCH = 50  # steps of training with labels between two validations and checkpoints


def pretrain_clips(
    features: FeatureSet,
    indices: Sequence[int] | np.ndarray | None = None,
    *,
    tasks: Sequence[str] = TASKS,
    modalities: Sequence[str] | None = None,
    epochs: int = EPOCHS,
    seed: int = 0,
    run_dir: str | os.PathLike | None = None,
    encoder: MultiModalEncoder | None = None,
    speakers: Sequence[int] | np.ndarray | None = None,
    speakers_per_batch: int = SPEAKERS_PER_BATCH,
    batch_size: int = 256,
    validate: Callable[[torch.nn.Module], Mapping[str, float]] | None = None,
    validate_every: int = 10,
    save_every: int = 10,
    extend: bool = False,
    progress: bool | None = None,
    logger: Any = None,
    callbacks: Sequence[Callback] = (),
    accelerator: str = "auto",
    precision: str | int | None = None,
    **overrides: Any,
) -> tuple[MultiModalEncoder, pd.DataFrame]:
    """Pre-train a clip encoder with ConCluGen, without labels.

    Args:
        features: the stored features.
        indices: clips to train on, default all: pass the training split. Those that have none of
            the modalities are left out. Features are standardised by what these clips hold.
        tasks: any of "contrastive", "clustering" and "reconstruction".
        modalities: which to use, default all.
        epochs: passes over the clips, of each a copy drawn at random.
        seed: of the first weights, the order, the copies and k-means.
        run_dir: see :func:`fermodels.training.fit`; a finished run is loaded, not repeated.
        encoder: to go on from, with its own modalities and standardisation; it stays as it is (a
            copy is trained). Default: a new one.
        speakers: who speaks in each clip of `features`, such as `clips.subject_ids`. A batch is
            then the clips of `speakers_per_batch` speakers, so that nobody can be told from the
            others by who it is (see :class:`fermodels.data.SpeakerBatchSampler`). None
            draws clips at random, as the paper does.
        batch_size: clips to a batch at most; batches of an epoch are equally long.
        validate, validate_every, save_every, extend, progress: see `fit`.
        logger, callbacks, accelerator, precision: see `fit`.
        overrides: settings of :class:`fermodels.methods.ConCluGen`, in place of those in
            `PRETRAINING` and `TASK_WEIGHTS`.

    Returns:
        The encoder, in eval mode on the CPU, and the history with a column for each task.
    """
    from fermodels import methods

    def learner(encoder: MultiModalEncoder | None, dims: dict[str, int]):
        weights = {name: w for name, w in TASK_WEIGHTS.items() if name in tasks}
        settings = PRETRAINING | {"task_weights": weights, "seed": seed}
        if len(encoder.modalities if encoder else dims) == 1:
            settings["reconstruct_from"] = "own"
        settings |= overrides
        return methods.ConCluGen(dims, tasks, encoder=encoder, **settings)

    fit_options = {
        "epochs": epochs,
        "run_dir": run_dir,
        "validate": validate,
        "validate_every": validate_every,
        "save_every": save_every,
        "extend": extend,
        "progress": progress,
        "logger": logger,
        "callbacks": callbacks,
        "accelerator": accelerator,
        "precision": precision,
    }
    batches = {
        "num_views": 1,
        "speakers": speakers,
        "speakers_per_batch": speakers_per_batch,
        "batch_size": batch_size,
        "seed": seed,
    }
    return _pretrain(learner, features, indices, modalities, encoder, batches, fit_options)


def pretrain_video_simclr(
    features: FeatureSet,
    indices: Sequence[int] | np.ndarray | None = None,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    run_dir: str | os.PathLike | None = None,
    modalities: Sequence[str] = ("video",),
    speakers: Sequence[int] | np.ndarray | None = None,
    speakers_per_batch: int = SPEAKERS_PER_BATCH,
    batch_size: int = 256,
    validate: Callable[[torch.nn.Module], Mapping[str, float]] | None = None,
    validate_every: int = 10,
    save_every: int = 10,
    extend: bool = False,
    progress: bool | None = None,
    logger: Any = None,
    callbacks: Sequence[Callback] = (),
    accelerator: str = "auto",
    precision: str | int | None = None,
    **overrides: Any,
) -> tuple[MultiModalEncoder, pd.DataFrame]:
    """Pre-train a clip encoder with SimCLR on two copies of each clip, video alone by default.

    Arguments and result as of :func:`pretrain_clips`; `overrides` are settings of
    :class:`fermodels.methods.ClipSimCLR`, in place of those in `SIMCLR`.
    """
    from fermodels import methods

    def learner(encoder: MultiModalEncoder | None, dims: dict[str, int]):
        return methods.ClipSimCLR(dims, encoder=encoder, **SIMCLR | {"seed": seed} | overrides)

    fit_options = {
        "epochs": epochs,
        "run_dir": run_dir,
        "validate": validate,
        "validate_every": validate_every,
        "save_every": save_every,
        "extend": extend,
        "progress": progress,
        "logger": logger,
        "callbacks": callbacks,
        "accelerator": accelerator,
        "precision": precision,
    }
    batches = {
        "num_views": 2,
        "speakers": speakers,
        "speakers_per_batch": speakers_per_batch,
        "batch_size": batch_size,
        "seed": seed,
    }
    return _pretrain(learner, features, indices, modalities, None, batches, fit_options)


def _pretrain(
    make, features, indices, modalities, encoder, batches: dict, fit_options: dict
) -> tuple[MultiModalEncoder, pd.DataFrame]:
    from fermodels.training.loop import fit

    modalities = chosen_modalities(features, encoder.modalities if encoder else modalities)
    indices = resolve_indices(indices, len(features))
    there = np.stack([np.asarray(features.present[name]) for name in modalities]).any(axis=0)
    indices = indices[there[indices]]
    data = FeatureDataset(features, None, indices, modalities)
    start = None if encoder is None else weights_digest(encoder)
    with forked_rng():
        torch.manual_seed(batches["seed"])
        encoder = copy.deepcopy(encoder)
        learner = make(encoder, {name: features.dims[name] for name in modalities})
    if encoder is None:
        learner.encoder.fit_standardisation(*all_copies(features, indices))
    batches = dict(batches)
    speakers = batches.pop("speakers")
    if speakers is None:
        del batches["speakers_per_batch"]
        batches["batch_size"] = even_batch_size(len(indices), batches["batch_size"])
        sampler = ClipBatchSampler(data, **batches)
    else:
        sampler = SpeakerBatchSampler(data, speakers, **batches)
    history = fit(
        learner,
        loader(data, sampler, fit_options["accelerator"]),
        settings={"start": start},
        **fit_options,
    )
    return learner.encoder, history


def train_clip_classifier(
    features: FeatureSet,
    clips: PreparedClips,
    indices: Sequence[int] | np.ndarray,
    *,
    encoder: MultiModalEncoder | None = None,
    settings: str | None = None,
    modalities: Sequence[str] | None = None,
    steps: int = STEPS,
    seed: int = 0,
    run_dir: str | os.PathLike | None = None,
    val_indices: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 64,
    probe_first: float | None = None,
    class_weights: str | Sequence[float] | None = None,
    multi_label: bool = False,
    extend: bool = False,
    progress: bool | None = None,
    logger: Any = None,
    callbacks: Sequence[Callback] = (),
    accelerator: str = "auto",
    precision: str | int | None = None,
    **overrides: Any,
) -> ClipFineTuning:
    """Train a linear classifier, and the clip encoder under it, on labelled clips.

    Args:
        features: the stored features; of each clip a copy is drawn at random for every batch.
        clips: the data set with the labels, the one that the features were computed from.
        indices: the labelled clips.
        encoder: stays as it is (a copy is trained); None trains one of the same architecture from
            scratch, standardised by `indices`.
        settings: "from scratch" for those in `FROM_SCRATCH`, "pretrained" for those in
            `PRETRAINED`, with which the encoder learns slowly. None takes the first without an
            encoder, the second with one, and refuses one that is not even standardised.
        modalities: which to use, default all, or all that the encoder knows.
        steps: optimiser steps; few clips are gone through more often.
        seed: of the new weights, the order, the copies and dropout.
        run_dir: see :func:`fermodels.training.fit`.
        val_indices: clips whose accuracy joins the history as `val_accuracy`, every 50 steps and at
            the end (multi-label: share of right answers over clips and emotions).
        batch_size: clips to a step.
        probe_first: start the linear layer as a logistic regression on the representations of the
            labelled clips, of this inverse strength of regularisation (`C` of
            :func:`fermodels.evaluation.linear_probe`), so that the encoder is not led astray by a
            layer that knows nothing yet (Kumar et al., ICLR 2022, arXiv 2202.10054). None starts
            from random weights.
        class_weights: "balanced" takes them from `indices`; else see
            :class:`fermodels.methods.ClipFineTuning`.
        multi_label: learn `clips.targets`, several emotions a clip, instead of `clips.labels`.
        extend, progress, logger, callbacks, accelerator, precision: see `fit`.
        overrides: arguments of `ClipFineTuning`, in place of these settings.

    Returns:
        The classifier, in eval mode on the CPU; its `history` is what `fit` returned.

    Raises:
        ValueError: rows without a label, balanced weights of a class without clips, a new
            encoder without the name of its settings, clips that are for judging only, or
            `probe_first` without an encoder, with `multi_label` or with labels that lack a class.
        FeatureError: the features are those of other clips.
    """
    from fermodels import methods
    from fermodels.training.loop import fit

    clips.check_trainable("training a classifier")
    indices = resolve_indices(indices, len(features))
    if encoder is not None and modalities is not None:
        encoder = encoder.select(modalities)
    modalities = chosen_modalities(features, encoder.modalities if encoder else modalities)
    data = FeatureDataset(features, clips, indices, modalities)
    if probe_first is not None and (encoder is None or multi_label):
        raise ValueError("probe_first is for a pre-trained encoder and one emotion a clip")
    if val_indices is not None:
        val_indices = resolve_indices(val_indices, len(features))
    if not multi_label:
        clips.check_labelled(indices, "fine-tuning")
        if val_indices is not None:
            clips.check_labelled(val_indices, "validation")
    labels = clips.targets[indices] if multi_label else clips.labels[indices]
    class_weights = chosen_weights(class_weights, labels, clips.emotions)
    defaults = settings_by_name(settings, encoder, FROM_SCRATCH, PRETRAINED)
    start = None if encoder is None else weights_digest(encoder)
    with forked_rng():
        torch.manual_seed(seed)
        if encoder is None:
            encoder = MultiModalEncoder({name: features.dims[name] for name in modalities})
            encoder.fit_standardisation(*all_copies(features, indices))
        else:
            encoder = copy.deepcopy(encoder).requires_grad_(True)
        learner = methods.ClipFineTuning(
            encoder,
            clips.emotions,
            multi_label=multi_label,
            class_weights=class_weights,
            **defaults | {"seed": seed} | overrides,
        )
    if probe_first is not None:
        _start_from_probe(learner, features, indices, labels, probe_first)
    batches = ClipBatchSampler(data, batch_size, seed=seed, num_batches=min(steps, _EPOCH))

    validate = None
    if val_indices is not None:
        truth = (clips.targets if multi_label else clips.labels)[val_indices]

        def validate(_) -> dict[str, float]:
            return {
                "val_accuracy": float(np.mean(learner.predict(features, val_indices)[0] == truth))
            }

    learner.history = fit(
        learner,
        loader(data, batches, accelerator),
        max_steps=steps,
        run_dir=run_dir,
        validate=validate,
        extend=extend,
        progress=progress,
        logger=logger,
        callbacks=callbacks,
        accelerator=accelerator,
        precision=precision,
        settings={"start": start, **({} if probe_first is None else {"probe_first": probe_first})},
    )
    return learner


def _start_from_probe(
    learner: ClipFineTuning, features: FeatureSet, indices: np.ndarray, labels: np.ndarray, C: float
) -> None:
    """Give the linear layer the weights of a logistic regression on what the encoder says."""
    from fermodels.evaluation import embed_clips
    from fermodels.evaluation.probes import fit_linear_probe

    head = learner.classifier.head
    if len(np.unique(labels)) < head.out_features:
        raise ValueError("probe_first needs labelled clips of every emotion")
    h = embed_clips(learner.encoder, features, indices, fusion=learner.classifier.fusion)
    scaler, regression = (step for _, step in fit_linear_probe(h, labels, C=C).steps)
    weight = regression.coef_ / scaler.scale_  # (classes, features), for h that is not standardised
    bias = regression.intercept_ - weight @ scaler.mean_
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))


def features_digest(features: FeatureSet) -> str:
    """SHA-256 (hex) over what the features were made with: backbones and settings."""
    made_with = json.dumps([features.backbones, features.settings], sort_keys=True, default=str)
    return hashlib.sha256(made_with.encode()).hexdigest()
