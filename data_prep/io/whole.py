"""What is done once with all rows, of one run or of the shards of one: checks, counts, the file."""

from __future__ import annotations

import argparse
import shlex
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.io.duplicates import KEEP, without_duplicates
from data_prep.io.plan import HIDDEN, OUTSIDE, Plan
from data_prep.io.report import ImportReport, NothingUsable, by_kind, counted
from data_prep.io.sides import tell_of_sides
from fermodels.data import PreparedClips, PreparedImages

if TYPE_CHECKING:
    import pandas as pd

    from data_prep.io.plan import Finish

PREPARED = {"images": PreparedImages, "clips": PreparedClips}
# Options that change nothing in the rows.
ELSEWHERE = ("run", "maker", "raw", "out", "jobs", "report", "dry_run", "shard")
_MUCH = 0.02  # of a crop that is beyond its image, to be told
_COUNTED = {
    "images": ("expression", "view", "session", "split", "face_found"),
    "clips": ("emotion", "split", "face_found"),
}


@dataclass(frozen=True)
class Whole:
    """Of a plan, what is needed when its rows are there.

    Attributes:
        kind, metadata, counted, expected, finish: the plan's.
        columns: those that were planned, in their order.
        items: how many rows were planned.
        duplicates: what becomes of rows with the content of others.
    """

    kind: str
    metadata: Mapping[str, Any]
    columns: Sequence[str]
    counted: Sequence[str]
    expected: str
    items: int
    duplicates: str
    finish: Finish | None

    @classmethod
    def of(cls, plan: Plan, options: argparse.Namespace, dataset: str) -> Whole:
        return cls(
            plan.kind,
            dict(plan.metadata) | {"command": command(dataset, options)},
            plan.columns,
            tuple(plan.counted),
            plan.expected,
            len(plan.items),
            vars(options).get("duplicates", KEEP),
            plan.finish,
        )

    @property
    def prepared(self) -> type[PreparedImages] | type[PreparedClips]:
        return PREPARED[self.kind]

    def completed(
        self,
        frame: pd.DataFrame,
        report: ImportReport,
        planned: int,
        image_of: Callable[[int], bytes],
    ) -> pd.DataFrame:
        """The rows that are kept, under the index that they had, without the hidden columns.

        Args:
            frame: all rows in their order, with the hidden columns, without media.
            report: told of what is left out, and counts what is kept.
            planned: how many entries of `report.skipped` are older than the first row.
            image_of: the encoded image of a row by its index.

        Raises:
            NothingUsable: no row is left.
        """
        hidden = frame[list(HIDDEN)]
        rows = frame.drop(columns=list(HIDDEN))
        if len(rows) and self.finish is not None:
            rows = self.finish(rows, report)
        if len(rows):
            rows = without_duplicates(
                rows, hidden.loc[rows.index], self.kind, self.duplicates, report
            )
        if not len(rows):
            # Not what was left out by its name alone: these files were read.
            reasons = by_kind(report.skipped[planned:])
            raise NothingUsable(
                self.expected or "files that can be decoded",
                f"{self.items:,} files of the right names, none of which can be used: "
                f"{'; '.join(map(counted, reasons[:3]))}",
            )
        names = [name for name in self.columns if name in rows]
        rows = rows[[*names, *(name for name in rows if name not in set(names))]]
        report.kept = len(rows)
        _tell_of_crops(rows, report)
        if self.kind == "images":
            tell_of_sides(rows, report, image_of)
        report.count(rows, dict.fromkeys((*_COUNTED[self.kind], *self.counted)))
        return rows

    def check(
        self, rows: pd.DataFrame, report: ImportReport, source: str
    ) -> PreparedImages | PreparedClips:
        """The prepared data set of rows with their media; what it warns of goes to the report.

        Raises:
            fermodels.data.PreparedError: the rows do not fit together.
        """
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always")
            prepared = self.prepared(rows.reset_index(drop=True), self.metadata, source=source)
        for remark in remarks:
            report.warn(str(remark.message))
        return prepared


def _tell_of_crops(frame: pd.DataFrame, report: ImportReport) -> None:
    if OUTSIDE not in frame:
        return
    shares = frame.loc[frame["face_found"].eq(True) & frame[OUTSIDE].gt(_MUCH), OUTSIDE]
    if len(shares):
        report.warn(
            f"{len(shares):,} of {len(frame):,} crops around faces reach beyond their image, by "
            f"{shares.median():.0%} of the crop in the middle and {shares.max():.0%} at most: the "
            f"edge goes on there, blurred (column {OUTSIDE})"
        )


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """The options that rows depend on, without the paths of this machine; JSON holds them."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return value.name
        if isinstance(value, dict):
            return ",".join(f"{code}={meaning}" for code, meaning in value.items())
        return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)

    return {k: plain(v) for k, v in vars(options).items() if k not in ELSEWHERE}


def command(dataset: str, options: argparse.Namespace) -> str:
    """How the file was made, without the paths of this machine."""
    words = ["python", "-m", "data_prep", dataset, "RAW", "OUT.parquet"]
    for name, value in settings(options).items():
        if value is None or value is False:
            continue
        words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    return shlex.join(words)
