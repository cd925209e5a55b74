"""What an importer wants: the rows to be made, from names and labels alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from data_prep.io.raw import RawFile, printable

if TYPE_CHECKING:
    import pandas as pd

    from data_prep.io.report import ImportReport

    Finish = Callable[[pd.DataFrame, ImportReport], pd.DataFrame]

REPAIRED, WARNING = "_repaired", "_warning"  # keys of a row that go to the report
OUTSIDE = "crop_outside"  # column: the share of a crop that lies beyond its image
# Columns that rows have until they are in the prepared file: the number of their item, what the
# report calls them, and the digest of their content.
ITEM, NAME, CONTENT = "_item", "_name", "_content"
HIDDEN = (ITEM, NAME, CONTENT)


class Skip(Exception):
    """Raised by `make_row`: this file gives no row, for the reason in the message."""


@dataclass(frozen=True)
class Item:
    """One row to be made.

    Attributes:
        file: what is read for it; None for a row made of labels alone, or of `data`.
        about: columns known already, in types that JSON holds.
        repaired: what was put right in its name or labels, for the report.
        name: what the report calls it, if not by its file.
        sound: a second file, with the sound of the first; `make_row` gets its bytes, or None where
            they cannot be read, as the argument `sound`.
        data: an image's file that is no file of its own, such as a row of a table of pixels.
    """

    file: RawFile | None
    about: dict[str, Any]
    repaired: str | None = None
    name: str = ""
    sound: RawFile | None = None
    data: bytes | None = None

    @property
    def title(self) -> str:
        return self.name or (self.file.name if self.file else "")

    @property
    def size(self) -> int | None:
        """Bytes that are read for it; None where nothing is."""
        if self.data is not None:
            return len(self.data)
        return self.file.size if self.file else None

    @property
    def owner(self) -> str:
        """What stays in one shard: the subject; the instance where nobody knows who it is."""
        for column in ("subject", "instance"):
            if (value := self.about.get(column)) is not None:
                return f"{column}: {value}"
        return f"file: {printable(self.title)}"


@dataclass(frozen=True)
class Plan:
    """All rows to be made, in the order of the prepared file.

    Attributes:
        metadata: of the prepared file: name, version, licence, citation, label names, …
        kind: whether rows are images or clips.
        expected: what would have been usable, for the message when nothing is.
        finish: called once with all rows (without the encoded media) and the report, before they
            are written: for checks that need to see all rows. It returns the rows to keep, under
            the index that they had. A function at the top level of a module of data_prep, or the
            importer cannot run in shards, which are finished where they are merged.
        counted: columns whose values are counted in the report, beside the kind's own.
    """

    items: Sequence[Item]
    metadata: dict[str, Any]
    kind: Literal["images", "clips"]
    expected: str = ""
    finish: Finish | None = None
    counted: Sequence[str] = field(default=())

    @property
    def columns(self) -> list[str]:
        """Those that are known already, in their order."""
        return list(dict.fromkeys(name for item in self.items for name in item.about))
