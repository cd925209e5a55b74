"""Models as graphs: torch.export takes every saved model, and says the same of other inputs."""

import pytest
import torch

from fermodels.models import ClipClassifier, ImageClassifier, ImageEncoder, MultiModalEncoder
from fermodels.models.exporting import exportable
from fermodels.models.reading import read_model


def image_encoder(**options):
    torch.manual_seed(0)
    return ImageEncoder(**{"image_size": 24, "width": 8} | options)


def clip_encoder():
    torch.manual_seed(0)
    return MultiModalEncoder({"video": 6, "audio": 4}, 8, 5)


MODELS = {
    "image encoder": image_encoder,
    "instance norm": lambda: image_encoder(norm="instance-batch"),
    "of torchvision": lambda: image_encoder(name="mobilenet_v3_small", image_size=32),
    "of any size": lambda: image_encoder(image_size=None),
    "image classifier": lambda: ImageClassifier(image_encoder(), ["happy", "sad"]),
    "clip encoder": clip_encoder,
    "clip classifier": lambda: ClipClassifier(clip_encoder(), ["happy", "sad"], "mean"),
    "several labels": lambda: ClipClassifier(clip_encoder(), ["happy", "sad"], multi_label=True),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_exported_for_any_number_and_size(name):
    graph = exportable(MODELS[name]().eval())
    program = graph.program().module()
    for count, size in ((1, (24, 24)), (5, (53, 31)), (2, (32, 90))):
        inputs = graph.example(count, size)
        with torch.no_grad():
            expected, found = graph.module(*inputs), program(*inputs)
        assert len(found) == len(graph.outputs)
        for one, other in zip(expected, found, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_an_encoder_as_it_is_loaded(tmp_path):
    """As PyTorch's users call it: with an example of the size that they have."""
    for size in (24, 40):
        images = torch.rand(2, 3, size, size)
        encoder = image_encoder().eval()
        program = torch.export.export(encoder, (images,))
        torch.testing.assert_close(program.module()(images), encoder(images))
    features = {"video": torch.rand(3, 6), "audio": torch.rand(3, 4)}
    present = {"video": torch.tensor([True, False, True]), "audio": torch.ones(3, dtype=torch.bool)}
    several = clip_encoder().eval()
    program = torch.export.export(several, (features, present))
    for name, h in program.module()(features, present).items():
        torch.testing.assert_close(h, several(features, present)[name])


def test_values_are_still_looked_at_in_use():
    with pytest.raises(ValueError, match=r"images in \[0, 1\]"):
        image_encoder().eval()(torch.full((1, 3, 24, 24), 200.0))


@pytest.mark.parametrize(
    "name", ["image encoder", "image classifier", "clip encoder", "several labels"]
)
def test_any_model_is_read_by_its_folder(name, tmp_path):
    model = MODELS[name]()
    model.save_pretrained(tmp_path / "model")
    found = read_model(tmp_path / "model")
    assert repr(found) == repr(model) and not found.training
    with pytest.raises(FileNotFoundError, match="in it there are: model. Name what"):
        read_model(tmp_path)


def test_a_model_is_read_by_its_name_on_the_hub(tmp_path, monkeypatch):
    """Asked for where no folder can be meant; the Hub is played by one."""
    image_encoder().save_pretrained(tmp_path / "someone" / "faces")
    monkeypatch.chdir(tmp_path / "someone")

    def download(repo_id=None, filename=None, **options):
        path = tmp_path / repo_id / filename
        if not path.exists():
            raise OSError(f"no {repo_id} there")
        return str(path)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr("huggingface_hub.hub_mixin.hf_hub_download", download)
    assert repr(read_model("someone/faces")) == repr(image_encoder())
    with pytest.raises(FileNotFoundError, match=r"no such folder.*\(no someone/else there\)"):
        read_model("someone/else")


def test_what_is_no_model(tmp_path):
    assert read_model("clmex-anny-views").image_size
    with pytest.raises(FileNotFoundError):
        read_model("no-such-encoder")
    with pytest.raises(FileNotFoundError, match="config.json is missing"):
        read_model(tmp_path / "nothing")
    for text, message in (("[1]", "does not describe"), ("{", "does not"), ("{}", "no encoder or")):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_model(tmp_path)
    with pytest.raises(TypeError, match="Linear is no encoder"):
        exportable(torch.nn.Linear(2, 2))
