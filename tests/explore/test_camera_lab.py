"""CameraLab, driven as a browser would drive it: by the messages of its widget."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from data_prep.io.film_files import write_film
from fermodels.data import PreparedError, PreparedImages
from fermodels.evaluation import embed
from fermodels.explore import CameraLab
from fermodels.explore.camera_guide import ENOUGH
from fermodels.models import ImageClassifier, ImageEncoder
from tests.fixtures.heads import five_views, scene


@pytest.fixture(scope="module")
def encoders():
    torch.manual_seed(0)
    return {name: ImageEncoder("small", image_size=24, width=8).eval() for name in ("old", "new")}


@pytest.fixture(scope="module")
def embeddings(encoders, tiny_prepared):
    return {name: embed(encoder, tiny_prepared) for name, encoder in encoders.items()}


@pytest.fixture(scope="module")
def faces():
    return five_views()


@pytest.fixture(scope="module")
def film(faces, tmp_path_factory):
    """A head that looks to all five sides, four frames each, and a frame without anybody."""
    path = tmp_path_factory.mktemp("film") / "turn.mp4"
    frames = [scene(faces[i]) for i in (2, 1, 0, 3, 4) for _ in range(ENOUGH)]
    return write_film(path, [*frames, scene()], 10)


class Watched(CameraLab):
    """A lab that keeps what it tells the browser."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.told, tell = [], self.widget.tell

        def watch(kind, pictures=None, **content):
            self.told.append((kind, content, pictures or {}))
            tell(kind, pictures, **content)

        self.widget.tell = watch

    def said(self, kind):
        """(content, pictures) of the last message of a kind."""
        return next((c, p) for k, c, p in reversed(self.told) if k == kind)

    def browser(self, kind, picture=None, **content):
        """What a browser sends; a frame is waited for."""
        buffers = [] if picture is None else [memoryview(picture)]
        self.widget._received(None, {"type": kind} | content, buffers)
        assert self._latest.rest(60)


def jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture
def make(encoders, embeddings, tiny_prepared, tmp_path):
    labs = []

    def make(**options):
        options = {"own": tmp_path / "me.parquet", "embeddings": embeddings} | options
        labs.append(Watched(encoders, tiny_prepared, **options))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()
    plt.close("all")


@pytest.fixture
def lab(make):
    return make()


def turned(lab, faces):
    """Turn the head before the camera."""
    lab.browser("turn")
    for i in (2, 1, 0, 3, 4):
        for _ in range(ENOUGH):
            lab.browser("frame", jpeg(scene(faces[i])), number=i)
    return lab


def pixels_in(state):
    """Everything in a widget's state that could be an image."""
    found = []
    for value in state.values():
        if isinstance(value, dict):
            found += pixels_in(value)
        elif isinstance(value, (bytes, memoryview)):
            found.append(bytes(value))
    return [data for data in found if data[:2] == b"\xff\xd8" or data[:4] == b"\x89PNG"]


# ------------------------------------------------------------------------------------ frames


def test_a_frame_is_answered_with_all_that_is_shown(lab, faces, encoders, tiny_prepared):
    lab.browser("frame", jpeg(scene(faces[2])), number=7)
    answer, pictures = lab.said("seen")
    assert answer["number"] == 7 and answer["size"] == [320, 240] and answer["faces"] == 1
    assert answer["words"] == "" and len(answer["face"]["landmarks"]) == 5
    x0, y0, x1, y1 = answer["face"]["box"]
    assert 85 < x0 < x1 < 235 and 35 < y0 < y1 < 200
    assert Image.open(io.BytesIO(pictures["crop"])).size == (24, 24)  # as the reference
    for name, column in zip(encoders, answer["columns"], strict=True):
        assert column["position"] == pytest.approx(lab.positions[name], abs=1e-3)
        assert column["trail"] == [column["position"]]
        shares = lab.probabilities[name]
        assert column["probabilities"] == shares.tolist() and shares.sum() == pytest.approx(1)
        assert shares.max() * 20 == pytest.approx(round(shares.max() * 20))  # votes of 20
        distance = [tile["distance"] for tile in column["near"]]
        assert len(distance) == 4 and distance == sorted(distance)
        assert {tile["key"] for tile in column["near"]} <= set(pictures)


