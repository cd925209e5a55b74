"""How good is a representation? Probes, per-view accuracy, label budgets, view invariance.

NumPy arrays in, pandas out. Only `embed` and `label_budget` know the prepared data set. The
view metrics take its `table`: one row per embedding, with the columns `subject`, `expression`,
`view`, `yaw` (degrees), `session` and `instance` (photographs of the same moment share it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.prepared import VIEWS
from fermodels.rows import row_numbers

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from fermodels.clips import PreparedClips
    from fermodels.prepared import PreparedImages

PROFILES = (VIEWS[0], VIEWS[-1])

# Similarities closer than this are a tie: rounding must not decide who is the nearest.
TIE = 1e-9


# ----------------------------------------------------------------------------- embeddings


def embed(
    encoder: torch.nn.Module,
    prepared: PreparedImages,
    indices: Sequence[int] | np.ndarray | None = None,
    batch_size: int = 256,
    device: str | torch.device | None = None,
) -> np.ndarray:
    """Representations of the images `indices` (default: all), float32 (N, D).

    The encoder gets float images (batch, 3, H, W) in [0, 1] and runs in evaluation mode without
    gradients, on `device` (default: where it is). Its device and the train/eval state of every
    one of its modules are as before when this returns or raises.

    Raises ValueError where there is nothing to embed or the encoder does not return (batch, D).
    """
    import torch

    from fermodels.modes import evaluating

    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    indices = np.arange(len(prepared)) if indices is None else np.asarray(indices)
    if indices.dtype == bool:
        indices = np.flatnonzero(indices)
    if len(indices) == 0:
        raise ValueError("no images to embed: `indices` is empty")

    parameter = next(encoder.parameters(), None)
    home = torch.device("cpu") if parameter is None else parameter.device
    target = home if device is None else torch.device(device)
    parts = []
    try:
        with evaluating(encoder.to(target)), torch.no_grad():
            for start in range(0, len(indices), batch_size):
                pixels = prepared.images(indices[start : start + batch_size])  # (n, H, W, 3)
                batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(target)
                features = encoder(batch.permute(0, 3, 1, 2).float() / 255)  # (n, D)
                if features.ndim != 2 or len(features) != len(batch):
                    raise ValueError(
                        f"the encoder returned {tuple(features.shape)} for {len(batch)} images; "
                        "expected (images, feature_dim)"
                    )
                parts.append(features.float().cpu().numpy())
    finally:
        encoder.to(home)
    return np.concatenate(parts)  # (N, D)


def _embeddings(x: Any, name: str = "embeddings") -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"{name} has shape {x.shape}; expected (N, D) with N, D > 0")
    bad = np.flatnonzero(~np.isfinite(x).all(1))
    if len(bad):
        raise ValueError(
            f"{name}: {len(bad)} of {len(x)} rows hold NaN or infinity (first: {bad[:5].tolist()})"
        )
    return x


def _unit(x: np.ndarray) -> np.ndarray:
    """Rows of length 1. A row of zeros stays zero: its cosine with everything is 0."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length > 0, length, 1)


# --------------------------------------------------------------------------------- probes


@dataclass(frozen=True)
class ProbeResult:
    """What a probe found on the test set.

    accuracy: share of correct predictions, in [0, 1].
    balanced_accuracy: mean over the classes of the test set of the share found, in [0, 1].
    predictions: (N_test,) predicted labels, same kind as the labels given.
    train_accuracy: the same on the training set; far above `accuracy` means overfitting.
    """

    accuracy: float
    balanced_accuracy: float
    predictions: np.ndarray
    train_accuracy: float

    def __repr__(self) -> str:
        return (
            f"ProbeResult(accuracy={self.accuracy:.3f}, "
            f"balanced_accuracy={self.balanced_accuracy:.3f}, "
            f"train_accuracy={self.train_accuracy:.3f}, test images={len(self.predictions)})"
        )


