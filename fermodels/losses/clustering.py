"""The multi-modal clustering loss of ConCluGen."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from fermodels.losses.contrastive import (
    ContrastiveLoss,
    EmptyBatchError,
    full_precision,
    unit_vectors,
)
from fermodels.losses.distributed import broadcast_from_rank0
from fermodels.losses.kmeans import kmeans_plus_plus, spherical_kmeans
from fermodels.losses.modalities import gather_clips, presence, shapes, unit_modalities
from fermodels.losses.multi_modal import checked_margin
from fermodels.losses.sinkhorn import sinkhorn

MODES = ("joint", "individual", "swapped")
ASSIGNMENTS = ("kmeans", "sinkhorn")


class ClusteringLoss(ContrastiveLoss):
    """Online clusters of what the modalities agree on (Halawa, Blume et al., CVPR-W 2024).

    The clustering task of ConCluGen (arXiv 2404.10904). In every training step the directions of
    u_i, the mean over the modalities of clip i of its L2-normalised embeddings z_i^m, are
    clustered together with those of past batches. With c_k the K centroids of length one, a_ik the
    share of clip i that belongs to cluster k, margin δ and temperature τ::

        ℓ(u, a) = −Σ_k a_k log [ exp((u·c_k − δ a_k)/τ) / Σ_l exp((u·c_l − δ a_l)/τ) ]
        joint:       L = mean over i of ℓ(u_i, a(u_i))
        individual:  L = Σ_m mean over the i that have m of ℓ(z_i^m, a(u_i))
        swapped:     L = Σ_m mean over the i that have m and another of ℓ(z_i^m, a(u_i^−m))

    u^−m being the mean of the other modalities: each is asked for the cluster that the others
    found, as views of an image are in SwAV (Caron et al., NeurIPS 2020, arXiv 2006.09882).

    Who belongs where: "kmeans", as in the paper, gives a clip to the nearest centroid (a is 0 or
    1). Nothing keeps clusters apart there: the loss also falls when all clips move into few
    directions, and then it means nothing. "sinkhorn" gives soft shares of clusters that are
    equally large over batch and queue (:func:`fermodels.losses.sinkhorn`), so that a
    network that collapses stands at chance. With no queue a batch itself fills all clusters
    equally: of a batch of one speaker that asks for clusters of what a speaker *does*, not of who
    speaks. Only where each speaker shows everything about equally often is that true.

    No gradient passes through assignments and centroids. The mean u_i is not normalised again: it
    is short where the modalities disagree, so the joint loss also asks them to agree. With all
    modalities present it is at most the individual loss over their number. The loss stands at
    ``chance_level(K)``, for each modality in `individual` and `swapped`, when the embeddings have
    collapsed.

    The first step starts from k-means++ with `seed` (Arthur & Vassilvitskii, 2007), every later
    one from the centroids of the step before. For "kmeans" they are those of batch and queue, and
    an empty cluster is put on the clip that is farthest from its own centroid; for "sinkhorn" they
    move by a share of 1 − `momentum` towards the directions of their clips. Centroids, queue and
    count are buffers, and no other state exists: a run that resumes from `state_dict` repeats
    itself. Processes that gather take centroids and assignments from the first of them: on unlike
    machines rounding could part them. In ``eval()`` nothing is updated, and a clip belongs to its
    nearest centroid. Computed in float32 (float64 if an input is) whatever the input type and also
    under autocast.

    Args:
        dim: D of the embeddings.
        num_clusters: K ≥ 2.
        mode: what is drawn to the centroids: the mean of the modalities ("joint"), each of them
            ("individual"), or each of them to where the others are ("swapped").
        assignment: "kmeans" or "sinkhorn".
        queue_size: how many clips of past batches are clustered along; 0 for none.
        fill_queue: True waits until so many clips have passed. Until then the loss is 0, without a
            gradient, and there are no centroids.
        temperature: τ > 0; a ``torch.nn.Parameter`` learns (`ContrastiveLoss`). A choice of
            ours, as the paper has none.
        margin: δ ≥ 0.
        iterations: of k-means in each step at most, or of Sinkhorn's scaling.
        epsilon: ε of Sinkhorn's assignment.
        momentum: of the centroids, for "sinkhorn", in [0, 1).
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
            are named).
        EmptyBatchError: for fewer clips in batch and queue than clusters (for "sinkhorn" in the
            first step only; the queue keeps them), no clip with a modality, or for `swapped` none
            with two.
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
        assignment: str = "kmeans",
        queue_size: int = 1024,
        fill_queue: bool = False,
        temperature: float | Tensor = 0.1,
        margin: float = 0.001,
        iterations: int = 5,
        epsilon: float = 0.05,
        momentum: float = 0.9,
        seed: int = 0,
        gather_distributed: bool = False,
    ):
        super().__init__(temperature, gather_distributed)
        self.margin = checked_margin(margin)
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        if assignment not in ASSIGNMENTS:
            raise ValueError(
                f"assignment must be one of {', '.join(ASSIGNMENTS)}, got {assignment!r}"
            )
        if dim < 1 or num_clusters < 2 or queue_size < 0 or iterations < 1:
            raise ValueError(
                "dim and iterations must be at least 1, num_clusters 2 and queue_size 0; "
                f"got {dim}, {iterations}, {num_clusters} and {queue_size}"
            )
        if not (epsilon > 0 and 0 <= momentum < 1):
            raise ValueError(
                f"epsilon must be above 0 and momentum in [0, 1), got {epsilon} and {momentum}"
            )
        self.dim, self.num_clusters, self.mode = dim, num_clusters, mode
        self.assignment, self.epsilon, self.momentum = assignment, epsilon, momentum
        self.queue_size, self.fill_queue = queue_size, fill_queue
        self.iterations, self.seed = iterations, seed
        self.register_buffer("centroids", torch.zeros(num_clusters, dim))
        self.register_buffer("queue", torch.zeros(queue_size, dim))
        self.register_buffer("num_seen", torch.zeros((), dtype=torch.int64))

    def extra_repr(self) -> str:
        how = f"assignment={self.assignment!r}"
        if self.assignment == "sinkhorn":
            how += f", epsilon={self.epsilon:g}, momentum={self.momentum:g}"
        return (
            f"{self.dim}, {self.num_clusters}, mode={self.mode!r}, {how}, "
            f"queue_size={self.queue_size}, fill_queue={self.fill_queue}, "
            f"{super().extra_repr()}, margin={self.margin:g}, iterations={self.iterations}, "
            f"seed={self.seed}"
        )

    def forward(
        self, embeddings: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """The loss, a scalar in nats; in training also one step of clustering.

        Args:
            embeddings: modality → (B, D), row i of each from clip i; one modality will do, unless
                the mode is `swapped`.
            present: modality → bool (B,), False where a clip lacks the modality; what stands in
                its row then has no influence. None: every clip has every modality.
        """
        masks = presence(embeddings, present, "embeddings")
        with full_precision(next(iter(embeddings.values()))):
            embeddings, masks = gather_clips(self, embeddings, masks)
            units, mean = self._mean(embeddings, masks)
            if not mean.any():
                raise EmptyBatchError(
                    f"none of the {len(mean)} clips has a modality or an embedding other than "
                    "zero: there is nothing to cluster"
                )
            drawn = self._drawn(units, masks, mean)
            if self.training:
                centroids, shares = self._cluster(mean, [found_by for _, found_by in drawn])
                if centroids is None:  # the queue is not full yet
                    return mean.new_zeros(())
            else:
                found = [self._nearest(found_by) for _, found_by in drawn]
                centroids = found[0][0]
                shares = [self._hard(assigned, mean) for _, assigned in found]
            terms = [
                self._info_nce(u, centroids, share)
                for (u, _), share in zip(drawn, shares, strict=True)
                if share.any()
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

    def _drawn(
        self, units: dict[str, Tensor], masks: dict[str, Tensor], mean: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """Pairs (what is drawn to the centroids, whose clusters those are), both (B, D).

        A row of zeros on the right says that the clip does not take part.
        """
        if self.mode == "joint":
            return [(mean, mean.detach())]
        if self.mode == "individual":
            return [(units[m], mean.detach() * mask[:, None]) for m, mask in masks.items()]
        total = torch.stack(list(units.values())).sum(dim=0).detach()  # (B, D)
        several = torch.stack(list(masks.values())).sum(dim=0) > 1  # (B,)
        drawn = [
            (units[m], (total - units[m].detach()) * (mask & several)[:, None])
            for m, mask in masks.items()
        ]
        if not any(found_by.any() for _, found_by in drawn):
            raise EmptyBatchError(
                "mode 'swapped' asks a modality for the cluster of the others, and no clip has two "
                f"of {', '.join(masks)}; take 'joint' or 'individual'"
            )
        return drawn

    @torch.no_grad()
    def _nearest(self, u: Tensor) -> tuple[Tensor, Tensor]:
        if not self.centroids.any():
            raise RuntimeError("no centroids yet: call the loss in training mode first")
        centroids = self.centroids.to(u.dtype)
        return centroids, self._assigned(u, centroids)

    @staticmethod
    def _assigned(u: Tensor, centroids: Tensor) -> Tensor:
        """The nearest centroid of each row of u (B, D), int64 (B,); −1 for a row of zeros."""
        return torch.where(u.any(dim=1), (u @ centroids.T).argmax(dim=1), -1)

    def _hard(self, assigned: Tensor, like: Tensor) -> Tensor:
        """Clusters int64 (B,) as shares (B, K) of 0 and 1; all 0 where a clip has none (−1)."""
        hot = functional.one_hot(assigned.clamp(min=0), self.num_clusters)
        return (hot * (assigned >= 0)[:, None]).to(like.dtype)

    @torch.no_grad()
    def _cluster(self, mean: Tensor, found_by: list[Tensor]) -> tuple[Tensor | None, list[Tensor]]:
        """One step of clustering: centroids (K, D), and shares (B, K) for each of `found_by`.

        None and no shares while the queue fills.
        """
        new = unit_vectors(mean)[mean.any(dim=1)]  # (n, D)
        seen = int(self.num_seen)
        past = self.queue[: min(seen, self.queue_size)].to(mean.dtype)
        if self.fill_queue and seen < self.queue_size:
            self._remember(new)
            return None, []
        samples = torch.cat([new, past])  # (n + past, D)
        begins = not self.centroids.any()
        if len(samples) < self.num_clusters and (begins or self.assignment == "kmeans"):
            if self.queue_size:
                self._remember(new)
            raise EmptyBatchError(
                f"{self.num_clusters} clusters need at least as many clips, got {len(samples)} "
                f"({len(new)} of the batch, {len(past)} of the queue); use larger batches or "
                "fewer clusters"
            )
        start = self.centroids.to(mean.dtype)
        if begins:
            start = kmeans_plus_plus(samples, self.num_clusters, self.seed)
        if self.assignment == "kmeans":
            centroids, _ = spherical_kmeans(samples, start, self.iterations)
            shares = [self._hard(self._assigned(u, centroids), u) for u in found_by]
        else:
            centroids = self._moved(start, new, past)
            shares = [self._equal_shares(u, start, past) for u in found_by]
        if self.gathers:
            centroids, *shares = broadcast_from_rank0(centroids, *shares)
        self.centroids.copy_(centroids)
        self._remember(new)
        return centroids, shares

    def _remember(self, new: Tensor) -> None:
        if self.queue_size:
            kept = new[-self.queue_size :]
            slots = (self.num_seen + torch.arange(len(kept), device=new.device)) % self.queue_size
            self.queue[slots] = kept.to(self.queue.dtype)
        self.num_seen += len(new)

    def _equal_shares(self, u: Tensor, centroids: Tensor, past: Tensor) -> Tensor:
        """Sinkhorn's shares (B, K) of the directions of u (B, D), next to those of the queue."""
        there = u.any(dim=1)  # (B,)
        samples = torch.cat([unit_vectors(u)[there], past])
        shares = u.new_zeros(len(u), self.num_clusters)
        equal = sinkhorn(samples @ centroids.T, self.epsilon, self.iterations)
        shares[there] = equal[: int(there.sum())]
        return shares

    def _moved(self, centroids: Tensor, new: Tensor, past: Tensor) -> Tensor:
        """Centroids (K, D) a step nearer to the directions of those who share them."""
        shares = self._equal_shares(new, centroids, past)  # (n, K)
        towards = unit_vectors(shares.T @ new)  # (K, D)
        moved = unit_vectors(self.momentum * centroids + (1 - self.momentum) * towards)
        return torch.where(moved.any(dim=1, keepdim=True), moved, centroids)

    def _info_nce(self, u: Tensor, centroids: Tensor, shares: Tensor) -> Tensor:
        """Mean of ℓ over the rows of u (B, D) that have shares (B, K)."""
        logits = (u @ centroids.T - self.margin * shares) / self.tau  # (B, K)
        each = -(shares * functional.log_softmax(logits, dim=1)).sum(dim=1)  # (B,)
        return each.sum() / shares.any(dim=1).sum()
