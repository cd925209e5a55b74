"""The experiment of clips: ConCluGen on stored features, then a classifier, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.data import PreparedClips, clean_batch
from fermodels.evaluation import classification_scores, multi_label_scores
from fermodels.experiments.experiment import Experiment, LoggerName, check_numbers
from fermodels.features import FeatureSet

if TYPE_CHECKING:
    import pandas as pd

TaskName = Literal["contrastive", "clustering", "reconstruction"]


@dataclass
class ClipPretraining:
    """See :func:`fermodels.training.recipes.pretrain_clips`, :class:`fermodels.methods.ConCluGen`.

    Args:
        tasks: of contrastive, clustering, reconstruction; any of them.
        task_weights: task → weight; null weighs all alike.
        epochs: passes over the clips, of each a copy drawn at random.
        batch_size: clips to a batch.
        by_speaker: a batch is the clips of one subject; false draws clips at random, as the paper.
        hidden_dim, representation_dim, projection_dim: of the encoder and the projection head.
        temperature, margin: of the contrastive loss.
        num_clusters, cluster_mode, cluster_assignment, cluster_temperature, cluster_epsilon,
            cluster_projection, queue_size, fill_queue, warmup_epochs: of clustering. Those of the
            paper, k-means of the shared projection, unlike those of the course's recipe.
        reconstruct_from: each modality from its "own" representation, those of "others", or "both".
        feature_dropout: share of the features that the encoder does not see.
        learning_rate, weight_decay, warmup: of AdamW and its one cycle.
    """

    tasks: list[TaskName] = field(
        default_factory=lambda: ["contrastive", "clustering", "reconstruction"]
    )
    task_weights: dict[str, float] | None = None
    epochs: int = 50
    batch_size: int = 256
    by_speaker: bool = False
    hidden_dim: int = 256
    representation_dim: int = 128
    projection_dim: int = 128
    temperature: float = 1.0
    margin: float = 0.001
    num_clusters: int = 8
    cluster_mode: Literal["joint", "individual", "swapped"] = "joint"
    cluster_assignment: Literal["kmeans", "sinkhorn"] = "kmeans"
    cluster_temperature: float = 0.1
    cluster_epsilon: float = 0.05
    cluster_projection: Literal["shared", "own", "none"] = "shared"
    queue_size: int = 1024
    fill_queue: bool = False
    reconstruct_from: Literal["own", "others", "both"] = "own"
    warmup_epochs: int = 1
    feature_dropout: float = 0.0
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: float = 0.1


@dataclass
class ClipFinetuning:
    """See :class:`fermodels.methods.ClipFineTuning`.

    Args:
        epochs: passes over the labelled clips; a fraction is allowed.
        fusion: of the modalities' representations.
        class_weights: "balanced" makes every class count the same; null weighs all clips alike.
        encoder_learning_rate: of the encoder; null is `learning_rate`.
        freeze_encoder: train the linear layer alone.
    """

    epochs: float = 20
    batch_size: int = 64
    fusion: Literal["concatenate", "mean"] = "concatenate"
    class_weights: Literal["balanced"] | None = None
    learning_rate: float = 1e-3
    encoder_learning_rate: float | None = 1e-4
    weight_decay: float = 1e-2
    warmup: float = 0.1
    dropout: float = 0.0
    feature_dropout: float = 0.0
    label_smoothing: float = 0.0
    freeze_encoder: bool = False


class ClipExperiment(Experiment):
    """ConCluGen on CMU-MOSEI, MELD, CAER, MEAD or clips of your own, once for each seed.

    Args:
        name: of the run, as the table of results shows it.
        data: the prepared Parquet file of clips.
        features: their features, from ``python -m data_prep features`` or ``mosei-features``.
        run_dir: where the results go.
        pretraining: null trains on labels from scratch.
        finetuning: the training with labels.
        modalities: of video, audio, text; null is all that the features have.
        multi_label: several emotions a clip (CMU-MOSEI), each there where its intensity is above 0.
        split: "official" for the column `split`, or "subject" for people dealt out by seed 0.
        seeds: one fold each: of weights, order, copies and k-means.
        accelerator, precision, logger: see :class:`Experiment`.
    """

    def __init__(
        self,
        name: str,
        data: str,
        features: str,
        run_dir: str,
        pretraining: ClipPretraining | None,
        finetuning: ClipFinetuning,
        modalities: list[str] | None = None,
        multi_label: bool = False,
        split: Literal["official", "subject"] = "official",
        seeds: list[int] = (0, 1, 2),
        accelerator: str = "auto",
        precision: str | None = None,
        logger: LoggerName | None = None,
    ) -> None:
        super().__init__(name, data, run_dir, accelerator, precision, logger)
        self.features_path = given_path(features)
        self.pretraining, self.finetuning = pretraining, finetuning
        self.modalities, self.multi_label = modalities, multi_label
        self.split, self.seeds = split, list(seeds)
        check_numbers(pretraining, "pretraining")
        check_numbers(finetuning, "finetuning")

    def read(self) -> PreparedClips:
        clips = PreparedClips.read(self.data)
        features = FeatureSet.read(self.features_path)
        features.check(clips)
        self.clips, self.features = clips, features.select(self.modalities or features.modalities)
        return clips

    def made_with(self) -> dict[str, str]:
        from fermodels.training.recipes.clips import features_digest

        return {"features": features_digest(self.features)}

    def make_folds(self) -> Iterator[tuple[str, int]]:
        split = self.clips.split(self.split)
        if not {"train", "test"} <= split.keys():
            raise ValueError(
                f"{self.data}: the split has {', '.join(split) or 'nothing'}; train and test are "
                "needed. Take --experiment.split subject, or import the data with its own split"
            )
        there = np.any([np.asarray(x) for x in self.features.present.values()], axis=0)
        labelled = there if self.multi_label else there & (self.clips.labels >= 0)
        self.rows = {name: rows[labelled[rows]] for name, rows in split.items()}
        self.unlabelled = split["train"][there[split["train"]]]
        for name, rows in split.items():
            if left := len(rows) - len(self.rows[name]):
                print(f"{name}: {left:,} of {len(rows):,} clips lack a label or all modalities")
        for name in ("train", "test"):
            if len(self.rows[name]) == 0:
                raise ValueError(f"{self.data}: no clip of the split {name!r} can be used")
        for seed in self.seeds:
            yield f"seed{seed}", seed

    def train_and_test(self, seed: int, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        from fermodels.training import recipes

        common = {
            "seed": seed,
            "accelerator": self.accelerator,
            "precision": self.precision,
            "logger": self.logger,
        }
        encoder, train = None, self.rows["train"]
        if self.pretraining is not None:
            settings = asdict(self.pretraining)
            weights = settings.pop("task_weights")
            by_speaker = settings.pop("by_speaker")
            encoder, _ = recipes.pretrain_clips(
                self.features,
                self.unlabelled,
                run_dir=folder / "pretraining",
                speakers=self.clips.subject_ids if by_speaker else None,
                task_weights=weights or dict.fromkeys(settings["tasks"], 1.0),
                **common,
                **settings,
            )
        settings = asdict(self.finetuning)
        epochs, batch_size = settings.pop("epochs"), settings.pop("batch_size")
        val = self.rows.get("val")
        learner = recipes.train_clip_classifier(
            self.features,
            self.clips,
            train,
            encoder=encoder,
            steps=math.ceil(epochs * len(train) / min(batch_size, len(train))),
            batch_size=batch_size,
            run_dir=folder / "finetuning",
            val_indices=val if val is not None and len(val) else None,
            multi_label=self.multi_label,
            **common,
            **settings,
        )
        return self._test(learner.classifier, self.rows["test"])

    def _test(self, classifier, rows: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
        import pandas as pd

        guess, probability = classifier.predict(
            *clean_batch(self.features, rows, classifier.encoder.modalities)
        )
        emotions = list(self.clips.emotions)
        table = self.clips.table.iloc[rows]
        predictions = table[["clip", "subject"]].reset_index(names="row")
        if self.multi_label:
            truth = self.clips.targets[rows].astype(int)
            for at, name in enumerate(emotions):
                predictions[f"true_{name}"] = truth[:, at]
            scores = _multi_label(truth, guess, emotions)
        else:
            predictions["emotion"] = table["emotion"].to_numpy()
            predictions["predicted"] = np.array(emotions)[guess]
            one = classification_scores(self.clips.labels[rows], guess)
            scores = [{"group": "all", "count": len(rows)} | one]
        for at, name in enumerate(emotions):
            predictions[f"p_{name}"] = probability[:, at]
        return predictions, pd.DataFrame(scores)


def _multi_label(truth: np.ndarray, guess: np.ndarray, emotions: list[str]) -> list[dict]:
    """The mean over the emotions, then each; one that all or none of the clips show has no score.

    `balanced_accuracy` is ½ · (TP/P + TN/N), which papers on CMU-MOSEI call weighted accuracy.
    """
    rows = []
    for at, name in enumerate(emotions):
        column = slice(at, at + 1)
        row = {"group": name, "count": len(truth)}
        row["accuracy"] = float(np.mean(truth[:, at] == guess[:, at]))
        if 0 < truth[:, at].sum() < len(truth):
            scores = multi_label_scores(truth[:, column], guess[:, column])
            row["balanced_accuracy"] = scores["weighted_accuracy"]
            row["weighted_f1"] = scores["weighted_f1"]
        rows.append(row)
    names = ("accuracy", "balanced_accuracy", "weighted_f1")
    found = {name: [row[name] for row in rows if name in row] for name in names}
    mean = {name: float(np.mean(values)) if values else math.nan for name, values in found.items()}
    return [{"group": "all", "count": len(truth)} | mean, *rows]
