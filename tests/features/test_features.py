"""Features of clips: what a copy looks like, what they depend on, and which files are refused."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from data_prep.__main__ import main
from fermodels.data import PreparedError
from fermodels.features import (
    FeatureError,
    FeatureSet,
    audio_backbone,
    compute,
    compute_features,
    text_backbone,
    video_backbone,
)
from fermodels.features.compute import generator_for
from fermodels.features.sentences import vary_sentence
from fermodels.features.spectrograms import log_mel
from fermodels.features.tfidf import TfidfSvd
from fermodels.features.video import ClipAugment
from fermodels.models import ImageEncoder
from tests.fixtures.images import synthetic_clips
from tests.fixtures.processes import run_killed

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = [
    "What a happy, happy day it is!",
    "I am sad about the long rain",
    "A sad day; I hate rain",
    "the table is a happy number",
]


@pytest.fixture(scope="module")
def clips():
    """28 clips of 4 people: two chunks. One is silent, two have no words, one no picture."""
    return synthetic_clips(subjects=4, drop={"audio": [3], "text": [5, 20], "video": [9]})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The folder of a small image encoder."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoders") / "small16"
    ImageEncoder(image_size=16, width=8).eval().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def features(clips, encoder):
    return compute_features(clips, video=encoder, num_augmentations=2)


@pytest.fixture
def counted(monkeypatch):
    """The chunks that are really computed in this process."""
    done, original = [], compute._Task.compute
    monkeypatch.setattr(
        compute._Task, "compute", lambda task, chunk: (done.append(chunk), original(task, chunk))[1]
    )
    return done


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def same(a, b):
    assert a.modalities == b.modalities
    return all(torch.equal(a.features[m], b.features[m]) for m in a.modalities)


# ----------------------------------------------------------------------------------- the backbones


def test_frame_statistics_are_mean_and_spread_of_the_encoder(clips, encoder):
    backbone = video_backbone(encoder)
    frames, _ = clips.frames(0)
    model = ImageEncoder.from_pretrained(encoder)
    with torch.no_grad():
        h = torch.stack(
            [model(torch.from_numpy(f).permute(2, 0, 1)[None] / 255)[0] for f in frames]
        )
    found = backbone([frames])
    assert found.shape == (1, backbone.dim) == (1, 512) and found.dtype == torch.float32
    torch.testing.assert_close(found[0, :256], h.mean(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[0, 256:], h.std(0, correction=0), atol=1e-5, rtol=1e-4)
    assert (backbone([frames[:1]])[0, 256:] == 0).all()  # one frame has no spread
    assert backbone([]).shape == (0, 512)
    with pytest.raises(FeatureError, match=r"uint8 frames \(T, H, W, 3\)"):
        backbone([frames.astype(np.float32)])
    with pytest.raises(FeatureError, match=r"\(0, 16, 16, 3\)"):
        backbone([frames[:0]])


def test_long_and_large_clips_are_looked_at_in_part(encoder):
    frames = np.random.default_rng(0).integers(0, 256, (41, 20, 30, 3), dtype=np.uint8)
    few = video_backbone(encoder, frames=5)
    assert torch.equal(few([frames]), few([frames[::10]]))
    assert few.name != video_backbone(encoder).name


def test_augmented_frames_share_crop_and_color_and_are_a_random_half():
    torch.manual_seed(0)
    still = torch.rand(3, 1, 24, 24).expand(3, 9, 24, 24).contiguous()
    copies = ClipAugment(24)(still, [seeded(i) for i in range(4)])
    assert copies.shape == (4, 3, 5, 24, 24)
    assert (copies == copies[:, :, :1]).all()  # the frames are equal and remain so
    assert all((copies[i] - copies[j]).abs().mean() > 0.01 for i in range(4) for j in range(i))
    assert copies.min() >= 0 and copies.max() <= 1

    plain = ClipAugment(24)
    plain.shift = plain.rotate = plain.flip = plain.gains = 0
    plain.brightness = plain.contrast = plain.saturation = 0
    plain.scale = (1.0, 1.0)
    grey = (torch.arange(9) / 10)[None, :, None, None].expand(3, 9, 24, 24)
    shown = plain(grey.contiguous(), [seeded(i) for i in range(20)])[:, 0, :, 0, 0] * 10
    chosen = {tuple(row.round().int().tolist()) for row in shown}
    assert len(chosen) > 10 and all(sorted(set(row)) == list(row) for row in chosen)
    assert plain(grey[:, :1].contiguous(), [seeded()]).shape == (1, 3, 1, 24, 24)


def test_log_mel_statistics(clips):
    backbone = audio_backbone()
    waveform = torch.from_numpy(clips.waveform(0))
    mel = log_mel(waveform).double()
    found = backbone.augmented(waveform, [seeded(1), seeded(2)])
    assert found.shape == (3, backbone.dim) == (3, 127) and found.isfinite().all()
    clean = found[0].double()
    torch.testing.assert_close(clean[:40], mel.mean(1), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(clean[40:80], mel.std(1, correction=0), atol=1e-4, rtol=1e-4)
    speed = (mel[:, 1:] - mel[:, :-1]).std(1, correction=0)
    torch.testing.assert_close(clean[80:120], speed, atol=1e-4, rtol=1e-4)
    assert clean[120].item() == pytest.approx(np.log(len(waveform) / 16_000), abs=1e-5)
    loud = mel.exp().sum(0).log()
    expected = [loud.mean(), loud.std(correction=0), loud.min(), loud.median(), loud.max()]
    expected.append(loud.diff().std(correction=0))
    np.testing.assert_allclose(clean[121:], expected, atol=1e-3)
    assert (found[1] != found[0]).any() and (found[1] != found[2]).any()
    louder = backbone([waveform * 2])[0]
    assert (louder[:40] > found[0, :40]).all()  # level is not normalised away
    assert backbone([waveform[:10]]).isfinite().all()  # shorter than a frame


def test_words_are_dropped_and_swapped():
    words = ["one", "two", "three", "four", "five", "six", "seven"]
    varied = [vary_sentence(" ".join(words), seeded(i)).split() for i in range(300)]
    assert all(set(v) <= set(words) and len(set(v)) == len(v) >= 1 for v in varied)
    assert np.mean([len(v) for v in varied]) == pytest.approx(7 * 0.85, abs=0.2)
    orders = [[words.index(word) for word in v] for v in varied if len(v) == 7]
    moved = [sum(i != at for i, at in enumerate(order)) for order in orders]
    assert set(moved) == {2}  # one pair is swapped
    assert len(set(map(tuple, orders))) > 10
    assert vary_sentence("word", seeded()) == "word" and vary_sentence("", seeded()) == ""


def test_tfidf_is_scikit_learns():
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    model = TfidfSvd.fit(SENTENCES, dim=3)
    vectorizer = TfidfVectorizer()
    svd = TruncatedSVD(3, random_state=0)
    svd.fit(vectorizer.fit_transform(SENTENCES))
    new = [*SENTENCES, "Sad, SAD rain", "zebra", "", "happy\nnumber table_top 42"]
    expected = svd.transform(vectorizer.transform(new))
    np.testing.assert_allclose(model(new), expected, atol=1e-6)
    assert (model(["zebra", ""]) == 0).all()
    assert abs(expected).max() > 0.5
    assert TfidfSvd.fit(SENTENCES, dim=50).dim == 4  # as many as sentences
    with pytest.raises(TypeError, match="list of sentences"):
        model("one string")


def test_tfidf_saves_and_loads_without_pickle(tmp_path):
    model = TfidfSvd.fit(SENTENCES, dim=3)
    model.save_pretrained(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    loaded = TfidfSvd.from_pretrained(tmp_path)
    assert loaded.name == model.name and loaded.vocabulary == model.vocabulary
    assert torch.equal(loaded(SENTENCES), model(SENTENCES))
    assert TfidfSvd.fit(SENTENCES[:3], dim=3).name != model.name


def test_unknown_backbones_list_what_there_is(tmp_path):
    with pytest.raises(FeatureError, match="clmex-anny-views.*r2plus1d_18"):
        video_backbone("resnet_3d")
    with pytest.raises(FeatureError, match="'log-mel'.*'hf:NAME'"):
        audio_backbone("wav2vec")
    with pytest.raises(FeatureError, match="'tfidf'.*'hf:NAME'"):
        text_backbone("bert")
    with pytest.raises(FeatureError, match="no sentences to be fitted on"):
        text_backbone("tfidf")
    with pytest.raises(FeatureError, match="KINETICS400_V1, DEFAULT or random"):
        video_backbone("r2plus1d_18:IMAGENET")
    (tmp_path / "config.json").write_text('{"something": "else"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(FeatureError, match="cannot be loaded.*something"):
        video_backbone(str(tmp_path))


def test_backbone_names_change_with_the_weights(encoder, tmp_path):
    shipped = video_backbone()
    assert shipped.name.startswith("clmex-anny-views@") and shipped.dim == 512
    assert video_backbone().name == shipped.name
    model = ImageEncoder.from_pretrained(encoder)
    with torch.no_grad():
        model.backbone.stem[0].weight[0, 0, 0, 0] += 1e-3
    model.save_pretrained(tmp_path / "small16")
    assert video_backbone(str(tmp_path / "small16")).name != video_backbone(encoder).name


def test_torchvision_video_model():
    frames = np.random.default_rng(0).integers(0, 256, (5, 20, 24, 3), dtype=np.uint8)
    options = {"size": 32, "frames": 4}
    before = torch.get_rng_state()
    backbone = video_backbone("r2plus1d_18:random", **options)
    assert torch.equal(torch.get_rng_state(), before)
    found = backbone.augmented(frames, [seeded(1), seeded(2)])
    assert found.shape == (3, backbone.dim) == (3, 512) and found.isfinite().all()
    assert (found[0] != found[1]).any() and (found[1] != found[2]).any()
    again = video_backbone("r2plus1d_18:random", **options)
    assert again.name == backbone.name and backbone.name.startswith("r2plus1d_18:random@")
    assert torch.equal(again.augmented(frames, [seeded(1), seeded(2)]), found)


def test_pretrained_weights_are_fetched_only_when_asked_for(monkeypatch):
    asked = []

    def no_network(url, *arguments, **options):
        asked.append(url)
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", no_network)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_network)
    video_backbone("r3d_18:random", size=16, frames=2)
    assert asked == []
    with pytest.raises(FeatureError, match="cannot be downloaded.*r3d_18.*pth.*r3d_18:random"):
        video_backbone("r3d_18")
    assert len(asked) == 1


def test_hugging_face_without_transformers(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    for make in (audio_backbone, text_backbone):
        with pytest.raises(ImportError, match="pip install transformers"):
            make("hf:some/model")


def test_hugging_face_audio_encoder(tmp_path, clips):
    import transformers

    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        conv_dim=(8, 8), conv_stride=(5, 4), conv_kernel=(10, 8), num_feat_extract_layers=2,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    model = transformers.Wav2Vec2Model(config).eval()
    model.save_pretrained(tmp_path)
    extractor = transformers.Wav2Vec2FeatureExtractor()
    extractor.save_pretrained(tmp_path)

    backbone = audio_backbone(f"hf:{tmp_path}")
    waveform = clips.waveform(0)
    found = backbone.augmented(waveform, [seeded(1)])
    assert found.shape == (2, backbone.dim) == (2, 16) and (found[0] != found[1]).any()
    normal = torch.from_numpy((waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7))[None]
    with torch.no_grad():
        expected = model(normal).last_hidden_state.mean(1)
    torch.testing.assert_close(found[:1], expected, atol=1e-4, rtol=1e-3)
    computed = compute_features(
        clips, video=None, audio=f"hf:{tmp_path}", text=None, num_augmentations=1
    )
    torch.testing.assert_close(computed.clean("audio", [0]), found[:1], atol=1e-2, rtol=1e-2)
    assert not computed.present["audio"][3]


def test_hugging_face_sentence_encoder(tmp_path):
    import transformers

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "happy", "sad", "day"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=24,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(tmp_path)
    backbone = text_backbone(f"hf:{tmp_path}")
    generators = [seeded(i) for i in range(4)]
    found = backbone.augmented("happy day sad day happy", generators)
    assert found.shape == (5, backbone.dim) == (5, 16)
    # Shorter copies are padded in their batch: that must not show.
    for i, copy in enumerate(found[1:]):
        alone = backbone([vary_sentence("happy day sad day happy", seeded(i))])[0]
        torch.testing.assert_close(copy, alone, atol=1e-5, rtol=1e-4)
    with pytest.raises(FeatureError, match="cannot be loaded"):
        text_backbone(f"hf:{tmp_path / 'nothing'}")


# -------------------------------------------------------------------------------- what is computed


def test_features_of_all_modalities(clips, features):
    assert len(features) == 28 and features.num_augmentations == 2
    assert features.modalities == ("video", "audio", "text")
    assert features.dims == {"video": 512, "audio": 127, "text": features.text_model.dim}
    assert all(value.dtype == torch.float16 for value in features.features.values())
    assert features.clips == clips.table["clip"].tolist()
    assert features.fingerprint == clips.fingerprint()
    for modality, absent in {"audio": [3], "text": [5, 20], "video": [9]}.items():
        gone = (~features.present[modality]).nonzero().flatten().tolist()
        assert gone == absent
        assert (features.features[modality][absent] == 0).all()
    clean = features.features["video"][:, 0]
    assert (features.features["video"][:, 1] != clean).any(1)[features.present["video"]].all()
    assert features.clean("audio", [1, 4]).dtype == torch.float32
    mask = np.zeros(28, dtype=bool)
    mask[[1, 4]] = True
    assert torch.equal(features.clean("audio", mask), features.clean("audio")[[1, 4]])


def test_clean_copies_are_the_backbones_features(clips, features, encoder):
    frames, _ = clips.frames(2)
    expected = video_backbone(encoder)([frames])
    torch.testing.assert_close(features.clean("video", [2]), expected, atol=2e-3, rtol=2e-3)
    expected = features.text_backbone()([clips.transcript(2)])
    torch.testing.assert_close(features.clean("text", [2]), expected, atol=1e-3, rtol=1e-3)


def test_a_copy_depends_on_seed_and_clip_alone(clips, features, encoder):
    order = np.random.default_rng(0).permutation(28)[:20]
    text = features.text_backbone()
    some = compute_features(clips.subset(order), video=encoder, text=text, num_augmentations=2)
    for modality in features.modalities:
        assert torch.equal(some.features[modality], features.features[modality][order])
    fewer = compute_features(clips.subset([0]), video=None, text=None, num_augmentations=1)
    assert torch.equal(fewer.features["audio"], features.features["audio"][:1, :2])
    other = compute_features(clips.subset([0]), video=None, text=None, num_augmentations=1, seed=1)
    assert torch.equal(other.features["audio"][:, 0], fewer.features["audio"][:, 0])
    assert not torch.equal(other.features["audio"], fewer.features["audio"])
    draws = {
        torch.rand(1, generator=generator_for(*key)).item()
        for key in [(0, "a", 1, "video"), (1, "a", 1, "video"), (0, "b", 1, "video")]
        + [(0, "a", 2, "video"), (0, "a", 1, "audio")]
    }
    assert len(draws) == 5


def test_text_is_fitted_on_training_rows_only(clips):
    train = clips.split("subject")["train"]
    inside = {clips.transcript(row) for row in train if clips.transcript(row)}
    table = clips.table.assign(video=None, audio=None)
    for row in set(range(28)) - set(train.tolist()):
        table.loc[row, "transcript"] = "otherwise unheard of zebra"
    changed = type(clips)(table.dropna(subset=["transcript"]), clips.metadata)
    rows = np.flatnonzero(np.isin(changed.table["transcript"], list(inside)))
    options = {"video": None, "audio": None, "num_augmentations": 1}
    found = [
        compute_features(c, train_indices=r, **options).text_model
        for c, r in ((clips, train), (changed, rows))
    ]
    assert found[0].vocabulary == found[1].vocabulary and "zebra" not in found[0].vocabulary
    assert torch.equal(found[0].components, found[1].components)
    assert torch.equal(found[0].idf, found[1].idf)
    assert found[0].name == found[1].name
    default = compute_features(clips, video=None, audio=None, num_augmentations=0)
    assert default.backbones["text"] == found[0].name


def test_missing_modalities(clips, encoder):
    silent = synthetic_clips(subjects=1, drop={"audio": range(7)})
    with pytest.warns(UserWarning, match="no clip has audio, which is left out"):
        found = compute_features(silent, video=encoder, text=None, num_augmentations=0)
    assert found.modalities == ("video",) and found.features["video"].shape == (7, 1, 512)
    with pytest.raises(FeatureError, match="no clip has audio"):
        compute_features(silent, video=None, text=None)
    with pytest.raises(FeatureError, match="all modalities are None"):
        compute_features(silent, video=None, audio=None, text=None)
    with pytest.raises(FeatureError, match="training rows have no transcript"):
        compute_features(clips, video=None, audio=None, train_indices=[5, 20])
    with pytest.raises(FeatureError, match="unknown audio backbone"):
        compute_features(clips, video=None, audio="mfcc", text=None)


class Broken:
    """A backbone of sound that gives what it is told to for one copy of one clip."""

    name, dim = "broken@1", 3

    def __init__(self, value):
        self.value, self.calls = value, 0

    def augmented(self, waveform, generators):
        rows = torch.ones(1 + len(generators), 3)
        if self.calls == 4 and self.value == "raise":
            raise RuntimeError("too short")
        if self.calls == 4:
            rows[1, 2] = self.value
        self.calls += 1
        return rows


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), 1e5])
def test_features_that_are_not_finite(clips, value):
    options = {"video": None, "text": None, "num_augmentations": 1}
    clip = clips.table["clip"][5]  # the fifth that can be heard: row 3 is silent
    with pytest.raises(FeatureError, match=f"audio: clip '{clip}', copy 1 has 1 features"):
        compute_features(clips, audio=Broken(value), **options)
    found = compute_features(clips, audio=Broken(value), nonfinite="zero", **options)
    assert found.features["audio"][5].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert found.features["audio"].isfinite().all()


def test_errors_name_the_clip(clips):
    clip = clips.table["clip"][5]
    with pytest.raises(FeatureError, match=f"clip '{clip}', audio by broken@1: too short"):
        compute_features(clips, video=None, text=None, audio=Broken("raise"))
    table = clips.table.assign(video=None, audio=[b"nothing"] * 28)
    bad = type(clips)(table, clips.metadata)
    with pytest.raises(PreparedError, match="row 0.*'audio'"):
        compute_features(bad, video=None, text=None)
    for wrong in (
        {"num_augmentations": -1},
        {"jobs": 0},
        {"seed": -1},
        {"out": "features.parquet"},
    ):
        with pytest.raises(ValueError, match="must be"):
            compute_features(clips, **wrong)


# ---------------------------------------------------------------------- the file, and going on


def test_the_file_holds_all(features, tmp_path):
    path = features.write(tmp_path / "a" / "f.safetensors")
    read = FeatureSet.read(path)
    assert same(read, features) and read.clips == features.clips
    assert all(torch.equal(read.present[m], features.present[m]) for m in features.modalities)
    assert read.backbones == features.backbones and read.settings == features.settings
    assert read.fingerprint == features.fingerprint and repr(read) == repr(features)
    assert torch.equal(read.text_backbone()(SENTENCES), features.text_backbone()(SENTENCES))
    read.write(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_broken_files_are_refused(features, tmp_path):
    path = tmp_path / "f.safetensors"
    with pytest.raises(FeatureError, match="there is no file.*data_prep features"):
        FeatureSet.read(path)
    features.write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FeatureError, match="not a whole safetensors file"):
        FeatureSet.read(path)
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(FeatureError, match="holds no features of clips"):
        FeatureSet.read(path)
    path.write_bytes(whole.replace(b'format_version\\": 1', b'format_version\\": 7'))
    with pytest.raises(FeatureError, match="format version 7"):
        FeatureSet.read(path)
    for word, damage in ((b'settings\\"', b'sittings\\"'), (b'"present.text"', b'"prosent.text"')):
        assert word in whole
        path.write_bytes(whole.replace(word, damage))
        with pytest.raises(FeatureError, match=f"{path} is damaged: no '(settings|present.text)'"):
            FeatureSet.read(path)


def test_stale_features_are_refused(clips, features, encoder):
    features.check(clips)
    features.check(clips, {"video": "small16", "audio": features.backbones["audio"]})
    with pytest.raises(FeatureError, match="stale.*rows are others from row 0"):
        features.check(clips.subset(np.arange(28)[::-1]))
    with pytest.raises(FeatureError, match="stale.*from row 27 on.*28 clips, data set of 27"):
        features.check(clips.subset(np.arange(27)))
    other = synthetic_clips(subjects=4, seed=1)
    with pytest.raises(FeatureError, match="stale.*has changed"):
        features.check(other)
    with pytest.raises(FeatureError, match="video is by the backbone 'small16@.*not 'clmex-anny"):
        features.check(clips, {"video": "clmex-anny-views"})
    with pytest.raises(FeatureError, match="audio is by the backbone 'log-mel@"):
        features.check(clips, {"audio": "log-mel@000000000000"})
    with pytest.raises(FeatureError, match="there is no text"):
        features.select(["video"]).check(clips, {"text": "tfidf"})


def test_select(features):
    two = features.select(["text", "video"])
    assert two.modalities == ("video", "text") and two.dims["video"] == 512
    assert two.features["text"] is features.features["text"] and two.text_model is not None
    assert features.select("audio").text_model is None
    with pytest.raises(FeatureError, match="no features of 'smell'.*video, audio, text"):
        features.select(["smell"])
    with pytest.raises(FeatureError, match="no features of 'audio'"):
        two.clean("audio")


def test_constructor_refuses_what_does_not_fit():
    good = {"video": torch.zeros(3, 2, 4), "audio": torch.zeros(3, 2, 5)}
    FeatureSet(good)
    for features, message in (
        ({}, "none"),
        ({"smell": good["video"]}, "'smell'"),
        ({"video": torch.zeros(3, 4)}, r"\(3, 4\)"),
        ({"video": torch.zeros(3, 2, 4).int()}, "int32"),
        (good | {"text": torch.zeros(3, 3, 4)}, r"text has \(3, 3\)"),
    ):
        with pytest.raises(FeatureError, match=message):
            FeatureSet(features)
    with pytest.raises(FeatureError, match="3 different clip ids"):
        FeatureSet(good, clips=["a", "b", "a"])
    with pytest.raises(FeatureError, match=r"must be bool \(3,\)"):
        FeatureSet(good, {"video": torch.ones(3)})
    with pytest.raises(ValueError, match="'error' or 'zero'"):
        FeatureSet(good, nonfinite="ignore")
    nan = torch.full((3, 2, 4), float("nan"))
    hidden = FeatureSet({"video": nan}, {"video": torch.zeros(3, dtype=bool)})
    assert (hidden.features["video"] == 0).all()  # of absent clips nothing is read


def test_a_finished_file_is_taken_and_another_is_not(clips, encoder, tmp_path, counted):
    out = tmp_path / "f.safetensors"
    options = {"audio": None, "text": None, "num_augmentations": 1}
    first = compute_features(clips, out, video=encoder, **options)
    assert counted == [0, 1] and not out.with_name("f.safetensors.parts").exists()
    assert same(compute_features(clips, out, video=encoder, **options), first)
    assert counted == [0, 1]
    compute_features(clips, out, video=encoder, **options, resume=False)
    assert counted == [0, 1] * 2
    compute_features(clips, out, video=encoder, **options, seed=1)
    assert counted == [0, 1] * 3
    out.write_bytes(b"broken")
    assert same(compute_features(clips, out, video=encoder, **options), first)


def test_parts_of_other_settings_are_dropped(clips, tmp_path, counted, monkeypatch):
    out = tmp_path / "f.safetensors"
    options = {"video": None, "text": None}
    half = Broken("raise")
    monkeypatch.setattr(compute, "CHUNK", 4)
    with pytest.raises(FeatureError):
        compute_features(clips, out, audio=half, num_augmentations=1, **options)
    parts = tmp_path / "f.safetensors.parts"
    assert [p.name for p in parts.glob("0*")] == ["00000.safetensors"] and counted == [0, 1]
    counted.clear()
    with pytest.raises(FeatureError):
        compute_features(clips, out, audio=Broken("raise"), num_augmentations=2, **options)
    assert counted == [0, 1]  # other settings: from the start
    counted.clear()
    compute_features(clips, out, audio=Broken(1.0), num_augmentations=2, **options)
    assert counted == [1, 2, 3, 4, 5, 6] and not parts.exists()


def test_another_run_and_the_files_of_somebody_else_are_left_alone(clips, tmp_path, counted):
    out, parts = tmp_path / "f.safetensors", tmp_path / "f.safetensors.parts"
    options = {"video": None, "text": None, "audio": Broken(1.0)}
    parts.mkdir()
    with FileLock(parts / "lock"), pytest.raises(ValueError, match="another process is making"):
        compute_features(clips, out, **options)
    (parts / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="notes.txt is in the way"):
        compute_features(clips, out, **options, resume=False)
    assert (parts / "notes.txt").exists() and not counted and not out.exists()


@pytest.mark.slow
def test_killed_it_leaves_no_worker_and_goes_on(tmp_path, encoder, counted):
    """SIGKILL of the command while it computes in two processes; the file is the same after it."""
    clips = synthetic_clips(subjects=5, takes=2)  # 70 clips: 5 chunks
    clips.write(tmp_path / "clips.parquet")
    out = tmp_path / "f.safetensors"
    parts = tmp_path / "f.safetensors.parts"
    run_killed(
        *("features", tmp_path / "clips.parquet", out, "--video", encoder),
        *("--copies", "12", "--jobs", "2"),
        when=lambda: list(parts.glob("0*.safetensors")),
    )
    left = {int(path.stem) for path in parts.glob("0*.safetensors")}
    assert not out.exists() and left and left < set(range(5))

    clips = type(clips).read(tmp_path / "clips.parquet")
    compute_features(clips, out, video=encoder, num_augmentations=12)
    assert set(counted) == set(range(5)) - left and not parts.exists()
    whole = compute_features(
        clips, tmp_path / "whole.safetensors", video=encoder, num_augmentations=12
    )
    assert out.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    assert same(FeatureSet.read(out), whole)


def test_the_command(clips, encoder, tmp_path, capsys):
    source, out = tmp_path / "clips.parquet", tmp_path / "f.safetensors"
    clips.write(source)
    options = ["--video", encoder, "--text", "none", "--copies", "1", "--jobs", "1"]
    assert main(["features", str(source), str(out), *options]) == 0
    assert "28 clips, each clean and in 1 copies" in capsys.readouterr().out
    read = FeatureSet.read(out)
    read.check(type(clips).read(source))
    assert read.modalities == ("video", "audio")
    assert main(["features", str(source), str(out), "--video", "nothing"]) == 2
    assert "unknown video backbone 'nothing'" in capsys.readouterr().err
    assert main(["features", str(tmp_path / "no.parquet"), str(out)]) == 2
    assert "no.parquet" in capsys.readouterr().err
