"""Equal-sized assignments against slow loops and lightly's, and the clustering loss on them."""

import copy
import math

import pytest
import torch
from lightly.loss.swav_loss import sinkhorn as lightly_sinkhorn
from torch.nn.functional import normalize

from fermodels.losses import ClusteringLoss, chance_level, sinkhorn
from fermodels.losses.kmeans import kmeans_plus_plus
from tests.losses.slow import (
    MODALITIES,
    SOME,
    as_lists,
    central_differences,
    dot,
    embeddings,
    unit,
    value_and_grad,
)


def similarities(num, num_clusters, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num, num_clusters, generator=generator, dtype=torch.float64) / 4


def slow_sinkhorn(similarity, epsilon, iterations):
    q = [[math.exp(s / epsilon) for s in row] for row in similarity]
    for _ in range(iterations):
        columns = [sum(column) for column in zip(*q, strict=True)]
        q = [[x / c for x, c in zip(row, columns, strict=True)] for row in q]
        q = [[x / sum(row) for x in row] for row in q]
    return q


# ---- the algorithm


@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
def test_equals_the_loop_and_lightly(iterations, epsilon):
    s = similarities(30, 5)
    found = sinkhorn(s, epsilon, iterations)
    slow = torch.tensor(slow_sinkhorn(s.tolist(), epsilon, iterations), dtype=torch.float64)
    torch.testing.assert_close(found, slow, rtol=1e-10, atol=1e-14)
    theirs = lightly_sinkhorn(s.clone(), iterations, epsilon)
    torch.testing.assert_close(found, theirs, rtol=1e-6, atol=1e-12)


def test_clusters_are_equally_large_and_rows_sum_to_one():
    s = similarities(60, 6)
    s[:, 0] += 2  # nearest is always the first
    assert (s.argmax(dim=1) == 0).all()
    q = sinkhorn(s, 0.1, 200)
    torch.testing.assert_close(q.sum(dim=1), torch.ones(60).double())
    torch.testing.assert_close(q.sum(dim=0), torch.full((6,), 10.0).double(), rtol=1e-3, atol=0)


def test_a_small_epsilon_does_not_overflow():
    q = sinkhorn(similarities(20, 4).float() * 4, epsilon=1e-3)
    assert q.isfinite().all() and (q.max(dim=1).values > 0.99).sum() > 10


