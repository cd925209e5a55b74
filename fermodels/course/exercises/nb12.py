"""Checks of notebook 12: arithmetic, memory and price of a training at full size."""

from __future__ import annotations

import math
from collections.abc import Callable

from fermodels.course.exercises import exercise, question

question(
    "12.a",
    right="b",
    a="the arithmetic does, but a kernel is as large as before; it visits more places.",
    b="a kernel visits four times as many places, and stays the same kernel.",
    c="the side doubles, and so the area, which counts, is four times as large.",
)
question(
    "12.b",
    right="b",
    a="weights are float32 in both. Look at where the line starts, and at how fast it rises.",
    b="what each image keeps takes 4 bytes a number, not 2. The weights were float32 already.",
    c="the speed, too. But what is kept for the way back is stored in that precision.",
)
question(
    "12.c",
    right="b",
    a="257 has nine binary digits, and bfloat16 keeps eight.",
    b="with eight binary digits, the numbers around 256 are 2 apart, and 257 is rounded to 256.",
    c="that happens to numbers out of range. bfloat16 has the range of float32, up to 3e38.",
)
question(
    "12.d",
    right="b",
    a="0.005 is more than half of the distance to the next number, 0.0078, so it is rounded up.",
    b="each step is rounded up to 0.0078. From 2 on numbers lie 0.0156 apart, and 0.005 is lost.",
    c="it would with enough digits. Every sum here is rounded to a number that bfloat16 has.",
)
question(
    "12.e",
    right="b",
    a="that is what each would see alone. The embeddings are gathered before the loss.",
    b="490 images less the anchor. Chance is ln 489, as on one GPU with both batches.",
    c="those of the other GPU come in addition to the 244 of its own.",
)


def _number(found: object) -> float:
    assert found is not None, "the function returns nothing yet."
    return float(found)  # type: ignore[arg-type]


def _close(found: float, wanted: float) -> bool:
    return math.isclose(found, wanted, rel_tol=1e-6)


@exercise("12.1")
def arithmetic_of_a_convolution(answer: Callable) -> None:
    for c_in, c_out, kernel, places in ((3, 64, 7, 112), (64, 128, 1, 56), (16, 16, 3, 10)):
        found = _number(answer(c_in, c_out, kernel, places))
        wanted = 2 * kernel**2 * c_in * c_out * places**2
        if _close(found, wanted):
            continue
        mistakes = {
            wanted / 2: "a multiplication and an addition are two operations.",
            wanted / kernel: "a kernel is k × k numbers.",
            wanted / places: "the map has places × places places.",
            wanted
            / places**2: "these are the operations at one place; the kernel visits them all.",
            wanted / c_in: "a kernel reaches through all input channels.",
            wanted / c_out: "there is a kernel for each output channel.",
        }
        for mistake, hint in mistakes.items():
            assert not _close(found, mistake) or mistake == wanted, hint
        raise AssertionError(
            f"for {c_in} to {c_out} channels, a kernel of {kernel} and a map of {places} it is "
            f"{wanted:,}, not {found:,.0f}."
        )


@exercise("12.2")
def largest_batch(answer: Callable) -> None:
    parameters = 23_500_000
    for memory, kept in ((16e9, 43.75e6), (24e9, 85.9e6), (80e9, 11.1e6)):
        found = _number(answer(memory, kept, parameters))
        exact = (memory - 18 * parameters) / kept
        if found == math.floor(exact):
            continue
        assert found != math.floor(memory / kept), (
            "weights, gradients and the moments of AdamW are there before the first image."
        )
        for each, hint in (
            (4, "that counts the weights alone. Gradients and two moments come in addition."),
            (16, "in mixed precision a cast copy of the weights makes it 18 bytes a parameter."),
        ):
            assert found != math.floor((memory - each * parameters) / kept), hint
        assert not _close(found, exact) and found != math.ceil(exact), (
            "a batch is a whole number of images, and one too many does not fit: round down."
        )
        raise AssertionError(
            f"with {memory / 1e9:.0f} GB, {kept / 1e6:.2f} MB an image and {parameters:,} "
            f"parameters, {math.floor(exact)} images fit, not {found:,.0f}."
        )


@exercise("12.3")
def price_of_a_training(answer: Callable) -> None:
    images, flops, sustained, price = 4e6, 8e9, 60e12, 2.5
    wanted = images * 3 * flops / sustained / 3600 * price
    for gpus in (1, 4):
        found = _number(answer(images, flops, sustained, gpus, price))
        if _close(found, wanted):
            continue
        mistakes = {
            wanted / 3: "a step takes three times the arithmetic of a forward pass.",
            wanted * 3600: "this is for seconds; the price is for an hour.",
            wanted * 60: "this is for minutes; the price is for an hour.",
            wanted / price: "this is the time in hours, without the price.",
            wanted / gpus: "the time is shorter by the number of GPUs, but each of them is paid.",
            wanted * gpus: "each GPU is paid, but the time is shorter by their number.",
        }
        for mistake, hint in mistakes.items():
            assert not _close(found, mistake), hint
        raise AssertionError(f"with {gpus} GPUs it is {wanted:.4f}, not {found:.4f}.")
