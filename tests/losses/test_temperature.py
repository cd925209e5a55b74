"""A temperature that learns: its gradient, its lower end, and its way into the optimiser."""

import copy
import inspect

import numpy as np
import pytest
import torch
from torch import nn

from fermodels import losses
from fermodels.data import Augment
from fermodels.losses.contrastive import ContrastiveLoss
from fermodels.methods import CLMEx, ConCluGen, SimCLR, ViewFX
from fermodels.models import ImageEncoder

IDS = torch.arange(8) // 2
MODALITIES = ("video", "audio")


def embeddings():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 8, 4, generator=generator, dtype=torch.float64)


def by_modality():
    z = dict(zip(MODALITIES, embeddings(), strict=True))
    present = {"video": torch.arange(8) != 5, "audio": torch.arange(8) != 2}
    return z, present


CASES = {
    "NTXentLoss": (losses.NTXentLoss, {}, lambda loss: loss(*embeddings())),
    "MultiViewContrastiveLoss": (
        losses.MultiViewContrastiveLoss,
        {},
        lambda loss: loss(embeddings()[0], IDS),
    ),
    "SupervisedContrastiveLoss": (
        losses.SupervisedContrastiveLoss,
        {},
        lambda loss: loss(embeddings()[0], IDS),
    ),
    "MultiModalContrastiveLoss": (
        losses.MultiModalContrastiveLoss,
        {"margin": 0.3},
        lambda loss: loss(*by_modality()),
    ),
    "ClusteringLoss": (
        losses.ClusteringLoss,
        {"dim": 4, "num_clusters": 3, "margin": 0.3},
        lambda loss: loss(*by_modality()),
    ),
}


def test_every_loss_with_a_temperature_is_here():
    named = {
        name
        for name in losses.__all__
        if inspect.isclass(kind := getattr(losses, name)) and issubclass(kind, ContrastiveLoss)
    }
    assert named == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_its_gradient_is_that_of_the_loss(name):
    kind, options, value = CASES[name]

    def at(tau):
        return float(value(kind(temperature=tau, **options)))

    tau = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
    loss = kind(temperature=tau, **options)
    found = value(loss)
    assert float(found) == pytest.approx(at(0.3), rel=1e-12)
    found.backward()
    slope = (at(0.3 + 1e-5) - at(0.3 - 1e-5)) / 2e-5
    assert float(tau.grad) == pytest.approx(slope, rel=1e-6)
    assert dict(loss.named_parameters()).keys() == {"temperature"}
    assert "temperature=0.3" in repr(loss)


@pytest.mark.parametrize("name", CASES)
def test_it_learns_and_stays_above_its_lower_end(name):
    kind, options, value = CASES[name]
    loss = kind(temperature=nn.Parameter(torch.tensor(0.05)), **options)
    optimiser = torch.optim.SGD(loss.parameters(), lr=10.0)
    for _ in range(3):
        optimiser.zero_grad()
        value(loss).backward()
        optimiser.step()
    assert float(loss.temperature) != pytest.approx(0.05)
    with torch.no_grad():
        loss.temperature.fill_(-1.0)
    assert float(loss.tau) == pytest.approx(0.01)
    assert value(loss).isfinite()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("temperature", "message"),
    [
        (torch.ones(2), r"one number, such as nn.Parameter.*tensor \(2,\)"),
        (nn.Parameter(torch.tensor(0.001)), "starts at 0.01 or above"),
        (torch.tensor(float("nan")), "must be a positive number, got nan"),
    ],
)
def test_what_is_no_temperature(name, temperature, message):
    kind, options, _ = CASES[name]
    with pytest.raises(ValueError, match=message):
        kind(temperature=temperature, **options)


def test_numbers_stay_numbers():
    for given in (0.2, np.float32(0.25), torch.tensor(0.25)):
        loss = losses.NTXentLoss(given)
        assert type(loss.temperature) is float and not list(loss.parameters())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("kind", [CLMEx, SimCLR, ViewFX])
def test_learners_train_it(kind, optimizer):
    torch.manual_seed(0)
    tau = nn.Parameter(torch.tensor(0.2))
    method = kind(
        ImageEncoder(image_size=16, width=4),
        temperature=tau,
        augment=Augment.none(16),
        optimizer=optimizer,
    )
    settings = copy.deepcopy(method.settings())
    optimiser = method.configure_optimizer()
    (group,) = (g for g in optimiser.param_groups if any(p is tau for p in g["params"]))
    assert group["weight_decay"] == 0
    batch = {
        "image": torch.randint(256, (8, 3, 16, 16), dtype=torch.uint8),
        "instance": IDS,
        "expression": IDS // 2,
    }
    method.training_step(batch, 0).backward()
    optimiser.step()
    assert float(tau) != pytest.approx(0.2, abs=1e-6)
    assert settings["temperature"] == {"learned_from": pytest.approx(0.2)}
    assert method.settings() == settings  # a run is resumed with what it began with


def test_conclugen_trains_both():
    taus = [nn.Parameter(torch.tensor(0.2)) for _ in range(2)]
    method = ConCluGen(
        {"video": 4, "audio": 4}, num_clusters=2, temperature=taus[0], cluster_temperature=taus[1]
    )
    trained = {id(p) for group in method.parameter_groups() for p in group["params"]}
    assert {id(tau) for tau in taus} <= trained
    assert method.settings()["cluster_temperature"] == {"learned_from": pytest.approx(0.2)}
