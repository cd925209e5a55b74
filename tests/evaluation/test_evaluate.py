import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader

from fermodels import evaluation
from fermodels.data import ImageDataset, RandomBatchSampler, loader

EXPRESSIONS = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")
YAWS = {"full_left": -90, "half_left": -45, "straight": 0, "half_right": 45, "full_right": 90}


def make_table(subjects=6, sessions=("A", "B"), shared_instances=False):
    """A KDEF-shaped table; with `shared_instances` sessions are lightings of one moment."""
    rows = []
    for s, session, expression, view in itertools.product(
        range(subjects), sessions, EXPRESSIONS, YAWS
    ):
        moment = f"S{s}-{expression}" + ("" if shared_instances else f"-{session}")
        rows.append((f"S{s}", expression, view, float(YAWS[view]), session, moment, "fm"[s % 2]))
    columns = ["subject", "expression", "view", "yaw", "session", "instance", "gender"]
    return pd.DataFrame(rows, columns=columns)


def one_hot(*columns):
    code = pd.DataFrame(dict(enumerate(columns))).groupby(list(range(len(columns)))).ngroup()
    return np.eye(code.max() + 1, dtype=np.float32)[code]


def noise(table, width=12, seed=0):
    return np.random.default_rng(seed).normal(size=(len(table), width)).astype(np.float32)


class Prepared:
    """As much of PreparedImages as the functions use."""

    def __init__(self, table, size=4):
        self.table = table
        self.pixels = np.random.default_rng(0).integers(
            0, 256, (len(table), size, size, 3), dtype=np.uint8
        )

    def __len__(self):
        return len(self.table)

    def images(self, indices):
        return self.pixels[indices]


# ---------------------------------------------------------------------------------- embed


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(3)
        self.linear = torch.nn.Linear(48, 5)

    def forward(self, images):
        assert images.dtype == torch.float32 and images.max() <= 1 and not torch.is_grad_enabled()
        return self.linear(self.norm(images).flatten(1))


def test_embed_equals_one_forward_pass_and_leaves_no_trace():
    prepared, net = Prepared(make_table(1)), Net()
    net.train()
    net.norm.eval()  # a frozen layer within a training encoder
    before = {name: value.clone() for name, value in net.state_dict().items()}
    indices = np.arange(len(prepared))[::-3]
    got = evaluation.embed(net, prepared, indices, batch_size=4)

    assert net.training and net.linear.training and not net.norm.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    pixels = torch.from_numpy(prepared.pixels[indices.copy()]).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        want = net.eval()(pixels).numpy()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert evaluation.embed(net, prepared, device="cpu").shape == (len(prepared), 5)


def test_embed_restores_the_state_after_an_error():
    class Maps(Net):
        def forward(self, images):
            return self.norm(images)

    net = Maps().train()
    with pytest.raises(ValueError, match=r"\(3, 3, 4, 4\) for 3 images"):
        evaluation.embed(net, Prepared(make_table(1)), [0, 1, 2])
    assert net.training and net.norm.training
    with pytest.raises(ValueError, match="empty"):
        evaluation.embed(net, Prepared(make_table(1)), [])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_embed_on_cuda_brings_the_encoder_home():
    prepared, net = Prepared(make_table(1)), Net()
    got = evaluation.embed(net, prepared, device="cuda")
    assert next(net.parameters()).device.type == "cpu"
    np.testing.assert_allclose(got, evaluation.embed(net, prepared), rtol=1e-2, atol=1e-3)


class Mean(torch.nn.Module):
    """Mean color of each image: (n, 3, H, W) → (n, 3)."""

    def forward(self, images):
        assert images.dtype == torch.float32 and images.shape[1] == 3
        return images.mean((2, 3))


