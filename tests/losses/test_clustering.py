"""The clustering loss and its k-means against slow loops and scikit-learn, state, bad input."""

import copy
import itertools
import math

import pytest
import torch
from sklearn.cluster import KMeans
from torch.nn.functional import normalize

from fermodels.losses import ClusteringLoss, EmptyBatchError, chance_level, spherical_kmeans
from fermodels.losses.kmeans import kmeans_plus_plus
from tests.losses.slow import (
    MODALITIES,
    SOME,
    as_lists,
    central_differences,
    dot,
    embeddings,
    presence,
    unit,
    value_and_grad,
)

MODES = ("joint", "individual")


def directions(num, dim, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(num, dim, generator=generator, dtype=torch.float64)).to(dtype)


def blobs(num_each, dim, num_clusters, spread, seed=0):
    """Unit vectors around `num_clusters` axes, and the axis of each."""
    axis = torch.arange(num_clusters).repeat_interleave(num_each)
    noise = directions(len(axis), dim, seed) * spread
    return normalize(torch.eye(dim, dtype=torch.float64)[axis] + noise), axis


def a_loss(num_clusters=3, dim=4, **settings):
    settings = {"queue_size": 10, "temperature": 0.4, "margin": 0.1, "iterations": 3} | settings
    return ClusteringLoss(dim, num_clusters, **settings).double()


# ---- slow loops


def slow_kmeans(samples, centroids, iterations):
    for _ in range(iterations):
        nearest = slow_nearest(samples, centroids)
        members = [[x for x, k in zip(samples, nearest, strict=True) if k == c] for c in range(3)]
        assert all(members)  # the reference knows no empty clusters
        centroids = [unit([sum(column) for column in zip(*own, strict=True)]) for own in members]
    return centroids


def slow_nearest(samples, centroids):
    cosines = [[dot(x, c) for c in centroids] for x in samples]
    return [row.index(max(row)) for row in cosines]


def slow_means(z, present):
    """Mean of the unit vectors of the modalities that are there; None without any."""
    means = []
    for i in range(len(next(iter(z.values())))):
        there = [unit(z[m][i]) for m in z if present is None or present[m][i]]
        means.append([sum(c) / len(there) for c in zip(*there, strict=True)] if there else None)
    return means


def slow_loss(z, present, centroids, assigned, mode, temperature, margin):
    """The definition with centroids and clusters given, so that no gradient passes them."""

    def term(u, cluster):
        cosine = [dot(u, c) - (margin if k == cluster else 0) for k, c in enumerate(centroids)]
        scaled = [math.exp(s / temperature) for s in cosine]
        return -math.log(scaled[cluster] / sum(scaled))

    if mode == "joint":
        means = slow_means(z, present)
        terms = [term(u, a) for u, a in zip(means, assigned, strict=True) if u is not None]
        return sum(terms) / len(terms)
    total = 0.0
    for m in z:
        clips = [i for i in range(len(z[m])) if present is None or present[m][i]]
        total += sum(term(unit(z[m][i]), assigned[i]) for i in clips) / len(clips)
    return total


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("present", [None, SOME])
@pytest.mark.parametrize("names", [MODALITIES, MODALITIES[:2]])
def test_three_steps_equal_the_loop_with_their_gradient(mode, present, names):
    loss = a_loss(mode=mode)
    past, start = [], None
    for step in range(3):
        z = embeddings(7, 4, names, seed=step + 10)
        means = slow_means(as_lists(z), present)
        new = [unit(u) for u in means if u is not None]
        samples = new + past
        if start is None:
            start = kmeans_plus_plus(torch.tensor(samples, dtype=torch.float64), 3, 0).tolist()
        centroids = slow_kmeans(samples, start, 3)
        assigned = [slow_nearest([u], centroids)[0] if u is not None else -1 for u in means]

        def slow(lists, centroids=centroids, assigned=assigned):
            return slow_loss(lists, present, centroids, assigned, mode, 0.4, 0.1)

        value, grads = value_and_grad(lambda x: loss(x, present), z)
        assert value.item() == pytest.approx(slow(as_lists(z)), abs=1e-10)
        torch.testing.assert_close(grads, central_differences(slow, z), rtol=0, atol=1e-8)
        expected = torch.tensor(centroids, dtype=torch.float64)
        torch.testing.assert_close(loss.centroids, expected, rtol=0, atol=1e-12)
        assert loss.assign(z, present).tolist() == assigned
        past, start = (past + new)[-10:], centroids
        if step == 0:
            assert len(set(assigned) - {-1}) == 3  # all clusters are in use