def linear_probe(x_train, y_train, x_test, y_test, *, C: float = 0.1) -> ProbeResult:
    """Multinomial logistic regression on frozen features.

    Features are standardised with the mean and deviation of the training set. The inverse
    regularisation strength C is fixed, not searched: searching it needs validation labels, which
    a label budget of 5 % does not have. Deterministic; under a second for 3,300 × 256 features.

    Args: x_train (N, D), y_train (N,), x_test (M, D), y_test (M,); labels are ints or strings.
    Raises ValueError for shapes that do not fit, non-finite features, or a single class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # The solver reaches the accuracy of a tight tolerance at 1e-3, in a fraction of the time.
    model = make_pipeline(StandardScaler(), LogisticRegression(C=C, tol=1e-3, max_iter=1000))
    return _probe(model, x_train, y_train, x_test, y_test)


def knn(x_train, y_train, x_test, y_test, *, k: int = 20) -> ProbeResult:
    """Majority vote of the k nearest training images by cosine similarity.

    No parameter is trained, so this shows what the geometry of the embedding already says. k is
    capped at the number of training images. `train_accuracy` counts each image among its own
    neighbours. Arguments and errors as in `linear_probe`.
    """
    from sklearn.neighbors import KNeighborsClassifier

    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1")
    model = KNeighborsClassifier(min(k, max(1, len(x_train))), metric="cosine", algorithm="brute")
    return _probe(model, x_train, y_train, x_test, y_test)


def _probe(model, x_train, y_train, x_test, y_test) -> ProbeResult:
    x_train, x_test = _embeddings(x_train, "x_train"), _embeddings(x_test, "x_test")
    y_train, y_test = np.asarray(y_train), np.asarray(y_test)
    if x_train.shape[1] != x_test.shape[1]:
        raise ValueError(
            f"x_train has {x_train.shape[1]} features and x_test {x_test.shape[1]}; "
            "embed both with the same encoder"
        )
    for x, y, name in ((x_train, y_train, "train"), (x_test, y_test, "test")):
        if y.shape != (len(x),):
            raise ValueError(f"y_{name} has shape {y.shape}; expected ({len(x)},)")
    if len(np.unique(y_train)) < 2:
        raise ValueError(f"y_train holds the single class {y_train[0]!r}; a probe needs two")
    model.fit(x_train, y_train)
    predictions = model.predict(x_test)
    return ProbeResult(
        accuracy=float(np.mean(predictions == y_test)),
        balanced_accuracy=_balanced_accuracy(y_test, predictions),
        predictions=predictions,
        train_accuracy=float(np.mean(model.predict(x_train) == y_train)),
    )


def _balanced_accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    return float(np.mean([np.mean(y_pred[y_true == c] == c) for c in np.unique(y_true)]))


# ------------------------------------------------------------------- accuracy, broken down


def view_order(views) -> list:
    """The distinct views, left profile to right profile, then names not among `prepared.VIEWS`.

    Yaws in degrees come ascending.
    """
    names = list(dict.fromkeys(np.asarray(views).tolist()))
    if all(isinstance(name, int | float) for name in names):
        return sorted(names)
    known = [name for name in VIEWS if name in names]
    return known + sorted(name for name in names if name not in VIEWS)


def per_view_accuracy(y_true, y_pred, views, profiles: Sequence | None = None) -> pd.Series:
    """Accuracy in [0, 1] for each view, then over the "profiles" and over "all" images.

    Args:
        y_true, y_pred: (N,) labels.
        views: (N,) view names, or yaws in degrees.
        profiles: the outermost views. Default: full_left and full_right, or, for yaws, those
            furthest from 0. "profiles" is NaN where the images have none.
    """
    import pandas as pd

    y_true, y_pred, views = np.asarray(y_true), np.asarray(y_pred), np.asarray(views)
    if not (y_true.shape == y_pred.shape == views.shape and y_true.ndim == 1):
        raise ValueError(
            f"y_true {y_true.shape}, y_pred {y_pred.shape} and views {views.shape} "
            "must be one-dimensional and equally long"
        )
    if len(views) == 0:
        raise ValueError("no predictions: y_true is empty")
    hit = y_true == y_pred  # (N,)
    order = view_order(views)
    if profiles is None:
        if isinstance(order[0], str):
            profiles = PROFILES
        else:
            outermost = max(abs(yaw) for yaw in order)
            profiles = [yaw for yaw in order if abs(yaw) == outermost > 0]
    result = {view: hit[views == view].mean() for view in order}
    at_profile = np.isin(views, list(profiles))
    result["profiles"] = hit[at_profile].mean() if at_profile.any() else np.nan
    result["all"] = hit.mean()
    return pd.Series(result, name="accuracy", dtype=float)


def confusion(y_true, y_pred, classes: Sequence[str], *, normalize: bool = True) -> pd.DataFrame:
    """Confusion matrix: a row per true class, a column per predicted one.

    Labels are class names, or indices into `classes`. With `normalize` each row is a share of
    its true class and sums to 1 (a class without images is NaN), else entries count images.
    Raises ValueError for labels outside `classes`.
    """
    import pandas as pd

    classes = list(classes)
    truth, guess = _class_index(y_true, classes, "y_true"), _class_index(y_pred, classes, "y_pred")
    if truth.shape != guess.shape:
        raise ValueError(f"y_true {truth.shape} and y_pred {guess.shape} differ in length")
    table = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(table, (truth, guess), 1)
    if normalize:
        rows = table.sum(1, keepdims=True)
        table = np.where(rows > 0, table / np.maximum(rows, 1), np.nan)
    index = pd.Index(classes, name="true")
    return pd.DataFrame(table, index=index, columns=pd.Index(classes, name="predicted"))


def _class_index(labels, classes: list[str], name: str) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.dtype.kind in "iu":
        unknown = set(labels[(labels < 0) | (labels >= len(classes))].tolist())
    else:
        unknown = set(labels.tolist()) - set(classes)
    if unknown:
        shown = sorted(unknown, key=str)[:5]
        raise ValueError(f"{name} holds {shown}, not among the {len(classes)} classes {classes}")
    if labels.dtype.kind in "iu":
        return labels.astype(np.int64)
    position = {c: i for i, c in enumerate(classes)}
    return np.array([position[c] for c in labels.tolist()], dtype=np.int64)


# ------------------------------------------------------------------------- scores of clips


def clip_scores(y_true, y_pred, classes: Sequence[str] | None = None) -> dict[str, float]:
    """Accuracy, balanced accuracy and weighted F1, each in [0, 1].

    Balanced accuracy is the mean over the classes of `y_true` of the share found. Weighted F1 is
    the mean of the classes' F1, weighted by how often each is in `y_true`; a class that is never
    predicted has F1 0.

    Args:
        y_true, y_pred: labels (N,), of one kind.
        classes: if given, labels are these names or indices into them, and others are refused.

    Raises:
        ValueError: shapes that differ, no clip, or a label outside `classes`.
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.ndim != 1 or y_true.shape != y_pred.shape or len(y_true) == 0:
        raise ValueError(
            f"y_true {y_true.shape} and y_pred {y_pred.shape} must be one-dimensional, equally "
            "long and not empty"
        )
    if classes is not None:
        y_true = _class_index(y_true, list(classes), "y_true")
        y_pred = _class_index(y_pred, list(classes), "y_pred")
    names, counts = np.unique(y_true, return_counts=True)
    f1 = np.array([_f1(y_true == name, y_pred == name) for name in names])
    return {
        "accuracy": float(np.mean(y_true == y_pred)),
        "balanced_accuracy": _balanced_accuracy(y_true, y_pred),
        "weighted_f1": float(f1 @ counts / counts.sum()),
    }