def test_embed_takes_images_in_every_form(tiny_prepared, tmp_path):
    rows = np.arange(50)
    part = tiny_prepared.subset(rows)
    pixels = part.images()  # uint8 (50, 24, 24, 3)
    want = pixels.mean((1, 2)) / 255
    tensor = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    data = ImageDataset(tiny_prepared, rows)
    pairs = torch.utils.data.TensorDataset(tensor, torch.arange(50))
    for images in (
        part,
        part.write(tmp_path / "part.parquet"),
        str(tmp_path / "part.parquet"),
        pixels,
        (pixels / 255).astype(np.float32),
        tensor,
        tensor.float() / 255,
        tensor.half() / 255,
        torch.from_numpy(pixels),
        DataLoader(data, batch_size=16),
        loader(data, RandomBatchSampler(50, 16, drop_last=False)),
        DataLoader(pairs, batch_size=16),
        DataLoader(tensor, batch_size=16),
    ):
        got = evaluation.embed(Mean(), images, batch_size=16, progress=False)
        assert got.dtype == np.float32 and got.shape == (50, 3)
        if getattr(images, "batch_sampler", None) and images.batch_size is None:  # shuffled
            got, expected = np.sort(got, 0), np.sort(want, 0)
        else:
            expected = want
        np.testing.assert_allclose(got, expected, atol=1e-3)


def test_embed_some_of_an_array():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3), dtype=np.uint8)
    mask = np.arange(9) % 2 == 0
    for images in (pixels, torch.from_numpy(pixels)):
        got = evaluation.embed(Mean(), images, mask, batch_size=2)
        np.testing.assert_allclose(got, pixels[mask].mean((1, 2)) / 255, atol=1e-6)


def test_where_channels_could_be_either_arrays_have_them_last_and_tensors_first():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 3), dtype=np.uint8)
    got = evaluation.embed(Mean(), pixels)
    np.testing.assert_allclose(got, pixels.mean((1, 2)) / 255, atol=1e-6)
    got = evaluation.embed(Mean(), torch.from_numpy(pixels))
    np.testing.assert_allclose(got, pixels.mean((2, 3)) / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((0, 4, 4, 3), np.uint8), ValueError, "no images to embed"),
        (np.zeros((4, 4, 3), np.uint8), ValueError, r"expected images .*got .*uint8 \(4, 4, 3\)"),
        (np.zeros((2, 4, 4, 3), np.int64), ValueError, "expected images .*int64"),
        (torch.full((2, 3, 4, 4), 255.0), ValueError, r"in \[0, 1\], got values from 255 to 255"),
        (torch.full((2, 3, 4, 4), np.nan), ValueError, r"in \[0, 1\], got values from nan"),
        ([np.zeros((4, 4, 3))], TypeError, "cannot embed list: pass PreparedImages"),
        ("nowhere.parquet", ValueError, "there is no file nowhere.parquet"),
        (DataLoader([{"x": 1}]), ValueError, "a batch has no 'image'; it has x"),
    ],
)
def test_embed_refuses_what_it_cannot_use(images, error, message):
    with pytest.raises(error, match=message):
        evaluation.embed(Mean(), images)


def test_a_data_loader_chooses_itself(tiny_prepared):
    batches = DataLoader(ImageDataset(tiny_prepared), batch_size=64)
    with pytest.raises(ValueError, match="leave `indices` out"):
        evaluation.embed(Mean(), batches, [0])


def test_embed_tells_how_far_it_is(monkeypatch, capsys):
    images, told = np.zeros((10, 4, 4, 3), np.uint8), []
    evaluation.embed(Mean(), images, batch_size=4, progress=lambda *now: told.append(now))
    assert told == [(0, 10), (4, 10), (8, 10), (10, 10)]
    evaluation.embed(Mean(), images)  # short work
    evaluation.embed(Mean(), images, progress=False)
    assert capsys.readouterr().err == ""
    evaluation.embed(Mean(), images, progress=True)
    assert "10/10" in capsys.readouterr().err
    monkeypatch.setattr("fermodels.evaluation.embedding._BAR_AFTER", 0)
    monkeypatch.setenv("FERMODELS_PROGRESS", "0")
    evaluation.embed(Mean(), images)
    assert capsys.readouterr().err == ""