# ---- k-means against scikit-learn


def sklearn_step(x, centroids):
    """One Lloyd iteration of scikit-learn, its centres turned to length one.

    From centroids of length one the nearest centre is the one of the largest cosine, and a mean
    has the direction of the sum, so this is one spherical iteration. A second Euclidean one would
    start from shorter centres: there the two differ, so scikit-learn does one at a time.
    """
    kmeans = KMeans(len(centroids), init=centroids.numpy(), n_init=1, max_iter=1, tol=0)
    return normalize(torch.from_numpy(kmeans.fit(x.numpy()).cluster_centers_))


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_iterations_equal_those_of_scikit_learn(iterations):
    x, start = directions(200, 8), directions(12, 8, seed=1)
    expected = start
    for _ in range(iterations):
        expected = sklearn_step(x, expected)
    centroids, assigned = spherical_kmeans(x, start, iterations)
    torch.testing.assert_close(centroids, expected, rtol=0, atol=1e-10)
    assert torch.equal(assigned, (x @ expected.T).argmax(dim=1))
    assert not torch.equal(assigned, (x @ start.T).argmax(dim=1))


def test_convergence_is_the_fixed_point_of_scikit_learn():
    x, start = directions(200, 8), directions(12, 8, seed=1)
    centroids, assigned = spherical_kmeans(x, start, 1000)
    torch.testing.assert_close(sklearn_step(x, centroids), centroids, rtol=0, atol=1e-10)
    expected = start
    for _ in range(100):
        expected = sklearn_step(x, expected)
    torch.testing.assert_close(centroids, expected, rtol=0, atol=1e-10)


def test_clear_clusters_are_those_of_scikit_learn_run_to_the_end():
    # Where no sample lies between two clusters the Euclidean and the spherical partition agree.
    x, axis = blobs(30, 8, 5, spread=0.4)
    start = x[[3, 40, 70, 100, 130]]
    kmeans = KMeans(5, init=start.numpy(), n_init=1).fit(x.numpy())
    centroids, assigned = spherical_kmeans(x, start, 100)
    assert assigned.tolist() == kmeans.labels_.tolist() == axis.tolist()
    expected = normalize(torch.from_numpy(kmeans.cluster_centers_))
    torch.testing.assert_close(centroids, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("num_empty", [1, 3])
def test_empty_clusters_take_the_farthest_samples_as_in_scikit_learn(num_empty):
    x, _ = blobs(30, 8, 5, spread=0.4)
    x = normalize(x + 0.5)  # all on one side, so that nothing is near the opposite directions
    start = torch.cat([x[[3, 40, 70]], -x[[3, 40, 70]][:num_empty]])
    nearest = (x @ start.T).max(dim=1)
    assert nearest.indices.unique().tolist() == [0, 1, 2]
    centroids, assigned = spherical_kmeans(x, start, 1)
    torch.testing.assert_close(centroids, sklearn_step(x, start), rtol=0, atol=1e-10)
    farthest = x[nearest.values.argsort()[:num_empty]]
    torch.testing.assert_close(
        (centroids[3:] @ farthest.T).amax(dim=0), torch.ones(num_empty).double()
    )
    assert (assigned.bincount(minlength=3 + num_empty) > 0).all()


# ---- k-means by itself


def test_iterations_never_lower_the_sum_of_cosines():
    x, centroids = directions(300, 16), directions(20, 16, seed=1)
    sums = []
    for _ in range(15):
        centroids, assigned = spherical_kmeans(x, centroids, 1)
        torch.testing.assert_close(centroids.norm(dim=1), torch.ones(20).double())
        sums.append((x * centroids[assigned]).sum().item())
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(sums))
    assert sums[-1] > sums[0] + 1


def test_no_iterations_only_assign():
    x, start = directions(20, 4), directions(3, 4, seed=1)
    centroids, assigned = spherical_kmeans(x, start, 0)
    assert torch.equal(centroids, start)
    assert torch.equal(assigned, (x @ start.T).argmax(dim=1))


