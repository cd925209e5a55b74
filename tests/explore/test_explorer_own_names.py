"""The explorer on labels, views and columns that are none of the course's."""

import numpy as np
import pandas as pd
import pytest

from fermodels.data import PreparedClips
from fermodels.explore import EmbeddingExplorer
from fermodels.explore.fields import Fields, field
from fermodels.explore.source import Source
from fermodels.plots import EXPRESSION_COLORS, VIEW_COLORS

N = 60
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 8))
PEOPLE = [f"p{i % 12}" for i in range(N)]

# ------------------------------------------------------------------------------------ numbers

NUMBERS = {
    "years": (RNG.choice([2021, 2022, 2023], N), ["2021", "2022", "2023"]),
    "frames": (np.arange(N) + 100_000, None),
    "seconds since 1970": (np.arange(N) / 8 + 1.7e9, None),
    "nanoseconds": (np.arange(N) * 1_000_000_000 + 1_700_000_000_000_000_000, None),
    "close": (1 + np.arange(N) * 1e-9, None),
    "tiny": (np.arange(N) * 1e-12, None),
    "negative": (np.array([-1234567, -1234566, 1234568] * 20), ["−1234567", "−1234566", "1234568"]),
    "few decimals": (np.array([0.12345, 0.12346, 7] * 20), ["0.12345", "0.12346", "7"]),
    "float32": (np.array([0.1, 0.2, 2] * 20, np.float32), ["0.1", "0.2", "2"]),
    "objects": (pd.Series([3, None, 12] * 20, dtype=object), ["3", "12", "(none)"]),
    "Int64": (pd.array([3, None, 12] * 20, "Int64"), ["3", "12", "(none)"]),
    "categories": (pd.Categorical([12, 3, 100] * 20), ["3", "12", "100"]),
    "as text": (["10", "9", "-1"] * 20, ["-1", "9", "10"]),
    "folds": ([f"fold{i % 11}" for i in range(N)], [f"fold{i}" for i in range(11)]),
    "in an order": (pd.Categorical(["low", "mid", "top"] * 20, ["low", "mid", "top"], ordered=True),
                    ["low", "mid", "top"]),
    "long ids": (np.arange(N) + 2**60, None),
    "long ids of no sign": (np.arange(N, dtype=np.uint64) + np.uint64(2**63), None),
    "long ids below zero": (-(2**60) - np.arange(N), None),
    "long ids, some missing": (pd.array([None, *(2**60 + i for i in range(N - 1))], "Int64"), None),
    "two long ids": (np.array([2**60, 2**60 + 1, 2**53] * 20),
                     ["9007199254740992", "1152921504606846976", "1152921504606846977"]),
    "all that there is": (np.linspace(-(2**62), 2**62, N).astype(np.int64), None),
    "longer than integers": ([10**25 + i % 3 for i in range(N)],
                             [str(10**25 + i) for i in range(3)]),
    "truth": ([True, False, None] * 20, ["False", "True", "(none)"]),
    "none as text": (["(none)", None, "glasses"] * 20, ["(none)", "glasses", "(none) 2"]),
    "more as text": (["(102 more)", *(f"s{i}" for i in range(300))] * 4, None),
}  # fmt: skip


@pytest.mark.parametrize("kind", NUMBERS)
def test_every_value_has_a_name_of_its_own(kind):
    values, names = NUMBERS[kind]
    found = Fields(pd.DataFrame({"x": values}))["x"]
    assert len(set(found.categories)) == len(found.categories) == len(found.colors)
    assert found.counts.sum() == len(values)
    if names is None:
        assert 6 <= len(found.categories) <= 200 and found.counts.min() > 0
    else:
        assert list(found.categories) == names
        text = pd.Series(values).astype(object).map(lambda v: str(v).replace("-", "−"))
        known = pd.Series(values).notna().to_numpy()
        shown = pd.Series(found.values).str.replace("-", "−")
        assert (text[known].str.removesuffix(".0") == shown[known]).all() or kind == "float32"


def test_the_explorer_shows_numbers_in_its_legend():
    table = pd.DataFrame({"expression": ["happy", "sad"] * 30, "frame": np.arange(N) + 100_000})
    explorer = EmbeddingExplorer(X, table)
    explorer.color_by = "frame"
    assert len({entry["name"] for entry in explorer._legend.entries}) == 6
    explorer.figure()
    explorer.close()


# ------------------------------------------------------------------------------------- labels

