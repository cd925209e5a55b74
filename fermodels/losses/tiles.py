"""Log-sum-exp over the similarities of embeddings, exact and without holding their matrix.

The matrix S = X Yᵀ/τ is made tile by tile, and of each tile only what it adds to the sums of its
rows and columns stays; the backward pass makes the tiles again (Rabe & Staats 2021,
arXiv 2112.05682; for contrastive losses Cheng et al. 2024, arXiv 2410.17243). So memory grows with
N and not with N². Rows and columns come from one pass. With Y = X the matrix is symmetric: tiles
below its diagonal are never made, which saves half of the work in both directions.

`tests/losses/slow.py` has the same in a naive form, ten lines for each function.

Small batches take the direct way, with nothing made twice: the first `KEPT_BYTES` of tiles are kept
for the backward pass, and up to `TILE` rows one tile is the whole matrix. From `THREADS_FROM` rows
on threads share the tiles, each on one core (:mod:`fermodels.losses.threads`); below, PyTorch
splits every operation. The first two switch points come from
`python -m benchmarks.losses --switch` (D = 128, one thread of a CPU, N = 512 … 4,096), the third
from both ways in turn on two quiet cores:

- Keeping saves a tenth to a third of the time at any N (22.2 → 18.3 ms at 2,048), so only memory
  sets its limit. 64 MiB hold all tiles of a float32 batch up to N = 5,700, twice the course's.
- One tile for all is as fast as any up to N = 512, and slower above: at 2,048 the whole matrix
  takes 34.6 ms, tiles of 512 take 18.3, and 256 and 1,024 are within a fifth of that.
- Sharing takes 169 to 196 ms in place of 171 to 230 at N = 8,192 and is about even at 5,120 (86 to
  88 in place of 77 to 86), but 30 in place of 18 at 2,048: after the operations before, PyTorch's
  own threads spin for some milliseconds and take cores from those that share.
- On a GPU none of this is measured yet. There a tile is 64 MiB, enough to fill the device, and
  PyTorch's own kernels do the work: torch.compile or Triton would have to win by measurement
  first.
"""

import torch
from torch import Tensor

from fermodels.losses.distributed import rank_and_size
from fermodels.losses.matrix import Matrix, Scratch
from fermodels.losses.threads import share_out, threads_for

# Rows and columns of a tile at most, by the kind of device.
TILE = {"cpu": 512, "cuda": 4096}
KEPT_BYTES = 2**26
THREADS_FROM = 5120


def self_logsumexp(x: Tensor, temperature: float, *, shared: bool = False) -> Tensor:
    """log Σ_{j≠i} exp(x_i·x_j/τ) for each row i: (N, D) → (N,), from one half of the matrix.

    Cannot be differentiated twice. Not touched by autocast and torch.compile.

    Args:
        x: embeddings (N ≥ 2, D) of length one at most.
        temperature: τ > 0.
        shared: all processes of torch.distributed call this with the same rows. Each makes its
            share of the tiles and gets the whole result. It is then the *mean* of the processes'
            gradients with respect to x that is the gradient; see
            :func:`fermodels.losses.distributed.all_gather_with_grad`.
    """
    return _logsumexp(x, None, temperature, 0.0, shared)[0]


def pair_logsumexp(
    x: Tensor, y: Tensor, temperature: float, margin: float = 0.0, *, shared: bool = False
) -> tuple[Tensor, Tensor]:
    """log Σ_j exp s_ij for each row i and log Σ_i exp s_ij for each column j: (B,) and (B,).

    With s_ij = (x_i·y_j − δ [i = j])/τ. Cannot be differentiated twice. Not touched by autocast
    and torch.compile.

    Args:
        x, y: embeddings (B, D) of length one at most.
        temperature: τ > 0.
        margin: δ ≥ 0.
        shared: see :func:`self_logsumexp`.
    """
    return _logsumexp(x, y, temperature, margin, shared)[:2]


@torch.compiler.disable  # its loop would be unrolled into a graph of thousands of tiles
def _logsumexp(x: Tensor, y: Tensor | None, temperature: float, margin: float, shared: bool):
    tile = TILE.get(x.device.type, TILE["cuda"])
    share = rank_and_size() if shared and len(x) > tile else (0, 1)
    threads = threads_for(x) if len(x) >= THREADS_FROM else 1
    keep = KEPT_BYTES if torch.is_grad_enabled() else 0
    return _LogSumExp.apply(x, y, 1 / temperature, margin / temperature, tile, share, threads, keep)


