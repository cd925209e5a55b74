"""The learner of ConCluGen: task combinations, missing modalities, and what must not leak."""

import copy
import itertools

import numpy as np
import pytest
import torch

pytest.importorskip("lightning")

from fermodels.data import ClipBatchSampler, FeatureDataset, all_copies, loader
from fermodels.features import FeatureSet
from fermodels.losses import ClusteringLoss, MultiModalContrastiveLoss, ReconstructionLoss
from fermodels.methods import ConCluGen
from fermodels.methods.conclugen import TASKS
from fermodels.models import MultiModalEncoder
from fermodels.training import fit
from tests.fixtures.clips import DIMS, make_clips, make_features

SMALL = {"hidden_dim": 16, "representation_dim": 12, "projection_dim": 8, "num_clusters": 4}
SUBSETS = [s for n in (1, 2, 3) for s in itertools.combinations(TASKS, n)]


@pytest.fixture(scope="module")
def clips():
    return make_clips()


@pytest.fixture(scope="module")
def features(clips):
    return make_features(clips)


def learner(dims=DIMS, tasks=TASKS, seed=0, **options):
    torch.manual_seed(seed)
    return ConCluGen(dims, tasks, seed=seed, **SMALL | {"warmup_epochs": 0} | options)


def batch_of(features, clips=None, n=42, modalities=None):
    data = FeatureDataset(features, clips, np.arange(n), modalities)
    return data.batch([i * data.views_per_clip for i in range(n)])


def gradients(method, batch):
    method.zero_grad()
    method.train()
    method.training_step(batch, 0)["loss"].backward()
    return {name: p.grad.clone() for name, p in method.named_parameters() if p.grad is not None}


def train(method, features, epochs=2, batch_size=28, **options):
    data = FeatureDataset(features, None, None, method.encoder.modalities)
    batches = loader(data, ClipBatchSampler(data, batch_size, seed=1))
    return fit(method, batches, epochs=epochs, progress=False, accelerator="cpu", **options)


@pytest.mark.parametrize("tasks", SUBSETS, ids="+".join)
@pytest.mark.parametrize("modalities", [("video", "audio", "text"), ("audio", "text")], ids=len)
def test_every_combination_trains(tasks, modalities, features):
    method = learner({name: DIMS[name] for name in modalities}, tasks)
    before = copy.deepcopy(method.state_dict())
    history = train(method, features.select(modalities), epochs=1)
    assert list(history.columns) == ["step", "epoch", "loss", "lr", "seconds", *tasks]
    np.testing.assert_allclose(history["loss"], history[list(tasks)].sum(axis=1), rtol=1e-5)
    assert np.isfinite(history["loss"]).all()
    for name, parameter in method.named_parameters():
        assert not torch.equal(parameter, before[name]), f"{name} was not trained"


def test_the_total_is_the_weighted_sum_of_the_losses_on_their_own(features):
    weights = {"contrastive": 0.5, "clustering": 2.0, "reconstruction": 3.0}
    method = learner(task_weights=weights, temperature=0.3, margin=0.01, cluster_temperature=0.2)
    method.train()
    batch = batch_of(features)
    state = copy.deepcopy(method.state_dict())
    step = method.training_step(batch, 0)
    method.load_state_dict(state)

    encoder = method.encoder
    h = encoder(batch["features"])
    z = method.projection(h)
    clustering = ClusteringLoss(8, 4, temperature=0.2, margin=0.01, seed=0)
    expected = {
        "contrastive": MultiModalContrastiveLoss(0.3, 0.01)(z),
        "clustering": clustering({m: method.cluster_head(value) for m, value in z.items()}),
        "reconstruction": ReconstructionLoss()(
            {m: method.decoders[m](value) for m, value in h.items()},
            encoder.standardise(batch["features"]),
        ),
    }
    for name, value in expected.items():
        torch.testing.assert_close(step[name], value)
    total = sum(weights[name] * value for name, value in expected.items())
    torch.testing.assert_close(step["loss"], total)


def test_labels_give_no_gradient(clips, features):
    method = learner()
    state = copy.deepcopy(method.state_dict())
    batch = batch_of(features, clips)
    before = gradients(method, batch)
    for column in ("emotion", "targets", "index"):
        method.load_state_dict(state)  # k-means moves at every step
        changed = batch | {column: torch.flip(batch[column], (0,)) + 1}
        after = gradients(method, changed)
        assert before.keys() == after.keys() == dict(method.named_parameters()).keys()
        assert all(torch.equal(before[name], after[name]) for name in before), column
    method.load_state_dict(state)
    other = batch["features"] | {"text": batch["features"]["text"].flip(0)}
    after = gradients(method, batch | {"features": other})
    assert not all(torch.equal(before[name], after[name]) for name in before)


def test_pre_training_data_has_no_label(features):
    assert set(batch_of(features)) == {"features", "present", "index"}


