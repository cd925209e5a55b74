"""Checks of notebook 02: NT-Xent, the positive mask, the levels of the loss, many positives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from fermodels.course.exercises import exercise


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
        assert math.isclose(float(answer[name]), value, abs_tol=5e-3), (
            f"{name!r} is not {float(answer[name]):.3f}. It is the {hints[name]}"
        )


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
            wanted = MultiViewContrastiveLoss(temperature)(z, instance).item()
            assert math.isclose(float(found), wanted, rel_tol=1e-4), (
                f"with {what} and temperature {temperature} it is {wanted:.4f}, not "
                f"{float(found):.4f}.{hint} z arrives unnormalised."
            )
