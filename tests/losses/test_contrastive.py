"""The three contrastive losses against slow loops, exact identities, known values, bad input."""

import math

import pytest
import torch

from fermodels.losses import (
    MultiViewContrastiveLoss,
    NTXentLoss,
    SupervisedContrastiveLoss,
    chance_level,
    multi_positive_info_nce,
    unit_vectors,
)

# Five images of 4, three of 7, two of −1, one of 9 and one of 2, not in order.
UNEQUAL = torch.tensor([4, 7, 4, 9, -1, 4, 7, 4, 2, 7, -1, 4])


def random(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def slow_multi_positive(z, ids, temperature):
    """The formula of the paper, letter by letter, in plain Python."""
    z, ids = z.tolist(), ids.tolist()
    terms = []
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        positives = [p for p in others if ids[p] == ids[i]]
        if not positives:
            continue
        similarity = {a: math.exp(cosine(z[i], z[a]) / temperature) for a in others}
        total = sum(similarity.values())
        logs = [math.log(similarity[p] / total) for p in positives]
        terms.append(-sum(logs) / len(positives))
    return sum(terms) / len(terms)


def slow_nt_xent(z1, z2, temperature):
    """Algorithm 1 of SimCLR: interleaved pairs (2k, 2k + 1), l(i, j) + l(j, i)."""
    z = [row for pair in zip(z1.tolist(), z2.tolist(), strict=True) for row in pair]

    def term(i, j):
        others = [k for k in range(len(z)) if k != i]
        total = sum(math.exp(cosine(z[i], z[k]) / temperature) for k in others)
        return -math.log(math.exp(cosine(z[i], z[j]) / temperature) / total)

    pairs = range(0, len(z), 2)
    return sum(term(k, k + 1) + term(k + 1, k) for k in pairs) / len(z)


def value_and_grad(function, *inputs):
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    value = function(*inputs)
    return value.detach(), torch.autograd.grad(value, inputs)


# ---- against slow loops


@pytest.mark.parametrize("temperature", [0.07, 0.5, 1.0])
def test_multi_view_equals_the_loop_with_missing_views(small_tiles, temperature):
    z = random(12, 6) * 3
    expected = slow_multi_positive(z, UNEQUAL, temperature)
    loss = MultiViewContrastiveLoss(temperature)(z, UNEQUAL)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_multi_view_of_a_block_equals_the_loop(small_tiles):
    z = random(4, 3, 5)
    ids = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    expected = slow_multi_positive(z.view(12, 5), ids, 0.2)
    assert MultiViewContrastiveLoss(0.2)(z).item() == pytest.approx(expected, rel=1e-12)


def test_nt_xent_equals_the_loop(small_tiles):
    z1, z2 = random(6, 5), random(6, 5, seed=1)
    expected = slow_nt_xent(z1, z2, 0.3)
    assert NTXentLoss(0.3)(z1, z2).item() == pytest.approx(expected, rel=1e-12)


def test_supervised_equals_the_loop(small_tiles):
    z, labels = random(10, 4), torch.tensor([0, 1, 1, 0, 2, 2, 2, 0, 3, 0])
    expected = slow_multi_positive(z, labels, 0.1)
    assert SupervisedContrastiveLoss(0.1)(z, labels).item() == pytest.approx(expected, rel=1e-12)


# ---- identities


def test_one_view_in_two_augmentations_is_nt_xent_with_its_gradient():
    z1, z2 = random(7, 5), random(7, 5, seed=1)
    ours, multi_view = NTXentLoss(0.1), MultiViewContrastiveLoss(0.1)
    expected = value_and_grad(ours, z1, z2)
    stacked = value_and_grad(lambda a, b: multi_view(torch.stack([a, b], dim=1)), z1, z2)
    torch.testing.assert_close(stacked, expected, rtol=1e-12, atol=1e-14)
    # The same without our code on the other side.
    assert stacked[0].item() == pytest.approx(slow_nt_xent(z1, z2, 0.1), rel=1e-12)


def test_instance_as_class_is_the_supervised_loss_with_its_gradient():
    z, labels = random(12, 5), UNEQUAL
    expected = value_and_grad(lambda x: SupervisedContrastiveLoss(0.1)(x, labels), z)
    actual = value_and_grad(lambda x: MultiViewContrastiveLoss(0.1)(x, labels), z)
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)


def test_block_and_ids_are_two_ways_to_say_the_same():
    z = random(4, 3, 5)
    loss = MultiViewContrastiveLoss(0.1)
    ids = torch.tensor([8, 8, 8, -3, -3, -3, 5, 5, 5, 0, 0, 0], dtype=torch.int32)
    torch.testing.assert_close(loss(z), loss(z.view(12, 5), ids), rtol=1e-14, atol=0)