def test_modalities_that_a_clip_lacks_have_no_influence(clips):
    features = make_features(clips)
    present = {m: np.arange(len(clips)) % 4 != number for number, m in enumerate(DIMS)}
    holes = FeatureSet(features.features, {m: torch.from_numpy(p) for m, p in present.items()})
    method = learner()
    state = copy.deepcopy(method.state_dict())
    batch = batch_of(holes)
    before = gradients(method, batch)
    method.load_state_dict(state)
    noise = {m: x.clone() for m, x in batch["features"].items()}
    for m, x in noise.items():
        x[~batch["present"][m]] = 1e3
    after = gradients(method, batch | {"features": noise})
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert np.isfinite(train(learner(), holes)["loss"]).all()


def test_clustering_waits_for_its_warm_up(features):
    method = learner(warmup_epochs=2)
    history = train(method, features, epochs=4)
    started = history["clustering"].notna()
    assert started.tolist() == (history["epoch"] >= 2).tolist() and started.any()
    np.testing.assert_allclose(
        history["loss"], history[list(TASKS)].fillna(0).sum(axis=1), rtol=1e-5
    )
    assert "clustering" not in history.attrs["best"]  # a part of the loss is no validation metric
    alone = learner(tasks=("clustering",), warmup_epochs=2)
    assert train(alone, features, epochs=1)["clustering"].notna().all()


def test_one_modality(features):
    video = {"video": DIMS["video"]}
    with pytest.raises(ValueError, match="contrastive task pairs modalities.*video alone"):
        learner(video)
    for tasks in (("clustering",), ("reconstruction",), ("clustering", "reconstruction")):
        history = train(learner(video, tasks), features.select(["video"]), epochs=1)
        assert np.isfinite(history["loss"]).all()


def test_bad_arguments():
    for options, message in (
        ({"tasks": ()}, "one or more"),
        ({"tasks": ("contrast",)}, "got contrast"),
        ({"task_weights": {"reconstruction": -1}}, "at least 0"),
        ({"tasks": ("contrastive",), "task_weights": {"clustering": 1}}, "tasks are contrastive"),
        ({"warmup_epochs": -1}, "warmup_epochs"),
        ({"feature_dropout": 1.0}, "feature_dropout"),
        ({"cluster_projection": "both"}, "cluster_projection must be one of shared, own, none"),
        ({"reconstruct_from": "all"}, "reconstruct_from must be one of own, others, both"),
        ({"cluster_assignment": "nearest"}, "assignment must be one of kmeans, sinkhorn"),
        ({"dims": None}, "feature_dims"),
    ):
        with pytest.raises(ValueError, match=message):
            learner(**options)


def test_more_clusters_than_clips(features):
    method = learner(tasks=("clustering",), num_clusters=100)
    with pytest.raises(ValueError, match="no batch has anything to learn from: 100 clusters"):
        train(method, features, batch_size=28)


def test_contrastive_task_learns_to_match_modalities(clips):
    features = make_features(clips, informative=1.0, strength=4.0)
    encoder = MultiModalEncoder(DIMS, 32, 16).fit_standardisation(*all_copies(features))
    torch.manual_seed(0)
    method = ConCluGen(
        encoder=encoder,
        tasks=("contrastive",),
        temperature=0.2,
        projection_dim=16,
        learning_rate=5e-3,
    )
    loss = train(method, features, epochs=30, batch_size=84)["loss"]
    chance = 3 * 2 * np.log(84)  # three pairs, rows and columns
    assert loss[0] > 0.95 * chance
    # Twelve clips show the same emotion and differ little otherwise.
    assert loss.iloc[-1] < 0.7 * chance


def test_dropped_features_are_still_to_be_reconstructed(features):
    method = learner(tasks=("reconstruction",), feature_dropout=0.5).train()
    batch = batch_of(features)
    x = method.encoder.standardise(batch["features"])
    torch.manual_seed(3)
    got = method.training_step(batch, 0)["loss"]
    torch.manual_seed(3)
    seen = {m: torch.nn.functional.dropout(value, 0.5) for m, value in x.items()}
    decoded = {m: method.decoders[m](h) for m, h in method.encoder.heads(seen).items()}
    torch.testing.assert_close(got, ReconstructionLoss()(decoded, x))
    torch.manual_seed(3)
    other = method.encoder(batch["features"], feature_dropout=0.5)
    torch.manual_seed(3)
    assert torch.equal(other["text"], method.encoder.heads(x, None, 0.5)["text"])
    assert not torch.equal(other["text"], method.encoder(batch["features"])["text"])
    method.eval()  # nothing is dropped
    assert torch.equal(*(method.task_losses(batch)["reconstruction"] for _ in range(2)))


