import numpy as np
import pytest
import torch
from torch import nn

from fermodels import evaluation


class Curved(nn.Module):
    """A small smooth classifier in double precision, for differences of logits."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4 * 36, 3)

    def forward(self, images):
        return self.head(torch.tanh(self.conv(images)).flatten(1))


@pytest.fixture
def classifier():
    return Curved()


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0.1, 0.9, (3, 6, 6, 3)).astype(np.float32)


TARGETS = [2, 0, 1]


def logit(classifier, image, target):
    x = torch.as_tensor(image).permute(2, 0, 1)[None]
    with torch.no_grad():
        return classifier(x)[0, target].item()


@pytest.mark.parametrize("times_input", [False, True])
def test_gradient_is_the_slope_of_the_logit(classifier, images, times_input):
    found = evaluation.gradient_saliency(classifier, images, TARGETS, times_input=times_input)
    assert found.shape == (3, 6, 6)
    classifier.double()
    step = 1e-5
    for n, target in enumerate(TARGETS):
        for y, x in ((0, 0), (2, 5), (3, 3)):
            total = 0.0
            for colour in range(3):
                up, down = images[n].astype(np.float64), images[n].astype(np.float64)
                up[y, x, colour] += step
                down[y, x, colour] -= step
                slope = logit(classifier, up, target) - logit(classifier, down, target)
                weight = images[n, y, x, colour] - 0.5 if times_input else 1
                total += abs(slope / (2 * step) * weight)
            assert found[n, y, x] == pytest.approx(total, rel=1e-4)


def test_smooth_grad_is_the_mean_over_noisy_copies(classifier, images):
    plain = evaluation.gradient_saliency(classifier, images, TARGETS)
    still = evaluation.gradient_saliency(classifier, images, TARGETS, samples=3)
    np.testing.assert_allclose(still, plain, rtol=1e-5)
    first, again = (
        evaluation.gradient_saliency(classifier, images, TARGETS, samples=4, noise=0.2)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, plain)


@pytest.mark.parametrize("patch, stride", [(2, 2), (3, 2), (6, 1), (4, 3)])
def test_occlusion_equals_a_loop(classifier, images, patch, stride):
    found = evaluation.occlusion_saliency(
        classifier, images, TARGETS, patch=patch, stride=stride, fill=0.4
    )
    starts = sorted({*range(0, 6 - patch + 1, stride), 6 - patch})
    for n, target in enumerate(TARGETS):
        before = logit(classifier, images[n], target)
        total, count = np.zeros((6, 6)), np.zeros((6, 6))
        for top in starts:
            for left in starts:
                covered = images[n].copy()
                covered[top : top + patch, left : left + patch] = 0.4
                change = abs(logit(classifier, covered, target) - before)
                for y in range(top, top + patch):
                    for x in range(left, left + patch):
                        total[y, x] += change
                        count[y, x] += 1
        np.testing.assert_allclose(found[n], total / count, rtol=1e-3, atol=1e-6)


def test_a_classifier_that_looks_at_one_corner(images):
    class Corner(nn.Module):
        def forward(self, x):
            bright = x[:, :, :2, :2].mean((1, 2, 3))
            return torch.stack([bright, -bright, 0 * bright], 1)

    region = np.zeros((3, 6, 6), bool)
    region[:, :2, :2] = True
    gradient = evaluation.gradient_saliency(Corner(), images, TARGETS)
    covered = evaluation.occlusion_saliency(Corner(), images, TARGETS, patch=2, stride=2)
    for saliency in (gradient, covered):
        shares = evaluation.share_inside(saliency, region)
        assert shares[1:] == pytest.approx([1, 1])
        assert np.isnan(shares[0])  # its class does not look at all


def test_leaves_no_trace(classifier, images):
    classifier.train()
    evaluation.gradient_saliency(classifier, images, TARGETS)
    evaluation.occlusion_saliency(classifier, images, TARGETS, patch=3, stride=3)
    assert classifier.training
    assert all(p.grad is None for p in classifier.parameters())


def test_pixels_of_every_kind_and_batches(classifier, images):
    whole = evaluation.gradient_saliency(classifier, images, TARGETS)
    one = evaluation.gradient_saliency(classifier, images, TARGETS, batch_size=1)
    np.testing.assert_allclose(one, whole, rtol=1e-5)
    first = torch.as_tensor(images).permute(0, 3, 1, 2).contiguous()
    np.testing.assert_allclose(
        evaluation.gradient_saliency(classifier, first, TARGETS), whole, rtol=1e-5
    )
    pixels = (255 * images).round().astype(np.uint8)
    np.testing.assert_allclose(
        evaluation.gradient_saliency(classifier, pixels, TARGETS), whole, rtol=0.05
    )


def test_refuses(classifier, images):
    with pytest.raises(ValueError, match="as many targets"):
        evaluation.gradient_saliency(classifier, images, [0])
    with pytest.raises(ValueError, match="samples"):
        evaluation.gradient_saliency(classifier, images, TARGETS, samples=0)
    with pytest.raises(ValueError, match="does not fit"):
        evaluation.occlusion_saliency(classifier, images, TARGETS, patch=7)
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        evaluation.share_inside(np.ones((2, 6, 6)), np.ones((2, 5, 6)))
    with pytest.raises(ValueError, match="negative"):
        evaluation.share_inside(-np.ones((1, 2, 2)), np.ones((1, 2, 2)))
