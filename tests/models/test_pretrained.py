"""Encoders that start from given weights are torchvision's networks without their last layer."""

import json
from functools import partial

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torchvision.models import ResNet18_Weights, VisionTransformer, ViT_B_16_Weights
from torchvision.models.vision_transformer import interpolate_embeddings

from fermodels.models import ImageClassifier, ImageEncoder

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def trained(name, **options):
    """A network of torchvision that tells images apart, as untrained ones hardly do."""
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return network.eval()


def assert_same(logits, expected):
    torch.testing.assert_close(
        logits / expected.std(), expected / expected.std(), rtol=0, atol=1e-4
    )


def normalised(images, mean, std):
    return (images - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


@pytest.fixture(scope="module")
def resnet18():
    return trained("resnet18")


@pytest.fixture
def no_network(monkeypatch):
    """Weights cannot be downloaded; the list has the addresses that were asked for."""
    asked = []

    def download(url, *arguments, **options):
        asked.append(url)
        raise OSError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
    return asked


@pytest.fixture
def tiny_vit(monkeypatch):
    """`vit_tiny_16` becomes a model of torchvision, at 64 pixels of 24 numbers each."""

    def vit_tiny_16(*, weights: ViT_B_16_Weights | None = None, image_size=64, **options):
        assert weights is None
        return VisionTransformer(image_size, 16, 2, 2, 24, 32, **options)

    vit_tiny_16.__module__ = "torchvision.models.vision_transformer"
    monkeypatch.setitem(torchvision.models._api.BUILTIN_MODELS, "vit_tiny_16", vit_tiny_16)
    torch.manual_seed(0)
    network = vit_tiny_16()
    nn.init.normal_(network.encoder.pos_embedding)
    nn.init.normal_(network.heads.head.weight)
    return network.eval()


# ------------------------------------------------------------------------------------------ parity


@pytest.mark.parametrize("write", [torch.save, save_file], ids=["pth", "safetensors"])
def test_a_file_of_weights_gives_torchvisions_features(resnet18, write, tmp_path):
    path = tmp_path / f"weights.{'pth' if write is torch.save else 'safetensors'}"
    write(resnet18.state_dict(), path)
    encoder = ImageEncoder("resnet18", image_size=None, pretrained=str(path)).eval()
    images = torch.rand(3, 3, 64, 48)
    with torch.no_grad():
        h = encoder(images)
        logits = resnet18(normalised(images, *IMAGENET))
    assert h.shape == (3, 512) and h.std() > 0.1
    assert_same(resnet18.fc(h), logits)
    again = ImageEncoder("resnet18", image_size=None).eval()
    assert not torch.allclose(again(images), h, rtol=0.1, atol=0.1)  # the file matters


@pytest.mark.parametrize(
    "name, head, options",
    [
        ("mobilenet_v3_small", "classifier", {}),
        ("mnasnet0_5", "classifier", {}),
        ("googlenet", "fc", {"transform_input": True, "init_weights": False}),
    ],
)
def test_heads_of_all_kinds_are_taken_off(name, head, options, tmp_path):
    network = trained(name, **options)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    encoder = ImageEncoder(name, image_size=64, pretrained=tmp_path / "weights.pth").eval()
    images = torch.rand(2, 3, 64, 64) * torch.tensor([0.4, 1]).view(2, 1, 1, 1)
    head = getattr(network, head)
    last = head[-1] if isinstance(head, nn.Sequential) else head
    with torch.no_grad():
        h = encoder(images)
        logits = network(normalised(images, *IMAGENET))
        assert (logits[0] - logits[1]).abs().mean() > 0.1 * logits.abs().mean()
        assert_same(last(h), logits)
    encoder.save_pretrained(tmp_path / "encoder")
    with torch.no_grad():
        assert torch.equal(ImageEncoder.from_pretrained(tmp_path / "encoder")(images), h)


def test_old_names_of_densenet(tmp_path):
    network = trained("densenet121")
    old = {
        key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value
        for key, value in network.state_dict().items()
        if "num_batches_tracked" not in key
    }
    assert any("denselayer1.norm.1.weight" in key for key in old)
    torch.save(old, tmp_path / "old.pth")
    encoder = ImageEncoder("densenet121", image_size=32, pretrained=tmp_path / "old.pth").eval()
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert_same(network.classifier(encoder(images)), network(normalised(images, *IMAGENET)))


def test_vision_transformer_at_the_size_of_its_weights(tiny_vit, tmp_path):
    torch.save(tiny_vit.state_dict(), tmp_path / "vit.pth")
    encoder = ImageEncoder("vit_tiny_16", image_size=64, pretrained=tmp_path / "vit.pth").eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = tiny_vit(normalised(images, *IMAGENET))
        assert_same(tiny_vit.heads.head(encoder(images)), expected)


@pytest.mark.parametrize("size", [48, 96])
def test_vision_transformer_at_another_size(tiny_vit, size, tmp_path):
    save_file(tiny_vit.state_dict(), tmp_path / "vit.safetensors")
    encoder = ImageEncoder(
        "vit_tiny_16", image_size=size, pretrained=tmp_path / "vit.safetensors"
    ).eval()
    other = torchvision.models.get_model("vit_tiny_16", image_size=size).eval()
    other.load_state_dict(interpolate_embeddings(size, 16, tiny_vit.state_dict()))
    images = torch.rand(2, 3, size, size)
    with torch.no_grad():
        h = encoder(images)
        assert_same(other.heads.head(h), other(normalised(images, *IMAGENET)))
    encoder.save_pretrained(tmp_path / "encoder")
    loaded = ImageEncoder.from_pretrained(tmp_path / "encoder")
    assert loaded.image_size == size
    with torch.no_grad():
        assert torch.equal(loaded(images), h)


# ------------------------------------------------------------------------------------ normalisation


def test_normalisation_is_that_of_the_weights_unless_given(resnet18, tmp_path):
    torch.save(resnet18.state_dict(), tmp_path / "weights.pth")
    start = partial(ImageEncoder, "resnet18", pretrained=tmp_path / "weights.pth")
    transforms = ResNet18_Weights.DEFAULT.transforms()
    encoder = start()
    assert encoder.mean.flatten().tolist() == pytest.approx(transforms.mean)
    assert encoder.std.flatten().tolist() == pytest.approx(transforms.std)
    encoder = start(mean=(0.1, 0.2, 0.3), std=(1, 1, 1))
    assert encoder.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert (encoder.std == 1).all()
    assert (ImageEncoder("resnet18").mean == 0.5).all()
    assert (ImageEncoder("resnet18").std == 0.25).all()


# ------------------------------------------------------------------------------- downloaded weights


def test_torchvisions_own_weights(resnet18, monkeypatch):
    asked = []

    def download(url, *arguments, **options):
        asked.append(url)
        return resnet18.state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
    encoder = ImageEncoder("resnet18", image_size=32, pretrained=True).eval()
    assert asked == [ResNet18_Weights.DEFAULT.url]
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert_same(resnet18.fc(encoder(images)), resnet18(normalised(images, *IMAGENET)))


def test_a_download_that_fails_says_what_to_do(no_network):
    with pytest.raises(OSError, match=r"cannot be downloaded.*resnet18-\w+\.pth.*pretrained='path"):
        ImageEncoder("resnet18", pretrained=True)
    assert len(no_network) == 1
    ImageEncoder("resnet18", image_size=32)
    assert len(no_network) == 1


def test_a_saved_encoder_holds_its_own_weights(resnet18, no_network, tmp_path):
    source = tmp_path / "weights.pth"
    torch.save(resnet18.state_dict(), source)
    encoder = ImageEncoder("resnet18", image_size=32, pretrained=source).eval()
    with torch.no_grad():
        encoder.backbone.conv1.weight.mul_(1.5)  # training goes on
    images = torch.rand(2, 3, 32, 32)
    expected = encoder(images)
    encoder.save_pretrained(tmp_path / "encoder")
    ImageClassifier(encoder, ("happy", "sad")).save_pretrained(tmp_path / "classifier")
    source.unlink()

    config = tmp_path / "encoder" / "config.json"
    saved = json.loads(config.read_text())
    assert "pretrained" not in saved and saved["mean"] == list(IMAGENET[0])
    for asked in ({}, {"pretrained": True}, {"pretrained": str(source)}):
        config.write_text(json.dumps(saved | asked))
        assert torch.equal(ImageEncoder.from_pretrained(tmp_path / "encoder")(images), expected)
    loaded = ImageClassifier.from_pretrained(tmp_path / "classifier")
    assert torch.equal(loaded.encoder(images), expected)
    assert no_network == []


# ------------------------------------------------------------------------------- what is refused


def test_weights_of_another_architecture_are_named(resnet18, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(resnet18.state_dict(), path)
    with pytest.raises(
        ValueError, match=r"weights\.pth: not the weights of torchvision's resnet34"
    ):
        ImageEncoder("resnet34", pretrained=path)
    with pytest.raises(ValueError, match="torchvision's mobilenet_v3_small.*missing.*unknown"):
        ImageEncoder("mobilenet_v3_small", pretrained=path)
    torch.save(resnet18.state_dict() | {"conv1.weight": torch.ones(32, 3, 7, 7)}, path)
    with pytest.raises(ValueError, match=r"conv1\.weight has shape \(32, 3, 7, 7\) instead of"):
        ImageEncoder("resnet18", pretrained=path)


def test_position_embeddings_of_another_width(tiny_vit, tmp_path):
    state = tiny_vit.state_dict() | {"encoder.pos_embedding": torch.ones(1, 17, 8)}
    torch.save(state, tmp_path / "vit.pth")
    with pytest.raises(ValueError, match=r"pos_embedding has shape \(1, 17, 8\)"):
        ImageEncoder("vit_tiny_16", image_size=96, pretrained=tmp_path / "vit.pth")


def test_files_that_are_no_weights(resnet18, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.pth: no such file.*safetensors"):
        ImageEncoder("resnet18", pretrained=tmp_path / "nothing.pth")
    with pytest.raises(FileNotFoundError, match="a folder, not a file.*from_pretrained"):
        ImageEncoder("resnet18", pretrained=tmp_path)
    with pytest.raises(ValueError, match="no weights for 'small'.*from_pretrained"):
        ImageEncoder("small", pretrained=True)

    for name in ("broken.pth", "broken.safetensors"):
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            ImageEncoder("resnet18", pretrained=tmp_path / name)
    torch.save(resnet18, tmp_path / "pickled.pth")  # a whole object: loading it could run anything
    with pytest.raises(ValueError, match="cannot be read as weights"):
        ImageEncoder("resnet18", pretrained=tmp_path / "pickled.pth")
    torch.save({"epoch": 3}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="other things than tensors"):
        ImageEncoder("resnet18", pretrained=tmp_path / "other.pth")

    ImageEncoder("resnet18").save_pretrained(tmp_path / "encoder")
    with pytest.raises(ValueError, match="a saved ImageEncoder.*from_pretrained"):
        ImageEncoder("resnet18", pretrained=tmp_path / "encoder" / "model.safetensors")


@pytest.mark.parametrize("wrap", ["state_dict", "model"])
def test_checkpoints_of_training_scripts(resnet18, wrap, tmp_path):
    state = {f"module.{key}": value for key, value in resnet18.state_dict().items()}
    torch.save({wrap: state, "epoch": 3}, tmp_path / "checkpoint.pth")
    encoder = ImageEncoder("resnet18", pretrained=tmp_path / "checkpoint.pth")
    torch.testing.assert_close(encoder.backbone.conv1.weight, resnet18.conv1.weight)


def test_a_file_without_a_head_or_with_another(resnet18, tmp_path):
    state = resnet18.state_dict()
    for head in ({}, {"fc.weight": torch.ones(7, 512), "fc.bias": torch.ones(7)}):
        other = {key: value for key, value in state.items() if not key.startswith("fc.")} | head
        torch.save(other, tmp_path / "weights.pth")
        encoder = ImageEncoder("resnet18", pretrained=tmp_path / "weights.pth")
        torch.testing.assert_close(encoder.backbone.layer4[1].bn2.bias, resnet18.layer4[1].bn2.bias)
