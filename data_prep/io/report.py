"""What an import found, kept, repaired and left out; for people as text, for programs as JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.io.raw import RawSource, printable, shortened, storable
from fermodels._shared.files import replace_file
from fermodels._shared.paths import given_path
from fermodels.data.names import natural_key

if TYPE_CHECKING:
    import pandas as pd

SHOWN, REASONS = 5, 15  # examples of a reason, and reasons, in the text; the JSON has all
_WORD = re.compile(r"""'[^']*'|"[^"]*"|[^\s()]+""")


class NothingUsable(ValueError):
    """The raw data hold nothing for this importer; says what was expected and what is there."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"nothing usable was found.\n  expected: {expected}\n  seen: {seen}")
        self.expected, self.seen = expected, seen


@dataclass
class ImportReport:
    """Filled in while importing.

    Attributes:
        dataset: name of the importer. raw: what it read.
        found: files (or rows of a table of labels) that were looked at as data.
        kept: rows of the prepared file.
        repaired, skipped: (file, what was done or why).
        warnings: what else the user should know.
        counts: column → value → rows, of the kept rows.
        junk: files of macOS, Windows and Git bookkeeping that were passed over.
        error: why nothing was imported, None where something was.
    """

    dataset: str
    raw: str
    found: int = 0
    kept: int = 0
    repaired: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    junk: int = 0
    error: str | None = None

    def repair(self, file: str, what: str) -> None:
        self.repaired.append((printable(file), shortened(printable(what))))

    def skip(self, file: str, reason: str) -> None:
        self.skipped.append((printable(file), shortened(printable(reason))))

    def warn(self, text: str) -> None:
        text = shortened(printable(text), 1000)
        if text not in self.warnings:
            self.warnings.append(text)

    def main_reason(self) -> str:
        """Of the kind of reason for which most was left out, the first: "a.jpg: no view"."""
        ((file, why), *others) = by_kind(self.skipped)[0]
        more = f"; so {len(others):,} others" if others else ""
        return f"{file}: {why}{more}"

    def take(self, raw: RawSource) -> None:
        """Notes what listing the raw files left out."""
        self.junk += raw.junk
        for name, reason in raw.left_out:
            self.skip(name, reason)

    def count(self, table: pd.DataFrame, columns: Iterable[str]) -> None:
        """Rows by each value of the columns; columns that are not there are passed over."""
        for column in columns:
            if column in table:
                values = table[column].fillna("(none)").astype(str).value_counts(sort=False)
                self.counts[column] = {
                    str(k): int(values[k]) for k in sorted(values.index, key=natural_key)
                }

    def text(self) -> str:
        """A few lines for people: all numbers, and examples of the most frequent reasons."""
        where = printable(self.raw)
        lines = [f"{self.dataset}: {self.kept:,} rows from {self.found:,} files in {where}"]
        lines += _grouped("repaired", self.repaired) + _grouped("left out", self.skipped)
        lines += [f"  warning: {text}" for text in self.warnings[:REASONS]]
        if len(self.warnings) > REASONS:
            lines.append(f"  and {len(self.warnings) - REASONS:,} other warnings")
        if self.junk:
            lines.append(
                f"  {self.junk:,} files of operating systems and of Git passed over (._*, …)"
            )
        for column, values in self.counts.items():
            shown = ", ".join(f"{name}: {count:,}" for name, count in list(values.items())[:12])
            more = f", … ({len(values):,} in all)" if len(values) > 12 else ""
            lines.append(f"  {column}  {shown}{more}")
        return storable("\n".join(lines))

    def as_dict(self) -> dict[str, Any]:
        """All of it, in types that JSON holds."""
        return {
            "dataset": self.dataset,
            "raw": printable(self.raw),
            "error": None if self.error is None else storable(self.error),
            "found": self.found,
            "kept": self.kept,
            "repaired": [{"file": file, "what": what} for file, what in self.repaired],
            "skipped": [{"file": file, "reason": reason} for file, reason in self.skipped],
            "reasons": [
                {"reason": _title(group), "files": len(group), "examples": _examples(group)}
                for group in by_kind(self.skipped)
            ],
            "warnings": self.warnings,
            "counts": self.counts,
            "junk": self.junk,
        }

    def write(self, path: str | os.PathLike) -> Path:
        """Writes it as JSON; an older report stays until the new one is whole."""
        path = given_path(path)
        text = json.dumps(self.as_dict(), ensure_ascii=False, indent=1) + "\n"
        replace_file(path, text.encode())
        return path


def by_kind(pairs: Iterable[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """(file, reason) in groups of the same kind of reason, the largest first.

    Reasons are of one kind where they differ in names and numbers only.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for file, why in pairs:
        groups.setdefault(_kind(why), []).append((file, why))
    return sorted(groups.values(), key=len, reverse=True)


def counted(group: Sequence[tuple[str, str]]) -> str:
    """A group of `by_kind` in a few words: "3 × no view"."""
    return f"{len(group):,} × {_title(group)}"


def _title(group: Sequence[tuple[str, str]]) -> str:
    """The reason, where it is one; else with "…" in place of what differs."""
    first = group[0][1]
    same = all(why == first for _, why in group)
    return first if same else _kind(first)


def _kind(why: str) -> str:
    """A reason with "…" for what differs between those of its kind."""
    return _WORD.sub(_without_particulars, why)


def _without_particulars(found: re.Match) -> str:
    word = found[0]
    if word[0] in "'\"" or "/" in word or re.fullmatch(r".+\.\w{2,5}", word.rstrip(",;:")):
        return "…"  # something quoted, a path, the name of a file
    return re.sub(r"\d[\d,.]*", "…", word)


def _examples(group: Sequence[tuple[str, str]]) -> list[str]:
    same = _title(group) == group[0][1]
    return [file if same else f"{file} ({why})" for file, why in group[:SHOWN]]


def _grouped(title: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    if not pairs:
        return []
    groups = by_kind(pairs)
    lines = [f"  {title} {len(pairs):,}"]
    for group in groups[:REASONS]:
        more = ", …" if len(group) > SHOWN else ""
        lines.append(f"    {counted(group)}: {', '.join(_examples(group))}{more}")
    if len(groups) > REASONS:
        lines.append(f"    and {len(groups) - REASONS:,} other reasons: see the file of --report")
    return lines
