"""BarlowTwinsLoss against a slow loop, known values, bad input."""

import math

import pytest
import torch

from fermodels.losses import BarlowTwinsLoss


def random(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def slow_barlow_twins(z1, z2, lambda_):
    """Equations 1 and 2 of the paper in plain Python, 1e-5 added to the variance."""

    def columns(z):
        result = []
        for column in z.T.tolist():
            mean = sum(column) / len(column)
            variance = sum((x - mean) ** 2 for x in column) / len(column)
            result.append([(x - mean) / math.sqrt(variance + 1e-5) for x in column])
        return result

    total = 0
    for i, a in enumerate(columns(z1)):
        for j, b in enumerate(columns(z2)):
            correlation = sum(x * y for x, y in zip(a, b, strict=True)) / len(a)
            total += (1 - correlation) ** 2 if i == j else lambda_ * correlation**2
    return total


@pytest.mark.parametrize("lambda_", [0.0, 5e-3, 1.0, 3.0])
def test_equals_the_loop(lambda_):
    z1 = random(9, 5) * 3 + 2
    z2 = z1 + random(9, 5, seed=1)
    expected = slow_barlow_twins(z1, z2, lambda_)
    assert BarlowTwinsLoss(lambda_)(z1, z2).item() == pytest.approx(expected, rel=1e-11)


def test_known_values():
    z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    assert BarlowTwinsLoss()(z, z).item() == pytest.approx(0, abs=1e-9)
    assert BarlowTwinsLoss()(z, -z).item() == pytest.approx(2 * 2**2, rel=1e-4)
    swapped = z.flip(1)  # nothing on the diagonal, 1 beside it
    assert BarlowTwinsLoss(0.1)(z, swapped).item() == pytest.approx(2 + 0.1 * 2, rel=1e-4)


def test_scale_and_offset_of_a_dimension_do_not_matter():
    z1, z2 = random(32, 4), random(32, 4, seed=1)
    moved = z2 * torch.tensor([10.0, 5.0, 20.0, 8.0]) + 3
    loss = BarlowTwinsLoss()
    torch.testing.assert_close(loss(z1, moved), loss(z1, z2), rtol=1e-4, atol=0)


def test_order_of_images_does_not_matter_but_pairing_does():
    z1 = random(16, 4)
    z2 = z1 + 0.1 * random(16, 4, seed=1)
    loss, order = BarlowTwinsLoss(), torch.arange(15, -1, -1)
    torch.testing.assert_close(loss(z1[order], z2[order]), loss(z1, z2), rtol=1e-12, atol=0)
    torch.testing.assert_close(loss(z2, z1), loss(z1, z2), rtol=1e-12, atol=0)
    assert loss(z1, z2[order]) > loss(z1, z2) + 1


def test_gradcheck():
    z1, z2 = random(6, 3).requires_grad_(), random(6, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(BarlowTwinsLoss(0.1), (z1, z2))


def test_a_constant_dimension_counts_one_and_has_a_finite_gradient():
    z1, z2 = random(16, 3), random(16, 3, seed=1)
    z1[:, 1] = z2[:, 1] = 4.0
    z1.requires_grad_()
    loss = BarlowTwinsLoss(0.0)(z1, z2)
    rest = BarlowTwinsLoss(0.0)(z1[:, [0, 2]], z2[:, [0, 2]])
    torch.testing.assert_close(loss, rest + 1, rtol=1e-12, atol=0)
    loss.backward()
    assert z1.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_autocast_are_computed_in_float32(dtype):
    z1, z2 = random(16, 8, dtype=dtype), random(16, 8, seed=1, dtype=dtype)
    loss = BarlowTwinsLoss()
    expected = loss(z1.float(), z2.float())
    assert expected.dtype == torch.float32
    assert torch.equal(loss(z1, z2), expected)
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(loss(z1.float(), z2.float()), expected)
    assert loss(z1.float(), z2.double()).dtype == torch.float64


def test_bad_input():
    loss, z = BarlowTwinsLoss(), torch.ones(4, 3)
    bad = z.clone()
    bad[2, 0] = math.nan
    with pytest.raises(ValueError, match=r"^z1 holds NaN.*rows 2 \(1 of 4\)"):
        loss(bad, z)
    with pytest.raises(ValueError, match=r"^z2 holds NaN.*rows 2 \(1 of 4\)"):
        loss(z, bad)
    with pytest.raises(ValueError, match=r"same shape.*\(4, 3\) and \(4, 2\)"):
        loss(z, z[:, :2])
    with pytest.raises(ValueError, match="at least 2 rows"):
        loss(z[:1], z[:1])
    with pytest.raises(TypeError, match="floating-point"):
        loss(z, z.long())
    for lambda_ in (-1, math.nan):
        with pytest.raises(ValueError, match="lambda_"):
            BarlowTwinsLoss(lambda_)
    assert repr(loss) == "BarlowTwinsLoss(lambda_=0.005)"
