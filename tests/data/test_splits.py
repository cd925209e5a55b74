"""Who is drawn: people written down once, so that nothing can change the draw unnoticed."""

import numpy as np
import pytest

from fermodels.data.splits import StableShuffle, deal, stratified_order
from fermodels.evaluation import label_fraction
from tests.data.test_prepared import faces

# Computed by the first release, in which `split` and `label_fraction` each shuffled on their own.
SPLITS = {
    0: {
        "train": "000 001 002 003 004 006 007 008 011 013 015 017 018 019 020 021 023 024 025 028 "
        "029",
        "val": "010 012 022 027",
        "test": "005 009 014 016 026",
    },
    5: {
        "train": "002 003 004 005 006 007 008 011 012 015 016 017 018 019 020 021 023 024 025 026 "
        "029",
        "val": "000 010 022 028",
        "test": "001 009 013 014 027",
    },
}
BUDGETS = {
    (0, 0.1): "010 017 027",
    (0, 0.3): "002 004 007 010 017 019 022 026 027",
    (5, 0.1): "009 015 028",
    (5, 0.3): "001 003 009 012 015 020 023 027 028",
}


def people(prepared, rows):
    return " ".join(name[1:] for name in prepared.table["subject"].iloc[rows])


@pytest.fixture(scope="module")
def thirty():
    """Two genders and six people of whom it is not known."""
    return faces(30, gender=["f"] * 13 + ["m"] * 11 + [None] * 6)


@pytest.mark.parametrize("seed", SPLITS)
def test_split_draws_the_same_people_as_ever(thirty, seed):
    parts = thirty.split(seed=seed)
    assert {name: people(thirty, rows) for name, rows in parts.items()} == SPLITS[seed]


@pytest.mark.parametrize(("seed", "fraction"), BUDGETS)
def test_label_fraction_draws_the_same_people_as_ever(thirty, seed, fraction):
    rows = label_fraction(thirty, None, fraction, seed)
    assert people(thirty, rows) == BUDGETS[seed, fraction]


def test_without_gender_as_well():
    p = faces(12)
    parts = p.split(seed=3)
    assert {name: people(p, rows) for name, rows in parts.items()} == {
        "train": "000 001 004 005 006 007 009 010",
        "val": "003 011",
        "test": "002 008",
    }
    assert people(p, label_fraction(p, np.arange(2, 12), 0.5, 3)) == "002 003 004 008 011"


@pytest.mark.parametrize("kind", ["stable", "generator"])
def test_every_prefix_has_the_proportions(kind):
    strata = np.array(["a"] * 40 + ["b"] * 20)
    shuffle = StableShuffle(60, 1) if kind == "stable" else np.random.default_rng(1)
    order = stratified_order(strata, shuffle)
    assert sorted(order) == list(range(60)) and list(order) != list(range(60))
    for count in range(1, 61):
        share = (strata[order[:count]] == "a").sum()
        assert abs(share - count * 2 / 3) <= 1


def test_deal_gives_ties_to_the_later_part():
    parts = deal(np.arange(5), {"train": 0.4, "val": 0.3, "test": 0.3})
    assert [len(part) for part in parts.values()] == [2, 1, 2]
    assert np.concatenate(list(parts.values())).tolist() == list(range(5))


def test_deal_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="too few for the 2 parts a, b"):
        deal(np.arange(1), {"a": 0.5, "b": 0.5})
    with pytest.raises(ValueError, match="add up to 1"):
        deal(np.arange(9), {"a": 0.5, "b": 0.6})
