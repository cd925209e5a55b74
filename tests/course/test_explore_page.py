"""What `make explore` shows: embeddings are kept, and used only for what they were made of."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from fermodels import evaluation
from fermodels.course import explore_page
from fermodels.models import ImageEncoder
from fermodels.models.saving import weights_digest


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return ImageEncoder("small", image_size=24, width=4)


@pytest.fixture
def asked(monkeypatch):
    """How many images have been embedded."""
    count = []
    embed = evaluation.embed

    def counting(encoder, prepared, *rows, **options):
        count.extend(range(len(prepared)))
        return embed(encoder, prepared, *rows, **options)

    monkeypatch.setattr(evaluation, "embed", counting)
    return count


@pytest.fixture
def shipped(tiny_prepared, encoder, tmp_path, monkeypatch):
    """A small data set and encoder in place of the course's; runs go into a folder of the test."""
    monkeypatch.setenv("FERMODELS_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("FERMODELS_PRESET", "fast")
    encoder.save_pretrained(tmp_path / "one")
    return tiny_prepared.write(tmp_path / "faces.parquet"), {"one": tmp_path / "one"}


def quiet(_):
    pass


def test_embeddings_are_computed_once(tiny_prepared, encoder, asked, tmp_path):
    said = []
    x = explore_page.kept_embeddings(encoder, tiny_prepared, say=said.append, folder=tmp_path / "x")
    assert asked == list(range(420))
    assert said == [f": {done} of 420 faces embedded …" for done in (0, 256, 420)]
    np.testing.assert_allclose(x, evaluation.embed(encoder, tiny_prepared, range(420)), atol=1e-5)
    asked.clear()
    again = explore_page.kept_embeddings(encoder, tiny_prepared, say=quiet, folder=tmp_path / "x")
    assert asked == [] and np.array_equal(x, again)


def test_of_other_faces_or_weights_or_broken_they_are_not_used(
    tiny_prepared, encoder, asked, tmp_path
):
    def computed(encoder, prepared):
        asked.clear()
        explore_page.kept_embeddings(encoder, prepared, say=quiet, folder=tmp_path)
        return len(asked)

    assert computed(encoder, tiny_prepared) == 420
    encoder_digest = weights_digest(encoder).encode()
    [path] = tmp_path.glob("*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert computed(encoder, tiny_prepared) == 420 and path.read_bytes() == whole
    # Named like the right file, but made of something else.
    path.write_bytes(whole.replace(encoder_digest, b"0" * 64))
    assert encoder_digest not in path.read_bytes()
    assert computed(encoder, tiny_prepared) == 420
    assert computed(encoder, tiny_prepared.subset(range(350))) == 350
    with torch.no_grad():
        next(encoder.parameters()).add_(0.1)
    assert computed(encoder, tiny_prepared) == 420
    assert computed(encoder, tiny_prepared) == 0


def test_the_explorer_of_a_file_of_ones_own(shipped):
    faces, encoders = shipped
    explorer = explore_page.course_explorer(faces, encoders, say=quiet, color_by="split")
    assert explorer.color_by == "split"
    explorer.select(split="train")
    frame = explorer.frame
    # On what the probe was fitted it is better than chance.
    assert (frame["outcome (one)"] == "correct").mean() > 0.3
    explorer.close()


def test_the_second_faces_are_on_the_same_maps(shipped, monkeypatch, tiny_prepared, tmp_path):
    faces, encoders = shipped
    explorer = explore_page.course_explorer(faces, encoders, say=quiet)
    own, *others = explorer._source.sets.names
    assert others == ["second faces"] and explorer.data_set == own
    explorer.data_set = "second faces"
    explorer.select(**{"outcome (one)": "correct"})
    assert 0 < len(explorer.frame) < 840  # the probe of ours has been asked about them, too
    assert set(explorer.frame["prediction (one)"]) <= set(tiny_prepared.expressions)
    explorer.close()
    # They are not beside themselves, and a folder without them is no error.
    alone = tiny_prepared.write(tmp_path / "elsewhere" / "second_faces.parquet")
    for path in (alone, faces):
        monkeypatch.setenv("FERMODELS_DATA", str(alone.parent if path is alone else tmp_path))
        explorer = explore_page.course_explorer(path, encoders, say=quiet)
        assert len(explorer._source.sets.names) == 1
        explorer.close()


def test_the_page_is_there_at_once_and_shows_both_widgets(shipped):
    faces, encoders = shipped
    page = explore_page.course_page(faces, encoders)
    assert "reading the faces" in page.children[0].value
    _finish()
    tabs = page.children[0]
    assert tabs.titles == ("Explorer", "Face lab")
    assert "fm-explorer" in tabs.children[0]._dom_classes
    assert tabs.children[1].children == ()  # made when it is looked at


def test_what_cannot_be_read_is_said_in_the_page(shipped, tmp_path):
    broken = tmp_path / "<b>broken.parquet"
    broken.write_text("no table")
    page = explore_page.course_page(broken, shipped[1])
    _finish()
    said = page.children[0].value
    assert "PreparedError" in said and "is not a readable Parquet file" in said
    assert "<b>" not in said


def test_faces_and_encoder_can_be_named_by_the_environment(shipped, monkeypatch):
    faces, encoders = shipped
    monkeypatch.setenv(explore_page.FACES_VARIABLE, str(faces))
    monkeypatch.setenv(explore_page.ENCODER_VARIABLE, str(encoders["one"]))
    seen = {}
    monkeypatch.setattr(explore_page, "load_encoders", lambda encoders: seen.update(encoders) or {})
    monkeypatch.setattr(
        explore_page, "_material", lambda faces, *_: seen.update(faces=faces) or 1 / 0
    )
    page = explore_page.course_page()
    _finish()
    assert list(seen) == ["one", "CL-MEx", "faces"] and seen["faces"] == str(faces)
    assert "ZeroDivisionError" in page.children[0].value


def _finish():
    import threading

    for thread in threading.enumerate():
        if thread.name == "fermodels-explorer":
            thread.join(60)


def test_the_file_says_what_it_is_made_of(tiny_prepared, encoder, tmp_path):
    explore_page.kept_embeddings(encoder, tiny_prepared, say=quiet, folder=tmp_path)
    [path] = tmp_path.glob("*.safetensors")
    assert load_file(path)["embedding"].shape == (420, encoder.feature_dim)
    assert tiny_prepared.fingerprint().encode() in path.read_bytes()
