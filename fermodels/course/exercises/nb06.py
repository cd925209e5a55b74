"""Checks of notebook 06: MMS, k-means with empty clusters, the levels of the losses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from fermodels.course.exercises import exercise, question, same


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
        if same(found, wanted):
            continue
        for part, name in ((rows, "rows"), (columns, "columns")):
            assert not same(found, part), f"these are the {name} alone; add the other direction."
        assert not same(found, wanted / 2), "the two directions are added, not averaged."
        assert not same(found, 5 * wanted), "take the mean over the batch, not the sum."
        assert not same(found, -wanted), "the sign: a loss is −log p."
        if margin:
            assert not same(found, late.item()), (
                "the margin comes off the cosines; divide by the temperature afterwards."
            )
            assert not same(found, everywhere.item()), (
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
        cosine = x @ centroids.T  # (5, K)
        if len(angles) > 2:
            assert not torch.equal(found, cosine.argmax(dim=1)), (
                f"with {what} a cluster stays empty: give it the sample that is farthest from its "
                "own centroid."
            )
        assert not torch.equal(found, cosine.argmin(dim=1)), (
            "the nearest centroid has the largest cosine, not the smallest."
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
    mistakes = {
        ("contrastive", math.log(64)): "this is one direction; the voices ask the faces, too.",
        ("contrastive", 6 * math.log(64)): "this is for three modalities, which make three pairs.",
        ("contrastive", 2 * math.log(63)): "the right answer is a candidate, too: 64, not 63.",
        ("clustering", math.log(32)): "this is one modality, or the mode 'joint'.",
        ("clustering", 3 * math.log(32)): "there is no text: two modalities.",
        ("reconstruction", 0.0): "0 is a perfect answer; what does one get who answers the mean?",
        ("reconstruction", 1.0): "this is one modality; the errors are summed.",
        ("reconstruction", 3.0): "there is no text: two modalities.",
        ("reconstruction", 4.0): "this is also from the others; here each is rebuilt from itself.",
        ("reconstruction", 6.0): "this is three modalities, each from itself and from the others.",
    }
    if not isinstance(answer, Mapping):
        raise ValueError("give a dict with the keys 'contrastive', 'clustering', 'reconstruction'.")
    for name, value in wanted.items():
        assert answer.get(name) not in (None, ...), f"{name!r} has no value yet."
        given = float(answer[name])
        known = [m for (n, v), m in mistakes.items() if n == name and abs(given - v) < 5e-3]
        assert math.isclose(given, value, abs_tol=5e-3), (
            f"{name!r} is not {given:.3f}: {known[0] if known else hints[name]}"
        )


question(
    "06.a",
    right="c",
    a="look at the two losses after 150 steps: noise can be tidied up just as well.",
    b="noise starts higher and has farther to go; compare where the two end.",
    c="right, the loss rewards tidy clusters, and it cannot know whether they mean anything.",
)
question(
    "06.b",
    right="b",
    a="the loss is the same, but the candidates are not: among many people, a voice and a face can "
    "be matched by who they are. Look at the column 'speaker read'.",
    b="right, knowing the person is a shortcut as long as the candidates are other people.",
    c="whom the network has to tell apart, it has to know: many people in a batch are a reason to "
    "keep the person. Look at the column 'speaker read'.",
)
question(
    "06.c",
    right="a",
    a="right, with τ = 1 the softmax cannot be sure, so the loss has a high floor, and the pull on "
    "those that belong together is weak.",
    b="with τ = 1 all candidates count almost equally, and even the best embeddings leave most of "
    "the loss: compare the two curves with the line of chance.",
    c="the temperature also says how strongly near candidates push and pull: compare the table.",
)
question(
    "06.d",
    right="b",
    a="the centres are what clips are drawn to: three of them have to put several emotions "
    "together. Compare NMI for 3 and 7.",
    b="right, three clusters cannot tell seven emotions apart, and twenty divide an emotion, which "
    "NMI does not reward.",
    c="twenty clusters divide an emotion into parts that say nothing new about it: compare 7 and "
    "20.",
)
