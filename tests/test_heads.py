"""Heads: shapes, parameters, precision, bad input."""

import pytest
import torch
from torch import nn

from fermodels.heads import ClassificationHead, ProjectionHead


def test_projection_is_linear_norm_relu_linear():
    torch.manual_seed(0)
    head = ProjectionHead(8, 16, 4)
    h = torch.randn(32, 8) * 5 + 3
    hidden = h @ head[0].weight.T
    hidden = (hidden - hidden.mean(0)) / (hidden.var(0, unbiased=False) + 1e-5).sqrt()
    expected = hidden.clamp(min=0) @ head[3].weight.T + head[3].bias
    torch.testing.assert_close(head(h), expected, rtol=1e-4, atol=1e-5)


def test_projection_sizes():
    head = ProjectionHead(8)
    assert (head.in_dim, head.hidden_dim, head.out_dim) == (8, 8, 128)
    assert head(torch.randn(3, 8)).shape == (3, 128)
    assert ProjectionHead(8, 5, out_dim=7)(torch.randn(2, 8)).shape == (2, 7)
    assert sum(p.numel() for p in ProjectionHead(8, 5, 7).parameters()) == 8 * 5 + 5 + 5 + 5 * 7 + 7


def test_every_parameter_learns():
    head = ProjectionHead(8, 16, 4)
    head(torch.randn(32, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in head.parameters())


def test_projection_of_one_image_needs_eval():
    head = ProjectionHead(8)
    with pytest.raises(ValueError, match="batch of 1 image"):
        head(torch.randn(1, 8))
    assert head.eval()(torch.randn(1, 8)).shape == (1, 128)


def test_classifier_is_linear():
    head = ClassificationHead(8, 7)
    h = torch.randn(5, 8)
    assert isinstance(head, nn.Linear)
    assert set(head.state_dict()) == {"weight", "bias"}
    torch.testing.assert_close(head(h), h @ head.weight.T + head.bias)
    assert head(h).shape == (5, 7)


@pytest.mark.parametrize("head", [ProjectionHead(8), ClassificationHead(8, 7)])
@pytest.mark.parametrize("shape", [(5, 9), (8,), (2, 5, 8)])
def test_wrong_shapes_are_named(head, shape):
    with pytest.raises(ValueError, match=r"Head takes .*\(N, 8\), got \("):
        head(torch.zeros(shape))


@pytest.mark.parametrize("head", [ProjectionHead(8), ClassificationHead(8, 7)])
def test_state_travels(head):
    copy = type(head)(8) if isinstance(head, ProjectionHead) else type(head)(8, 7)
    copy.load_state_dict(head.state_dict())
    h = torch.randn(4, 8)
    assert torch.equal(copy.eval()(h), head.eval()(h))


def test_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = ProjectionHead(8)(torch.randn(4, 8))
    assert z.dtype == torch.bfloat16 and z.isfinite().all()
