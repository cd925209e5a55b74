"""ConCluGen: contrast, clusters and reconstruction across the modalities of a clip."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from fermodels._shared.tasks import TASKS
from fermodels.losses import ClusteringLoss, MultiModalContrastiveLoss, ReconstructionLoss
from fermodels.methods.base import SharedArguments, where_possible
from fermodels.methods.clip_learner import ClipLearner, given_or_new
from fermodels.models import ClusterHead, Decoder, MultiModalEncoder, SharedProjection

CLUSTER_PROJECTIONS = ("shared", "own", "none")
RECONSTRUCT_FROM = ("own", "others", "both")


class ConCluGen(ClipLearner):
    """Multi-task multi-modal pre-training (Halawa, Blume et al., ABAW 2024, arXiv 2404.10904)::

        h_m = GEU_m(x_m)      z_m = g(h_m), one projection head g for all modalities

        L = w_con · L_contrastive(z) + w_clu · L_clustering(c(z)) + w_rec · Σ_m |D_m(h_m) − x_m|²

    with a linear cluster head c and a decoder D_m a modality (sections 3.1 to 3.4). Beside the
    paper's form, the clusters may have a projection of their own, c(h), and a modality may be
    reconstructed from the representations of the *other* ones, D_m(h_−m) (see below). Any non-empty
    subset of the three tasks is a method of its own, as in the paper's study. No label is used.
    A clip takes part with the modalities that it has, and a batch in the tasks that it has
    something for.

    Args:
        feature_dims: modality → length of its features; ignored where an `encoder` is given.
        tasks: of "contrastive", "clustering", "reconstruction". The contrastive task needs two
            modalities or more.
        task_weights: task → w, default 1 for each.
        encoder: trained in place; default a new :class:`fermodels.models.MultiModalEncoder`.
        hidden_dim, representation_dim: of a new encoder.
        projection_dim: length of z. The hidden layer of g is `hidden_dim` wide.
        temperature, margin: τ and δ of the contrastive loss; τ = 1 is the paper's.
        num_clusters, cluster_mode, cluster_assignment: of
            :class:`fermodels.losses.ClusteringLoss`.
        cluster_temperature, cluster_epsilon, queue_size, fill_queue: of the same; the margin is δ
            here as well.
        cluster_projection: "shared", the paper's linear head on z; "own", another projection head
            on h, so that what contrast wants of g does not bind the clusters; or "none", a linear
            head on h, so that what tells clusters apart can be read from h by a linear classifier.
        reconstruct_from: "own", the paper's decoders: each modality from its own h_m. "others":
            from those of the others, side by side and zero where a clip lacks one, which is a
            cross-modal task (a clip takes part with modalities that it has beside another).
            "both": the sum of the two.
        feature_dropout: share of the standardised features that the encoder does not see in
            training; they are still to be reconstructed. Our addition, against learning the clips
            by heart; 0 is the paper's.
        warmup_epochs: epochs before clustering starts, so that there is something to cluster. It
            starts at once if it is the only task.
        seed: of the augmentation and of k-means.
        shared: `learning_rate`, `weight_decay`, `warmup`, `optimizer`: see :class:`Learner`.

    Raises:
        ValueError: unknown or no tasks, weights of tasks that are off, a negative weight, the
            contrastive task or reconstruction from others with a single modality, neither
            `feature_dims` nor an encoder, or a dropout outside [0, 1).
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
        cluster_assignment: str = "kmeans",
        cluster_temperature: float = 0.1,
        cluster_epsilon: float = 0.05,
        cluster_projection: str = "shared",
        queue_size: int = 1024,
        fill_queue: bool = False,
        reconstruct_from: str = "own",
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
        _check_choice("cluster_projection", cluster_projection, CLUSTER_PROJECTIONS)
        _check_choice("reconstruct_from", reconstruct_from, RECONSTRUCT_FROM)
        if warmup_epochs < 0:
            raise ValueError(f"warmup_epochs must be at least 0, got {warmup_epochs}")
        self.encoder = encoder
        self.warmup_epochs = warmup_epochs if len(self.loss_names) > 1 else 0
        self.cluster_projection, self.reconstruct_from = cluster_projection, reconstruct_from
        heads = encoder.representation_dim, encoder.hidden_dim, projection_dim
        self.projection: SharedProjection | None = None
        if "contrastive" in self.loss_names or (
            "clustering" in self.loss_names and cluster_projection == "shared"
        ):
            self.projection = SharedProjection(*heads)
        if "contrastive" in self.loss_names:
            self.contrastive = MultiModalContrastiveLoss(
                temperature, margin, gather_distributed=True
            )
        if "clustering" in self.loss_names:
            if cluster_projection == "own":
                self.cluster_head = SharedProjection(*heads)
            elif cluster_projection == "none":
                self.cluster_head = ClusterHead(encoder.representation_dim, projection_dim)
            else:
                self.cluster_head = ClusterHead(projection_dim)
            self.clustering = ClusteringLoss(
                projection_dim,
                num_clusters,
                mode=cluster_mode,
                assignment=cluster_assignment,
                queue_size=queue_size,
                fill_queue=fill_queue,
                temperature=cluster_temperature,
                epsilon=cluster_epsilon,
                margin=margin,
                seed=seed,
                gather_distributed=True,
            )
        if "reconstruction" in self.loss_names:
            if reconstruct_from != "own" and len(encoder.modalities) < 2:
                raise ValueError(
                    f"reconstruct_from={reconstruct_from!r} takes other modalities, and there is "
                    f"{encoder.modalities[0]} alone"
                )
            if reconstruct_from != "others":
                self.decoders = _decoders(encoder, encoder.representation_dim)
            if reconstruct_from != "own":
                self.cross_decoders = _decoders(encoder, encoder.feature_dim)
            self.reconstruction = ReconstructionLoss(gather_distributed=True)
        self._settings = {
            "projection_dim": projection_dim,
            "temperature": temperature,
            "margin": margin,
            "num_clusters": num_clusters,
            "cluster_mode": cluster_mode,
            "cluster_assignment": cluster_assignment,
            "cluster_temperature": cluster_temperature,
            "cluster_epsilon": cluster_epsilon,
            "cluster_projection": cluster_projection,
            "queue_size": queue_size,
            "fill_queue": fill_queue,
            "reconstruct_from": reconstruct_from,
        }

    def settings(self) -> dict:
        return super().settings() | {
            "task_weights": self.task_weights,
            "warmup_epochs": self.warmup_epochs,
            **self._settings,
            **self._temperatures(),
        }

    def _temperatures(self) -> dict:
        """Of the losses that there are: they may learn."""
        losses = {"temperature": "contrastive", "cluster_temperature": "clustering"}
        return {
            name: getattr(self, loss).temperature_setting
            for name, loss in losses.items()
            if hasattr(self, loss)
        }

    def learning_rates(self) -> Iterator[tuple[nn.Module, float]]:
        for name in ("encoder", "projection", "cluster_head", "decoders", "cross_decoders"):
            module = getattr(self, name, None)
            if module is not None:
                yield module, self.learning_rate

    def task_losses(self, batch: dict) -> dict[str, Tensor]:
        """The unweighted loss of each task that is on and past its warm-up, scalars.

        Tasks that the batch has nothing for, such as clips with a pair of modalities, are left
        out. In training mode the clustering task also moves its centroids and its queue.

        Raises:
            EmptyBatchError: the batch has something for none of them.
        """
        present = batch["present"]
        x = self.encoder.standardise(batch["features"])
        h = self.heads(x, present)
        z = None if self.projection is None else self.projection(h, present)
        tasks = {}
        if "contrastive" in self.loss_names:
            tasks["contrastive"] = lambda: self.contrastive(z, present)
        if self._clusters():
            tasks["clustering"] = lambda: self.clustering(self._clustered(h, z, present), present)
        if "reconstruction" in self.loss_names:
            tasks["reconstruction"] = lambda: self._reconstruction(h, x, present)
        return where_possible(tasks)

    def _clusters(self) -> bool:
        """Whether there are clusters by now, or this step may make the first."""
        if "clustering" not in self.loss_names or self.current_epoch < self.warmup_epochs:
            return False
        return self.training or bool(self.clustering.centroids.any())

    @torch.no_grad()
    def assign_clusters(self, features: Mapping, present: Mapping | None = None) -> Tensor:
        """The cluster of each clip, int64 (B,), in either mode; −1 for a clip without modality.

        Args:
            features: modality → (B, D_m), as the backbones give them.
            present: modality → bool (B,); None: every clip has every modality.

        Raises:
            RuntimeError: there are no clusters, or none yet.
        """
        if "clustering" not in self.loss_names:
            raise RuntimeError(f"there is no clustering among the tasks {self.loss_names}")
        h = self.encoder(features, present)
        z = None if self.projection is None else self.projection(h, present)
        return self.clustering.assign(self._clustered(h, z, present), present)

    def _clustered(self, h: dict, z: dict | None, present: Mapping | None) -> dict[str, Tensor]:
        """What is clustered, modality → (B, P)."""
        if self.cluster_projection == "own":
            return self.cluster_head(h, present)
        clustered = h if self.cluster_projection == "none" else z
        return {name: self.cluster_head(value) for name, value in clustered.items()}

    def _reconstruction(self, h: dict, x: dict, present: Mapping) -> Tensor:
        parts = {}
        if self.reconstruct_from != "others":
            parts["own"] = lambda: self._own_reconstruction(h, x, present)
        if self.reconstruct_from != "own":
            parts["others"] = lambda: self._cross_reconstruction(h, x, present)
        return sum(where_possible(parts).values())

    def _own_reconstruction(self, h: dict, x: dict, present: Mapping) -> Tensor:
        decoded = {name: self.decoders[name](value) for name, value in h.items()}
        return self.reconstruction(decoded, x, present)

    def _cross_reconstruction(self, h: dict, x: dict, present: Mapping) -> Tensor:
        zeros = torch.zeros_like(next(iter(h.values())))  # (B, R), of a modality that is absent
        decoded, possible = {}, {}
        for name in h:
            # h is 0 where a clip lacks a modality.
            others = {other: zeros if other == name else value for other, value in h.items()}
            decoded[name] = self.cross_decoders[name](self.encoder.fuse(others))
            beside = [present[other] for other in h if other != name]
            possible[name] = present[name] & sum(beside, torch.zeros_like(present[name]))
        return self.reconstruction(decoded, x, possible)

    def check_data(self, dataset: Dataset) -> None:
        """Refuse data in which no two clips have two modalities, where all tasks need them."""
        alone = "reconstruction" in self.loss_names and self.reconstruct_from != "others"
        present = getattr(dataset, "present", None)
        if present is None or "clustering" in self.loss_names or alone:
            return
        count = sum(torch.as_tensor(present[name]).long() for name in self.encoder.modalities)
        if int((count > 1).sum()) < 2:
            raise ValueError(
                f"the tasks {', '.join(self.loss_names)} compare modalities, and fewer than two "
                f"of the {len(count)} clips have two of {', '.join(self.encoder.modalities)}"
            )

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


def _decoders(encoder: MultiModalEncoder, in_dim: int) -> nn.ModuleDict:
    """A decoder for the features of each modality, from in_dim numbers."""
    return nn.ModuleDict(
        {
            name: Decoder(in_dim, dim, encoder.hidden_dim)
            for name, dim in encoder.feature_dims.items()
        }
    )


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
