"""Norms of the small network: what they look at, and that nothing changes for those before them."""

import json

import pytest
import torch
from torch import nn

from fermodels.models import ImageEncoder
from fermodels.models.small_resnet import NORMS, InstanceBatchNorm, SmallResNet


def layers(network, kind):
    return [layer for layer in network.modules() if isinstance(layer, kind)]


def test_batch_norm_is_what_it_was(tmp_path):
    torch.manual_seed(3)
    encoder = ImageEncoder(width=8)
    torch.manual_seed(3)
    same = ImageEncoder(width=8, norm="batch")
    weights = same.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in encoder.state_dict().items())
    assert len(layers(encoder, nn.BatchNorm2d)) == 12
    assert "norm" not in same.config
    same.save_pretrained(tmp_path)
    assert "norm" not in json.loads((tmp_path / "config.json").read_text())


@pytest.mark.parametrize("norm", NORMS)
def test_saved_and_loaded(tmp_path, norm):
    torch.manual_seed(0)
    encoder = ImageEncoder(image_size=32, width=8, norm=norm)
    encoder(torch.rand(8, 3, 32, 32))
    encoder.eval().save_pretrained(tmp_path)
    again = ImageEncoder.from_pretrained(tmp_path)
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(again(images), encoder(images))
    assert again.config == encoder.config and again.config.get("norm", "batch") == norm


def test_group_norm_knows_no_other_image():
    torch.manual_seed(0)
    network = SmallResNet(8, 16, "group").train()
    images = torch.rand(6, 3, 32, 32)
    alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(network(images), alone, atol=1e-5, rtol=1e-5)
    assert not layers(network, nn.BatchNorm2d)
    groups = [(layer.num_groups, layer.num_channels) for layer in layers(network, nn.GroupNorm)]
    assert groups[0] == (1, 8) and groups[-1] == (2, 16) and (4, 32) in groups
    assert {layer.num_groups for layer in layers(SmallResNet(10, 12, "group"), nn.GroupNorm)} == {
        1, 2, 5
    }  # fmt: skip


def test_half_of_the_channels_forget_gain_and_offset_of_their_image():
    torch.manual_seed(0)
    norm = InstanceBatchNorm(6).train()
    images = torch.rand(4, 6, 9, 9)
    moved = images * torch.tensor([1.0, 2.0, 3.0, 4.0])[:, None, None, None] + 0.3
    a, b = norm(images), norm(moved)
    torch.testing.assert_close(a[:, :3], b[:, :3], atol=2e-3, rtol=0)
    assert (a[:, 3:] - b[:, 3:]).abs().mean() > 0.2
    by_hand = images[1, 2]
    by_hand = (by_hand - by_hand.mean()) / (by_hand.var(correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(a[1, 2], by_hand)
    channel = images[:, 4]
    by_hand = (channel - channel.mean()) / (channel.var(correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(a[:, 4], by_hand)


def test_the_last_stage_and_all_second_norms_stay_batch_norm():
    network = SmallResNet(8, 16, "instance-batch")
    places = [n for n, m in network.named_modules() if isinstance(m, InstanceBatchNorm)]
    assert places == [f"stages.{i}.norm1" for i in range(3)]


def test_bad_norms():
    with pytest.raises(ValueError, match="batch, group, instance-batch, got 'layer'"):
        ImageEncoder(norm="layer")
    with pytest.raises(ValueError, match="norm='group' is a setting of 'small'; 'resnet18'"):
        ImageEncoder("resnet18", norm="group")
