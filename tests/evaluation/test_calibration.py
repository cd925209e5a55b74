import numpy as np
import pytest

from fermodels import evaluation


def slow_error(sure, hit, bins):
    total = 0.0
    for b in range(bins):
        last = b == bins - 1
        inside = [i for i, p in enumerate(sure) if b <= p * bins and (p * bins < b + 1 or last)]
        if inside:
            accuracy = sum(hit[i] for i in inside) / len(inside)
            probability = sum(sure[i] for i in inside) / len(inside)
            total += len(inside) / len(sure) * abs(accuracy - probability)
    return total


@pytest.mark.parametrize("bins", [1, 3, 10, 100])
def test_error_equals_a_loop(bins):
    rng = np.random.default_rng(bins)
    sure = np.concatenate([rng.uniform(0.2, 1, 60), [1.0, 0.0, 0.3]])
    hit = rng.random(63) < 0.7
    expected = slow_error(sure, hit, bins)
    assert evaluation.calibration_error(sure, hit, bins) == pytest.approx(expected)
    table = evaluation.reliability(sure, hit, bins)
    gap = (table["accuracy"] - table["probability"]).abs()
    assert (gap * table["answers"]).sum() / 63 == pytest.approx(expected)
    assert table["answers"].sum() == 63


def test_luck_is_what_calibrated_answers_have():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.3, 1, 400)
    by_luck = evaluation.calibration_error_by_luck(sure, times=400)
    mine = [evaluation.calibration_error(sure, rng.random(400) < sure) for _ in range(400)]
    assert by_luck == pytest.approx(np.mean(mine), rel=0.05)
    assert evaluation.calibration_error_by_luck(sure, bins=100) > by_luck
    assert evaluation.calibration_error_by_luck(np.ones(9)) == 0


def test_temperature_is_found_again_and_changes_no_answer():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 5))
    honest = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(5, p=p) for p in honest])
    sharp = evaluation.tempered(honest, 0.5)  # twice the logits
    assert evaluation.fit_temperature(sharp, labels) == pytest.approx(2, rel=0.05)
    assert evaluation.fit_temperature(honest, labels) == pytest.approx(1, rel=0.05)
    np.testing.assert_allclose(evaluation.tempered(sharp, 2), honest, rtol=1e-6)
    np.testing.assert_array_equal(sharp.argmax(1), honest.argmax(1))


@pytest.mark.parametrize(
    "sure, hit, bins, message",
    [
        ([0.5], [1, 0], 10, "not empty"),
        ([], [], 10, "not empty"),
        ([1.2], [1], 10, r"\[0, 1\]"),
        ([np.nan], [1], 10, r"\[0, 1\]"),
        ([0.5], [1], 0, "at least one bin"),
    ],
)
def test_refuses(sure, hit, bins, message):
    with pytest.raises(ValueError, match=message):
        evaluation.reliability(sure, hit, bins)
    with pytest.raises(ValueError, match=message):
        evaluation.calibration_error(sure, hit, bins)


def test_refuses_temperatures():
    with pytest.raises(ValueError, match="above 0"):
        evaluation.tempered([[0.5, 0.5]], 0)
    with pytest.raises(ValueError, match="do not fit"):
        evaluation.fit_temperature([[0.5, 0.5]], [0, 1])
