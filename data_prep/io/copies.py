"""Files that are there twice, byte for byte, under other names, in other splits or classes."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from data_prep.io.importing import Item
from data_prep.io.raw import RawError, RawSource
from data_prep.io.report import ImportReport

# Of copies in several splits, the one that results are published on stays.
_RANK = ("test", "val", "train")


def add_copies_argument(parser: argparse.ArgumentParser, default: str = "skip") -> None:
    parser.add_argument(
        "--copies",
        choices=("skip", "keep"),
        default=default,
        help="images that are there twice, byte for byte: one stays, that of the test split if "
        "there is one; or all, as published results are computed on",
    )


def settle_copies(
    items: Sequence[Item], copies: str, raw: RawSource, report: ImportReport
) -> list[Item]:
    """One item of each content, or all of them; says how many there are of which.

    Copies within a split are copies too, and their labels may differ.

    Args:
        items: with a file or bytes, and an expression or an emotion; a split, where there are any.
        copies: "skip" or "keep".
    """
    dropped, across, contradicting = set(), 0, 0
    for group in _alike(items, raw):
        group.sort(key=lambda i: (_rank(items[i]), items[i].title))
        first = items[group[0]]
        across += len({items[i].about.get("split") for i in group}) > 1
        contradicting += len({_label(items[i]) for i in group}) > 1
        dropped.update(group[1:])
        for index in group[1:] if copies == "skip" else ():
            contrary = "" if _label(items[index]) == _label(first) else ", under another label"
            report.skip(items[index].title, f"byte for byte the same as {first.title}{contrary}")
    if not dropped:
        return list(items)
    where = f"{across:,} contents were in more than one split"
    labels = f"{contradicting:,} under more than one label"
    if copies == "keep":
        report.warn(
            f"{len(dropped):,} images are copies of others, byte for byte; {where}, {labels}: "
            "--copies skip takes each once"
        )
        return list(items)
    report.warn(
        f"{len(dropped):,} copies of other files were left out; {where} (the copy in test stays, "
        f"then that in validation), {labels}"
    )
    return [item for index, item in enumerate(items) if index not in dropped]


def _alike(items: Sequence[Item], raw: RawSource) -> list[list[int]]:
    """The numbers of the items of each content that is there more than once."""
    same_size: dict[int | None, list[int]] = {}
    for index, item in enumerate(items):
        same_size.setdefault(item.size, []).append(index)
    doubtful = [index for group in same_size.values() if len(group) > 1 for index in group]
    by_content: dict[bytes, list[int]] = {}
    for index, digest in _digests(raw, items, doubtful):
        by_content.setdefault(digest, []).append(index)
    return [group for group in by_content.values() if len(group) > 1]


def _rank(item: Item) -> int:
    split = item.about.get("split")
    return _RANK.index(split) if split in _RANK else len(_RANK)


def _label(item: Item) -> Any:
    return item.about["emotion" if "emotion" in item.about else "expression"]


def _digests(
    raw: RawSource, items: Sequence[Item], indices: list[int]
) -> Iterator[tuple[int, bytes]]:
    def place(index: int) -> int:
        file = items[index].file
        return file.place if file else -1

    for index in sorted(indices, key=place):
        item = items[index]
        if item.data is not None:
            yield index, hashlib.sha256(item.data).digest()
            continue
        digest = hashlib.sha256()
        try:
            for block in raw.blocks(item.file):
                digest.update(block)
        except RawError:
            continue  # reading it for its row will say what is wrong
        yield index, digest.digest()
