import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fermodels.models import ImageClassifier, ImageEncoder


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    encoder = ImageEncoder(image_size=32, width=8)
    encoder(torch.rand(8, 3, 32, 32))  # batch norm statistics that are not the initial ones
    return encoder.eval()


@pytest.mark.parametrize("size", [(32, 32), (17, 17), (45, 31), (96, 96), (200, 64)])
def test_any_size_gives_one_row_an_image(encoder, size):
    h = encoder(torch.rand(3, 3, *size))
    assert h.shape == (3, encoder.feature_dim)
    assert h.dtype == torch.float32 and h.isfinite().all()


@pytest.mark.parametrize("image_size", [None, 40])
@pytest.mark.parametrize("name, dim", [("resnet18", 512), ("mobilenet_v3_small", 1024)])
def test_torchvision_models_at_odd_sizes(name, dim, image_size):
    encoder = ImageEncoder(name, image_size=image_size).eval()
    with torch.no_grad():
        assert encoder(torch.rand(2, 3, 65, 51)).shape == (2, dim)
    assert encoder.feature_dim == dim


def test_vision_transformer_takes_the_image_size():
    with pytest.raises(ValueError, match="set image_size"):
        ImageEncoder("vit_b_16", image_size=None)
    with pytest.raises(ValueError, match="multiple of 16, such as 96 or 112, got 100"):
        ImageEncoder("vit_b_16", image_size=100)
    with pytest.raises(ValueError, match="multiple of 32, such as 32, got 20"):
        ImageEncoder("vit_b_32", image_size=20)


@pytest.mark.slow
def test_vision_transformer_at_a_size_of_ones_own():
    with torch.device("meta"):  # its 86 million weights are not drawn
        encoder = ImageEncoder("vit_b_16", image_size=96)
    assert encoder.backbone.encoder.pos_embedding.shape == (1, 6 * 6 + 1, 768)
    encoder = ImageEncoder("vit_b_16", image_size=96).eval()
    with torch.no_grad():
        assert encoder(torch.rand(1, 3, 70, 120)).shape == (1, 768)


def test_unknown_names_suggest_near_ones():
    with pytest.raises(ValueError, match="'resnet18'"):
        ImageEncoder("resnet_18")
    with pytest.raises(ValueError, match="does not end in a linear layer"):
        ImageEncoder("squeezenet1_1")
    with pytest.raises(ValueError, match="unknown encoder 'fcn_resnet50'"):
        ImageEncoder("fcn_resnet50")


def test_small_network_is_small():
    encoder = ImageEncoder()
    assert sum(p.numel() for p in encoder.parameters()) < 4_500_000
    assert "small" in repr(encoder) and "feature_dim=" in repr(encoder)


def test_normalisation_happens_inside():
    torch.manual_seed(0)
    plain = ImageEncoder(image_size=16, width=8, mean=(0, 0, 0), std=(1, 1, 1)).train()
    inside = ImageEncoder(image_size=16, width=8, mean=(0.2, 0.3, 0.4), std=(0.5, 0.6, 0.7))
    inside.backbone.load_state_dict(plain.backbone.state_dict())
    x = torch.rand(4, 3, 16, 16)
    by_hand = (x - torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)) / torch.tensor(
        [0.5, 0.6, 0.7]
    ).view(3, 1, 1)
    torch.testing.assert_close(inside.train()(x), plain(by_hand))


def test_wrong_input_is_named(encoder):
    with pytest.raises(TypeError, match=r"\.float\(\) / 255"):
        encoder(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\), got \(1, 32, 32, 3\)"):
        encoder(torch.zeros(1, 32, 32, 3))
    with pytest.raises(ValueError, match=r"\[0, 1\], got values from 0 to 255"):
        encoder(torch.tensor([0.0, 255.0]).view(1, 1, 1, 2).expand(1, 3, 32, 2))
    with pytest.raises(ValueError, match="nan"):
        encoder(torch.full((1, 3, 32, 32), float("nan")))
    for arguments in ({"image_size": 4}, {"std": (1, 1, 0)}, {"mean": (0.5,)}):
        with pytest.raises(ValueError):
            ImageEncoder(**arguments)


def test_save_and_load_round_trip(encoder, tmp_path):
    x = torch.rand(2, 3, 40, 40)
    assert encoder.save_pretrained(tmp_path / "a" / "b") is None
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    loaded = ImageEncoder.from_pretrained(tmp_path / "a" / "b")
    assert not loaded.training and loaded.image_size == 32 and loaded.feature_dim == 256
    assert ImageEncoder(**loaded.config).image_size == loaded.config["image_size"] == 32
    torch.testing.assert_close(loaded(x), encoder(x), rtol=0, atol=0)
    again = ImageEncoder.from_pretrained(str(tmp_path / "a" / "b"))
    torch.testing.assert_close(again(x), encoder(x), rtol=0, atol=0)
    again.save_pretrained(tmp_path / "a" / "b")  # over an existing one


