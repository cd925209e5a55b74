"""Differences on the same people: intervals, tests, and what many comparisons cost."""

from __future__ import annotations

import numpy as np


def bootstrap_mean(values, times: int = 4000, level: float = 0.95, seed: int = 0) -> tuple:
    """A mean over people with its bootstrap interval: the means of people drawn again, between the
    quantiles of `interval_quantiles`.

    Args:
        values: a row for each person, (P,) or (P, …). For a comparison give each person's own
            difference.

    Returns:
        mean, low, high, each of the shape of a row; low and high are NaN for a single person.

    Raises:
        ValueError: nobody, or NaN.
    """
    values = _checked(values)
    mean = values.mean(axis=0)
    if len(values) == 1:
        return mean, *np.full((2, *mean.shape), np.nan)
    rng = np.random.default_rng(seed)
    # How often each person is drawn, as weights of a mean.
    weights = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), times)
    means = np.tensordot(weights / len(values), values, axes=1)
    return mean, *np.quantile(means, interval_quantiles(len(values), level), axis=0)


def interval_quantiles(people: int, level: float = 0.95) -> tuple[float, float]:
    """Between which quantiles of a bootstrap over people its interval lies.

    The expanded percentile interval (Hesterberg, The American Statistician 2015). The plain one,
    2.5 % to 97.5 %, is too narrow for few people: with a dozen it misses the true mean about twice
    as often as it says. So the quantiles move outwards, to Φ(−√(n / (n − 1)) · t), as far as
    Student's t lies outside of the normal distribution, and more since drawing with replacement
    loses 1 / n of the variance: 12 people get 1.1 % to 98.9 %. Of fewer
    than ten the interval stays a little too narrow.

    Raises:
        ValueError: fewer than two people, or a level that is not between 0 and 1.
    """
    from scipy.stats import norm, t

    if people < 2 or not 0 < level < 1:
        raise ValueError(
            f"an interval takes 2 people or more and a level in (0, 1), got {people} and {level}"
        )
    reach = np.sqrt(people / (people - 1)) * t.ppf((1 + level) / 2, people - 1)
    low = float(norm.cdf(-reach))
    return low, 1 - low


def sign_flip_test(differences, times: int = 20_000, seed: int = 0) -> float:
    """p-value, two-sided, of people's differences (P,): would random signs do as much?

    If a change does nothing, each person's difference is as likely with the other sign. With up to
    12 people all ways to set the signs are gone through, with more `times` of them are drawn.

    Raises:
        ValueError: nobody, NaN, or more than one difference a person.
    """
    differences = _checked(differences)
    if differences.ndim != 1:
        raise ValueError(f"differences must be (P,), got {differences.shape}")
    count = len(differences)
    if count <= 12:
        signs = 1 - 2 * (np.arange(2**count)[:, None] >> np.arange(count) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1, 1], (times, count))
    reached = np.abs(signs @ differences) >= abs(differences.sum()) - 1e-9
    return float(reached.mean())


def mcnemar_test(b: int, c: int) -> float:
    """p-value, two-sided and exact, of McNemar's test: b against c answers that differ.

    It takes every answer for a witness of its own. Where many are about one person, it is too sure.

    Args:
        b, c: how many answers only the first, and only the second classifier gets right.

    Raises:
        ValueError: a number below 0.
    """
    from scipy.stats import binomtest

    if b < 0 or c < 0:
        raise ValueError(f"b and c are numbers of answers, not {b} and {c}")
    return float(binomtest(b, b + c).pvalue) if b + c else 1.0


def holm(p) -> np.ndarray:
    """p-values (K,) after Holm's correction for K comparisons (Scand. J. Statist. 1979).

    Raises:
        ValueError: they are not in [0, 1].
    """
    p = np.asarray(p, dtype=float)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values must be (K,), in [0, 1]")
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(
        np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1), axis=0), 1
    )
    return adjusted


def _checked(values) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim == 0 or len(values) == 0 or np.isnan(values).any():
        raise ValueError("one value for each person is needed, without NaN")
    return values
