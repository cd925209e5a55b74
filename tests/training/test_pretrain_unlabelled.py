"""Pre-training asks for no labels, unless the method needs them."""

import numpy as np
import pytest

from fermodels import methods
from fermodels.data import Augment, ImageDataset
from fermodels.models import ImageEncoder
from fermodels.training import recipes
from tests.fixtures.images import changed, make_tiny

OPTIONS = {"images_seen": 200, "progress": False, "accelerator": "cpu"}


@pytest.fixture(scope="module")
def small():
    return make_tiny(4, ["happy", "sad"], size=24)


@pytest.fixture(scope="module")
def unlabelled(small):
    return changed(small, None, expression=None)


def encoder():
    return ImageEncoder("small", image_size=24, width=4)


def weights(encoder):
    return np.concatenate([p.detach().numpy().ravel() for p in encoder.parameters()])


@pytest.mark.parametrize("method", ["clmex", "simclr"])
def test_labels_make_no_difference(small, unlabelled, method):
    start = encoder()
    results = [
        recipes.pretrain(method, p, encoder=start, groups_per_batch=2, **OPTIONS)[0]
        for p in (small, unlabelled)
    ]
    assert np.array_equal(*map(weights, results))
    assert not np.array_equal(weights(start), weights(results[0]))


def test_viewfx_needs_labels(small, unlabelled):
    some = changed(small, small.table["subject"] == "m003", expression=None)
    with pytest.raises(ValueError, match="ViewFX needs labels, but 80 of the 80 images"):
        recipes.pretrain("viewfx", unlabelled, **OPTIONS)
    with pytest.raises(ValueError, match="ViewFX needs labels, but 20 of the 80 .*row 60"):
        recipes.pretrain("viewfx", some, **OPTIONS)
    known = np.flatnonzero(some.labels >= 0)
    recipes.pretrain("viewfx", some, known, encoder=encoder(), groups_per_batch=2, **OPTIONS)
    learner = methods.ViewFX(encoder(), augment=Augment.mild(24))
    batch = ImageDataset(some).batch(range(50, 80))
    with pytest.raises(ValueError, match="ViewFX needs labels, but 20 of the 30 images"):
        learner.batch_loss(batch, learner.generator(0))


def test_fine_tuning_needs_labels(small):
    some = changed(small, small.table["subject"] == "m003", expression=None)
    with pytest.raises(ValueError, match="fine-tuning needs labels, but 20 of the 80"):
        recipes.finetune(some, np.arange(80), steps=1)
    with pytest.raises(ValueError, match="validation needs labels, but 20 of the 40"):
        recipes.finetune(some, np.arange(40), val_indices=np.arange(40, 80), steps=1)


@pytest.mark.parametrize("method", ["clmex", "simclr"])
def test_batches_of_people_who_are_not_known(unlabelled, method, monkeypatch):
    """They are groups of a single instance, of which seven would be a small batch."""
    nobody = changed(unlabelled, None, subject=None)
    sizes = []
    project = methods.base.ContrastiveLearner.project

    def counting(self, images, *more):
        sizes.append(len(images))
        return project(self, images, *more)

    monkeypatch.setattr(methods.base.ContrastiveLearner, "project", counting)
    recipes.pretrain(method, nobody, encoder=encoder(), groups_per_batch=1, **OPTIONS)
    assert set(sizes) == {35 if method == "clmex" else 17}
