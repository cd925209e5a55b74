"""What the slow references of the losses share.

In plain Python on lists of floats; and what `fermodels.losses.tiles` computes, in plain PyTorch.
"""

import math

import torch

MODALITIES = ("video", "audio", "text")


def embeddings(num_clips, dim, names=MODALITIES, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    draw = {m: torch.randn(num_clips, dim, generator=generator, dtype=torch.float64) for m in names}
    return {m: (3 * z).to(dtype) for m, z in draw.items()}


def presence(**clips):
    """video="1101" → {"video": tensor([True, True, False, True])}"""
    return {m: torch.tensor([c == "1" for c in row]) for m, row in clips.items()}


# Of seven clips, each modality is missing somewhere, and the last clip has none.
SOME = presence(video="1110110", audio="1011010", text="1100010")


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def unit(a):
    length = math.sqrt(dot(a, a))
    return [x / length for x in a]


def as_lists(tensors):
    return {m: z.tolist() for m, z in tensors.items()}


def value_and_grad(loss, tensors):
    leaves = {m: z.detach().clone().requires_grad_() for m, z in tensors.items()}
    value = loss(leaves)
    value.backward()
    return value.detach(), {
        m: torch.zeros_like(z) if z.grad is None else z.grad for m, z in leaves.items()
    }


def central_differences(function, tensors, step=1e-5):
    """Gradient of a function of lists, one number after the other."""
    lists, grads = as_lists(tensors), {}
    for m, rows in lists.items():
        grads[m] = torch.zeros_like(tensors[m])
        for i, row in enumerate(rows):
            for d, x in enumerate(row):
                row[d] = x + step
                above = function(lists)
                row[d] = x - step
                grads[m][i, d] = (above - function(lists)) / (2 * step)
                row[d] = x
    return grads


def assert_equal_to_slow(loss, slow, tensors):
    """Value and gradient of `loss` (of tensors) against `slow` (of lists), to 1e-6 and better."""
    value, grads = value_and_grad(loss, tensors)
    assert value.dtype == torch.float64
    assert abs(value.item() - slow(as_lists(tensors))) < 1e-10
    expected = central_differences(slow, tensors)
    assert max(g.abs().max() for g in expected.values()) > 1e-3  # there is something to compare
    torch.testing.assert_close(grads, expected, rtol=0, atol=1e-8)


def self_logsumexp_by_rows(x, temperature, chunk):
    """log Σ_{j≠i} exp(x_i·x_j/τ), (N, D) → (N,): a chunk of rows at a time, left to autograd.

    What `fermodels.losses.tiles.self_logsumexp` computes. That one makes half of the products,
    writes their gradient down, keeps little for it, and lets threads share the work.
    """
    results = []
    for first in range(0, len(x), chunk):
        logits = x[first : first + chunk] @ x.T / temperature  # (chunk, N)
        itself = torch.eye(len(x), dtype=torch.bool)[first : first + chunk]
        results.append(logits.masked_fill(itself, -math.inf).logsumexp(dim=1))
    return torch.cat(results)


def pair_logsumexp_by_rows(x, y, temperature, margin, chunk):
    """log Σ_j exp s_ij and log Σ_i exp s_ij of s_ij = (x_i·y_j − δ [i = j])/τ: (B,) and (B,).

    What `fermodels.losses.tiles.pair_logsumexp` computes; see above.
    """
    rows, columns = [], []
    for first in range(0, len(x), chunk):
        match = torch.eye(len(x), dtype=x.dtype)[first : first + chunk]
        logits = (x[first : first + chunk] @ y.T - margin * match) / temperature  # (chunk, B)
        rows.append(logits.logsumexp(dim=1))
        columns.append(logits.logsumexp(dim=0))
    return torch.cat(rows), torch.stack(columns).logsumexp(dim=0)
