"""FaceLab, driven as a browser would drive it: by the state and the messages of its widget."""

import gc
import threading
import weakref

import numpy as np
import pytest
import torch

from fermodels.data import VIEWS, PreparedError, PreparedImages
from fermodels.evaluation import embed, linear_probe
from fermodels.explore import EmbeddingExplorer, FaceLab, lab_controls
from fermodels.explore.lab_column import Projection, probe
from fermodels.explore.maps import square
from fermodels.faces import ACTION_UNITS, ACTIONS, PROTOTYPES
from fermodels.models import ImageClassifier, ImageEncoder
from fermodels.plots import pca

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def encoders():
    torch.manual_seed(0)
    return {name: ImageEncoder("small", image_size=24, width=8).eval() for name in ("old", "new")}


@pytest.fixture(scope="module")
def embeddings(encoders, tiny_prepared):
    return {name: embed(encoder, tiny_prepared) for name, encoder in encoders.items()}


@pytest.fixture
def lab(encoders, embeddings, tiny_prepared):
    lab = FaceLab(encoders, tiny_prepared, embeddings=embeddings, size=64)
    yield lab
    lab.close()


def browser_moves(lab, **values):
    """What a browser sends when a slider has been moved."""
    lab.widget.set_state({"values": lab.values | values})


def browser_sends(lab, **content):
    lab.widget._received(None, content, [])


# ------------------------------------------------------------------------------- controls


def test_every_unit_and_every_expression_has_a_slider():
    units = {int(name[2:]) for name in lab_controls.CONTROLS if name.startswith("AU")}
    assert units == set(ACTION_UNITS)
    assert set(lab_controls.STRENGTHS) == set(PROTOTYPES) - {"neutral"}
    assert lab_controls.CONTROLS["AU12"].label == "AU12 lip corner puller"
    assert lab_controls.CONTROLS["AU12"].group == "mouth"


def test_actions_are_the_clipped_sum():
    values = lab_controls.DEFAULTS | {"AU12": 0.5}
    smile = ACTIONS.index("mouthSmileLeft")
    assert lab_controls.actions(values)[smile] == pytest.approx(0.5)
    assert lab_controls.actions(values | {"happy": 0.25})[smile] == pytest.approx(0.75)
    both = lab_controls.actions(values | {"happy": 1.0, "surprised": 1.0})
    assert both.max() == 1.0 and both.shape == (52,)
    assert both[ACTIONS.index("browInnerUp")] == 1.0


def test_what_a_browser_sends_is_brought_into_range():
    cleaned = lab_controls.clean({"happy": 7, "yaw": "−3", "AU12": None, EVIL: 1, "pitch": -99})
    assert set(cleaned) == set(lab_controls.CONTROLS)
    assert cleaned["happy"] == 1.0 and cleaned["pitch"] == -30
    assert cleaned["yaw"] == 0 and cleaned["AU12"] == 0
    assert lab_controls.clean([EVIL]) == lab_controls.DEFAULTS


# ----------------------------------------------------------------------------------- live


def test_a_slider_changes_picture_probabilities_and_place(lab):
    image, shares, places = lab.image, lab.probabilities, lab.positions
    browser_moves(lab, happy=1.0)
    assert lab.values["happy"] == 1.0
    assert (lab.image != image).any() and lab.image.shape == (64, 64, 3)
    result = lab.widget.result
    assert result["picture"][:2] == b"\xff\xd8" and result["alt"].endswith("happy 1")
    assert result["expression"] == "happy"
    for i, name in enumerate(("old", "new")):
        # Untrained networks may be sure of one class: the logarithms move all the same.
        assert not np.allclose(*np.log([lab.probabilities[name], shares[name]]), atol=1e-3)
        assert not np.allclose(lab.positions[name], places[name], atol=1e-6)
        assert result["columns"][i]["position"] == lab.positions[name].tolist()
        assert result["columns"][i]["probabilities"] == lab.probabilities[name].tolist()
        assert lab.probabilities[name].sum() == pytest.approx(1)


