"""Who is in which part: orders of people that any cut leaves balanced, and the cuts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np


class Shuffle(Protocol):
    """Where the chance in :func:`stratified_order` comes from."""

    def permutation(self, members: np.ndarray) -> np.ndarray:
        """The members in a random order."""
        ...

    def random(self, count: int) -> np.ndarray:
        """Random numbers (count,), to decide ties with."""
        ...


class StableShuffle:
    """A shuffle that is the same with every version of NumPy, for :meth:`PreparedTable.split`.

    NumPy promises the raw stream of a bit generator for ever, but not that of `permutation`.

    Args:
        count: how many are shuffled.
        seed: of the bit generator.

    Attributes:
        order: int64 (count,), the numbers 0…count−1 in random order.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.order = np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable")
        self._place = np.argsort(self.order, kind="stable")

    def permutation(self, members: np.ndarray) -> np.ndarray:
        return members[np.argsort(self._place[members], kind="stable")]

    def random(self, count: int) -> np.ndarray:
        return self._place[:count]


def stratified_order(strata: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    """An order of which every prefix, hence every cut, has the proportions of the strata.

    Each stratum is shuffled and spread evenly over (0, 1); sorting the positions interleaves them.

    Args:
        strata: (N,), the stratum of each.
        shuffle: a :class:`StableShuffle` of N or a :class:`numpy.random.Generator`.

    Returns:
        int64 (N,), the numbers 0…N−1.
    """
    position = np.empty(len(strata))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        position[shuffle.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((shuffle.random(len(strata)), position))


def deal(order: np.ndarray, fractions: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Cut `order` into consecutive parts of the given fractions, by largest remainder.

    Args:
        order: (N,).
        fractions: share of each part, 1 in all. Each part gets at least one.

    Raises:
        ValueError: the fractions do not add up to 1, or there are more parts than N.
    """
    share = np.array(list(fractions.values()), dtype=np.float64)
    if len(share) == 0 or (share <= 0).any() or abs(share.sum() - 1) > 1e-6:
        raise ValueError(f"fractions must be positive and add up to 1, got {dict(fractions)}")
    if len(order) < len(share):
        raise ValueError(f"too few for the {len(share)} parts {', '.join(fractions)}")
    exact = np.round(share * len(order), 9)
    counts = np.floor(exact).astype(int)
    # Equal remainders go to the later part, so that the test part is not below validation.
    by_remainder = sorted(range(len(share)), key=lambda i: (-(exact[i] - counts[i]), -i))
    for part in by_remainder[: len(order) - counts.sum()]:
        counts[part] += 1
    while (counts == 0).any():
        counts[counts.argmax()] -= 1
        counts[counts.argmin()] += 1
    return dict(zip(fractions, np.split(order, np.cumsum(counts)[:-1]), strict=True))