def test_validation_moves_no_centroid(features):
    method = learner()
    data = FeatureDataset(features)
    batches = loader(data, ClipBatchSampler(data, 28, 0, drop_last=False))
    history = train(method, features, epochs=2, val_loader=batches)
    for name in ("val_loss", *(f"val_{task}_loss" for task in TASKS)):
        assert history[name].count() == 2 and np.isfinite(history[name].dropna()).all()
    method.eval()
    before = copy.deepcopy(method.clustering.state_dict())
    method.task_losses(batch_of(features))
    after = method.clustering.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_settings_tell_runs_apart(features, tmp_path):
    train(learner(), features, run_dir=tmp_path)
    for options, message in (
        ({"tasks": ("contrastive", "clustering")}, "learner.task_weights.reconstruction"),
        ({"num_clusters": 3}, "learner.num_clusters was 4, is 3"),
        ({"temperature": 0.5}, "learner.temperature was 1.0, is 0.5"),
    ):
        with pytest.raises(ValueError, match=message):
            train(learner(**options), features, run_dir=tmp_path)


def test_an_encoder_of_its_own(features):
    encoder = MultiModalEncoder(DIMS, 16, 12)
    method = ConCluGen(encoder=encoder, tasks=("reconstruction",))
    before = copy.deepcopy(encoder.state_dict())
    train(method, features, epochs=1)
    assert method.encoder is encoder
    assert not all(torch.equal(before[k], v) for k, v in encoder.state_dict().items())
    assert method.projection is None and not hasattr(method, "clustering")


def test_clusters_with_a_projection_of_their_own_do_not_bind_the_shared_one(features):
    method = learner(tasks=("contrastive", "clustering"), cluster_projection="own")
    method.train()
    method.task_losses(batch_of(features))["clustering"].backward()
    assert all(p.grad is None for p in method.projection.parameters())
    assert all(p.grad is not None and p.grad.any() for p in method.cluster_head.parameters())
    assert any(p.grad is not None and p.grad.any() for p in method.encoder.parameters())
    alone = learner(tasks=("clustering",), cluster_projection="own")
    assert alone.projection is None
    assert np.isfinite(train(alone, features, epochs=1)["loss"]).all()


@pytest.mark.parametrize("assignment", ["kmeans", "sinkhorn"])
@pytest.mark.parametrize("mode", ["joint", "individual", "swapped"])
def test_the_clustering_task_reaches_the_encoder(mode, assignment, features):
    method = learner(tasks=("clustering",), cluster_mode=mode, cluster_assignment=assignment)
    grads = gradients(method, batch_of(features))
    for unit in method.encoder.units:
        assert any(g.any() for name, g in grads.items() if f"units.{unit}." in name), unit


@pytest.mark.parametrize("projection", ["shared", "own", "none"])
def test_clusters_of_clips(projection, features):
    method = learner(cluster_projection=projection)
    train(method, features, epochs=1)
    batch = batch_of(features)
    found = method.assign_clusters(batch["features"], batch["present"])
    assert found.dtype == torch.int64 and found.shape == (42,) and (found >= 0).all()
    nobody = {m: torch.zeros(42, dtype=torch.bool) for m in DIMS}
    assert (method.assign_clusters(batch["features"], nobody) == -1).all()
    with pytest.raises(RuntimeError, match="no clustering among the tasks"):
        learner(tasks=("contrastive",)).assign_clusters(batch["features"])


def test_reconstruction_from_others_never_sees_the_modality_itself(features):
    method = learner(tasks=("reconstruction",), reconstruct_from="others").train()
    assert not hasattr(method, "decoders")
    batch = batch_of(features)
    h = method.encoder(batch["features"])
    x = method.encoder.standardise(batch["features"])
    for name in DIMS:
        leaf = {m: value.detach().requires_grad_() for m, value in h.items()}
        others = {m: torch.zeros_like(v) if m == name else v for m, v in leaf.items()}
        decoded = method.cross_decoders[name](torch.cat([others[m] for m in h], dim=1))
        ((decoded - x[name]) ** 2).mean().backward()
        assert leaf[name].grad is None
    expected = sum(
        (
            method.cross_decoders[name](
                torch.cat([torch.zeros_like(h[m]) if m == name else h[m] for m in h], dim=1)
            )
            - x[name]
        )
        .square()
        .mean()
        for name in DIMS
    )
    torch.testing.assert_close(method.task_losses(batch)["reconstruction"], expected)
    both = learner(tasks=("reconstruction",), reconstruct_from="both").train()
    assert both.task_losses(batch)["reconstruction"] > expected
    with pytest.raises(ValueError, match="takes other modalities, and there is video alone"):
        learner({"video": DIMS["video"]}, ("reconstruction",), reconstruct_from="others")


def test_a_modality_alone_is_not_reconstructed_from_others(clips):
    features = make_features(clips)
    alone = np.arange(len(clips)) % 3 == 0  # these have their video only
    present = {m: np.ones(len(clips), bool) if m == "video" else ~alone for m in DIMS}
    holes = FeatureSet(features.features, {m: torch.from_numpy(p) for m, p in present.items()})
    method = learner(tasks=("reconstruction",), reconstruct_from="others").train()
    batch = batch_of(holes)
    expected = method.task_losses(batch)["reconstruction"]
    there = batch["present"]["audio"]
    changed = {m: x.clone() for m, x in batch["features"].items()}
    changed["video"][~there] = 50.0
    again = method.task_losses(batch | {"features": changed})["reconstruction"]
    assert torch.equal(expected, again)