def test_python_and_browser_set_the_same(lab):
    lab.set(AU12=0.5, yaw=30)
    image, number = lab.image, lab.widget.result["number"]
    lab.reset()
    assert lab.values == lab_controls.DEFAULTS
    browser_moves(lab, AU12=0.5, yaw=30)
    np.testing.assert_array_equal(lab.image, image)
    assert lab.widget.result["number"] == number + 2
    browser_moves(lab, AU12=40)
    assert lab.values["AU12"] == 1.0 and lab.widget.values["AU12"] == 1.0
    for wrong in ({"nose": 1}, {"happy": 1.5}, {"yaw": float("nan")}, {"AU3": 1}, {"happy": "x"}):
        with pytest.raises(ValueError, match="cannot be set; there are afraid|it goes from"):
            lab.set(sad=1, **wrong)
    assert lab.values["sad"] == 0


@pytest.mark.parametrize("name, value", [("light", -1), ("brightness", 0.5), ("pitch", 20)])
def test_light_and_camera_change_the_picture(lab, name, value):
    before = lab.image.astype(int)
    lab.set(**{name: value})
    assert np.abs(lab.image - before).mean() > 1
    if name == "brightness":
        assert lab.image.mean() < before.mean()


def test_the_messages_may_come_in_another_thread(lab):
    """JupyterLab sends a widget's messages past the thread that runs the cells."""
    lab.set(happy=0.5)
    expected = lab.image
    for value in (0.9, 0.5):
        thread = threading.Thread(target=browser_moves, args=(lab,), kwargs={"happy": value})
        thread.start()
        thread.join()
    np.testing.assert_array_equal(lab.image, expected)
    lab.set(happy=0.9)
    lab.set(happy=0.5)
    np.testing.assert_array_equal(lab.image, expected)


def test_the_dice_bring_another_person(lab, encoders):
    first, person = lab.image, lab.person
    lab.set(happy=0.4)
    browser_sends(lab, type="dice")
    assert lab.person is not person and lab.values["happy"] == 0.4
    assert lab.dice(0) == 0
    lab.reset()
    np.testing.assert_array_equal(lab.image, first)  # number 0 is the one it began with
    lab.dice(1)
    other = FaceLab(encoders["old"], seed=1, size=64)
    np.testing.assert_array_equal(lab.image, other.image)
    other.close()
    with pytest.raises(ValueError, match="numbered from 0"):
        lab.dice(-1)


def test_an_encoder_keeps_its_mode(encoders, tiny_prepared, embeddings):
    encoder = encoders["old"].train()
    lab = FaceLab(encoder, tiny_prepared, embeddings=embeddings["old"], size=32)
    assert encoder.training
    evaluated = embed(encoder, tiny_prepared, [0])
    np.testing.assert_allclose(evaluated[0], embeddings["old"][0], atol=1e-5)
    lab.close()
    encoder.eval()


# ---------------------------------------------------------------------- maps and classifiers


def test_new_faces_are_projected_like_the_old_ones(embeddings):
    x = embeddings["new"]
    coords = square(pca(x))
    projection = Projection(x, coords)
    np.testing.assert_allclose(projection(x), coords, atol=1e-4)
    np.testing.assert_allclose(projection(3 * x[:5]), coords[:5], atol=1e-4)  # length plays no part
    flat = np.outer(np.ones(6), [1.0, 2.0])
    assert np.isfinite(Projection(flat, square(pca(flat)))(flat)).all()


def test_the_probe_is_the_linear_probe(embeddings, tiny_prepared):
    x, y = embeddings["new"], tiny_prepared.table["expression"].to_numpy(dtype=object)
    order = ["content", *reversed(tiny_prepared.expressions)]  # nobody here is content
    classes, classify = probe(x, y, order)
    shares = classify(x, None)
    assert classes == order[1:] and shares.shape == (420, 7)
    expected = linear_probe(x, y, x, y).predictions
    assert (np.array(classes, dtype=object)[shares.argmax(1)] == expected).all()
    with pytest.raises(ValueError, match="single expression 'sad'"):
        probe(x[:3], np.array(["sad"] * 3), tiny_prepared.expressions)