# --------------------------------------------------------------------------------- probes


@pytest.mark.parametrize("probe", [evaluation.linear_probe, evaluation.knn])
def test_probes_find_what_is_there_and_nothing_else(probe):
    table = make_table(8, ("A",))
    train = np.arange(len(table)) < len(table) // 2
    y = table["expression"].to_numpy(dtype=object)
    result = probe(one_hot(y)[train], y[train], one_hot(y)[~train], y[~train])
    assert result.accuracy == result.balanced_accuracy == result.train_accuracy == 1
    assert result.predictions.tolist() == y[~train].tolist()
    blind = probe(noise(table)[train], y[train], noise(table)[~train], y[~train])
    assert blind.accuracy < 0.35
    assert "accuracy=1.000" in repr(result)


def test_linear_probe_does_not_depend_on_the_scale_of_features():
    r = np.random.default_rng(0)
    y = r.integers(0, 3, 300)
    x = r.normal(size=(300, 8)) + 0.7 * np.eye(8)[y]
    scale = 10.0 ** r.integers(-3, 4, 8)
    a = evaluation.linear_probe(x[:200], y[:200], x[200:], y[200:])
    b = evaluation.linear_probe(x[:200] * scale + 5, y[:200], x[200:] * scale + 5, y[200:])
    assert np.mean(a.predictions == b.predictions) > 0.98


def test_knn_equals_a_loop():
    r = np.random.default_rng(1)
    x, y = r.normal(size=(60, 5)), r.integers(0, 3, 60)
    got = evaluation.knn(x[:40], y[:40], x[40:], y[40:], k=5)
    for row, prediction in zip(x[40:], got.predictions, strict=True):
        cosine = [row @ t / np.linalg.norm(row) / np.linalg.norm(t) for t in x[:40]]
        votes = np.bincount(y[:40][np.argsort(cosine)[-5:]], minlength=3)
        assert votes[prediction] == votes.max()


def test_balanced_accuracy_weighs_classes_equally():
    x = np.array([[0.0], [0.1], [5.0], [5.1]])
    result = evaluation.knn(
        np.c_[x, 1 - x], [0, 0, 1, 1], np.c_[x[[0] * 9 + [0]], 1 - x[[0] * 10]], [0] * 9 + [1], k=1
    )
    assert (result.accuracy, result.balanced_accuracy) == (0.9, 0.5)


@pytest.mark.parametrize("probe", [evaluation.linear_probe, evaluation.knn])
def test_probes_name_what_is_wrong(probe):
    x, y = np.ones((4, 2)), np.array([0, 1, 0, 1])
    broken = x.copy()
    broken[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"x_train: 1 of 4 rows .*\[2\]"):
        probe(broken, y, x, y)
    with pytest.raises(ValueError, match="y_test has shape"):
        probe(x, y, x, y[:3])
    with pytest.raises(ValueError, match="2 features and x_test 3"):
        probe(x, y, np.ones((4, 3)), y)
    with pytest.raises(ValueError, match="single class"):
        probe(x, y * 0, x, y)
    with pytest.raises(ValueError, match="expected \\(N, D\\)"):
        probe(x, y, np.ones((0, 2)), [])


# --------------------------------------------------------------------- accuracy, confusion


def test_per_view_accuracy():
    views = np.array(["straight", "full_right", "straight", "full_left", "half_left"])
    got = evaluation.per_view_accuracy([0, 1, 1, 1, 1], [0, 1, 0, 0, 1], views)
    assert list(got.index) == [
        "full_left",
        "half_left",
        "straight",
        "full_right",
        "profiles",
        "all",
    ]
    assert got.tolist() == [0, 1, 0.5, 1, 0.5, 0.6]
    yaws = evaluation.per_view_accuracy([0, 1, 1], [0, 0, 1], np.array([60.0, -60.0, 0.0]))
    assert yaws.to_dict() == {-60: 0, 0: 1, 60: 1, "profiles": 0.5, "all": pytest.approx(2 / 3)}
    one = evaluation.per_view_accuracy([0, 1], [0, 0], ["straight"] * 2)
    assert one["all"] == 0.5 and np.isnan(one["profiles"])
    other = evaluation.per_view_accuracy([0, 1], [0, 0], ["top", "side"], profiles=["side"])
    assert other.to_dict() == {"side": 0, "top": 1, "profiles": 0, "all": 0.5}
    with pytest.raises(ValueError, match="equally long"):
        evaluation.per_view_accuracy([0, 1], [0], ["straight"])


