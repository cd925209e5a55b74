"""The multi-modal contrastive loss against slow loops, identities, known values, bad input."""

import itertools
import math

import pytest
import torch

from fermodels.losses import MultiModalContrastiveLoss, chance_level, mms_floor
from tests.losses.slow import (
    MODALITIES,
    assert_equal_to_slow,
    dot,
    embeddings,
    presence,
    unit,
    value_and_grad,
)

SOME = presence(video="1110110", audio="1011011", text="1100011")


def slow_mms(z, present=None, temperature=1.0, margin=0.001):
    """The definition, letter by letter: pairs, rows, columns."""
    total = 0.0
    for m, n in itertools.combinations(z, 2):
        clips = [
            i for i in range(len(z[m])) if present is None or (present[m][i] and present[n][i])
        ]
        if len(clips) < 2:
            continue
        s = {}
        for i in clips:
            for j in clips:
                cosine = dot(unit(z[m][i]), unit(z[n][j]))
                s[i, j] = math.exp((cosine - (margin if i == j else 0)) / temperature)
        for i in clips:
            row = s[i, i] / sum(s[i, j] for j in clips)
            column = s[i, i] / sum(s[j, i] for j in clips)
            total -= (math.log(row) + math.log(column)) / len(clips)
    return total


# ---- against slow loops


@pytest.mark.parametrize("names", [MODALITIES, MODALITIES[:2]])
@pytest.mark.parametrize(("temperature", "margin"), [(1.0, 0.001), (0.2, 0.3), (1.0, 0.0)])
def test_equals_its_definition_with_its_gradient(small_tiles, names, temperature, margin):
    assert_equal_to_slow(
        MultiModalContrastiveLoss(temperature, margin),
        lambda z: slow_mms(z, None, temperature, margin),
        embeddings(6, 4, names),
    )


def test_defaults_are_those_of_the_paper():
    z = embeddings(6, 4)
    expected = slow_mms({m: x.tolist() for m, x in z.items()}, None, 1.0, 0.001)
    assert MultiModalContrastiveLoss()(z).item() == pytest.approx(expected, rel=1e-12)


def test_missing_modalities_equal_the_loop(small_tiles):
    assert_equal_to_slow(
        lambda z: MultiModalContrastiveLoss(0.3, 0.1)(z, SOME),
        lambda z: slow_mms(z, SOME, 0.3, 0.1),
        embeddings(7, 4),
    )


def test_gradcheck():
    z = embeddings(4, 3)
    leaves = [x.requires_grad_() for x in z.values()]
    loss = MultiModalContrastiveLoss(0.5)

    def function(*tensors):
        return loss(dict(zip(z, tensors, strict=True)))

    assert torch.autograd.gradcheck(function, leaves)


# ---- identities


@pytest.mark.parametrize("order", list(itertools.permutations(MODALITIES)))
def test_the_order_of_modalities_does_not_matter(order):
    z, loss = embeddings(7, 4), MultiModalContrastiveLoss(0.3)
    value, grads = value_and_grad(lambda x: loss(x, SOME), z)
    other, other_grads = value_and_grad(lambda x: loss(x, SOME), {m: z[m] for m in order})
    assert torch.equal(value, other)
    assert all(torch.equal(grads[m], other_grads[m]) for m in order)


@pytest.mark.parametrize("order", list(itertools.permutations(MODALITIES)))
def test_the_names_of_modalities_do_not_matter(order):
    z, loss = embeddings(7, 4), MultiModalContrastiveLoss(0.3)
    renamed = dict(zip(order, z.values(), strict=True))
    torch.testing.assert_close(loss(renamed), loss(z), rtol=1e-12, atol=0)


def test_the_order_of_clips_and_the_length_of_embeddings_do_not_matter():
    z, loss = embeddings(7, 4), MultiModalContrastiveLoss(0.3)
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    stretch = torch.linspace(0.01, 100, 7, dtype=torch.float64)[:, None]
    moved = {m: (stretch * x)[order] for m, x in z.items()}
    torch.testing.assert_close(loss(moved), loss(z), rtol=1e-12, atol=0)
    shifted = z | {"audio": z["audio"][order]}
    assert abs(loss(shifted) - loss(z)) > 1e-2  # clips no longer match


def test_three_modalities_are_the_sum_of_their_pairs():
    z, loss = embeddings(7, 4), MultiModalContrastiveLoss()
    pairs = [loss({m: z[m], n: z[n]}) for m, n in itertools.combinations(z, 2)]
    torch.testing.assert_close(loss(z), torch.stack(pairs).sum(), rtol=1e-12, atol=0)


