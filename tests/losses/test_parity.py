"""Against pytorch-metric-learning and lightly, value and gradient to 1e-6 relative in float64.

Where they differ from the papers, and what the comparison does about it:

- pytorch-metric-learning's SupConLoss normalises, takes all other images as candidates and divides
  by the number of positives, as we do. Its default reducer, AvgNonZero, then takes the mean over
  the anchors whose loss is above zero. An anchor without positive has loss 0 there, so that it is
  left out, as with us; but an anchor *with* positives whose loss is exactly 0 is left out too. The
  tests assert that no such anchor is in the batch. With a MeanReducer anchors without positive
  would count as zeros: a test shows that this is another number.
- It returns 0 for a batch without negatives and for one without positives. We give the value of
  the formula and an error.
- lightly's NTXentLoss takes two equal batches: no missing views, one positive for each image.
- lightly's BarlowTwinsLoss goes through batch_norm (biased variance, 1e-5 added), as we do. It
  computes in the precision of its input (half in, half out), and takes a batch of NaN.
"""

import pytest
import torch
from lightly.loss import BarlowTwinsLoss as LightlyBarlowTwins
from lightly.loss import NTXentLoss as LightlyNTXent
from pytorch_metric_learning.losses import SupConLoss
from pytorch_metric_learning.reducers import DoNothingReducer, MeanReducer

from fermodels.losses import (
    BarlowTwinsLoss,
    MultiViewContrastiveLoss,
    NTXentLoss,
    SupervisedContrastiveLoss,
)


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def assert_equal(ours, theirs, *inputs):
    results = []
    for function in (ours, theirs):
        leaves = [x.clone().requires_grad_() for x in inputs]
        value = function(*leaves)
        results.append((value.detach(), torch.autograd.grad(value, leaves)))
    (value, grads), (expected, expected_grads) = results
    assert expected.dtype == torch.float64 and expected > 0
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=0)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        scale = expected_grad.abs().max()
        assert scale > 1e-6
        assert (grad - expected_grad).abs().max() <= 1e-6 * scale


def missing_views(num_instances, seed):
    """Ids of instances with 1 to 5 images each, shuffled; at least one has a single image."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(1, 6, (num_instances,), generator=generator)
    counts[0] = 1
    ids = torch.arange(num_instances).repeat_interleave(counts)
    return ids[torch.randperm(len(ids), generator=generator)]


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ours", [MultiViewContrastiveLoss, SupervisedContrastiveLoss])
def test_equals_supcon_with_missing_views(ours, seed, temperature):
    ids = missing_views(12, seed)
    z = random(len(ids), 16, seed=seed) * 4
    _, inverse, counts = ids.unique(return_inverse=True, return_counts=True)
    has_positive = counts[inverse] > 1
    assert len(set(counts.tolist())) >= 3 and not has_positive.all()

    theirs = SupConLoss(temperature=temperature)
    per_anchor = SupConLoss(temperature=temperature, reducer=DoNothingReducer())(z, ids)
    # AvgNonZero averages over exactly the anchors that have a positive.
    assert torch.equal(per_anchor["loss"]["losses"] > 0, has_positive)

    loss = ours(temperature)
    assert_equal(lambda x: loss(x, ids), lambda x: theirs(x, ids), z)


def test_the_mean_is_over_images_that_have_a_positive():
    ids = missing_views(12, 0)
    z = random(len(ids), 16)
    ours = MultiViewContrastiveLoss(0.1)(z, ids)
    counting_zeros = SupConLoss(temperature=0.1, reducer=MeanReducer())(z, ids)
    assert counting_zeros < 0.99 * ours
    anchors = (torch.bincount(ids)[ids] > 1).double().mean()
    torch.testing.assert_close(counting_zeros, ours * anchors, rtol=1e-10, atol=0)


def test_equals_supcon_on_a_block_of_views():
    z, ids = random(6, 5, 16), torch.arange(6).repeat_interleave(5)
    loss, theirs = MultiViewContrastiveLoss(0.1), SupConLoss(temperature=0.1)
    assert_equal(loss, lambda x: theirs(x.flatten(0, 1), ids), z)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_equals_lightly_nt_xent(temperature):
    z1, z2 = random(9, 16) * 4, random(9, 16, seed=1)
    theirs = LightlyNTXent(temperature=temperature)
    assert_equal(NTXentLoss(temperature), theirs, z1, z2)
    multi_view = MultiViewContrastiveLoss(temperature)
    assert_equal(lambda a, b: multi_view(torch.stack([a, b], dim=1)), theirs, z1, z2)
    supcon, ids = SupConLoss(temperature=temperature), torch.arange(9).repeat(2)
    assert_equal(NTXentLoss(temperature), lambda a, b: supcon(torch.cat([a, b]), ids), z1, z2)


@pytest.mark.parametrize("lambda_", [5e-3, 0.1, 0.0])
def test_equals_lightly_barlow_twins(lambda_):
    z1 = random(16, 6) * 3 + 1
    z2 = z1 + random(16, 6, seed=1)
    assert_equal(BarlowTwinsLoss(lambda_), LightlyBarlowTwins(lambda_param=lambda_), z1, z2)


def test_equals_lightly_barlow_twins_with_a_constant_dimension():
    z1, z2 = random(16, 6), random(16, 6, seed=1)
    z1[:, 2] = 7
    assert_equal(BarlowTwinsLoss(), LightlyBarlowTwins(), z1, z2)
