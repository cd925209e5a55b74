"""A run that is killed with SIGKILL continues to the bit-identical result."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("lightning")

from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]

# Each attempt is a fork of one process, which saves importing everything six times. Dropout and
# batch norm show whether random state and buffers come back.
RUN = """
import os, signal, sys
from pathlib import Path
import pandas  # here, not once in every child
import torch
from fermodels.data import ImageDataset, RandomBatchSampler, SubjectBatchSampler, loader
from fermodels.models import ImageEncoder
from fermodels.methods import CLMEx, ImageFineTuning
from fermodels.training import fit
from tests.fixtures.processes import in_a_fork
from tests.fixtures.images import make_tiny


class Killed:
    kill_at = None

    def training_step(self, batch, batch_idx):
        if self.global_step == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().training_step(batch, batch_idx)


class KilledCLMEx(Killed, CLMEx):
    pass


class KilledClassifier(Killed, ImageFineTuning):
    pass


def run(kind, run_dir, seed, kill_at=None):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    prepared = make_tiny(subjects=4, size=16)
    data = ImageDataset(prepared, in_memory=kind != "clmex")  # else a thread decodes ahead
    encoder = ImageEncoder(image_size=16, width=8)
    encoder.backbone = torch.nn.Sequential(encoder.backbone, torch.nn.Dropout(0.2))
    if kind == "clmex":
        method = KilledCLMEx(encoder, seed=1)
        sampler = SubjectBatchSampler(data, 2, seed=1)  # 4 batches an epoch
    else:
        method = KilledClassifier(encoder, prepared.expressions, seed=1)
        sampler = RandomBatchSampler(data, 32, seed=1, num_batches=4)
    method.kill_at = kill_at
    history = fit(
        method,
        loader(data, sampler),
        max_steps=14,
        run_dir=run_dir,
        val_loader=loader(data, RandomBatchSampler(data, 70)),
        validate=lambda encoder: {"weight": next(encoder.parameters()).sum()},
        accelerator="cpu",
        progress=False,
    )
    assert len(history) == 14


root = Path(sys.argv[1])
for kind in ("clmex", "classifier"):
    folder = root / kind
    assert in_a_fork(run, kind, folder / "whole", 0) == 0
    assert in_a_fork(run, kind, folder / "killed", 0, 10) == -signal.SIGKILL
    half = torch.load(folder / "killed" / "last.ckpt", weights_only=True)
    assert (half["epoch"], half["global_step"]) == (1, 8)  # two whole epochs of four steps
    assert len((folder / "killed" / "history.csv").read_text().splitlines()) == 1 + 8
    assert not (folder / "killed" / "encoder").exists()
    # Killed once more, before an epoch is whole; and the new first weights do not matter.
    assert in_a_fork(run, kind, folder / "killed", 1, 9) == -signal.SIGKILL
    assert in_a_fork(run, kind, folder / "killed", 2) == 0
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_killed_runs_continue_to_the_same_result(tmp_path):
    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
    result = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path)], env=env, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == result.stderr == ""
    for kind in ("clmex", "classifier"):
        assert_same_run(tmp_path / kind / "whole", tmp_path / kind / "killed")
    assert not list(tmp_path.glob("**/.*"))  # no half-written file is left


def assert_same_run(whole, killed):
    import pandas as pd

    one, two = (torch.load(run / "last.ckpt", weights_only=True) for run in (whole, killed))
    assert one["epoch"] == two["epoch"] == 3 and one["global_step"] == two["global_step"] == 14
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert_same(one[part], two[part])
    assert_same(*(load_file(run / "encoder" / "model.safetensors") for run in (whole, killed)))

    histories = [pd.read_csv(run / "history.csv") for run in (whole, killed)]
    assert all(history["seconds"].is_monotonic_increasing for history in histories)
    one, two = (history.drop(columns="seconds") for history in histories)
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert one["val_loss"].count() == 3  # the fourth epoch is cut short by max_steps
    assert one["weight"].count() == 4


def assert_same(one, two):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    elif isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_same(one[key], two[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_same(a, b)
    else:
        assert one == two
