"""Checks of the exercises of notebook 05."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise, question


@exercise("05.1")
def grid(answer: Callable) -> None:
    found = answer(1.0, 16_000, 400, 160)
    assert found is not None, "the function returns nothing yet."
    assert isinstance(found, dict), f"return a dictionary, not {type(found).__name__}."
    keys = {"frames", "frequencies", "hertz", "milliseconds"}
    assert set(found) == keys, f"the keys are {', '.join(sorted(keys))}."
    assert found["frequencies"] != 200, "n_fft / 2 and one more: 0 Hz counts as well."
    assert found["frequencies"] != 400, (
        "the spectrum of real numbers is symmetric: n_fft / 2 + 1 of its frequencies are kept."
    )
    assert found["hertz"] != 100, "the distance is sample_rate / n_fft; hop moves in time."
    assert found["milliseconds"] != 10, "this is the step, hop; the window has n_fft samples."
    assert found["milliseconds"] != 0.025, "in milliseconds, not in seconds."
    assert found["frames"] != 100, "the first window is centred on sample 0, so there is one more."
    cases = {
        (1.0, 16_000, 400, 160): (101, 201, 40.0, 25.0),
        (2.05, 16_000, 400, 160): (206, 201, 40.0, 25.0),
        (0.5, 44_100, 2048, 512): (44, 1025, 44_100 / 2048, 2048 / 44.1),
        (1.0, 16_000, 64, 160): (101, 33, 250.0, 4.0),
    }
    for arguments, values in cases.items():
        found = answer(*arguments)
        for key, value in zip(
            ("frames", "frequencies", "hertz", "milliseconds"), values, strict=True
        ):
            assert math.isclose(found[key], value, rel_tol=1e-9), (
                f"grid{arguments}: {key} is {value:g}, not {found[key]}."
            )


@exercise("05.2")
def tfidf(answer: Callable) -> None:
    sentences = ["so so lucky", "so sad", "the blue door"]
    found = answer(sentences)
    assert found is not None, "the function returns nothing yet."
    assert isinstance(found, list) and len(found) == 3, "return a list, a dictionary a sentence."
    words = [set(sentence.split()) for sentence in sentences]
    for row, said in zip(found, words, strict=True):
        assert set(row) == said, f"a dictionary has the words of its sentence: {sorted(said)}."
        length = math.sqrt(sum(weight**2 for weight in row.values()))
        assert math.isclose(length, 1, rel_tol=1e-6), (
            f"each sentence has length 1 in the end; {sorted(said)} has {length:.3f}."
        )
    wanted = _tfidf(sentences)
    ratio = found[1]["sad"] / found[1]["so"]
    assert not math.isclose(ratio, 1), "'so' is in two sentences, 'sad' in one: idf tells them."
    assert not math.isclose(found[0]["so"] / found[0]["lucky"], ratio**-1, rel_tol=1e-6), (
        "'so' is said twice in the first sentence: count it twice."
    )
    for row, right, sentence in zip(found, wanted, sentences, strict=True):
        for word, weight in right.items():
            assert math.isclose(row[word], weight, rel_tol=1e-6), (
                f"{word!r} in {sentence!r} weighs {weight:.4f}, not {row[word]:.4f}. Is it "
                "ln((1 + n) / (1 + df)) + 1?"
            )
    again = answer(["a b", "b c", "c d d", "a"])
    assert [round(row[w], 6) for row in again for w in sorted(row)] == [
        round(row[w], 6) for row in _tfidf(["a b", "b c", "c d d", "a"]) for w in sorted(row)
    ], "right for three sentences, wrong for four: n is the number of sentences."


def _tfidf(sentences: list[str]) -> list[dict[str, float]]:
    said = [sentence.split() for sentence in sentences]
    result = []
    for words in said:
        weights = {}
        for word in words:
            frequency = sum(word in other for other in said)
            weights[word] = words.count(word) * (math.log((1 + len(said)) / (1 + frequency)) + 1)
        length = math.sqrt(sum(weight**2 for weight in weights.values()))
        result.append({word: weight / length for word, weight in weights.items()})
    return result


@exercise("05.3")
def mean_and_spread(answer: Callable) -> None:
    rng = np.random.default_rng(0)
    lengths = np.array([5, 2, 4])
    frames = rng.normal(size=(3, 5, 2))
    clean = np.stack(
        [
            np.concatenate([x[:n].mean(axis=0), x[:n].std(axis=0)])
            for x, n in zip(frames, lengths, strict=True)
        ]
    )
    for number, length in enumerate(lengths):
        frames[number, length:] = 0
    found = answer(frames.copy(), lengths)
    assert found is not None, "the function returns nothing yet."
    found = np.asarray(found, dtype=float)
    assert found.shape == (3, 4), f"two numbers a feature: (3, 4), not {found.shape}."
    padded = np.concatenate([frames.mean(axis=1), frames.std(axis=1)], axis=1)
    assert not np.allclose(found, padded), (
        "the padding is counted as if somebody had been filmed there: a clip of two frames is "
        "mixed with three frames of zeros."
    )
    assert np.allclose(found[:, :2], clean[:, :2]), "the means: divide by the length of the clip."
    assert np.allclose(found[:, 2:], clean[:, 2:]), (
        "the means are right; the spread is the root of the mean squared distance from them, over "
        "the frames that are there."
    )
    for number, length in enumerate(lengths):
        frames[number, length:] = 1e6
    again = np.asarray(answer(frames.copy(), lengths), dtype=float)
    assert np.allclose(again, clean, atol=1e-5), "what stands in the padding must not matter."


@exercise("05.4")
def late_fusion(answer: Callable) -> None:
    rng = np.random.default_rng(1)
    parts = {m: rng.dirichlet(np.ones(3), size=4) for m in ("video", "audio", "text")}
    everything = {m: np.ones(4, dtype=bool) for m in parts}
    found = answer({m: p.copy() for m, p in parts.items()}, everything)
    assert found is not None, "the function returns nothing yet."
    found = np.asarray(found, dtype=float)
    assert found.shape == (4, 3), f"a row a clip, a column a class: (4, 3), not {found.shape}."
    assert np.allclose(found, sum(parts.values()) / 3), "with all three there, it is their mean."
    gaps = {m: p.copy() for m, p in parts.items()}
    present = {
        "video": np.array([True, True, False, True]),
        "audio": np.array([True, False, False, True]),
        "text": np.array([True, True, True, False]),
    }
    for modality, there in present.items():
        gaps[modality][~there] = np.nan
    found = np.asarray(answer(gaps, present), dtype=float)
    assert np.isfinite(found).all(), "NaN came through: NaN × 0 is NaN. Replace it first."
    wanted = np.stack(
        [np.mean([parts[m][row] for m in parts if present[m][row]], axis=0) for row in range(4)]
    )
    assert np.allclose(found.sum(axis=1), 1), (
        "probabilities sum to 1: divide by the number of modalities that the clip has."
    )
    assert np.allclose(found, wanted), "the mean over the modalities that are there, row by row."


question(
    "05.a",
    right="b",
    a="a longer window tells pitches apart, but it has one number for all moments inside it: look "
    "at where sounds begin.",
    b="right, hertz × milliseconds stays the same, so what one axis wins the other loses.",
    c="it is the other way round: 2,048 samples last 128 ms, and moments inside them are not told "
    "apart.",
)
question(
    "05.b",
    right="c",
    a="a probe weighs its features; weak ones need not dilute strong ones. Compare the last bar.",
    b="the best modality is misled or silent in some clips, and there the others help: compare the "
    "last bar.",
    c="right, the modalities fail on different clips, so two of them often outvote the third.",
)
question(
    "05.c",
    right="c",
    a="at the beginning of a clip the face is near neutral: run it with [0].",
    b="a photograph of the middle shows the apex, and that is most of it: run it with [0.5].",
    c="right, the apex is in the middle, and at its onset an emotion cannot be seen yet.",
)
question(
    "05.d",
    right="b",
    a="run it with 1: even loudness alone is far above chance, 14 %.",
    b="right, level and its changes carry much of these voices' emotion. For real voices, measure "
    "it again.",
    c="fewer numbers are harder to learn by heart, but they also hold less: run it with 1.",
)
question(
    "05.e",
    right="c",
    a="a silenced modality says nothing to a linear probe, and the two others go on: look at the "
    "bars.",
    b="that would be so if only the words knew it; in most clips face and voice show the same.",
    c="right, what one modality knows the others mostly know as well, and that is what notebook 06 "
    "learns from.",
)
