"""The widgets on images of which some, or all, are not labelled."""

import numpy as np
import pytest
import torch

from fermodels.explore import EmbeddingExplorer, FaceLab
from fermodels.explore.source import Source
from fermodels.models import ImageEncoder
from tests.fixtures.images import changed

NOTHING = dict.fromkeys(("subject", "expression", "view", "yaw", "pitch"))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(420, 6))


@pytest.fixture(scope="module")
def partly(tiny_prepared):
    return changed(tiny_prepared, tiny_prepared.table["subject"] == "f000", expression=None)


@pytest.fixture(scope="module")
def none(tiny_prepared):
    return changed(tiny_prepared, None, expression=None)


@pytest.fixture(scope="module")
def nothing(tiny_prepared):
    straight = tiny_prepared.subset(np.flatnonzero(tiny_prepared.table["view"] == "straight"))
    return changed(straight, None, **NOTHING)


def test_some_are_unlabelled(partly, x):
    explorer = EmbeddingExplorer(x, partly, lines="none")
    assert explorer.color_by == "expression"
    entries = {entry["name"]: entry["count"] for entry in explorer._legend.entries}
    assert entries["(unlabelled)"] == 70 and entries["happy"] == 50
    explorer.hidden = ["(unlabelled)"]
    explorer.select(subject="f000")
    assert "f000 · full left · A" in explorer._source.caption(0)
    assert not np.isnan(explorer.reports["embedding"].margin)
    explorer.figure()
    explorer.close()


def test_none_is_labelled(none, x):
    explorer = EmbeddingExplorer(x, none)
    assert explorer.color_by == "view" and "expression" not in explorer._source.fields
    with pytest.raises(ValueError, match="color_by 'expression' is unknown"):
        explorer.color_by = "expression"
    explorer.select(range(9))
    assert "by view" in explorer._selected.bars.value
    assert "by expression" not in explorer._selected.bars.value
    report = explorer.reports["embedding"]
    assert np.isnan(report.margin) and report.retrieval_at_1
    values = {n["name"]: n["value"] for n in explorer._headers["embedding"].numbers}
    assert values["margin"] == "–"
    explorer.choose(3)
    explorer.figure()
    explorer.close()
    frontal = none.subset(np.flatnonzero(none.table["view"] == "straight"))
    assert Source(frontal).fields.default == "subject"


def test_nothing_is_known(nothing, x):
    explorer = EmbeddingExplorer(x[:84], nothing)
    assert explorer.color_by in ("session", "gender")
    assert not explorer._invariance.available
    explorer.select(range(5))
    assert explorer.frame["expression"].isna().all()
    assert "unknown:f000-A-afraid" in explorer._source.describe(0)[0]
    explorer.figure()
    explorer.close()


def test_predictions_without_a_truth(none, x):
    predictions = np.zeros(420, dtype=int)
    explorer = EmbeddingExplorer(x, none, predictions=predictions, color_by="prediction")
    assert set(explorer._source.table["prediction"]) == {"afraid"}
    assert explorer._source.table["outcome"].isna().all()
    explorer.close()


def test_views_without_angles(tiny_prepared, x):
    p = changed(tiny_prepared, None, yaw=None, expression=None)
    explorer = EmbeddingExplorer(x, p)
    assert list(explorer.reports["embedding"].retrieval_at_1)  # to the first of the views
    explorer.close()


@pytest.mark.parametrize("which", ["partly", "none", "nothing"])
def test_the_face_lab(request, which):
    reference = request.getfixturevalue(which)
    torch.manual_seed(0)
    encoder = ImageEncoder("small", image_size=24, width=8).eval()
    lab = FaceLab(encoder, reference, size=64)
    field = lab._field
    assert (field.name == "expression") == (which == "partly")
    assert lab.widget.dots["categories"] == list(field.categories)
    assert len(lab.probabilities) == (7 if which == "partly" else 0)
    assert lab.positions["encoder"].shape == (2,)
    lab.figure()
    lab.close()
