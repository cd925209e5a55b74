"""The trainings of the clip half of the course, and runs of them that are killed."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("lightning")

from safetensors.torch import load_file

from fermodels import evaluation
from fermodels.data import all_copies, clean_batch
from fermodels.evaluation import embed_clips
from fermodels.features import FeatureError, FeatureSet
from fermodels.models import ClipClassifier, MultiModalEncoder
from fermodels.training import Callback
from fermodels.training.recipes import clips as clip_recipes
from tests.fixtures.clips import DIMS, make_clips, make_features
from tests.training.test_resume import assert_same

ROOT = Path(__file__).parents[2]
QUIET = {"progress": False, "accelerator": "cpu"}


@pytest.fixture(scope="module")
def clips():
    return make_clips()


@pytest.fixture(scope="module")
def features(clips):
    return make_features(clips)


def test_pretraining_gives_a_saved_encoder_and_its_history(features, tmp_path):
    rows = np.arange(60)
    options = {"epochs": 4, "batch_size": 25, "run_dir": tmp_path / "run", **QUIET}
    probed = []
    encoder, history = clip_recipes.pretrain_clips(
        features, rows, validate=lambda e: probed.append(e) or {"one": 1.0}, **options
    )
    assert not encoder.training and encoder.feature_dims == DIMS
    assert probed == [encoder] and history["one"].count() == 1
    assert len(history) == 4 * 3  # 60 clips in three batches of 20
    assert {"contrastive", "clustering", "reconstruction"} <= set(history.columns)
    expected = MultiModalEncoder(DIMS).fit_standardisation(*all_copies(features, rows))
    assert torch.equal(encoder.mean_video, expected.mean_video)
    loaded = MultiModalEncoder.from_pretrained(tmp_path / "run" / "encoder")
    assert_same(loaded.state_dict(), encoder.state_dict())

    again, second = clip_recipes.pretrain_clips(features, rows, **options)
    assert_same(again.state_dict(), encoder.state_dict())
    assert second["loss"].equals(history["loss"])
    with pytest.raises(ValueError, match="data.indices was"):
        clip_recipes.pretrain_clips(features, rows[1:], **options)
    with pytest.raises(ValueError, match="data.modalities was"):
        clip_recipes.pretrain_clips(features, rows, modalities=["video", "text"], **options)


def test_seed_fixes_everything(features):
    losses = [
        clip_recipes.pretrain_clips(features, epochs=2, seed=seed, **QUIET)[1]["loss"].tolist()
        for seed in (0, 0, 1)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_tasks_and_modalities(features):
    options = {"epochs": 1, "tasks": ["contrastive"], **QUIET}
    encoder, history = clip_recipes.pretrain_clips(
        features, modalities=["text", "audio"], **options
    )
    assert encoder.modalities == ("audio", "text")
    assert "contrastive" in history and "clustering" not in history
    start = copy.deepcopy(encoder.state_dict())
    further, _ = clip_recipes.pretrain_clips(features, encoder=encoder, **options)
    name = "units.text.embed.weight"
    assert torch.equal(start[name], encoder.state_dict()[name])  # a copy was trained
    assert not torch.equal(start[name], further.state_dict()[name])
    with pytest.raises(ValueError, match="contrastive task pairs modalities"):
        clip_recipes.pretrain_clips(features, modalities=["audio"], **options)
    with pytest.raises(ValueError, match="modalities lidar asked for"):
        clip_recipes.pretrain_clips(features, modalities=["lidar"], **options)


def test_clips_with_none_of_the_modalities_are_left_out(features):
    present = {m: torch.ones(len(features), dtype=torch.bool) for m in DIMS}
    present["video"][:30] = False
    holes = FeatureSet(features.features, present)
    _, history = clip_recipes.pretrain_video_simclr(holes, batch_size=20, epochs=1, **QUIET)
    assert len(history) == 3  # 54 clips in batches of 18
    _, history = clip_recipes.pretrain_clips(holes, batch_size=20, epochs=1, **QUIET)
    assert len(history) == 5  # 84 clips in batches of 16: they have audio and text


def test_video_simclr(features, tmp_path):
    encoder, history = clip_recipes.pretrain_video_simclr(
        features, epochs=2, run_dir=tmp_path, **QUIET
    )
    assert encoder.modalities == ("video",) and np.isfinite(history["loss"]).all()
    assert (tmp_path / "encoder" / "config.json").exists()


def test_classifier_from_scratch_and_from_an_encoder(clips, features, tmp_path):
    options = {"steps": 6, "batch_size": 32, **QUIET}
    rows, held_out = np.arange(42), np.arange(42, 84)
    encoder, _ = clip_recipes.pretrain_clips(features, epochs=1, **QUIET)
    before = copy.deepcopy(encoder.state_dict())
    tuned = clip_recipes.train_clip_classifier(
        features, clips, rows, encoder=encoder, val_indices=held_out, run_dir=tmp_path, **options
    )
    assert_same(encoder.state_dict(), before)
    assert tuned.classes == clips.emotions and len(tuned.history) == 6
    labels, _ = tuned.predict(features, held_out)
    accuracy = tuned.history["val_accuracy"].dropna()
    assert accuracy.tolist() == [pytest.approx((labels == clips.labels[held_out]).mean())]
    saved = ClipClassifier.from_pretrained(tmp_path / "classifier")
    assert np.array_equal(saved.predict(*clean_batch(features, held_out))[0], labels)

    scratch = [
        clip_recipes.train_clip_classifier(features, clips, rows, seed=seed, **options)
        for seed in (0, 0, 1)
    ]
    losses = [learner.history["loss"].tolist() for learner in scratch]
    assert losses[0] == losses[1] != losses[2]
    expected = MultiModalEncoder(DIMS).fit_standardisation(*all_copies(features, rows))
    assert torch.equal(scratch[0].encoder.mean_audio, expected.mean_audio)
    video = clip_recipes.train_clip_classifier(
        features, clips, rows, modalities=["video"], fusion="mean", **options
    )
    assert video.encoder.modalities == ("video",) and video.classifier.fusion == "mean"
    both = clip_recipes.train_clip_classifier(
        features, clips, rows, encoder=encoder, modalities=["text", "video"], **options
    )
    assert both.encoder.modalities == ("video", "text")
    assert torch.equal(both.encoder.mean_text, encoder.mean_text)
    other = MultiModalEncoder(DIMS)
    with pytest.raises(ValueError, match="run.start was"):
        clip_recipes.train_clip_classifier(
            features, clips, rows, encoder=other, settings="pretrained", run_dir=tmp_path, **options
        )
    with pytest.raises(ValueError, match="untrained.*settings='from scratch' or"):
        clip_recipes.train_clip_classifier(features, clips, rows, encoder=other, **options)
    options["settings"] = "from scratch"
    named = clip_recipes.train_clip_classifier(features, clips, rows, encoder=encoder, **options)
    assert named.encoder_learning_rate == named.learning_rate == 3e-3


def test_a_classifier_that_starts_from_a_probe(clips, features):
    rows, held_out = np.arange(42), np.arange(42, 84)
    encoder, _ = clip_recipes.pretrain_clips(features, epochs=1, **QUIET)
    h = [embed_clips(encoder, features, part) for part in (rows, held_out)]
    probe = evaluation.linear_probe(h[0], clips.labels[rows], h[1], clips.labels[held_out], C=0.01)
    options = {"steps": 1, "probe_first": 0.01, "learning_rate": 1e-12, **QUIET}
    tuned = clip_recipes.train_clip_classifier(
        features, clips, rows, encoder=encoder, encoder_learning_rate=1e-12, **options
    )
    assert np.array_equal(tuned.predict(features, held_out)[0], probe.predictions)
    for change, message in (
        ({"encoder": None}, "for a pre-trained encoder"),
        ({"multi_label": True}, "one emotion a clip"),
        ({"indices": np.flatnonzero(clips.labels != 2)}, "clips of every emotion"),
    ):
        given = {"indices": rows, "encoder": encoder} | options | change
        with pytest.raises(ValueError, match=message):
            clip_recipes.train_clip_classifier(features, clips, **given)


def test_one_modality_is_reconstructed_from_itself(features):
    _, history = clip_recipes.pretrain_clips(
        features, tasks=("clustering", "reconstruction"), modalities=["audio"], epochs=1, **QUIET
    )
    assert np.isfinite(history["reconstruction"]).all()


def test_loggers_and_callbacks_are_handed_on(clips, features, tmp_path):
    steps = []

    class Count(Callback):
        def on_step_end(self, learner, batch, losses):
            steps.append(type(learner).__name__)

    options = {"logger": "csv", "callbacks": [Count()], **QUIET}
    clip_recipes.pretrain_clips(features, epochs=1, run_dir=tmp_path / "a", **options)
    clip_recipes.pretrain_video_simclr(features, epochs=1, run_dir=tmp_path / "b", **options)
    clip_recipes.train_clip_classifier(
        features, clips, range(60), steps=1, run_dir=tmp_path / "c", **options
    )
    assert steps == ["ConCluGen", "ClipSimCLR", "ClipFineTuning"]
    assert len(list(tmp_path.glob("*/logs/csv/version_0/metrics.csv"))) == 3


def test_classifier_options(clips, features):
    options = {"steps": 2, **QUIET}
    rows = np.concatenate([np.flatnonzero(clips.labels == k)[: 2 + k] for k in range(7)])
    learner = clip_recipes.train_clip_classifier(
        features, clips, rows, class_weights="balanced", **options
    )
    share = learner.class_weights.numpy() * np.bincount(clips.labels[rows])
    np.testing.assert_allclose(share, share[0], rtol=1e-6)
    several = clip_recipes.train_clip_classifier(
        features,
        clips,
        rows,
        multi_label=True,
        class_weights="balanced",
        val_indices=rows,
        **options,
    )
    assert several.predict(features)[0].shape == (84, 7)
    assert several.history["val_accuracy"].between(0, 1).sum() == 1
    with pytest.raises(ValueError, match="'balanced' or numbers"):
        clip_recipes.train_clip_classifier(features, clips, rows, class_weights="even", **options)


def test_unlabelled_clips_and_stale_features_are_refused(clips, features):
    table = clips.table.assign(video=None, audio=None)
    table.loc[[3, 5], "emotion"] = None
    partly = type(clips)(table, clips.metadata)
    own = make_features(clips)
    own.fingerprint = partly.fingerprint()
    with pytest.raises(ValueError, match="2 of the 10 clips have no emotion.*row 3, clip 's00-"):
        clip_recipes.train_clip_classifier(own, partly, np.arange(10), steps=2, **QUIET)
    labelled = np.flatnonzero(partly.labels >= 0)
    clip_recipes.train_clip_classifier(own, partly, labelled, steps=1, **QUIET)
    with pytest.raises(FeatureError, match="stale"):
        clip_recipes.train_clip_classifier(features, partly, labelled, steps=1, **QUIET)


def test_batches_of_one_speaker_hide_who_speaks():
    """The point of it all, with few labels, where every modality gives the speaker away."""
    clips = make_clips(speakers=24, takes=3)
    features = make_features(clips, informative=0.85, strength=2.0, identity=1.5)
    train, test = np.flatnonzero(clips.subject_ids < 16), np.flatnonzero(clips.subject_ids >= 16)
    labelled = train[:42]  # two speakers
    options = {"tasks": ["contrastive"], "hidden_dim": 64, "feature_dropout": 0.0, **QUIET}
    options["learning_rate"] = 2e-3
    scores = {}
    for name, more in (
        ("random", {"epochs": 60, "batch_size": 112}),
        ("by speaker", {"epochs": 12, "speakers": clips.subject_ids}),
    ):
        encoder, _ = clip_recipes.pretrain_clips(features, train, **options, **more)
        x = embed_clips(encoder, features)
        probe = evaluation.linear_probe(
            x[labelled], clips.labels[labelled], x[test], clips.labels[test]
        )
        scores[name] = probe.accuracy
    assert scores["by speaker"] > scores["random"] + 0.1, scores


# As in tests/training/test_resume.py, each attempt is a fork of one process.
RUN = """
import os, signal, sys
from pathlib import Path
import pandas
import torch
from fermodels import methods
from fermodels.training.recipes import clips as clip_recipes
from tests.fixtures.clips import make_clips, make_features
from tests.fixtures.processes import in_a_fork

