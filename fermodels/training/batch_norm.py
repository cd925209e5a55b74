"""Batch normalisation over the batches of all processes, on CUDA and on the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fermodels.losses.distributed import all_gather_with_grad, rank_and_size


@contextmanager
def synchronised_batch_norm(model: nn.Module, on_cpu: bool) -> Iterator[None]:
    """Within, batch norm of the model takes its statistics from the rows of all processes.

    By :class:`torch.nn.SyncBatchNorm`, which does not run on the CPU; there by
    :class:`BatchNormOfAll`. Afterwards the layers are those from before, with what they learned.

    Args:
        model: its layers are replaced by others that share their parameters and buffers.
        on_cpu: where it trains.
    """
    kind = BatchNormOfAll if on_cpu else nn.SyncBatchNorm
    replaced = [
        (parent, name, layer)
        for parent in list(model.modules())
        for name, layer in list(parent.named_children())
        if isinstance(layer, _BatchNorm)
    ]
    for parent, name, layer in replaced:
        setattr(parent, name, like(layer, kind))
    try:
        yield
    finally:
        for parent, name, layer in replaced:
            layer.train(getattr(parent, name).training)
            setattr(parent, name, layer)


def like(layer: _BatchNorm, kind: type[_BatchNorm]) -> _BatchNorm:
    """A batch norm of another kind that shares parameters and buffers with `layer`."""
    other = kind(
        layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats
    )
    # The dicts themselves: what is moved to a device in one layer is so in the other.
    other._parameters, other._buffers = layer._parameters, layer._buffers
    return other.train(layer.training)


class BatchNormOfAll(_BatchNorm):
    """Batch norm whose mean and variance in training are of the rows of all processes.

    Ioffe & Szegedy 2015 (arXiv 1502.03167). Processes may have different numbers of rows. Takes
    (N, C) or (N, C, …) and gives the same type; statistics are in float32 at least.
    """

    def _check_input_dim(self, x: Tensor) -> None:
        if x.ndim < 2:
            raise ValueError(f"batch norm takes (N, C, …), got {tuple(x.shape)}")

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or rank_and_size()[1] == 1:
            return super().forward(x)
        self._check_input_dim(x)
        kind, others = x.dtype, [d for d in range(x.ndim) if d != 1]
        x = x if kind == torch.float64 else x.float()
        var, mean = torch.var_mean(x, others, correction=0)  # (C,)
        count = torch.full_like(mean, x.numel() / x.shape[1])
        count, mean, var = all_gather_with_grad(torch.stack([count, mean, var])[None])[0].unbind(
            1
        )  # (R, C)
        share = count / count.sum(dim=0)
        total = (share * mean).sum(dim=0)  # (C,)
        # Of all rows, the variance within the processes and the one between their means.
        var = (share * (var + (mean - total).square())).sum(dim=0)
        self._track(total.detach(), var.detach(), count.sum(dim=0))
        shape = [1, -1] + [1] * (x.ndim - 2)
        y = (x - total.view(shape)) * torch.rsqrt(var + self.eps).view(shape)
        y = y * self.weight.view(shape) + self.bias.view(shape) if self.affine else y
        return y.to(kind)

    @torch.no_grad()
    def _track(self, mean: Tensor, var: Tensor, count: Tensor) -> None:
        if not self.track_running_stats:
            return
        self.num_batches_tracked += 1
        momentum = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        unbiased = var * count / (count - 1)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), momentum)