def test_one_cluster_a_sample_and_as_many_as_samples():
    x = directions(6, 4)
    centroids, assigned = spherical_kmeans(x, x.flip(0), 10)
    assert assigned.tolist() == [5, 4, 3, 2, 1, 0]
    torch.testing.assert_close(centroids, x.flip(0))
    centroids, _ = spherical_kmeans(x, x[:1], 10)
    torch.testing.assert_close(centroids, normalize(x.sum(dim=0, keepdim=True)))


def test_samples_that_cancel_out_leave_their_centroid_where_it_is():
    x = torch.tensor([[0.0, 1, 0], [0, -1, 0], [0, 0, 1]], dtype=torch.float64)
    start = torch.tensor([[1.0, 0, -0.1], [0, 0, 1]], dtype=torch.float64)
    centroids, _ = spherical_kmeans(x, start, 1)
    assert torch.equal(centroids, start)


def test_identical_samples_give_identical_centroids():
    x = directions(1, 4).repeat(10, 1)
    centroids, assigned = spherical_kmeans(x, kmeans_plus_plus(x, 3, 0), 5)
    torch.testing.assert_close(centroids, x[:3])
    assert len(assigned) == 10


def test_plus_plus_draws_one_start_from_each_clear_cluster():
    x, axis = blobs(20, 8, 6, spread=0.05)
    for seed in range(20):
        start = kmeans_plus_plus(x, 6, seed)
        nearest = axis[(start @ x.T).argmax(dim=1)]
        assert sorted(nearest.tolist()) == list(range(6))
    assert torch.equal(kmeans_plus_plus(x, 6, 3), kmeans_plus_plus(x, 6, 3))
    assert not torch.equal(kmeans_plus_plus(x, 6, 3), kmeans_plus_plus(x, 6, 4))


def test_wrong_input_of_kmeans():
    with pytest.raises(ValueError, match="5 clusters need at least as many samples, got 4"):
        spherical_kmeans(directions(4, 3), directions(5, 3), 1)
    with pytest.raises(ValueError, match=r"\(N, D\) and \(K, D\); got \(4, 3\) and \(2, 5\)"):
        spherical_kmeans(directions(4, 3), directions(2, 5), 1)


# ---- what gradients pass


@pytest.mark.parametrize("mode", MODES)
def test_no_gradient_through_assignments_and_centroids(mode):
    loss, z = a_loss(mode=mode, queue_size=0), embeddings(7, 4)
    value, grads = value_and_grad(loss, z)
    assert not loss.centroids.requires_grad and not list(loss.parameters())
    # In eval() the same centroids are constants for certain.
    other, other_grads = value_and_grad(loss.eval(), z)
    torch.testing.assert_close((value, grads), (other, other_grads), rtol=0, atol=1e-14)


@pytest.mark.parametrize("mode", MODES)
def test_the_queue_gives_no_gradient_and_keeps_no_graph(mode):
    loss, first, second = a_loss(mode=mode), embeddings(7, 4), embeddings(7, 4, seed=1)
    leaves = {m: z.clone().requires_grad_() for m, z in first.items()}
    loss(leaves)
    assert loss.queue.grad_fn is None and loss.centroids.grad_fn is None
    loss(second | {"video": second["video"].requires_grad_()}).backward()
    assert all(z.grad is None for z in leaves.values())


@pytest.mark.parametrize("mode", MODES)
def test_what_stands_in_an_absent_row_has_no_influence(mode):
    z = embeddings(7, 4)
    value, grads = value_and_grad(lambda x: a_loss(mode=mode)(x, SOME), z)
    broken = {m: x.masked_fill(~SOME[m][:, None], math.nan) for m, x in z.items()}
    other, other_grads = value_and_grad(lambda x: a_loss(mode=mode)(x, SOME), broken)
    assert torch.equal(value, other)
    for m in MODALITIES:
        assert torch.equal(grads[m], other_grads[m])
        assert torch.equal(grads[m].any(dim=1), SOME[m])


