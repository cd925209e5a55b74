"""The log-sum-exp in tiles against the whole matrix: values, gradients, memory, what is refused."""

import math

import pytest
import torch
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fermodels.losses import (
    MultiModalContrastiveLoss,
    MultiViewContrastiveLoss,
    NTXentLoss,
    SupervisedContrastiveLoss,
    tiles,
)
from fermodels.losses.matrix import Matrix
from fermodels.losses.tiles import pair_logsumexp, self_logsumexp
from tests.losses.slow import pair_logsumexp_by_rows, self_logsumexp_by_rows

LOW = 0.002  # exp(1/τ) is more than float64 holds


def units(n, dim=4, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(n, dim, generator=generator, dtype=torch.float64)).to(dtype)


def whole_self(x, temperature):
    logits = (x @ x.T / temperature).fill_diagonal_(-math.inf)
    return logits.logsumexp(dim=1)


def whole_pair(x, y, temperature, margin):
    logits = (x @ y.T - margin * torch.eye(len(x)).to(x)) / temperature
    return logits.logsumexp(dim=1), logits.logsumexp(dim=0)


def weighted(results, seed=9):
    """A scalar in which each number has a weight of its own, some of them negative."""
    results = results if isinstance(results, tuple) else (results,)
    generator = torch.Generator().manual_seed(seed)
    return sum((r * torch.randn(len(r), generator=generator).to(r)).sum() for r in results)


def gradients(function, *inputs):
    leaves = [x.clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(weighted(function(*leaves)), leaves, materialize_grads=True)


class Largest(TorchDispatchMode):
    """Notes the bytes of the largest tensor that any operation makes."""

    bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.bytes = max(self.bytes, tensor.untyped_storage().nbytes())
        return result


# ---- exactness


@pytest.mark.parametrize("n", [2, 5, 6, 11, 23])
@pytest.mark.parametrize("temperature", [0.1, 1.0, LOW])
def test_rows_equal_those_of_the_whole_matrix(small_tiles, n, temperature):
    x = units(n)
    close = {"rtol": 1e-12, "atol": 1e-12 / temperature}
    expected = whole_self(x, temperature)
    torch.testing.assert_close(self_logsumexp(x, temperature), expected, **close)
    actual = gradients(lambda z: self_logsumexp(z, temperature), x)
    expected = gradients(lambda z: whole_self(z, temperature), x)
    torch.testing.assert_close(actual, expected, **close)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 11, 23])
@pytest.mark.parametrize(("temperature", "margin"), [(0.1, 0.2), (1.0, 0.0), (LOW, 0.2)])
def test_rows_and_columns_equal_those_of_the_whole_matrix(small_tiles, n, temperature, margin):
    x, y = units(n), units(n, seed=1)
    close = {"rtol": 1e-12, "atol": 1e-12 / temperature}
    expected = whole_pair(x, y, temperature, margin)
    torch.testing.assert_close(pair_logsumexp(x, y, temperature, margin), expected, **close)
    actual = gradients(lambda a, b: pair_logsumexp(a, b, temperature, margin), x, y)
    expected = gradients(lambda a, b: whole_pair(a, b, temperature, margin), x, y)
    torch.testing.assert_close(actual, expected, **close)


@pytest.mark.parametrize("temperature", [0.1, LOW])
def test_equals_the_naive_form_in_chunks_of_rows(small_tiles, temperature):
    x, y = units(23), units(23, seed=1)
    close = {"rtol": 1e-12, "atol": 1e-12 / temperature}
    for function, naive in (
        (lambda a, b: self_logsumexp(a, temperature),
         lambda a, b: self_logsumexp_by_rows(a, temperature, chunk=7)),
        (lambda a, b: pair_logsumexp(a, b, temperature, 0.2),
         lambda a, b: pair_logsumexp_by_rows(a, b, temperature, 0.2, chunk=7)),
    ):  # fmt: skip
        torch.testing.assert_close(function(x, y), naive(x, y), **close)
        torch.testing.assert_close(gradients(function, x, y), gradients(naive, x, y), **close)


