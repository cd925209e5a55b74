"""One cycle of the learning rate, of any length and with any warm-up."""

import math

import pytest
import torch

from fermodels.data import Augment
from fermodels.methods import SimCLR
from fermodels.models import ImageEncoder


def learner(**options):
    torch.manual_seed(0)
    return SimCLR(ImageEncoder(image_size=16, width=4), augment=Augment.none(16), **options)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 10, 97])
def test_every_step_has_a_rate(steps, optimizer):
    warmups = {0.0, 0.1, 0.3, 0.5, 1 / 3, 0.999, 1.0, 1 / steps, 2 / steps if steps > 1 else 0.7}
    for warmup in sorted(warmups):
        method = learner(warmup=warmup, learning_rate=2e-3, optimizer=optimizer)
        for height in (1.0, 0.5):
            optimiser = method.configure_optimizer()
            for group in optimiser.param_groups:  # what an earlier cycle left
                group["lr"] = group["initial_lr"] = 1e-9
            schedule = method.configure_schedule(optimiser, steps, height)
            rates = []
            for _ in range(steps):
                rates.append(optimiser.param_groups[0]["lr"])
                optimiser.step()
                schedule.step()
            peak = height * 2e-3
            assert all(math.isfinite(rate) and 0 < rate <= peak * 1.0001 for rate in rates), warmup
            if steps == 1 or (warmup * steps >= 1 and (warmup * steps).is_integer()):
                assert max(rates) == pytest.approx(peak, rel=0.01), warmup
            if warmup == 1 and steps > 1:
                assert rates == sorted(rates)


def test_no_step_is_none():
    method = learner()
    with pytest.raises(ValueError, match="one step or more, got 0"):
        method.configure_schedule(method.configure_optimizer(), 0)


@pytest.mark.parametrize("name", ["learning_rate", "weight_decay", "warmup"])
def test_settings_that_are_no_numbers_are_refused(name):
    with pytest.raises(ValueError, match="learning_rate must be positive"):
        learner(**{name: float("nan")})
