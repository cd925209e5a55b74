"""Spherical k-means: k-means whose similarity is the cosine."""

import torch
from torch import Tensor
from torch.nn import functional

from fermodels.losses.contrastive import unit_vectors


@torch.no_grad()
def spherical_kmeans(x: Tensor, centroids: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """Lloyd's k-means with the cosine as similarity (Dhillon & Modha, 2001).

    An iteration gives each sample to the centroid of the largest cosine, then turns each centroid
    to the direction of the sum of its samples. A cluster without samples takes the sample that is
    farthest from its own centroid, as scikit-learn's KMeans does it. A centroid whose samples
    cancel out, or were all taken by empty clusters, stays. Ends early when nothing moves.

    Args:
        x: samples (N, D) of length one.
        centroids: where to start, (K, D) of length one.
        iterations: how many at most; 0 only assigns.

    Returns:
        Centroids (K, D) of length one, and the nearest of them for each sample, int64 (N,).

    Raises:
        ValueError: if the shapes do not fit or there are fewer samples than centroids.
    """
    if x.ndim != 2 or centroids.ndim != 2 or x.shape[1] != centroids.shape[1]:
        raise ValueError(
            "x and centroids must have shapes (N, D) and (K, D); "
            f"got {tuple(x.shape)} and {tuple(centroids.shape)}"
        )
    num_clusters = len(centroids)
    if len(x) < num_clusters:
        raise ValueError(f"{num_clusters} clusters need at least as many samples, got {len(x)}")
    cosine, assigned = (x @ centroids.T).max(dim=1)  # (N,)
    for _ in range(iterations):
        members = functional.one_hot(assigned, num_clusters)  # (N, K)
        empty = (members.sum(dim=0) == 0).nonzero()[:, 0]
        if len(empty):
            moved = assigned.clone()
            moved[cosine.topk(len(empty), largest=False).indices] = empty
            members = functional.one_hot(moved, num_clusters)
        # A product with 0 and 1 is faster than index_add and, on a GPU, the same in every run.
        total = members.T.to(x.dtype) @ x  # (K, D)
        centroids = torch.where(total.any(dim=1, keepdim=True), unit_vectors(total), centroids)
        before = assigned
        cosine, assigned = (x @ centroids.T).max(dim=1)
        if torch.equal(assigned, before):
            break
    return centroids, assigned


@torch.no_grad()
def kmeans_plus_plus(x: Tensor, num_clusters: int, seed: int) -> Tensor:
    """Centroids to start from, (K, D): samples drawn far apart (Arthur & Vassilvitskii, 2007).

    Each next one is drawn with a probability proportional to 1 − cos to the nearest one so far,
    which is half the squared distance of two vectors of length one. Where all samples have been
    hit already, the next is drawn evenly.

    Args:
        x: samples (N, D) of length one.
        num_clusters: K.
        seed: the draws follow from it alone, also on a GPU.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = [int(torch.randint(len(x), (), generator=generator))]
    nearest = x.new_full((len(x),), -torch.inf)  # (N,)
    while len(chosen) < num_clusters:
        nearest = torch.maximum(nearest, x @ x[chosen[-1]])
        distance = (1 - nearest).double().cpu()  # (N,)
        # Rounding leaves a sample at some 1e-7 of itself: that is no distance to draw by.
        weight = distance.masked_fill(distance < 1e-6, 0)
        if not weight.any():
            weight = torch.ones_like(weight)
        chosen.append(int(torch.multinomial(weight, 1, generator=generator)))
    return x[chosen]
