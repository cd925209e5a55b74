"""What notebooks 03 and 04 say of stored results, in words, is what the results say."""

import numpy as np
import pandas as pd
import pytest

from studies import image_report
from studies.image_report import SCRATCH, SHIPPED
from studies.image_study import INSIDE, PROBE
from studies.pretrain import RESULTS


@pytest.fixture(scope="module")
def answers():
    return pd.read_parquet(RESULTS / "studied.parquet")


@pytest.fixture(scope="module")
def tried():
    return pd.read_csv(RESULTS / "search.csv")


def right(answers, method, fraction, faces=INSIDE, views=None):
    part = answers[(answers["method"] == method) & np.isclose(answers["fraction"], fraction)]
    part = part[part["faces"] == faces]
    part = part if views is None else part[part["view"].isin(views)]
    return (part["shown"] == part["predicted"]).mean()


def test_pretraining_helps_with_few_labels_and_not_with_all(answers):
    few, fifth, every = (image_report.gain(answers, SHIPPED, SCRATCH, f) for f in (0.05, 0.2, 1.0))
    assert few.low > fifth.high > fifth.low > 0
    assert not every.clear


def test_profiles_gain_more_with_few_labels_only(answers):
    for fraction, more in ((0.05, True), (0.2, False), (1.0, False)):
        everywhere, profiles = (
            image_report.gain(answers, SHIPPED, SCRATCH, fraction, where) for where in (False, True)
        )
        assert (profiles.mean > everywhere.mean) == more


@pytest.mark.parametrize("fraction", [0.2, 1.0])
def test_fine_tuning_adds_most_to_the_frontal_view(answers, fraction):
    def added(*views):
        tuned, frozen = (
            right(answers, name, fraction, views=views) for name in (SHIPPED, SHIPPED + PROBE)
        )
        return tuned - frozen

    assert added("straight") > max(
        added("half_left", "half_right"), added("full_left", "full_right")
    )


def test_fine_tuning_helps_inside_and_costs_on_photographs(answers):
    assert right(answers, SHIPPED, 1.0) > right(answers, SHIPPED + PROBE, 1.0)
    assert right(answers, SHIPPED, 1.0, "london") < right(answers, SHIPPED + PROBE, 1.0, "london")


@pytest.mark.parametrize("fraction", [0.2, 1.0])
def test_longer_training_helps_the_baseline_and_hardly_the_shipped_encoder(tried, fraction):
    first = tried[(tried["learning_rate"] == 3e-3) & (tried["augment"] == "mild")]
    first = first[first["fraction"] == fraction].sort_values("steps")
    gained = {m: p["accuracy"].iloc[-1] - p["accuracy"].iloc[0] for m, p in first.groupby("method")}
    assert gained[SCRATCH] > 0.2 > 0.03 > gained[SHIPPED]


def test_adamw_ends_lower(tried):
    adamw = pd.read_csv(RESULTS / "hardness.csv")["all"].max()
    scratch = tried[(tried["method"] == SCRATCH) & (tried["fraction"] == 1)]["accuracy"]
    assert adamw < scratch.max() - 0.03


@pytest.fixture(scope="module")
def outside():
    stored = pd.read_csv(RESULTS / "outside.csv")
    return stored.set_index(["faces", "measure", "method"])


def test_beside_a_descriptor_that_learned_nothing(outside):
    def ahead(faces, measure):
        mine, hog = (outside.loc[(faces, measure, m)] for m in ("clmex-anny-views", "HOG, 96 px"))
        error = np.hypot(mine["standard_error"], hog["standard_error"])
        return (mine["value"] - hog["value"]) / error

    assert ahead("second faces", "5 neighbours, 90°") > 2
    assert ahead("London", "zero-shot, of 2") > 2
    assert ahead("London", "10 neighbours") < 2


def test_seven_choices_are_harder_than_two(outside):
    mine = outside["value"].xs("clmex-anny-views", level="method")["London"]
    assert mine["zero-shot, of 7"] < mine["zero-shot, of 2"] - 0.2
