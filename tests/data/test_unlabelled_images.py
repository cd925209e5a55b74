"""Images of which something is not known: the expression, who is shown, from where."""

import warnings

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fermodels._shared.places import shipped_data
from fermodels.data import ImageDataset, PreparedError, PreparedImages
from tests.fixtures.images import changed, make_tiny

# Written by data_prep, with nothing null; another way to read them must not change this.
SHIPPED = {
    "anny_views_kdef": "6be63fc591934814f6a6497b77b8eca5205717fb2e2510223c0962a9118f51a5",
    "anny_views_ddcf": "95be3d1c60a8a6090db8bd4968bd48c254a56910f9b3cb1e3c424fe9a76385f4",
}
UNKNOWN = {"subject": None, "expression": None, "view": None, "yaw": None, "pitch": None}


@pytest.fixture(scope="module")
def small():
    """4 subjects × 2 expressions × 2 views × 2 sessions = 32 images of 16 px."""
    return make_tiny(4, ["happy", "sad"], size=16, views=["straight", "half_right"])


@pytest.fixture(scope="module")
def partly(small):
    """The two last people are not labelled."""
    return changed(small, small.table["subject"].isin(["f002", "m003"]), expression=None)


@pytest.fixture(scope="module")
def nothing(small):
    """Nothing is known but which images are of one moment; of each, one image."""
    straight = small.subset(np.flatnonzero(small.table["view"] == "straight"))
    return changed(straight, None, **UNKNOWN)


def test_labels_of_some(partly, small):
    unlabelled = small.table["subject"].isin(["f002", "m003"]).to_numpy()
    assert partly.labels.dtype == np.int64 and (partly.labels[unlabelled] == -1).all()
    assert np.array_equal(partly.labels[~unlabelled], small.labels[~unlabelled])
    assert set(partly.table["expression"][unlabelled]) == {None}
    assert "expressions: happy, sad (16 images are unlabelled)" in repr(partly)
    assert "unlabelled" not in repr(small)
    batch = ImageDataset(partly, [31, 0]).batch([0, 1])
    assert batch["expression"].tolist() == [-1, 0]


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("which", ["partly", "nothing"])
def test_round_trip(tmp_path, request, which, in_memory):
    p = request.getfixturevalue(which)
    again = PreparedImages.read(p.write(tmp_path / "some.parquet"), in_memory=in_memory)
    assert again.fingerprint() == p.fingerprint()
    for ids in ("labels", "view_ids", "subject_ids", "instance_ids", "known_subjects"):
        assert np.array_equal(getattr(again, ids), getattr(p, ids)), ids
    assert again.views == p.views and again.expressions == p.expressions
    assert repr(again).replace("some", "x") == repr(p).replace("some", "x")
    assert again.table["yaw"].dtype == np.float32
    assert np.array_equal(again.images(), p.images())


def test_what_is_not_known_is_null_in_the_file(tmp_path, partly, nothing):
    path = partly.write(tmp_path / "partly.parquet")
    assert pd.read_parquet(path)["expression"].isna().sum() == 16
    path = nothing.write(tmp_path / "nothing.parquet")
    assert pd.read_parquet(path)[list(UNKNOWN)].isna().all(axis=None)
    kinds = pq.read_schema(path)
    assert {str(kinds.field(name).type) for name in ("subject", "expression", "view")} == {"string"}
    assert {str(kinds.field(name).type) for name in ("yaw", "pitch")} == {"float"}


def test_subset_and_concat(partly, small):
    rows = np.arange(32)
    part = partly.subset(rows[::-3])
    assert part.labels.tolist() == partly.labels[::-3].tolist()
    both = PreparedImages.concat([partly.subset(rows[:10]), partly.subset(rows[10:])])
    assert both.fingerprint() == partly.fingerprint() != small.fingerprint()


def test_labels_in_one_half_and_none_in_the_other(small):
    other = changed(small, None, expression=None)
    table = other.table.assign(
        image=other._blobs(),
        subject="x" + other.table["subject"],
        instance="x" + other.table["instance"],
    )
    other = PreparedImages(table, {"name": "other"})
    assert (other.labels == -1).all()
    both = PreparedImages.concat([small, other])
    assert both.labels.tolist() == small.labels.tolist() + [-1] * 32
    assert both.expressions[:2] == ("happy", "sad")


