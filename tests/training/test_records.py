"""What a run keeps of itself: settings that tell runs apart, and the columns of its history."""

import inspect
import json

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

pytest.importorskip("lightning")

from fermodels import methods
from fermodels._shared.tasks import TASKS
from fermodels.data import Augment, ImageDataset, RandomBatchSampler, loader
from fermodels.methods.base import ContrastiveArguments, SharedArguments
from fermodels.models import ImageEncoder, MultiModalEncoder
from fermodels.training import fit
from fermodels.training.history import STEP, History
from tests.fixtures.clips import DIMS

QUIET = {"progress": False, "accelerator": "cpu"}


@pytest.fixture(scope="module")
def data(tiny_prepared):
    return ImageDataset(tiny_prepared, np.arange(40))


def encoder(**options):
    torch.manual_seed(0)
    return ImageEncoder(**{"image_size": 16, "width": 4} | options)


def simclr(**options):
    return methods.SimCLR(encoder(), augment=Augment.none(16), **options)


def run(data, method=None, folder=None, **options):
    batches = loader(data, RandomBatchSampler(data, 20))
    options = options if "max_steps" in options else {"epochs": 2} | options
    return fit(method or simclr(), batches, run_dir=folder, **QUIET | options)


# ------------------------------------------------------------------------------ the settings

# Another value of every argument of a learner, which its settings have to tell from the default.
OTHER = {
    "augment": Augment.strong(16),
    "barlow_weight": 0.5,
    "class_weights": [1.0, 2.0],
    "cluster_assignment": "sinkhorn",
    "cluster_epsilon": 0.5,
    "cluster_mode": "swapped",
    "cluster_projection": "own",
    "cluster_temperature": 0.7,
    "dropout": 0.3,
    "encoder_learning_rate": 9e-3,
    "feature_dims": {"video": 24, "audio": 16},
    "feature_dropout": 0.3,
    "fill_queue": True,
    "freeze_encoder": True,
    "fusion": "mean",
    "hidden_dim": 24,
    "label_smoothing": 0.1,
    "learning_rate": 5e-4,
    "margin": 0.3,
    "multi_label": True,
    "num_augmentations": 3,
    "num_clusters": 5,
    "optimizer": "muon",
    "projection_dim": 7,
    "queue_size": 9,
    "reconstruct_from": "both",
    "representation_dim": 7,
    "seed": 9,
    "supervised_weight": 0.5,
    "task_weights": {"clustering": 3.0},
    "tasks": ("contrastive",),
    "temperature": 0.7,
    "warmup": 0.7,
    "warmup_epochs": 3,
    "weight_decay": 0.5,
}


def make(kind, **options):
    if kind in (methods.ConCluGen, methods.ClipSimCLR):
        return kind(options.pop("feature_dims", DIMS), **options)
    if kind is methods.ClipFineTuning:
        return kind(MultiModalEncoder(DIMS, 16, 8), ["happy", "sad"], **options)
    if kind is methods.ImageFineTuning:
        return kind(encoder(), ["happy", "sad"], **options)
    return kind(encoder(), **options)


def arguments(kind):
    names = set(inspect.signature(kind).parameters) - {"shared", "encoder", "classes"}
    shared = (
        ContrastiveArguments if issubclass(kind, methods.ContrastiveLearner) else SharedArguments
    )
    return sorted(names | shared.__annotations__.keys() | SharedArguments.__annotations__.keys())


LEARNERS = [
    methods.CLMEx,
    methods.SimCLR,
    methods.ViewFX,
    methods.ImageFineTuning,
    methods.ConCluGen,
    methods.ClipSimCLR,
    methods.ClipFineTuning,
]


@pytest.mark.parametrize("kind", LEARNERS, ids=lambda kind: kind.__name__)
def test_every_argument_of_a_learner_is_in_its_settings(kind):
    usual = make(kind).settings()
    for name in arguments(kind):
        changed = make(kind, **{name: OTHER[name]}).settings()
        assert json.dumps(changed) != json.dumps(usual), name


def test_every_argument_of_the_augmentation_is_in_its_words():
    usual = repr(Augment(16))
    for name in set(inspect.signature(Augment).parameters) - {"size", "scale"}:
        assert repr(Augment(16, **{name: 0.33})) != usual, name
    own, others = (0.7, 1.2), tuple(np.array([0.7, 1.2]))
    assert repr(Augment(16, scale=own)) == repr(Augment(16, scale=others)) != usual


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": np.float32(1e-3)},
        {"weight_decay": np.float64(0.1)},
        {"warmup": np.float32(0.25)},
        {"seed": np.arange(3)[1]},
        {"temperature": np.float32(0.25)},
        {"projection_dim": np.int64(8)},
        {"optimizer": "muon", "learning_rate": np.float32(1e-3)},
    ],
    ids=lambda options: "-".join(f"{k} {type(v).__name__}" for k, v in options.items()),
)
def test_numbers_of_numpy_can_be_kept_and_come_back(data, tmp_path, options):
    for _ in range(2):  # the second time from the folder
        history = run(data, simclr(**options), tmp_path, max_steps=2)
    own = {
        name: value if isinstance(value, str) else value.item() for name, value in options.items()
    }
    again = run(data, simclr(**own), tmp_path, max_steps=2)
    assert again["loss"].tolist() == history["loss"].tolist()
    assert not run(data, simclr(**own), tmp_path, max_steps=3, extend=True).empty


