"""Rows of all processes of torch.distributed, with gradients."""

import torch
from torch import Tensor, distributed
from torch.autograd.function import once_differentiable


def rank_and_size() -> tuple[int, int]:
    """Number of this process, and how many there are: (0, 1) without torch.distributed."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


@torch.compiler.disable
def all_gather_with_grad(*columns: Tensor) -> tuple[Tensor, ...]:
    """The rows of all processes, in the order of their ranks; the rows as they are under one.

    Every one of R processes computes the same loss from all rows. On the way back the gradients
    of all processes are added up and each gets those of its rows: R times the gradient, which DDP
    turns into the right one for the parameters when it takes the mean over the processes.

    All rows end up on every process: N·D numbers, 33 MB for 65,536 embeddings of 128. Passing
    them round in a ring would hold fewer at a time. But this is little beside what an encoder
    keeps for N/R images, and each tile of a symmetric matrix needs to be made only once where
    both its rows and its columns are at hand.

    Args:
        columns: tensors (n, …) with one n, of types and shapes (…) that all processes share;
            processes may have different n, also 0. Half precision is sent as float32, since
            gradients are added up.

    Raises:
        ValueError: on all processes, if the shapes (…) differ between them.
    """
    _, world = rank_and_size()
    if world == 1:
        return columns
    counts = _counts(columns, world)
    half = (torch.float16, torch.bfloat16)
    columns = tuple(column.float() if column.dtype in half else column for column in columns)
    return tuple(_GatherRows.apply(column, counts) for column in columns)


@torch.compiler.disable
def broadcast_from_rank0(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors of process 0, without gradient; those given under one process.

    All processes give tensors of the same shapes and types.
    """
    if rank_and_size()[1] == 1:
        return tensors
    tensors = tuple(tensor.detach().clone() for tensor in tensors)
    for tensor in tensors:
        distributed.broadcast(tensor, 0)
    return tensors


def _counts(columns: tuple[Tensor, ...], world: int) -> list[int]:
    sizes = [len(columns[0])] + [size for column in columns for size in column.shape[1:]]
    own = torch.tensor(sizes, device=columns[0].device)
    every = [torch.empty_like(own) for _ in range(world)]
    distributed.all_gather(every, own)
    rows = torch.stack(every).tolist()  # (processes, 1 + other dimensions)
    if any(row[1:] != rows[0][1:] for row in rows):
        raise ValueError(
            f"the processes must have rows of the same shapes, got {[row[1:] for row in rows]}"
        )
    return [row[0] for row in rows]


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, column: Tensor, counts: list[int]) -> Tensor:
        ctx.counts = counts
        most = max(counts)
        padded = column.new_zeros(most, *column.shape[1:])  # all processes send equally much
        padded[: len(column)] = column
        padded = padded.to(torch.uint8) if column.dtype == torch.bool else padded
        every = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(every, padded)
        rows = torch.cat([part[:n] for part, n in zip(every, counts, strict=True)])
        return rows.to(column.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        grad = grad.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(grad)
        return grad.split(ctx.counts)[distributed.get_rank()], None
