"""The view-invariance numbers that stand above a map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.evaluation import ViewInvarianceReport, view_invariance

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("subject", "view", "yaw", "session", "instance")
# The probes take seconds for 5,000 images and minutes for 100,000.
_MOST_IMAGES = 6_000


class Invariance:
    """`evaluate.view_invariance` of each encoder, computed when first asked for.

    Args:
        embeddings: (N, D) by encoder.
        table: N rows. Without views and instances there is nothing to measure.
        reports: what has been measured already.

    More than 6,000 images are measured on as many whole subjects, drawn at random.
    """

    def __init__(
        self,
        embeddings: Mapping[str, np.ndarray],
        table: pd.DataFrame,
        reports: Mapping[str, ViewInvarianceReport] | None = None,
    ) -> None:
        self._embeddings, self._table = dict(embeddings), table
        self.done = dict(reports or {})
        unknown = set(self.done) - set(self._embeddings)
        if unknown:
            raise ValueError(f"reports of {sorted(unknown)}: there are no such embeddings")
        self.available = set(NEEDED) <= set(table) and table["view"].nunique() > 1

    def __getitem__(self, name: str) -> ViewInvarianceReport:
        if name not in self.done:
            rows = self._rows()
            table = self._table.iloc[rows].reset_index(drop=True)
            x = self._embeddings[name][rows]
            self.done[name] = view_invariance(x, table)
        return self.done[name]

    def _rows(self) -> np.ndarray:
        if len(self._table) <= _MOST_IMAGES:
            return np.arange(len(self._table))
        subjects = self._table["subject"]
        sizes = subjects.value_counts(sort=False)
        sizes = sizes.iloc[np.random.default_rng(0).permutation(len(sizes))]
        # At least two people, or nobody can be told apart from anybody.
        taken = max(2, int((sizes.cumsum() <= _MOST_IMAGES).sum()))
        return np.flatnonzero(subjects.isin(sizes.index[:taken]))


def summary(report: ViewInvarianceReport) -> list[dict[str, Any]]:
    """The numbers to show: name, value and chance as text, and which direction is good."""

    def percent(value: float) -> str:
        if np.isnan(value):
            return "–"
        return f"{100 * value:.1f} %" if value < 0.1 else f"{100 * value:.0f} %"

    best = "profiles" if "profiles" in report.retrieval_at_1 else None
    found = report.retrieval_at_1.get(best, float("nan"))
    return [
        {
            "name": "margin",
            "value": "–" if np.isnan(report.margin) else f"{report.margin:+.2f}".replace("-", "−"),
            "chance": "",
            "help": "mean cosine of the same moment from other views, minus that of the same "
            "person's other expressions; higher is better",
        },
        {
            "name": "R@1 from profiles",
            "value": percent(found),
            "chance": percent(report.retrieval_chance),
            "help": "how often the nearest frontal image shows the same moment; higher is better",
        },
        {
            "name": "view can be read",
            "value": percent(report.yaw_predictability),
            "chance": percent(report.yaw_chance),
            "help": "balanced accuracy of a linear probe for the view; lower leaks less",
        },
        {
            "name": "person can be read",
            "value": percent(report.identity_predictability),
            "chance": percent(report.identity_chance),
            "help": "balanced accuracy of a linear probe for the person; lower leaks less",
        },
    ]
