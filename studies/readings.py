"""What can be read from features: by neighbours among other people, by a probe, and retrieval.

Everything is asked across people: who is read is never among those it is read from. Each method
is read by the same rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermodels.evaluation.scores import balanced_accuracy

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # C of the probe, from the strongest penalty
FOLDS, INNER_FOLDS = 5, 3
TIE = 1e-9  # as in fermodels.evaluation.retrieval


def unit_rows(x: np.ndarray, standardise: bool = True) -> np.ndarray:
    """Rows of length 1, of features (N, D) whose columns have mean 0 and deviation 1 before."""
    x = np.asarray(x, np.float64)
    if standardise:
        deviation = x.std(0)
        x = (x - x.mean(0)) / np.where(deviation > 0, deviation, 1)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length > 0, length, 1)


def retrieval_hits(x, instances, queries, gallery) -> np.ndarray:
    """Whether the nearest image of a gallery is of the same moment, for each query, 0…1.

    The same as :func:`fermodels.evaluation.retrieval`, query by query: the nearest by cosine of
    the features as they are, and of images that tie the share of hits.

    Args:
        x: features (N, D).
        instances: (N,) which moment an image shows.
        queries, gallery: rows (Q,), (G,).
    """
    unit, instances = unit_rows(x, standardise=False), np.asarray(instances)
    cosine = unit[queries] @ unit[gallery].T  # (Q, G)
    nearest = cosine >= cosine.max(1, keepdims=True) - TIE
    same = instances[queries][:, None] == instances[gallery][None]
    return (nearest & same).sum(1) / nearest.sum(1)


def by_neighbours(x, labels, people, k: int, queries=None) -> np.ndarray:
    """Labels of the majority of the k nearest images of other people.

    Nearest by cosine of standardised features; of labels that tie, the one whose images are
    nearer in sum.

    Args:
        x: features (N, D), standardised with their own mean and deviation.
        labels, people: (N,).
        queries: rows (Q,) to read; default all. All images of other people can be neighbours.

    Returns:
        (Q,) labels.

    Raises:
        ValueError: fewer than k images of other people.
    """
    labels, people, unit = np.asarray(labels), np.asarray(people), unit_rows(x)
    queries = np.arange(len(unit)) if queries is None else np.asarray(queries)
    cosine = unit[queries] @ unit.T  # (Q, N)
    own = people[queries][:, None] == people[None]
    if (~own).sum(1).min(initial=len(unit)) < k:
        raise ValueError(f"there are fewer than {k} images of other people")
    cosine[own] = -np.inf
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :k]  # (Q, k)
    names, code = np.unique(labels, return_inverse=True)
    # A vote counts 1; the cosine, at most 1, only orders what ties.
    weight = 1 + np.take_along_axis(cosine, nearest, 1) / (4 * k)
    votes = np.stack([(weight * (code[nearest] == c)).sum(1) for c in range(len(names))], 1)
    return names[votes.argmax(1)]


def by_probe(x, labels, people, seed: int = 0) -> np.ndarray:
    """Labels (N,) as a linear probe reads them that was fitted on other people, in five folds."""
    x, labels = np.asarray(x, np.float64), np.asarray(labels)
    predicted = np.empty_like(labels)
    for train, test in folds(people, FOLDS, seed):
        probe = fit_probe(x[train], labels[train], np.asarray(people)[train], seed)
        predicted[test] = probe.predict(x[test])
    return predicted


def fit_probe(x, labels, people, seed: int = 0) -> Pipeline:
    """Logistic regression on standardised features; its penalty is chosen across people.

    Of `STRENGTHS`, the one that reads best those people whom it was not fitted on, in three folds;
    of equals the strongest penalty.

    Args:
        x: features (N, D).
        labels, people: (N,), two people and two labels at least.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, labels = np.asarray(x, np.float64), np.asarray(labels)
    hits = np.zeros(len(STRENGTHS))
    for train, test in folds(people, INNER_FOLDS, seed):
        scaler = StandardScaler().fit(x[train])
        seen, asked = scaler.transform(x[train]), scaler.transform(x[test])
        for i, model in enumerate(_path(seen, labels[train], STRENGTHS)):
            hits[i] += balanced_accuracy(labels[test], model.predict(asked))
    best = STRENGTHS[int(np.argmax(np.round(hits, 9)))]
    scaler = StandardScaler().fit(x)
    (model,) = _path(scaler.transform(x), labels, (best,))
    return make_pipeline(scaler, model)


def _path(x: np.ndarray, labels: np.ndarray, strengths):
    """Fitted models from the strongest penalty on, each started where the one before ended."""
    from sklearn.linear_model import LogisticRegression

    # The solution lies in the span of the rows, where the penalty is the same: with fewer images
    # than features it is found there, exactly and in a fraction of the time.
    basis = None
    if x.shape[1] > len(x):
        basis = np.linalg.svd(x, full_matrices=False)[2].T  # (D, N)
        x = x @ basis
    model = LogisticRegression(warm_start=True, tol=1e-3, max_iter=1000)
    for strength in strengths:
        model.set_params(C=strength).fit(x, labels)
        found = LogisticRegression(C=strength)
        found.classes_ = model.classes_
        found.intercept_ = model.intercept_.copy()
        found.coef_ = model.coef_.copy() if basis is None else model.coef_ @ basis.T
        yield found


def folds(people, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit on and rows to read, in folds over people; fewer where there are fewer people.

    Raises:
        ValueError: a single person.
    """
    names, code = np.unique(people, return_inverse=True)
    if len(names) < 2:
        raise ValueError("reading across people needs two people at least")
    order = np.random.default_rng(seed).permutation(len(names))
    part = np.empty(len(names), int)
    part[order] = np.arange(len(names)) % min(count, len(names))
    of_row = part[code]
    return [
        (np.flatnonzero(of_row != i), np.flatnonzero(of_row == i)) for i in range(part.max() + 1)
    ]
