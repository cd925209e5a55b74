"""Heads: shapes, parameters, precision, bad input."""

import pytest
import torch
from torch import nn

from fermodels.models import (
    ClassificationHead,
    ClusterHead,
    Decoder,
    GatedEmbeddingUnit,
    ProjectionHead,
    SharedProjection,
)


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


# ---- heads of several modalities


def test_gated_embedding_unit_is_linear_relu_gate_linear_relu():
    torch.manual_seed(0)
    unit = GatedEmbeddingUnit(6, 4, hidden_dim=5).double()
    x = torch.randn(8, 6, dtype=torch.float64)
    expected = torch.zeros(8, 4, dtype=torch.float64)
    for i in range(8):
        a = (unit.embed.weight @ x[i] + unit.embed.bias).clamp(min=0)
        gate = 1 / (1 + (-(unit.gate.weight @ a + unit.gate.bias)).exp())
        expected[i] = (unit.represent.weight @ (a * gate) + unit.represent.bias).clamp(min=0)
    torch.testing.assert_close(unit(x), expected, rtol=1e-12, atol=0)
    assert (expected > 0).any() and (expected == 0).any()


def test_a_closed_gate_lets_nothing_through():
    unit = GatedEmbeddingUnit(6, 4)
    nn.init.constant_(unit.gate.bias, -1e4)
    x = torch.randn(5, 6)
    torch.testing.assert_close(unit(x), unit.represent.bias.relu().expand(5, 4))


def test_decoder_is_linear_relu_linear_and_reaches_negative_features():
    torch.manual_seed(0)
    decoder = Decoder(6, 4, hidden_dim=5)
    h = torch.randn(8, 6)
    hidden = (h @ decoder[0].weight.T + decoder[0].bias).clamp(min=0)
    expected = hidden @ decoder[2].weight.T + decoder[2].bias
    torch.testing.assert_close(decoder(h), expected)
    assert (decoder(h) < 0).any()


def test_sizes_of_the_heads():
    unit, decoder = GatedEmbeddingUnit(12, 8), Decoder(8, 12)
    assert (unit.in_dim, unit.hidden_dim, unit.out_dim) == (12, 8, 8)
    assert (decoder.in_dim, decoder.hidden_dim, decoder.out_dim) == (8, 8, 12)
    assert decoder(unit(torch.randn(3, 12))).shape == (3, 12)
    assert sum(p.numel() for p in unit.parameters()) == 12 * 8 + 8 + 2 * (8 * 8 + 8)
    assert ClusterHead(8)(torch.randn(3, 8)).shape == (3, 8)
    assert ClusterHead(8, 5)(torch.randn(3, 8)).shape == (3, 5)


@pytest.mark.parametrize("head", [GatedEmbeddingUnit(8, 6), Decoder(8, 6), ClusterHead(8, 6)])
def test_heads_of_modalities_learn_travel_and_check_shapes(head):
    torch.manual_seed(0)
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.5)
    h = torch.randn(64, 8)
    head(h).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in head.parameters())
    twin = type(head)(8, 6)
    twin.load_state_dict(head.state_dict())
    assert torch.equal(twin(h), head(h))
    assert head(h[:1]).shape == (1, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert head(h).dtype == torch.bfloat16
    for shape in [(5, 9), (8,), (2, 5, 8)]:
        with pytest.raises(ValueError, match=rf"{type(head).__name__} takes .*\(N, 8\), got \("):
            head(torch.zeros(shape))


def modalities(num_clips=16):
    generator = torch.Generator().manual_seed(0)
    h = {m: torch.randn(num_clips, 8, generator=generator) for m in ("video", "audio")}
    return h | {"audio": 3 * h["audio"] + 2}  # the modalities differ in mean and spread


def test_shared_projection_takes_all_modalities_as_one_batch():
    shared, plain = SharedProjection(8, out_dim=4), ProjectionHead(8, out_dim=4)
    plain.load_state_dict(shared.state_dict())
    h = modalities()
    z = shared(h)
    expected = plain(torch.cat([h["video"], h["audio"]]))
    assert list(z) == ["video", "audio"]
    torch.testing.assert_close(torch.cat([z["video"], z["audio"]]), expected, rtol=0, atol=0)
    torch.testing.assert_close(shared.state_dict(), plain.state_dict(), rtol=0, atol=0)


def test_shared_projection_in_evaluation_agrees_with_training():
    shared, h = SharedProjection(8, out_dim=4), modalities(64)
    for _ in range(200):
        trained = shared(h)
    evaluated = shared.eval()(h)
    for m in h:
        torch.testing.assert_close(evaluated[m], trained[m], rtol=0, atol=0.05)


def test_shared_projection_leaves_absent_modalities_out():
    torch.manual_seed(0)
    shared, plain = SharedProjection(8, out_dim=4), ProjectionHead(8, out_dim=4)
    plain.load_state_dict(shared.state_dict())
    h = modalities()
    present = {"video": torch.ones(16).bool(), "audio": torch.arange(16) % 3 > 0}
    h["audio"][~present["audio"]] = torch.nan
    leaf = h["audio"].requires_grad_()
    z = shared(h, present)
    expected = plain(torch.cat([h["video"], leaf[present["audio"]]]))
    torch.testing.assert_close(torch.cat([z["video"], z["audio"][present["audio"]]]), expected)
    assert not z["audio"][~present["audio"]].any()
    z["audio"].square().sum().backward()
    assert torch.equal(leaf.grad.any(dim=1), present["audio"])


def test_shared_projection_without_any_clip_of_a_modality():
    h = modalities()
    present = {"video": torch.ones(16).bool(), "audio": torch.zeros(16).bool()}
    z = SharedProjection(8, out_dim=4)(h, present)
    assert z["video"].any() and not z["audio"].any() and z["audio"].shape == (16, 4)


def test_shared_projection_names_wrong_shapes():
    with pytest.raises(ValueError, match=r"SharedProjection takes .*\(N, 8\), got \(4, 9\)"):
        SharedProjection(8)({"video": torch.ones(4, 8), "audio": torch.ones(4, 9)})
    with pytest.raises(ValueError, match="batch of 1"):
        SharedProjection(8)({"video": torch.ones(1, 8)})


def test_shared_projection_under_autocast():
    h = modalities()
    present = {m: torch.arange(16) > 2 for m in h}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = SharedProjection(8, out_dim=4)(h, present)
    assert all(x.dtype == torch.bfloat16 and x.isfinite().all() for x in z.values())
