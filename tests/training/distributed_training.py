"""What two processes do with half a batch each, and one with all of it: see test_distributed.

Run by torchrun with a folder for the results as its argument; imported for the other side.
"""

import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from fermodels.data import (
    ClipBatchSampler,
    FeatureDataset,
    ImageDataset,
    SubjectBatchSampler,
    loader,
)
from fermodels.losses import (
    BarlowTwinsLoss,
    MultiModalContrastiveLoss,
    MultiViewContrastiveLoss,
    NTXentLoss,
    SupervisedContrastiveLoss,
    clustering,
    tiles,
)
from fermodels.losses.distributed import all_gather_with_grad, rank_and_size
from fermodels.methods import CLMEx, ConCluGen, ViewFX
from fermodels.models import ImageEncoder
from fermodels.training import fit
from fermodels.training.batch_norm import synchronised_batch_norm
from tests.fixtures.clips import make_clips, make_features
from tests.fixtures.images import make_tiny

DIMS = {"audio": 6, "text": 5, "video": 7}


class NoAugment(nn.Module):
    def forward(self, images, generator):
        return SimpleNamespace(images=images.double() / 255)


def clmex(kind=CLMEx, **options):
    torch.manual_seed(0)
    encoder = ImageEncoder(image_size=16, width=4)
    return kind(encoder, augment=NoAugment(), projection_dim=8, learning_rate=1e-3, **options)


def conclugen(mode):
    torch.manual_seed(0)
    return ConCluGen(
        DIMS,
        hidden_dim=8,
        representation_dim=6,
        projection_dim=5,
        num_clusters=4,
        cluster_mode=mode,
        queue_size=30,
        temperature=0.3,
    )


def images():
    """25 images of 16 px in six instances; the last three views are missing from one of them."""
    generator = torch.Generator().manual_seed(1)
    instance = torch.arange(28).div(5, rounding_mode="floor")[:25]
    instance = torch.cat([instance, torch.tensor([9, 9, 9])])
    return {
        "image": torch.randint(256, (28, 3, 16, 16), generator=generator, dtype=torch.uint8),
        "instance": instance,
        "expression": torch.arange(28) % 3,
    }


def clips():
    """Features of 21 clips, of which many lack a modality, unevenly in the two parts."""
    generator = torch.Generator().manual_seed(2)
    features = {
        name: torch.randn(21, dim, generator=generator, dtype=torch.float64)
        for name, dim in DIMS.items()
    }
    present = {name: torch.rand(21, generator=generator) < 0.7 for name in DIMS}
    present["text"][13:] = False
    present["video"][:] = True
    return {"features": features, "present": present, "index": torch.arange(21)}


def part(batch, rows):
    return {
        key: part(value, rows) if isinstance(value, dict) else value[rows]
        for key, value in batch.items()
    }


class _Forward(nn.Module):
    """DDP hooks into `forward`."""

    def __init__(self, learner):
        super().__init__()
        self.learner = learner

    def forward(self, batch):
        if isinstance(self.learner, ConCluGen):
            return self.learner.task_losses(batch)
        return {"loss": self.learner.batch_loss(batch, torch.Generator().manual_seed(0))}


def steps(learner, batch, cut):
    """Losses, gradients and buffers of two steps; under two processes each has a part.

    Rows before `cut` go to the first process, the rest to the second.
    """
    rank, world = rank_and_size()
    learner.double().train()
    if world == 1:
        return _steps(learner, _Forward(learner), batch)
    batch = part(batch, slice(None, cut) if rank == 0 else slice(cut, None))
    with synchronised_batch_norm(learner, on_cpu=True):
        unused = learner.find_unused_parameters
        model = DistributedDataParallel(_Forward(learner), find_unused_parameters=unused)
        return _steps(learner, model, batch)


def _steps(learner, model, batch):
    learner.warmup_epochs = 0
    result = {}
    for step in range(2):
        model.zero_grad()
        losses = model(batch)
        sum(losses.values()).backward()
        result |= {f"{step}.loss.{name}": value.detach() for name, value in losses.items()}
        result |= {
            f"{step}.gradient.{name}": p.grad.clone()
            for name, p in learner.named_parameters()
            if p.grad is not None
        }
    buffers = {f"buffer.{name}": value.clone() for name, value in learner.named_buffers()}
    return result | buffers


def alone(loss, columns, cut):
    """Value and gradient of a loss in somebody else's loop; the first column is the embeddings.

    Each process has the gradient of its own rows, times the number of processes.
    """
    rank, world = rank_and_size()
    if world > 1:
        rows = slice(None, cut) if rank == 0 else slice(cut, None)
        columns = [column[rows] for column in columns]
    z = columns[0].clone().requires_grad_()
    value = loss(z, *columns[1:])
    value.backward()
    (gradient,) = all_gather_with_grad(z.grad / world)
    return {"value": value.detach(), "1.gradient": gradient}


def embeddings(*shape):
    generator = torch.Generator().manual_seed(3)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def of_both(kind, *arguments):
    """A loss of two sets of embeddings as one of a single tensor (N, 2, D)."""
    loss = kind(*arguments, gather_distributed=True)
    return lambda z: loss(z[:, 0], z[:, 1])


