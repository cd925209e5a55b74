"""Does an embedding say what is shown, whatever the angle?

The metrics take the `table` of a prepared data set: one row per embedding, with the columns
`subject`, `view`, `yaw` (degrees), `session` and `instance` (images of the same moment share it),
and for one of the numbers `expression`. What cannot be measured without it is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fermodels.data import view_degrees, view_order
from fermodels.data.names import natural_key
from fermodels.evaluation.arrays import check_embeddings, unit_rows
from fermodels.evaluation.probes import linear_probe
from fermodels.evaluation.scores import balanced_accuracy

if TYPE_CHECKING:
    import pandas as pd

_NEEDED = ("subject", "view", "yaw", "session", "instance")
# Similarities closer than this are a tie: rounding must not decide who is the nearest.
TIE = 1e-9


def retrieval(
    embeddings,
    table: pd.DataFrame,
    query_view: str | Sequence[str],
    gallery_view: str | None = None,
) -> float:
    """R@1 of finding the gallery image of the same instance, in [0, 1].

    Each image of `query_view` (a name or several) looks for its nearest neighbour by cosine among
    all images of `gallery_view`; it is a hit if that image shows the same instance. Queries whose
    instance is missing from the gallery are left out. Images that tie for nearest count by their
    share of hits, so that a constant embedding scores exactly chance.

    Args:
        embeddings: (N, D).
        table: N rows with the columns `view` and `instance`, and `yaw` where it is known.
        query_view, gallery_view: names of views; by default the gallery is `frontal_view`.

    Raises:
        ValueError: a view is not in the table, a query view is the gallery view, or no query has
            its instance in the gallery.
    """
    x = unit_rows(check_embeddings(embeddings))
    _check_table(x, table, ("view", "instance"))
    return _retrieval(x, table, query_view, gallery_view or frontal_view(table))[0]


def frontal_view(table: pd.DataFrame) -> str:
    """The view that others are compared with: "straight", else the one nearest to the front by the
    column `yaw` or by its name's degrees; where no angle is known, the first."""
    order = view_order(table["view"])
    if "straight" in order:
        return "straight"
    degrees = view_degrees(order, _mean_yaws(table))
    known = [view for view in order if degrees[view] is not None]
    return min(known, key=lambda view: abs(degrees[view]), default=order[0])


def _mean_yaws(table: pd.DataFrame) -> dict[str, float]:
    """Degrees of each view, where they are known."""
    if "yaw" not in table:
        return {}
    return table.groupby("view", sort=False, observed=True)["yaw"].mean().to_dict()


def _retrieval(x, table, query_view, gallery_view) -> tuple[float, float]:
    """(R@1, R@1 of a random guess) of unit vectors x (N, D)."""
    queries = [query_view] if isinstance(query_view, str) else list(query_view)
    view = table["view"].to_numpy(dtype=object)
    instance = table["instance"].to_numpy(dtype=object)
    for name in (*queries, gallery_view):
        if name not in view:
            raise ValueError(f"no image has the view {name!r}; there are {view_order(view)}")
    if gallery_view in queries:
        raise ValueError(f"the view {gallery_view!r} cannot be both query and gallery")
    gallery = np.flatnonzero(view == gallery_view)
    query = np.flatnonzero(np.isin(view, queries) & np.isin(instance, instance[gallery]))
    if len(query) == 0:
        raise ValueError(
            f"no instance was photographed from both {queries} and {gallery_view!r}: "
            "nothing to retrieve"
        )
    cosine = x[query] @ x[gallery].T  # (Q, G)
    nearest = cosine >= cosine.max(1, keepdims=True) - TIE  # (Q, G)
    same = instance[query][:, None] == instance[gallery][None]  # (Q, G)
    hit = (nearest & same).sum(1) / nearest.sum(1)  # (Q,)
    return float(hit.mean()), float(same.mean())


