"""Clip encoder, its data, SimCLR on copies, the classifier, and the scores of clips."""

import copy

import numpy as np
import pytest
import torch

pytest.importorskip("lightning")

from fermodels import evaluation
from fermodels.data import (
    ClipBatchSampler,
    FeatureDataset,
    SpeakerBatchSampler,
    all_copies,
    clean_batch,
    loader,
)
from fermodels.data.clip_samplers import even_batch_size
from fermodels.evaluation import embed_clips
from fermodels.features import FeatureError, FeatureSet
from fermodels.losses import NTXentLoss
from fermodels.methods import ClipFineTuning, ClipSimCLR, balanced_weights
from fermodels.models import ClipClassifier, MultiModalEncoder
from fermodels.training import fit
from tests.fixtures.clips import DIMS, EMOTIONS, make_clips, make_features


@pytest.fixture(scope="module")
def clips():
    return make_clips()


@pytest.fixture(scope="module")
def features(clips):
    return make_features(clips)


@pytest.fixture(scope="module")
def holes(features):
    """The same features, of which every modality is missing in some clips, and all in clip 0."""
    number = np.arange(len(features))
    present = {m: torch.from_numpy((number % 5 != k) & (number > 0)) for k, m in enumerate(DIMS)}
    return FeatureSet(features.features, present, clips=features.clips)


def small(dims=DIMS, seed=0):
    torch.manual_seed(seed)
    return MultiModalEncoder(dims, hidden_dim=16, representation_dim=12)


def clean(features, n=None):
    data = FeatureDataset(features)
    return data.batch(
        range(0, len(data) if n is None else n * data.views_per_clip, data.views_per_clip)
    )


# --------------------------------------------------------------------------------- encoder


def test_standardisation_uses_all_copies_of_these_rows(features):
    rows = np.arange(3, 40)
    encoder = small().fit_standardisation(*all_copies(features, rows))
    x = features.features["audio"][rows].double().flatten(0, 1)
    torch.testing.assert_close(encoder.mean_audio.double(), x.mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        encoder.std_audio.double(), x.std(0, correction=0), rtol=1e-4, atol=0
    )
    flat = encoder.standardise({"audio": x.float()})["audio"]
    assert flat.mean(0).abs().max() < 1e-4 and (flat.std(0) - 1).abs().max() < 0.01


def test_constant_features_become_zero():
    constant = FeatureSet({"video": torch.full((6, 2, 4), 3.0)})
    encoder = small({"video": 4}).fit_standardisation(*all_copies(constant))
    assert encoder.standardise({"video": torch.full((2, 4), 3.0)})["video"].abs().max() == 0


def test_standardisation_ignores_absent_clips(features, holes):
    one, two = small().fit_standardisation(*all_copies(holes)), small()
    there = np.flatnonzero(holes.present["video"])
    two.fit_standardisation(*all_copies(features.select(["video", "audio", "text"]), there))
    assert torch.equal(one.mean_video, two.mean_video)
    nothing = {m: torch.zeros(len(features), dtype=torch.bool) for m in ("text",)}
    with pytest.raises(ValueError, match="none of the clips has text"):
        small().fit_standardisation(*all_copies(FeatureSet(features.features, nothing)))
    with pytest.raises(ValueError, match=r"takes text features \(N, 9\), got \(\d+, 12\)"):
        small({"text": 9}).fit_standardisation(*all_copies(features))


def test_order_of_modalities_does_not_matter(features):
    one, two = small(DIMS), small(dict(reversed(DIMS.items())))
    two.load_state_dict(one.state_dict())
    batch = clean(features, 10)["features"]
    swapped = dict(reversed(batch.items()))
    assert one.modalities == two.modalities == ("video", "audio", "text")
    assert torch.equal(one.represent(batch), two.represent(swapped))


