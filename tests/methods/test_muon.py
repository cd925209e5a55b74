"""MuonAndAdamW: beside torch's own two, on kernels, and how it goes on."""

import copy

import pytest
import torch
from torch import nn

from fermodels.data import ImageDataset, SubjectBatchSampler, loader
from fermodels.methods import CLMEx, MuonAndAdamW
from fermodels.models import ImageEncoder
from fermodels.training import fit


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4)
    )


def groups(model: nn.Module, rate: float = 0.01) -> list[dict]:
    parts = [[p for p in model.parameters() if (p.ndim > 1) == big] for big in (True, False)]
    return [{"params": part, "lr": rate, "weight_decay": 0.1} for part in parts]


def train(model: nn.Module, optimizer, steps: int, first: int = 0) -> nn.Module:
    for number in range(first, first + steps):
        x = torch.randn(5, 3, 5, 5, generator=torch.Generator().manual_seed(number))
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
    return model


def test_matrices_and_the_rest_are_trained_as_torchs_own_optimisers_do_it():
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    theirs = copy.deepcopy(ours)
    mine = MuonAndAdamW(groups(ours))
    big, small = groups(theirs)
    others = [
        torch.optim.Muon(**big, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(**small),
    ]
    for number in range(4):
        x = torch.randn(7, 6, generator=torch.Generator().manual_seed(number))
        for model, optimizers in ((ours, [mine]), (theirs, others)):
            model.zero_grad()
            model(x).square().sum().backward()
            for optimizer in optimizers:
                optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_step_of_a_kernel_is_orthogonal_and_as_large_as_documented():
    kernel = nn.Parameter(torch.zeros(8, 3, 3, 3))
    kernel.grad = torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    MuonAndAdamW([{"params": [kernel], "lr": 0.01, "weight_decay": 0.0}]).step()
    step = -kernel.detach().flatten(1) / (0.01 * 0.2 * 27**0.5)
    assert torch.linalg.svdvals(step).sub(1).abs().max() < 0.5  # Newton-Schulz is rough
    u, _, v = torch.linalg.svd(kernel.grad.flatten(1), full_matrices=False)
    assert torch.nn.functional.cosine_similarity(step.flatten(), (u @ v).flatten(), dim=0) > 0.95


def test_the_layout_of_a_kernel_in_memory_makes_no_difference():
    first, last = network(), network().to(memory_format=torch.channels_last)
    assert not last[0].weight.is_contiguous()
    for model in (first, last):
        train(model, MuonAndAdamW(groups(model)), 3)
    # Rounded in bfloat16, and in another order of summing.
    assert torch.allclose(first[0].weight, last[0].weight.contiguous(), atol=2e-3)
    assert not torch.allclose(first[0].weight, network()[0].weight, atol=5e-3)


def test_a_state_goes_on_as_if_nothing_had_been_between():
    whole = network()
    train(whole, MuonAndAdamW(groups(whole)), 6)
    half = network()
    optimizer = MuonAndAdamW(groups(half))
    train(half, optimizer, 3)
    again = network()
    again.load_state_dict(half.state_dict())
    restored = MuonAndAdamW(groups(again, rate=0.5))
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(again, restored, 3, first=3)
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_schedules_reach_both_parts():
    model = network()
    optimizer = MuonAndAdamW(groups(model))
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(list(model.parameters()))
    train(model, optimizer, 2)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_groups_that_do_not_fit_are_refused():
    model = network()
    with pytest.raises(ValueError, match="matrices and others"):
        MuonAndAdamW([{"params": model.parameters(), "lr": 0.1, "weight_decay": 0}])
    small = MuonAndAdamW(groups(model)[1:])
    with pytest.raises(ValueError, match="other groups"):
        small.load_state_dict(MuonAndAdamW(groups(model)).state_dict())
    with pytest.raises(ValueError, match="optimizer is one of adamw, muon"):
        CLMEx(ImageEncoder(image_size=16, width=4), optimizer="sgd")


def test_a_run_that_was_killed_goes_on_to_the_same_weights(tiny_prepared, tmp_path):
    def run(folder, steps=6, **options):
        torch.manual_seed(0)
        learner = CLMEx(ImageEncoder(image_size=16, width=4), optimizer="muon", learning_rate=5e-3)
        people = ImageDataset(tiny_prepared)
        batches = loader(people, SubjectBatchSampler(people, 2, seed=0, num_batches=2))
        fit(learner, batches, max_steps=steps, run_dir=folder, progress=False, **options)
        return learner

    class Killed(Exception):
        pass

    from fermodels.training import Callback

    class Kill(Callback):
        def on_step_end(self, learner, batch, losses):
            if learner.global_step == 3:
                raise Killed

    whole = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "killed", callbacks=[Kill()])
    again = run(tmp_path / "killed")
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert "optimizer" in whole.settings() and "optimizer" not in CLMEx(whole.encoder).settings()