@dataclass(frozen=True)
class ViewInvarianceReport:
    """Does an embedding say what is shown, whatever the angle? See `view_invariance`.

    Cosines are in [−1, 1], everything else in [0, 1]. What cannot be measured is NaN.
    """

    same_instance_cosine: float
    other_expression_cosine: float
    retrieval_at_1: dict[str, float]
    retrieval_chance: float
    yaw_predictability: float
    yaw_chance: float
    identity_predictability: float
    identity_chance: float
    images: int
    instances: int

    @property
    def margin(self) -> float:
        """Same-instance minus other-expression cosine; above 0, the expression outweighs yaw."""
        return self.same_instance_cosine - self.other_expression_cosine

    def to_series(self) -> pd.Series:
        """All numbers by name; the retrieval of each query view is `retrieval_at_1/<view>`."""
        import pandas as pd

        retrieved = {f"retrieval_at_1/{view}": r for view, r in self.retrieval_at_1.items()}
        return pd.Series(
            {
                "same_instance_cosine": self.same_instance_cosine,
                "other_expression_cosine": self.other_expression_cosine,
                "margin": self.margin,
                **retrieved,
                "retrieval_chance": self.retrieval_chance,
                "yaw_predictability": self.yaw_predictability,
                "yaw_chance": self.yaw_chance,
                "identity_predictability": self.identity_predictability,
                "identity_chance": self.identity_chance,
            },
            dtype=float,
        )

    def __str__(self) -> str:
        def line(name: str, value: float, note: str) -> str:
            return f"  {name:<38}{value:7.3f}   {note}"

        guess = f"chance {self.retrieval_chance:.3f}, higher is better"
        lines = [
            f"View invariance of {self.images:,} images, {self.instances:,} instances",
            line("cosine, same instance, other view", self.same_instance_cosine, ""),
            line("cosine, same person, other expression", self.other_expression_cosine, ""),
            line("margin", self.margin, "higher is better"),
            *(line(f"R@1 from {v}", r, guess) for v, r in self.retrieval_at_1.items()),
            line(
                "yaw predictability",
                self.yaw_predictability,
                f"chance {self.yaw_chance:.3f}, lower is better",
            ),
            line(
                "identity predictability",
                self.identity_predictability,
                f"chance {self.identity_chance:.3f}, lower leaks less",
            ),
        ]
        return "\n".join(text.rstrip() for text in lines)


def view_invariance(
    embeddings,
    table: pd.DataFrame,
    seed: int = 0,
    *,
    gallery_view: str | None = None,
    center: bool = False,
) -> ViewInvarianceReport:
    """The view-invariance report of embeddings (N, D) of the images in `table` (N rows).

    - same_instance_cosine: mean cosine over all pairs of images of the same instance and
      different view.
    - other_expression_cosine: mean over all pairs of the same subject and session and different
      expression, whatever their views. Unlabelled images are in no pair.
    - retrieval_at_1: `retrieval` from each other view to `gallery_view` (default: "straight", else
      the view nearest to the front); "profiles" pools the views with the largest absolute yaw.
      `retrieval_chance` is a random guess.
    - yaw_predictability: balanced accuracy of a linear probe for the view, cross-validated over
      groups of subjects (at most five). Chance is 1/V.
    - identity_predictability: balanced accuracy of a linear probe for the subject, trained on the
      first session and tested on the others. With one session, or sessions that are lightings of
      the same instances, on one half of each subject's instances and tested on the other half.
      Chance is 1/subjects.

    Cosines are those of the embeddings as given, scaled to length 1. Features that end in a ReLU
    share a large positive mean, which lifts all cosines alike: compare margins, or pass
    `center=True` to subtract the mean embedding first. `seed` draws the folds and halves.

    Raises:
        ValueError: non-finite embeddings, a table of another length or without a needed column, or
            a table without `gallery_view`.
    """
    x = check_embeddings(embeddings)
    _check_table(x, table, _NEEDED)
    if center:
        x = x - x.mean(0)
    unit = unit_rows(x)
    view = table["view"].to_numpy(dtype=object)
    subject = table["subject"].to_numpy(dtype=object)
    gallery_view = gallery_view or frontal_view(table)
    if gallery_view not in view:
        raise ValueError(
            f"no image has the gallery view {gallery_view!r}; there are {view_order(view)}"
        )

    yaw = _mean_yaws(table)
    # Views whose yaw is not known come last.
    views = sorted(view_order(view), key=lambda name: np.nan_to_num(yaw[name], nan=np.inf))
    outermost = np.nanmax([abs(angle) for angle in yaw.values()] + [0])
    profiles = [v for v in views if v != gallery_view and abs(yaw[v]) > outermost - 1]
    asked = {v: [v] for v in views if v != gallery_view} | {"profiles": profiles}
    in_gallery = set(table["instance"][view == gallery_view])
    r_at_1, chance = {}, np.nan
    for name, query in asked.items():
        found = table["instance"][np.isin(view, query)].isin(in_gallery).any()
        if query:
            r_at_1[name] = np.nan
        if found:
            r_at_1[name], chance = _retrieval(unit, table, query, gallery_view)

    same, other = _pair_cosines(unit, table)
    return ViewInvarianceReport(
        same_instance_cosine=same,
        other_expression_cosine=other,
        retrieval_at_1=r_at_1,
        retrieval_chance=chance,
        yaw_predictability=_yaw_predictability(x, view, subject, seed),
        yaw_chance=1 / len(views),
        identity_predictability=_identity_predictability(x, table, seed),
        identity_chance=1 / len(set(subject)),
        images=len(table),
        instances=table["instance"].nunique(),
    )


