"""Intervals over people: paired, by person, and as wide as they should be."""

import numpy as np
import pytest

from studies.people import Difference, difference_over_people


def test_a_difference_is_the_mean_over_items_and_lies_in_its_interval():
    people = np.repeat(["a", "b", "c", "d"], [1, 2, 3, 4])
    ours = np.array([1, 1, 0, 1, 1, 1, 0, 1, 1, 0])
    theirs = np.array([0, 1, 0, 1, 0, 1, 0, 0, 1, 0])
    found = difference_over_people(ours, theirs, people)
    assert found.mean == pytest.approx(0.3)
    assert found.low <= found.mean <= found.high
    back = difference_over_people(theirs, ours, people)
    assert back == pytest.approx((-found.mean, -found.high, -found.low))


def test_what_is_hard_about_a_person_cancels_out():
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 20)
    hard = np.repeat(rng.uniform(-3, 3, 40), 20)
    found = difference_over_people(hard + 0.1, hard, people)
    assert found == pytest.approx((0.1, 0.1, 0.1)) and found.clear


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(1), 0
    people = np.repeat(np.arange(30), 5)
    for _ in range(200):
        effect = np.repeat(rng.normal(0.5, 1.0, 30), 5)
        found = difference_over_people(effect + rng.normal(size=150), np.zeros(150), people)
        covered += found.low <= 0.5 <= found.high
    assert 0.91 <= covered / 200 <= 0.99


def test_clear_is_an_interval_without_zero():
    assert Difference(0.2, 0.1, 0.3).clear and Difference(-0.2, -0.3, -0.1).clear
    assert not Difference(0.2, -0.1, 0.5).clear
    for rounding in (0.0, 2e-16, -2e-16):  # gains of people that add up to zero
        assert not Difference(0.2, rounding, 0.5).clear
        assert not Difference(-0.2, -0.5, rounding).clear
    alone = difference_over_people([1, 1], [0, 0], ["a", "a"])
    assert alone.mean == 1 and np.isnan(alone.low) and not alone.clear


def test_values_of_other_items_are_refused():
    with pytest.raises(ValueError, match="one length"):
        difference_over_people([1, 0], [1], ["a", "b"])
    with pytest.raises(ValueError, match="at least 1"):
        difference_over_people([], [], [])
