"""ConCluGen: contrast, clusters and reconstruction across the modalities of a clip."""

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor, nn
from typing_extensions import Unpack

from fermodels._shared.tasks import TASKS
from fermodels.losses import ClusteringLoss, MultiModalContrastiveLoss, ReconstructionLoss
from fermodels.methods.base import SharedArguments
from fermodels.methods.clip_learner import ClipLearner, given_or_new
from fermodels.models import ClusterHead, Decoder, MultiModalEncoder, SharedProjection


class ConCluGen(ClipLearner):
    """Multi-task multi-modal pre-training (Halawa, Blume et al., ABAW 2024, arXiv 2404.10904)::

        h_m = GEU_m(x_m)      z_m = g(h_m), one projection head g for all modalities

        L = w_con · L_contrastive(z) + w_clu · L_clustering(c(z)) + w_rec · Σ_m |D_m(h_m) − x_m|²

    with a linear cluster head c and a decoder D_m a modality (sections 3.1 to 3.4). Any non-empty
    subset of the three tasks is a method of its own, as in the paper's study. No label is used.
    A clip takes part with the modalities that it has.

    Args:
        feature_dims: modality → length of its features; ignored where an `encoder` is given.
        tasks: of "contrastive", "clustering", "reconstruction". The contrastive task needs two
            modalities or more.
        task_weights: task → w, default 1 for each.
        encoder: trained in place; default a new :class:`fermodels.models.MultiModalEncoder`.
        hidden_dim, representation_dim: of a new encoder.
        projection_dim: length of z. The hidden layer of g is `hidden_dim` wide.
        temperature, margin: τ and δ of the contrastive loss; τ = 1 is the paper's.
        num_clusters, cluster_mode, cluster_temperature, queue_size: of
            :class:`fermodels.losses.ClusteringLoss`; the margin is δ here as well.
        feature_dropout: share of the standardised features that the encoder does not see in
            training; they are still to be reconstructed. Our addition, against learning the clips
            by heart; 0 is the paper's.
        warmup_epochs: epochs before clustering starts, so that there is something to cluster. It
            starts at once if it is the only task.
        seed: of the augmentation and of k-means.
        shared: `learning_rate`, `weight_decay`, `warmup`: see :class:`Learner`.

    Raises:
        ValueError: unknown or no tasks, weights of tasks that are off, a negative weight, the
            contrastive task with a single modality, neither `feature_dims` nor an encoder, or a
            dropout outside [0, 1).
    """

    find_unused_parameters = (
        True  # of the cluster head in its warm-up, of a modality that no clip has
    )

    def __init__(
        self,
        feature_dims: Mapping[str, int] | None = None,
        tasks: Sequence[str] = TASKS,
        task_weights: Mapping[str, float] | None = None,
        *,
        encoder: MultiModalEncoder | None = None,
        hidden_dim: int = 256,
        representation_dim: int = 128,
        projection_dim: int = 128,
        temperature: float = 1.0,
        margin: float = 0.001,
        num_clusters: int = 8,
        cluster_mode: str = "joint",
        cluster_temperature: float = 0.1,
        queue_size: int = 1024,
        feature_dropout: float = 0.0,
        warmup_epochs: int = 1,
        seed: int = 0,
        **shared: Unpack[SharedArguments],
    ):
        super().__init__(feature_dropout=feature_dropout, seed=seed, **shared)
        self.task_weights = _weights(tasks, task_weights)
        self.loss_names = tuple(self.task_weights)
        encoder = given_or_new(encoder, feature_dims, hidden_dim, representation_dim)
        if "contrastive" in self.loss_names and len(encoder.modalities) < 2:
            raise ValueError(
                f"the contrastive task pairs modalities, and there is {encoder.modalities[0]} "
                "alone: add a modality, or leave the task out (a single modality contrasts two "
                "augmented copies: ClipSimCLR)"
            )
        if warmup_epochs < 0:
            raise ValueError(f"warmup_epochs must be at least 0, got {warmup_epochs}")
        self.encoder = encoder
        self.warmup_epochs = warmup_epochs if len(self.loss_names) > 1 else 0
        self.projection: SharedProjection | None = None
        if self.loss_names != ("reconstruction",):
            self.projection = SharedProjection(
                encoder.representation_dim, encoder.hidden_dim, projection_dim
            )
        if "contrastive" in self.loss_names:
            self.contrastive = MultiModalContrastiveLoss(
                temperature, margin, gather_distributed=True
            )
        if "clustering" in self.loss_names:
            self.cluster_head = ClusterHead(projection_dim)
            self.clustering = ClusteringLoss(
                projection_dim,
                num_clusters,
                mode=cluster_mode,
                queue_size=queue_size,
                temperature=cluster_temperature,
                margin=margin,
                seed=seed,
                gather_distributed=True,
            )
        if "reconstruction" in self.loss_names:
            self.decoders = nn.ModuleDict(
                {
                    name: Decoder(encoder.representation_dim, dim, encoder.hidden_dim)
                    for name, dim in encoder.feature_dims.items()
                }
            )
            self.reconstruction = ReconstructionLoss(gather_distributed=True)
        self._settings = {
            "projection_dim": projection_dim,
            "temperature": temperature,
            "margin": margin,
            "num_clusters": num_clusters,
            "cluster_mode": cluster_mode,
            "cluster_temperature": cluster_temperature,
            "queue_size": queue_size,
        }

    def settings(self) -> dict:
        return super().settings() | {
            "task_weights": self.task_weights,
            "warmup_epochs": self.warmup_epochs,
            **self._settings,
        }

    def learning_rates(self) -> Iterator[tuple[nn.Module, float]]:
        for name in ("encoder", "projection", "cluster_head", "decoders"):
            module = getattr(self, name, None)
            if module is not None:
                yield module, self.learning_rate

    def task_losses(self, batch: dict) -> dict[str, Tensor]:
        """The unweighted loss of each task that is on and past its warm-up, scalars.

        In training mode the clustering task also moves its centroids and its queue.
        """
        present = batch["present"]
        x = self.encoder.standardise(batch["features"])
        h = self.heads(x, present)
        losses = {}
        clusters = "clustering" in self.loss_names and self.current_epoch >= self.warmup_epochs
        if self.projection is not None:
            z = self.projection(h, present)
            if "contrastive" in self.loss_names:
                losses["contrastive"] = self.contrastive(z, present)
            if clusters:
                c = {name: self.cluster_head(value) for name, value in z.items()}
                losses["clustering"] = self.clustering(c, present)
        if "reconstruction" in self.loss_names:
            decoded = {name: self.decoders[name](value) for name, value in h.items()}
            losses["reconstruction"] = self.reconstruction(decoded, x, present)
        return losses

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of the tasks' losses."""
        return sum(self.task_weights[name] * value for name, value in losses.items())

    def training_step(self, batch: dict, batch_idx: int) -> dict[str, Tensor]:
        losses = self.task_losses(batch)
        return {"loss": self.total(losses), **losses}

    def validation_step(self, batch: dict, batch_idx: int) -> dict[str, Tensor]:
        losses = self.task_losses(batch)
        parts = {f"val_{name}_loss": value for name, value in losses.items()}
        return {"val_loss": self.total(losses)} | parts


def _weights(tasks: Sequence[str], weights: Mapping[str, float] | None) -> dict[str, float]:
    tasks = [tasks] if isinstance(tasks, str) else list(tasks)
    unknown = sorted(set(tasks) - set(TASKS))
    if unknown or not tasks:
        raise ValueError(
            f"tasks must be one or more of {', '.join(TASKS)}; got {', '.join(unknown) or 'none'}"
        )
    weights = dict(weights or {})
    off = sorted(set(weights) - set(tasks))
    if off:
        raise ValueError(f"task_weights for {', '.join(off)}, but the tasks are {', '.join(tasks)}")
    if not all(weight >= 0 for weight in weights.values()):
        raise ValueError(f"task_weights must be at least 0, got {weights}")
    return {name: float(weights.get(name, 1.0)) for name in TASKS if name in tasks}
