"""What notebooks 03, 04 and 13 say of stored results, in words, is what the results say."""

import json

import numpy as np
import pandas as pd
import pytest

from fermodels import evaluation
from studies import image_report
from studies.image_report import OURS, SCRATCH, SHIPPED
from studies.image_study import INSIDE, PROBE
from studies.pretrain import RESULTS
from studies.search import GAIN, chosen


@pytest.fixture(scope="module")
def answers():
    return pd.read_parquet(RESULTS / "studied.parquet")


@pytest.fixture(scope="module")
def of_children():
    return pd.read_parquet(RESULTS / "ddcf" / "studied.parquet")


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
    """Each person's gain at ±90° beyond that over all views, over people."""

    def gains(fraction, profiles):
        return image_report.gain_by_person(answers, SHIPPED, SCRATCH, fraction, profiles)

    for fraction, more in ((0.05, True), (0.2, False), (1.0, False)):
        beyond = gains(fraction, profiles=True) - gains(fraction, profiles=False)
        mean, low, _ = evaluation.bootstrap_mean(beyond.to_numpy())
        assert low > 0 if more else abs(mean) < 1


def test_on_children_no_gain_is_clear_and_two_of_them_bring_most_of_it(of_children):
    """Notebook 04, section 5, and the end of 03."""
    few, every = (image_report.gain(of_children, SHIPPED, SCRATCH, f) for f in (0.2, 1.0))
    assert few.mean > 0 and not few.clear and not every.clear
    each = image_report.gain_by_person(of_children, SHIPPED, SCRATCH, 0.2).sort_values()
    assert len(each) == 14
    assert each.iloc[-2:].sum() > each.sum() / 2


def test_pretrained_on_the_children_alone_nobody_gains_and_simclr_loses_most(of_children):
    """Notebook 04, section 5."""
    for fraction in (0.2, 1.0):
        ours, simclr = (
            image_report.gain(of_children, name, SCRATCH, fraction) for name in (OURS, "SimCLR")
        )
        assert simclr.mean < ours.mean < 0 and simclr.clear
        assert ours.clear == (fraction == 0.2)


def test_the_shipped_encoder_saw_as_many_people_as_is_told():
    """Notebooks 02, 04 and 12."""
    assert json.loads((RESULTS / "pretrain_clmex.json").read_text())["people"] == 2100


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
    assert gained[SCRATCH] > 0.2 > 0.035 > gained[SHIPPED]


@pytest.mark.parametrize(("fraction", "images"), [(0.2, 0), (1.0, 7)])
def test_the_baseline_rises_until_8000_steps(tried, fraction, images):
    own = tried[(tried["method"] == SCRATCH) & (tried["fraction"] == fraction)]
    found = own[(own["learning_rate"] == 1e-2) & (own["augment"] == "mild")]
    found = found.set_index("steps")["accuracy"]
    assert found[8000] >= found[4000] + GAIN
    assert chosen(own).steps == 8000
    assert max(0, round(700 * (found[16_000] - found[8000]))) == images


@pytest.mark.parametrize("method", [SCRATCH, "SimCLR", "CL-MEx"])
def test_long_trainings_gain_most_with_other_settings(tried, method):
    long = tried[(tried["method"] == method) & (tried["fraction"] == 1) & (tried["steps"] >= 4000)]
    first = (long["learning_rate"] == 3e-3) & (long["augment"] == "mild")
    assert long.loc[~first, "accuracy"].max() >= long.loc[first, "accuracy"].max() + GAIN


def test_adamw_ends_lower(tried):
    adamw = pd.read_csv(RESULTS / "hardness.csv")["all"].max()
    scratch = tried[(tried["method"] == SCRATCH) & (tried["fraction"] == 1)]["accuracy"]
    assert adamw < scratch.max() - 0.03


def test_intervals_overlap_and_the_difference_is_clear_to_both_tests(answers):
    """Notebook 13: the probe against from scratch, one seed, all labels."""
    part = answers[(answers["faces"] == INSIDE) & (answers["fraction"] == 1)]
    part = part[part["draw"] == 0].assign(hit=lambda t: t["shown"] == t["predicted"])
    two = part.pivot(index=["subject", "index"], columns="method", values="hit")
    probe, scratch = two[SHIPPED + PROBE], two[SCRATCH]
    each = [100 * hits.groupby("subject").mean().to_numpy() for hits in (probe, scratch)]
    of_probe, of_scratch = (evaluation.bootstrap_mean(values) for values in each)
    assert of_probe[2] > of_scratch[1], "the intervals overlap"
    gap = each[0] - each[1]
    assert evaluation.bootstrap_mean(gap)[2] < 0
    over_people = evaluation.sign_flip_test(gap)
    of_images = evaluation.mcnemar_test(
        int((probe & ~scratch).sum()), int((~probe & scratch).sum())
    )
    assert of_images < over_people / 100 < 0.05 / 100


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
