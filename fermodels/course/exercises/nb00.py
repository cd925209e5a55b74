"""Checks of notebook 00: counting, unit vectors, nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise


@exercise("00.1")
def chance(answer: float) -> None:
    right = 1 / (80 * 8 * 2)
    assert not np.isclose(answer, 1 / (80 * 8)), "each child is photographed in two lightings."
    assert not np.isclose(answer, 1 / (80 * 8 * 5 * 2)), (
        "only the frontal images are looked through: one of the five angles."
    )
    assert np.isclose(answer, right, rtol=1e-3), (
        "count the frontal images: children × expressions × lightings; exactly one of them is "
        "the right one."
    )


@exercise("00.2")
def unit(answer: Callable) -> None:
    x = np.array([[3.0, 4.0], [0.0, 2.0], [-6.0, 8.0]])
    found = answer(x.copy())
    assert found is not None, "the function returns nothing yet."
    found = np.asarray(found)
    assert found.shape == x.shape, f"the shape should stay {x.shape}, yours is {found.shape}."
    lengths = np.linalg.norm(found, axis=1)
    assert np.allclose(lengths, 1), (
        f"the rows of {x.tolist()} should get length 1, yours have {np.round(lengths, 3)}: divide "
        "each row by the root of the sum of its squares."
    )
    assert np.allclose(found, [[0.6, 0.8], [0, 1], [-0.6, 0.8]]), (
        "the rows have length 1, but point elsewhere than before."
    )


@exercise("00.3")
def nearest(answer: Callable) -> None:
    gallery = np.array([[1.0, 0.0], [5.0, 5.0], [0.0, 0.1]])
    queries = np.array([[2.0, 0.1], [0.1, 3.0], [1.0, 0.9], [-0.2, 0.5]])
    found = answer(queries, gallery)
    assert found is not None, "the function returns nothing yet."
    found = np.asarray(found)
    assert found.shape == (4,), (
        f"four queries need four answers, a row number of the gallery for each; yours have shape "
        f"{found.shape}."
    )
    by_product = (queries @ gallery.T).argmax(axis=1)
    assert not np.array_equal(found, by_product), (
        "this finds the longest neighbour rather than the nearest direction: give the rows of "
        "both sides length 1 first."
    )
    assert np.array_equal(found, [0, 2, 1, 2]), (
        f"for queries {queries.tolist()} and gallery {gallery.tolist()} it should be "
        f"[0, 2, 1, 2], not {found.tolist()}."
    )
