import math

import numpy as np
import pytest

from fermodels import evaluation


def slow_distance(a, b):
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))


def slow_alignment(x, pairs):
    n = len(x)
    return np.mean(
        [slow_distance(x[i], x[j]) for i in range(n) for j in range(n) if i != j and pairs[i][j]]
    )


def slow_uniformity(x):
    total, count = 0.0, 0
    for i in range(len(x)):
        for j in range(i):
            total += math.exp(-2 * slow_distance(x[i], x[j]))
            count += 1
    return math.log(total / count)


@pytest.mark.parametrize("seed", range(3))
def test_equal_loops(seed):
    rng = np.random.default_rng(seed)
    x, group = rng.normal(size=(17, 5)) + 1, rng.integers(0, 4, 17)
    for pairs in (group[:, None] == group, rng.random((17, 17)) < 0.3):
        assert evaluation.alignment(x, pairs) == pytest.approx(slow_alignment(x, pairs))
    assert evaluation.uniformity(x) == pytest.approx(slow_uniformity(x))
    scaled = x * rng.uniform(0.1, 10, (17, 1))
    assert evaluation.uniformity(scaled) == pytest.approx(evaluation.uniformity(x))


def test_the_ends_of_both_scales():
    all_pairs = np.ones((4, 4))
    together = np.tile([1.0, 2.0, 3.0], (4, 1))
    assert evaluation.alignment(together, all_pairs) == pytest.approx(0, abs=1e-12)
    assert evaluation.uniformity(together) == pytest.approx(0, abs=1e-12)
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert evaluation.alignment(opposite, [[0, 1], [1, 0]]) == pytest.approx(4)
    assert evaluation.uniformity(opposite) == pytest.approx(-8)
    assert evaluation.uniformity(np.eye(50)) == pytest.approx(-4)  # each pair at a right angle
    spread = np.random.default_rng(0).normal(size=(400, 256))
    assert evaluation.uniformity(spread) == pytest.approx(-4, abs=0.05)


@pytest.mark.parametrize(
    "x, pairs, message",
    [
        (np.eye(3), np.ones((2, 2)), r"\(2, 2\); expected \(3, 3\)"),
        (np.eye(3), np.eye(3), "no pair"),
        (np.zeros((3, 2)), np.ones((3, 3)), r"no direction \(first: \[0, 1, 2\]"),
        ([[1.0, np.nan], [1.0, 0.0]], np.ones((2, 2)), "NaN or infinity"),
    ],
)
def test_what_cannot_be_measured(x, pairs, message):
    with pytest.raises(ValueError, match=message):
        evaluation.alignment(x, pairs)


def test_one_image_is_not_spread():
    with pytest.raises(ValueError, match="at least two"):
        evaluation.uniformity([[1.0, 0.0]])
