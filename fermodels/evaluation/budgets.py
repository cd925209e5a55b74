"""Label budgets: a fraction of the people, with all that is theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels.data.indices import resolve_indices
from fermodels.data.splits import stratified_order

if TYPE_CHECKING:
    import pandas as pd

    from fermodels.data import PreparedClips, PreparedImages


def label_fraction(
    prepared: PreparedImages | PreparedClips, indices, fraction: float, seed: int = 0
) -> np.ndarray:
    """The rows of a random `fraction` of the subjects in `indices`, int64, in their order.

    A budget is drawn by subject, as labelling is done: all images (or clips) of a subject or none,
    and at least one subject. Where the table has a `gender` column the draw follows its
    proportions. Budgets of one seed are nested: the 5 % are part of the 10 %.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and at most 1")
    indices = resolve_indices(indices, len(prepared))
    if len(indices) == 0:
        raise ValueError("`indices` is empty: there is no subject to choose from")
    rows = prepared.table.iloc[indices]
    subjects = rows["subject"].to_numpy(dtype=object)
    people = rows.drop_duplicates("subject").sort_values("subject")
    names = people["subject"].to_numpy(dtype=object)
    if "gender" in people:
        gender = people["gender"].astype(object).fillna("unknown").astype(str).to_numpy()
    else:
        gender = np.full(len(people), "unknown")

    order = stratified_order(gender, np.random.default_rng(seed))
    chosen = set(names[order[: subjects_in_fraction(fraction, len(names))]])
    return indices[[subject in chosen for subject in subjects]]


def subjects_in_fraction(fraction: float, people: int) -> int:
    """How many of so many people :func:`label_fraction` takes."""
    return max(1, int(fraction * people + 0.5))


def label_fraction_curve(
    run: Callable[[np.ndarray, int], Mapping[str, float]],
    prepared: PreparedImages,
    indices,
    fractions: Sequence[float] = (1, 0.5, 0.2, 0.1, 0.05),
    seeds: Sequence[int] = (0, 1, 2),
) -> pd.DataFrame:
    """Train and test at several label budgets.

    `run(budget_indices, seed)` trains on these images and returns its metrics by name, such as
    `dict(per_view_accuracy(...))`. The result has a row per (fraction, seed): `fraction`, `seed`,
    `subjects`, `images`, then the metrics.
    """
    import pandas as pd

    rows = []
    for fraction in fractions:
        for seed in seeds:
            budget = label_fraction(prepared, indices, fraction, seed)
            subjects = prepared.table["subject"].iloc[budget].nunique()
            row = {"fraction": fraction, "seed": seed, "subjects": subjects, "images": len(budget)}
            rows.append(row | dict(run(budget, seed)))
    return pd.DataFrame(rows)
