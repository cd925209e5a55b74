"""Where labels meet: of one kind and spelling, or refused; views and classes of one's own."""

import numpy as np
import pandas as pd
import pytest

from fermodels import evaluation
from fermodels.evaluation.arrays import check_alike
from fermodels.evaluation.invariance import frontal_view
from tests.evaluation.test_evaluate import make_table, noise

NAMES = np.array(["happy", "sad"] * 10)
INDICES = np.array([0, 1] * 10)
X = np.random.default_rng(0).normal(size=(20, 3))
VIEWS = ["straight", "full_left"] * 10
MEET = {
    "per_view_accuracy": lambda y, z: evaluation.per_view_accuracy(y, z, VIEWS)["all"],
    "classification_scores": lambda y, z: evaluation.classification_scores(y, z)["accuracy"],
    "linear_probe": lambda y, z: evaluation.linear_probe(X, z, X, y).accuracy,
    "knn": lambda y, z: evaluation.knn(X, z, X, y, k=1).accuracy,
}
REFUSED = {
    "indices for names": (NAMES, INDICES, "holds (names|numbers) .*cannot be compared"),
    "names for indices": (INDICES, NAMES, "cannot be compared"),
    "floats for names": (NAMES, INDICES.astype(float), "cannot be compared"),
    "categories": (pd.Categorical(NAMES), pd.Series(INDICES, dtype="Int64"), "cannot be compared"),
    "digits for numbers": (INDICES, INDICES.astype(str), "cannot be compared"),
    "another case": (NAMES, np.char.title(NAMES), "'Happy' where .* has 'happy'|'happy' where"),
    "a blank": (NAMES, [name + " " for name in NAMES], "Spell both alike"),
    "names and numbers": (NAMES, ["happy", 1] * 10, "holds names and numbers"),
}
ALIKE = {
    "names": (NAMES, NAMES.tolist()),
    "objects": (NAMES, NAMES.astype(object)),
    "categories": (pd.Categorical(NAMES), pd.Series(NAMES, dtype="string")),
    "indices": (INDICES, INDICES.astype(np.int8).tolist()),
    "floats of a text file": (INDICES, INDICES.astype(float)),
    "floats, both": (INDICES.astype(np.float32), INDICES.astype(float)),
    "Int64": (pd.Series(INDICES, dtype="Int64"), INDICES.astype(object)),
    "years": (2020 + INDICES, pd.Categorical(2020 + INDICES)),
    "yes and no": (INDICES.astype(bool), INDICES),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("meet", MEET)
def test_labels_of_two_kinds_are_refused(meet, case):
    true, predicted, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        MEET[meet](true, predicted)


@pytest.mark.parametrize("case", ALIKE)
@pytest.mark.parametrize("meet", ["per_view_accuracy", "classification_scores", "knn"])
def test_labels_of_one_kind_are_compared_in_whatever_they_come(meet, case):
    assert MEET[meet](*ALIKE[case]) == 1


def test_probabilities_are_no_labels():
    with pytest.raises(ValueError, match="y_pred holds 0.5, but y_true whole numbers"):
        evaluation.classification_scores(INDICES, INDICES * 0.5)


def test_classes_that_only_one_side_has_are_wrong_not_refused():
    scores = evaluation.classification_scores(NAMES, ["content", "sad"] * 10)
    assert scores["accuracy"] == 0.5
    first, second = check_alike([1, 2], [np.nan, 2], ("a", "b"))
    assert (first == second).tolist() == [False, True]
    first, second = check_alike(["x", "y"], [None, "y"], ("a", "b"))
    assert (first == second).tolist() == [False, True]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_label_of_any_kind_is_found(missing):
    for known in ("sad", 3, 2.0):
        with pytest.raises(ValueError, match="1 of the 2 labels of y_true are missing"):
            evaluation.classification_scores([known, missing], [known, known])


def test_confusion_takes_indices_from_a_text_file_and_classes_that_are_numbers():
    names = evaluation.confusion(NAMES, INDICES.astype(float), ["happy", "sad"])
    assert names.to_numpy().tolist() == [[1, 0], [0, 1]]
    numbers = evaluation.confusion([3, 5, 5], [3.0, 3.0, 5.0], [3, 5, 7], normalize=False)
    assert numbers.to_numpy().tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    for wrong, classes, message in (
        ([0.5], ["a", "b"], "y_pred holds 0.5"),
        (["Sad"], ["sad", "angry"], r"y_pred holds \['Sad'\]"),
        ([4], [3, 5], r"y_pred holds \[4\]"),
        (["3"], [3, 5], "cannot be compared"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluation.confusion([classes[0]], wrong, classes)


# ------------------------------------------------------------------------------------- views


@pytest.mark.parametrize(
    ("views", "profiles"),
    [
        (["yaw-90", "straight", "yaw+90"], ["yaw-90", "yaw+90"]),
        (["-30", "0", "30"], ["-30", "30"]),
        ([-60, 0, 30], [-60]),
        (["straight", "yaw+45", "yaw+22.5"], ["yaw+45"]),
        (["full_left", "straight", "half_right"], ["full_left"]),
        (["half_left", "straight"], []),
        (["1", "2", "3"], []),
    ],
)
def test_the_outermost_views_are_profiles_however_they_are_named(views, profiles):
    right = [view in profiles for view in views]
    got = evaluation.per_view_accuracy([1] * len(views), right, views)
    assert np.isnan(got["profiles"]) if not profiles else got["profiles"] == 1
    others = [view for view in views if view not in profiles]
    assert (got[others] == 0).all()


def test_views_by_degrees_are_listed_from_left_to_right():
    views = np.array(["yaw-90", "straight", "yaw+90"] * 4)
    got = evaluation.per_view_accuracy(np.zeros(12), np.zeros(12), views)
    assert list(got.index) == ["yaw-90", "straight", "yaw+90", "profiles", "all"]
    assert (got == 1).all()


OWN = {
    "full_left": "yaw-80",
    "half_left": "-40",
    "straight": "front",
    "half_right": "r",
    "full_right": "R2",
}


def test_view_invariance_needs_none_of_the_course_s_names():
    table = make_table(4)
    x = noise(table)
    named = evaluation.view_invariance(x, table)
    own = evaluation.view_invariance(x, table.assign(view=table["view"].map(OWN)))
    assert own.retrieval_at_1 == {
        OWN.get(view, view): r for view, r in named.retrieval_at_1.items()
    }
    assert own.to_series().to_numpy() == pytest.approx(named.to_series().to_numpy(), abs=0.02)
    own = table.assign(view=table["view"].map(OWN))
    assert evaluation.retrieval(x, own, "yaw-80") == evaluation.retrieval(x, table, "full_left")


@pytest.mark.parametrize(
    ("views", "yaws", "frontal"),
    [
        (["full_left", "straight"], [0, 90], "straight"),
        (["a", "b", "c"], [-30, 5, 20], "b"),
        (["yaw-30", "yaw+10"], [np.nan, np.nan], "yaw+10"),
        (["cam 10", "cam 9"], [np.nan, np.nan], "cam 9"),
    ],
)
def test_the_view_that_others_are_compared_with(views, yaws, frontal):
    assert frontal_view(pd.DataFrame({"view": views, "yaw": yaws})) == frontal


def test_sessions_are_counted_as_numbers():
    table = make_table(3, ("2", "10"))
    first = evaluation.view_invariance(noise(table), table)
    named = table.assign(session=table["session"].map({"2": "A", "10": "B"}))
    assert first.identity_predictability == (
        evaluation.view_invariance(noise(table), named).identity_predictability
    )