def test_confusion_takes_names_or_indices_and_agrees_with_sklearn():
    from sklearn.metrics import confusion_matrix

    r = np.random.default_rng(0)
    y, p = r.integers(0, 6, 200), r.integers(0, 7, 200)  # no image of the last class
    counts = evaluation.confusion(y, p, EXPRESSIONS, normalize=False)
    np.testing.assert_array_equal(counts, confusion_matrix(y, p, labels=range(7)))
    names = np.array(EXPRESSIONS)
    by_name = evaluation.confusion(names[y], names[p], EXPRESSIONS)
    pd.testing.assert_frame_equal(by_name, evaluation.confusion(y, p, EXPRESSIONS))
    np.testing.assert_allclose(by_name.sum(axis=1).iloc[:-1], 1)
    assert by_name.iloc[-1].isna().all()
    assert (by_name.index.name, by_name.columns.name) == ("true", "predicted")
    with pytest.raises(ValueError, match="y_pred holds \\[7\\]"):
        evaluation.confusion([0], [7], EXPRESSIONS)
    with pytest.raises(ValueError, match="y_true holds \\['bored'\\]"):
        evaluation.confusion(["bored"], ["sad"], EXPRESSIONS)


# --------------------------------------------------------------------------- label budgets


def test_label_budget_is_by_subject_balanced_and_nested():
    prepared = Prepared(make_table(20, ("A",)))
    indices = np.arange(len(prepared))[::-1][:-35]  # subject S0 is not ours to take
    previous = set()
    for fraction, subjects in ((0.01, 1), (0.1, 2), (0.2, 4), (0.5, 10), (1, 19)):
        budget = evaluation.label_fraction(prepared, indices, fraction, seed=3)
        assert budget.dtype == np.int64 and (np.diff(budget) < 0).all()
        chosen = prepared.table.iloc[budget]
        assert chosen["subject"].nunique() == subjects
        assert (chosen["subject"].value_counts() == 35).all()
        assert "S0" not in set(chosen["subject"])
        genders = chosen.drop_duplicates("subject")["gender"].value_counts()
        if subjects > 1:
            assert abs(genders.get("f", 0) - genders.get("m", 0)) <= 1
        assert previous <= set(budget)
        previous = set(budget)
    again = evaluation.label_fraction(prepared, indices, 0.2, seed=3)
    np.testing.assert_array_equal(again, evaluation.label_fraction(prepared, indices, 0.2, seed=3))
    draws = {tuple(evaluation.label_fraction(prepared, indices, 0.2, seed=s)) for s in range(5)}
    assert len(draws) > 1
    with pytest.raises(ValueError, match="fraction"):
        evaluation.label_fraction(prepared, indices, 20)
    with pytest.raises(ValueError, match="empty"):
        evaluation.label_fraction(prepared, [], 0.5)


def test_label_budget_without_gender():
    prepared = Prepared(make_table(5, ("A",)).drop(columns="gender"))
    assert len(evaluation.label_fraction(prepared, np.arange(len(prepared)), 0.4)) == 2 * 35


def test_label_budget_curve():
    prepared = Prepared(make_table(10, ("A",)))
    seen = []

    def run(indices, seed):
        seen.append((len(indices), seed))
        return {"all": len(indices) / len(prepared), "profiles": 0.0}

    got = evaluation.label_fraction_curve(run, prepared, np.arange(350), (1, 0.2), (0, 7))
    assert seen == [(350, 0), (350, 7), (70, 0), (70, 7)]
    assert list(got) == ["fraction", "seed", "subjects", "images", "all", "profiles"]
    assert got["subjects"].tolist() == [10, 10, 2, 2]
    np.testing.assert_allclose(got["all"], got["fraction"])


