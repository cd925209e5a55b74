import copy
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("lightning")

from fermodels.data import Augment, ImageDataset, RandomBatchSampler, SubjectBatchSampler, loader
from fermodels.losses import NTXentLoss
from fermodels.methods import (
    ClipFineTuning,
    ClipSimCLR,
    CLMEx,
    ConCluGen,
    ImageFineTuning,
    SimCLR,
    ViewFX,
)
from fermodels.methods.viewfx import random_pairs
from fermodels.models import ImageEncoder
from fermodels.models.saving import weights_digest
from fermodels.training import Callback, fit, hardware, loop, recipes
from tests.fixtures.images import make_tiny


def small_encoder(seed=0):
    torch.manual_seed(seed)
    return ImageEncoder(image_size=16, width=8)


def batch_of(prepared, n=70):
    data = ImageDataset(prepared, np.arange(n))
    return data.batch(list(range(n)))


def gradients(method, batch):
    method.zero_grad()
    method.train()
    method.training_step(batch, 0).backward()
    return {name: p.grad.clone() for name, p in method.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", [CLMEx, SimCLR])
def test_labels_give_pretraining_no_gradient(kind, tiny_prepared):
    method = kind(small_encoder())
    batch = batch_of(tiny_prepared)
    before = gradients(method, batch)
    state = copy.deepcopy(method.state_dict())
    for column in ("expression", "subject", "view", "yaw", "index"):
        changed = dict(batch)
        changed[column] = torch.flip(batch[column], (0,)) + 1
        after = gradients(method, changed)
        assert before.keys() == after.keys() == dict(method.named_parameters()).keys()
        assert all(torch.equal(before[name], after[name]) for name in before), column
    assert state.keys() == method.state_dict().keys()


def test_instances_matter_to_clmex_and_labels_to_viewfx(tiny_prepared):
    batch = batch_of(tiny_prepared)
    shuffled = batch | {"instance": torch.randperm(len(batch["instance"])) // 5}
    relabelled = batch | {"expression": batch["instance"] % 3}
    for method, other in (
        (CLMEx(small_encoder()), shuffled),
        (ViewFX(small_encoder()), relabelled),
    ):
        before, after = gradients(method, batch), gradients(method, other)
        assert not all(torch.equal(before[name], after[name]) for name in before)


def test_clmex_with_one_view_and_two_augmentations_is_simclr(tiny_prepared):
    torch.manual_seed(1)
    simclr = SimCLR(small_encoder(), temperature=0.3)
    clmex = CLMEx(small_encoder(), temperature=0.3, num_augmentations=2)
    clmex.load_state_dict(simclr.state_dict())
    batch = batch_of(tiny_prepared)
    batch["instance"] = torch.arange(len(batch["image"]))
    torch.testing.assert_close(clmex.training_step(batch, 0), simclr.training_step(batch, 0))
    z = simclr.project(batch["image"], 2, simclr.generator())
    torch.testing.assert_close(NTXentLoss(0.3)(*z.chunk(2)), simclr.training_step(batch, 0))


def test_viewfx_weights_switch_its_losses_off(tiny_prepared):
    torch.manual_seed(1)
    plain = CLMEx(small_encoder())
    batch = batch_of(tiny_prepared)
    off = ViewFX(small_encoder(), supervised_weight=0, barlow_weight=0)
    on = ViewFX(small_encoder(), supervised_weight=0.5, barlow_weight=0.01)
    for method in (off, on):
        method.load_state_dict(plain.state_dict())
    base = plain.training_step(batch, 0)
    torch.testing.assert_close(off.training_step(batch, 0), base)
    assert on.training_step(batch, 0) > base + 0.1


def test_random_pairs_are_two_rows_of_each_instance():
    instance = torch.tensor([7, 3, 7, 9, 3, 7, 5, 5])
    seen = set()
    for seed in range(20):
        first, second = random_pairs(instance, torch.Generator().manual_seed(seed))
        assert sorted(instance[first].tolist()) == [3, 5, 7]
        assert torch.equal(instance[first], instance[second]) and (first != second).all()
        seen |= {tuple(sorted(p)) for p in zip(first.tolist(), second.tolist(), strict=True)}
    assert {(0, 2), (0, 5), (2, 5)} <= seen


def test_augmentation_follows_from_seed_and_step(tiny_prepared):
    batch = batch_of(tiny_prepared)
    method = CLMEx(small_encoder(), seed=3)
    torch.manual_seed(1)
    first = method.training_step(batch, 0)
    torch.manual_seed(2)
    assert torch.equal(first, method.training_step(batch, 0))
    method.seed = 4
    assert not torch.equal(first, method.training_step(batch, 0))


def test_overfitting_one_batch_reaches_the_floor(tiny_prepared):
    """Chance is ln(N − 1), the floor ln(V − 1): V − 1 equal positives share the probability."""
    batch = batch_of(tiny_prepared, 70)  # 14 instances of 5 views
    method = CLMEx(small_encoder(), augment=Augment.none(16), temperature=0.1).train()
    optimizer = torch.optim.AdamW(method.parameters(), 3e-3)
    losses = []
    for _ in range(80):
        optimizer.zero_grad()
        loss = method.training_step(batch, 0)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    floor, chance = math.log(4), math.log(69)
    assert losses[0] > 0.75 * chance
    assert floor - 1e-3 < losses[-1] < floor + 0.25


def fit_clmex(prepared, tmp_path=None, **options):
    data = ImageDataset(prepared, np.arange(140))
    method = CLMEx(small_encoder(), seed=1)
    sampler = SubjectBatchSampler(data, 2, seed=1)
    options = {"epochs": 2, "progress": False, "accelerator": "cpu"} | options
    return method, fit(method, loader(data, sampler), run_dir=tmp_path, **options)


def test_history_and_run_folder(tiny_prepared, tmp_path):
    calls = []

    def validate(encoder):
        calls.append(encoder.training)
        return {"probe": 0.9 - 0.1 * len(calls)}

    run = tmp_path / "deep" / "run"
    method, history = fit_clmex(tiny_prepared, run, epochs=3, validate=validate, validate_every=2)
    assert list(history) == ["step", "epoch", "loss", "lr", "seconds", "probe"]
    assert history["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert history["epoch"].tolist() == [0, 0, 1, 1, 2, 2]
    assert history["lr"].iloc[0] == pytest.approx(4e-3 / 25)  # the start of one cycle
    assert history["probe"].dropna().to_dict() == {3: 0.8, 5: pytest.approx(0.7)}
    assert calls == [False, False] and not method.training
    assert history.attrs["best"] == {"probe": {"value": 0.8, "epoch": 1}}
    assert sorted(p.name for p in run.iterdir()) == [
        "encoder",
        "history.csv",
        "last.ckpt",
        "settings.json",
    ]
    import pandas as pd

    pd.testing.assert_frame_equal(pd.read_csv(run / "history.csv"), history)
    loaded = ImageEncoder.from_pretrained(run / "encoder")
    x = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(loaded(x), method.encoder(x), rtol=0, atol=0)

    checkpoint = torch.load(run / "last.ckpt", weights_only=True)  # no pickled code in it
    assert "hyper_parameters" not in checkpoint
    assert checkpoint["global_step"] == 6


def test_a_finished_run_is_loaded(tiny_prepared, tmp_path):
    method, history = fit_clmex(tiny_prepared, tmp_path)
    again, second = fit_clmex(tiny_prepared, tmp_path)
    assert history.equals(second)
    for name, value in method.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    third = fit_clmex(tiny_prepared, tmp_path, resume=False)[1]
    assert third["loss"].tolist() == history["loss"].tolist()
    assert third["seconds"].tolist() != history["seconds"].tolist()


def test_other_settings_are_refused_by_name(tiny_prepared, tmp_path):
    fit_clmex(tiny_prepared, tmp_path, settings={"data": "a"})
    with pytest.raises(ValueError, match="run.data was 'a', is 'b'.*resume=False"):
        fit_clmex(tiny_prepared, tmp_path, settings={"data": "b"})
    with pytest.raises(ValueError, match="length.epochs was 2, is 3"):
        fit_clmex(tiny_prepared, tmp_path, settings={"data": "a"}, epochs=3)
    (tmp_path / "last.ckpt").write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"last\.ckpt cannot be read"):
        fit_clmex(tiny_prepared, tmp_path, settings={"data": "a"})
    (tmp_path / "settings.json").unlink()
    with pytest.raises(ValueError, match=r"settings\.json cannot be read"):
        fit_clmex(tiny_prepared, tmp_path, settings={"data": "a"})


def test_fit_arguments(tiny_prepared):
    for options in ({"epochs": None}, {"max_steps": 3}, {"epochs": 0}, {"validate_every": 0}):
        with pytest.raises(ValueError):
            fit_clmex(tiny_prepared, **options)
    _, history = fit_clmex(tiny_prepared, epochs=None, max_steps=3)
    assert history["step"].tolist() == [1, 2, 3]
    for options in ({"learning_rate": 0}, {"num_augmentations": 0}, {"warmup": 2}):
        with pytest.raises(ValueError):
            CLMEx(small_encoder(), **options)


@pytest.mark.parametrize("steps", [1, 2])
def test_very_short_runs_have_a_schedule(tiny_prepared, steps):
    data = ImageDataset(tiny_prepared, np.arange(140))
    method = CLMEx(small_encoder(), warmup=0.5)
    sampler = SubjectBatchSampler(data, 2)
    history = fit(method, loader(data, sampler), max_steps=steps, progress=False, accelerator="cpu")
    assert len(history) == steps and np.isfinite(history["lr"]).all()


def test_compiling_changes_the_way_and_not_the_weights(tiny_prepared, tmp_path, monkeypatch):
    compile, calls = torch.compile, []

    def quickly(function):  # traced as ever, but without a C++ compiler
        calls.append(function)
        return compile(function, backend="eager")

    monkeypatch.setattr(torch, "compile", quickly)
    plain, history = fit_clmex(tiny_prepared)
    assert not calls
    method, other = fit_clmex(tiny_prepared, tmp_path, compile=True)
    assert len(calls) == 1 and "forward" not in vars(method.encoder)
    np.testing.assert_allclose(history["loss"], other["loss"], rtol=1e-4)
    assert plain.state_dict().keys() == method.state_dict().keys()
    with pytest.raises(ValueError, match="compile was True, is None"):
        fit_clmex(tiny_prepared, tmp_path)


def test_interrupt_can_be_caught(tiny_prepared, tmp_path):
    def interrupt(encoder):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="run it again to continue"):
        fit_clmex(tiny_prepared, tmp_path, validate=interrupt)


def test_fit_leaves_the_global_random_state_alone(tiny_prepared):
    data = ImageDataset(tiny_prepared, np.arange(140))
    method = CLMEx(small_encoder())
    state = torch.get_rng_state()
    batches = loader(data, RandomBatchSampler(data, 70))
    fit(method, batches, epochs=1, progress=False, accelerator="cpu")
    assert torch.equal(state, torch.get_rng_state())


def test_classifier_learns_and_keeps_a_frozen_encoder(tiny_prepared):
    data = ImageDataset(tiny_prepared)
    batches = loader(data, RandomBatchSampler(data, 70, num_batches=10))
    everything = loader(data, RandomBatchSampler(data, 210, drop_last=False))
    options = {"augment": Augment.none(16), "seed": 1, "learning_rate": 5e-3}
    learner = ImageFineTuning(small_encoder(), tiny_prepared.expressions, **options)
    history = fit(
        learner, batches, epochs=8, val_loader=everything, progress=False, accelerator="cpu"
    )
    assert history["val_accuracy"].iloc[-1] > 0.8 and history["val_loss"].count() == 8
    assert set(history.attrs["best"]) == {"val_accuracy", "val_loss"}
    labels, _ = learner.predict(tiny_prepared.images())
    accuracy = (labels == tiny_prepared.labels).mean()
    assert accuracy == pytest.approx(history["val_accuracy"].iloc[-1], abs=0.02)

    encoder = small_encoder()
    before = copy.deepcopy(encoder.state_dict())
    frozen = ImageFineTuning(encoder, tiny_prepared.expressions, freeze_encoder=True, **options)
    head = frozen.classifier.head.weight.clone()
    fit(frozen, batches, max_steps=3, progress=False, accelerator="cpu")
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())
    assert not torch.equal(head, frozen.classifier.head.weight)


