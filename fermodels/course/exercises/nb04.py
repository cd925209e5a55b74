"""Questions and checks of notebook 04: maps, retrieval, what leaks, faces of another make."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fermodels.course.exercises import exercise, question

question(
    "04.a",
    right="c",
    a="it was trained on views to make them *alike*. In the lower figure coloured by view, the "
    "five colours are mixed inside the islands.",
    b="its positives show one person, but so do most of its negatives: the other expressions of "
    "the same session. What tells these apart is the expression. Look at the lower row again.",
    c="the batch holds all expressions of a session, so the expression is what tells a moment from "
    "the others. People are still there: several islands have the same colour.",
)
question(
    "04.b",
    right="b",
    a="the vectors have not changed, so what they separate has not either. A map with other "
    "settings is another drawing of the same space.",
    b="gaps, sizes and the number of islands change with the settings, while the 256 dimensions "
    "stay. A statement about the encoder needs a number from the full space.",
    c="keeping neighbours says who is near. How far the others are is another question, and the "
    "second column of the table answers it differently.",
)
question(
    "04.c",
    right="b",
    a="that holds for guessing, and for an encoder that takes anybody for the right one. Which "
    "images does CL-MEx take? Compare the two tables, then look at the faces below.",
    b="only other people have left the gallery, and it seldom took one of them. What it confuses "
    "are moments of one person, and each person still brings fourteen.",
    c="nothing learns here: retrieval only compares vectors. What changes is which images there "
    "are to choose from.",
)
question(
    "04.d",
    right="c",
    a="the loss asks for the angle to go from z, and only as far as cosines notice. A probe on h "
    "finds what is left. Look at the third panel.",
    b="look at the two right panels: both bars are far above the dashed lines of chance.",
    c="the person is what positives share, so it helps the loss. The angle no longer decides who "
    "is near, but a small trace of it is enough for a probe.",
)
question(
    "04.e",
    right="b",
    a="compare the two columns at ±90°. A part of what it knows is about our renderer, and that "
    "part is of no use here.",
    b="much of what it has learned is about faces. What is lost was about ours, and no number "
    "measured on our people could have told that.",
    c="compare CL-MEx with the untrained encoder at ±90° on second faces: it finds many times as "
    "many moments.",
)


@exercise("04.1")
def cosines(answer: Callable) -> None:
    x = np.array([[3.0, 4.0], [0.0, 2.0], [-1.0, 0.0]])
    y = np.array([[10.0, 0.0], [0.6, 0.8]])
    found = answer(x, y)
    assert found is not None, "the function returns nothing yet."
    assert np.shape(found) != (2, 3), "rows of x come first: that is y @ x.T, not x @ y.T."
    assert np.shape(found) == (3, 2), (
        f"rows (3, 2) and (2, 2) make cosines (3, 2), you return {np.shape(found)}."
    )
    wanted = np.array([[0.6, 1.0], [0.0, 0.8], [-1.0, -0.6]])
    columns = (x / np.linalg.norm(x, axis=0)) @ (y / np.linalg.norm(y, axis=0)).T
    whole = (x / np.linalg.norm(x)) @ (y / np.linalg.norm(y)).T
    assert not np.allclose(found, x @ y.T), "those are scalar products: divide by the lengths."
    assert not np.allclose(found, columns), "you divide columns by their length: take axis=1."
    assert not np.allclose(found, whole), (
        "you divide by the length of the whole array: each row has its own (axis=1, keepdims=True)."
    )
    assert not np.allclose(found, 1 - wanted), "those are distances, 1 − cosine."
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
    assert np.ndim(found) == 0, (
        f"return one number, the share of hits, not shape {np.shape(found)}: take the mean."
    )
    assert abs(float(found) - 4) > 1e-9, "that is the number of hits; return their share."
    assert abs(float(found) - 1) < 1e-9, (
        f"every query is almost its own gallery image, so R@1 is 1, you return {float(found):.2f}. "
        "Compare the name of the query with the name of its *nearest* image, not their positions: "
        "the gallery has another order."
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
    found = np.asarray(found)
    assert not np.allclose(found, x - x.mean(0)), (
        "you subtract the mean of all images; each image loses the mean of its *own* view."
    )
    assert not np.allclose(found, x - x.mean(1, keepdims=True)), (
        "you subtract each image's mean over its features: the mean is over images (axis=0)."
    )
    for view in shift:
        own = views == view
        numbers = x[own] - x[own].mean()
        assert not np.allclose(found[own], numbers), (
            "you subtract one number for each view; the mean is a vector, one number for each "
            "feature (axis=0)."
        )
        assert np.allclose(found[own].mean(0), 0, atol=1e-6), (
            f"the mean of {view!r} is not 0 yet: subtract from each image the mean of its own view."
        )
    own = views == "straight"
    assert np.allclose(found[own], x[own] - x[own].mean(0)), (
        "the means are right, but the differences between images of a view have changed: subtract "
        "the mean, and nothing else."
    )
