"""The multi-modal clustering loss of ConCluGen."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from fermodels.losses.contrastive import ContrastiveLoss, full_precision, unit_vectors
from fermodels.losses.distributed import broadcast_from_rank0
from fermodels.losses.kmeans import kmeans_plus_plus, spherical_kmeans
from fermodels.losses.modalities import gather_clips, presence, shapes, unit_modalities
from fermodels.losses.multi_modal import checked_margin

MODES = ("joint", "individual")


class ClusteringLoss(ContrastiveLoss):
    """Online k-means over what the modalities agree on (Halawa, Blume et al., CVPR-W 2024).

    The clustering task of ConCluGen (arXiv 2404.10904). In every training step the directions of
    u_i, the mean over the modalities of clip i of its L2-normalised embeddings z_i^m, are
    clustered together with those of past batches. With c_k the K centroids of length one, a(i)
    the cluster of clip i, margin δ and temperature τ::

        ℓ(u, a) = −log [ exp((u·c_a − δ)/τ) / ( exp((u·c_a − δ)/τ) + Σ_{k≠a} exp(u·c_k/τ) ) ]
        joint:       L = mean over i of ℓ(u_i, a(i))
        individual:  L = Σ_m mean over the i that have m of ℓ(z_i^m, a(i))

    No gradient passes through assignments and centroids. The mean u_i is not normalised again: it
    is short where the modalities disagree, so the joint loss also asks them to agree. With all
    modalities present it is at most the individual loss over their number. The loss stands at
    ``chance_level(K)``, for each modality in `individual`, when the embeddings have collapsed.

    The first step starts from k-means++ with `seed` (Arthur & Vassilvitskii, 2007), every later
    one from the centroids of the step before. An empty cluster is put on the clip that is farthest
    from its own centroid. Centroids, queue and count are buffers, and no other state exists: a
    run that resumes from `state_dict` repeats itself. Processes that gather take centroids and
    assignments from the first of them: on unlike machines rounding could part them. In ``eval()``
    nothing is updated. Computed in float32 (float64 if an input is) whatever the input type and
    also under autocast.

    Args:
        dim: D of the embeddings.
        num_clusters: K ≥ 2.
        mode: what is drawn to the centroid, the mean of the modalities or each of them.
        queue_size: how many clips of past batches are clustered along; 0 for none.
        temperature: τ > 0. A choice of ours, as the paper has none.
        margin: δ ≥ 0.
        iterations: of k-means in each step, at most.
        seed: of k-means++.
        gather_distributed: in training, cluster and compare the rows of all processes of
            torch.distributed; see :func:`fermodels.losses.distributed.all_gather_with_grad` for the
            gradient. No effect without.

    Attributes:
        centroids: (K, D) of length one; zeros before the first step.
        queue: (queue_size, D), the directions of the last clips; zeros where not filled yet.
        num_seen: how many clips have passed so far.

    Raises:
        TypeError: if embeddings are no dict of floating-point tensors or `present` is not boolean.
        ValueError: for unequal shapes or another D, NaN or infinite embeddings (modality and rows
            are named), fewer clips in batch and queue than clusters, or no clip with a modality.
        RuntimeError: in ``eval()`` before the first training step, when no centroids exist.

    Example:
        >>> import torch
        >>> from fermodels.losses import ClusteringLoss
        >>> loss = ClusteringLoss(dim=3, num_clusters=3, temperature=0.5, margin=0)
        >>> z = torch.eye(3).repeat(4, 1)
        >>> round(loss({"video": z, "audio": z}).item(), 4)  # ln(e² + 2) − 2
        0.2395
        >>> loss.assign({"video": z}).bincount().tolist()
        [4, 4, 4]
    """

    def __init__(
        self,
        dim: int,
        num_clusters: int,
        *,
        mode: str = "joint",
        queue_size: int = 1024,
        temperature: float = 0.1,
        margin: float = 0.001,
        iterations: int = 5,
        seed: int = 0,
        gather_distributed: bool = False,
    ):
        super().__init__(temperature, gather_distributed)
        self.margin = checked_margin(margin)
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        if dim < 1 or num_clusters < 2 or queue_size < 0 or iterations < 1:
            raise ValueError(
                "dim and iterations must be at least 1, num_clusters 2 and queue_size 0; "
                f"got {dim}, {iterations}, {num_clusters} and {queue_size}"
            )
        self.dim, self.num_clusters, self.mode = dim, num_clusters, mode
        self.queue_size, self.iterations, self.seed = queue_size, iterations, seed
        self.register_buffer("centroids", torch.zeros(num_clusters, dim))
        self.register_buffer("queue", torch.zeros(queue_size, dim))
        self.register_buffer("num_seen", torch.zeros((), dtype=torch.int64))

    def extra_repr(self) -> str:
        return (
            f"{self.dim}, {self.num_clusters}, mode={self.mode!r}, queue_size={self.queue_size}, "
            f"{super().extra_repr()}, margin={self.margin:g}, iterations={self.iterations}, "
            f"seed={self.seed}"
        )

    def forward(
        self, embeddings: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """The loss, a scalar in nats; in training also one step of k-means.

        Args:
            embeddings: modality → (B, D), row i of each from clip i; one modality will do.
            present: modality → bool (B,), False where a clip lacks the modality; what stands in
                its row then has no influence. None: every clip has every modality.
        """
        masks = presence(embeddings, present, "embeddings")
        with full_precision(next(iter(embeddings.values()))):
            embeddings, masks = gather_clips(self, embeddings, masks)
            units, mean = self._mean(embeddings, masks)
            if not mean.any():
                raise ValueError(
                    f"none of the {len(mean)} clips has a modality or an embedding other than "
                    "zero: there is nothing to cluster"
                )
            centroids, assigned = self._cluster(mean) if self.training else self._nearest(mean)
            if self.mode == "joint":
                return self._info_nce(mean, centroids, assigned)
            targets = {m: torch.where(mask, assigned, -1) for m, mask in masks.items()}
            terms = [
                self._info_nce(units[m], centroids, target)
                for m, target in targets.items()
                if (target >= 0).any()
            ]
            return torch.stack(terms).sum()

    @torch.no_grad()
    def assign(
        self, embeddings: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """The nearest centroid of each clip, int64 (B,); nothing is updated.

        −1 for a clip that has no direction: without any modality, or with embeddings that are
        zero or cancel out. Such a clip adds nothing to the loss either.
        """
        masks = presence(embeddings, present, "embeddings")
        with full_precision(next(iter(embeddings.values()))):
            _, mean = self._mean(embeddings, masks)
            return self._nearest(mean)[1]

    def _mean(
        self, embeddings: Mapping[str, Tensor], masks: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        units = unit_modalities(embeddings, masks)  # each (B, D), zero where absent
        total = torch.stack(list(units.values())).sum(dim=0)  # (B, D)
        if total.shape[1] != self.dim:
            raise ValueError(f"embeddings must have D = {self.dim}, got {shapes(embeddings)}")
        count = torch.stack(list(masks.values())).sum(dim=0)  # (B,)
        return units, total / count.clamp(min=1)[:, None]

    @torch.no_grad()
    def _nearest(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        if self.num_seen == 0:
            raise RuntimeError("no centroids yet: call the loss in training mode first")
        centroids = self.centroids.to(mean.dtype)
        return centroids, torch.where(mean.any(dim=1), (mean @ centroids.T).argmax(dim=1), -1)

    @torch.no_grad()
    def _cluster(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        has_direction = mean.any(dim=1)  # (B,)
        new = unit_vectors(mean)[has_direction]  # (n, D)
        seen = int(self.num_seen)
        past = self.queue[: min(seen, self.queue_size)].to(mean.dtype)
        samples = torch.cat([new, past])  # (n + past, D)
        if len(samples) < self.num_clusters:
            raise ValueError(
                f"{self.num_clusters} clusters need at least as many clips, got {len(samples)} "
                f"({len(new)} of the batch, {len(past)} of the queue); use larger batches or "
                "fewer clusters"
            )
        start = self.centroids.to(mean.dtype)
        if seen == 0:
            start = kmeans_plus_plus(samples, self.num_clusters, self.seed)
        centroids, assigned = spherical_kmeans(samples, start, self.iterations)
        if self.gathers:
            centroids, assigned = broadcast_from_rank0(centroids, assigned)
        if self.queue_size:
            kept = new[-self.queue_size :]
            slots = (seen + torch.arange(len(kept), device=new.device)) % self.queue_size
            self.queue[slots] = kept.to(self.queue.dtype)
        self.centroids.copy_(centroids)
        self.num_seen += len(new)
        of_batch = assigned.new_full((len(mean),), -1)  # (B,)
        of_batch[has_direction] = assigned[: len(new)]
        return centroids, of_batch

    def _info_nce(self, u: Tensor, centroids: Tensor, target: Tensor) -> Tensor:
        """Mean of ℓ over the rows of u (B, D) whose target (B,) is not −1."""
        own = functional.one_hot(target.clamp(min=0), self.num_clusters).to(u.dtype)  # (B, K)
        logits = (u @ centroids.T - self.margin * own) / self.temperature  # (B, K)
        return functional.cross_entropy(logits, target, ignore_index=-1)