def test_a_classifier_takes_the_place_of_the_probe(encoders, embeddings, tiny_prepared):
    torch.manual_seed(1)
    same = ImageClassifier(encoders["old"], ("sad", "happy"))
    other = ImageClassifier(ImageEncoder("small", image_size=24, width=8), ("happy", "wink"))
    lab = FaceLab(
        encoders,
        tiny_prepared,
        embeddings=embeddings,
        classifier={"old": same, "new": other},
        size=24,  # as the reference: the encoders see the picture itself
    )
    shares = lab.probabilities
    assert shares.index.tolist() == ["happy", "sad", "wink"]
    expected = same.predict(lab.image[None])[1][0]
    np.testing.assert_allclose(shares["old"][["sad", "happy"]], expected, atol=1e-6)
    expected = other.predict(lab.image[None])[1][0]
    np.testing.assert_allclose(shares["new"][["happy", "wink"]], expected, atol=1e-6)
    assert shares["old"].isna().tolist() == [False, False, True]
    assert lab.widget.result["columns"][0]["probabilities"][2] is None
    lab.close()


def test_without_a_reference(encoders):
    lab = FaceLab(encoders["old"], size=32)
    assert lab.positions == {} and lab.probabilities.empty and lab.widget.dots == {}
    assert lab.embeddings["encoder"].shape == (encoders["old"].feature_dim,)
    frame = lab.turn(step=90)
    assert list(frame) == ["encoder", "yaw", "cosine"]
    browser_moves(lab, sad=1.0)
    lab.close()
    classifier = ImageClassifier(encoders["old"], ("sad", "happy"))
    lab = FaceLab(encoders["old"], classifier=classifier, size=32)
    assert lab.probabilities.index.tolist() == ["happy", "sad"] and lab.positions == {}
    lab.close()


class Asked:
    """Stands in for the renderer: keeps what it was asked for."""

    calls: list[tuple] = []

    def __init__(self, size):
        self.size = size

    def render(self, *scene):
        self.calls.append(scene)
        return np.zeros((len(scene[2]), len(scene[3]), self.size, self.size, 3), np.uint8)


def test_a_rendered_face_lands_where_its_file_lands(monkeypatch):
    """The image of a face in the prepared file, drawn again at the lab's size."""
    from data_prep.synthetic import anny_views
    from fermodels import course

    prepared = PreparedImages.read(course.data("anny_views_kdef"))
    encoder = ImageEncoder.from_pretrained(course.weights("clmex-anny-views"))
    rows = np.flatnonzero((prepared.table["subject"] == "F01") & (prepared.table["session"] == "A"))
    seed, subjects = (prepared.metadata["settings"][name] for name in ("seed", "subjects"))
    prepared = prepared.subset(rows)
    with monkeypatch.context() as patch:
        patch.setattr(Asked, "calls", [])
        patch.setattr(anny_views, "FaceRenderer", Asked)
        anny_views.render_subject(anny_views.Job("kdef", subjects, 16, seed), 0)
        person, session, actions, _, poses = Asked.calls[0]
    lab = FaceLab({"clmex": encoder}, prepared)
    file, table = embed(encoder, prepared), prepared.table
    for number, name in enumerate(anny_views.PROTOCOLS["kdef"].expressions[:3]):
        scene = (person, session, actions[number], (-90.0, 0.0, 45.0), poses[number])
        drawing = lab._face._thread.submit(lab._face._renderer.render, *scene)
        drawn = lab._columns[0].embed(lab._seen(drawing.result()))
        for h, view in zip(drawn, ("full_left", "straight", "half_right"), strict=True):
            row = np.flatnonzero((table["expression"] == name) & (table["view"] == view))
            np.testing.assert_allclose(table["actions"][row[0]], actions[number], atol=6e-4)
            cosines = file @ h / np.linalg.norm(h) / np.linalg.norm(file, axis=1)
            assert cosines.argmax() == row[0] and cosines[row[0]] > 0.995
    lab.close()


# ----------------------------------------------------------------------------------- turning


