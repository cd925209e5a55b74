"""Batch norm over processes, of which the other one is played here; see also test_distributed."""

import pytest
import torch
from torch import nn

pytest.importorskip("lightning")

from fermodels.training import batch_norm
from fermodels.training.batch_norm import BatchNormOfAll, like, synchronised_batch_norm


@pytest.fixture
def two(monkeypatch):
    """A process that always has the same rows as this one."""
    monkeypatch.setattr(batch_norm, "rank_and_size", lambda: (0, 2))
    monkeypatch.setattr(batch_norm, "all_gather_with_grad", lambda x: (torch.cat([x, x]),))


@pytest.mark.parametrize(
    "options", [{}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}]
)
@pytest.mark.parametrize(("dtype", "shape"), [(torch.float64, (5, 3)), (torch.float32, (4, 3, 6))])
def test_is_that_of_the_rows_of_both(two, options, dtype, shape):
    generator = torch.Generator().manual_seed(0)
    whole = nn.BatchNorm1d(3, **options, dtype=dtype)
    parts = like(nn.BatchNorm1d(3, **options, dtype=dtype), BatchNormOfAll)
    for _ in range(3):
        x = 2 + 3 * torch.randn(*shape, generator=generator, dtype=dtype)
        torch.testing.assert_close(parts(x), whole(torch.cat([x, x]))[: len(x)])
    torch.testing.assert_close(parts.state_dict(), whole.state_dict())


def test_half_precision_has_statistics_in_float32(two):
    x = (100 + torch.randn(64, 3, generator=torch.Generator().manual_seed(0))).bfloat16()
    whole, parts = nn.BatchNorm1d(3), like(nn.BatchNorm1d(3), BatchNormOfAll)
    y, expected = parts(x), whole(torch.cat([x, x]))[: len(x)]
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y, expected, rtol=0.02, atol=0.02)
    torch.testing.assert_close(parts.state_dict(), whole.state_dict())


def test_layers_are_replaced_and_come_back_with_what_they_learned(two):
    model = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.BatchNorm1d(3)))
    layer = model[1][0]
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with synchronised_batch_norm(model, on_cpu=True):
        assert isinstance(model[1][0], BatchNormOfAll) and model[1][0].weight is layer.weight
        model(torch.randn(6, 4))
        model.eval()
    assert model[1][0] is layer and not layer.training
    assert not torch.equal(layer.running_mean, before["running_mean"])


def test_on_cuda_it_is_that_of_torch():
    model = nn.Sequential(nn.BatchNorm2d(3).eval())
    layer = model[0]
    with synchronised_batch_norm(model, on_cpu=False):
        assert isinstance(model[0], nn.SyncBatchNorm) and not model[0].training
        model.double()  # as a move to a device does: the layer that comes back has it, too
    assert model[0] is layer and layer.weight.dtype == layer.running_mean.dtype == torch.float64


def test_single_numbers_are_refused(two):
    with pytest.raises(ValueError, match="takes"):
        BatchNormOfAll(3)(torch.zeros(3))
