import numpy as np
import pytest

pytest.importorskip("anny")

from fermodels.course import pairs  # noqa: E402
from fermodels.faces import FaceRenderer  # noqa: E402


@pytest.fixture(scope="module")
def renderer():
    return FaceRenderer(32)


def test_what_differs_is_what_moved(renderer):
    person, session, _ = pairs.cast(1)
    images = pairs.with_and_without(renderer, person, session, [{12: 1.0}, {4: 1.0}], (0.0, 90.0))
    assert images.shape == (3, 2, 32, 32, 3)
    moved = np.abs(images[1:].astype(int) - images[:1]).max(-1) > 12  # (units, views, 32, 32)
    assert moved.any((2, 3)).all()
    rows = np.arange(32)[:, None]
    smile, brows = ((rows * m[0]).sum() / m[0].sum() for m in moved)
    assert smile > brows + 5  # lower in the image
    green = pairs.in_green(renderer, person, session, (0.0, 90.0)).astype(int)
    assert (np.abs(green - images[0]).max(-1) > 12).mean() > 0.2


def test_each_look_differs_in_one_thing():
    for number in (0, 1):
        person, session, rng = pairs.cast(number)
        own = pairs.looks(person, session, rng)
        plain, place = own.pop("plain")
        assert plain.beard is None and place.glasses is None
        assert ("beard" in own) == (person.gender == "male")
        for look, (who, where) in own.items():
            assert (where != place) == (look == "glasses")
            same = {
                "skin": who.skin == plain.skin,
                "phenotype": who.phenotype == plain.phenotype,
                "beard": who.beard == plain.beard,
            }
            other = {"dark skin": {"skin"}, "70 years": {"skin", "phenotype"}, "beard": {"beard"}}
            assert {name for name, equal in same.items() if not equal} == other.get(look, set())
            assert who.shapes == plain.shapes and who.hair == plain.hair