def test_the_encoder_can_have_a_rate_of_its_own():
    learner = ImageFineTuning(
        small_encoder(), ("happy", "sad"), learning_rate=1e-2, encoder_learning_rate=1e-3
    )
    rates = {module: rate for module, rate in learner.learning_rates()}
    assert rates == {learner.encoder: 1e-3, learner.classifier.head: 1e-2}


def test_recipes(tiny_prepared, tmp_path):
    options = {"images_seen": 500, "progress": False, "accelerator": "cpu", "groups_per_batch": 2}
    steps = {}
    for name in recipes.PRETRAINING:
        encoder, history = recipes.pretrain(
            name, tiny_prepared, np.arange(280), encoder=small_encoder(), **options
        )
        assert not encoder.training and np.isfinite(history["loss"]).all()
        steps[name] = len(history)
    assert steps == {"clmex": 8, "simclr": 8, "viewfx": 8}  # 70 images a step
    twice = recipes.pretrain(
        "clmex", tiny_prepared, encoder=small_encoder(), num_augmentations=2, **options
    )[1]
    assert len(twice) == 4
    start = small_encoder()
    weights = copy.deepcopy(start.state_dict())
    further, _ = recipes.pretrain(
        "clmex", tiny_prepared, encoder=start, run_dir=tmp_path / "pre", **options
    )
    assert all(torch.equal(weights[name], value) for name, value in start.state_dict().items())
    again, _ = recipes.pretrain(
        "clmex", tiny_prepared, encoder=start, run_dir=tmp_path / "pre", **options
    )  # loaded, not repeated
    assert weights_digest(again) == weights_digest(further)
    with pytest.raises(ValueError, match="run.start was"):
        recipes.pretrain(
            "clmex", tiny_prepared, encoder=further, run_dir=tmp_path / "pre", **options
        )
    with pytest.raises(ValueError, match="unknown method 'byol': take clmex"):
        recipes.pretrain("byol", tiny_prepared, **options)

    before = copy.deepcopy(encoder.state_dict())
    options = {"steps": 4, "progress": False, "accelerator": "cpu", "batch_size": 32}
    tuned = recipes.finetune(
        tiny_prepared,
        np.arange(70),
        encoder=encoder,
        val_indices=np.arange(70, 140),
        run_dir=tmp_path,
        **options,
    )
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())
    assert len(tuned.history) == 4 and tuned.history["val_accuracy"].count() == 1
    assert tuned.classes == tiny_prepared.expressions
    assert (tmp_path / "classifier" / "config.json").exists()
    scratch = [
        recipes.finetune(tiny_prepared, np.arange(70), image_size=16, seed=seed, **options)
        for seed in (0, 0, 1)
    ]
    losses = [learner.history["loss"].tolist() for learner in scratch]
    assert losses[0] == losses[1] != losses[2]
    rows, other = np.arange(70), small_encoder(5)
    with pytest.raises(ValueError, match="run.start was"):
        recipes.finetune(
            tiny_prepared, rows, encoder=other, settings="pretrained", run_dir=tmp_path, **options
        )
    # The settings of an untrained encoder are to be named; those of a trained one can be.
    with pytest.raises(ValueError, match="untrained.*settings='from scratch' or"):
        recipes.finetune(tiny_prepared, rows, encoder=other, **options)
    with pytest.raises(ValueError, match="settings must be 'from scratch' or 'pretrained'"):
        recipes.finetune(tiny_prepared, rows, settings="scratch", **options)
    rates = {
        name: recipes.finetune(
            tiny_prepared, rows, encoder=start, settings=name, **options
        ).encoder_learning_rate
        for name, start in (("from scratch", other), ("pretrained", other), (None, further))
    }
    assert rates == {"from scratch": 1e-2, "pretrained": 3e-3, None: 3e-3}


