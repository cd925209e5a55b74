"""The matrix of similarities as tiles, each made when it is needed."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, distributed


class Tile(NamedTuple):
    """A block of the matrix.

    Attributes:
        number: 0, 1, … among those of this process.
        i, j: its rows and columns.
        sums: names of the sums that it adds to: that of its rows and that of its columns, or one
            alone if these are the same.
    """

    number: int
    i: slice
    j: slice
    sums: tuple[tuple[str, int], ...]

    @property
    def shape(self) -> tuple[int, int]:
        return self.i.stop - self.i.start, self.j.stop - self.j.start


class Matrix:
    """s_ij = scale · x_i·y_j − margin [i = j] for x (N, D) and y (N, D), or None for x.

    Args:
        tile: rows and columns of a tile at most.
        share: number of this process and how many there are; each makes the tiles of its share.
    """

    def __init__(self, x, y, scale: float, margin: float, tile: int, share: tuple[int, int]):
        self.symmetric = y is None
        self.x, self.y = x, x if y is None else y
        self.scale, self.margin = scale, margin
        self.rank, self.world = share
        # exp(±1/τ), sums of them, and gradients divided by these: none may leave the type.
        self.direct = scale + margin <= 0.4 * math.log(torch.finfo(x.dtype).max)
        self.tiles = list(self._tiles(tile))

    def _tiles(self, most: int) -> Iterator[Tile]:
        """In rounds in which each row and each column occurs once: neighbours share no sum."""
        n = len(self.x)
        size = math.ceil(n / math.ceil(n / most))  # about equal, none above `most`
        parts = [slice(first, min(first + size, n)) for first in range(0, n, size)]
        columns = "rows" if self.symmetric else "columns"
        met = number = 0
        for turn in range(len(parts)):
            for k, i in enumerate(parts):
                other = (turn - k) % len(parts)
                if self.symmetric and other < k:
                    continue
                if met % self.world == self.rank:
                    sums = ("rows", k), (columns, other)
                    yield Tile(number, i, parts[other], tuple(dict.fromkeys(sums)))
                    number += 1
                met += 1

    def memory(self, budget: int) -> list[Tensor]:
        """Memory for the first tiles, as many as `budget` bytes hold."""
        memory = []
        for tile in self.tiles:
            budget -= math.prod(tile.shape) * self.x.element_size()
            if budget < 0:
                break
            memory.append(self.x.new_empty(tile.shape))
        return memory

    def fill(self, out: Tensor, tile: Tile) -> Tensor:
        """The tile into `out`: the logits, or their exponentials if the matrix is `direct`."""
        i, j = tile.i, tile.j
        torch.addmm(out, self.x[i], self.y[j].T, beta=0, alpha=self.scale, out=out)
        if i == j and self.symmetric:
            out.fill_diagonal_(-math.inf)  # no row is its own candidate
        elif i == j and self.margin:
            out.diagonal().sub_(self.margin)
        return out.exp_() if self.direct else out

    def no_sums(self) -> Tensor:
        """Of no tile yet, (N,): see `add` and `total`."""
        return self.x.new_full((len(self.x),), 0.0 if self.direct else -math.inf)

    def add(self, sums: Tensor, s: Tensor, dim: int, turn) -> None:
        """Adds what `fill` gave, along `dim`, to the sums of its rows or columns, in its turn."""
        own = s.sum(dim=dim) if self.direct else s.logsumexp(dim=dim)
        with turn:
            sums.add_(own) if self.direct else torch.logaddexp(sums, own, out=sums)

    def total(self, sums: Tensor) -> Tensor:
        """The log-sum-exp of all processes from the sums of this one, (N,)."""
        if self.direct:
            if self.world > 1:
                distributed.all_reduce(sums)
            return sums.log_()
        if self.world > 1:
            every = [torch.empty_like(sums) for _ in range(self.world)]
            distributed.all_gather(every, sums)
            return torch.stack(every).logsumexp(dim=0)
        return sums


class Scratch:
    """Memory of one tile that tiles of the same or a smaller size use in turn."""

    def __init__(self, like: Tensor):
        self.memory = like.new_empty(0)

    def __call__(self, shape: tuple[int, int]) -> Tensor:
        size = math.prod(shape)
        if len(self.memory) < size:
            self.memory = self.memory.new_empty(size)
        return self.memory[:size].view(shape)