def test_a_clip_that_lacks_a_modality_counts_only_where_it_has_both():
    z, loss = embeddings(5, 4), MultiModalContrastiveLoss(0.5)
    present = presence(video="11111", audio="11110", text="11111")
    first = {m: x[:4] for m, x in z.items()}
    expected = loss({"video": first["video"], "audio": first["audio"]})
    expected = expected + loss({"audio": first["audio"], "text": first["text"]})
    expected = expected + loss({"video": z["video"], "text": z["text"]})
    torch.testing.assert_close(loss(z, present), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("text", ["00000", "00100"])
def test_a_pair_in_fewer_than_two_clips_adds_nothing(text):
    z, loss = embeddings(5, 4), MultiModalContrastiveLoss()
    value, grads = value_and_grad(
        lambda x: loss(x, presence(video="11111", audio="11111", text=text)), z
    )
    torch.testing.assert_close(value, loss({"video": z["video"], "audio": z["audio"]}))
    assert not grads["text"].any() and grads["audio"].any()


def test_what_stands_in_an_absent_row_has_no_influence():
    z, loss = embeddings(7, 4), MultiModalContrastiveLoss()
    value, grads = value_and_grad(lambda x: loss(x, SOME), z)
    broken = {m: x.masked_fill(~SOME[m][:, None], math.nan) for m, x in z.items()}
    other, other_grads = value_and_grad(lambda x: loss(x, SOME), broken)
    assert torch.equal(value, other)
    for m in MODALITIES:
        assert torch.equal(grads[m], other_grads[m])
        paired = SOME[m] & (sum(mask.int() for mask in SOME.values()) > 1)
        assert torch.equal(grads[m].any(dim=1), paired)


def test_present_everywhere_is_the_same_as_none():
    z, loss = embeddings(5, 4), MultiModalContrastiveLoss()
    present = presence(video="11111", audio="11111", text="11111", smell="00000")
    assert torch.equal(loss(z, present), loss(z))


# ---- known values


def test_collapsed_embeddings_stand_at_chance_level():
    z = {m: torch.ones(8, 4) for m in MODALITIES}
    value = MultiModalContrastiveLoss(margin=0)(z)
    assert value.item() == pytest.approx(3 * 2 * chance_level(8), rel=1e-6)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_the_margin_is_subtracted_before_the_division(temperature):
    z = {m: torch.eye(4, dtype=torch.float64) for m in ("video", "audio")}
    match = (1 - 0.25) / temperature
    expected = 2 * (math.log(math.exp(match) + 3) - match)
    value = MultiModalContrastiveLoss(temperature, margin=0.25)(z)
    assert value.item() == pytest.approx(expected, rel=1e-9)


def test_training_brings_the_modalities_of_a_clip_together():
    z = {m: x.requires_grad_() for m, x in embeddings(6, 8).items()}
    loss, optimiser = MultiModalContrastiveLoss(0.2), torch.optim.SGD(z.values(), lr=50)
    for _ in range(60):
        optimiser.zero_grad()
        loss(z).backward()
        optimiser.step()
    for m, n in itertools.combinations(z.values(), 2):
        cosine = torch.nn.functional.cosine_similarity(m[:, None], n[None], dim=2)
        assert (cosine.argmax(dim=1) == torch.arange(6)).all()
        assert cosine.diagonal().min() > 0.9


# ---- precision


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    z, loss = embeddings(12, 16, dtype=dtype), MultiModalContrastiveLoss(0.05)
    value, grads = value_and_grad(loss, z)
    expected, _ = value_and_grad(loss, {m: x.float() for m, x in z.items()})
    assert value.dtype == torch.float32 and grads["text"].dtype == dtype
    assert torch.equal(value, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_changes_nothing(dtype):
    z, loss = embeddings(12, 16, dtype=torch.float32), MultiModalContrastiveLoss(0.05)
    with torch.autocast("cpu", dtype=dtype):
        assert (z["video"] @ z["audio"].T).dtype == dtype  # autocast is on
        value = loss(z)
    assert value.dtype == torch.float32 and torch.equal(value, loss(z))


def test_mixed_precision_takes_the_higher_one():
    z = embeddings(6, 4)
    mixed = z | {"audio": z["audio"].float()}
    value = MultiModalContrastiveLoss()(mixed)
    assert value.dtype == torch.float64
    torch.testing.assert_close(value, MultiModalContrastiveLoss()(z), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    "num_clips, temperature, margin", [(2, 1.0, 0.0), (6, 1.0, 0.01), (6, 0.2, 0.0)]
)
def test_the_floor_is_reached_by_optimising_and_never_passed(num_clips, temperature, margin):
    loss = MultiModalContrastiveLoss(temperature, margin)
    z = embeddings(num_clips, num_clips, ("video", "audio"))
    leaves = [x.requires_grad_() for x in z.values()]
    optimizer = torch.optim.Adam(leaves, lr=0.05)
    floor, values = 2 * mms_floor(num_clips, temperature, margin), []
    for _ in range(600):
        optimizer.zero_grad()
        values.append(loss(z))
        values[-1].backward()
        optimizer.step()
    values = [value.item() for value in values]
    assert min(values) >= floor - 1e-9
    assert values[-1] == pytest.approx(floor, abs=5e-3) and values[0] > floor + 0.1
    if temperature == 1:  # a low one hardly tells nearly as good places from the best
        directions = torch.nn.functional.normalize(z["video"].detach())
        others = (directions @ directions.T)[~torch.eye(num_clips, dtype=torch.bool)]
        torch.testing.assert_close(
            others, torch.full_like(others, -1 / (num_clips - 1)), atol=0.1, rtol=0
        )


def test_the_floor_of_two_clips_is_that_of_opposite_directions():
    z = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    value = MultiModalContrastiveLoss(0.5, 0.1)({"video": z, "audio": z})
    assert value.item() == pytest.approx(2 * mms_floor(2, 0.5, 0.1), rel=1e-5)
    with pytest.raises(ValueError, match="two clips or more, got 1"):
        mms_floor(1)


def test_a_low_temperature_does_not_overflow():
    z, loss = embeddings(12, 16, dtype=torch.float32), MultiModalContrastiveLoss(0.005)
    value, grads = value_and_grad(loss, z)
    assert value.isfinite() and all(g.isfinite().all() for g in grads.values())


def test_a_row_of_zeros_gets_no_gradient():
    z = embeddings(5, 4)
    z["audio"][2] = 0
    value, grads = value_and_grad(MultiModalContrastiveLoss(), z)
    assert value.isfinite() and not grads["audio"][2].any()
    assert all(g.isfinite().all() for g in grads.values())


# ---- bad input


def test_one_modality_is_not_enough():
    with pytest.raises(ValueError, match=r"got \['video'\] alone; give at least two"):
        MultiModalContrastiveLoss()(embeddings(4, 3, ("video",)))


def test_no_pair_in_two_clips():
    present = presence(video="1100", audio="0011", text="0110")
    with pytest.raises(ValueError, match=r"two of the 4 clips.*audio 2, text 2, video 2"):
        MultiModalContrastiveLoss()(embeddings(4, 3), present)
    with pytest.raises(ValueError, match="two of the 1 clips"):
        # One clip present in all modalities has nothing to be told from.
        MultiModalContrastiveLoss()(embeddings(1, 3), presence(video="1", audio="1", text="1"))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_rows_that_are_not_finite_are_named(bad):
    z = embeddings(12, 4)
    z["audio"][3, 1] = z["audio"][10, 0] = bad
    present = {m: torch.arange(12) != 3 for m in z}
    with pytest.raises(ValueError, match=r"embeddings\['audio'\] holds NaN.* rows 3, 10 \(2 of"):
        MultiModalContrastiveLoss()(z)
    with pytest.raises(ValueError, match=r"embeddings\['audio'\] holds NaN.* rows 10 \(1 of 12"):
        MultiModalContrastiveLoss()(z, present)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"audio": torch.ones(5, 3)}, ValueError, r"same clips B.*audio \(5, 3\), text \(4, 3\)"),
        ({"audio": torch.ones(4, 9)}, ValueError, r"same D.*audio \(4, 9\), text \(4, 3\)"),
        ({"audio": torch.ones(4)}, ValueError, r"shape \(B, D\).*audio \(4,\)"),
        ({"audio": torch.ones(4, 3, 1)}, ValueError, r"shape \(B, D\).*audio \(4, 3, 1\)"),
        ({"audio": torch.ones(4, 3).long()}, TypeError, r"\['audio'\] must be a floating.*int64"),
        (
            {"audio": [[1.0] * 3] * 4},
            TypeError,
            r"embeddings\['audio'\] must be a tensor, got list",
        ),
    ],
)
def test_wrong_embeddings(change, error, message):
    with pytest.raises(error, match=message):
        MultiModalContrastiveLoss()(embeddings(4, 3) | change)