def test_class_weights_of_images(tiny_prepared):
    rows = np.concatenate([np.flatnonzero(tiny_prepared.labels == k)[: 2 + k] for k in range(7)])
    options = {"steps": 2, "progress": False, "accelerator": "cpu", "image_size": 16}
    learner = recipes.finetune(tiny_prepared, rows, class_weights="balanced", **options)
    share = learner.class_weights.numpy() * np.bincount(tiny_prepared.labels[rows])
    np.testing.assert_allclose(share, share[0], rtol=1e-6)
    batch = batch_of(tiny_prepared)
    only_sad = np.where(np.array(tiny_prepared.expressions) == "sad", 1.0, 0.0)
    options = {"augment": Augment.none(16)}
    learner = ImageFineTuning(
        small_encoder(), tiny_prepared.expressions, class_weights=only_sad, **options
    ).eval()
    sad = batch["expression"] == tiny_prepared.expressions.index("sad")
    logits = learner(batch["image"].float() / 255)
    expected = torch.nn.functional.cross_entropy(logits[sad], batch["expression"][sad])
    torch.testing.assert_close(learner.training_step(batch, 0), expected)
    torch.testing.assert_close(learner.validation_step(batch, 0)["val_loss"], expected)
    assert learner.settings()["class_weights"] == only_sad.tolist()
    assert "class_weights" not in learner.state_dict()
    with pytest.raises(ValueError, match="class_weights must be 7"):
        ImageFineTuning(small_encoder(), tiny_prepared.expressions, class_weights=[1, 2])
    with pytest.raises(ValueError, match="'balanced' or numbers"):
        recipes.finetune(tiny_prepared, rows, class_weights="even", steps=1)
    with pytest.raises(ValueError, match=r"no row of class \[6\]"):
        some = rows[tiny_prepared.labels[rows] < 6]
        recipes.finetune(tiny_prepared, some, class_weights="balanced", steps=1)