# -------------------------------------------------------------------------- view invariance


def cosine(a, b):
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def slow_cosines(x, table):
    rows = list(table.itertuples())
    same, other = [], []
    for i, j in itertools.permutations(range(len(rows)), 2):
        a, b = rows[i], rows[j]
        if a.instance == b.instance and a.view != b.view:
            same.append(cosine(x[i], x[j]))
        if (a.subject, a.session) == (b.subject, b.session) and a.expression != b.expression:
            other.append(cosine(x[i], x[j]))
    return np.mean(same), np.mean(other)


def slow_retrieval(x, table, query_views, gallery_view):
    hits = []
    rows = list(table.itertuples())
    gallery = [j for j, row in enumerate(rows) if row.view == gallery_view]
    for i, row in enumerate(rows):
        if row.view in query_views and any(rows[j].instance == row.instance for j in gallery):
            best = max(gallery, key=lambda j: cosine(x[i], x[j]))
            hits.append(rows[best].instance == row.instance)
    return np.mean(hits)


@pytest.mark.parametrize("lightings", [False, True])
def test_cosines_and_retrieval_equal_loops_with_missing_views(lightings):
    full = make_table(2, shared_instances=lightings)
    kept = np.sort(np.random.default_rng(5).permutation(len(full))[:100])
    table = full.iloc[kept]  # gaps, and an index that is not 0…N-1
    x = noise(full)[kept] + 0.8 * one_hot(full["instance"])[kept][:, :12] + 0.3
    report = evaluation.view_invariance(x, table)
    same, other = slow_cosines(x.astype(float), table)
    assert report.same_instance_cosine == pytest.approx(same, abs=1e-7)
    assert report.other_expression_cosine == pytest.approx(other, abs=1e-7)
    assert report.margin == pytest.approx(same - other, abs=1e-7)
    for view in set(YAWS) - {"straight"}:
        want = slow_retrieval(x, table, [view], "straight")
        assert report.retrieval_at_1[view] == pytest.approx(want)
        assert evaluation.retrieval(x, table, view) == pytest.approx(want)
    profiles = slow_retrieval(x, table, ["full_left", "full_right"], "straight")
    assert report.retrieval_at_1["profiles"] == pytest.approx(profiles)

    centred = evaluation.view_invariance(x, table, center=True)
    same, other = slow_cosines(x.astype(float) - x.astype(float).mean(0), table)
    assert centred.margin == pytest.approx(same - other, abs=1e-7)


def test_an_embedding_of_the_instance_is_invariant():
    table = make_table()
    report = evaluation.view_invariance(one_hot(table["instance"]), table)
    assert report.same_instance_cosine == 1 and report.other_expression_cosine == 0
    assert set(report.retrieval_at_1.values()) == {1.0}
    assert list(report.retrieval_at_1) == [
        "full_left",
        "half_left",
        "half_right",
        "full_right",
        "profiles",
    ]
    assert report.retrieval_chance == pytest.approx(1 / 84)
    assert report.yaw_predictability == report.yaw_chance == 0.2
    assert (report.images, report.instances) == (420, 84)


def test_an_embedding_of_the_view_is_not():
    table = make_table()
    report = evaluation.view_invariance(one_hot(table["view"]), table)
    assert report.same_instance_cosine == 0
    assert report.other_expression_cosine == pytest.approx(1 / 5)
    # Every frontal face looks the same: exactly a guess.
    assert report.retrieval_at_1["profiles"] == pytest.approx(1 / 84)
    assert report.yaw_predictability == 1
    assert report.identity_predictability == report.identity_chance == pytest.approx(1 / 6)


