"""Reads an ablation, a folder of JSON files with a run each, and shows what mattered.

A run is a setting (a factor, a value) and a seed; `studies/ablation.py` writes the files. One
setting is the reference, from which each other differs by one factor. Several changes together,
trainings from scratch and yardsticks are no such change; they stand beside it to compare the size
of numbers.

Every run is asked inside, on people of the make that it was trained on, and outside, on faces of
another make; a run of before there was an outside has no such columns.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np

from fermodels._shared.paths import given_path

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

REFERENCE = "reference"
BESIDE = ("together", "from scratch", "yardstick")  # more than one change, or none
METRICS = {
    "probe/all": "linear probe, all views",
    "probe/profiles": "linear probe, ±90°",
    "probe/straight": "linear probe, frontal",
    "finetuned/all": "fine-tuned, all views",
    "finetuned/profiles": "fine-tuned, ±90°",
    "finetuned/straight": "fine-tuned, frontal",
}
OUTSIDE = "outside/"  # before the names of `studies.outside.outside_scores`


def read(folder: str | os.PathLike) -> pd.DataFrame:
    """A row per run: `setting`, `factor`, `value`, `seed`, `uses_labels`, `images_seen`, `seconds`
    of CPU, `METRICS` and the other views in [0, 1], the accuracy of each person, such as
    `probe/F03`, and what was measured on faces of another make, each name after `OUTSIDE`.
    `images_seen` is 0 where nothing was pre-trained.

    Raises:
        FileNotFoundError: the folder holds no run; the message names the command that makes one.
    """
    import pandas as pd

    rows = []
    for path in sorted(given_path(folder).glob("*-seed*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        setting = run["made"]["setting"]
        row = {
            "setting": run["name"],
            "factor": setting["factor"],
            "value": setting["value"],
            "seed": run["made"]["seed"],
            "uses_labels": setting["uses_labels"],
            "images_seen": run.get("images_seen", 0),
            "seconds": run["cpu_seconds"],
        }
        for kind in ("probe", "finetuned"):
            every = run[kind] | run[f"{kind}_by_person"]
            row |= {f"{kind}/{name}": value for name, value in every.items()}
        row |= {f"{OUTSIDE}{name}": value for name, value in run.get("outside", {}).items()}
        rows.append(row)
    if not rows:
        raise FileNotFoundError(f"{folder} holds no run: 'python -m studies.ablation' makes them")
    return pd.DataFrame(rows)


def changes(runs: pd.DataFrame) -> pd.DataFrame:
    """The reference and what differs from it by one factor."""
    return runs[~runs["factor"].isin(BESIDE)]


def outside(runs: pd.DataFrame) -> dict[str, str]:
    """Columns of what was measured outside, errors left out, each with what it is called."""
    names = (c for c in runs.columns if c.startswith(OUTSIDE) and not c.endswith("error"))
    return {name: name.removeprefix(OUTSIDE) for name in names}


def agreement(runs: pd.DataFrame, metric: str, other: str) -> float:
    """Spearman's correlation of the ranks that two metrics give the settings, by their means.

    NaN for fewer than three settings, or if all are alike in one of them.
    """
    means = changes(runs).groupby("setting")[[metric, other]].mean().dropna()
    return float(means.rank().corr().iloc[0, 1]) if len(means) > 2 else float("nan")


def noise(runs: pd.DataFrame, metric: str) -> float:
    """Standard deviation of a run over seeds, pooled over all changes with two seeds or more.

    s² = Σ (x − mean of its setting)² / Σ (n − 1). What stands beside the reference has a spread of
    its own and stays out. NaN where no setting has two seeds.
    """
    own = changes(runs).groupby("setting")[metric]
    free = float((own.count() - 1).sum())
    if not free:
        return float("nan")
    return float(np.sqrt(((own.count() - 1) * own.var(ddof=1).fillna(0)).sum() / free))


def differences(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """What each change did to `metric`: a row per setting, largest difference first.

    Columns: `factor`, `value`, `runs` n, `mean`, `difference` from the mean of the reference,
    `error` s √(1/n + 1/n_reference) with the pooled s of :func:`noise`, `uses_labels`, and
    `clear`: the difference is larger than its error times the quantile that one of so many
    comparisons exceeds by chance in 5 % of all ablations (Bonferroni, Student's t).
    """
    import pandas as pd
    from scipy import stats

    reference = runs.loc[runs["factor"] == REFERENCE, metric]
    if not len(reference):
        raise ValueError("the runs hold no reference to compare with")
    comparable = changes(runs)
    others = comparable[comparable["factor"] != REFERENCE]
    spread = noise(runs, metric)
    rows = []
    for name, part in others.groupby("setting", sort=False):
        first = part.iloc[0]
        rows.append(
            {
                "setting": name,
                "factor": first["factor"],
                "value": first["value"],
                "runs": len(part),
                "mean": part[metric].mean(),
                "difference": part[metric].mean() - reference.mean(),
                "error": spread * np.sqrt(1 / len(part) + 1 / len(reference)),
                "uses_labels": bool(first["uses_labels"]),
            }
        )
    table = pd.DataFrame(rows).set_index("setting")
    free = max(len(comparable) - comparable["setting"].nunique(), 1)
    limit = stats.t.ppf(1 - 0.05 / (2 * len(table)), free)
    table["clear"] = table["difference"].abs() > limit * table["error"]
    return table.sort_values("difference", ascending=False)


def table(runs: pd.DataFrame, metrics: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Means in %, a row per setting: the reference, the changes by factor, what stands beside.

    Columns: `runs` and what the metrics are called (default: those in `METRICS` but the frontal
    fine-tuned, and all from outside).
    """
    labels = METRICS | outside(runs)
    metrics = (*tuple(METRICS)[:5], *outside(runs)) if metrics is None else metrics
    grouped = runs.groupby(_order(runs), sort=True)
    rows = grouped[list(metrics)].mean().mul(100)
    rows.insert(0, "runs", grouped.size())
    rows.index = [part["setting"].iloc[0] for _, part in grouped]
    return rows.rename(columns=labels)


def _order(runs: pd.DataFrame) -> pd.Series:
    """A sortable key per run: reference, factors by name, `BESIDE`; numbers by size."""

    def key(row) -> tuple:
        place = 0 if row["factor"] == REFERENCE else 1 + (row["factor"] in BESIDE)
        try:
            number = float(row["value"].lstrip("× "))
        except ValueError:
            number = np.inf
        return place, row["factor"], number, row["value"]

    return runs.apply(key, axis=1)


def figure(runs: pd.DataFrame, metrics: tuple[str, ...] | None = None) -> list[Axes]:
    """A row per setting and a panel per metric: dots are runs, the mark is their mean.

    The default is the probe and the first three numbers from outside; without any, the probe, the
    probe of profiles and the fine-tuned classifier.

    The line is the mean of the reference, the whiskers are ± one standard error of the mean from
    the pooled noise, the band is ± one of the reference. Hollow marks used labels in pre-training.
    """
    import matplotlib.pyplot as plt

    titles = METRICS | outside(runs)
    if metrics is None:
        beside = tuple(outside(runs))[:3] or ("probe/profiles", "finetuned/all")
        metrics = ("probe/all", *beside)
    own = changes(runs)
    groups = [part for _, part in own.groupby(_order(own), sort=True)][::-1]
    figure, axes = plt.subplots(
        1,
        len(metrics),
        figsize=(3.1 * len(metrics) + 1.2, 0.25 * len(groups) + 1.1),
        sharey=True,
        squeeze=False,
    )
    for ax, metric in zip(axes[0], metrics, strict=True):
        spread = noise(runs, metric)
        for y, part in enumerate(groups):
            values = 100 * part[metric].to_numpy()
            labels = bool(part["uses_labels"].iloc[0])
            color = "#0060B0" if part["factor"].iloc[0] == REFERENCE else "#C43C00"
            ax.scatter(values, np.full(len(values), y), s=8, color=color, alpha=0.45, linewidth=0)
            ax.errorbar(
                values.mean(),
                y,
                xerr=100 * spread / np.sqrt(len(values)) if np.isfinite(spread) else None,
                fmt="o",
                markersize=5,
                color=color,
                markerfacecolor="white" if labels else color,
                elinewidth=1.2,
                capsize=2,
            )
        reference = 100 * runs.loc[runs["factor"] == REFERENCE, metric]
        middle = reference.mean()
        ax.axvline(middle, color="#0060B0", linewidth=1, zorder=0)
        if np.isfinite(spread):
            half = 100 * spread / np.sqrt(len(reference))
            ax.axvspan(middle - half, middle + half, color="#0060B0", alpha=0.12, lw=0, zorder=0)
        ax.set_title(titles[metric])
        ax.set_xlabel("accuracy (%)")
        ax.grid(axis="x")
        ax.tick_params(axis="y", length=0)
    previous = None
    for y, part in enumerate(groups):
        factor = part["factor"].iloc[0]
        if previous is not None and factor != previous:
            for ax in axes[0]:
                ax.axhline(y - 0.5, color="#DDDDDD", linewidth=0.8, zorder=0)
        previous = factor
    axes[0, 0].set_yticks(range(len(groups)), [part["setting"].iloc[0] for part in groups])
    axes[0, 0].set_ylim(-0.6, len(groups) - 0.4)
    return list(axes[0])
