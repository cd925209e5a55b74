import numpy as np
import pytest

from fermodels.course.traps import tint_per_instance

IDS = np.array([3, 3, 8, 8])


@pytest.fixture
def images():
    return np.full((4, 6, 5, 3), 100, dtype=np.uint8)


def test_views_of_an_instance_share_their_tint_and_instances_differ(images):
    tinted = tint_per_instance(images, IDS)
    assert tinted.shape == images.shape and tinted.dtype == np.uint8
    assert (tinted[0] == tinted[1]).all() and (tinted[2] == tinted[3]).all()
    assert (tinted[0, 0, 0] != tinted[2, 0, 0]).any()
    assert (images == 100).all()


def test_the_tint_follows_from_seed_and_id_alone(images):
    tinted = tint_per_instance(images, IDS, seed=1)
    assert (tint_per_instance(images[2:], IDS[2:], seed=1) == tinted[2:]).all()
    assert (tint_per_instance(images, IDS, seed=2) != tinted).any()
    assert (tint_per_instance(images, IDS, strength=0) == images).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((4, 6, 5, 3))}, "uint8"),
        ({"instance_ids": [0, 1]}, "for each of 4 images"),
        ({"strength": -1}, "strength"),
    ],
)
def test_bad_input_is_named(images, change, message):
    with pytest.raises(ValueError, match=message):
        tint_per_instance(**({"images": images, "instance_ids": IDS} | change))
