"""Two processes with a part of a batch each do what one process does with all of it."""

import subprocess
import sys

import pytest
import torch

pytest.importorskip("lightning")

from tests.fixtures.processes import ROOT, quiet_environment
from tests.training import distributed_training

# Two processes that wait for each other take minutes where the machine has other work.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CLOSE = {"rtol": 1e-6, "atol": 1e-9}


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """What each of two processes has to say, started by torchrun on the CPU (gloo)."""
    folder = tmp_path_factory.mktemp("processes")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [
        "--nproc-per-node",
        "2",
        "--module",
        "tests.training.distributed_training",
        str(folder),
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=quiet_environment(), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.parametrize("name", distributed_training.CASES)
def test_loss_gradients_and_buffers_are_those_of_the_whole_batch(of_two, name):
    expected = distributed_training.CASES[name]()
    assert any(key.startswith("1.gradient") and value.any() for key, value in expected.items())
    for rank in (0, 1):
        torch.testing.assert_close(of_two[rank][name], expected, **CLOSE)


@pytest.mark.parametrize("name", distributed_training.TILED)
def test_tiles_shared_by_the_processes_give_the_same(of_two, name):
    expected = distributed_training.CASES[name]()
    for rank in (0, 1):
        torch.testing.assert_close(of_two[rank][f"{name}-tiled"], expected, **CLOSE)


@pytest.mark.parametrize("name", ["clmex", "conclugen"])
def test_fit_on_two_devices_is_fit_on_one_with_both_batches(of_two, name):
    expected = getattr(distributed_training, f"fit_{name}")(whole=True)
    assert len(expected) == 6 and expected[-1, 1] < expected[0, 1]
    for rank in (0, 1):
        actual = of_two[rank][f"fit-{name}"]
        torch.testing.assert_close(actual, expected, equal_nan=True, **CLOSE)