def test_no_dict_and_no_modality():
    with pytest.raises(TypeError, match="must be a dict modality.*got Tensor"):
        MultiModalContrastiveLoss()(torch.ones(4, 3))
    with pytest.raises(ValueError, match="embeddings is empty"):
        MultiModalContrastiveLoss()({})


@pytest.mark.parametrize(
    ("present", "error", "message"),
    [
        (presence(video="1111", audio="1111"), ValueError, r"nothing about 'text'.*'audio', 'vid"),
        (presence(video="1111", audio="111", text="1111"), ValueError, r"\(4,\).*got \(3,\)"),
        ({m: torch.ones(4) for m in MODALITIES}, TypeError, "must be boolean, got torch.float32"),
    ],
)
def test_wrong_presence(present, error, message):
    with pytest.raises(error, match=message):
        MultiModalContrastiveLoss()(embeddings(4, 3), present)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_settings_are_checked(value):
    with pytest.raises(ValueError, match="margin"):
        MultiModalContrastiveLoss(margin=value)
    with pytest.raises(ValueError, match="temperature"):
        MultiModalContrastiveLoss(temperature=value)


def test_input_is_left_alone_and_the_loss_has_no_state():
    z = embeddings(7, 4)
    before = {m: x.clone() for m, x in z.items()}
    loss = MultiModalContrastiveLoss(0.25, 0.5)
    loss(z, SOME)
    assert all(torch.equal(z[m], before[m]) for m in z)
    assert not loss.state_dict()
    assert repr(loss) == "MultiModalContrastiveLoss(temperature=0.25, margin=0.5)"