def test_fusion(features, holes):
    encoder = small()
    batch = clean(features, 10)["features"]
    h = encoder(batch)
    assert {m: tuple(x.shape) for m, x in h.items()} == dict.fromkeys(DIMS, (10, 12))
    fused = encoder.represent(batch)
    assert fused.shape == (10, encoder.feature_dim) == (10, 36)
    assert torch.equal(fused, torch.cat([h[m] for m in DIMS], dim=1))
    mean = encoder.represent(batch, fusion="mean")
    torch.testing.assert_close(mean, sum(h.values()) / 3)
    assert encoder.fused_dim("mean") == 12
    with pytest.raises(ValueError, match="'concatenate' or 'mean'"):
        encoder.represent(batch, fusion="sum")

    lacking = clean(holes, 10)
    fused = encoder.represent(lacking["features"], lacking["present"])
    mean = encoder.represent(lacking["features"], lacking["present"], "mean")
    for row in range(10):
        there = [m for m in DIMS if lacking["present"][m][row]]
        for number, m in enumerate(DIMS):
            part = fused[row, 12 * number : 12 * number + 12]
            expected = h[m][row] if m in there else torch.zeros(12)
            torch.testing.assert_close(part, expected)
        expected = sum((h[m][row] for m in there), torch.zeros(12)) / max(1, len(there))
        torch.testing.assert_close(mean[row], expected)


def test_a_modality_may_be_missing_altogether(features):
    encoder = small()
    batch = clean(features, 4)["features"]
    video = {"video": batch["video"]}
    assert list(encoder(video)) == ["video"]
    fused = encoder.represent(video)
    assert torch.equal(fused[:, :12], encoder(batch)["video"]) and fused[:, 12:].abs().max() == 0
    for wrong, message in (
        ({}, "features of nothing"),
        ({"lidar": batch["video"]}, "features of lidar, none of"),
        ({"video": batch["audio"]}, r"must have shape \(B, 24\), got \(4, 16\)"),
        (batch | {"text": batch["text"][:2]}, "different numbers of clips"),
    ):
        with pytest.raises(ValueError, match=message):
            encoder(wrong)


def test_a_selection_of_modalities_keeps_its_weights(features):
    encoder = small().fit_standardisation(*all_copies(features)).eval()
    audio = encoder.select(["audio"])
    batch = clean(features, 5)["features"]
    assert audio.modalities == ("audio",) and not audio.training
    assert torch.equal(audio(batch)["audio"], encoder(batch)["audio"])
    with torch.no_grad():
        audio.mean_audio += 1
    assert not torch.equal(audio.mean_audio, encoder.mean_audio)
    for wrong in ([], ["audio", "lidar"]):
        with pytest.raises(ValueError, match="some of video, audio, text"):
            encoder.select(wrong)


def test_encoder_and_predictor_are_saved(features, tmp_path):
    encoder = small().fit_standardisation(*all_copies(features))
    encoder.save_pretrained(tmp_path / "encoder")
    loaded = MultiModalEncoder.from_pretrained(tmp_path / "encoder")
    assert loaded.feature_dims == DIMS
    expected = embed_clips(encoder, features)
    assert expected.shape == (84, 36) and np.array_equal(embed_clips(loaded, features), expected)

    predictor = ClipClassifier(encoder, EMOTIONS, fusion="mean", multi_label=True)
    predictor.save_pretrained(tmp_path / "classifier")
    loaded = ClipClassifier.from_pretrained(tmp_path / "classifier")
    assert (loaded.fusion, loaded.multi_label, loaded.classes) == ("mean", True, EMOTIONS)
    clean = clean_batch(features)
    for one, two in zip(predictor.predict(*clean), loaded.predict(*clean), strict=True):
        assert np.array_equal(one, two)


def test_embedding_rows_keeps_the_training_state(features):
    encoder = small().train()
    rows = [5, 2, 9]
    some, whole = embed_clips(encoder, features, rows), embed_clips(encoder, features)
    np.testing.assert_allclose(some, whole[rows], atol=1e-5)
    assert encoder.training


# ------------------------------------------------------------------------------------ data


def test_a_batch_holds_copies_of_the_clips_and_their_labels(clips, features):
    rows = np.array([7, 50, 3])
    data = FeatureDataset(features, clips, rows, ["text", "video"])
    assert len(data) == 3 * 4 and data.modalities == ("video", "text")
    batch = data.batch([1 * 4 + 3, 0 * 4 + 0])  # copy 3 of clip 50, the clean clip 7
    assert batch["index"].tolist() == [50, 7]
    assert batch["emotion"].tolist() == clips.labels[[50, 7]].tolist()
    assert torch.equal(batch["targets"].argmax(1), batch["emotion"])
    assert batch["features"]["text"].dtype == torch.float32
    assert torch.equal(batch["features"]["text"][0], features.features["text"][50, 3].float())
    assert torch.equal(batch["features"]["video"][1], features.features["video"][7, 0].float())
    one = data[7]
    assert torch.equal(one["features"]["text"], batch["features"]["text"][0]) and one["index"] == 50


