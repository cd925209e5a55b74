"""What the learners share: augmentation on the device, the optimiser, and its schedule."""

import operator
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR
from torch.utils.data import Dataset
from typing_extensions import TypedDict, Unpack

from fermodels.data import Augment
from fermodels.losses import EmptyBatchError
from fermodels.losses.contrastive import ContrastiveLoss
from fermodels.methods.muon import MuonAndAdamW
from fermodels.models import ProjectionHead
from fermodels.models.heads import length_of_representation
from fermodels.models.modes import weights_dtype
from fermodels.models.saving import SavedModule

OPTIMIZERS = {"adamw": torch.optim.AdamW, "muon": MuonAndAdamW}
_HALF_EPSILON = 1e-4  # of AdamW in float16, where its 1e-8 is 0 and a small gradient's square, too
_VALIDATION = 2**32  # above any step, so that validation draws numbers of its own


class SharedArguments(TypedDict, total=False):
    """Keyword arguments of every learner: see :class:`Learner`."""

    learning_rate: float
    weight_decay: float
    warmup: float
    optimizer: str
    seed: int


class ContrastiveArguments(SharedArguments, total=False):
    """Keyword arguments of every contrastive learner: see :class:`ContrastiveLearner`."""

    projection_dim: int
    hidden_dim: int | None
    augment: nn.Module | None