def test_turning_the_head_draws_a_track(lab):
    lab.set(surprised=0.7)
    frame = lab.turn(step=30)
    yaws = [-90, -60, -45, -30, 0, 30, 45, 60, 90]
    assert list(frame) == ["encoder", "yaw", "x", "y", "cosine"]
    assert frame["yaw"].tolist() == yaws * 2
    track = lab.widget.track
    assert [track["yaws"][i] for i in track["standard"]] == [-90, -45, 0, 45, 90]
    assert len(set(track["colors"])) == 9 and lab.widget.result["fresh"]
    assert (frame[frame["yaw"] == 0]["cosine"] > 1 - 1e-9).all()
    for yaw in (-60, 45):  # the yaw slider moves along the track
        browser_moves(lab, yaw=yaw)
        for i, name in enumerate(("old", "new")):
            row = frame[(frame["encoder"] == name) & (frame["yaw"] == yaw)].iloc[0]
            np.testing.assert_allclose(lab.positions[name], row[["x", "y"]].tolist(), atol=1e-5)
            assert track["columns"][i]["points"][yaws.index(yaw)] == row[["x", "y"]].tolist()
    assert lab.widget.result["fresh"]
    lab.set(surprised=0.2)
    assert not lab.widget.result["fresh"]
    browser_sends(lab, type="turn")
    assert lab.widget.result["fresh"] and len(lab.widget.track["yaws"]) == 21
    lab.dice(3)
    assert not lab.widget.result["fresh"]
    for step in (0, 91):
        with pytest.raises(ValueError, match="1 to 90 degrees"):
            lab.turn(step)


def test_the_figure_shows_face_track_and_bars(lab):
    import matplotlib.pyplot as plt

    lab.set(happy=1)
    lab.turn(45)
    figure = lab.figure()
    titles = [ax.get_title() for ax in figure.axes]
    assert {"old", "new", "happy 1"} <= set(titles)
    on_map = figure.axes[titles.index("old")]
    assert any(len(line.get_xdata()) == 5 for line in on_map.lines)
    plt.close(figure)


# ------------------------------------------------------------------------------------ saving


def test_a_saved_face_is_a_prepared_file(lab, encoders, tiny_prepared, tmp_path):
    path = tmp_path / "new folder" / "mine.parquet"
    lab.set(happy=0.8, AU4=0.2, pitch=5)
    assert lab.save_instance(path) == path
    browser_sends(lab, type="save", subject=" Ada ", expression="wink")  # to the same file
    assert "now holds 2 instance(s)" in lab.widget.status and str(path) in lab.widget.status
    lab.save_instance(subject="Ada", expression="wink")
    own = PreparedImages.read(path)
    table = own.table
    assert len(own) == 15 and own.image_size == tiny_prepared.image_size
    assert table["view"].tolist() == list(VIEWS) * 3
    assert table["yaw"].tolist() == [-90, -45, 0, 45, 90] * 3 and set(table["pitch"]) == {5}
    assert table["expression"].tolist() == ["happy"] * 5 + ["wink"] * 10
    assert table["subject"].tolist() == ["person0"] * 5 + ["Ada"] * 10
    assert table["instance"].nunique() == 3
    np.testing.assert_allclose(table["actions"][0], lab_controls.actions(lab.values), atol=1e-3)
    assert table["intensity"][0] == pytest.approx(0.8)
    # What the file gives is what the lab has shown.
    x = embed(encoders["new"], own)
    np.testing.assert_allclose(x[2], lab.embeddings["new"], atol=1e-4)
    explorer = EmbeddingExplorer(x, own)
    assert set(explorer._source.fields["expression"].categories) == {"happy", "wink"}
    explorer.close()


def test_a_file_that_is_not_its_own_stays_as_it_is(lab, tiny_prepared, tmp_path):
    foreign, broken = tmp_path / "foreign.parquet", tmp_path / "broken.parquet"
    tiny_prepared.subset(np.arange(10)).write(foreign)
    broken.write_bytes(b"no Parquet at all")
    for path, words in (
        (foreign, "not a file of the face lab"),
        (broken, "not a readable Parquet"),
    ):
        before = path.read_bytes()
        with pytest.raises(PreparedError, match=words):
            lab.save_instance(path)
        lab._path = path
        browser_sends(lab, type="save", subject="", expression="")
        assert words in lab.widget.status
        assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 2
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises((PreparedError, OSError)):
        lab.save_instance(folder)


def test_a_name_stands_for_one_person(lab, encoders, tmp_path):
    path = tmp_path / "mine.parquet"
    lab.save_instance(path, subject="Ada")
    lab.dice(1)
    before = path.read_bytes()
    with pytest.raises(PreparedError, match="'Ada' is already person 0, and this face is person 1"):
        lab.save_instance(path, subject="Ada")
    other = FaceLab(encoders["old"], size=48)  # without a reference: pictures of another size
    with pytest.raises(PreparedError, match="48×48 px"):
        other.save_instance(path)
    other.close()
    assert path.read_bytes() == before