def test_data_that_does_not_fit(clips, features):
    with pytest.raises(FeatureError, match="stale"):
        FeatureDataset(features, make_clips(speakers=5))
    with pytest.raises(ValueError, match="at least one row"):
        FeatureDataset(features, indices=[])
    with pytest.raises(IndexError, match="a mask must have shape"):
        FeatureDataset(features, indices=np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match="modalities text asked for; the feature set has video"):
        FeatureDataset(features.select(["video"]), modalities=["video", "text"])


def test_rows_by_mask(clips, features):
    happy = clips.labels == 0
    rows = np.flatnonzero(happy)
    assert FeatureDataset(features, clips, happy).columns["index"].tolist() == rows.tolist()
    encoder = small().fit_standardisation(*all_copies(features, happy))
    assert torch.equal(
        encoder.mean_text, small().fit_standardisation(*all_copies(features, rows)).mean_text
    )
    assert np.array_equal(
        embed_clips(encoder, features, happy), embed_clips(encoder, features, rows)
    )


def test_clips_without_an_emotion_do_not_train_a_classifier(clips, features):
    data = FeatureDataset(features, clips)
    data.columns["emotion"] = data.columns["emotion"].clone()
    data.columns["emotion"][3] = -1
    batches = loader(data, ClipBatchSampler(data, 20))
    options = {"max_steps": 1, "progress": False, "accelerator": "cpu"}
    with pytest.raises(ValueError, match=f"1 of the {len(features)} clips have no emotion"):
        fit(ClipFineTuning(small(), EMOTIONS), batches, **options)
    several = ClipFineTuning(small(), EMOTIONS, multi_label=True)  # asks for the targets instead
    assert len(fit(several, batches, **options)) == 1


def test_compiling_is_for_encoders_of_images(features):
    data = FeatureDataset(features)
    batches = loader(data, ClipBatchSampler(data, 20, num_views=2))
    with pytest.raises(ValueError, match="ClipSimCLR has none"):
        fit(ClipSimCLR(DIMS), batches, max_steps=1, compile=True, progress=False)