@pytest.mark.filterwarnings("ignore:tiny has one view only")
def test_batches_of_pretraining(monkeypatch):
    """Many people with one image each are not a batch of seven; KDEF's shape stays as it is."""
    sizes = {}

    def no_fit(learner, batches, **options):
        sampler = batches.batch_sampler
        sizes[type(learner).__name__] = len(next(iter(sampler))), options["max_steps"]
        return None

    monkeypatch.setattr(loop, "fit", no_fit)

    def sizes_of(prepared, **options):
        sizes.clear()
        options = {"images_seen": 1000, "encoder": small_encoder()} | options
        for name in ("clmex", "simclr"):
            recipes.pretrain(name, prepared, **options)
        return sizes["CLMEx"], sizes["SimCLR"]

    single = make_tiny(200, ["happy"], size=16, views=["straight"], sessions=["A"])
    assert sizes_of(single) == ((128, 8), (64, 8))
    assert sizes_of(single, groups_per_batch=7) == ((7, 143), (3, 167))  # as it is asked for
    assert sizes_of(single, batch_size=50) == ((50, 20), (25, 20))
    assert sizes_of(single, batch_size=500) == ((200, 5), (100, 5))
    kdef = make_tiny(9, size=16, sessions=["A"])
    assert sizes_of(kdef) == ((245, 5), (122, 5))
    assert sizes_of(kdef, batch_size=100) == ((105, 10), (52, 10))
    assert sizes_of(kdef, batch_size=100, batch_by="instance")[0] == (105, 10)
    with pytest.raises(ValueError, match="groups_per_batch or batch_size, not both"):
        sizes_of(kdef, batch_size=100, groups_per_batch=3)


