"""Notebook 00: cosines, what finds a moment again, counting, unit vectors, nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise, question

question(
    "00.a",
    right="b",
    a="3 is the dot product. The cosine divides it by both lengths: 3 / (1 · √18) ≈ 0.71.",
    b="right, 3 / (1 · √18). Both arrows could be ten times as long: only the 45° between them "
    "count.",
    c="0 means a right angle. These two are 45° apart, however different their lengths are.",
)
question(
    "00.b",
    right="b",
    a="neither has to learn anything to see skin, hair and wall. That alone beats guessing.",
    b="right: skin, hair and wall lead to the person, at times to the session, and no further. "
    "What the face does in that moment is lost on them.",
    c="from 90° away nearly every pixel is another one. Look where the two bars end: before the "
    "dashed line.",
)
question(
    "00.c",
    right="a",
    a="right: half as far to turn, and more of the face to compare. Pixels gain, too, but what "
    "they find is still mostly the person and the wall, so they stay below 1 in 7.",
    b="no encoder is that good. Run the cells again and compare the bar of CL-MEx: the more of the "
    "face is hidden, the harder it is.",
    c="45° moves every pixel, too. Compare their bar with the dashed line after running it again.",
)


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
    assert not np.allclose(found, x / (x**2).sum(axis=1, keepdims=True)), (
        "you divide by the sum of squares: the length is its square root."
    )
    assert not np.allclose(found, x / np.linalg.norm(x, axis=0)), (
        "the columns have length 1 now: sum over axis=1, the numbers of a row."
    )
    assert not np.allclose(found, x / np.linalg.norm(x)), (
        "you divide all rows by one number, the length of the whole array: sum over axis=1."
    )
    assert not np.allclose(np.abs(found).sum(axis=1), 1), (
        "the absolute values of a row add up to 1 now; its squares should."
    )
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
    assert found.shape != (3,), (
        "three answers are one for each row of the gallery: take the largest for each *query*, "
        "argmax over axis=1."
    )
    assert found.shape == (4,), (
        f"four queries need four answers, a row number of the gallery for each; yours have shape "
        f"{found.shape}."
    )
    by_product = (queries @ gallery.T).argmax(axis=1)
    assert not np.array_equal(found, by_product), (
        "this finds the longest neighbour rather than the nearest direction: give the rows of "
        "both sides length 1 first."
    )
    cosine = unit_rows(queries) @ unit_rows(gallery).T
    assert not np.array_equal(found, cosine.argmin(axis=1)), (
        "these are the farthest: the nearest has the *largest* cosine."
    )
    assert np.array_equal(found, [0, 2, 1, 2]), (
        f"for queries {queries.tolist()} and gallery {gallery.tolist()} it should be "
        f"[0, 2, 1, 2], not {found.tolist()}."
    )


def unit_rows(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)