LABELS = {
    "one class": ([3] * N, "subject"),
    "one name": (["sad"] * N, "subject"),
    "all different": ([f"e{i}" for i in range(N)], "subject"),
    "all different numbers": (np.arange(N), "subject"),
    "nothing": ([None] * N, "subject"),
    "indices": (np.arange(N) % 7, "expression"),
    "many indices": (np.arange(N) % 15, "expression"),
    "floats": (np.arange(N) % 7 / 1.0, "expression"),
    "Int64": (pd.array([0, 1, None] * 20, "Int64"), "expression"),
    "categories of numbers": (pd.Categorical(np.arange(N) % 7), "expression"),
    "categories": (pd.Categorical(["bored", "tense"] * 30), "expression"),
    "strings": (pd.Series(["bored", None] * 30, dtype="string"), "expression"),
    "yes and no": ([True, False] * 30, "expression"),
    "valence": (np.linspace(-1, 1, N), "expression"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_points_with_any_labels_or_none_are_shown(kind):
    labels, by = LABELS[kind]
    explorer = EmbeddingExplorer(X, pd.DataFrame({"expression": labels, "subject": PEOPLE}))
    assert explorer.color_by == by
    explorer.select(range(9))
    explorer.choose(1)
    explorer.figure()
    explorer.close()


def test_points_of_which_nothing_is_known_have_one_colour():
    source = Source(pd.DataFrame({"file": [f"{i}.jpg" for i in range(N)]}))
    assert list(source.fields) == ["points"] and source.fields["points"].counts.tolist() == [N]


def test_clips_without_a_label():
    clips = PreparedClips(
        pd.DataFrame(
            {
                **{"video": None, "audio": None, "transcript": "hello", "emotion": None},
                **{"clip": [f"c{i}" for i in range(N)], "subject": PEOPLE},
            }
        ),
        {"emotions": []},
    )
    explorer = EmbeddingExplorer(X, clips)
    assert explorer.color_by == "subject"
    explorer.close()


def test_indices_have_the_same_colour_in_labels_and_predictions():
    table = pd.DataFrame({"expression": [0, 2, 4] * 20})
    source = Source(table, [4, 2, 4] * 20)
    truth, guess = source.fields["expression"].palette, source.fields["prediction"].palette
    assert set(guess) == {"2", "4"} and guess.items() <= truth.items()
    assert set(truth.values()) <= set(EXPRESSION_COLORS.values())
    assert source.caption(0) == "0" and "prediction: 4" in source.describe(0)


# -------------------------------------------------------------------------------- predictions

NAMED, NUMBERED = ["happy", "sad"] * 30, [3, 5, 7] * 20
UNDERSTOOD = {
    "names": (NAMED, NAMED),
    "indices": (NAMED, np.array([0, 1] * 30)),
    "floats of a text file": (NAMED, np.array([0.0, 1.0] * 30)),
    "floats with a gap": (NAMED, np.array([np.nan, 1.0] * 30)),
    "names with a gap": (NAMED, [None, "sad"] * 30),
    "categories": (pd.Categorical(NAMED), pd.Categorical(NAMED)),
    "strings": (pd.Series(NAMED, dtype="string"), pd.Series(NAMED, dtype="string")),
    "numbers of numbers": (NUMBERED, np.array(NUMBERED)),
    "floats of numbers": (NUMBERED, np.array(NUMBERED, float)),
    "numbers of categories": (pd.Categorical(NUMBERED), NUMBERED),
    "numbers with a gap": (pd.array([3, None] * 30, "Int64"), [3, 3] * 30),
}
REFUSED = {
    "another case": (NAMED, ["Happy", "Sad"] * 30, "holds 'Happy' where the labels has 'happy'"),
    "other words": (NAMED, ["joy", "grief"] * 30, "none is among the labels: happy, sad"),
    "probabilities": (NAMED, np.full(N, 0.7), "predictions holds 0.7"),
    "too large": (NAMED, np.arange(N), "indices up to 59"),
    "below zero": (NAMED, np.full(N, -1), "indices up to -1"),
    "names for numbers": (NUMBERED, ["3", "5", "7"] * 20, "cannot be compared"),
    "indices of numbers": (NUMBERED, [0, 1, 2] * 20, "none is among the labels: 3, 5, 7"),
    "names and numbers": (NAMED, ["happy", 1] * 30, "holds names and numbers"),
}


@pytest.mark.parametrize("case", UNDERSTOOD)
def test_predictions_that_are_the_labels(case):
    labels, predictions = UNDERSTOOD[case]
    source = Source(pd.DataFrame({"expression": labels}), predictions)
    outcome = source.table["outcome"]
    assert set(outcome.dropna()) == {"correct"}
    gaps = "gap" in case
    assert outcome.isna().sum() == 30 * gaps
    assert set(source.fields) >= {"prediction", "outcome"}


def test_labels_of_rows_that_the_data_set_does_not_name_can_be_predicted(tiny_prepared):
    prepared = tiny_prepared.subset(np.arange(len(tiny_prepared)))
    prepared.table["expression"] = "very " + prepared.table["expression"].astype(str)
    source = Source(prepared, prepared.table["expression"])
    assert set(source.table["outcome"]) == {"correct"}
    indices = Source(tiny_prepared, tiny_prepared.labels)  # which mean the names of the data set
    assert set(indices.table["outcome"]) == {"correct"}


@pytest.mark.parametrize("case", REFUSED)
def test_predictions_that_are_no_labels_are_refused(case):
    labels, predictions, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        Source(pd.DataFrame({"expression": labels}), predictions)


# -------------------------------------------------------------------------------------- views


@pytest.mark.parametrize(
    "names",
    [
        ("yaw-90", "straight", "yaw+90"),
        ("-30", "0", "30"),
        (-60.0, 0.0, 60.0),
        (pd.NA, -22.5, 0, 22.5),
    ],
)
def test_views_by_degrees_look_as_the_course_s(names):
    *missing, left, front, right = names
    views = field("view", pd.Series([right, *missing, front, left] * 4))
    names = [v if isinstance(v, str) else f"{v:g}".replace("-", "−") for v in (left, front, right)]
    assert views.categories == (*names, *["(none)"] * len(missing))
    assert [color.upper() for color in views.colors[:3]] == [
        VIEW_COLORS[name] for name in ("full_left", "straight", "full_right")
    ]


def test_views_of_any_name_are_in_the_order_of_their_yaw():
    table = pd.DataFrame(
        {"view": ["right", "front", "left", "top"] * 3, "yaw": [30, 0, -30, None] * 3}
    )
    views = Fields(table)["view"]
    assert views.categories == ("left", "front", "right", "top")
    assert views.colors[0].upper() == VIEW_COLORS["full_left"]
    assert len(set(views.colors)) == 4
    assert Fields(table.drop(columns="yaw"))["view"].categories == ("front", "left", "right", "top")
