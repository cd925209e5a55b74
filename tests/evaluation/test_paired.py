import itertools

import numpy as np
import pytest

from fermodels import evaluation


def test_bootstrap_draws_people():
    values = np.random.default_rng(0).normal(3, 2, (12, 4))
    mean, low, high = evaluation.bootstrap_mean(values, times=100_000)
    rng = np.random.default_rng(1)
    slow = np.array([values[rng.integers(0, 12, 12)].mean(axis=0) for _ in range(100_000)])
    ends = np.quantile(slow, evaluation.interval_quantiles(12), axis=0)
    np.testing.assert_allclose(mean, values.mean(axis=0))
    np.testing.assert_allclose([low, high], ends, atol=0.05)
    alone = evaluation.bootstrap_mean(values[:, 0], times=20_000)
    assert alone[1] == pytest.approx(low[0], abs=0.05)
    alone = evaluation.bootstrap_mean([[1.0, 2.0]])
    assert alone[0].tolist() == [1, 2] and np.isnan(alone[1:]).all()


DRAWN = {
    "normal": lambda rng, shape: rng.normal(0, 1, shape),
    "skewed": lambda rng, shape: rng.gamma(4, 1, shape) - 4,
    "hits": lambda rng, shape: rng.binomial(35, 0.8, shape) / 35 - 0.8,
}


@pytest.mark.parametrize("people", [10, 12, 24])
@pytest.mark.parametrize("name", DRAWN)
def test_intervals_hold_the_truth_as_often_as_they_say(name, people):
    values = DRAWN[name](np.random.default_rng(people), (people, 1500))
    held = {}
    for level in (0.8, 0.95):
        _, low, high = evaluation.bootstrap_mean(values, times=1000, level=level)
        held[level] = ((low <= 0) & (high >= 0)).mean()
    assert held[0.8] == pytest.approx(0.8, abs=0.03)
    assert held[0.95] == pytest.approx(0.95, abs=0.02)


def test_quantiles_of_few_people_lie_further_out():
    low, high = evaluation.interval_quantiles(12)
    assert low == pytest.approx(0.0108, abs=2e-4) and low + high == pytest.approx(1)
    wide = [evaluation.interval_quantiles(n)[0] for n in (2, 5, 12, 100, 10_000)]
    assert wide == sorted(wide) and wide[-1] == pytest.approx(0.025, abs=1e-4)
    for people, level in ((1, 0.95), (12, 0), (12, 1)):
        with pytest.raises(ValueError, match="2 people or more"):
            evaluation.interval_quantiles(people, level)


@pytest.mark.parametrize("people", [1, 4, 7])
def test_sign_flips_go_through_all_ways(people):
    x = np.random.default_rng(people).normal(1, 1, people)
    ways = list(itertools.product([-1, 1], repeat=people))
    slow = np.mean([abs(np.dot(w, x)) >= abs(x.sum()) - 1e-9 for w in ways])
    assert evaluation.sign_flip_test(x) == pytest.approx(slow)


def test_drawn_signs_are_close_to_all_of_them():
    x = np.random.default_rng(0).normal(0.4, 1, 13)
    ways = 1 - 2 * (np.arange(2**13)[:, None] >> np.arange(13) & 1)
    slow = (np.abs(ways @ x) >= abs(x.sum()) - 1e-9).mean()
    assert evaluation.sign_flip_test(x) == pytest.approx(slow, abs=0.02)
    assert evaluation.sign_flip_test(np.zeros(5)) == 1


def test_sign_flips_keep_their_promise():
    rng = np.random.default_rng(0)
    p = np.array([evaluation.sign_flip_test(rng.normal(0, 1, 9)) for _ in range(600)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.03)


def test_mcnemar():
    assert evaluation.mcnemar_test(0, 0) == 1
    assert evaluation.mcnemar_test(0, 6) == pytest.approx(2 / 2**6)
    assert evaluation.mcnemar_test(5, 15) == evaluation.mcnemar_test(15, 5) < 0.05


def test_holm_by_hand():
    np.testing.assert_allclose(evaluation.holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(evaluation.holm([0.5, 0.9]), [1, 1])
    assert len(evaluation.holm([])) == 0


def test_refuses():
    for values in ([], [1.0, np.nan]):
        with pytest.raises(ValueError, match="without NaN"):
            evaluation.bootstrap_mean(values)
        with pytest.raises(ValueError, match="without NaN"):
            evaluation.sign_flip_test(values)
    with pytest.raises(ValueError, match=r"\(P,\)"):
        evaluation.sign_flip_test(np.ones((3, 2)))
    with pytest.raises(ValueError, match="numbers of answers"):
        evaluation.mcnemar_test(-1, 2)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        evaluation.holm([1.5])
