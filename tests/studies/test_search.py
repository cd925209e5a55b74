"""`python -m studies.search`: the rule by which settings are chosen, on made-up accuracies."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lightning")

from studies import search, study_methods
from studies.search import AUGMENTS, GAIN, LENGTHS, PATIENCE, RATES, Settings, kept, walk


def kept_of(tried: list[tuple[Settings, float]]) -> Settings:
    return kept(*map(list, zip(*tried, strict=True)))


def rising_until(end: int):
    """Accuracy that gains two points a doubling until a length, and nothing after it."""

    def accuracy(settings: Settings) -> float:
        return 0.5 + 0.02 * np.log2(min(settings.steps, end) / LENGTHS[0])

    return accuracy


@pytest.mark.parametrize("end", LENGTHS)
def test_lengths_double_until_twice_nothing_is_gained_and_the_shortest_enough_is_kept(end):
    tried = walk(rising_until(end))
    expected = LENGTHS[: LENGTHS.index(end) + 3]
    assert [s.steps for s, _ in tried[: len(expected)]] == list(expected)
    assert kept_of(tried).steps == end
    others = [s for s, _ in tried[len(expected) :][: len(RATES) + len(AUGMENTS) - 2]]
    assert all(s.steps == end for s in others)
    assert {s.learning_rate for s in others} == set(RATES)
    assert {s.augment for s in others} == set(AUGMENTS)


def test_everybody_is_allowed_as_much():
    short, long = walk(rising_until(250)), walk(rising_until(4000))
    assert {s.learning_rate for s, _ in short} == {s.learning_rate for s, _ in long}
    assert {s.augment for s, _ in short} == {s.augment for s, _ in long} == set(AUGMENTS)


@pytest.mark.parametrize("end", [*LENGTHS, 8000])
def test_nobody_stops_before_3000_steps_more_brought_nothing(end):
    tried = walk(rising_until(end))
    best = kept_of(tried)
    lengths = [s.steps for s, _ in tried if s[1:] == best[1:]]
    assert best.steps == end and max(lengths) >= end + PATIENCE


def test_a_plateau_of_thousands_of_steps_is_looked_over():
    slow = walk(lambda s: 0.7 if s.steps >= 4000 else 0.5)
    assert kept_of(slow) == Settings(4000)


@pytest.mark.parametrize("augment", AUGMENTS)
@pytest.mark.parametrize("end", [4000, 8000])
def test_long_trainings_are_asked_with_what_short_ones_never_choose(end, augment):
    long = Settings(end, max(RATES), augment)

    def accuracy(s):
        if s[1:] != long[1:]:
            return 0.5 - 0.1 * (s.learning_rate == max(RATES))
        return 0.2 + 0.1 * np.log2(min(s.steps, end) / LENGTHS[0])

    assert kept_of(walk(accuracy)) == long


def test_what_the_look_further_finds_is_walked_around():
    def accuracy(s):
        if s.steps < 4000:
            return 0.5
        return 0.6 + 0.1 * (s.learning_rate == max(RATES)) + 0.1 * (s.augment == "mild")

    assert kept_of(walk(accuracy)) == Settings(4000, max(RATES), "mild")


def test_a_plateau_of_one_doubling_is_walked_through():
    assert kept_of(walk(lambda s: 0.2 if s.steps < 1000 else 0.6)).steps == 1000


def test_a_better_rate_and_augmentation_are_kept():
    def accuracy(s):
        return 0.5 + 0.1 * (s.learning_rate == 1e-2) + 0.1 * (s.augment == "standard")

    tried = walk(accuracy)
    assert kept_of(tried) == Settings(250, 1e-2, "standard")


@pytest.mark.parametrize("end", [4000, 8000, 16_000, 32_000])
def test_with_what_is_kept_the_length_doubles_for_as_long_as_it_gains(end):
    tried = walk(rising_until(end))
    assert max(s.steps for s, _ in tried) == min(2 * end, search.LONGEST)
    assert kept_of(tried).steps == min(end, search.LONGEST)
    assert len({s for s, _ in tried}) == len(tried), "nothing is tried twice"


def test_a_doubling_with_the_kept_rate_is_tried_although_the_first_rate_had_stopped():
    def accuracy(s):
        return 0.5 + (0.03 * np.log2(s.steps / 125) if s.learning_rate == 1e-2 else 0)

    tried = walk(accuracy)
    best = kept_of(tried)
    assert best.learning_rate == 1e-2 and best.steps == search.LONGEST


def test_what_is_kept_is_within_a_point_of_the_best():
    tried = [Settings(250), Settings(500), Settings(1000)]
    assert kept(tried, [0.80, 0.80 + 0.9 * GAIN, 0.7]) == tried[0]
    assert kept(tried, [0.80, 0.80 + 1.1 * GAIN, 0.7]) == tried[1]


def test_people_and_what_is_kept(tiny_prepared, tmp_path, monkeypatch):
    asked = []

    class Guesser:
        def predict(self, images):
            return np.zeros(len(images), int), None

    def fine_tuned(prepared, rows, start, settings, seed):
        asked.append((set(prepared.table["subject"].iloc[rows]), start, settings, seed))
        return Guesser()

    monkeypatch.setattr(search, "fine_tuned", fine_tuned)
    study_methods.read.cache_clear()
    path = str(tiny_prepared.write(tmp_path / "tiny.parquet"))
    tried = search.search(path, tmp_path / "encoders", "CL-MEx", 0.5, tmp_path)
    many = len(asked)
    again = search.search(path, tmp_path / "encoders", "CL-MEx", 0.5, tmp_path)
    half = list(pd.read_csv(tmp_path / "clmex-0.5.csv").to_dict("records"))[:2]
    pd.DataFrame(half).to_csv(tmp_path / "clmex-0.5.csv", index=False)
    third = search.search(path, tmp_path / "encoders", "CL-MEx", 0.5, tmp_path)
    pd.testing.assert_frame_equal(tried, third)
    assert len(asked) == 2 * many - 2, "an interrupted search goes on where it stopped"
    del asked[many:]
    study_methods.read.cache_clear()
    assert many == len(asked) == len(tried), "what is kept is not searched again"
    pd.testing.assert_frame_equal(tried, again)
    split = tiny_prepared.split("subject", seed=0)
    trained = set(tiny_prepared.table["subject"].iloc[split["train"]])
    for people, start, _, seed in asked:
        assert people < trained and seed == search.SEED
        assert start == tmp_path / "encoders" / "clmex-0"
    val = split["val"]
    right = (tiny_prepared.labels[val] == 0).mean()
    assert tried["accuracy"].unique() == pytest.approx([round(right, 5)])
    assert search.chosen(tried) == Settings()


def test_pretrainings_take_turns_and_the_shipped_encoder_is_always_the_same(tmp_path):
    methods = study_methods.METHODS
    starts = [study_methods.start_of(methods["SimCLR"], tmp_path, seed) for seed in range(5)]
    assert [path.name for path in starts] == [f"simclr-{n}" for n in (0, 1, 2, 0, 1)]
    assert study_methods.start_of(methods["from scratch"], tmp_path, 3) is None
    shipped = {study_methods.start_of(methods["CL-MEx, shipped"], tmp_path, s) for s in (0, 1)}
    assert len(shipped) == 1 and (shipped.pop() / "model.safetensors").exists()