@pytest.mark.parametrize("temperature", [0.3, LOW])
def test_gradcheck(small_tiles, temperature):
    x, y = units(7).requires_grad_(), units(7, seed=1).requires_grad_()
    tolerance = {"atol": 1e-5 / temperature, "eps": 1e-6 * min(1, 30 * temperature)}
    assert torch.autograd.gradcheck(lambda z: self_logsumexp(z, temperature), x, **tolerance)
    both = torch.autograd.gradcheck(
        lambda a, b: pair_logsumexp(a, b, temperature, 0.1), (x, y), **tolerance
    )
    assert both


def test_one_of_rows_and_columns_and_one_of_both_sides(small_tiles):
    x, y = units(11), units(11, seed=1)
    for part in (0, 1):
        actual = gradients(lambda a, b, part=part: pair_logsumexp(a, b, 0.3)[part], x, y)
        expected = gradients(lambda a, b, part=part: whole_pair(a, b, 0.3, 0)[part], x, y)
        torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-14)
    actual = gradients(lambda a: pair_logsumexp(a, y, 0.3), x)
    expected = gradients(lambda a: whole_pair(a, y, 0.3, 0), x)
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("temperature", [0.05, 0.01])  # above and below what needs no maximum
def test_float32_loses_no_digits(small_tiles, temperature):
    x = units(40, 16)
    x = normalize(x[:20].repeat(2, 1) + 0.1 * x)  # pairs, so that some logits are near the top
    close = {"rtol": 1e-5, "atol": 1e-5 / temperature}
    actual = self_logsumexp(x.float(), temperature).double()
    torch.testing.assert_close(actual, whole_self(x, temperature), **close)
    (actual,) = gradients(lambda z: self_logsumexp(z, temperature), x.float())
    (expected,) = gradients(lambda z: whole_self(z, temperature), x)
    torch.testing.assert_close(actual.double(), expected, **close)


@pytest.mark.parametrize("cosine", [1.0, -1.0])
@pytest.mark.parametrize("temperature", [0.0283, 0.028, 0.001])
def test_the_ends_of_float32(cosine, temperature):
    x = torch.tensor([[1.0, 0.0], [cosine, 0.0]]).requires_grad_()
    value = self_logsumexp(x, temperature)
    torch.testing.assert_close(value, torch.full((2,), cosine / temperature))
    (1e-3 * value.sum()).backward()
    torch.testing.assert_close(x.grad[:, 0], torch.tensor([cosine, 1.0]) * 2e-3 / temperature)