def test_half_precision_file_loads_as_float32(encoder, tmp_path):
    x = torch.rand(2, 3, 32, 32)
    encoder.save_pretrained(tmp_path / "full")
    encoder.save_pretrained(tmp_path / "half", half=True)
    stored = load_file(tmp_path / "half" / "model.safetensors")
    assert stored["backbone.stem.0.weight"].dtype == torch.float16
    assert stored["backbone.stem.1.running_var"].dtype == torch.float32
    sizes = [(tmp_path / d / "model.safetensors").stat().st_size for d in ("half", "full")]
    assert sizes[0] < 0.6 * sizes[1]
    loaded = ImageEncoder.from_pretrained(tmp_path / "half")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(loaded(x), encoder(x), rtol=0.02, atol=0.02)
    assert next(encoder.parameters()).dtype == torch.float32  # saving leaves the module alone
    with torch.no_grad():
        encoder.backbone.stem[0].weight[0] = 1e6
    with pytest.raises(ValueError, match="does not fit into float16"):
        encoder.save_pretrained(tmp_path / "half", half=True)


def test_weights_of_another_architecture(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"width": 16}))
    with pytest.raises(ValueError, match="another architecture.*has shape"):
        ImageEncoder.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | {"name": "resnet18"}))
    with pytest.raises(ValueError, match="another architecture.*are missing.*are unknown"):
        ImageEncoder.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="no setting of ImageClassifier"):
        ImageClassifier.from_pretrained(tmp_path)


def test_missing_or_broken_files(encoder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        ImageEncoder.from_pretrained(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        ImageEncoder.from_pretrained("weights/of/nothing")
    with pytest.raises(FileNotFoundError, match=r"config\.json is missing"):
        ImageEncoder.from_pretrained(tmp_path)
    encoder.save_pretrained(tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        ImageEncoder.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        ImageEncoder.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    (tmp_path / "model.safetensors").write_bytes(whole)
    with pytest.raises(ValueError, match="not JSON"):
        ImageEncoder.from_pretrained(tmp_path)


def test_classifier_round_trip_and_prediction(encoder, tmp_path):
    classifier = ImageClassifier(encoder, ("angry", "happy", "sad")).train()
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    labels, probabilities = classifier.predict(pictures, batch_size=2)
    assert labels.shape == (5,) and labels.dtype == np.int64
    assert probabilities.shape == (5, 3) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert classifier.training and classifier.encoder.training  # as it was before
    floats = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    np.testing.assert_allclose(classifier.predict(floats)[1], probabilities, atol=1e-6)
    np.testing.assert_allclose(classifier.predict(floats.numpy())[1], probabilities, atol=1e-6)

    classifier.save_pretrained(tmp_path)
    loaded = ImageClassifier.from_pretrained(tmp_path)
    assert loaded.classes == ("angry", "happy", "sad") and loaded.encoder.image_size == 32
    np.testing.assert_array_equal(loaded.predict(pictures)[1], probabilities)
    assert loaded.predict(pictures[:0])[1].shape == (0, 3)


def test_classifier_bad_input(encoder):
    for classes in (("happy",), ("happy", "happy")):
        with pytest.raises(ValueError, match="two or more different classes"):
            ImageClassifier(encoder, classes)
    classifier = ImageClassifier(encoder, ("happy", "sad"))
    for images in (
        np.zeros((2, 4, 32, 32), np.uint8),
        np.zeros((2, 3, 32, 32), np.int64),
        np.zeros((32, 32, 3), np.uint8),
    ):
        with pytest.raises(ValueError, match=r"expected images \(N, H, W, 3\)"):
            classifier.predict(images)


def test_loading_needs_no_lightning(encoder, tmp_path):
    ImageClassifier(encoder, ("happy", "sad")).save_pretrained(tmp_path / "classifier")
    encoder.save_pretrained(tmp_path / "encoder")
    code = (
        "import sys, torch\n"
        "from fermodels.models import ImageClassifier, ImageEncoder\n"
        "e = ImageEncoder.from_pretrained(sys.argv[1] + '/encoder')\n"
        "c = ImageClassifier.from_pretrained(sys.argv[1] + '/classifier')\n"
        "assert torch.equal(e.state_dict()['backbone.stem.0.weight'], "
        "c.encoder.state_dict()['backbone.stem.0.weight'])\n"
        "loaded = {'lightning', 'pytorch_lightning', 'torchvision', 'pandas'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "" and result.stderr == ""