def test_what_the_browser_has_is_not_sent_again(lab, faces):
    frame = jpeg(scene(faces[2]))
    for number in range(2):
        lab.browser("frame", frame, number=number)
    assert set(lab.said("seen")[1]) == {"crop"}
    lab.browser("ready")  # another page has nothing
    lab.browser("frame", frame, number=3)
    assert len(lab.said("seen")[1]) > 4


def test_the_last_of_many_frames_is_answered_last_and_few_are_looked_at(lab, faces):
    frame = jpeg(scene(faces[2]))
    for number in range(30):  # without waiting for an answer
        lab.widget._received(None, {"type": "frame", "number": number}, [memoryview(frame)])
    assert lab._latest.rest(60)
    numbers = [content["number"] for kind, content, _ in lab.told if kind == "seen"]
    assert numbers[-1] == 29 and numbers == sorted(numbers) and len(numbers) < 30


@pytest.mark.parametrize("picture", [None, b"", b"no image", jpeg(np.zeros((4, 4, 3), np.uint8))])
def test_what_is_no_frame_is_answered_in_words(lab, picture):
    lab.browser("frame", picture, number=1)
    answer, pictures = lab.said("seen")
    assert answer["number"] == 1 and answer["words"] and answer["face"] is None
    assert pictures == {} and lab.embeddings == {}


def test_no_face_two_faces(lab, faces):
    lab.browser("frame", jpeg(scene()), number=1)
    answer, _ = lab.said("seen")
    assert "No face is found" in answer["words"] and answer["columns"] == []
    two = scene(faces[2], faces[2], at=(0.25, 0.72), high=(96, 150))
    lab.browser("frame", jpeg(two), number=2)
    assert "Two faces" in lab.said("seen")[0]["words"]


def test_a_classifier_takes_the_place_of_the_neighbours(make, encoders, faces):
    torch.manual_seed(1)
    classifier = {n: ImageClassifier(e, ("happy", "wink")) for n, e in encoders.items()}
    lab = make(classifier=classifier)
    lab.see(scene(faces[2]))
    assert lab.probabilities.index.tolist() == ["happy", "wink"]
    crop = lab._session.seen.sight.crop
    expected = classifier["new"].predict(crop[None])[1][0]
    np.testing.assert_allclose(lab.probabilities["new"], expected, atol=1e-4)


def test_without_a_reference_there_are_no_maps(encoders, faces, tmp_path):
    lab = Watched(encoders["old"], own=tmp_path / "me.parquet")
    lab.browser("frame", jpeg(scene(faces[2])), number=1)
    (column,) = lab.said("seen")[0]["columns"]
    assert column["position"] is None and column["near"] == []
    assert lab.embeddings["encoder"].ndim == 1 and lab.positions == {}
    lab.figure()
    lab.close()


# ------------------------------------------------------------------------------- the turn


def test_turning_the_head_takes_five_views(lab, faces):
    turned(lab, faces)
    content, pictures = lab.said("turned")
    assert content["angles"] == [-90.0, -45.0, 0.0, 45.0, 90.0] and len(pictures) == 5
    assert content["sentence"] == lab.sentence and "with old" in lab.sentence
    front = content["track"]["named"][0]
    for column in content["track"]["columns"]:
        assert column["cosine"][front] == pytest.approx(1) and len(column["points"]) == 5
    assert lab.said("seen")[0]["guide"] is None


