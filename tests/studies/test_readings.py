"""What is read from features, by hand: never from the person who is asked about."""

import numpy as np
import pytest

from fermodels import evaluation
from studies import readings


def blobs(people=12, each=7, dim=20, noise=0.5, seed=0):
    """Features around one place for each of three labels, moved by a place for each person."""
    rng = np.random.default_rng(seed)
    places, movement = rng.normal(size=(3, dim)), rng.normal(size=(people, dim))
    person = np.repeat(np.arange(people), each)
    label = rng.integers(0, 3, len(person))
    x = places[label] + 0.3 * movement[person] + noise * rng.normal(size=(len(person), dim))
    return x, np.array(["a", "b", "c"])[label], person


def test_rows_are_standardised_before_they_get_length_one():
    x = np.array([[1.0, 50.0, 7.0], [3.0, 10.0, 7.0], [2.0, 30.0, 7.0]])
    unit = readings.unit_rows(x)
    assert np.allclose(unit, [[-(0.5**0.5), 0.5**0.5, 0], [0.5**0.5, -(0.5**0.5), 0], [0, 0, 0]])
    plain = readings.unit_rows(x, standardise=False)
    assert np.allclose(plain[0], x[0] / np.sqrt(1 + 2500 + 49))


def test_hits_are_those_of_retrieval(tiny_prepared):
    table = tiny_prepared.table
    x = np.random.default_rng(0).normal(size=(len(table), 5))
    x[100:200] = x[100]  # many that tie
    view = table["view"].to_numpy()
    queries, gallery = np.flatnonzero(view == "half_left"), np.flatnonzero(view == "straight")
    hits = readings.retrieval_hits(x, table["instance"], queries, gallery)
    assert len(hits) == len(queries)
    assert hits.mean() == pytest.approx(evaluation.retrieval(x, table, "half_left"))


def test_neighbours_are_of_other_people():
    # Of each person two images, one on top of the other, with a label that only they have.
    x = np.array([[1, 0.1], [1, 0.1], [1, -0.1], [1, -0.1], [-1, 0], [-1, 0.0]])
    people = np.array([0, 0, 1, 1, 2, 2])
    labels = np.array(["a", "a", "b", "b", "c", "c"])
    read = readings.by_neighbours(x, labels, people, k=2)
    assert read[:4].tolist() == ["b", "b", "a", "a"]
    assert readings.by_neighbours(x, labels, people, 2, queries=[3]).tolist() == ["a"]
    with pytest.raises(ValueError, match="fewer than 5 images of other people"):
        readings.by_neighbours(x, labels, people, k=5)


def test_of_labels_that_tie_the_nearer_one_is_read():
    angles = np.deg2rad([0, 10, 20, 5, 90, 100, 120, 140])
    x = np.stack([np.cos(angles), np.sin(angles)], 1)
    x = np.concatenate([x, -x])  # so that standardising changes no direction much
    labels = np.array(["?", "far", "far", "near", *"xxxx"] + ["x"] * 8)
    read = readings.by_neighbours(x, labels, np.arange(16), k=4, queries=[0])
    # The four nearest: near (5°), far (10° and 20°) and x. Two votes win over the nearest one.
    assert read.tolist() == ["far"]
    assert readings.by_neighbours(x, labels, np.arange(16), k=2, queries=[0]).tolist() == ["near"]


def test_folds_keep_people_together():
    people = np.array(list("abcdefgabcdefgabc"))
    found = readings.folds(people, 5, seed=0)
    assert len(found) == 5
    for train, test in found:
        assert not set(people[train]) & set(people[test]) and len(train) + len(test) == 17
    assert sorted(np.concatenate([test for _, test in found])) == list(range(17))
    assert len(readings.folds(np.array(list("aab")), 5, seed=0)) == 2
    with pytest.raises(ValueError, match="two people"):
        readings.folds(np.array(["a", "a"]), 5, seed=0)


@pytest.mark.parametrize("dim", [20, 300], ids=["more images", "more features"])
def test_the_probe_is_the_solution_of_its_penalty(dim):
    from sklearn.linear_model import LogisticRegression

    x, y, people = blobs(dim=dim, noise=2.0)
    probe = readings.fit_probe(x, y, people)
    strength = probe[-1].C
    assert strength in readings.STRENGTHS
    scaled = (x - x.mean(0)) / x.std(0)
    direct = LogisticRegression(C=strength, tol=1e-6, max_iter=1000).fit(scaled, y)
    asked = np.random.default_rng(1).normal(size=(50, dim))
    expected = direct.predict_proba((asked - x.mean(0)) / x.std(0))
    assert np.allclose(probe.predict_proba(asked), expected, atol=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_the_penalty_is_the_one_that_reads_other_people_best(seed):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from fermodels.evaluation.scores import balanced_accuracy

    x, y, people = blobs(people=20, dim=60, noise=3.0, seed=seed)
    hits = []
    for strength in readings.STRENGTHS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, tol=1e-5))
        hits.append(
            sum(
                balanced_accuracy(y[b], model.fit(x[a], y[a]).predict(x[b]))
                for a, b in readings.folds(people, readings.INNER_FOLDS, seed)
            )
        )
    chosen = readings.STRENGTHS.index(readings.fit_probe(x, y, people, seed)[-1].C)
    assert max(hits) - min(hits) > 0.05
    assert hits[chosen] == pytest.approx(max(hits), abs=0.03), "but for an image on the border"


def test_of_penalties_that_do_equally_well_the_strongest_is_taken():
    people = np.repeat(np.arange(20), 6)
    labels = np.random.default_rng(0).choice(["a", "b"], 120)
    chosen = readings.fit_probe(np.ones((120, 2)), labels, people)[-1].C
    assert chosen == readings.STRENGTHS[0]


def test_what_is_there_is_read_and_what_is_not_is_not():
    x, y, people = blobs()
    assert np.mean(readings.by_probe(x, y, people) == y) > 0.9
    assert np.mean(readings.by_neighbours(x, y, people, 5) == y) > 0.9
    nothing = np.random.default_rng(1).normal(size=x.shape)
    assert np.mean(readings.by_probe(nothing, y, people) == y) < 0.55
