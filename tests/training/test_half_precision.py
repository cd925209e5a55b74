"""True half precision: training, validation and prediction with weights of two bytes."""

import numpy as np
import pytest
import torch

pytest.importorskip("lightning")

from fermodels import evaluation, methods
from fermodels.data import (
    Augment,
    ClipBatchSampler,
    FeatureDataset,
    ImageDataset,
    RandomBatchSampler,
    SubjectBatchSampler,
    clean_batch,
    loader,
)
from fermodels.models import ClipClassifier, ImageClassifier, ImageEncoder, MultiModalEncoder
from fermodels.training import fit
from tests.fixtures.clips import DIMS, make_clips, make_features

QUIET = {"progress": False, "accelerator": "cpu"}
SMALL = {"hidden_dim": 16, "representation_dim": 8}


@pytest.fixture(scope="module")
def clips():
    return make_clips(2)


@pytest.fixture(scope="module")
def features(clips):
    return make_features(clips, dims=DIMS)


def encoder():
    torch.manual_seed(0)
    return ImageEncoder(image_size=16, width=8, mean=(0.485, 0.456, 0.406))


def clip_encoder(features):
    torch.manual_seed(0)
    made = MultiModalEncoder(DIMS, 16, 8)
    return made.fit_standardisation(*clean_batch(features))


IMAGES = {
    "clmex": lambda: methods.CLMEx(encoder(), augment=Augment.mild(16)),
    "simclr": lambda: methods.SimCLR(encoder(), augment=Augment.wide(16), optimizer="muon"),
    "viewfx": lambda: methods.ViewFX(encoder(), augment=Augment.none(16)),
    "fine-tuning": lambda: methods.ImageFineTuning(
        encoder(), [*"abcdefg"], augment=Augment.mild(16), class_weights=range(1, 8)
    ),
}
CLIPS = {
    "conclugen": lambda e: methods.ConCluGen(
        encoder=e, num_clusters=3, projection_dim=8, warmup_epochs=0, reconstruct_from="both"
    ),
    "simclr": lambda e: methods.ClipSimCLR(encoder=e),
    "fine-tuning": lambda e: methods.ClipFineTuning(e, [*"abcdefg"], class_weights=range(1, 8)),
    "several labels": lambda e: methods.ClipFineTuning(
        e, [*"abcdefg"], multi_label=True, class_weights=range(1, 8)
    ),
}


def check(make, batches, precision, embed):
    """As in float32, about; the learner comes back in the type that it came in."""
    losses = {}
    for kind in ("32-true", precision):
        method, seen = make(), []

        def validate(encoder, seen=seen):
            seen.append(next(encoder.parameters()).dtype)
            return {"spread": float(np.std(embed(encoder)))}

        history = fit(
            method,
            batches,
            epochs=2,
            precision=kind,
            val_loader=batches,
            validate=validate,
            **QUIET,
        )
        half = {"bf16-true": torch.bfloat16, "16-true": torch.float16}.get(kind, torch.float32)
        assert seen == [half] * 2
        assert {p.dtype for p in method.parameters()} == {torch.float32}
        assert np.isfinite(history["loss"]).all()
        assert np.isfinite(history[["val_loss", "spread"]].dropna()).all(axis=None)
        losses[kind] = history["loss"].to_numpy()
    assert torch.get_default_dtype() == torch.float32
    np.testing.assert_allclose(losses[precision][0], losses["32-true"][0], rtol=0.05)
    return method


@pytest.mark.parametrize("precision", ["bf16-true", "16-true"])
@pytest.mark.parametrize("name", IMAGES)
def test_learners_of_images(tiny_prepared, name, precision):
    data = ImageDataset(tiny_prepared, np.arange(70))
    batches = loader(data, SubjectBatchSampler(data, 1, seed=1))
    if name == "fine-tuning":
        batches = loader(data, RandomBatchSampler(data, 35))
    images = tiny_prepared.images(range(8))

    def embed(encoder):
        return evaluation.embed(encoder, images, progress=False)

    method = check(IMAGES[name], batches, precision, embed)
    if name == "fine-tuning":
        assert np.isfinite(method.predict(images)[1]).all()
    assert torch.equal(method.encoder.mean, encoder().mean)  # not rounded on the way


@pytest.mark.parametrize("name", CLIPS)
def test_learners_of_clips(clips, features, name):
    data = FeatureDataset(features, clips)
    views = 2 if name == "simclr" else 1
    batches = loader(data, ClipBatchSampler(data, 14, views))
    own = clip_encoder(features)

    def embed(encoder):
        return evaluation.embed_clips(encoder, features)

    method = check(lambda: CLIPS[name](clip_encoder(features)), batches, "bf16-true", embed)
    assert torch.equal(method.encoder.std_video, own.std_video)
    if isinstance(method, methods.ClipFineTuning):
        assert np.isfinite(method.predict(features)[1]).all()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_models_whose_weights_are_of_another_type(tiny_prepared, features, kind):
    images = tiny_prepared.images(range(8))
    batch, present = clean_batch(features, range(8))
    present["audio"][3] = False
    one, several = encoder().eval(), clip_encoder(features).eval()
    torch.manual_seed(1)
    models = {
        "images": (ImageClassifier(one, ["a", "b"]), (images,)),
        "clips": (ClipClassifier(several, ["a", "b"]), (batch, present)),
    }
    for name, (model, given) in models.items():
        expected = model.predict(*given)[1]
        found = model.to(kind).predict(*given)[1]
        np.testing.assert_allclose(found, expected, atol=0.02, err_msg=name)
        assert found.dtype == np.float32
    assert one.mean.dtype == several.mean_video.dtype == torch.float32
    assert next(one.parameters()).dtype == kind
    direct = one(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)
    assert direct.dtype == kind
    embedded = evaluation.embed(one, images, progress=False)
    np.testing.assert_allclose(embedded, direct.detach().float(), rtol=0.1, atol=0.02)


def test_any_network_gets_images_of_its_type(tiny_prepared):
    seen = []

    class Foreign(torch.nn.Module):
        feature_dim = 3

        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 3, 5)

        def forward(self, images):
            seen.append(images.dtype)
            return self.layer(images).mean(dim=(2, 3))

    for kind in (torch.bfloat16, torch.float32, torch.float64):
        evaluation.embed(Foreign().to(kind), tiny_prepared.images(range(4)), progress=False)
        assert seen.pop() == kind