def test_settings_of_sinkhorn_are_checked():
    for arguments, message in (
        ((torch.zeros(3),), r"\(N, K\), got \(3,\)"),
        ((torch.zeros(3, 2), 0.0), "epsilon must be above 0"),
        ((torch.zeros(3, 2), 0.1, 0), "iterations at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            sinkhorn(*arguments)


# ---- the clustering loss on them


def a_loss(num_clusters=3, dim=4, **settings):
    given = {"queue_size": 10, "temperature": 0.4, "margin": 0.1, "iterations": 3}
    given |= {"assignment": "sinkhorn", "epsilon": 0.2, "momentum": 0.8}
    return ClusteringLoss(dim, num_clusters, **given | settings).double()


def mean_of(z, names, i, present):
    """Mean of the unit vectors of those modalities that clip i has; None without any."""
    there = [unit(z[m][i]) for m in names if present is None or present[m][i]]
    return [sum(c) / len(there) for c in zip(*there, strict=True)] if there else None


def slow_shares(directions, past, centroids):
    """Shares of the clips that have a direction; None for the others."""
    known = [unit(u) for u in directions if u is not None]
    cosines = [[dot(x, c) for c in centroids] for x in known + past]
    shares = iter(slow_sinkhorn(cosines, 0.2, 3))
    return [None if u is None else next(shares) for u in directions]


def slow_moved(directions, past, centroids):
    new = [unit(u) for u in directions if u is not None]
    shares = slow_shares(new, past, centroids)
    moved = []
    for k, centroid in enumerate(centroids):
        towards = unit(
            [sum(q[k] * x[d] for q, x in zip(shares, new, strict=True)) for d in range(4)]
        )
        moved.append(unit([0.8 * c + 0.2 * t for c, t in zip(centroid, towards, strict=True)]))
    return moved


def slow_term(u, share, centroids):
    logits = [(dot(u, c) - 0.1 * q) / 0.4 for c, q in zip(centroids, share, strict=True)]
    total = math.log(sum(math.exp(x) for x in logits))
    return sum(q * (total - x) for q, x in zip(share, logits, strict=True))


def slow_loss(z, present, shares, centroids, mode):
    """The definition with shares by what is drawn, and centroids, given."""
    clips = range(len(next(iter(z.values()))))
    loss = 0.0
    for name, share in shares.items():
        terms = [
            slow_term(
                mean_of(z, list(z) if mode == "joint" else [name], i, present), share[i], centroids
            )
            for i in clips
            if share[i] is not None
        ]
        loss += sum(terms) / len(terms)
    return loss


def slow_found(z, present, mode):
    """What is drawn → by which mean its cluster is found, a list over the clips."""
    clips, names = range(len(next(iter(z.values())))), list(z)
    if mode == "joint":
        return {"": [mean_of(z, names, i, present) for i in clips]}
    found = {}
    for m in names:
        others = names if mode == "individual" else [n for n in names if n != m]
        has = [present is None or bool(present[m][i]) for i in clips]
        found[m] = [mean_of(z, others, i, present) if has[i] else None for i in clips]
    return found


@pytest.mark.parametrize("mode", ["joint", "individual", "swapped"])
@pytest.mark.parametrize("present", [None, SOME])
def test_three_steps_equal_the_loop_with_their_gradient(mode, present):
    loss = a_loss(mode=mode)
    past, centroids = [], None
    for step in range(3):
        z = embeddings(7, 4, MODALITIES, seed=step + 10)
        lists = as_lists(z)
        means = [mean_of(lists, MODALITIES, i, present) for i in range(7)]
        new = [unit(u) for u in means if u is not None]
        if centroids is None:
            start = torch.tensor(new, dtype=torch.float64)
            centroids = kmeans_plus_plus(start, 3, 0).tolist()
        shares = {
            name: slow_shares(found, past, centroids)
            for name, found in slow_found(lists, present, mode).items()
        }
        centroids = slow_moved(means, past, centroids)

        def slow(lists, shares=shares, centroids=centroids):
            return slow_loss(lists, present, shares, centroids, mode)

        value, grads = value_and_grad(lambda x: loss(x, present), z)
        assert value.item() == pytest.approx(slow(lists), abs=1e-10)
        torch.testing.assert_close(grads, central_differences(slow, z), rtol=0, atol=1e-8)
        expected = torch.tensor(centroids, dtype=torch.float64)
        torch.testing.assert_close(loss.centroids, expected, rtol=0, atol=1e-12)
        past = (past + new)[-10:]


def test_swapped_asks_each_modality_for_the_cluster_of_the_others():
    loss = a_loss(mode="swapped", assignment="kmeans", margin=0).eval()
    loss.centroids.copy_(torch.eye(4)[:3])
    z = embeddings(12, 4)
    expected = 0.0
    for m in MODALITIES:
        others = sum(normalize(z[n]) for n in MODALITIES if n != m)
        logits = normalize(z[m]) @ loss.centroids.T / 0.4
        nearest = (others @ loss.centroids.T).argmax(dim=1)
        expected = expected + torch.nn.functional.cross_entropy(logits, nearest)
    torch.testing.assert_close(loss(z), expected)


def test_swapped_needs_two_modalities():
    z = embeddings(8, 4, ("video",))
    with pytest.raises(ValueError, match="no clip has two of video; take 'joint'"):
        a_loss(mode="swapped")(z)
    apart = {"video": torch.arange(8) < 4, "audio": torch.arange(8) >= 4}
    with pytest.raises(ValueError, match="no clip has two of audio, video"):
        a_loss(mode="swapped")(embeddings(8, 4, ("video", "audio")), apart)


def test_who_collapses_stands_at_chance():
    """One direction for all: nearest-centroid clusters reward it, equal ones do not."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(60, 1, 8, generator=generator, dtype=torch.float64)
    narrow = {"video": normalize(torch.ones(60, 8).double() + 1e-9 * z[:, 0])}
    loss = a_loss(num_clusters=5, dim=8, queue_size=0, margin=0)
    for _ in range(5):
        value = loss(narrow)
    assert value.item() == pytest.approx(chance_level(5), rel=1e-6)


@pytest.mark.parametrize("assignment", ["kmeans", "sinkhorn"])
def test_a_queue_that_is_to_be_filled_counts_from_then_on(assignment):
    loss = a_loss(assignment=assignment, queue_size=20, fill_queue=True)
    for seed, waits in enumerate([True, True, True, False, False]):
        value = loss({"video": embeddings(7, 4, ("video",), seed=seed)["video"].requires_grad_()})
        assert (value.item() == 0) == waits == (not loss.centroids.any()), seed
    assert loss.num_seen == 35 and loss.queue.any(dim=1).all()


def test_a_batch_smaller_than_the_clusters_will_do_once_there_are_centroids():
    loss = a_loss(num_clusters=5, queue_size=0)
    few = {m: z[:2] for m, z in embeddings(8, 4).items()}
    with pytest.raises(ValueError, match="5 clusters need at least as many clips, got 2"):
        loss(few)
    loss(embeddings(8, 4))
    assert loss(few).isfinite()


def test_a_resumed_run_repeats_itself():
    batches = [embeddings(6, 4, seed=s) for s in range(6)]
    whole, first = a_loss(mode="swapped"), a_loss(mode="swapped")
    values = [whole(z) for z in batches]
    for z in batches[:3]:
        first(z)
    resumed = a_loss(mode="swapped")
    resumed.load_state_dict(copy.deepcopy(first.state_dict()))
    assert all(torch.equal(resumed(z), v) for z, v in zip(batches[3:], values[3:], strict=True))
    assert set(whole.state_dict()) == {"centroids", "queue", "num_seen"}