kill_at = None


def killed(kind):
    class Killed(kind):
        def training_step(self, batch, batch_idx):
            if self.global_step == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().training_step(batch, batch_idx)

    Killed.__name__ = kind.__name__
    return Killed


for name in ("ConCluGen", "ClipSimCLR", "ClipFineTuning"):
    setattr(methods, name, killed(getattr(methods, name)))
clips = make_clips()
features = make_features(clips)
torch.set_num_threads(1)


def run(kind, run_dir, seed, kill):
    global kill_at
    kill_at = kill
    torch.manual_seed(seed)
    options = {"run_dir": run_dir, "progress": False, "accelerator": "cpu", "seed": 3}
    if kind == "classifier":
        learner = clip_recipes.train_clip_classifier(
            features, clips, range(60), steps=120, batch_size=20, dropout=0.3, **options
        )
        assert len(learner.history) == 120
        return
    if kind == "conclugen":
        pretrain = clip_recipes.pretrain_clips
        options |= {"num_clusters": 5, "queue_size": 50, "warmup_epochs": 1}
    else:
        pretrain = clip_recipes.pretrain_video_simclr
        options |= {"speakers": clips.subject_ids, "speakers_per_batch": 2}
    _, history = pretrain(
        features, epochs=9, batch_size=28, save_every=4,
        validate=lambda encoder: {"weight": next(encoder.parameters()).sum()},
        validate_every=2, **options,
    )
    assert len(history) == 27