def test_a_turn_can_be_ended_early_and_cancelled(lab, faces):
    lab.browser("enough")
    assert lab.said("said")[0]["error"] and "frontal view" in lab.said("said")[0]["text"]
    lab.browser("turn")
    lab.browser("frame", jpeg(scene(faces[2])), number=1)
    guide = lab.said("seen")[0]["guide"]
    assert guide["wanted"] == 0.0 and guide["counts"] == [0, 0, 1, 0, 0] and not guide["can_end"]
    lab.browser("frame", jpeg(scene(faces[4])), number=2)
    assert lab.said("seen")[0]["guide"]["can_end"]
    lab.browser("enough")
    assert [view.angle for view in lab.views] == [0.0, 90.0]
    lab.browser("turn")
    lab.browser("cancel")
    lab.browser("frame", jpeg(scene(faces[2])), number=3)
    assert lab.said("seen")[0]["guide"] is None and len(lab.views) == 2
    lab.browser("discard")
    assert lab.views == [] and lab.sentence == "" and lab.said("discarded")


# ------------------------------------------------------------------------------- the film


def test_a_film_takes_the_place_of_the_camera(make, film):
    lab = make(source=film)
    played = lab.play()
    assert len(played) == 5 * ENOUGH + 1 and played["faces"].tolist() == [1] * 5 * ENOUGH + [0]
    assert played["yaw"].isna().tolist() == [False] * 5 * ENOUGH + [True]
    assert (played["yaw"].iloc[2 * ENOUGH : 3 * ENOUGH] < -60).all()
    assert len(lab.play(every=4)) == 6
    found = lab.turn()
    assert len(found) == 10 and list(found) == ["encoder", "yaw", "x", "y", "cosine"]
    assert [view.angle for view in lab.views] == [-90.0, -45.0, 0.0, 45.0, 90.0]
    assert len(lab.figure().get_axes()) > 6
    for act in (lambda: make().play(), lambda: lab.play(every=0)):
        with pytest.raises(ValueError, match="no film|at least 1"):
            act()


def test_a_film_without_profiles_is_refused_by_name(make, faces, tmp_path):
    path = write_film(tmp_path / "front.mp4", [scene(faces[2])] * 3, 10)
    lab = make(source=path)
    with pytest.raises(ValueError, match=r"front\.mp4: no frame is near −90°, −45°, 45°, 90°"):
        lab.turn()
    assert lab.views == [] and lab._session.guide is None


def test_the_browser_plays_the_film_frame_by_frame(make, film):
    lab = make(source=film)
    for start in range(2):
        for number in range(5 * ENOUGH + 2):
            lab.browser("frame", number=number, restart=number == 0)
            content, pictures = lab.said("seen")
            assert content["number"] == number
            assert ("frame" in pictures) is (number < 5 * ENOUGH + 1), start
        assert content["over"] and content["words"] == "The film is over."


# ---------------------------------------------------------------------- privacy, own file


def test_no_image_of_a_person_is_in_the_state_that_notebooks_save(lab, faces):
    turned(lab, faces)
    assert pixels_in(lab.widget.get_state()) == []
    assert "JPEG" not in repr(lab._repr_mimebundle_())


def test_nothing_is_written_before_a_button_says_so(make, faces, tmp_path):
    lab = turned(make(), faces)
    lab.browser("save", expression="happy")
    lab.browser("save", expression="happy", consent=False)
    lab.browser("save", expression="happy", consent="true")
    assert not list(tmp_path.iterdir()) and "has to agree" in lab.said("said")[0]["text"]
    lab.browser("save", expression="happy", consent=True)
    assert [path.name for path in tmp_path.iterdir()] == ["me.parquet"]
    said = lab.said("said")[0]
    assert not said["error"] and said["text"].startswith("Written to me.parquet, which now holds 1")
    assert str(tmp_path) not in said["text"] and lab.said("own")[0]["written"]
    lab.browser("save", expression="happy", consent=True)  # the same views again
    assert "already: turn the head again" in lab.said("said")[0]["text"]
    assert lab._session.own.instances == 1