def test_the_file_lies_beside_what_is_remembered(
    lab, encoders, embeddings, tiny_prepared, tmp_path, monkeypatch
):
    there = tmp_path / "07" / "lab.json"
    options = {"embeddings": embeddings, "size": 32, "remember": there}
    remembering = FaceLab(encoders, tiny_prepared, **options)
    assert remembering.save_instance() == tmp_path / "07" / "own_faces.parquet"
    remembering.close()
    monkeypatch.chdir(tmp_path)
    assert lab.save_instance() == tmp_path / "own_faces.parquet"


# --------------------------------------------------------------------------- state and end


def test_the_state_outlives_the_lab(encoders, embeddings, tiny_prepared, tmp_path):
    path = tmp_path / "run" / "lab.json"

    def make(**kwargs):
        return FaceLab(
            encoders, tiny_prepared, embeddings=embeddings, size=32, remember=path, **kwargs
        )

    first = make()
    first.dice(12)
    browser_moves(first, sad=0.6, yaw=-20)
    first.turn(45)
    state, image = first.state, first.image
    first.close()
    again = make()
    assert again.state == state and again.values["sad"] == 0.6
    assert again.widget.values["yaw"] == -20 and again.widget.result["fresh"]
    np.testing.assert_array_equal(again.image, image)
    again.close()
    for text in ("{broken", '{"rows": 420, "person": "<img>", "values": {"sad": 9}, "turned": []}'):
        path.write_text(text)
        make(seed=5).close()


def test_closing_frees_everything(encoders, embeddings, tiny_prepared):
    from ipywidgets.widgets import widget

    before, threads = set(widget._instances), threading.active_count()
    lab = FaceLab(encoders, tiny_prepared, embeddings=embeddings, size=32)
    lab.turn(90)
    parts = [lab, lab.widget, lab._face, lab._face._renderer, lab._columns[0]]
    watched = [weakref.ref(part) for part in parts]
    lab.close()
    lab.close()
    browser_sends(lab, type="dice")
    assert set(widget._instances) == before and threading.active_count() == threads
    del lab, parts
    gc.collect()
    assert [ref() for ref in watched] == [None] * 5


def test_data_travels_as_text(encoders, embeddings, tiny_prepared, tmp_path):
    """Names reach the browser as text, where `textContent` shows them; no HTML is made of them."""
    table = tiny_prepared.table.copy()
    table["image"] = tiny_prepared._blobs()
    table["subject"] = EVIL + table["subject"]
    table["instance"] = EVIL + table["instance"]
    evil = PreparedImages(table, tiny_prepared.metadata)
    lab = FaceLab({EVIL: encoders["old"]}, evil, embeddings=embeddings["old"], size=32)
    assert lab.widget.encoders == [EVIL]
    assert all(caption.startswith(EVIL) for caption in lab.widget.dots["captions"])
    lab.save_instance(tmp_path / "mine.parquet", subject=EVIL, expression=EVIL)
    assert EVIL in lab.widget.status
    assert PreparedImages.read(tmp_path / "mine.parquet").table["subject"][0] == EVIL
    assert "innerHTML" not in lab.widget._esm
    lab.close()


def test_wrong_arguments(encoders, embeddings, tiny_prepared):
    with pytest.raises(ValueError, match="no encoder"):
        FaceLab({})
    with pytest.raises(ValueError, match="need the reference"):
        FaceLab(encoders, embeddings=embeddings)
    with pytest.raises(ValueError, match="pass embeddings by encoder, for old, new"):
        FaceLab(encoders, tiny_prepared, embeddings=embeddings["old"])
    with pytest.raises(ValueError, match="embeddings of other, but there are old, new"):
        FaceLab(encoders, tiny_prepared, embeddings={"other": embeddings["old"]})
    with pytest.raises(ValueError, match="3 embeddings of 'old', but the data set has 420"):
        FaceLab(encoders, tiny_prepared, embeddings={"old": embeddings["old"][:3]})
    with pytest.raises(ValueError, match="size must be between 16 and 512"):
        FaceLab(encoders["old"], size=8)