def _check_table(x: np.ndarray, table: pd.DataFrame, needed: Sequence[str]) -> None:
    if len(table) != len(x):
        raise ValueError(
            f"{len(x)} embeddings, but the table has {len(table)} rows; "
            "pass prepared.table.iloc[indices] with the same indices"
        )
    missing = [column for column in needed if column not in table]
    if missing:
        raise ValueError(f"the table has no column {missing}; it needs {list(needed)}")


def _pair_cosines(unit: np.ndarray, table: pd.DataFrame) -> tuple[float, float]:
    """(same instance and other view, same subject and session and other expression)."""
    import pandas as pd

    def code(columns: list[str]) -> np.ndarray:
        return table.groupby(columns, sort=False).ngroup().to_numpy()

    def mean_over_pairs(group: np.ndarray, differ: np.ndarray) -> float:
        total, pairs = 0.0, 0
        for members in pd.Series(group).groupby(group).indices.values():
            counted = differ[members][:, None] != differ[members][None]  # (m, m)
            total += float((unit[members] @ unit[members].T)[counted].sum())
            pairs += int(counted.sum())
        return total / pairs if pairs else float("nan")

    same = mean_over_pairs(code(["instance"]), code(["view"]))
    if "expression" not in table:
        return same, float("nan")
    labelled = table["expression"].notna().to_numpy()
    table, unit = table[labelled], unit[labelled]
    return same, mean_over_pairs(code(["subject", "session"]), code(["expression"]))


def _yaw_predictability(x, view, subject, seed: int) -> float:
    from sklearn.model_selection import GroupKFold

    folds = min(5, len(set(subject)))
    if folds < 2 or len(set(view)) < 2:
        return float("nan")
    predicted = np.empty(len(x), dtype=object)
    splitter = GroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    for train, test in splitter.split(x, view, subject):
        if len(set(view[train])) < 2:
            predicted[test] = view[train][0]
        else:
            predicted[test] = linear_probe(x[train], view[train], x[test], view[test]).predictions
    return balanced_accuracy(view, predicted)


def _identity_predictability(x, table: pd.DataFrame, seed: int) -> float:
    subject = table["subject"].to_numpy(dtype=object)
    session = table["session"].to_numpy(dtype=object)
    instance = table["instance"].to_numpy(dtype=object)
    sessions = sorted(set(session), key=natural_key)
    train = session == sessions[0]
    # Lightings of one moment are no second session: the probe would meet the same photograph.
    if len(sessions) == 1 or np.isin(instance[~train], instance[train]).any():
        generator = np.random.default_rng(seed)
        train = np.zeros(len(x), dtype=bool)
        for name in sorted(set(subject)):
            own = np.array(sorted(set(instance[subject == name])), dtype=object)
            half = generator.permutation(own)[: (len(own) + 1) // 2]
            train |= (subject == name) & np.isin(instance, half)
    # Only those seen on both sides can be recognised at all.
    both = np.isin(subject, list(set(subject[train]) & set(subject[~train])))
    train, test = train & both, ~train & both
    if len(set(subject[train])) < 2:
        return float("nan")
    return linear_probe(x[train], subject[train], x[test], subject[test]).balanced_accuracy