class _LogSumExp(torch.autograd.Function):
    """x (N, D), y (N, D) or None for x → log-sum-exp of the rows, of the columns, kept tiles.

    Products are written to memory that is there already: autocast leaves such alone, also where
    the backward pass runs under it.

    Embeddings of length one have similarities of at most 1/τ. While exp(1/τ) is no danger to the
    floating type, no maximum is needed, and one exponential serves both row and column.
    """

    @staticmethod
    def forward(x, y, scale, margin, tile, share, threads, keep):
        matrix = Matrix(x, y, scale, margin, tile, share)
        kept = matrix.memory(keep)
        rows = matrix.no_sums()  # (N,)
        columns = rows if y is None else matrix.no_sums()

        def worker():
            scratch = Scratch(x)

            def work(tile, of_rows, of_columns=None):
                k = tile.number
                s = matrix.fill(kept[k] if k < len(kept) else scratch(tile.shape), tile)
                matrix.add(rows[tile.i], s, 1, of_rows)
                if of_columns is not None:
                    matrix.add(columns[tile.j], s, 0, of_columns)

            return work

        share_out(matrix.tiles, worker, threads)
        rows = matrix.total(rows)
        return (rows, None if y is None else matrix.total(columns), *kept)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, y, *ctx.settings, _ = inputs
        rows, columns, *kept = output
        ctx.mark_non_differentiable(*kept)
        ctx.set_materialize_grads(False)  # or the kept tiles would get gradients of zeros
        ctx.save_for_backward(x, y, rows, columns, *kept)

    @staticmethod
    def backward(ctx, grad_rows, grad_columns, *_):
        x, y, rows, columns, *kept = ctx.saved_tensors
        g = torch.zeros_like(rows) if grad_rows is None else grad_rows
        h = torch.zeros_like(rows) if grad_columns is None else grad_columns
        with torch.no_grad():
            *settings, threads = ctx.settings
            matrix = Matrix(x, y, *settings)
            of_columns = (rows, g) if y is None else (columns, h)
            grads = _gradients(matrix, (rows, g), of_columns, kept, threads)
        if torch.is_grad_enabled():  # create_graph=True
            grads = [_Once.apply(grad, x, y, g, h) for grad in grads]
        return grads[0], None if y is None else grads[1], *[None] * 6


def _gradients(
    matrix: Matrix, of_rows, of_columns, kept: list[Tensor], threads: int
) -> list[Tensor]:
    """∂/∂x and ∂/∂y of Σ_i g_i rows_i + Σ_j h_j columns_j; for y = x both in one tensor."""
    (rows, g), (columns, h) = of_rows, of_columns
    x, y = matrix.x, matrix.y
    dx = torch.zeros_like(x)  # (N, D)
    dy = dx if matrix.symmetric else torch.zeros_like(y)
    if matrix.direct:
        a, b = g * torch.exp(-rows), h * torch.exp(-columns)  # (N,)

    def worker():
        scratch, weights = Scratch(x), Scratch(x)

        def work(tile, of_rows, of_columns=None):
            k, i, j, _ = tile
            s = kept[k] if k < len(kept) else matrix.fill(scratch(tile.shape), tile)
            w = weights(tile.shape)  # g_i exp(s_ij − rows_i) + h_j exp(s_ij − columns_j)
            if matrix.direct:
                torch.add(a[i, None], b[j], out=w).mul_(s)
            else:
                torch.sub(s, rows[i, None], out=w).exp_().mul_(g[i, None])
                w.add_((s - columns[j]).exp_().mul_(h[j]))
            with of_rows:
                dx[i].addmm_(w, y[j], alpha=matrix.scale * matrix.world)
            if of_columns is not None:
                with of_columns:
                    dy[j].addmm_(w.T, x[i], alpha=matrix.scale * matrix.world)

        return work

    share_out(matrix.tiles, worker, threads)
    return [dx] if matrix.symmetric else [dx, dy]


class _Once(torch.autograd.Function):
    """The gradient as it is, and an error for whoever differentiates it."""

    @staticmethod
    def forward(grad, *depends_on):
        return grad.view_as(grad)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *_):
        raise RuntimeError(
            "the contrastive losses cannot be differentiated twice: their similarities are not "
            "kept for a second derivative"
        )