def test_recipes_hand_on_loggers_and_callbacks(tiny_prepared, tmp_path):
    steps = []

    class Count(Callback):
        def on_step_end(self, learner, batch, losses):
            steps.append(type(learner).__name__)

    options = {"progress": False, "accelerator": "cpu", "logger": "csv", "callbacks": [Count()]}
    encoder, _ = recipes.pretrain(
        "clmex",
        tiny_prepared,
        images_seen=280,
        batch_size=140,
        encoder=small_encoder(),
        run_dir=tmp_path / "pre",
        **options,
    )
    recipes.finetune(
        tiny_prepared, np.arange(70), encoder=encoder, steps=2, run_dir=tmp_path / "fine", **options
    )
    assert steps == ["CLMEx"] * 2 + ["ImageFineTuning"] * 2
    assert len(list(tmp_path.glob("*/logs/csv/version_0/metrics.csv"))) == 2


def test_help_names_the_shared_arguments():
    import pydoc

    shared = {"learning_rate", "weight_decay", "warmup", "seed"}
    contrastive = shared | {"projection_dim", "hidden_dim", "augment"}
    for kind, names in (
        (CLMEx, contrastive),
        (SimCLR, contrastive),
        (ViewFX, contrastive),
        (ImageFineTuning, shared),
        (ConCluGen, shared),
        (ClipSimCLR, shared),
        (ClipFineTuning, shared),
    ):
        own = pydoc.render_doc(kind, renderer=pydoc.plaintext).split("Method resolution order")[0]
        assert all(name in own for name in names), kind
    with pytest.raises(TypeError, match="unexpected keyword argument 'learning_rat'"):
        CLMEx(small_encoder(), learning_rat=1e-3)