@pytest.mark.parametrize("mode", MODES)
def test_training_forms_clusters(mode):
    z = {m: x.float().requires_grad_() for m, x in embeddings(30, 8).items()}
    loss = ClusteringLoss(8, 4, mode=mode, queue_size=0, temperature=0.5)

    def agreement():
        own = loss.centroids[loss.assign(z)]
        return min(torch.cosine_similarity(x, own).mean().item() for x in z.values())

    optimiser = torch.optim.SGD(z.values(), lr=50)
    start = loss(z).item()
    before = agreement()
    for _ in range(60):
        optimiser.zero_grad()
        loss(z).backward()
        optimiser.step()
    assert loss(z).item() < start / 2
    assert agreement() > before + 0.25


# ---- identities and known values


def test_joint_is_at_most_the_mean_of_individual():
    z = embeddings(20, 4)
    joint, individual = a_loss(mode="joint"), a_loss(mode="individual")
    assert joint(z) < individual(z) / 3  # Jensen
    assert torch.equal(joint.centroids, individual.centroids)


def test_one_modality_makes_the_modes_equal():
    z = embeddings(20, 4, ("audio",))
    torch.testing.assert_close(a_loss(mode="joint")(z), a_loss(mode="individual")(z))


def test_collapsed_embeddings_stand_at_chance_level():
    z = {m: torch.ones(20, 4) for m in MODALITIES}
    for mode, levels in (("joint", 1), ("individual", 3)):
        loss = ClusteringLoss(4, 5, mode=mode, margin=0)
        for _ in range(3):
            assert loss(z).item() == pytest.approx(levels * chance_level(5), rel=1e-5)


def test_the_margin_is_subtracted_before_the_division():
    z = {"video": torch.eye(3, dtype=torch.float64)}
    value = a_loss(dim=3, temperature=0.5, margin=0.25)(z)
    match = 0.75 / 0.5
    assert value.item() == pytest.approx(math.log(math.exp(match) + 2) - match, rel=1e-9)


@pytest.mark.parametrize("mode", MODES)
def test_order_of_modalities_and_length_of_embeddings_do_not_matter(mode):
    z = embeddings(20, 4)
    turned = {m: 7 * z[m] for m in reversed(MODALITIES)}
    torch.testing.assert_close(a_loss(mode=mode)(turned), a_loss(mode=mode)(z))


# ---- queue, warm start, resuming


def test_the_queue_is_a_ring_of_the_last_clips():
    loss = a_loss(num_clusters=2, queue_size=10)
    batches = [embeddings(4, 4, ("video",), seed=s) for s in range(4)]
    for z in batches:
        loss(z)
    means = torch.cat([normalize(z["video"]) for z in batches])  # clips 0 … 15
    assert loss.num_seen == 16
    expected = means[[10, 11, 12, 13, 14, 15, 6, 7, 8, 9]]
    torch.testing.assert_close(loss.queue, expected)


def test_a_batch_larger_than_the_queue_leaves_its_last_clips():
    loss = a_loss(num_clusters=2, queue_size=3)
    for seed in range(2):
        z = embeddings(8, 4, ("video",), seed=seed)
        loss(z)
    rows = {tuple(row) for row in loss.queue.tolist()}
    assert rows == {tuple(row) for row in normalize(z["video"])[5:].tolist()}


def test_past_batches_are_clustered_along():
    first, second = embeddings(8, 4, seed=0), embeddings(8, 4, seed=1)
    with_queue, without = a_loss(queue_size=8), a_loss(queue_size=0)
    for loss in (with_queue, without):
        loss(first)
        loss(second)
    assert without.queue.shape == (0, 4)
    assert (with_queue.centroids - without.centroids).abs().max() > 1e-3


def test_a_small_batch_is_enough_once_the_queue_is_filled():
    loss = a_loss(num_clusters=5)
    loss(embeddings(8, 4))
    assert loss(embeddings(1, 4, seed=1)).isfinite()


def test_centroids_start_where_the_last_step_ended():
    loss, z = a_loss(queue_size=0, iterations=1), embeddings(40, 4)
    x = normalize(sum(normalize(e) for e in z.values()))
    expected = kmeans_plus_plus(x, 3, 0)
    for _ in range(4):
        loss(z)
        expected, _ = spherical_kmeans(x, expected, 1)
        torch.testing.assert_close(loss.centroids, expected)


