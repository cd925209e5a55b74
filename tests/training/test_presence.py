"""Batches that have nothing for a task, or for any: training goes on with the others."""

import numpy as np
import pytest
import torch

pytest.importorskip("lightning")

from fermodels.data import (
    Augment,
    ClipBatchSampler,
    FeatureDataset,
    ImageDataset,
    RandomBatchSampler,
    loader,
)
from fermodels.features import FeatureSet
from fermodels.losses import EmptyBatchError
from fermodels.methods import ClipSimCLR, CLMEx, ConCluGen, ViewFX
from fermodels.models import ImageEncoder
from fermodels.training import fit, recipes

QUIET = {"progress": False, "accelerator": "cpu"}
DIMS = {"video": 6, "audio": 6, "text": 6}
SMALL = {"hidden_dim": 8, "representation_dim": 8, "projection_dim": 8, "num_clusters": 3}
SPEAKERS = np.arange(40) % 5


def clips(audio=True, text=True, video=True):
    """Eight clips of each of five speakers; the first has the given modalities only."""
    rng = np.random.default_rng(0)
    there = {"video": video, "audio": audio, "text": text}
    present = {m: torch.from_numpy((SPEAKERS > 0) | here) for m, here in there.items()}
    features = {m: rng.normal(size=(40, 2, 6)).astype("f4") for m in DIMS}
    return FeatureSet(features, present)


def test_a_speaker_with_one_modality_only():
    features = clips(audio=False, text=False)
    _, history = recipes.pretrain_clips(features, epochs=3, speakers=SPEAKERS, **SMALL, **QUIET)
    nothing = history["contrastive"].isna()
    assert nothing.sum() == 3 and len(history) == 15  # a batch of the first in every epoch
    # Its other tasks have work: what is reconstructed from others has not.
    assert history.loc[nothing, "reconstruction"].gt(0).all() and history["loss"].notna().all()
    clustered = history["epoch"] >= 2
    assert history.loc[clustered, "clustering"].notna().all()


@pytest.mark.parametrize("tasks", [("contrastive",), ("reconstruction",), ("clustering",)])
@pytest.mark.parametrize("choice", [{}, {"cluster_mode": "swapped", "reconstruct_from": "others"}])
def test_one_task_alone(tasks, choice):
    features = clips(audio=False, text=False)
    encoder, history = recipes.pretrain_clips(
        features, epochs=2, tasks=tasks, speakers=SPEAKERS, **SMALL, **QUIET, **choice
    )
    empty = {"contrastive"} if not choice else {"contrastive", "reconstruction", "clustering"}
    assert history["loss"].isna().sum() == (2 if empty & {*tasks} else 0)
    assert all(p.isfinite().all() for p in encoder.parameters())


def test_simclr_of_a_speaker_without_video():
    features = clips(video=False)
    data = FeatureDataset(features, modalities=["video"])
    order = np.argsort(SPEAKERS, kind="stable")

    class InTurn(ClipBatchSampler):  # eight clips each, of the silent one first
        def __iter__(self):
            for start in range(0, 40, 8):
                own = order[start : start + 8]
                yield [*(2 * own), *(2 * own + 1)]

    batches = loader(data, InTurn(data, 8, num_views=2))
    history = fit(ClipSimCLR({"video": 6}), batches, epochs=2, **QUIET)
    assert history["loss"].isna().tolist() == [True, False, False, False, False] * 2


def test_validation_leaves_out_what_a_batch_has_nothing_for():
    features = clips(audio=False, text=False)
    data = FeatureDataset(features)
    order = [2 * clip for clip in np.argsort(SPEAKERS, kind="stable")]
    several = torch.utils.data.DataLoader(data, batch_size=8, sampler=order)
    method = ConCluGen(DIMS, ["contrastive", "reconstruction"], **SMALL)
    history = fit(method, several, epochs=1, val_loader=several, **QUIET)
    own = [
        float(method.eval().task_losses(data.batch(order[start : start + 8]))["contrastive"])
        for start in range(8, 40, 8)
    ]
    assert history["val_contrastive_loss"].iloc[-1] == pytest.approx(np.mean(own), rel=1e-5)
    # Clusters are not asked for before there are any.
    method = ConCluGen(DIMS, queue_size=1000, fill_queue=True, warmup_epochs=0, **SMALL)
    history = fit(method, several, epochs=1, val_loader=several, **QUIET)
    assert "val_clustering_loss" not in history


def test_a_queue_that_is_not_full_has_no_gradient():
    method = ConCluGen(DIMS, ["clustering"], queue_size=1000, fill_queue=True, **SMALL)
    data = FeatureDataset(clips())
    history = fit(method, loader(data, ClipBatchSampler(data, 20)), epochs=1, **QUIET)
    assert history["loss"].tolist() == [0.0, 0.0]


def test_few_clips_wait_in_the_queue_for_more_clusters():
    options = SMALL | {"num_clusters": 30, "queue_size": 100}
    method = ConCluGen(DIMS, ["clustering"], **options)
    data = FeatureDataset(clips())
    history = fit(method, loader(data, ClipBatchSampler(data, 10)), epochs=2, **QUIET)
    assert history["loss"].isna().tolist() == [True] * 2 + [False] * 6


def image_learners():
    torch.manual_seed(0)
    options = {"augment": Augment.none(32)}
    encoder = ImageEncoder(image_size=32, width=4)
    return {"clmex": CLMEx(encoder, **options), "viewfx": ViewFX(encoder, **options)}


class Given:
    """Batches as they are listed, in every epoch."""

    batch_size, drop_last = None, False

    def __init__(self, *batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)

    def __len__(self):
        return len(self.batches)


def loss_of(data, name, *batches):
    batches = torch.utils.data.DataLoader(data, batch_sampler=Given(*batches))
    return fit(image_learners()[name], batches, epochs=2, **QUIET)["loss"]


def test_images_without_a_pair(tiny_prepared):
    data = ImageDataset(tiny_prepared, np.arange(70))
    whole, alone, single = list(range(35)), list(range(0, 35, 5)), [3]
    loss = loss_of(data, "clmex", whole, alone, single)
    assert loss.isna().tolist() == [False, True, True] * 2
    same = [*range(0, 35, 5), *range(35, 70, 5)]  # one image of each moment, expressions twice
    assert loss_of(data, "viewfx", whole, same, alone).isna().tolist() == [False, False, True] * 2


def test_data_without_any_pair_are_refused(tiny_prepared):
    data = ImageDataset(tiny_prepared, np.arange(0, 70, 5))
    method = image_learners()["clmex"]
    with pytest.raises(ValueError, match="no batch has anything to learn from: no row has a pos"):
        fit(method, loader(data, RandomBatchSampler(data, 7)), epochs=3, **QUIET)
    with pytest.raises(EmptyBatchError):  # who writes a loop sees it at once
        method.train().training_step(data.batch(range(7)), 0)
    silent = {"video": torch.ones(40, dtype=bool)} | {
        name: torch.zeros(40, dtype=bool) for name in ("audio", "text")
    }
    features = FeatureSet({m: torch.rand(40, 2, 6) for m in DIMS}, silent)
    data = FeatureDataset(features)
    batches = loader(data, ClipBatchSampler(data, 20))
    with pytest.raises(ValueError, match="contrastive compare modalities, and fewer than two of"):
        fit(ConCluGen(DIMS, ["contrastive"], **SMALL), batches, epochs=1, **QUIET)