@pytest.mark.parametrize("options", [{}, {"sessions": ("A",)}, {"shared_instances": True}], ids=str)
def test_an_embedding_of_the_subject_leaks_identity(options):
    table = make_table(**options)
    report = evaluation.view_invariance(one_hot(table["subject"]), table)
    assert report.identity_predictability == 1
    assert report.yaw_predictability == pytest.approx(0.2)
    assert report.margin == pytest.approx(0)
    moments = table[table["view"] == "straight"].groupby("subject")["instance"].nunique()
    assert report.retrieval_at_1["full_left"] == pytest.approx(1 / moments.iloc[0])


def test_lightings_of_one_moment_are_no_second_session():
    # Nothing of the subject is in it: only the very photograph could give the person away.
    table = make_table(shared_instances=True)
    report = evaluation.view_invariance(one_hot(table["instance"]), table)
    assert report.identity_predictability == pytest.approx(report.identity_chance)


def test_identity_of_a_subject_seen_in_one_session_only_is_left_out():
    table = make_table()
    table = table[(table["subject"] != "S0") | (table["session"] == "A")]
    report = evaluation.view_invariance(one_hot(table["subject"]), table)
    assert report.identity_predictability == 1


def test_noise_is_at_chance():
    report = evaluation.view_invariance(noise(table := make_table()), table)
    assert abs(report.margin) < 0.02
    assert report.yaw_predictability < 0.3
    assert report.identity_predictability < 0.3


def test_report_is_deterministic_scale_free_and_order_free():
    table = make_table(4)
    x = noise(table) + one_hot(table["subject"]) @ noise(table.iloc[:4], seed=9)
    a = evaluation.view_invariance(x, table, seed=1).to_series()
    b = evaluation.view_invariance(3 * x, table, seed=1).to_series()
    pd.testing.assert_series_equal(a, b)
    # Cosines and retrieval do not know the order of rows; folds are drawn anew.
    order = np.random.default_rng(0).permutation(len(table))
    c = evaluation.view_invariance(x[order], table.iloc[order], seed=1).to_series()
    same = [name for name in a.index if "predictability" not in name]
    pd.testing.assert_series_equal(a[same], c[same])


def test_one_view_or_one_subject_give_nan_where_nothing_can_be_measured():
    table = make_table(3)
    frontal = table[table["view"] == "straight"]
    report = evaluation.view_invariance(noise(frontal), frontal)
    assert np.isnan([report.same_instance_cosine, report.margin, report.yaw_predictability]).all()
    assert report.retrieval_at_1 == {} and "nan" in str(report)
    alone = make_table(1)
    report = evaluation.view_invariance(noise(alone), alone)
    assert np.isnan([report.yaw_predictability, report.identity_predictability]).all()
    assert np.isfinite(report.margin)


def test_profiles_are_the_outermost_views_of_the_table():
    table = make_table(2, ("A",))
    table = table[~table["view"].isin(["full_left", "full_right"])]
    report = evaluation.view_invariance(one_hot(table["instance"]), table)
    assert list(report.retrieval_at_1) == ["half_left", "half_right", "profiles"]


def test_report_reads_well():
    table = make_table()
    report = evaluation.view_invariance(one_hot(table["instance"]), table)
    series = report.to_series()
    assert series["margin"] == 1 and series["retrieval_at_1/profiles"] == 1
    assert series.dtype == float
    text = str(report)
    assert "420 images, 84 instances" in text and "R@1 from profiles" in text
    assert "chance 0.200, lower is better" in text


def test_zero_embeddings_tie_and_score_chance():
    table = make_table(2, ("A",))
    assert evaluation.retrieval(np.zeros((70, 3)), table, "full_left") == pytest.approx(1 / 14)