def test_evaluation_changes_nothing():
    loss = a_loss()
    loss(embeddings(8, 4))
    before = copy.deepcopy(loss.state_dict())
    value = loss.eval()(embeddings(8, 4, seed=1))
    loss.assign(embeddings(8, 4, seed=2))
    loss.train().assign(embeddings(8, 4, seed=2))
    assert value.isfinite()
    assert all(torch.equal(before[k], v) for k, v in loss.state_dict().items())


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_a_resumed_run_repeats_itself(stop):
    batches = [embeddings(6, 4, seed=s) for s in range(6)]
    whole = a_loss()
    values = [whole(z) for z in batches]
    first = a_loss()
    for z in batches[:stop]:
        first(z)
    torch.manual_seed(99)  # nothing hangs on the global generator
    resumed = a_loss()
    resumed.load_state_dict(copy.deepcopy(first.state_dict()))
    again = [resumed(z) for z in batches[stop:]]
    assert all(torch.equal(a, b) for a, b in zip(again, values[stop:], strict=True))
    for key, buffer in whole.state_dict().items():
        assert torch.equal(buffer, resumed.state_dict()[key])
    assert set(whole.state_dict()) == {"centroids", "queue", "num_seen"}


def test_the_seed_decides_the_start():
    z = embeddings(40, 4)
    losses = [a_loss(seed=s, iterations=1) for s in (0, 0, 1)]
    values = [loss(z) for loss in losses]
    assert torch.equal(values[0], values[1]) and not torch.equal(values[0], values[2])


def test_an_unusable_batch_leaves_the_state_alone():
    loss = a_loss()
    loss(embeddings(8, 4))
    before = copy.deepcopy(loss.state_dict())
    nothing = {m: torch.zeros(8, dtype=torch.bool) for m in MODALITIES}
    broken = {m: torch.full((8, 4), math.nan) for m in MODALITIES}
    for z, present in ((embeddings(8, 4), nothing), (broken, None)):
        with pytest.raises(ValueError):
            loss(z, present)
    assert all(torch.equal(before[k], v) for k, v in loss.state_dict().items())


# ---- clips without direction, empty clusters