def test_order_of_images_and_names_of_instances_do_not_matter():
    z, loss = random(12, 5), MultiViewContrastiveLoss(0.1)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(3))
    value, (grad,) = value_and_grad(lambda x: loss(x, UNEQUAL), z)
    renamed = UNEQUAL[order] * 1000 - 17
    permuted, (permuted_grad,) = value_and_grad(lambda x: loss(x, renamed), z[order])
    torch.testing.assert_close(permuted, value, rtol=1e-12, atol=0)
    torch.testing.assert_close(permuted_grad, grad[order], rtol=1e-10, atol=1e-14)
    wrong = torch.roll(UNEQUAL, 1)
    assert abs(loss(z, wrong) - value) > 1e-3


def test_length_of_an_embedding_does_not_matter():
    z, loss = random(12, 5), MultiViewContrastiveLoss(0.1)
    lengths = torch.linspace(0.01, 100, 12, dtype=torch.float64)[:, None]
    torch.testing.assert_close(loss(z * lengths, UNEQUAL), loss(z, UNEQUAL), rtol=1e-12, atol=0)


def test_an_image_without_positive_is_not_counted_but_remains_a_negative(small_tiles):
    z, ids = random(5, 4), torch.tensor([0, 0, 1, 1, 2])
    loss = MultiViewContrastiveLoss(0.5)
    unit = z / z.norm(dim=1, keepdim=True)
    logits = unit @ unit.T / 0.5
    terms = []
    for i, p in [(0, 1), (1, 0), (2, 3), (3, 2)]:
        terms.append(torch.cat([logits[i, :i], logits[i, i + 1 :]]).logsumexp(0) - logits[i, p])
    torch.testing.assert_close(loss(z, ids), torch.stack(terms).mean(), rtol=1e-12, atol=0)
    assert loss(z, ids) > loss(z[:4], ids[:4])  # one candidate fewer
    _, (grad,) = value_and_grad(lambda x: loss(x, ids), z)
    assert grad[4].abs().max() > 1e-4  # pushed away by the others


# ---- known values


@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0])
@pytest.mark.parametrize(("num_instances", "num_views"), [(6, 2), (4, 5)])
def test_identical_views_of_orthogonal_instances_give_the_known_value(
    num_instances, num_views, temperature
):
    z = torch.eye(num_instances, dtype=torch.float64)[:, None].repeat(1, num_views, 1)
    positives = (num_views - 1) * math.exp(1 / temperature)
    expected = math.log(positives + num_views * (num_instances - 1)) - 1 / temperature
    loss = MultiViewContrastiveLoss(temperature)(z)
    assert loss.item() == pytest.approx(expected, rel=1e-9, abs=1e-13)
    assert loss >= chance_level(num_views - 1) - 1e-12


def test_a_collapsed_encoder_stands_at_chance_level():
    loss = MultiViewContrastiveLoss(0.1)(torch.ones(5, 4, 8))
    assert loss.item() == pytest.approx(math.log(19), rel=1e-6)
    assert chance_level(19) == math.log(19)
    assert NTXentLoss(0.1)(torch.ones(8, 3), torch.ones(8, 3)).item() == pytest.approx(
        chance_level(15), rel=1e-6
    )


def test_random_embeddings_of_many_dimensions_stand_near_chance_level():
    z = random(40, 5, 4096, dtype=torch.float32)
    assert MultiViewContrastiveLoss(0.5)(z).item() == pytest.approx(chance_level(199), abs=0.01)


def test_chance_level_needs_candidates():
    assert chance_level(1) == 0
    with pytest.raises(ValueError, match="at least 1"):
        chance_level(0)


def test_a_batch_of_one_image_gives_nt_xent_zero():
    assert NTXentLoss()(torch.ones(1, 3), -torch.ones(1, 3)).item() == pytest.approx(0, abs=1e-6)


def test_gradient_steps_pull_an_instance_together():
    z = random(4, 3, 8).requires_grad_()
    loss, optimiser = MultiViewContrastiveLoss(0.2), torch.optim.SGD([z], lr=2.0)
    start = loss(z).item()
    for _ in range(200):
        optimiser.zero_grad()
        loss(z).backward()
        optimiser.step()
    floor = chance_level(2)
    assert start > floor + 0.8
    assert floor < loss(z).item() < floor + 0.05


# ---- gradients