QUIET = """
import os, sys
from fermodels.data import ImageDataset, SubjectBatchSampler, loader
from fermodels.models import ImageEncoder
from fermodels.methods import CLMEx
from fermodels.training import fit
from tests.fixtures.images import make_tiny
data = ImageDataset(make_tiny(subjects=2, size=16))
batches = loader(data, SubjectBatchSampler(data, 2))
encoder = ImageEncoder(image_size=16, width=8).eval()
for epochs in (1, 1, 2):
    fit(CLMEx(encoder), batches, epochs=epochs, val_loader=batches, run_dir=f"run{epochs}")
print("now with a bar", file=sys.stderr)
os.environ["FERMODELS_PROGRESS"] = "1"
fit(CLMEx(encoder), batches, max_steps=3)
"""


@pytest.mark.slow
def test_training_says_nothing_but_the_bar(tmp_path):
    env = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2]), FERMODELS_PROGRESS="0")
    env.pop("CI", None)
    result = subprocess.run(
        [sys.executable, "-c", QUIET], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    before, after = result.stderr.split("now with a bar\n")
    assert before == ""
    lines = [line for line in after.replace("\r", "\n").splitlines() if line.strip()]
    assert lines and all(line.startswith("CLMEx:") for line in lines), after
    assert "3/3" in lines[-1] and "loss=" in lines[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run1", "run2"]


def test_mixed_precision_keeps_float32_weights(tiny_prepared):
    method, history = fit_clmex(tiny_prepared, precision="bf16-mixed")
    assert np.isfinite(history["loss"]).all()
    assert {p.dtype for p in method.parameters()} == {torch.float32}


@pytest.mark.parametrize("precision", ["bf16-true", "64-true"])
def test_weights_come_back_in_the_type_that_they_had(tiny_prepared, precision):
    method, history = fit_clmex(tiny_prepared, precision=precision)
    assert {p.dtype for p in method.parameters()} == {torch.float32}
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize("native, chosen", [(True, "bf16-mixed"), (False, "16-mixed")])
def test_bfloat16_only_where_the_gpu_has_it(monkeypatch, native, chosen):
    def supported(including_emulation=True):
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert hardware.default_accelerator() == "cuda"
    assert hardware.default_precision("cuda") == hardware.default_precision("gpu") == chosen
    assert hardware.default_precision("cpu") == "32-true"


@pytest.mark.parametrize(
    "capabilities, chosen",
    [
        ({"avx512_bf16": True}, "bf16-mixed"),
        ({"avx512_bf16": True, "cpu_name": "AMD EPYC"}, "bf16-mixed"),
        ({"avx512_bf16": True, "cpu_name": "Intel Xeon"}, "32-true"),
        ({"avx512_bf16": True, "amx_bf16": True, "cpu_name": "Intel Xeon"}, "bf16-mixed"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bf16-mixed"),
        ({"bf16": True}, "bf16-mixed"),
        ({"avx512_f": True, "avx512_bf16": False}, "32-true"),
        ({}, "32-true"),
    ],
)
def test_bfloat16_only_where_the_cpu_gains_by_it(monkeypatch, capabilities, chosen):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert hardware.fast_precision("cpu") == chosen
    assert hardware.default_precision("cpu") == "32-true"


@pytest.mark.parametrize("native, chosen", [(True, "bf16-mixed"), (False, "32-true")])
def test_a_torch_without_the_list_of_capabilities_is_asked_for_avx512(monkeypatch, native, chosen):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    assert hardware.fast_precision("cpu") == chosen


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU: mixed precision")
def test_mixed_precision_on_cuda(tiny_prepared, tmp_path):
    for precision in (None, "16-mixed"):
        method, history = fit_clmex(
            tiny_prepared,
            tmp_path / str(precision),
            accelerator="auto",
            precision=precision,
            epochs=3,
            validate=lambda encoder: {"cuda": next(encoder.parameters()).is_cuda},
        )
        assert np.isfinite(history["loss"]).all() and history["cuda"].dropna().eq(1).all()
        assert next(method.parameters()).device.type == "cpu"
        assert next(method.parameters()).dtype == torch.float32
