"""Checks of notebook 07: the pair confused most, how much a map keeps, the smallest smile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise


@exercise("07.1")
def most_confused(answer: Callable) -> None:
    errors = {
        ("sad", "angry"): 5,
        ("sad", "neutral"): 3,
        ("neutral", "sad"): 4,
        ("happy", "sad"): 6,
    }
    right = [(name, name) for name in ("angry", "happy", "neutral", "sad") for _ in range(9)]
    pairs = right + [pair for pair, count in errors.items() for _ in range(count)]
    truth, said = (np.array(names) for names in zip(*pairs, strict=True))
    found = answer(truth, said)
    assert found is not None, "the function returns nothing yet."
    assert len(found) == 2, f"return two names, not {found!r}."
    found = tuple(str(name) for name in found)
    assert found[0] != found[1], (
        f"{found[0]!r} and {found[1]!r} are the same: leave out what is right."
    )
    assert set(found) != {"happy", "sad"}, (
        "happy is taken for sad 6 times, but neutral and sad are mistaken for each other 3 + 4 "
        "times: add up both directions."
    )
    assert set(found) == {"neutral", "sad"}, (
        f"it is neutral and sad (3 + 4 errors), not {found[0]} and {found[1]}."
    )
    assert found == ("neutral", "sad"), "the right pair; put it into alphabetical order."


@exercise("07.2")
def kept(answer: Callable) -> None:
    rng = np.random.default_rng(0)
    angle = np.sort(rng.uniform(0, 3, 40))
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    faithful = answer(circle.copy(), circle.copy(), 5)
    assert faithful is not None, "the function returns nothing yet."
    assert np.ndim(faithful) == 0, f"return one share, not an array of shape {np.shape(faithful)}."
    assert np.isclose(float(faithful), 1), (
        f"points on a circle, and the circle itself as the map: everything is kept, so 1, not "
        f"{float(faithful):.3f}."
    )
    # The cosine does not see how long a vector is; a Euclidean distance does.
    longer = circle * rng.uniform(1, 20, (40, 1))
    assert np.isclose(float(answer(circle.copy(), longer, 5)), 1), (
        "embeddings of other lengths in the same directions have the same cosines: scale the rows "
        "of x to length 1."
    )
    x, coords = rng.normal(size=(30, 6)), rng.normal(size=(30, 2))
    for k in (1, 4):
        wanted, found = _kept(coords, x, k), float(answer(coords.copy(), x.copy(), k))
        with_itself = (wanted * (k - 1) + 1) / k if k > 1 else 1.0
        assert not np.isclose(found, with_itself) or np.isclose(wanted, with_itself), (
            "an image is not its own neighbour: leave out the distance 0 to itself."
        )
        assert np.isclose(found, wanted), (
            f"for a random map of 30 images and k = {k} it is {wanted:.3f}, not {found:.3f}."
        )


@exercise("07.3")
def smallest(answer: Callable) -> None:
    for step in (0.3, 0.62, 0.004, 0.999):
        asked: list[float] = []

        def wins(strength: float, step: float = step, asked: list[float] = asked) -> bool:
            asked.append(float(strength))
            return strength >= step

        found = answer(wins)
        assert found is not None, "the function returns nothing yet."
        assert all(0 <= strength <= 1 for strength in asked), (
            f"a strength is between 0 and 1; you asked for {min(asked):g} … {max(asked):g}."
        )
        assert len(asked) <= 8, (
            f"you asked {len(asked)} times; eight are enough: each answer can halve the interval "
            "in which the step must be."
        )
        assert found >= step, (
            f"the smile wins from {step} on, and you return {found:g}: return a strength that wins."
        )
        assert found <= step + 0.01, (
            f"the smile wins from {step} on; {found:g} is more than 0.01 too high."
        )
    assert answer(lambda strength: False) is None, (
        "if not even the full strength wins, there is no such strength: return None."
    )


def _kept(coords: np.ndarray, x: np.ndarray, k: int) -> float:
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    flat = np.linalg.norm(coords[:, None] - coords[None], axis=2)
    full = 1 - unit @ unit.T
    found = []
    for distance in (flat, full):
        np.fill_diagonal(distance, np.inf)
        found.append(np.argsort(distance, axis=1)[:, :k])
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(*found, strict=True)]))