def test_what_was_recorded_is_near(make, faces, tiny_prepared):
    lab = turned(make(), faces)
    path = lab.save_instance("happy", consent=True, session="glasses")
    own, _ = lab.said("own")
    assert own["instances"] == 1 and [len(m["points"]) for m in own["marks"]] == [5, 5]
    lab.browser("frame", jpeg(scene(faces[2])), number=1)
    content, pictures = lab.said("seen")
    for column in content["columns"]:
        near = [tile for tile in column["near"] if tile["own"]]
        assert len(near) == 2 and near[0]["caption"] == "you · happy · straight"
        assert near[0]["distance"] < 0.05
    assert any(key.startswith("own ") for key in pictures)
    file = PreparedImages.read(path)
    x = embed(lab._session._eye.columns[0].encoder, file)
    assert len(file) == 5 and np.isfinite(x).all()
    together = PreparedImages.concat([tiny_prepared, file])  # as notebook 08 does it
    assert len(together) == 425 and (together.labels >= 0).all() and file.table["face_found"].all()
    again = make()  # another day
    again.browser("ready")
    assert again.said("own")[0]["instances"] == 1
    assert again.views == []


def test_forget_me_deletes_file_and_points(make, faces, tmp_path):
    lab = turned(make(), faces)
    lab.save_instance("happy", consent=True)
    lab.browser("frame", jpeg(scene(faces[2])), number=1)
    lab.browser("forget")
    assert not list(tmp_path.iterdir())
    session = lab._session
    assert session.seen is None and session.views == [] and session.track is None
    assert session.trails == {} and len(session.own) == 0 and session.own.points == {}
    assert lab.embeddings == {} and lab.positions == {} and lab.sentence == ""
    assert lab.said("own")[0]["marks"] == [] and lab.said("forgotten")
    assert "me.parquet is deleted" in lab.said("said")[0]["text"]
    assert lab.forget() is False


def test_forgetting_what_is_not_ours_says_so_and_drops_the_rest(make, faces, tiny_prepared):
    lab = turned(make(), faces)
    tiny_prepared.subset(range(5)).write(lab._session.path)
    lab.browser("forget")
    assert lab.said("said")[0]["error"] and lab._session.path.exists()
    assert lab.views == [] and lab.said("forgotten")


def test_another_file_is_not_taken_for_ones_own(make, tiny_prepared, tmp_path):
    path = tiny_prepared.subset(range(5)).write(tmp_path / "faces.parquet")
    with pytest.raises(PreparedError, match="not a file of the camera lab"):
        make(own=path)


def test_when_the_camera_stops_the_frame_goes(lab, faces):
    lab.browser("frame", jpeg(scene(faces[2])), number=1)
    assert lab.embeddings
    lab.browser("stopped")
    assert lab._session.seen is None and lab.embeddings == {}


def test_a_figure_shows_no_person_unless_asked(make, faces, film):
    def images(figure):
        return sum(len(ax.get_images()) for ax in figure.get_axes())

    lab = turned(make(), faces)
    assert images(lab.figure()) == 0 and images(lab.figure(pictures=True)) == 6
    shown = make(source=film)
    shown.turn()
    shown.play(every=8)
    assert images(shown.figure()) == 6


def test_a_closed_lab_holds_nothing_and_hears_nothing(make, faces):
    lab = turned(make(), faces)
    lab.close()
    lab.close()
    assert lab.views == [] and lab._session.seen is None
    lab.widget._received(None, {"type": "frame"}, [memoryview(jpeg(scene(faces[2])))])
    assert lab._session.seen is None


@pytest.mark.parametrize("rate", [0, -1, 61, float("nan")])
def test_rates_out_of_range_are_refused(make, rate):
    with pytest.raises(ValueError, match="rate is"):
        make(rate=rate)