LOSSES = {
    "multi-view": lambda z: MultiViewContrastiveLoss(0.2)(z, torch.arange(24) // 5),
    "supervised": lambda z: SupervisedContrastiveLoss(0.2)(z, torch.arange(24) % 3),
    "nt-xent": lambda z: NTXentLoss(0.2)(*z.chunk(2)),
    "multi-modal": lambda z: MultiModalContrastiveLoss(0.2, 0.1)(
        dict(zip(("audio", "text", "video"), z.chunk(3), strict=True))
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_losses_do_not_depend_on_the_tiles(name, monkeypatch):
    z = 3 * units(24)
    results = []
    for tile, kept in ((64, 2**30), (5, 0)):
        monkeypatch.setitem(tiles.TILE, "cpu", tile)
        monkeypatch.setattr(tiles, "KEPT_BYTES", kept)
        leaf = z.clone().requires_grad_()
        value = LOSSES[name](leaf)
        value.backward()
        results.append((value.detach(), leaf.grad))
    torch.testing.assert_close(results[1], results[0], rtol=1e-12, atol=1e-14)


# ---- what it costs


@pytest.mark.parametrize(("kept", "passes"), [(2**30, 1), (0, 2)])
def test_half_of_a_symmetric_matrix_is_made(monkeypatch, kept, passes):
    made, fill = [], Matrix.fill
    monkeypatch.setattr(
        Matrix, "fill", lambda self, s, tile: made.append(tile) or fill(self, s, tile)
    )
    monkeypatch.setitem(tiles.TILE, "cpu", 5)
    monkeypatch.setattr(tiles, "KEPT_BYTES", kept)
    self_logsumexp(units(20).requires_grad_(), 0.1).sum().backward()
    assert len(made) == passes * (4 + 3 + 2 + 1)
    made.clear()
    x = units(20).requires_grad_()
    torch.stack(pair_logsumexp(x, units(20, seed=1), 0.1)).sum().backward()
    assert len(made) == passes * 4 * 4


@pytest.mark.parametrize("temperature", [0.1, LOW])
def test_nothing_larger_than_the_embeddings_is_made(monkeypatch, temperature):
    monkeypatch.setitem(tiles.TILE, "cpu", 64)
    monkeypatch.setattr(tiles, "KEPT_BYTES", 0)
    x, y = units(1024, 8).requires_grad_(), units(1024, 8, seed=1).requires_grad_()
    with Largest() as largest:
        self_logsumexp(x, temperature).sum().backward()
        torch.stack(pair_logsumexp(x, y, temperature)).sum().backward()
    assert largest.bytes == 1024 * 8 * 8


def test_what_is_kept_stays_within_its_limit(monkeypatch):
    monkeypatch.setitem(tiles.TILE, "cpu", 64)
    monkeypatch.setattr(tiles, "KEPT_BYTES", 10 * 64 * 64 * 8)
    saved = []
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t)
    with hooks:
        self_logsumexp(units(1024).requires_grad_(), 0.1)
    assert sum(t.shape == (64, 64) for t in saved) == 10
    saved.clear()
    with hooks, torch.no_grad():
        self_logsumexp(units(1024), 0.1)
    assert not saved


# ---- how it gets on with the rest of PyTorch


def test_a_second_derivative_is_refused(small_tiles):
    x, y = units(11).requires_grad_(), units(11, seed=1).requires_grad_()
    for value, leaf in ((self_logsumexp(x, 0.3), x), (pair_logsumexp(x, y, 0.3)[0], y)):
        # A penalty on the gradient: nothing but the embeddings themselves needs the second one.
        (grad,) = torch.autograd.grad(value.sum(), leaf, create_graph=True)
        assert grad.requires_grad
        with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
            grad.square().sum().backward()


def test_the_same_graph_twice_gives_the_same_gradient(small_tiles):
    x = units(11).requires_grad_()
    value = weighted(self_logsumexp(x, 0.3))
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    (second,) = torch.autograd.grad(value, x)
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", LOSSES)
def test_autocast_is_off_in_both_directions(name, small_tiles):
    z = 3 * units(24, dtype=torch.float32)
    plain, leaf = z.clone().requires_grad_(), z.clone().requires_grad_()
    LOSSES[name](plain).backward()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (z @ z.T).dtype == torch.bfloat16
        LOSSES[name](leaf).backward()
    assert torch.equal(leaf.grad, plain.grad)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["multi-view", "multi-modal"])
def test_under_torch_compile(name, monkeypatch):
    monkeypatch.setitem(tiles.TILE, "cpu", 5)
    z = 3 * units(24)
    results = []
    for loss in (LOSSES[name], torch.compile(LOSSES[name], backend="aot_eager")):
        leaf = z.clone().requires_grad_()
        value = loss(leaf)
        value.backward()
        results.append((value.detach(), leaf.grad))
    torch.testing.assert_close(results[1], results[0], rtol=1e-10, atol=1e-12)


def test_under_functional_gradients(small_tiles):
    x = units(11)
    actual = torch.func.grad(lambda z: self_logsumexp(z, 0.3).sum())(x)
    expected = torch.func.grad(lambda z: whole_self(z, 0.3).sum())(x)
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("temperature", [0.1, LOW])
def test_on_a_gpu(monkeypatch, temperature):
    monkeypatch.setitem(tiles.TILE, "cuda", 64)
    x, y = units(200, 16).cuda(), units(200, 16, seed=1).cuda()
    close = {"rtol": 1e-10, "atol": 1e-10 / temperature}
    for ours, whole in (
        (lambda a, b: self_logsumexp(a, temperature), lambda a, b: whole_self(a, temperature)),
        (
            lambda a, b: pair_logsumexp(a, b, temperature, 0.1),
            lambda a, b: whole_pair(a, b, temperature, 0.1),
        ),
    ):
        torch.testing.assert_close(ours(x, y), whole(x, y), **close)
        actual, expected = gradients(ours, x, y), gradients(whole, x, y)
        torch.testing.assert_close(actual, expected, **close)
