"""Any module with `feature_dim` is an encoder; what ships can be loaded by its class."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from fermodels._shared.places import shipped_weights_folders
from fermodels.data import Augment
from fermodels.evaluation import embed
from fermodels.methods import CLMEx
from fermodels.models import ImageClassifier, ImageEncoder, MultiModalEncoder


class Colors(nn.Module):
    """Mean color, a matrix of it: nothing of the library."""

    def __init__(self):
        super().__init__()
        self.feature_dim = 5
        self.linear = nn.Linear(3, 5)

    def forward(self, images):
        return self.linear(images.mean(dim=(2, 3)))


@pytest.fixture
def colors():
    torch.manual_seed(0)
    return Colors()


def test_it_can_be_embedded(colors, tiny_prepared):
    h = embed(colors, tiny_prepared, indices=[3, 1])
    pixels = torch.from_numpy(tiny_prepared.images([3, 1])).permute(0, 3, 1, 2).float() / 255
    np.testing.assert_allclose(h, colors(pixels).detach(), rtol=1e-5, atol=1e-6)


def test_it_can_be_trained_by_a_method(colors):
    with pytest.raises(ValueError, match="pass augment="):
        CLMEx(colors)
    learner = CLMEx(colors, augment=Augment.none(16))
    assert learner.projection.in_dim == 5 and "Colors" in learner.settings()["encoder"]
    learner.projection(learner.encoder(torch.rand(4, 3, 16, 16))).square().sum().backward()
    assert colors.linear.weight.grad.any()


def test_it_can_be_classified_with_but_not_saved(colors, tmp_path):
    classifier = ImageClassifier(colors, ("happy", "sad"))
    labels, probabilities = classifier.predict(np.zeros((2, 8, 8, 3), np.uint8))
    assert labels.shape == (2,) and probabilities.shape == (2, 2)
    with pytest.raises(TypeError, match="Colors is not exportable.*ImageEncoder alone"):
        classifier.save_pretrained(tmp_path / "classifier")
    with pytest.raises(TypeError, match="Colors is not exportable"):
        classifier.save_pretrained(tmp_path / "classifier", repo_id="user/name")
    assert not (tmp_path / "classifier").exists()


def test_a_class_made_from_the_encoder_is_not_saved_as_the_encoder(tmp_path):
    class Doubled(ImageEncoder):
        def forward(self, images):
            return 2 * super().forward(images)

    encoder = Doubled(image_size=16, width=8)
    with pytest.raises(TypeError, match="Doubled is not exportable"):
        ImageClassifier(encoder, ("happy", "sad")).save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dim", [None, 0, 2.5, "512"])
def test_a_module_without_feature_dim_is_none(dim):
    module = nn.Flatten()
    if dim is not None:
        module.feature_dim = dim
    with pytest.raises(TypeError, match="Flatten is no encoder.*feature_dim"):
        ImageClassifier(module, ("happy", "sad"))


@pytest.mark.parametrize("folder", shipped_weights_folders(), ids=lambda folder: folder.name)
def test_encoders_that_ship_can_be_loaded(folder):
    config = json.loads((folder / "config.json").read_text())
    cls = MultiModalEncoder if "feature_dims" in config else ImageEncoder
    encoder = cls.from_pretrained(folder)
    assert not encoder.training
    own = json.loads(json.dumps(encoder.config))
    assert {key: own[key] for key in config} == config
