"""Work for several machines: which rows belong to shard k of n."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Shard:
    """One of `count` shares of the work, `number` from 1 on; as text "2/8".

    Who goes where follows from the owners of all rows alone: those with most rows are dealt out
    first, each to the shard that has the fewest rows so far; among equals the SHA-256 of the name
    decides. All rows of an owner are in one shard. The machine, the order of the rows and the
    other shards do not matter.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(
                f"there is no shard {self.number}/{self.count}: k/n goes from 1/{self.count} to "
                f"{self.count}/{self.count}"
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Raises ValueError if the text is not k/n with 1 ≤ k ≤ n."""
        match = re.fullmatch(r"\s*(\d{1,9})/(\d{1,9})\s*", text)
        if match is None or int(match[2]) < 1:
            raise ValueError(f"{text!r} is no shard: write k/n, such as 1/8, 2/8 … 8/8")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def rows(self, owners: Sequence[str]) -> list[int]:
        """The indices of this shard's rows, increasing.

        Args:
            owners: of each row, the name of what must stay together, such as the subject.

        Raises:
            ValueError: there are fewer owners than shards, so that some would be empty.
        """
        sizes = Counter(owners)
        if len(sizes) < self.count:
            raise ValueError(
                f"--shard {self}: there are only {len(sizes):,} people (or instances of nobody "
                f"known), who are kept together: take at most {max(1, len(sizes)):,} shards"
            )
        names = sorted(sizes, key=lambda name: (-sizes[name], _digest(name)))
        filled = [(0, number) for number in range(1, self.count + 1)]
        shard_of = {}
        for name in names:
            rows, number = heapq.heappop(filled)
            shard_of[name] = number
            heapq.heappush(filled, (rows + sizes[name], number))
        return [row for row, name in enumerate(owners) if shard_of[name] == self.number]


def _digest(name: str) -> bytes:
    return sha256(name.encode("utf-8", "backslashreplace")).digest()


def check_numbers(numbered: Sequence[tuple[Path, Shard]]) -> None:
    """(file, its shard) of all files; ValueError unless each of n shards is there once."""
    first, shard = numbered[0]
    for path, other in numbered:
        if other.count != shard.count:
            raise ValueError(
                f"{first} is shard {shard} and {path} is shard {other}: they are not of one set"
            )
    given = Counter(other.number for _, other in numbered)
    for number, count in given.items():
        if count > 1:
            twice = [str(path) for path, other in numbered if other.number == number]
            raise ValueError(f"shard {number}/{shard.count} is given twice: {', '.join(twice)}")
    missing = [str(number) for number in range(1, shard.count + 1) if number not in given]
    if missing:
        raise ValueError(
            f"of {shard.count} shards, {', '.join(missing[:20])}{', …' * (len(missing) > 20)} "
            f"{'is' if len(missing) == 1 else 'are'} missing: a whole needs all of them"
        )


def check_same(
    what: str, values: Sequence[tuple[Path, Any]], shown: Callable[[Any], str] = str
) -> None:
    """(file, value) of all files; ValueError, naming both, where one differs from the first."""
    first, value = values[0]
    for path, other in values:
        if other != value:
            raise ValueError(
                f"{first} and {path} do not fit together: {what} {shown(value)} and {shown(other)}"
            )