def test_gradcheck_of_all_three(small_tiles):
    z, ids = random(7, 4).requires_grad_(), torch.tensor([0, 0, 1, 1, 1, 2, 0])
    z1, z2 = random(4, 3).requires_grad_(), random(4, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: MultiViewContrastiveLoss(0.3)(x, ids), z)
    assert torch.autograd.gradcheck(lambda x: SupervisedContrastiveLoss(0.3)(x, ids), z)
    assert torch.autograd.gradcheck(NTXentLoss(0.3), (z1, z2))


def test_a_second_derivative_is_refused():
    z, ids = random(5, 3).requires_grad_(), torch.tensor([0, 0, 1, 1, 2])
    loss = MultiViewContrastiveLoss(0.5)(z, ids)
    (grad,) = torch.autograd.grad(loss, z, create_graph=True)
    with pytest.raises(RuntimeError, match="contrastive losses cannot be differentiated twice"):
        grad.square().sum().backward()


def test_a_row_of_zeros_has_no_direction_and_gets_no_gradient():
    z = random(6, 4)
    z[2] = 0
    loss = MultiViewContrastiveLoss(0.1)
    value, (grad,) = value_and_grad(lambda x: loss(x, torch.tensor([0, 0, 1, 1, 2, 2])), z)
    assert value.isfinite() and grad.isfinite().all()
    assert not grad[2].any() and grad[3].any()