@pytest.mark.parametrize("mode", MODES)
def test_clips_without_direction_are_left_out(mode):
    z = embeddings(8, 4)
    present = {m: torch.arange(8) != 2 for m in MODALITIES}  # clip 2 has nothing
    for m in MODALITIES:
        z[m][5] = 0
    kept = [0, 1, 3, 4, 6, 7]
    loss, other = a_loss(mode=mode), a_loss(mode=mode)
    joint = loss(z, present)
    expected = other({m: x[kept] for m, x in z.items()})
    torch.testing.assert_close(joint, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(loss.state_dict(), other.state_dict())
    assigned = loss.assign(z, present)
    assert assigned.dtype == torch.int64 and assigned.shape == (8,)
    assert assigned[[2, 5]].tolist() == [-1, -1] and (assigned[kept] >= 0).all()


def test_a_modality_that_no_clip_has_adds_nothing():
    z = embeddings(8, 4)
    present = presence(video="1" * 8, audio="0" * 8, text="1" * 8)
    value = a_loss(mode="individual")(z, present)
    two = a_loss(mode="individual")({m: z[m] for m in ("video", "text")})
    torch.testing.assert_close(value, two)


def test_a_cluster_that_lost_its_clips_comes_back_in_use():
    x, _ = blobs(10, 4, 4, spread=0.2)
    loss = a_loss(num_clusters=4, queue_size=0)
    loss({"video": x})
    loss.centroids[2] = loss.centroids[1]  # ties go to cluster 1: cluster 2 is empty
    assert 2 not in loss.assign({"video": x})
    loss({"video": x})
    assert loss.assign({"video": x}).bincount().tolist() == [10, 10, 10, 10]


# ---- precision


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("mode", MODES)
def test_half_precision_and_autocast_are_computed_in_float32(mode, dtype):
    z = embeddings(12, 8, dtype=dtype)
    full = {m: x.float() for m, x in z.items()}
    losses = [ClusteringLoss(8, 4, mode=mode, temperature=0.05) for _ in range(3)]
    expected = losses[0](full)
    value, grads = value_and_grad(losses[1], z)
    assert value.dtype == torch.float32 and grads["text"].dtype == dtype
    assert torch.equal(value, expected)
    with torch.autocast("cpu", dtype=dtype):
        assert (full["video"] @ full["audio"].T).dtype == dtype  # autocast is on
        value = losses[2](full)
        assert torch.equal(losses[2].assign(full), losses[0].assign(full))
    assert value.dtype == torch.float32 and torch.equal(value, expected)
    assert torch.equal(losses[2].centroids, losses[0].centroids)
    assert losses[2].centroids.dtype == torch.float32


def test_float64_embeddings_on_float32_buffers():
    loss, z = ClusteringLoss(4, 3), embeddings(8, 4)
    assert loss(z).dtype == loss(z).dtype == torch.float64
    assert loss.centroids.dtype == torch.float32


# ---- bad input


def test_more_clusters_than_clips():
    loss = a_loss(num_clusters=6, queue_size=0)
    with pytest.raises(ValueError, match=r"6 clusters need .* clips, got 4 \(4 of the batch, 0 of"):
        loss(embeddings(4, 4))
    assert loss.num_seen == 0 and not loss.centroids.any()
    present = {m: torch.arange(7) < 5 for m in MODALITIES}
    with pytest.raises(ValueError, match=r"got 5 \(5 of the batch"):
        loss(embeddings(7, 4), present)
    assert loss(embeddings(6, 4)).isfinite()


def test_a_queue_keeps_what_is_too_few_yet():
    loss = a_loss(num_clusters=6)
    with pytest.raises(EmptyBatchError, match=r"got 4 \(4 of the batch, 0 of"):
        loss(embeddings(4, 4))
    assert loss.num_seen == 4 and not loss.centroids.any()
    assert loss(embeddings(4, 4)).isfinite() and loss.num_seen == 8


def test_no_centroids_yet():
    loss = a_loss()
    with pytest.raises(RuntimeError, match="call the loss in training mode first"):
        loss.assign(embeddings(8, 4))
    with pytest.raises(RuntimeError, match="call the loss in training mode first"):
        loss.eval()(embeddings(8, 4))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_rows_that_are_not_finite_are_named(bad):
    z = embeddings(12, 4)
    z["audio"][3, 1] = z["audio"][10, 0] = bad
    with pytest.raises(ValueError, match=r"embeddings\['audio'\] holds NaN.* rows 3, 10 \(2 of"):
        a_loss()(z)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"audio": torch.ones(5, 4)}, ValueError, r"same clips B.*audio \(5, 4\), text \(8, 4\)"),
        ({"audio": torch.ones(8, 9)}, ValueError, r"same D.*audio \(8, 9\), text \(8, 4\)"),
        ({m: torch.ones(8, 9) for m in MODALITIES}, ValueError, r"D = 4, got video \(8, 9\)"),
        ({"audio": torch.ones(8, 4).long()}, TypeError, r"\['audio'\] must be a floating.*int64"),
        ({m: torch.zeros(8, 4) for m in MODALITIES}, ValueError, "none of the 8 clips"),
    ],
)
def test_wrong_embeddings(change, error, message):
    with pytest.raises(error, match=message):
        a_loss()(embeddings(8, 4) | change)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "both"}, "mode must be one of joint, individual, swapped, got 'both'"),
        ({"assignment": "nearest"}, "assignment must be one of kmeans, sinkhorn, got 'nearest'"),
        ({"epsilon": 0}, "epsilon must be above 0"),
        ({"momentum": 1}, r"momentum in \[0, 1\)"),
        ({"num_clusters": 1}, "num_clusters 2"),
        ({"dim": 0}, "dim"),
        ({"iterations": 0}, "iterations"),
        ({"queue_size": -1}, "queue_size"),
        ({"temperature": 0}, "temperature"),
        ({"margin": -0.1}, "margin"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        a_loss(**settings)


def test_repr_names_the_settings():
    assert repr(ClusteringLoss(8, 4)) == (
        "ClusteringLoss(8, 4, mode='joint', assignment='kmeans', queue_size=1024, "
        "fill_queue=False, temperature=0.1, margin=0.001, iterations=5, seed=0)"
    )
    equal = repr(ClusteringLoss(8, 4, assignment="sinkhorn"))
    assert "assignment='sinkhorn', epsilon=0.05, momentum=0.9, " in equal