def test_blank_is_unlabelled(small):
    where = (small.table["instance"] == "f000-A-happy").to_numpy()
    assert (changed(small, where, expression=" ").labels == -1).sum() == 2


def test_split_and_budget_do_not_ask_for_labels(partly, small):
    halves = {"a": 0.5, "b": 0.5}
    for name, rows in partly.split(fractions=halves).items():
        assert np.array_equal(rows, small.split(fractions=halves)[name])


def test_an_instance_is_labelled_as_a_whole(small):
    where = np.arange(32) == 1
    message = (
        r"row 1, column 'expression': instance 'f000-A-happy' has two expressions \(happy, none\).*"
        "the same expression, or all of them none"
    )
    with pytest.raises(PreparedError, match=message):
        changed(small, where, expression=None)
    with pytest.raises(PreparedError, match=r"two subjects \(f000, unknown:f000-A-happy\)"):
        changed(small, where, subject=None)


def test_check_labelled(partly):
    partly.check_labelled(np.flatnonzero(partly.labels >= 0), "a probe")
    message = (
        r"a probe needs labels, but 16 of the 32 images have no expression \(first: row 16, "
        r"instance 'f002-A-happy'\).*indices\[prepared.labels\[indices\] >= 0\]"
    )
    with pytest.raises(ValueError, match=message):
        partly.check_labelled(None, "a probe")


# --- people and views that are not known


def test_each_instance_is_a_person_of_its_own(small):
    p = changed(small, small.table["subject"] == "m003", subject=None)
    unknown = ~p.known_subjects
    assert np.array_equal(unknown, (small.table["subject"] == "m003").to_numpy())
    assert len(set(p.subject_ids)) == 3 + 4  # two sessions of two expressions
    assert "3 subjects (8 images of nobody known), 16 instances" in repr(p)
    table = p.table[unknown]
    assert (table["subject"] == "unknown:" + table["instance"]).all()
    assert p.subset(np.flatnonzero(unknown)).known_subjects.sum() == 0
    with pytest.warns(UserWarning, match="changed: 8 of 32 images have no known subject"):
        splits = p.split()
    p.check_split(splits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p.subset(np.flatnonzero(~unknown)).split()
        small.split()


def test_views_that_are_not_known(small):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # not that there is one view only
        p = changed(small.subset(np.arange(0, 32, 2)), None, view=None, yaw=None)
    assert p.views == ("straight", "half_right", "unknown")
    assert set(p.view_ids) == {2} and p.table["yaw"].isna().all()
    mixed = changed(small, small.table["view"] == "half_right", view=None)
    table = mixed.table.assign(image=mixed._blobs())
    own = PreparedImages(table, {})
    assert own.views == ("straight", "unknown") and np.array_equal(
        own.view_ids, mixed.view_ids // 2
    )
    with pytest.raises(PreparedError, match="view 'unknown'.* has this instance and view"):
        changed(small, None, view=None)


def test_a_named_view_may_have_no_angle(small):
    p = changed(small, small.table["view"] == "straight", yaw=np.nan, pitch=None)
    assert p.table["yaw"].isna().sum() == 16
    assert p.subset([0]).fingerprint() != small.subset([0]).fingerprint()
    table = p.table.assign(image=p._blobs())
    assert PreparedImages(table, {}).views == ("half_right", "straight")  # no angle comes last
    batch = ImageDataset(p).batch([0, 1])
    assert batch["yaw"].isnan().tolist() == [True, False]


def test_a_table_by_hand_of_images_alone(tmp_path, small):
    table = pd.DataFrame({"image": small._blobs(), "instance": range(32)})
    table = table.assign(session="1", **UNKNOWN)
    path = tmp_path / "by_hand.parquet"
    table.to_parquet(path)  # columns of the type null
    p = PreparedImages.read(path)
    assert p.labels.tolist() == [-1] * 32 and len(set(p.subject_ids)) == 32
    assert p.views == ("unknown",) and len(p.expressions) == 8


@pytest.mark.parametrize(("name", "fingerprint"), SHIPPED.items())
def test_old_files_are_what_they_were(name, fingerprint):
    p = PreparedImages.read(shipped_data(name))
    assert p.known_subjects.all() and not (p.labels < 0).any()
    assert p.fingerprint() == fingerprint
