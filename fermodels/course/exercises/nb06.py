"""Checks of notebook 06: MMS, k-means with empty clusters, the levels of the losses, F1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from fermodels.course.exercises import exercise


@exercise("06.1")
def masked_margin_softmax(answer: Callable) -> None:
    import torch
    from torch.nn import functional

    from fermodels.losses import MultiModalContrastiveLoss

    generator = torch.Generator().manual_seed(0)
    z, other = (functional.normalize(torch.randn(5, 3, generator=generator)) for _ in range(2))
    cases = ((1.0, 0.0), (0.2, 0.0), (0.2, 0.1))
    for temperature, margin in cases:
        found = answer(z.clone(), other.clone(), temperature, margin)
        assert found is not None, "the function returns nothing yet."
        loss = MultiModalContrastiveLoss(temperature, margin)
        wanted = loss({"video": z, "audio": other}).item()
        logits = (z @ other.T - margin * torch.eye(5)) / temperature
        own = torch.arange(5)
        rows = functional.cross_entropy(logits, own).item()
        columns = functional.cross_entropy(logits.T, own).item()
        late = z @ other.T / temperature - margin * torch.eye(5)
        late = functional.cross_entropy(late, own) + functional.cross_entropy(late.T, own)
        everywhere = functional.cross_entropy(z @ other.T / temperature, own)
        everywhere = everywhere + functional.cross_entropy(other @ z.T / temperature, own)

        found = float(found)
        if _same(found, wanted):
            continue
        for part, name in ((rows, "rows"), (columns, "columns")):
            assert not _same(found, part), f"these are the {name} alone; add the other direction."
        assert not _same(found, wanted / 2), "the two directions are added, not averaged."
        assert not _same(found, 5 * wanted), "take the mean over the batch, not the sum."
        assert not _same(found, -wanted), "the sign: a loss is −log p."
        if margin:
            assert not _same(found, late.item()), (
                "the margin comes off the cosines; divide by the temperature afterwards."
            )
            assert not _same(found, everywhere.item()), (
                "the margin has no effect: subtract it from the diagonal, and only there."
            )
        raise AssertionError(
            f"with temperature {temperature} and margin {margin} it is {wanted:.4f}, not "
            f"{found:.4f}."
        )


@exercise("06.2")
def nearest_centroid(answer: Callable) -> None:
    import torch

    degrees = torch.tensor([0.0, 15.0, 90.0, 100.0, 178.0])
    x = torch.stack([degrees.deg2rad().cos(), degrees.deg2rad().sin()], dim=1)  # (5, 2)
    cases = (
        ("centroids at 0° and 90°", (0.0, 90.0), (0, 0, 1, 1, 1), ""),
        (
            "centroids at 0°, 90° and 300°",
            (0.0, 90.0, 300.0),
            (0, 0, 1, 1, 2),
            " Nobody is nearest to 300°; 178° is the farthest from its own centroid (90°).",
        ),
        (
            "centroids at 300°, 0° and 90°",
            (300.0, 0.0, 90.0),
            (1, 1, 2, 2, 0),
            " It is cluster 0 that is empty here.",
        ),
    )
    for what, angles, wanted, hint in cases:
        radians = torch.tensor(angles).deg2rad()
        centroids = torch.stack([radians.cos(), radians.sin()], dim=1)  # (K, 2)
        found = answer(x.clone(), centroids)
        assert found is not None, "the function returns nothing yet."
        assert isinstance(found, torch.Tensor), f"return a tensor, not {type(found).__name__}."
        assert found.dtype == torch.int64 and tuple(found.shape) == (5,), (
            f"return int64 of shape (5,), one cluster for each sample, not {found.dtype} "
            f"{tuple(found.shape)}."
        )
        assert tuple(found.tolist()) == wanted, (
            f"with samples at 0°, 15°, 90°, 100° and 178° and {what} it is {list(wanted)}, not "
            f"{found.tolist()}.{hint}"
        )


@exercise("06.3")
def levels(answer: Mapping) -> None:
    wanted = {
        "contrastive": 2 * math.log(64),
        "clustering": 2 * math.log(32),
        "reconstruction": 2.0,
    }
    hints = {
        "contrastive": "two modalities make one pair, asked in two directions among 64 candidates.",
        "clustering": "each of two modalities asks for one of 32 centres; the losses are summed.",
        "reconstruction": "who answers with the mean has an error of 1 for each modality.",
    }
    if not isinstance(answer, Mapping):
        raise ValueError("give a dict with the keys 'contrastive', 'clustering', 'reconstruction'.")
    for name, value in wanted.items():
        assert answer.get(name) not in (None, ...), f"{name!r} has no value yet."
        assert math.isclose(float(answer[name]), value, abs_tol=5e-3), (
            f"{name!r} is not {float(answer[name]):.3f}: {hints[name]}"
        )


@exercise("06.4")
def weighted_f1(answer: Callable) -> None:
    import numpy as np

    from fermodels.evaluation import classification_scores

    cases = (
        ("all right", ["sad", "happy", "sad"], ["sad", "happy", "sad"], ""),
        (
            "unequal classes",
            ["sad", "sad", "sad", "sad", "happy", "angry"],
            ["sad", "sad", "happy", "angry", "happy", "sad"],
            " Weigh the F1 of each class by how many clips it has.",
        ),
        (
            "a class that nobody predicts",
            ["sad", "happy", "happy"],
            ["happy", "happy", "happy"],
            " A class that is never predicted has F1 0, without dividing by zero.",
        ),
        (
            "a prediction that is never true",
            ["sad", "sad", "happy"],
            ["sad", "angry", "happy"],
            " A class without clips has no weight.",
        ),
    )
    for what, truth, guess, hint in cases:
        truth, guess = np.array(truth), np.array(guess)
        found = answer(truth, guess)
        assert found is not None, "the function returns nothing yet."
        wanted = classification_scores(truth, guess)["weighted_f1"]
        found = float(found)
        if _same(found, wanted):
            continue
        names = np.unique(truth)
        each = [_f1(truth == name, guess == name) for name in names]
        assert not _same(found, float(np.mean(each))) or _same(wanted, float(np.mean(each))), (
            "this is the plain mean over the classes (macro F1); weigh it by their clips."
        )
        assert not _same(found, float(np.mean(truth == guess))), "this is the accuracy."
        raise AssertionError(f"for {what} it is {wanted:.4f}, not {found:.4f}.{hint}")


def _f1(truth, guess) -> float:
    return 2 * (truth & guess).sum() / (truth.sum() + guess.sum())


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)
