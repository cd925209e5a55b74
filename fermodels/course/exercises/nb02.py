"""Checks of notebook 02: levels of the loss, temperature, shortcuts, and NT-Xent in code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from fermodels.course.exercises import exercise, question

question(
    "02.a",
    right="b",
    a="1/244 is the probability that guessing gives to the positive. The loss is −ln of it.",
    b="−ln (1/244) = ln 244: the chance level grows with the number of candidates.",
    c="ln 2 would be right for two candidates. Here there are 244, and each may be the positive.",
)
question(
    "02.b",
    right="b",
    a="that is what a very high temperature does: all logits become alike. A low one spreads them.",
    b="the answer becomes all or nothing. If the nearest candidate is the positive, the loss goes "
    "to 0; if not, it grows without limit.",
    c="all logits are scaled alike, but a softmax looks at their differences, and these grow as "
    "1/τ. Look at the bars from right to left.",
)
question(
    "02.c",
    right="a",
    a="the tint answers the question of the loss, so nothing pushes the encoder to look at the "
    "face.",
    b="tints would disturb if they differed between the views of a moment. Here all views of one "
    "have the same, which gives the answer away.",
    c="augmentation changes an image at random and says 'ignore this'. A tint that all positives "
    "share, and no negative, says the opposite: 'look at this'.",
)
question(
    "02.d",
    right="b",
    a="it has arrived. The best loss at this temperature, with both positives at cosine 1 and all "
    "105 negatives at 0, is ln(2e + 105) − 1 = 3.70.",
    b="a perfect encoder has ln(2e + 105) − 1 = 3.70, one that knows only the person "
    "ln(8e + 99) − 1 = 3.79. Next to nothing is left to gain from the expression.",
    c="Muon's steps do not depend on the size of the gradient, and the loss came down at once. "
    "Compute the best loss that τ = 1 allows: two positives at cosine 1, 105 negatives at 0.",
)
question(
    "02.e",
    right="a",
    a="recognising the person nearly answers the question now, so less of the expression is "
    "needed.",
    b="varied negatives are easy negatives: hair, skin or background give a stranger away. What "
    "teaches the expression is the same person with another one.",
    c="the number of candidates fixes the chance level alone. How hard the task is depends on who "
    "the candidates are.",
)


@exercise("02.1")
def nt_xent_of_one_anchor(answer: Callable) -> None:
    import torch

    z = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.8, -0.6], [-1.0, 0.0]])
    similarity = z @ z.T  # (4, 4)
    for anchor, positive, temperature in ((0, 1, 1.0), (2, 3, 1.0), (1, 0, 0.2)):
        found = answer(similarity[anchor].clone(), anchor, positive, temperature)
        assert found is not None, "the function returns nothing yet."
        row = similarity[anchor] / temperature
        others = [i for i in range(4) if i != anchor]
        wanted = (torch.logsumexp(row[others], 0) - row[positive]).item()
        with_itself = (torch.logsumexp(row, 0) - row[positive]).item()
        undivided = similarity[anchor]
        forgot = (torch.logsumexp(undivided[others], 0) - undivided[positive]).item()
        found = float(found)
        if math.isclose(found, wanted, rel_tol=1e-4, abs_tol=1e-5):
            continue
        assert not math.isclose(found, -wanted, rel_tol=1e-4), "the sign: a loss is −log p."
        assert not math.isclose(found, with_itself, rel_tol=1e-4), (
            "the anchor is among its own candidates; leave it out of the sum."
        )
        assert not math.isclose(found, forgot, rel_tol=1e-4), (
            "divide the similarities by the temperature before the exponential."
        )
        assert not math.isclose(found, math.exp(-wanted), rel_tol=1e-4), (
            "this is the probability p of the positive; the loss is −log p."
        )
        raise AssertionError(
            f"for anchor {anchor}, positive {positive} and temperature {temperature} it is "
            f"{wanted:.4f}, not {found:.4f}."
        )


@exercise("02.2")
def positive_mask(answer: Callable) -> None:
    import torch

    instance = torch.tensor([7, 7, 2, 7, 2, 5])
    found = answer(instance)
    assert found is not None, "the function returns nothing yet."
    assert isinstance(found, torch.Tensor), f"return a tensor, not {type(found).__name__}."
    assert tuple(found.shape) == (6, 6), (
        f"six images make a mask of 6 × 6, not {tuple(found.shape)}: compare each id with each, "
        "by instance[:, None] == instance[None, :]."
    )
    assert found.dtype == torch.bool, f"the mask holds True and False, not {found.dtype}."
    assert not found.diagonal().any(), "no image is its own positive: the diagonal is False."
    wanted = torch.tensor([[a == b for b in instance.tolist()] for a in instance.tolist()])
    wanted.fill_diagonal_(False)
    wrong = (found.cpu() != wanted).nonzero().tolist()
    assert not wrong, f"for the ids {instance.tolist()}, entry {tuple(wrong[0])} is wrong."


@exercise("02.3")
def levels(answer: Mapping) -> None:
    wanted = {"chance": math.log(239), "person": math.log(39), "floor": math.log(4)}
    hints = {
        "chance": "ln of all other images of the batch: 6 · 8 · 5 − 1.",
        "person": "ln of the other images of the same person: 8 · 5 − 1.",
        "floor": "ln of the number of positives, which are the other views: 5 − 1.",
    }
    if not isinstance(answer, Mapping):
        raise ValueError("give a dict with the keys 'chance', 'person' and 'floor'.")
    for name, value in wanted.items():
        assert answer.get(name) not in (None, ...), f"{name!r} has no value yet."
        given = float(answer[name])
        if math.isclose(given, value, abs_tol=5e-3):
            continue
        count = math.exp(value)
        assert not math.isclose(given, math.log(count + 1), abs_tol=5e-4), (
            f"{name!r} counts the anchor as well, which is not a candidate of its own."
        )
        assert not math.isclose(given, count, abs_tol=1e-6), (
            f"{name!r} is the number of candidates. The loss is its natural logarithm, math.log."
        )
        assert not math.isclose(given, value / math.log(2), abs_tol=5e-3), (
            f"{name!r} is in bits (log2). Our losses are in nats: take math.log."
        )
        raise AssertionError(f"{name!r} is not {given:.3f}. It is the {hints[name]}")


@exercise("02.4")
def multi_view_loss(answer: Callable) -> None:
    import torch

    from fermodels.losses import MultiViewContrastiveLoss

    z = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    cases = (
        ("three instances of three views", [0, 0, 0, 1, 1, 1, 2, 2, 2], ""),
        (
            "instances of two, three and four views",
            [4, 4, 1, 1, 1, 8, 8, 8, 8],
            " Each image's sum is divided by its own number of positives.",
        ),
        (
            "an image that is alone in its instance",
            [0, 0, 0, 0, 1, 1, 1, 1, 2],
            " It is a negative for the others, but no anchor: leave it out of the mean.",
        ),
    )
    for what, ids, hint in cases:
        instance = torch.tensor(ids)
        for temperature in (1.0, 0.15):
            found = answer(z.clone(), instance, temperature)
            assert found is not None, "the function returns nothing yet."
            found = float(found)
            unit = torch.nn.functional.normalize(z, dim=1)
            loss = MultiViewContrastiveLoss(temperature)
            wanted = loss(z, instance).item()
            if math.isclose(found, wanted, rel_tol=1e-4):
                continue
            assert not math.isnan(found), (
                f"with {what} it is NaN. −∞ · 0 is NaN: fill what is not a positive with 0 after "
                "the log-softmax, and divide by no count of 0."
            )
            assert not math.isclose(found, -wanted, rel_tol=1e-4), "the sign: a loss is −log p."
            assert not math.isclose(found, _plain(z, instance, temperature), rel_tol=1e-4), (
                "z arrives with vectors of any length: normalise them first."
            )
            assert not math.isclose(found, _plain(unit, instance, 1.0), rel_tol=1e-4), (
                "divide the similarities by the temperature before the exponential."
            )
            raise AssertionError(
                f"with {what} and temperature {temperature} it is {wanted:.4f}, not {found:.4f}."
                f"{hint}"
            )


def _plain(z, instance, temperature: float) -> float:
    """The loss of vectors as they are, without normalising them."""
    import torch

    itself = torch.eye(len(z), dtype=torch.bool)
    positive = (instance[:, None] == instance) & ~itself  # (N, N)
    log_p = (z @ z.T / temperature).masked_fill(itself, -math.inf).log_softmax(dim=1)
    count = positive.sum(dim=1)  # (N,)
    sums = log_p.masked_fill(~positive, 0).sum(dim=1)
    return -(sums[count > 0] / count[count > 0]).mean().item()