# ---- precision


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    z = random(12, 16, dtype=dtype)
    loss = MultiViewContrastiveLoss(0.05)
    value, (grad,) = value_and_grad(lambda x: loss(x, UNEQUAL), z)
    expected, (expected_grad,) = value_and_grad(lambda x: loss(x, UNEQUAL), z.float())
    assert value.dtype == torch.float32 and grad.dtype == dtype
    assert torch.equal(value, expected)
    torch.testing.assert_close(grad, expected_grad.to(dtype), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_changes_nothing(dtype):
    z, z2 = random(12, 64, dtype=torch.float32), random(12, 64, seed=1, dtype=torch.float32)
    cases = [
        (MultiViewContrastiveLoss(0.05), (z, UNEQUAL)),
        (MultiViewContrastiveLoss(0.05), (z.view(4, 3, 64),)),
        (SupervisedContrastiveLoss(0.05), (z, UNEQUAL)),
        (NTXentLoss(0.05), (z, z2)),
    ]
    for loss, arguments in cases:
        with torch.autocast("cpu", dtype=dtype):
            assert (z @ z.T).dtype == dtype  # autocast is on
            value = loss(*arguments)
        assert value.dtype == torch.float32
        assert torch.equal(value, loss(*arguments))


def test_float64_stays_float64():
    assert MultiViewContrastiveLoss()(random(3, 2, 4)).dtype == torch.float64
    assert NTXentLoss()(random(3, 4), random(3, 4)).dtype == torch.float64


def test_temperature_of_a_hundredth_neither_overflows_nor_loses_digits():
    # exp(1/0.01) = exp(100) overflows float32.
    loss = MultiViewContrastiveLoss(0.01)
    z = random(20, 5, 16)
    z = z[:, :1] + 0.1 * z  # views resemble each other
    expected, (expected_grad,) = value_and_grad(loss, z)
    value, (grad,) = value_and_grad(loss, z.float())
    assert value.isfinite() and expected > 1
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(grad.double(), expected_grad, rtol=1e-3, atol=1e-6)
    # Opposite views: the worst loss there is, 200 and more, still finite.
    opposite = torch.tensor([[[1.0, 0.0], [-1.0, 0.0]], [[1.0, 0.0], [-1.0, 0.0]]])
    assert loss(opposite).item() == pytest.approx(200, rel=1e-5)


def test_forward_and_backward_keep_few_n_by_n_arrays():
    n = 64
    z, ids = random(n, 8).requires_grad_(), torch.arange(n) // 4
    saved = []

    def pack(tensor):
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        MultiViewContrastiveLoss(0.1)(z, ids)
    assert len({t.data_ptr() for t in saved if t.numel() >= n * n}) == 1  # the logits, no mask


# ---- bad input


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_rows_that_are_not_finite_are_named(bad):
    z = torch.ones(12, 4)
    z[3, 1] = z[10, 0] = bad
    for loss in (MultiViewContrastiveLoss(), SupervisedContrastiveLoss()):
        with pytest.raises(ValueError, match=r"NaN.* in rows 3, 10 \(2 of 12\)"):
            loss(z, UNEQUAL)
    with pytest.raises(ValueError, match=r"\(instance, view\) \(1, 0\), \(3, 1\) \(2 of 12\)"):
        MultiViewContrastiveLoss()(z.view(4, 3, 4))
    with pytest.raises(ValueError, match=r"^z2 holds NaN.* rows 3, 10"):
        NTXentLoss()(torch.ones(12, 4), z)


def test_only_the_first_of_many_bad_rows_are_listed():
    with pytest.raises(ValueError, match=r"rows 0, 1, .*9, … \(30 of 30\)"):
        unit_vectors(torch.full((30, 2), math.nan))


def test_rows_too_long_for_float32_are_named_not_turned_to_zero():
    z = torch.ones(12, 4)
    z[5] = 1e30
    with pytest.raises(ValueError, match="overflowing embeddings in rows 5 "):
        MultiViewContrastiveLoss()(z, UNEQUAL)


def test_a_batch_without_positive_says_why():
    z = random(4, 3)
    for loss in (MultiViewContrastiveLoss(), SupervisedContrastiveLoss()):
        with pytest.raises(ValueError, match="ids of all 4 rows differ"):
            loss(z, torch.arange(4))
    with pytest.raises(ValueError, match="one view for each instance"):
        MultiViewContrastiveLoss()(z[:, None])


@pytest.mark.parametrize(
    ("shape", "ids", "message"),
    [
        ((4, 3), None, r"\(B, V, D\).*\(4, 3\)"),
        ((2, 2, 2, 3), None, r"\(B, V, D\).*\(2, 2, 2, 3\)"),
        ((2, 2, 3), [0, 1], r"\(N, D\).*\(2, 2, 3\)"),
        ((4, 3), [0, 0, 1], r"instance must have shape \(4,\).*\(3,\)"),
        ((4, 3), [[0], [0], [1], [1]], r"instance must have shape \(4,\).*\(4, 1\)"),
        ((0, 3), [], "empty"),
        ((0, 2, 3), None, "empty"),
    ],
)
def test_wrong_shapes_of_multi_view(shape, ids, message):
    ids = None if ids is None else torch.tensor(ids, dtype=torch.int64)
    with pytest.raises(ValueError, match=message):
        MultiViewContrastiveLoss()(torch.ones(shape), ids)


def test_wrong_shapes_of_the_others():
    with pytest.raises(ValueError, match=r"same shape \(B, D\).*\(4, 3\) and \(5, 3\)"):
        NTXentLoss()(torch.ones(4, 3), torch.ones(5, 3))
    with pytest.raises(ValueError, match=r"same shape \(B, D\)"):
        NTXentLoss()(torch.ones(4, 2, 3), torch.ones(4, 2, 3))
    with pytest.raises(ValueError, match=r"z must have shape \(N, D\), got \(2, 2, 3\)"):
        SupervisedContrastiveLoss()(torch.ones(2, 2, 3), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"labels must have shape \(4,\)"):
        SupervisedContrastiveLoss()(torch.ones(4, 3), torch.zeros(5, dtype=torch.int64))


def test_wrong_types():
    z, ids = torch.ones(4, 3), torch.tensor([0, 0, 1, 1])
    with pytest.raises(TypeError, match="integers, got torch.float32"):
        MultiViewContrastiveLoss()(z, ids.float())
    with pytest.raises(TypeError, match="integers, got torch.bool"):
        SupervisedContrastiveLoss()(z, ids.bool())
    with pytest.raises(TypeError, match="floating-point.*int64"):
        MultiViewContrastiveLoss()(z.long(), ids)
    with pytest.raises(TypeError, match="list"):
        MultiViewContrastiveLoss()(z.tolist(), ids)


@pytest.mark.parametrize("temperature", [0, -0.1, math.nan, math.inf])
def test_temperature_must_be_positive(temperature):
    for loss in (MultiViewContrastiveLoss, NTXentLoss, SupervisedContrastiveLoss):
        with pytest.raises(ValueError, match="temperature"):
            loss(temperature)


def test_input_is_left_alone_and_the_loss_has_no_state():
    z = random(12, 4)
    before = z.clone()
    loss = MultiViewContrastiveLoss(0.25)
    loss(z, UNEQUAL)
    assert torch.equal(z, before)
    assert not loss.state_dict()
    assert repr(loss) == "MultiViewContrastiveLoss(temperature=0.25)"


def test_the_shared_function_takes_unit_vectors():
    z = random(12, 4)
    value = multi_positive_info_nce(unit_vectors(z), UNEQUAL, 0.1)
    assert torch.equal(value, MultiViewContrastiveLoss(0.1)(z, UNEQUAL))