def test_view_metrics_name_what_is_wrong():
    table = make_table(2, ("A",))
    x = noise(table)
    with pytest.raises(ValueError, match="69 embeddings, but the table has 70 rows"):
        evaluation.view_invariance(x[1:], table)
    with pytest.raises(ValueError, match=r"no column \['yaw'\]"):
        evaluation.view_invariance(x, table.drop(columns="yaw"))
    with pytest.raises(ValueError, match="gallery view 'top'"):
        evaluation.view_invariance(x, table, gallery_view="top")
    with pytest.raises(ValueError, match="view 'top'"):
        evaluation.retrieval(x, table, "top")
    with pytest.raises(ValueError, match="both query and gallery"):
        evaluation.retrieval(x, table, "straight")
    apart = table[(table["view"] == "straight") == (table["subject"] == "S0")]
    with pytest.raises(ValueError, match="nothing to retrieve"):
        evaluation.retrieval(noise(apart), apart, "full_left")
    x[3] = np.inf
    with pytest.raises(ValueError, match=r"1 of 70 rows hold NaN or infinity \(first: \[3\]\)"):
        evaluation.retrieval(x, table, "full_left")


# ------------------------------------------------------------------------------ unlabelled


@pytest.mark.parametrize("missing", [None, np.nan])
def test_view_invariance_without_expressions(missing):
    table = make_table(4)
    whole = evaluation.view_invariance(noise(table), table)
    some = table.assign(expression=missing)
    for bare in (some, table.drop(columns="expression")):
        report = evaluation.view_invariance(noise(table), bare)
        assert np.isnan(report.other_expression_cosine) and np.isnan(report.margin)
        differ = whole.to_series().compare(report.to_series()).index.tolist()
        assert set(differ) == {"other_expression_cosine", "margin"}
        assert "nan" in str(report)
    assert evaluation.retrieval(noise(table), bare[["view", "instance"]], "full_left") >= 0


def test_unlabelled_images_are_in_no_pair_of_expressions():
    table = make_table(4)
    half = table.assign(expression=table["expression"].where(table["subject"] < "S2", None))
    known = half["expression"].notna().to_numpy()
    x = noise(table)
    report = evaluation.view_invariance(x, half)
    alone = evaluation.view_invariance(x[known], table[known].reset_index(drop=True))
    assert report.other_expression_cosine == pytest.approx(alone.other_expression_cosine)


def test_view_invariance_where_angles_are_not_known():
    table = make_table(4)
    table["yaw"] = np.nan
    report = evaluation.view_invariance(noise(table), table)
    assert "profiles" not in report.retrieval_at_1 and len(report.retrieval_at_1) == 4


@pytest.mark.parametrize(
    "missing", [np.array([0, 1, -1]), np.array(["a", "b", None], object), np.array([0, 1, np.nan])]
)
def test_what_an_unlabelled_row_shows_cannot_be_measured(missing):
    message = r"1 of the 3 labels of {} are missing \(first: row 2\).*prepared.labels >= 0"
    known = np.where([True, True, False], missing, missing[0])
    x = np.eye(3)
    for probe in (evaluation.linear_probe, evaluation.knn):
        with pytest.raises(ValueError, match=message.format("y_train")):
            probe(x, missing, x, known)
        with pytest.raises(ValueError, match=message.format("y_test")):
            probe(x, known, x, missing)
    with pytest.raises(ValueError, match=message.format("y_true")):
        evaluation.per_view_accuracy(missing, known, ["straight"] * 3)
    with pytest.raises(ValueError, match=message.format("y_true")):
        evaluation.classification_scores(missing, known)


def test_accuracy_where_an_angle_is_not_known():
    accuracy = evaluation.per_view_accuracy([0, 1, 1], [0, 1, 0], [0.0, 30.0, np.nan])
    assert accuracy.to_dict() == {0.0: 1.0, 30.0: 1.0, "profiles": 1.0, "all": 2 / 3}
    accuracy = evaluation.per_view_accuracy([0, 1], [0, 0], [np.nan, np.nan])
    assert accuracy["all"] == 0.5 and np.isnan(accuracy["profiles"])
    names = ["unknown", "straight", "other"]
    accuracy = evaluation.per_view_accuracy([0, 1, 1], [0, 1, 0], names)
    assert list(accuracy.index[:3]) == ["straight", "other", "unknown"]