def test_the_sampler_draws_copies_from_seed_and_epoch(features):
    data = FeatureDataset(features, indices=np.arange(40))

    def batches(epoch, seed=0, **options):
        sampler = ClipBatchSampler(data, 16, seed=seed, **options)
        sampler.set_epoch(epoch)
        return list(sampler)

    first = batches(0)
    assert first == batches(0) != batches(1) and batches(0, seed=1) != first
    assert [len(batch) for batch in first] == [16, 16]
    drawn = np.concatenate([np.ravel(batches(epoch)) for epoch in range(30)])
    assert np.bincount(drawn % 4).min() > 0.15 * len(drawn)  # all four copies are in use
    for epoch in range(5):
        clips = np.ravel(batches(epoch)) // 4
        assert len(set(clips)) == 32  # no clip twice in an epoch
    everything = np.concatenate(batches(0, num_views=0, drop_last=False))
    assert sorted(everything) == list(range(0, 160, 4))

    for batch in batches(0, num_views=2):
        one, two = np.split(np.asarray(batch), 2)
        assert len(one) == 16 and (one // 4 == two // 4).all() and (one != two).all()
    offsets = np.concatenate(
        [
            (np.asarray(b)[16:] - np.asarray(b)[:16]) % 4
            for e in range(30)
            for b in batches(e, num_views=2)
        ]
    )
    assert set(offsets) == {1, 2, 3}
    with pytest.raises(ValueError, match="num_views must be 1, 2 or 0"):
        batches(0, num_views=3)
    with pytest.raises(ValueError, match="clean one alone"):
        bare = FeatureDataset(FeatureSet({"video": torch.rand(4, 1, 3)}))
        ClipBatchSampler(bare, 2, 2)


def test_processes_share_the_batches(features):
    data = FeatureDataset(features)

    def drawn(**options):
        return [
            [item // 4 for item in batch] for batch in ClipBatchSampler(data, 16, seed=3, **options)
        ]

    whole = drawn()
    parts = [drawn(rank=rank, num_replicas=2) for rank in (0, 1)]
    assert [len(part) for part in parts] == [2, 2]
    assert [parts[0][0], parts[1][0], parts[0][1], parts[1][1]] == whole[:4]


def test_speaker_batches(clips, features):
    rows = np.arange(2, 84)  # twelve clips of the first speaker, fourteen of the others
    data = FeatureDataset(features, indices=rows)

    def batches(epoch, *options, **more):
        sampler = SpeakerBatchSampler(data, clips.subject_ids, *options, **more)
        sampler.set_epoch(epoch)
        drawn = list(sampler)
        assert len(drawn) == len(sampler)
        return drawn

    first = batches(0)
    assert first == batches(0) != batches(1) and batches(0, seed=1) != first
    who = [clips.subject_ids[rows[np.asarray(batch) // 4]] for batch in first]
    assert sorted(x[0] for x in who) == list(range(6)) and all((x == x[0]).all() for x in who)
    assert sorted(len(batch) for batch in first) == [12, 14, 14, 14, 14, 14]
    assert sorted(np.concatenate(first) // 4) == list(range(82))
    assert set(np.concatenate(first) % 4) == {0, 1, 2, 3}

    pairs = batches(0, 4)
    who = [set(clips.subject_ids[rows[np.asarray(batch) // 4]]) for batch in pairs]
    assert [len(x) for x in who] == [4]  # the other two speakers are less than a batch
    assert [len(batch) for batch in batches(0, 9)] == [82]

    halves = batches(0, 1, 10)  # each speaker in two pieces
    assert sorted(map(len, halves)) == [6, 6] + 10 * [7]
    assert sorted(np.concatenate(halves) // 4) == list(range(82))
    assert {len(batch) for batch in batches(0, num_views=2)} == {24, 28}
    shared = [batches(0, rank=rank, num_replicas=2) for rank in (0, 1)]
    assert [x // 4 for x in shared[0][0]] == [x // 4 for x in first[0]]
    assert [x // 4 for x in shared[1][2]] == [x // 4 for x in first[5]]

    single = FeatureDataset(features, indices=[0, 1, 14])
    assert sorted(np.ravel(list(SpeakerBatchSampler(single, clips.subject_ids))) // 4) == [0, 1]
    for rows, options, message in (
        ([0, 14], (), "every speaker has a single clip"),
        ([0, 1], (3, 5), "two clips of each"),
        ([0, 1], (0,), "one speaker or more"),
    ):
        with pytest.raises(ValueError, match=message):
            SpeakerBatchSampler(FeatureDataset(features, indices=rows), clips.subject_ids, *options)


def test_even_batches():
    assert [even_batch_size(n, 256) for n in (756, 256, 257, 100, 1)] == [252, 256, 128, 100, 1]


# --------------------------------------------------------------------------------- simclr


def test_simclr_on_two_copies(features):
    video = features.select(["video"])
    data = FeatureDataset(video)
    sampler = ClipBatchSampler(data, 42, 2, seed=1)
    torch.manual_seed(0)
    method = ClipSimCLR(
        encoder=small({"video": DIMS["video"]}), temperature=0.3, learning_rate=5e-3
    )
    batch = data.batch(next(iter(sampler)))
    h = method.encoder(batch["features"])["video"]
    expected = NTXentLoss(0.3)(*method.projection(h).chunk(2))
    torch.testing.assert_close(method.training_step(batch, 0), expected)

    history = fit(method, loader(data, sampler), epochs=15, progress=False, accelerator="cpu")
    assert history["loss"].iloc[-1] < 0.6 * np.log(2 * 42 - 1)
    embedded = embed_clips(method.encoder, video)
    assert embedded.shape == (84, 12)
    with pytest.raises(ValueError, match="num_views=2"):
        method.training_step(data.batch(range(8)), 0)
    with pytest.raises(ValueError, match="feature_dims"):
        ClipSimCLR()
    with pytest.raises(ValueError, match="feature_dropout"):
        ClipSimCLR(DIMS, feature_dropout=1)
    method.train().feature_dropout = 0.9
    assert not torch.equal(*(method.training_step(batch, 0) for _ in range(2)))


def test_simclr_leaves_out_clips_without_the_modality(holes):
    data = FeatureDataset(holes, modalities=["video"])
    method = ClipSimCLR(encoder=small({"video": DIMS["video"]}))
    rows = np.arange(20)
    there = rows[holes.present["video"][:20].numpy()]
    losses = [
        method.training_step(data.batch(np.concatenate([4 * r, 4 * r + 1])), 0)
        for r in (rows, there)
    ]
    assert 0 < len(there) < 20 and torch.equal(*losses)
    with pytest.raises(ValueError, match="no clip of the batch has video"):
        method.training_step(data.batch([0, 1]), 0)


# ------------------------------------------------------------------------------- classifier


def train(learner, features, clips, rows=None, steps=60, **options):
    data = FeatureDataset(features, clips, rows, learner.encoder.modalities)
    batches = loader(data, ClipBatchSampler(data, 42, seed=0, num_batches=20))
    return fit(learner, batches, max_steps=steps, progress=False, accelerator="cpu", **options)


@pytest.mark.parametrize("fusion", ["concatenate", "mean"])
def test_classifier_learns_and_predicts(fusion, clips):
    features = make_features(clips, informative=0.9)
    encoder = small().fit_standardisation(*all_copies(features))
    learner = ClipFineTuning(
        encoder, clips.emotions, fusion=fusion, learning_rate=1e-2, dropout=0.1
    )
    data = FeatureDataset(features, clips)
    everything = loader(data, ClipBatchSampler(data, 84, 0))
    history = train(learner, features, clips, val_loader=everything)
    labels, probabilities = learner.predict(features)
    assert labels.shape == (84,) and probabilities.shape == (84, 7)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert np.array_equal(labels, probabilities.argmax(1))
    accuracy = (labels == clips.labels).mean()
    assert accuracy > 0.9 and accuracy == pytest.approx(history["val_accuracy"].iloc[-1])
    some = learner.predict(features, [5, 2])[1]
    np.testing.assert_allclose(some, probabilities[[5, 2]], rtol=1e-5)


def test_a_frozen_encoder_stays(clips, features):
    encoder = small().fit_standardisation(*all_copies(features))
    before = copy.deepcopy(encoder.state_dict())
    learner = ClipFineTuning(encoder, clips.emotions, freeze_encoder=True)
    head = learner.classifier.head.weight.clone()
    train(learner, features, clips, steps=3)
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())
    assert not torch.equal(head, learner.classifier.head.weight)
    rates = dict(ClipFineTuning(small(), EMOTIONS, encoder_learning_rate=1e-5).learning_rates())
    assert sorted(rates.values()) == [1e-5, 1e-3]


def test_class_weights_scale_the_loss_of_their_clips(clips, features):
    batch = FeatureDataset(features, clips).batch(range(0, 336, 4))
    only_sad = np.where(np.array(EMOTIONS) == "sad", 1.0, 0.0)
    learner = ClipFineTuning(small(), clips.emotions, class_weights=only_sad)
    sad = batch["emotion"] == EMOTIONS.index("sad")
    logits = learner(batch)
    expected = torch.nn.functional.cross_entropy(logits[sad], batch["emotion"][sad])
    torch.testing.assert_close(learner.batch_loss(batch, logits), expected)
    with pytest.raises(ValueError, match="class_weights must be 7"):
        ClipFineTuning(small(), clips.emotions, class_weights=[1, 2])
    with pytest.raises(ValueError, match="dropout"):
        ClipFineTuning(small(), clips.emotions, dropout=1.0)


def test_balanced_weights():
    np.testing.assert_allclose(balanced_weights([0, 0, 0, 1]), [4 / 6, 4 / 2])
    targets = np.array([[1, 0], [1, 1], [1, 0], [0, 0]])
    np.testing.assert_allclose(balanced_weights(targets), [1 / 3, 3])
    with pytest.raises(ValueError, match=r"no row of class \[1\]"):
        balanced_weights([0, 0, 2], 3)
    with pytest.raises(ValueError, match="1 of the 3 rows have no label"):
        balanced_weights([0, -1, 1], 2)


def test_multi_label_learns_several_emotions_a_clip(clips):
    features = make_features(clips, informative=1.0, strength=4.0)
    # Anger comes with disgust here, and neutral is no emotion at all.
    targets = clips.targets.copy()
    targets[:, EMOTIONS.index("disgusted")] += targets[:, EMOTIONS.index("angry")]
    targets[:, EMOTIONS.index("neutral")] = 0
    encoder = small().fit_standardisation(*all_copies(features))
    weights = [5.0] * 7
    learner = ClipFineTuning(
        encoder, EMOTIONS, multi_label=True, class_weights=weights, learning_rate=1e-2
    )
    data = FeatureDataset(features, clips)
    data.columns["targets"] = torch.from_numpy(targets)
    batches = loader(data, ClipBatchSampler(data, 84, num_batches=20))
    fit(learner, batches, max_steps=60, progress=False, accelerator="cpu")
    predicted, probabilities = learner.predict(features)
    assert predicted.shape == probabilities.shape == (84, 7) and set(np.unique(predicted)) == {0, 1}
    assert np.array_equal(predicted, probabilities >= 0.5)
    scores = evaluation.multi_label_scores(
        np.delete(targets, EMOTIONS.index("neutral"), 1),
        np.delete(predicted, EMOTIONS.index("neutral"), 1),
    )
    assert scores["weighted_accuracy"] > 0.95 and scores["weighted_f1"] > 0.9
    assert predicted[clips.labels == EMOTIONS.index("neutral")].sum() < 6


def test_a_clip_without_any_modality_gets_the_prior(clips, holes):
    learner = ClipFineTuning(small().fit_standardisation(*all_copies(holes)), clips.emotions)
    with torch.no_grad():
        learner.classifier.head.bias[3] = 5.0
    labels, probabilities = learner.predict(holes)
    assert labels[0] == 3
    expected = learner.classifier.head.bias.softmax(0).detach().numpy()
    np.testing.assert_allclose(probabilities[0], expected, rtol=1e-5)


# ----------------------------------------------------------------------------------- scores


def test_clip_scores_agree_with_sklearn():
    from sklearn.metrics import balanced_accuracy_score, f1_score

    rng = np.random.default_rng(0)
    y_true = rng.choice(5, 200, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    y_pred = np.where(rng.random(200) < 0.5, y_true, rng.integers(4, size=200))
    scores = evaluation.classification_scores(y_true, y_pred)
    assert scores["accuracy"] == pytest.approx(np.mean(y_true == y_pred))
    assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y_true, y_pred))
    assert scores["weighted_f1"] == pytest.approx(f1_score(y_true, y_pred, average="weighted"))
    names = np.array(list("abcde"))
    assert evaluation.classification_scores(names[y_true], y_pred, list("abcde")) == scores
    with pytest.raises(ValueError, match="not among the 3 classes"):
        evaluation.classification_scores(y_true, y_pred, list("abc"))
    with pytest.raises(ValueError, match="equally"):
        evaluation.classification_scores(y_true, y_pred[:3])


def test_multi_label_scores_by_hand_and_by_sklearn():
    from sklearn.metrics import f1_score

    targets = np.array([[1, 1], [1, 0], [0, 0], [0, 0], [0, 0]])
    predicted = np.array([[1, 0], [0, 0], [0, 1], [0, 0], [0, 0]])
    scores = evaluation.multi_label_scores(targets, predicted)
    expected = ((1 / 2 + 3 / 3) / 2 + (0 / 1 + 3 / 4) / 2) / 2
    assert scores["weighted_accuracy"] == pytest.approx(expected)
    f1 = [f1_score(targets[:, c], predicted[:, c], average="weighted") for c in (0, 1)]
    assert scores["weighted_f1"] == pytest.approx(np.mean(f1))
    never = evaluation.multi_label_scores(targets, np.zeros_like(targets))
    assert never["weighted_accuracy"] == 0.5
    with pytest.raises(ValueError, match=r"column \[1\]"):
        evaluation.multi_label_scores(targets * [1, 0], predicted)
    with pytest.raises(ValueError, match="0 and 1 only"):
        evaluation.multi_label_scores(targets, predicted * 0.5)
    with pytest.raises(ValueError, match=r"one shape \(N, C\)"):
        evaluation.multi_label_scores(targets, predicted[:, 0])


def test_label_fractions_of_clips_are_drawn_by_speaker(clips):
    rows = np.arange(len(clips))
    budget = evaluation.label_fraction(clips, rows, 1 / 3, seed=1)
    speakers = set(clips.table["subject"].iloc[budget])
    assert len(speakers) == 2 and len(budget) == 28
    assert set(clips.table["gender"].iloc[budget]) == {"f", "m"}
