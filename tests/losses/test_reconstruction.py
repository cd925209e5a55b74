"""The reconstruction loss against slow loops, missing modalities, precision, bad input."""

import math

import pytest
import torch

from fermodels.losses import ReconstructionLoss
from tests.losses.slow import as_lists, assert_equal_to_slow, presence, value_and_grad

DIMS = {"video": 5, "audio": 3, "text": 2}
SOME = presence(video="1101", audio="0111", text="1010")


def draw(seed, num_clips=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return {
        m: torch.randn(num_clips, d, generator=generator, dtype=torch.float64).to(dtype)
        for m, d in DIMS.items()
    }


def slow_reconstruction(y, x, present=None):
    total = 0.0
    for m in x:
        clips = [i for i in range(len(x[m])) if present is None or present[m][i]]
        for i in clips:
            for d in range(len(x[m][i])):
                total += (y[m][i][d] - x[m][i][d]) ** 2 / len(x[m][i]) / len(clips)
    return total


@pytest.mark.parametrize("present", [None, SOME])
def test_equals_its_definition_with_its_gradient(present):
    y, x = draw(0), draw(1)
    features = as_lists(x)
    assert_equal_to_slow(
        lambda z: ReconstructionLoss()(z, x, present),
        lambda z: slow_reconstruction(z, features, present),
        y,
    )


def test_equals_torch_when_nothing_is_missing():
    y, x = draw(0), draw(1)
    expected = sum(torch.nn.functional.mse_loss(y[m], x[m]) for m in DIMS)
    torch.testing.assert_close(ReconstructionLoss()(y, x), expected, rtol=1e-12, atol=0)


def test_a_perfect_decoder_has_no_loss_and_the_mean_of_standardised_features_has_one_each():
    x = {m: (z - z.mean(0)) / z.std(0, unbiased=False) for m, z in draw(0, 50).items()}
    assert ReconstructionLoss()(x, x).item() == 0
    zero = {m: torch.zeros_like(z) for m, z in x.items()}
    assert ReconstructionLoss()(zero, x).item() == pytest.approx(3, rel=1e-12)


def test_what_stands_in_an_absent_row_has_no_influence():
    y, x = draw(0), draw(1)
    value, grads = value_and_grad(lambda z: ReconstructionLoss()(z, x, SOME), y)
    broken = [
        {m: z.masked_fill(~SOME[m][:, None], bad) for m, z in side.items()}
        for side, bad in ((y, math.nan), (x, -math.inf))
    ]
    other, other_grads = value_and_grad(
        lambda z: ReconstructionLoss()(z, broken[1], SOME), broken[0]
    )
    assert torch.equal(value, other)
    for m in DIMS:
        assert torch.equal(grads[m], other_grads[m])
        assert not grads[m][~SOME[m]].any() and grads[m][SOME[m]].all()


def test_a_modality_that_no_clip_has_adds_nothing():
    y, x = draw(0), draw(1)
    present = presence(video="1111", audio="0000", text="1111")
    value, grads = value_and_grad(lambda z: ReconstructionLoss()(z, x, present), y)
    two = ReconstructionLoss()(
        {m: y[m] for m in ("video", "text")}, {m: x[m] for m in DIMS if m != "audio"}
    )
    torch.testing.assert_close(value, two, rtol=1e-12, atol=0)
    assert not grads["audio"].any()


def test_one_modality_will_do_and_order_does_not_matter():
    y, x = draw(0), draw(1)
    assert ReconstructionLoss()({"text": y["text"]}, {"text": x["text"]}) > 0
    turned = dict(reversed(y.items()))
    assert torch.equal(ReconstructionLoss()(turned, x), ReconstructionLoss()(y, x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_autocast_are_computed_in_float32(dtype):
    y, x = draw(0, dtype=dtype), draw(1, dtype=dtype)
    value, grads = value_and_grad(lambda z: ReconstructionLoss()(z, x), y)
    expected = ReconstructionLoss()(
        {m: z.float() for m, z in y.items()}, {m: z.float() for m, z in x.items()}
    )
    assert value.dtype == torch.float32 and grads["text"].dtype == dtype
    assert torch.equal(value, expected)
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(ReconstructionLoss()(y, x), expected)


def test_large_errors_in_half_precision_do_not_overflow():
    x = {"audio": torch.full((2, 3), 3e4, dtype=torch.float16)}
    y = {"audio": torch.full((2, 3), -3e4, dtype=torch.float16)}
    assert ReconstructionLoss()(y, x).item() == pytest.approx(3.6e9, rel=1e-3)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_rows_that_are_not_finite_are_named(bad):
    y, x = draw(0, 12), draw(1, 12)
    broken = x["text"].clone()
    broken[3, 1] = broken[10, 0] = bad
    with pytest.raises(ValueError, match=r"^features\['text'\] holds NaN.* rows 3, 10 \(2 of 12"):
        ReconstructionLoss()(y, x | {"text": broken})
    with pytest.raises(ValueError, match=r"^reconstructions\['text'\] holds NaN.* rows 3, 10 "):
        ReconstructionLoss()(y | {"text": broken}, x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": torch.ones(4, 3)}, r"same modalities and shapes.*text \(4, 2\) and .*\(4, 3\)"),
        ({m: torch.ones(5, d) for m, d in DIMS.items()}, r"same modalities and shapes"),
        ({"smell": torch.ones(4, 3)}, r"same modalities.*smell \(4, 3\)"),
        ({"text": torch.ones(5, 2)}, r"features must have shape \(B, D\).*text \(5, 2\)"),
        ({"text": torch.ones(4)}, r"features must have shape \(B, D\).*text \(4,\)"),
    ],
)
def test_wrong_shapes(change, message):
    with pytest.raises(ValueError, match=message):
        ReconstructionLoss()(draw(0), draw(1) | change)


def test_wrong_types_and_nothing_to_do():
    y, x = draw(0), draw(1)
    with pytest.raises(TypeError, match=r"features\['text'\] must be a floating.*int64"):
        ReconstructionLoss()(y, x | {"text": torch.ones(4, 2).long()})
    with pytest.raises(TypeError, match="reconstructions must be a dict"):
        ReconstructionLoss()(y["text"], x)
    with pytest.raises(ValueError, match="reconstructions is empty"):
        ReconstructionLoss()({}, {})
    with pytest.raises(ValueError, match="no clip of the batch has any modality"):
        ReconstructionLoss()(y, x, presence(video="0000", audio="0000", text="0000"))
    with pytest.raises(ValueError, match="nothing about 'text'"):
        ReconstructionLoss()(y, x, presence(video="1111", audio="1111"))