class Learner(nn.Module):
    """A method that trains with AdamW or Muon and one cycle of the learning rate.

    A plain module: :func:`fermodels.training.fit` calls `check_data`, `training_step`,
    `validation_step`, `configure_optimizer` and `configure_schedule`, and so can any other loop.
    It takes the batches of :mod:`fermodels.data`. Random numbers of the augmentation follow
    from (seed, step, process) alone, so that a resumed run repeats them. Under several processes
    the losses are those of the batches of all of them (`gather_distributed`).

    Args:
        augment: what to do to the images; None for batches that come augmented, as stored
            features do.
        learning_rate: peak of the cycle, reached after the share `warmup` of all steps (Smith &
            Topin, 2018, arXiv 1708.07120).
        weight_decay: of matrices and kernels; biases and norms are not decayed.
        warmup: share of the steps in which the learning rate rises, in [0, 1].
        optimizer: "adamw", or "muon" for :class:`fermodels.methods.MuonAndAdamW`, which from new
            weights comes much further with as many images.
        seed: of the augmentation.

    Attributes:
        encoder: what is trained, and exported at the end.
        loss_names: names of what `training_step` returns beside "loss", when it returns a dict: the
            parts of a sum, one column each in the history.
        find_unused_parameters: whether some steps leave some parameters without gradient, which DDP
            must know.
        global_step, current_epoch, global_rank: how many steps and epochs are done, and the number
            of this process: whoever trains keeps them up to date.

    Raises:
        ValueError: a learning rate, decay or warm-up out of range, or an unknown optimiser.
    """

    loss_names: tuple[str, ...] = ()
    find_unused_parameters = False
    global_step = current_epoch = global_rank = 0

    def __init__(
        self,
        augment: nn.Module | None,
        *,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        warmup: float = 0.1,
        optimizer: str = "adamw",
        seed: int = 0,
    ):
        super().__init__()
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer is one of {', '.join(OPTIMIZERS)}, not {optimizer!r}")
        if not (learning_rate > 0 and weight_decay >= 0 and 0 <= warmup <= 1):
            raise ValueError(
                "learning_rate must be positive, weight_decay at least 0 and warmup a share of "
                f"the steps in [0, 1]; got {learning_rate}, {weight_decay}, {warmup}"
            )
        self.augment = augment
        # Python's own numbers: NumPy's would make optimisers and checkpoints that cannot be kept.
        self.learning_rate, self.weight_decay = float(learning_rate), float(weight_decay)
        self.warmup, self.optimizer, self.seed = float(warmup), optimizer, operator.index(seed)

    def settings(self) -> dict:
        """What fixes the result of a run, as JSON; `fit` refuses to resume a run with others."""
        config = self.encoder.config if isinstance(self.encoder, SavedModule) else None
        augment = {} if self.augment is None else {"augment": repr(self.augment)}
        return {
            "method": type(self).__name__,
            "encoder": config or repr(self.encoder),
            **augment,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "warmup": self.warmup,
            "seed": self.seed,
            # Not in runs from before this option.
            **({} if self.optimizer == "adamw" else {"optimizer": self.optimizer}),
        }

    def check_data(self, dataset: Dataset) -> None:
        """Look at a data set before training on it, as a learner with labels does.

        Raises:
            ValueError: it cannot be learned from.
        """

    def training_step(self, batch: dict, batch_idx: int) -> Tensor | dict[str, Tensor]:
        """The loss of a batch, a scalar; or a dict of it, "loss", and of `loss_names`.

        Raises:
            EmptyBatchError: the batch has nothing to learn from; whoever trains takes the next.
        """
        raise NotImplementedError

    def validation_step(self, batch: dict, batch_idx: int) -> dict[str, Tensor]:
        """Metrics by name, each the mean over the batch."""
        raise NotImplementedError

    def generator(self, batch_idx: int | None = None) -> torch.Generator:
        """Random numbers of this training step, or of the validation batch `batch_idx`."""
        step = self.global_step if batch_idx is None else _VALIDATION + batch_idx
        state = np.random.SeedSequence([self.seed, step, self.global_rank])
        number = int(state.generate_state(1, np.uint64)[0])
        return torch.Generator().manual_seed(number)

    def augmented(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augmented images (N, 3, size, size), in the type of the weights (`precision`)."""
        return self.augment(images, generator).images.to(weights_dtype(self))

    def learning_rates(self) -> Iterator[tuple[nn.Module, float]]:
        """The modules to train, each with the peak of its learning rate."""
        raise NotImplementedError

    def parameter_groups(self) -> list[dict]:
        """Parameters, peak of the learning rate and decay, as an optimiser takes them.

        Those of `learning_rates`, and the temperatures that learn.
        """
        groups, known = [], set()
        losses = (loss for loss in self.children() if isinstance(loss, ContrastiveLoss))
        for module, rate in [*self.learning_rates(), *((x, self.learning_rate) for x in losses)]:
            parameters = [p for p in module.parameters() if p.requires_grad and p not in known]
            known.update(parameters)
            for decay, chosen in (
                (self.weight_decay, [p for p in parameters if p.ndim > 1]),
                (0.0, [p for p in parameters if p.ndim <= 1]),
            ):
                if chosen:
                    groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
                    if any(p.dtype == torch.float16 for p in chosen):
                        groups[-1]["eps"] = _HALF_EPSILON
        return groups

    def configure_optimizer(self) -> Optimizer:
        """The optimiser over the parameter groups."""
        return OPTIMIZERS[self.optimizer](self.parameter_groups())

    def configure_schedule(
        self, optimizer: Optimizer, steps: int, height: float = 1.0
    ) -> LRScheduler:
        """One cycle of the learning rate over so many steps; call its `step()` after each.

        Args:
            optimizer: from `configure_optimizer`.
            steps: length of the cycle.
            height: of its peak, as a share of `learning_rate`.
        """
        if steps < 1:
            raise ValueError(f"a cycle has one step or more, got {steps}")
        peaks = [height * group["lr"] for group in self.parameter_groups()]
        if steps == 1:  # the peak: a cycle of one step is its end, where nothing is learned
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = group["initial_lr"] = peak
            return LambdaLR(optimizer, lambda _: 1.0)
        warmup, total = self.warmup, steps
        # OneCycleLR divides by warmup · steps − 1, and after the last step by what follows on it.
        if abs(warmup * steps - 1) < 1e-6:
            warmup = 0.999 / steps  # the first step is the peak
        elif (1 - warmup) * steps < 1e-6:
            warmup, total = steps / (steps + 1), steps + 1
        return OneCycleLR(
            optimizer,
            peaks,
            total_steps=total,
            pct_start=warmup,
            cycle_momentum=self.optimizer == "adamw",
        )


class ContrastiveLearner(Learner):
    """Encoder f, projection head g, and a loss on z = g(f(augmented image)).

    Args:
        encoder: trained in place; anything with `feature_dim` that maps images (N, 3, H, W) to
            (N, feature_dim), such as :class:`fermodels.models.ImageEncoder`.
        projection_dim, hidden_dim: of :class:`fermodels.models.ProjectionHead`.
        augment: default :meth:`fermodels.data.Augment.mild` at the encoder's image size.
        learning_rate, warmup: as of :class:`Learner`, with defaults that suit these losses.
        shared: `weight_decay`, `seed`: see :class:`Learner`.

    Raises:
        TypeError: the encoder has no `feature_dim`.
        ValueError: it has no `image_size` to augment at.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        projection_dim: int = 128,
        hidden_dim: int | None = None,
        augment: nn.Module | None = None,
        learning_rate: float = 4e-3,
        warmup: float = 0.3,
        **shared: Unpack[SharedArguments],
    ):
        augment = default_augment(encoder) if augment is None else augment
        super().__init__(augment, learning_rate=learning_rate, warmup=warmup, **shared)
        self.encoder = encoder
        self.projection = ProjectionHead(
            length_of_representation(encoder), hidden_dim, projection_dim
        )

    def settings(self) -> dict:
        head = self.projection
        return super().settings() | {"projection": [head.in_dim, head.hidden_dim, head.out_dim]}

    def learning_rates(self) -> Iterator[tuple[nn.Module, float]]:
        yield self.encoder, self.learning_rate
        yield self.projection, self.learning_rate

    def project(self, images: Tensor, num_augmentations: int, generator: torch.Generator) -> Tensor:
        """Augmentations of each image (N, 3, H, W) → z (num_augmentations · N, projection_dim).

        Rows come one round of augmentation after the other: row c·N + i is copy c of image i.
        """
        images = torch.cat([self.augmented(images, generator) for _ in range(num_augmentations)])
        return self.projection(self.encoder(images))

    def batch_loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        """The loss of one batch, a scalar."""
        raise NotImplementedError

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        return self.batch_loss(batch, self.generator())

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        return {"val_loss": self.batch_loss(batch, self.generator(batch_idx))}


def where_possible(tasks: Mapping[str, Callable[[], Tensor]]) -> dict[str, Tensor]:
    """The losses of the tasks that a batch has something for, by name.

    Raises:
        EmptyBatchError: it has something for none of them.
    """
    losses: dict[str, Tensor] = {}
    nothing: EmptyBatchError | None = None
    for name, loss in tasks.items():
        try:
            losses[name] = loss()
        except EmptyBatchError as error:
            nothing = error
    if nothing is not None and not losses:
        raise nothing
    return losses


def default_augment(encoder: nn.Module) -> Augment:
    """Mild augmentation at the encoder's image size; ValueError if it has none."""
    size = getattr(encoder, "image_size", None)
    if size is None:
        raise ValueError("the encoder takes images of any size: pass augment=Augment.mild(size)")
    return Augment.mild(size)