def multi_label_scores(targets, predicted) -> dict[str, float]:
    """Weighted accuracy and weighted F1 of clips that may show several emotions, in [0, 1].

    Weighted accuracy (Zadeh et al., ACL 2018, CMU-MOSEI) of an emotion is the mean of its
    true-positive and its true-negative rate, ½ · (TP/P + TN/N), so that a rare emotion counts as
    much as its absence; here it is averaged over the emotions. Weighted F1 of an emotion weighs
    the F1 of "there" and of "not there" by how often each is true; averaged over the emotions.

    Args:
        targets, predicted: (N, C), 1 where clip n shows emotion c and 0 elsewhere.

    Raises:
        ValueError: shapes that differ, other values than 0 and 1, or an emotion that all or none
            of the clips show, so that one of its rates is undefined.
    """
    targets, predicted = np.asarray(targets), np.asarray(predicted)
    if targets.ndim != 2 or targets.shape != predicted.shape or 0 in targets.shape:
        raise ValueError(
            f"targets {targets.shape} and predicted {predicted.shape} must have one shape (N, C)"
        )
    for name, array in (("targets", targets), ("predicted", predicted)):
        if not np.isin(array, (0, 1)).all():
            raise ValueError(f"{name} must hold 0 and 1 only")
    targets, predicted = targets.astype(bool), predicted.astype(bool)
    constant = np.flatnonzero(targets.all(0) | ~targets.any(0))
    if len(constant):
        raise ValueError(
            f"all or none of the clips show the emotion of column {constant.tolist()}: its "
            "weighted accuracy is undefined, leave it out"
        )
    accuracy, f1 = [], []
    for truth, guess in zip(targets.T, predicted.T, strict=True):
        accuracy.append(_balanced_accuracy(truth, guess))
        share = truth.mean()
        f1.append(share * _f1(truth, guess) + (1 - share) * _f1(~truth, ~guess))
    return {"weighted_accuracy": float(np.mean(accuracy)), "weighted_f1": float(np.mean(f1))}


def _f1(truth: np.ndarray, guess: np.ndarray) -> float:
    """2 TP / (2 TP + FP + FN) of boolean arrays; 0 where nothing is true or predicted."""
    return float(2 * np.sum(truth & guess) / max(1, truth.sum() + guess.sum()))


# --------------------------------------------------------------------------- label budgets


