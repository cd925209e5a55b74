import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fermodels import evaluation, plots
from fermodels.data import PreparedImages
from fermodels.plots.style import SPARE_COLORS

EXPRESSIONS = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")
VIEWS = ("full_left", "half_left", "straight", "half_right", "full_right")


@pytest.fixture(autouse=True)
def clean():
    with plt.rc_context():
        yield
        plt.close("all")


def texts(ax):
    """What is written in and around an Axes."""
    ax.figure.canvas.draw()
    found = [t.get_text() for t in (*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels())]
    legend = ax.get_legend()
    found += [t.get_text() for t in legend.get_texts()] if legend else []
    return [*found, ax.get_xlabel(), ax.get_ylabel()]


def study():
    rows = [
        {"method": m, "fraction": f, "seed": s, "all": level + 0.02 * s, "profiles": level - 0.1}
        | {view: level + 0.01 * s for view in VIEWS}
        for m, level in (("CL-MEx", 0.9), ("from scratch", 0.7))
        for f in (1, 0.2)
        for s in range(3)
    ]
    return pd.DataFrame(rows)


def test_palettes_cover_the_vocabularies_and_differ():
    from fermodels.data import EXPRESSIONS as vocabulary
    from fermodels.data import VIEWS as names

    assert set(plots.EXPRESSION_COLORS) == set(plots.EXPRESSION_MARKERS) == set(vocabulary)
    assert set(plots.VIEW_COLORS) == set(plots.VIEW_MARKERS) == set(names)
    for table in (plots.EXPRESSION_COLORS, plots.EXPRESSION_MARKERS, plots.VIEW_COLORS):
        assert len(set(table.values())) == len(table)