root = Path(sys.argv[1])
for kind in ("conclugen", "simclr", "classifier"):
    kills, half = ((110, 101), (1, 100)) if kind == "classifier" else ((20, 13), (3, 12))
    folder = root / kind
    assert in_a_fork(run, kind, folder / "whole", 0, None) == 0
    assert in_a_fork(run, kind, folder / "killed", 0, kills[0]) == -signal.SIGKILL
    saved = torch.load(folder / "killed" / "last.ckpt", weights_only=True)
    assert (saved["epoch"], saved["global_step"]) == half, (saved["epoch"], saved["global_step"])
    assert not (folder / "killed" / "encoder").exists()
    # Killed once more; and the new first weights do not matter.
    assert in_a_fork(run, kind, folder / "killed", 1, kills[1]) == -signal.SIGKILL
    assert in_a_fork(run, kind, folder / "killed", 2, None) == 0
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_killed_runs_continue_to_the_same_result(tmp_path):
    import pandas as pd

    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
    result = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path)], env=env, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == result.stderr == ""
    for kind in ("conclugen", "simclr", "classifier"):
        folders = [tmp_path / kind / name for name in ("whole", "killed")]
        one, two = (torch.load(run / "last.ckpt", weights_only=True) for run in folders)
        for part in ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers"):
            assert_same(one[part], two[part])
        if kind == "conclugen":
            state = one["state_dict"]
            assert state["clustering.num_seen"] == 84 * 8  # all epochs but the warm-up
            assert state["clustering.queue"].any() and state["clustering.centroids"].any()
        assert_same(*(load_file(run / "encoder" / "model.safetensors") for run in folders))
        one, two = (pd.read_csv(run / "history.csv").drop(columns="seconds") for run in folders)
        pd.testing.assert_frame_equal(one, two, check_exact=True)
        if kind != "classifier":
            assert one["weight"].count() == 5  # epochs 2, 4, 6, 8 and the last
    assert not list(tmp_path.glob("**/.*"))  # no half-written file is left