LENGTHS = [
    {"max_steps": np.int64(2)},
    {"max_steps": np.int32(2), "save_every": np.int64(1), "validate_every": np.int8(1)},
    {"max_steps": 2.0},
    {"max_steps": np.float32(2)},
    {"epochs": np.int64(1)},
    {"epochs": 1.0},
]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_may_be_a_number_of_numpy_or_a_whole_float(data, tmp_path, length):
    first = run(data, simclr(), tmp_path, **length)
    again = run(data, simclr(), tmp_path, **{name: int(value) for name, value in length.items()})
    assert again["loss"].tolist() == first["loss"].tolist() and len(first) == 2


@pytest.mark.parametrize("length", [{"max_steps": 2.5}, {"epochs": np.float32(0.5)}])
def test_half_a_step_is_refused(data, length):
    with pytest.raises(ValueError, match="must be a whole number, got"):
        run(data, simclr(), **length)


def test_numpy_in_an_encoder_and_in_settings_of_ones_own(data, tmp_path):
    numbers = encoder(width=np.int64(4), mean=np.full(3, 0.5), std=tuple(np.float32([0.25] * 3)))
    method = methods.SimCLR(numbers, augment=Augment.none(16))
    own = {"fold": np.int64(3), "missing": np.float32("nan"), "rows": np.arange(2)}
    run(data, method, tmp_path, max_steps=1, settings=own)
    assert json.loads((tmp_path / "settings.json").read_text())["run"] == {
        "fold": 3,
        "missing": "nan",
        "rows": [0, 1],
    }
    assert ImageEncoder.from_pretrained(tmp_path / "encoder").config == encoder().config
    same = {"fold": 3, "missing": float("nan"), "rows": [0, 1]}
    run(data, simclr(), tmp_path, max_steps=1, settings=same)  # NaN twice is no change
    with pytest.raises(ValueError, match="run.missing was 'nan', is 1.0"):
        run(data, simclr(), tmp_path, max_steps=1, settings=same | {"missing": 1.0})
    with pytest.raises(TypeError, match="cannot be kept"):
        run(data, simclr(), tmp_path / "new", max_steps=1, settings={"x": object()})
    assert not (tmp_path / "new").exists()


def test_the_order_of_any_loader_is_in_its_settings(data, tmp_path):
    def train(seed, batch_size=20, drop_last=False):
        order = RandomSampler(data, generator=torch.Generator().manual_seed(seed))
        batches = DataLoader(data, batch_sampler=BatchSampler(order, batch_size, drop_last))
        return fit(simclr(), batches, max_steps=1, run_dir=tmp_path, **QUIET)

    train(1)
    train(1)
    for changed, message in (
        ({"seed": 2}, "batches.generator was 1, is 2"),
        ({"seed": 1, "batch_size": 10}, "batches.batch_size was 20, is 10"),
        ({"seed": 1, "drop_last": True}, "batches.drop_last was False, is True"),
    ):
        with pytest.raises(ValueError, match=message):
            train(**changed)


# ------------------------------------------------------------------------------- the history


@pytest.mark.parametrize("name", STEP)
def test_a_metric_never_takes_the_column_of_a_step(data, tmp_path, name):
    plain = run(data)
    history = run(data, folder=tmp_path, validate=lambda encoder: {name: 99.0, "probe": 0.5})
    for column in set(STEP) - {"seconds"}:
        assert history[column].tolist() == plain[column].tolist()
    assert history[f"val_{name}"].dropna().tolist() == [99.0, 99.0]
    assert history.attrs["best"].keys() == {f"val_{name}", "probe"}
    assert (tmp_path / "history.csv").read_text().startswith(",".join(STEP))


def test_names_of_parts_of_the_loss_and_of_two_metrics():
    history = History(TASKS)
    history.rows = [dict.fromkeys([*STEP, *TASKS], 1.0)]
    found = history.add_metrics({"contrastive": 2.0}, {"accuracy": torch.tensor(0.5)})
    assert found == {"val_contrastive": 2.0, "accuracy": 0.5}
    assert history.rows[0]["contrastive"] == 1.0
    with pytest.raises(ValueError, match="two metrics.*column 'val_loss'.*'loss'"):
        history.add_metrics({"val_loss": 1.0}, {"loss": 2.0})
    with pytest.raises(TypeError, match="numbers by name, got 3"):
        history.add_metrics(3)
    with pytest.raises(ValueError, match="loss_names holds lr"):
        History(("lr", "mine"))


# -------------------------------------------------------------------------------- the folder


def test_a_folder_that_cannot_be_used_is_refused_before_training(data, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "a" / "last.ckpt").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "encoder").write_text("x")
    asked = []

    class Watched(methods.SimCLR):
        def training_step(self, batch, number):
            asked.append(number)
            return super().training_step(batch, number)

    for folder in ("file", "file/run", "a", "b", "/proc/self/run", ""):
        method = Watched(encoder(), augment=Augment.none(16))
        with pytest.raises((OSError, ValueError), match="(?s)path"):
            run(data, method, folder and tmp_path / folder)
    assert not asked