def _lab(colors, sight):
    """CIELAB of hex colours as a dichromat sees them (Machado et al. 2009, severity 1)."""
    rgb = np.array([matplotlib.colors.to_rgb(c) for c in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = (linear @ np.array(sight).T).clip(0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = seen @ np.array(to_xyz).T / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


SIGHTS = {
    "normal": np.eye(3),
    "deuteranopia": [
        [0.3673, 0.8606, -0.2280],
        [0.2801, 0.6725, 0.0474],
        [-0.0118, 0.0429, 0.9689],
    ],
    "protanopia": [
        [0.1523, 1.0526, -0.2049],
        [0.1145, 0.7863, 0.0992],
        [-0.0039, -0.0481, 1.0520],
    ],
    "tritanopia": [
        [1.2555, -0.0767, -0.1788],
        [-0.0784, 0.9308, 0.1476],
        [0.0047, 0.6914, 0.3039],
    ],
}
BASELINES = ("simclr", "fromscratch", "untrained")
FACES = ("clmex", "clmex96px", "clmexlong", "viewfx", "hog", "pixels", *BASELINES)
TASKS = ("contrastive", "clustering", "reconstruction")
PAIRS = ("contrastiveclustering", "contrastivereconstruction", "clusteringreconstruction")
CLIPS = ("conclugen", "logisticregression", *TASKS, *PAIRS, *BASELINES)
STUDIED = ("clmexprobe", "clmexshipped", "clmexshippedprobe", "viewfxprobe", "simclrprobe")
SAME_METHOD = {"supervised": "fromscratch", "randomweights": "untrained"}


def nearest_pair(colors, sight):
    """The smallest distance between two of the colours."""
    lab = _lab(colors, SIGHTS[sight])
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    return distance[~np.eye(len(lab), dtype=bool)].min()


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("colors", [plots.EXPRESSION_COLORS, plots.VIEW_COLORS])
def test_colors_can_be_told_apart(colors, sight):
    assert nearest_pair(colors.values(), sight) > 15


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("drawn", [FACES, CLIPS], ids=["faces", "clips"])
def test_methods_can_be_told_apart(drawn, sight):
    assert nearest_pair([plots.METHOD_COLORS[name] for name in drawn], sight) > 15


def test_methods_of_the_image_study_have_one_color_whoever_else_is_drawn():
    starts = ["CL-MEx", "CL-MEx, shipped", "SimCLR", "ViewFX"]
    names = ["from scratch", "HOG, probe", *starts, *(f"{name}, probe" for name in starts)]
    together = plots.method_colors(names)
    assert together == {name: plots.method_colors([name])[name] for name in names}
    assert nearest_pair(together.values(), "normal") > 15


@pytest.mark.parametrize("sight", SIGHTS)
def test_methods_of_faces_and_of_clips_do_not_look_alike(sight):
    variants = {"clmex96px", "clmexlong", *PAIRS}
    families = [plots.METHOD_COLORS[name] for name in {*FACES, *CLIPS} - variants]
    assert nearest_pair(families, sight) > 15


def test_the_table_of_methods_is_whole():
    table = plots.METHOD_COLORS
    assert set(table) == {*FACES, *CLIPS, *STUDIED, *SAME_METHOD, "clmexfinetuned"}
    for name, method in SAME_METHOD.items():
        assert table[name] == table[method]
    assert table["clmexfinetuned"] == table["clmexlong"]
    assert all(plots.TASK_COLORS[task] == table[task] for task in TASKS)
    assert not set(SPARE_COLORS) & set(table.values())


@pytest.mark.parametrize(
    "name, key",
    [
        ("CL-MEx", "clmex"),
        ("CL-MEx, 96 px", "clmex96px"),
        ("CL-MEx, fine-tuned", "clmexfinetuned"),
        ("clmex-anny-views", "clmex"),
        ("SimCLR, video", "simclr"),
        ("from scratch", "fromscratch"),
        ("untrained, probe", "untrained"),
        ("random weights", "randomweights"),
        ("HOG, 96 px", "hog"),
        ("contrastive + clustering", "contrastiveclustering"),
        ("ConCluGen, video + audio", "conclugen"),
        ("logistic regression", "logisticregression"),
    ],
)
def test_a_method_is_known_by_how_it_is_written(name, key):
    assert plots.method_colors([name]) == {name: plots.METHOD_COLORS[key]}
    assert plots.method_colors(["mine", name])[name] == plots.METHOD_COLORS[key]


def test_variants_in_one_figure_are_shades_of_their_method():
    names = ["CL-MEx, probe", "CL-MEx", "CL-MEx, 5 epochs", "yours"]
    colors = plots.method_colors(names)
    assert list(colors) == names
    assert colors["CL-MEx"] == plots.METHOD_COLORS["clmex"]
    assert len(set(colors.values())) == 4
    hues = [
        matplotlib.colors.rgb_to_hsv(matplotlib.colors.to_rgb(colors[name]))[0]
        for name in names[:3]
    ]
    assert max(hues) - min(hues) < 0.01


def test_view_and_method_colors_are_the_same_everywhere():
    assert plots.view_colors(["straight", "full_left"]) == {
        "full_left": plots.VIEW_COLORS["full_left"],
        "straight": plots.VIEW_COLORS["straight"],
    }
    by_yaw = plots.view_colors([60.0, -60.0, 0.0])
    assert list(by_yaw) == [-60, 0, 60]
    assert by_yaw[-60].upper() == plots.VIEW_COLORS["full_left"]
    alone = plots.method_colors(["SimCLR"])
    both = plots.method_colors(["mine", "yours", "CL-MEx", "SimCLR", "mine"])
    assert both["SimCLR"] == alone["SimCLR"]
    assert len(set(both.values())) == 4
    assert both["CL-MEx"] == plots.method_colors(["clmex"])["clmex"]


def test_import_draws_nothing_and_sets_nothing():
    code = (
        "import sys; from fermodels import plots; plots.loss_curve; plots.project; "
        "plots.embedding_map; plots.contact_sheet; "
        "assert not {'matplotlib', 'seaborn', 'umap', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_figures_leave_the_defaults_alone():
    before = dict(plt.rcParams)
    plots.loss_curve(pd.DataFrame({"step": [1, 2], "loss": [2.0, 1.0]}))
    plots.embedding_map(np.zeros((3, 2)), ["sad", "sad", "happy"])
    assert dict(plt.rcParams) == before
    plots.use_style()
    assert plt.rcParams["figure.dpi"] == 100 and not plt.rcParams["axes.spines.top"]


def test_contact_sheet_shows_every_image_at_its_place():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] + np.zeros((5, 32, 32, 3), np.uint8)
    ax = plots.contact_sheet(images, columns=3, titles=list("abcde"))
    sheet = ax.images[0].get_array()
    assert [t.get_text() for t in ax.texts] == list("abcde")
    for i, text in enumerate(ax.texts):
        x, y = text.get_position()
        assert (sheet[int(y) + 20, int(x)] == i).all()  # the title stands above its image
    assert (sheet[-1, -1] == 255).all()  # no sixth image
    floats = plots.contact_sheet(images / 255.0, columns=3, titles=list("abcde"))
    np.testing.assert_array_equal(floats.images[0].get_array(), sheet)
    with pytest.raises(ValueError, match="4 titles for 5 images"):
        plots.contact_sheet(images, titles=list("abcd"))
    with pytest.raises(ValueError, match="expected \\(N, H, W, 3\\)"):
        plots.contact_sheet(images[0])


def test_instance_grid(tiny_prepared):
    table = tiny_prepared.table
    subject = table["subject"].iloc[0]
    ax = plots.instance_grid(tiny_prepared, subject)
    shown = texts(ax)
    assert {"half left\n−45°", "straight\n0°", "afraid", "surprised"} <= set(shown)
    height, width = tiny_prepared.image_size
    sheet = ax.images[0].get_array()
    session = sorted(table["session"].unique())[0]
    wanted = table[
        (table["subject"] == subject)
        & (table["session"] == session)
        & (table["expression"] == tiny_prepared.expressions[0])
        & (table["view"] == "full_left")
    ].index
    np.testing.assert_array_equal(sheet[:height, :width], tiny_prepared.images(wanted)[0])

    gap = tiny_prepared.subset([i for i in range(len(tiny_prepared)) if i != wanted[0]])
    sheet = plots.instance_grid(gap, subject).images[0].get_array()
    assert (sheet[:height, :width] == 255).all()
    with pytest.raises(ValueError, match="no subject 'nobody'"):
        plots.instance_grid(tiny_prepared, "nobody")
    with pytest.raises(ValueError, match="no session 'Z'"):
        plots.instance_grid(tiny_prepared, subject, "Z")


def test_instance_grid_of_unlabelled_images(tiny_prepared):
    p = tiny_prepared.subset(range(35))  # one person, one session
    table = p.table.assign(image=p._blobs())
    some = table["expression"].where(table["expression"] == "happy", None)
    for expression, rows in ((some, 7), (None, 7), (some[some.notna()], 1)):
        part = table.assign(expression=expression)
        if rows == 1:
            part = part[table["expression"] == "happy"].assign(expression=None)
        prepared = PreparedImages(part, p.metadata)
        ax = plots.instance_grid(prepared, "f000")
        names = [label.get_text() for label in ax.get_yticklabels()]
        assert len(names) == rows
        if rows == 1:
            assert names == ["unlabelled"]
        else:
            assert "f000-A-sad" in names and ("happy" in names) == (expression is some)
        plt.close("all")


def test_instance_grid_of_an_image_of_which_nothing_is_known(tiny_prepared):
    p = tiny_prepared.subset([2])
    nothing = dict.fromkeys(("subject", "expression", "view", "yaw", "pitch"))
    p = PreparedImages(p.table.assign(image=p._blobs(), **nothing), {})
    ax = plots.instance_grid(p, p.table["subject"][0])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["unknown\n"]
    assert len(ax.images) == 1


def test_an_embedding_map_of_which_some_is_unlabelled():
    values = np.array(["happy", None, "sad", np.nan], dtype=object)
    ax = plots.embedding_map(np.eye(4)[:, :2], values)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "happy",
        "sad",
        "unlabelled",
    ]
    ax = plots.embedding_map(np.eye(4)[:, :2], [None] * 4, {"happy": "red"})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["unlabelled"]


def test_loss_curve_names_its_levels_at_the_line():
    steps = np.arange(200)
    history = pd.DataFrame({"step": steps, "loss": 5 * np.exp(-steps / 60) + 1})
    ax = plots.loss_curve(history, {"chance, ln 244": np.log(244), "floor": 1.4, "near": 1.45})
    notes = {t.get_text(): t for t in ax.texts}
    assert set(notes) == {"chance, ln 244 (5.50)", "floor (1.40)", "near (1.45)"}
    assert ax.get_xlabel() == "optimiser step" and ax.get_ylabel() == "loss (nats)"
    assert ax.get_ylim()[1] > np.log(244)
    ax.figure.canvas.draw()
    floor, near = (notes[n].get_window_extent() for n in ("floor (1.40)", "near (1.45)"))
    assert not floor.overlaps(near)
    edge = ax.figure.bbox.x1
    assert all(t.get_window_extent().x1 <= edge + 1 for t in ax.texts)


def test_loss_curve_of_several_methods_and_bad_histories():
    short = pd.DataFrame({"step": [1, 2], "loss": [9.0, 8.0]})
    long = pd.DataFrame({"step": range(500), "loss": np.linspace(5, 1, 500)})
    ax = plots.loss_curve({"CL-MEx": long, "SimCLR": short})
    assert {"CL-MEx", "SimCLR"} <= set(texts(ax))
    assert ax.get_ylim()[1] > 8.9
    assert plots.loss_curve(long, ax=ax) is ax
    with pytest.raises(ValueError, match=r"no column \['loss'\]"):
        plots.loss_curve(long.drop(columns="loss"))
    with pytest.raises(ValueError, match="no finite loss"):
        plots.loss_curve(long.assign(loss=np.nan))


def test_per_view_bars_draw_means_and_runs():
    frame = study().query("fraction == 1")
    ax = plots.per_view_bars(frame, yaws=dict.fromkeys(VIEWS, -45), chance=1 / 7)
    means = [bar.get_height() for bar in ax.patches]
    assert len(means) == 14
    assert means[0] == pytest.approx(91) and means[6] == pytest.approx(92)
    shown = texts(ax)
    assert {"accuracy (%)", "view", "profiles", "all", "chance\n14 %"} <= set(shown)
    assert "full left\n−45°" in shown and "from scratch" in shown
    plots.per_view_bars(frame.query("seed == 0"))
    with pytest.raises(ValueError, match="need the column 'method'"):
        plots.per_view_bars(frame.drop(columns="method"))


def test_budget_curve_draws_means_at_the_fractions():
    ax = plots.label_fraction_curve(study(), chance=1 / 7)
    line = next(line for line in ax.lines if line.get_label() == "CL-MEx")
    np.testing.assert_allclose(line.get_xdata(), [20, 100])
    np.testing.assert_allclose(line.get_ydata(), [92, 92])
    assert {"20", "100", "accuracy (%)", "chance\n14 %"} <= set(texts(ax))
    one = plots.label_fraction_curve(study().drop(columns="method"), "profiles")
    assert one.get_ylabel() == "accuracy, profile views (%)" and one.get_legend() is None
    with pytest.raises(ValueError, match=r"no column \['f1'\]"):
        plots.label_fraction_curve(study(), "f1")


def test_confusion_heatmap_in_percent_or_counts():
    y, p = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    share = plots.confusion_heatmap(evaluation.confusion(y, p, ["sad", "happy"]))
    assert {"67", "33", "sad", "true expression"} <= set(texts(share))
    counts = evaluation.confusion(y, p, ["sad", "happy"], normalize=False)
    assert {"2", "1"} <= set(texts(plots.confusion_heatmap(counts, colorbar=False)))
    absent = evaluation.confusion([0], [0], ["sad", "happy"])
    plots.confusion_heatmap(absent).figure.canvas.draw()


def test_similarity_matrix_names_the_runs():
    x = np.repeat(np.eye(2), [3, 2], axis=0) * 7
    ax = plots.similarity_matrix(x, ["sad"] * 3 + ["happy"] * 2)
    np.testing.assert_allclose(ax.images[0].get_array()[0], [1, 1, 1, 0, 0])
    np.testing.assert_allclose(ax.get_xticks(), [1, 3.5])
    with pytest.raises(ValueError, match="1 group labels for 5"):
        plots.similarity_matrix(x, ["sad"])


def test_embedding_map_of_expressions_views_people_and_numbers():
    r = np.random.default_rng(0)
    coords = r.normal(size=(70, 2))
    ax = plots.embedding_map(coords, np.repeat(EXPRESSIONS, 10))
    assert set(EXPRESSIONS) | {"UMAP 1", "UMAP 2"} <= set(texts(ax))
    assert sum(len(c.get_offsets()) for c in ax.collections) == 70
    legend = dict(
        zip([t.get_text() for t in ax.get_legend().get_texts()], ax.collections[-7:], strict=True)
    )
    for name, dots in legend.items():
        assert (
            matplotlib.colors.to_hex(dots.get_facecolor()[0]).upper()
            == (plots.EXPRESSION_COLORS[name])
        )
    views = plots.embedding_map(coords, np.tile(VIEWS, 14), name="PCA")
    assert [t.get_text() for t in views.get_legend().get_texts()] == [
        v.replace("_", " ") for v in VIEWS
    ]
    people = plots.embedding_map(coords, [f"S{i}" for i in range(70)], label="subject")
    assert people.get_legend() is None and "70 colours" in people.get_title()
    yaw = plots.embedding_map(coords, r.uniform(-90, 90, 70), label="yaw (°)")
    assert yaw.figure.axes[1].get_ylabel() == "yaw (°)"
    plots.embedding_map(coords, ["a", "b"] * 35, {"a": "red", "b": "blue"}, ax=ax)
    with pytest.raises(ValueError, match=r"no colour for \['b'\]"):
        plots.embedding_map(coords, ["a", "b"] * 35, {"a": "red"})
    with pytest.raises(ValueError, match="expected \\(N, 2\\)"):
        plots.embedding_map(coords[:3], ["sad"])


def test_pca_keeps_a_plane_and_repeats_itself():
    r = np.random.default_rng(0)
    angle = r.uniform(0, 2 * np.pi, 50)
    x = np.c_[np.cos(angle), np.sin(angle)] @ np.linalg.qr(r.normal(size=(8, 2)))[0].T
    got = plots.project(5 * x, "pca")
    assert got.shape == (50, 2) and got.dtype == np.float32
    np.testing.assert_array_equal(got, plots.project(5 * x, "pca"))
    distance = np.linalg.norm(x[:, None] - x[None], axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(got[:, None] - got[None], axis=-1), distance, atol=1e-5
    )
    with pytest.raises(ValueError, match="'umap' or 'pca'"):
        plots.project(x, "tsne")
    with pytest.raises(ValueError, match="finite"):
        plots.project(np.full((5, 2), np.nan))


@pytest.mark.parametrize(("count", "width"), [(60, 7), (40, 128), (3000, 256), (3, 2)])
def test_pca_is_that_of_scikit_learn(count, width):
    from sklearn.decomposition import PCA

    x = np.random.default_rng(1).normal(size=(count, width)) * 0.98 ** np.arange(width)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    expected = PCA(2, svd_solver="full").fit_transform(unit)  # exact, and with the same signs
    got = plots.pca(x.astype(np.float32))
    np.testing.assert_allclose(got, expected, atol=1e-5)
    np.testing.assert_array_equal(got, plots.project(x, "pca"))


def test_pca_of_one_dimension():
    got = plots.pca(np.arange(-3, 3, dtype=np.float32)[:, None])
    assert got.shape == (6, 2) and (got[:, 1] == 0).all()


@pytest.mark.slow
def test_umap_keeps_clusters_together():
    r = np.random.default_rng(0)
    cluster = np.repeat([0, 1, 2], 20)
    x = 10 * np.eye(6)[cluster] + r.normal(size=(60, 6))
    got = plots.project(x, "umap", seed=3, neighbors=10)
    assert got.shape == (60, 2) and np.isfinite(got).all()
    neighbours = np.argsort(np.linalg.norm(got[:, None] - got[None], axis=-1), axis=1)
    assert np.mean(cluster[neighbours[:, 1:6]] == cluster[:, None]) > 0.95
    np.testing.assert_array_equal(got, plots.project(x, "umap", seed=3, neighbors=10))


def test_pictures_stay_small(tmp_path):
    r = np.random.default_rng(0)
    plots.use_style()
    path = tmp_path / "map.png"
    ax = plots.embedding_map(r.normal(size=(2000, 2)), r.choice(EXPRESSIONS, 2000))
    ax.figure.savefig(path)
    assert path.stat().st_size < 150_000
