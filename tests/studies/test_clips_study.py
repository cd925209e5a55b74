"""The study of clips: folds, settings by one rule, what its tables say."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lightning")

from studies import clips_report, clips_search, clips_study
from studies.clips_methods import (
    Method,
    baselines,
    cluster_scores,
    folds,
    methods,
    pretrained,
    with_text_of,
)
from studies.people import Difference, in_words, interval
from tests.fixtures.clips import make_clips, make_features


@pytest.fixture(scope="module")
def clips():
    return make_clips(speakers=20, takes=1)


@pytest.fixture(scope="module")
def features(clips):
    return make_features(clips)


def test_everybody_is_a_test_speaker_once(clips):
    subjects = clips.table["subject"].to_numpy()
    found = folds(clips)
    assert sorted(np.concatenate([fold["test"] for fold in found])) == list(range(len(clips)))
    for fold in found:
        assert not {*subjects[fold["train"]]} & {*subjects[fold["test"]]}
        assert len(fold["train"]) + len(fold["test"]) == len(clips)
    # Settings are chosen on other speakers than the first fold's.
    split = clips.split("subject", seed=0)
    assert np.array_equal(found[0]["test"], split["test"])


def test_methods_have_names_and_families_of_their_own():
    names = [method.name for method in methods()]
    assert len(names) == len(set(names))
    assert baselines() == ["logistic regression", "from scratch", "SimCLR, video"]
    assert {m.family for m in methods()} == {"logistic regression", *clips_search.FAMILIES}
    budgets = {len(trials) for _, trials in clips_search.FAMILIES.values()}
    assert len(budgets) == 1  # the same search for all


def test_the_text_is_fitted_on_the_rows_that_are_given(clips, features):
    rows = np.arange(70)
    found = with_text_of(features, clips, rows)
    assert found.clips == features.clips and found.fingerprint == features.fingerprint
    assert found.features["video"] is not None
    assert (found.features["audio"] == features.features["audio"]).all()
    other = with_text_of(features, clips, np.flatnonzero(clips.labels < 3))
    assert found.backbones["text"] != other.backbones["text"]


def test_settings_are_those_of_the_best_trial(tmp_path):
    table = pd.DataFrame(
        [
            {"family": "a", "fraction": 1.0, "accuracy": 0.5, "learning_rate": 1e-3, "steps": 200},
            {"family": "a", "fraction": 1.0, "accuracy": 0.7, "learning_rate": 3e-3, "steps": 600},
            {"family": "a", "fraction": 0.1, "accuracy": 0.4, "learning_rate": 1e-3, "steps": 200},
            {"family": "b", "fraction": 0.1, "accuracy": 0.4, "learning_rate": 2e-3},
        ]
    )
    table.to_csv(tmp_path / "settings.csv", index=False)
    assert clips_search.chosen_settings(tmp_path) == {
        "a": {
            "1": {"learning_rate": 3e-3, "steps": 600},
            "0.1": {"learning_rate": 1e-3, "steps": 200},
        },
        "b": {"0.1": {"learning_rate": 2e-3}},
    }


def test_logistic_regression_on_raw_features(clips, features):
    split = clips.split("subject", seed=0)
    predict = clips_search.fit_regression(features, clips, split["train"], ("video", "text"))
    found, _ = predict(features, split["test"])
    assert found.shape == split["test"].shape
    assert np.mean(found == clips.labels[split["test"]]) > 0.5  # a guess has 1/7


def test_clusters_are_scored_beside_shuffled_labels(clips, features):
    method = Method("clusters", ("contrastive", "clustering"))
    _, learner = pretrained(
        clips, features, np.arange(70), method, seed=0, epochs=2, warmup_epochs=0
    )
    found = cluster_scores(learner, clips, features, np.arange(70, 140))
    assert 1 <= found["clusters in use"] <= 7
    assert 0 <= found["NMI emotion, shuffled"] < 1 and 0 <= found["NMI emotion"] <= 1
    assert pretrained(clips, features, np.arange(70), Method("none"), seed=0) == (None, None)


def test_one_prediction_each_becomes_shares_and_differences(clips):
    rows = []
    for method in ("ConCluGen", "other"):
        for seed in (0, 1):
            right = (
                np.ones(len(clips), bool) if method == "ConCluGen" else np.arange(140) % 2 == seed
            )
            for index in range(len(clips)):
                label = clips.labels[index]
                predicted = label if right[index] else (label + 1) % 7
                rows.append((method, 0.1, 0, seed, index, predicted))
    columns = ["method", "fraction", "fold", "seed", "index", "predicted"]
    hits = clips_report.hits_by_clip(pd.DataFrame(rows, columns=columns), clips)
    assert hits.shape == (140, 2) and (hits["other", 0.1] == 0.5).all()
    assert clips_report.gain(hits, "other", 0.1) == pytest.approx((50.0, 50.0, 50.0))


def test_words_say_what_is_clear():
    clear, unclear = Difference(2.0, 0.5, 3.5), Difference(1.0, -0.5, 2.5)
    assert interval(clear) == "**+2.0** (+0.5 to +3.5)"
    assert interval(unclear) == "+1.0 (-0.5 to +2.5)"
    assert in_words(clear) == "clearly better"
    assert in_words(unclear) == "neither clearly better nor worse"
    assert in_words(Difference(-2.0, -3.0, -1.0)) == "clearly worse"


def test_scores_have_a_row_for_each_classifier(clips):
    rows = [
        (name, 1.0, fold, 0, index, clips.labels[index])
        for name in ("ConCluGen", "from scratch")
        for fold, parts in enumerate(folds(clips))
        for index in parts["test"]
    ]
    columns = ["method", "fraction", "fold", "seed", "index", "predicted"]
    found = clips_study.score(pd.DataFrame(rows, columns=columns), clips)
    assert found["method"].tolist() == ["from scratch"] * 5 + ["ConCluGen"] * 5
    assert (found["weighted_f1"] == 1).all() and "accuracy" in found