def multi_modal(z, text):
    loss = MultiModalContrastiveLoss(0.3, gather_distributed=True)
    there = torch.ones_like(text)
    names = ("audio", "text", "video")
    masks = dict(zip(names, (there, text, there), strict=True))
    return loss(dict(zip(names, z.unbind(1), strict=True)), masks)


def apart():
    """The second process comes to other centroids than the first, as rounding might have it."""
    ours = clustering.spherical_kmeans

    def turned(*arguments):
        centroids, assigned = ours(*arguments)
        return centroids.flip(0), len(centroids) - 1 - assigned

    clustering.spherical_kmeans = turned if rank_and_size()[0] else ours
    try:
        return steps(conclugen("joint"), clips(), 8)
    finally:
        clustering.spherical_kmeans = ours


IDS = torch.tensor([4, 7, 4, 9, -1, 4, 7, 4, 2, 7, -1, 4])
CASES = {
    "multi-view": lambda: alone(
        MultiViewContrastiveLoss(0.2, gather_distributed=True), [embeddings(12, 4), IDS], 5
    ),
    "multi-view-block": lambda: alone(
        MultiViewContrastiveLoss(0.2, gather_distributed=True), [embeddings(6, 3, 4)], 2
    ),
    "supervised-nothing-at-the-second": lambda: alone(
        SupervisedContrastiveLoss(0.2, gather_distributed=True), [embeddings(12, 4), IDS], 12
    ),
    "nt-xent": lambda: alone(of_both(NTXentLoss, 0.2), [embeddings(7, 2, 4)], 3),
    "barlow-twins": lambda: alone(of_both(BarlowTwinsLoss), [embeddings(7, 2, 4)], 3),
    "barlow-twins-nothing-at-the-first": lambda: alone(
        of_both(BarlowTwinsLoss), [embeddings(7, 2, 4)], 0
    ),
    "multi-modal": lambda: alone(multi_modal, [embeddings(9, 3, 4), torch.arange(9) % 3 > 0], 4),
    "clmex": lambda: steps(clmex(), images(), 10),
    # Barlow Twins pairs views at random, each process its own.
    "viewfx": lambda: steps(clmex(ViewFX, barlow_weight=0), images(), 10),
    "clmex-low": lambda: steps(clmex(temperature=0.002), images(), 10),
    "conclugen-joint": lambda: steps(conclugen("joint"), clips(), 8),
    "conclugen-individual": lambda: steps(conclugen("individual"), clips(), 8),
    "conclugen-no-text-at-the-second": lambda: steps(conclugen("joint"), clips(), 13),
    "conclugen-apart": apart,
}


TILED = ("clmex", "clmex-low", "conclugen-joint")


def tiled(name):
    """A case whose matrix is more than one tile, so that the processes share the tiles."""
    whole = tiles.TILE["cpu"]
    tiles.TILE["cpu"] = 6
    try:
        return CASES[name]()
    finally:
        tiles.TILE["cpu"] = whole


def fit_clmex(whole, run_dir=None):
    """Losses of every step of `fit`, each process with half as many people in a batch."""
    data = ImageDataset(make_tiny(subjects=4, size=16, sessions=("A",)), np.arange(140))
    batches = loader(data, SubjectBatchSampler(data, 2 if whole else 1, seed=1))
    check = loader(data, SubjectBatchSampler(data, 2, seed=1))
    first = fitted(clmex(), batches, epochs=3, val_loader=check, run_dir=run_dir)
    if run_dir is not None:  # a finished run is not trained again
        again = fitted(clmex(), batches, epochs=3, val_loader=check, run_dir=run_dir)
        torch.testing.assert_close(again, first, rtol=0, atol=0, equal_nan=True)
    return first


def fit_conclugen(whole, run_dir=None):
    """The same for clips; in the first epoch the cluster head rests."""
    prepared = make_clips(4)
    data = FeatureDataset(make_features(prepared, dims=DIMS), prepared)
    sampler = ClipBatchSampler(data, 28 if whole else 14, seed=1, num_views=0)
    return fitted(conclugen("joint"), loader(data, sampler), max_steps=6)


def fitted(learner, batches, **options):
    devices = rank_and_size()[1]
    history = fit(
        learner,
        batches,
        accelerator="cpu",
        devices=devices,
        precision="64-true",
        progress=False,
        **options,
    )
    assert batches.batch_sampler.num_replicas == 1  # as it was given
    assert not any("OfAll" in type(module).__name__ for module in learner.modules())
    columns = [name for name in history if name not in ("epoch", "lr", "seconds")]
    return torch.tensor(history[columns].to_numpy(), dtype=torch.float64)


def main(folder: str) -> None:
    distributed.init_process_group("gloo", timeout=timedelta(seconds=300))
    results = {name: case() for name, case in CASES.items()}
    results |= {f"{name}-tiled": tiled(name) for name in TILED}
    results["fit-clmex"] = fit_clmex(False, Path(folder) / "run")
    results["fit-conclugen"] = fit_conclugen(False)
    torch.save(results, Path(folder) / f"{distributed.get_rank()}.pt")


if __name__ == "__main__":
    main(sys.argv[1])
