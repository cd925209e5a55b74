"""Is a classifier as sure as it should be? Reliability, calibration error, temperature scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def reliability(sure, hit, bins: int = 10) -> pd.DataFrame:
    """How often answers are right, by how sure they were.

    Args:
        sure: (N,) probabilities of the answers, in [0, 1].
        hit: (N,) whether each was right.
        bins: of equal width; a probability of 1 belongs to the last one.

    Returns:
        A row for each bin that has an answer, with the mean `probability`, the `accuracy` and the
        number of `answers`; the index is the bin's number.

    Raises:
        ValueError: shapes that differ, no answer, probabilities outside [0, 1], or no bin.
    """
    import pandas as pd

    sure, hit = _checked(sure, hit, bins)
    grouped = pd.DataFrame({"probability": sure, "accuracy": hit}).groupby(_bins(sure, bins))
    return grouped.mean().assign(answers=grouped.size()).rename_axis("bin")


def calibration_error(sure, hit, bins: int = 10) -> float:
    """Expected calibration error, in [0, 1]: the bins' mean ``abs(accuracy - probability)``.

    Bins count by their answers (Guo et al., ICML 2017, arXiv 1706.04599, equation 3). It is above 0
    for a calibrated classifier, too: see `calibration_error_by_luck`. Arguments and errors as in
    `reliability`.
    """
    sure, hit = _checked(sure, hit, bins)
    gaps = np.bincount(_bins(sure, bins), hit - sure)
    return float(np.abs(gaps).sum() / len(sure))


def calibration_error_by_luck(sure, bins: int = 10, times: int = 200, seed: int = 0) -> float:
    """The expected calibration error of a classifier that is calibrated and as sure as this one.

    Whether an answer is right is drawn from its own probability (Bröcker & Smith, Weather and
    Forecasting 2007), independently of all others. Where answers hang together, as those about one
    person do, luck does more than this.

    Args:
        sure, bins: see `reliability`.
        times: how often all answers are drawn.

    Raises:
        ValueError: as `reliability`.
    """
    sure, _ = _checked(sure, np.zeros(np.shape(sure)), bins)
    rng = np.random.default_rng(seed)
    draws = (rng.random(len(sure)) < sure for _ in range(times))
    return float(np.mean([calibration_error(sure, hit, bins) for hit in draws]))


def tempered(probabilities, temperature: float) -> np.ndarray:
    """Probabilities (N, classes) after dividing all logits by one number above 0.

    Raises:
        ValueError: the temperature is not above 0.
    """
    if temperature <= 0:
        raise ValueError(f"the temperature is {temperature}; it must be above 0")
    logits = np.log(np.clip(probabilities, 1e-12, 1)) / temperature
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def fit_temperature(probabilities, labels) -> float:
    """The temperature between 0.05 and 20 at which the labels are most probable.

    Temperature scaling (Guo et al. 2017): fit it on people of whom nothing was trained.

    Args:
        probabilities: (N, classes).
        labels: (N,) class numbers.

    Raises:
        ValueError: shapes that do not fit, or no image.
    """
    from scipy.optimize import minimize_scalar

    probabilities, labels = np.asarray(probabilities, dtype=float), np.asarray(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise ValueError(f"probabilities {probabilities.shape} do not fit labels {labels.shape}")

    def loss(log_temperature: float) -> float:
        found = tempered(probabilities, np.exp(log_temperature))
        return -np.log(np.clip(found[np.arange(len(labels)), labels], 1e-12, 1)).mean()

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def _bins(sure: np.ndarray, bins: int) -> np.ndarray:
    return np.minimum((sure * bins).astype(int), bins - 1)


def _checked(sure, hit, bins: int) -> tuple[np.ndarray, np.ndarray]:
    sure, hit = np.asarray(sure, dtype=float), np.asarray(hit, dtype=float)
    if sure.ndim != 1 or sure.shape != hit.shape or len(sure) == 0:
        raise ValueError(f"sure {sure.shape} and hit {hit.shape} must be (N,) and not empty")
    if not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError("probabilities must be in [0, 1]")
    if bins < 1:
        raise ValueError(f"there must be at least one bin, not {bins}")
    return sure, hit
