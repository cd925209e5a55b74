"""Checks of notebook 04: cosines, cross-view retrieval, taking the view out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise


@exercise("04.1")
def cosines(answer: Callable) -> None:
    x = np.array([[3.0, 4.0], [0.0, 2.0], [-1.0, 0.0]])
    y = np.array([[10.0, 0.0], [0.6, 0.8]])
    found = answer(x, y)
    assert found is not None, "the function returns nothing yet."
    assert np.shape(found) == (3, 2), (
        f"rows (3, 2) and (2, 2) make cosines (3, 2), you return {np.shape(found)}."
    )
    wanted = np.array([[0.6, 1.0], [0.0, 0.8], [-1.0, -0.6]])
    assert np.allclose(found, wanted), (
        "the values differ: divide each row by its own length (axis 1), then take all products. "
        f"Wanted\n{wanted}, found\n{np.round(found, 3)}"
    )
    assert np.array_equal(x[0], [3, 4]) and np.array_equal(y[0], [10, 0]), (
        "your function changes its input: write x = x / …, not x /= …"
    )


@exercise("04.2")
def retrieval_at_1(answer: Callable) -> None:
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(5, 8))
    names = np.array(["F01-A-sad", "F01-A-happy", "M02-B-sad", "M02-B-angry", "F03-A-neutral"])
    order = np.array([3, 0, 4, 1])
    queries = 7 * gallery[order] + 0.01 * rng.normal(size=(4, 8))
    found = answer(queries, gallery, names[order], names)
    assert found is not None, "the function returns nothing yet."
    assert np.ndim(found) == 0, f"return one number, the share of hits, not {np.shape(found)}."
    assert abs(float(found) - 1) < 1e-9, (
        f"every query is almost its own gallery image, so R@1 is 1, you return {float(found):.2f}. "
        "Compare the name of the query with the name of its *nearest* image."
    )
    wrong = names[order].copy()
    wrong[:2] = "F03-A-neutral"
    assert abs(float(answer(queries, gallery, wrong, names)) - 0.5) < 1e-9, (
        "two of four queries find another instance: R@1 is 0.5."
    )
    # One long vector wins every scalar product, but not the cosine.
    gallery = gallery * np.array([100, 1, 1, 1, 1])[:, None]
    assert abs(float(answer(queries, gallery, names[order], names)) - 1) < 1e-9, (
        "a gallery image with a long vector must not win: compare cosines, not scalar products."
    )


@exercise("04.3")
def remove_view(answer: Callable) -> None:
    rng = np.random.default_rng(0)
    views = np.array(["full_left", "straight", "full_right", "straight", "full_left"] * 8)
    shift = {"full_left": -5.0, "straight": 1.0, "full_right": 4.0}
    x = rng.normal(size=(40, 6)) + np.array([shift[v] for v in views])[:, None]
    before = x.copy()
    found = answer(x, views)
    assert found is not None, "the function returns nothing yet."
    assert np.array_equal(x, before), "your function changes its input: work on a copy."
    assert np.shape(found) == x.shape, f"keep the shape {x.shape}, you return {np.shape(found)}."
    for view in shift:
        mean = np.asarray(found)[views == view].mean(0)
        assert np.allclose(mean, 0, atol=1e-6), (
            f"the mean of {view!r} is not 0 yet: subtract from each image the mean of its own view."
        )
    own = views == "straight"
    assert np.allclose(np.asarray(found)[own], x[own] - x[own].mean(0)), (
        "the means are right, but the differences between images of a view have changed: subtract "
        "the mean, and nothing else."
    )