def label_budget(
    prepared: PreparedImages | PreparedClips, indices, fraction: float, seed: int = 0
) -> np.ndarray:
    """The rows of a random `fraction` of the subjects in `indices`, int64, in their order.

    A budget is drawn by subject, as labelling is done: all images (or clips) of a subject or none,
    and at least one subject. Where the table has a `gender` column the draw follows its
    proportions. Budgets of one seed are nested: the 5 % are part of the 10 %.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must be above 0 and at most 1")
    indices = row_numbers(indices, len(prepared))
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

    # Each gender is shuffled and spread evenly over (0, 1); sorting the positions interleaves
    # them, so that every prefix of the order, hence every budget, has the proportions.
    generator = np.random.default_rng(seed)
    position = np.empty(len(names))
    for value in np.unique(gender):
        members = np.flatnonzero(gender == value)
        position[generator.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.lexsort((generator.random(len(names)), position))
    chosen = set(names[order[: budget_size(fraction, len(names))]])
    return indices[[subject in chosen for subject in subjects]]


def budget_size(fraction: float, people: int) -> int:
    """How many of so many people :func:`label_budget` takes."""
    return max(1, int(fraction * people + 0.5))


def label_budget_curve(
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
            budget = label_budget(prepared, indices, fraction, seed)
            subjects = prepared.table["subject"].iloc[budget].nunique()
            row = {"fraction": fraction, "seed": seed, "subjects": subjects, "images": len(budget)}
            rows.append(row | dict(run(budget, seed)))
    return pd.DataFrame(rows)


# -------------------------------------------------------------------------- view invariance


def retrieval(
    embeddings,
    table: pd.DataFrame,
    query_view: str | Sequence[str],
    gallery_view: str = "straight",
) -> float:
    """R@1 of finding the gallery photograph of the same instance, in [0, 1].

    Each image of `query_view` (a name or several) looks for its nearest neighbour by cosine among
    all images of `gallery_view`; it is a hit if that image shows the same instance. Queries whose
    instance is missing from the gallery are left out. Images that tie for nearest count by their
    share of hits, so that a constant embedding scores exactly chance.

    Args: embeddings (N, D), table with N rows.
    Raises ValueError where a view is not in the table, a query view is the gallery view, or no
    query has its instance in the gallery.
    """
    x = _unit(_embeddings(embeddings))
    _check_table(x, table)
    return _retrieval(x, table, query_view, gallery_view)[0]


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
    gallery_view: str = "straight",
    center: bool = False,
) -> ViewInvarianceReport:
    """The view-invariance report of embeddings (N, D) of the images in `table` (N rows).

    - same_instance_cosine: mean cosine over all pairs of images of the same instance and
      different view.
    - other_expression_cosine: mean over all pairs of the same subject and session and different
      expression, whatever their views.
    - retrieval_at_1: `retrieval` from each other view to `gallery_view`; "profiles" pools the
      two views with the largest absolute yaw. `retrieval_chance` is a random guess.
    - yaw_predictability: balanced accuracy of a linear probe for the view, cross-validated over
      groups of subjects (at most five). Chance is 1/V.
    - identity_predictability: balanced accuracy of a linear probe for the subject, trained on the
      first session and tested on the others. With one session, or sessions that are lightings of
      the same instances, on one half of each subject's instances and tested on the other half.
      Chance is 1/subjects.

    Cosines are those of the embeddings as given, scaled to length 1. Features that end in a ReLU
    share a large positive mean, which lifts all cosines alike: compare margins, or pass
    `center=True` to subtract the mean embedding first. `seed` draws the folds and halves.

    Raises ValueError for non-finite embeddings, a table of another length or without a needed
    column, or a table without `gallery_view`.
    """
    x = _embeddings(embeddings)
    _check_table(x, table)
    if center:
        x = x - x.mean(0)
    unit = _unit(x)
    view = table["view"].to_numpy(dtype=object)
    subject = table["subject"].to_numpy(dtype=object)
    if gallery_view not in view:
        raise ValueError(
            f"no image has the gallery view {gallery_view!r}; there are {view_order(view)}"
        )

    yaw = table.groupby("view", sort=False)["yaw"].mean()
    views = sorted(view_order(view), key=lambda name: yaw[name])
    outermost = yaw.abs().max()
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


def _check_table(x: np.ndarray, table: pd.DataFrame) -> None:
    if len(table) != len(x):
        raise ValueError(
            f"{len(x)} embeddings, but the table has {len(table)} rows; "
            "pass prepared.table.iloc[indices] with the same indices"
        )
    needed = ["subject", "expression", "view", "yaw", "session", "instance"]
    missing = [column for column in needed if column not in table]
    if missing:
        raise ValueError(f"the table has no column {missing}; it needs {needed}")


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

    return (
        mean_over_pairs(code(["instance"]), code(["view"])),
        mean_over_pairs(code(["subject", "session"]), code(["expression"])),
    )


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
    return _balanced_accuracy(view, predicted)


def _identity_predictability(x, table: pd.DataFrame, seed: int) -> float:
    subject = table["subject"].to_numpy(dtype=object)
    session = table["session"].to_numpy(dtype=object)
    instance = table["instance"].to_numpy(dtype=object)
    sessions = sorted(set(session))
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
