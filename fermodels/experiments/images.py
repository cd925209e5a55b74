"""The experiment of images from several angles: pre-train, fine-tune, test on other people."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fermodels.data import Augment, PreparedImages
from fermodels.data.names import name_key, natural_key, number_of
from fermodels.evaluation import classification_scores
from fermodels.experiments.experiment import Experiment, LoggerName, check_numbers
from fermodels.models import ImageEncoder
from fermodels.models.modes import forked_rng

if TYPE_CHECKING:
    import pandas as pd

AugmentName = Literal["mild", "standard", "strong", "wide"]


@dataclass
class Network:
    """The image encoder, with random weights.

    Args:
        name: "small", or a classification model of torchvision such as "resnet50".
        image_size: side in pixels.
    """

    name: str = "resnet50"
    image_size: int = 224


@dataclass
class ImagePretraining:
    """See :func:`fermodels.training.recipes.pretrain` and the learners of :mod:`fermodels.methods`.

    Args:
        method: "viewfx" uses the labels, the others do not.
        epochs: passes of as many images through the encoder as there are; a fraction is allowed.
            SimCLR, which takes each image twice, then sees it half as often as CL-MEx does.
        groups_per_batch: (subject, session) groups, of KDEF 35 images each.
        num_augmentations: of each image; SimCLR always has two.
        augment: how strongly images are changed.
        temperature, projection_dim: of the contrastive loss and the projection head.
        optimizer: "adamw" or "muon".
        learning_rate, weight_decay, warmup: of the optimiser and its one cycle.
    """

    method: Literal["clmex", "viewfx", "simclr"] = "clmex"
    epochs: float = 100
    groups_per_batch: int = 7
    num_augmentations: int = 1
    augment: AugmentName = "standard"
    temperature: float = 0.15
    projection_dim: int = 128
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: float = 0.3


@dataclass
class ImageFinetuning:
    """See :class:`fermodels.methods.ImageFineTuning`.

    Args:
        epochs: passes over the training images; a fraction is allowed.
        encoder_learning_rate: of the encoder; null is `learning_rate`.
        freeze_encoder: train the linear layer alone.
    """

    epochs: float = 30
    batch_size: int = 64
    augment: AugmentName = "mild"
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 1e-3
    encoder_learning_rate: float | None = 5e-4
    weight_decay: float = 1e-2
    warmup: float = 0.2
    label_smoothing: float = 0.0
    freeze_encoder: bool = False


class ImageExperiment(Experiment):
    """CL-MEx and its kin on KDEF, DDCF, MEAD or images of your own, fold by fold.

    Fold k is tested; the fold after it validates, where there are three or more; the others train.
    Nobody is in two folds, and pre-training sees the training people alone. Images without an
    expression take part in pre-training only.

    Args:
        name: of the run, as the table of results shows it.
        data: the prepared Parquet file.
        run_dir: where the results go.
        network: the encoder.
        pretraining: null trains on labels from scratch.
        finetuning: the training with labels.
        split: "folds", or "official" for the column `split`, one fold.
        fold_column: the column that says which fold a row is in. Where the file has none, people
            are dealt into `num_folds` by seed 0.
        num_folds: how many folds, without such a column.
        folds: which to run, by number or name; null is all.
        seed: of weights, order and augmentation.
        accelerator, precision, logger: see :class:`Experiment`.
    """

    def __init__(
        self,
        name: str,
        data: str,
        run_dir: str,
        network: Network,
        pretraining: ImagePretraining | None,
        finetuning: ImageFinetuning,
        split: Literal["folds", "official"] = "folds",
        fold_column: str = "fold",
        num_folds: int = 10,
        folds: list[int | str] | None = None,
        seed: int = 0,
        accelerator: str = "auto",
        precision: str | None = None,
        logger: LoggerName | None = None,
    ) -> None:
        super().__init__(name, data, run_dir, accelerator, precision, logger)
        self.network, self.pretraining, self.finetuning = network, pretraining, finetuning
        self.split, self.folds, self.seed = split, folds, seed
        self.fold_column, self.num_folds = fold_column, num_folds
        if pretraining and pretraining.method == "simclr" and pretraining.num_augmentations != 1:
            raise ValueError("SimCLR augments each image twice: leave num_augmentations at 1")
        check_numbers(pretraining, "pretraining")
        check_numbers(finetuning, "finetuning")

    def check(self, settings: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
        new_encoder(self.network, self.seed)  # the network may be none of torchvision's
        return super().check(settings)

    def read(self) -> PreparedImages:
        self.prepared = PreparedImages.read(self.data)
        return self.prepared

    def make_folds(self) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        if self.split == "official":
            parts = self.prepared.split("official")
            if not {"train", "test"} <= parts.keys():
                raise ValueError(f"{self.data}: the column 'split' must name train and test")
            yield "official", parts
            return
        folds = self._folds()
        self.prepared.check_split({str(name): rows for name, rows in folds.items()})
        names = list(folds)
        keys = {_fold_key(name): name for name in names}
        wanted = {keys.get(_fold_key(fold), fold) for fold in self.folds or names}
        unknown = sorted(wanted - set(names), key=natural_key)
        if unknown or len(names) < 2:
            raise ValueError(
                f"{self.data} has the folds {', '.join(map(str, names))}"
                + (f", not {', '.join(map(str, unknown))}" if unknown else ": two are needed")
            )
        for at, name in enumerate(names):
            if name not in wanted:
                continue
            fold = {"test": folds[name]}
            after = names[(at + 1) % len(names)]
            if len(names) > 2:
                fold["val"] = folds[after]
            held_out = {name, after} if "val" in fold else {name}
            rest = [rows for other, rows in folds.items() if other not in held_out]
            fold["train"] = np.sort(np.concatenate(rest))
            yield f"fold{name}", fold

    def _folds(self) -> dict[int | str, np.ndarray]:
        """Rows by fold, in the order of their numbers or names."""
        if self.fold_column not in self.prepared.table:
            dealt = self.prepared.split(
                "subject", {str(fold): 1 / self.num_folds for fold in range(self.num_folds)}
            )
            return {int(fold): rows for fold, rows in dealt.items()}
        column = self.prepared.table[self.fold_column]
        if column.isna().any():
            row = int(column.isna().to_numpy().argmax())
            raise ValueError(f"{self.data}: row {row}, column {self.fold_column!r} is empty")
        keys = np.array([_fold_key(fold) for fold in column.tolist()], dtype=object)
        folds = {}
        for key in sorted(set(keys.tolist()), key=natural_key):
            rows = np.flatnonzero(keys == key)
            name = key if isinstance(key, int) else str(column.iloc[rows[0]])
            if "/" in str(name) or "\\" in str(name):
                raise ValueError(
                    f"{self.data}: row {rows[0]}, column {self.fold_column!r}: the fold {name!r} "
                    "cannot be the name of a folder"
                )
            folds[name] = rows
        return folds

    def train_and_test(
        self, fold: dict[str, np.ndarray], folder: Path
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        from fermodels.training import recipes

        hardware = {
            "accelerator": self.accelerator,
            "precision": self.precision,
            "logger": self.logger,
        }
        train, network = fold["train"], self.network
        # From scratch as well: `finetune` would make one of its own, without the name.
        encoder = new_encoder(network, self.seed)
        if self.pretraining is not None:
            settings = asdict(self.pretraining)
            method, epochs = settings.pop("method"), settings.pop("epochs")
            settings["augment"] = _augment(settings["augment"], network.image_size)
            if method == "simclr":
                del settings["num_augmentations"]
            images_seen = epochs * len(train) * settings.get("num_augmentations", 1)
            encoder, _ = recipes.pretrain(
                method,
                self.prepared,
                self._labelled(fold, "train") if method == "viewfx" else train,
                images_seen=math.ceil(images_seen),
                seed=self.seed,
                run_dir=folder / "pretraining",
                encoder=encoder,
                **hardware,
                **settings,
            )
        settings = asdict(self.finetuning)
        settings["augment"] = _augment(settings["augment"], network.image_size)
        epochs, batch_size = settings.pop("epochs"), settings.pop("batch_size")
        # What is not labelled has done its work in pre-training.
        train = self._labelled(fold, "train")
        learner = recipes.finetune(
            self.prepared,
            train,
            encoder=encoder,
            settings="from scratch" if self.pretraining is None else "pretrained",
            steps=math.ceil(epochs * len(train) / min(batch_size, len(train))),
            batch_size=batch_size,
            seed=self.seed,
            run_dir=folder / "finetuning",
            val_indices=self._labelled(fold, "val") if "val" in fold else None,
            **hardware,
            **settings,
        )
        return self._test(learner.classifier.to(self.device), self._labelled(fold, "test"))

    def _labelled(self, fold: dict[str, np.ndarray], part: str) -> np.ndarray:
        """The rows of a part that have an expression."""
        rows = fold[part][self.prepared.labels[fold[part]] >= 0]
        if len(rows) == 0:
            raise ValueError(f"{self.data}: no image of the part {part!r} has an expression")
        return rows

    def _test(self, classifier, rows: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
        import pandas as pd

        guess, probability = classifier.predict(self.prepared.images(rows), batch_size=64)
        classes = np.array(self.prepared.expressions)
        table = self.prepared.table.iloc[rows]
        predictions = table[["subject", "session", "instance", "view", "expression"]].reset_index(
            names="row"
        )
        predictions["predicted"] = classes[guess]
        for at, name in enumerate(classes):
            predictions[f"p_{name}"] = probability[:, at]
        views = predictions["view"].to_numpy()
        groups = {"all": np.full(len(views), True)}
        seen = set(views)
        groups |= {view: views == view for view in self.prepared.views if view in seen}
        truth = predictions["expression"].to_numpy()
        scores = [
            {"group": name, "count": int(chosen.sum())}
            | classification_scores(truth[chosen], classes[guess][chosen])
            for name, chosen in groups.items()
        ]
        return predictions, pd.DataFrame(scores)


def _fold_key(fold: Any) -> int | str:
    """The number of a fold, in whatever a table or a configuration has it (1, "1", 1.0, "01"), or
    else the key of its name."""
    number = number_of(fold)
    return int(number) if number is not None and number == int(number) else name_key(fold)


def new_encoder(network: Network, seed: int) -> ImageEncoder:
    import torch

    with forked_rng():
        torch.manual_seed(seed)
        return ImageEncoder(network.name, network.image_size)


def _augment(name: str, size: int) -> Augment:
    makers = {
        "mild": Augment.mild,
        "standard": Augment,
        "strong": Augment.strong,
        "wide": Augment.wide,
    }
    return makers[name](size)
