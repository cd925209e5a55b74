"""`recipes.pretrain` on an `ImageDataset`, in epochs that are no pass over the images."""

import pytest
import torch

pytest.importorskip("lightning")

from fermodels.data import ImageDataset
from fermodels.models import ImageEncoder
from fermodels.training import recipes


def trained(data, method="clmex", rows=None, **options):
    torch.manual_seed(0)
    encoder = ImageEncoder(image_size=16, width=4)
    return recipes.pretrain(
        method,
        data,
        rows,
        images_seen=7 * 70,
        groups_per_batch=2,
        encoder=encoder,
        progress=False,
        accelerator="cpu",
        **options,
    )


def same(one, two):
    two = two.state_dict()
    return all(torch.equal(value, two[name]) for name, value in one.state_dict().items())


def test_an_image_dataset_is_trained_on_as_the_images_it_is_of(tiny_prepared, tmp_path):
    rows = tiny_prepared.split()["train"]
    first, _ = trained(tiny_prepared, rows=rows)
    kept = ImageDataset(tiny_prepared, rows, folder=tmp_path)
    assert same(first, trained(kept)[0])
    assert not same(first, trained(ImageDataset(tiny_prepared, rows, size=20))[0])
    with pytest.raises(ValueError, match="leave the indices out"):
        trained(kept, rows=rows)


@pytest.mark.parametrize("batch_by", ["session", "instance"])
def test_the_length_of_an_epoch_does_not_change_what_is_learned(tiny_prepared, batch_by):
    data = ImageDataset(tiny_prepared)
    whole, history = trained(data, batch_by=batch_by)
    assert history["epoch"].tolist() == [0] * 6 + [1]  # 6 batches are a pass
    found, history = trained(data, batch_by=batch_by, epoch_steps=2)
    assert history["epoch"].tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert same(whole, found)


def test_validation_comes_by_epochs(tiny_prepared):
    history = trained(
        tiny_prepared,
        "simclr",
        epoch_steps=2,
        validate=lambda _: {"found": 1.0},
        validate_every=2,
    )[1]
    assert history.loc[history["found"].notna(), "step"].tolist() == [4, 7]


def test_a_run_is_not_resumed_with_images_of_another_size(tiny_prepared, tmp_path):
    trained(ImageDataset(tiny_prepared, size=20), run_dir=tmp_path)
    with pytest.raises(ValueError, match=r"data.size was 20, is None"):
        trained(ImageDataset(tiny_prepared), run_dir=tmp_path)
    with pytest.raises(ValueError, match="num_batches was None, is 3"):
        trained(ImageDataset(tiny_prepared, size=20), run_dir=tmp_path, epoch_steps=3)
