import math

import pytest
import torch
import torch.nn.functional as F

from fermodels.data import VIEWS, Augment, mirror_views
from fermodels.data.augmentation import _AMOUNTS, _grid, _shrink

OFF = dict.fromkeys(_AMOUNTS, 0.0) | {"scale": (1.0, 1.0)}


def only(size=24, **options):
    return Augment(size, **(OFF | options))


def seed(number=0):
    return torch.Generator().manual_seed(number)


@pytest.fixture(scope="module")
def faces(tiny_prepared):
    return torch.from_numpy(tiny_prepared.images(range(70))).permute(0, 3, 1, 2).contiguous()


@pytest.fixture(scope="module")
def smooth():
    """A picture whose every pixel tells its place: red grows to the right, green downwards."""
    ramp = (torch.arange(24) + 0.5) / 24
    red, green = ramp.expand(24, 24), ramp[:, None].expand(24, 24)
    return torch.stack([red, green, torch.full((24, 24), 0.5)]).expand(200, 3, 24, 24)


PRESETS = [Augment, Augment.mild, Augment.strong, Augment.wide, Augment.none]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [16, 24, 12, 8])
def test_output(faces, preset, size):
    for images in (faces, faces / 255, (faces / 255).half()):
        out = preset(size)(images, seed())
        assert out.images.shape == (70, 3, size, size) and out.images.dtype == torch.float32
        assert out.images.min() >= 0 and out.images.max() <= 1
        assert out.flipped.shape == (70,) and out.flipped.dtype == torch.bool


def test_bytes_and_floats_agree(faces):
    for augment in (Augment(12), Augment.strong(24), Augment.wide(24), Augment.none(16)):
        a, b = augment(faces, seed()), augment(faces.double() / 255, seed())
        torch.testing.assert_close(a.images, b.images, atol=2e-5, rtol=0)
        assert torch.equal(a.flipped, b.flipped)


def test_floats_beyond_one_are_refused(faces):
    for wrong in (faces.float(), faces / 255 - 0.5, torch.full((1, 3, 8, 8), torch.nan)):
        with pytest.raises(ValueError, match=r"expected float images in \[0, 1\].*divide by 255"):
            Augment.mild(12)(wrong)
    assert len(Augment.mild(12)(faces[:0] / 255).images) == 0


def test_the_generator_decides(faces):
    augment = Augment.strong(24)
    a, b, c = (augment(faces, seed(s)).images for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)
    torch.manual_seed(0)
    d = augment(faces).images
    assert not torch.equal(d, augment(faces).images)
    torch.manual_seed(0)
    assert torch.equal(d, augment(faces).images)


def test_the_input_is_left_alone(faces):
    for images in (faces, faces / 255):
        before = images.clone()
        for augment in (Augment.strong(24), Augment.wide(24), Augment.none(24)):
            augment(images, seed())
        assert torch.equal(images, before)


def test_images_are_augmented_each_in_its_own_way(faces):
    out = Augment.strong(24)(faces[:1].expand(20, -1, -1, -1), seed()).images
    assert len({tuple(image.flatten().tolist()) for image in out}) == 20


def test_none_is_the_resize_of_an_encoder(faces):
    out = Augment.none(12)(faces, seed()).images
    expected = F.interpolate(faces / 255, (12, 12), mode="bilinear", antialias=True)
    torch.testing.assert_close(out, expected, atol=1e-6, rtol=0)
    same = Augment.none(24)(faces).images
    torch.testing.assert_close(same, faces / 255, atol=1e-6, rtol=0)
    assert not Augment.none(24)(faces).flipped.any()


def test_flip_mirrors_exactly_the_flipped(faces):
    out, flipped = only(flip=0.5)(faces, seed())
    assert 0.3 < flipped.float().mean() < 0.7
    expected = torch.where(flipped[:, None, None, None], faces.flip(3), faces) / 255
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)


def test_flipped_faces_look_from_the_opposite_camera(tiny_prepared):
    p = tiny_prepared
    views = torch.from_numpy(p.view_ids)
    images = torch.from_numpy(p.images()).permute(0, 3, 1, 2)
    mirrored = only(flip=1.0)(images, seed()).images
    opposite = mirror_views(p.views)[views]
    mean = torch.stack([(images / 255)[views == v].mean(0) for v in range(5)])  # (V, 3, H, W)
    distance = (mirrored[:, None] - mean).square().mean((2, 3, 4))  # (N, V)
    same, other = distance.gather(1, views[:, None]), distance.gather(1, opposite[:, None])
    turned = views != 2
    assert (other < same)[turned].float().mean() > 0.95


def test_mirror_views():
    table = mirror_views(VIEWS)
    assert table.tolist() == [4, 3, 2, 1, 0]
    assert mirror_views(["straight", "half_right", "half_left"]).tolist() == [0, 2, 1]
    with pytest.raises(ValueError, match="half_left, which is not among them"):
        mirror_views(["straight", "half_right"])


def centre(images):
    """Where the middle of each output was in the source, as a fraction of the side: (N, 2)."""
    return images[:, :2, 11:13, 11:13].mean((2, 3)) - 0.5


def test_shift(smooth):
    moved = centre(only(shift=0.1)(smooth, seed()).images)
    assert moved.abs().max() <= 0.1 + 1e-5
    assert (moved.amax(0) > 0.09).all() and (moved.amin(0) < -0.09).all()


def test_scale(smooth):
    out = only(scale=(0.8, 1.25))(smooth, seed()).images
    zoom = (out[:, 0, 12, 13] - out[:, 0, 12, 10]) * 24 / 3  # source pixels per output pixel
    assert 0.8 - 1e-3 <= zoom.min() < 0.82 and 1.22 < zoom.max() <= 1.25 + 1e-3
    assert zoom.log().mean().abs() < 0.03
    larger = only(scale=(1.25, 1.25))(smooth, seed()).images
    assert larger[0, 0, 12, 23] < smooth[0, 0, 12, 23]  # content grows: the edge is cut off


def test_rotate(smooth):
    out = only(rotate=20.0)(smooth, seed()).images
    across, down = out[:, :2, 12, 13] - out[:, :2, 12, 10], out[:, :2, 13, 12] - out[:, :2, 10, 12]
    angle = torch.atan2(across[:, 1], across[:, 0]).rad2deg()
    assert angle.abs().max() <= 20 + 1e-2 and angle.max() > 18 and angle.min() < -18
    assert (across * down).sum(1).abs().max() < 1e-5  # a turn, not a shear
    torch.testing.assert_close(across.norm(dim=1), torch.full((200,), 3 / 24), atol=1e-4, rtol=0)


def test_color_is_what_it_is_in_words(faces):
    """Gains, brightness, saturation, contrast one after another, with the same draws."""
    augment = only(brightness=0.2, contrast=0.3, saturation=0.4, gains=0.1, gray=0.2)
    images = faces * 0.5 / 255 + 0.2  # far enough from 0 and 1 that nothing is clipped
    out = augment(images, seed(3)).images
    draw = torch.rand(70, 18, generator=seed(3))
    luma = torch.tensor([0.299, 0.587, 0.114])
    for i, image in enumerate(images):
        u = (2 * draw[i] - 1).tolist()
        x = image * (1 + 0.1 * torch.tensor(u[13:16]))[:, None, None]
        x = x * (1 + 0.2 * u[9])
        gray = (luma[:, None, None] * x).sum(0)
        keep = 0.0 if draw[i, 12] < 0.2 else 1 + 0.4 * u[11]
        x = keep * x + (1 - keep) * gray
        mean = (luma[:, None, None] * x).sum(0).mean()
        x = (x - mean) * (1 + 0.3 * u[10]) + mean
        torch.testing.assert_close(out[i], x.clamp(0, 1), atol=2e-5, rtol=0)


def test_gray(faces):
    out = only(gray=1.0, gains=0.2)(faces, seed()).images
    assert (out.amax(1) - out.amin(1)).max() < 1e-5
    share = (only(gray=0.3)(faces, seed()).images.std(1).amax((1, 2)) < 1e-5).float().mean()
    assert 0.15 < share < 0.45


@pytest.mark.parametrize("name", ["blur", "lowres"])
def test_soft_images(faces, name):
    out = only(**{name: 0.4})(faces, seed()).images

    def detail(x):
        return (x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3))

    changed = (out - faces / 255).abs().amax((1, 2, 3)) > 1e-3
    assert 0.2 < changed.float().mean() < 0.6
    assert (detail(out) < detail(faces / 255))[changed].all()
    torch.testing.assert_close(
        out.mean((1, 2, 3)), (faces / 255).mean((1, 2, 3)), atol=0.02, rtol=0
    )


def test_blur_is_a_gaussian():
    dot = torch.zeros(1, 3, 41, 41)
    dot[:, :, 20, 20] = 1.0
    out = only(41, blur=1.0)(dot, seed()).images[0, 0]
    sigma = 41 / 40 * (0.25 + 0.75 * torch.rand(1, 18, generator=seed())[0, 8])
    assert abs(out.sum() - 1) < 1e-5 and torch.equal(out, out.T)
    expected = math.exp(-0.5 / sigma.item() ** 2)
    assert abs((out[20, 21] / out[20, 20]).item() - expected) < 1e-4


def test_noise():
    flat = torch.full((400, 3, 24, 24), 0.5)
    spread = only(noise=0.5)(flat, seed()).images.std((1, 2, 3))
    assert 0.4 < (spread > 1e-6).float().mean() < 0.6
    assert 0.05 < spread.max() < 0.07


def test_our_grid_is_torchs():
    theta = torch.randn(5, 2, 3)
    expected = F.affine_grid(theta, (5, 3, 9, 9), align_corners=False)
    torch.testing.assert_close(_grid(theta, 9), expected)


def test_shrinking_averages():
    """A one-pixel checkerboard must turn gray, not black or white."""
    board = (torch.arange(24)[:, None] + torch.arange(24)) % 2 * 255
    board = board.to(torch.uint8).expand(4, 3, 24, 24)
    assert torch.equal(_shrink(board, 12), torch.full((4, 3, 12, 12), 127.5))
    assert torch.equal(_shrink(board, 6), torch.full((4, 3, 6, 6), 127.5))
    for size in (12, 10, 6):
        out = only(size, shift=0.1)(board, seed()).images
        assert (out - 0.5).abs().max() < 0.2


def test_images_that_are_not_square(faces):
    wide = F.interpolate(faces.float(), (24, 60)).byte()
    out = only(shift=0.01)(wide, seed())
    assert out.images.shape == (70, 3, 24, 24)
    assert (out.images - faces / 255).abs().mean() < 0.03


def test_autocast_changes_nothing(faces):
    augment = Augment.strong(24)
    expected = augment(faces, seed()).images
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(augment(faces, seed()).images, expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_makes_the_same_choices(faces):
    for augment in (Augment.strong(24), Augment.wide(24), Augment(12), Augment.none(16)):
        cpu, cuda = augment(faces, seed()), augment(faces.cuda(), seed())
        assert cuda.images.is_cuda and cuda.flipped.is_cuda
        assert torch.equal(cuda.flipped.cpu(), cpu.flipped)
        torch.testing.assert_close(cuda.images.cpu(), cpu.images, atol=2e-3, rtol=0)


def test_an_empty_batch():
    for preset in PRESETS:
        out = preset(24)(torch.zeros(0, 3, 24, 24, dtype=torch.uint8), seed())
        assert out.images.shape == (0, 3, 24, 24)


def test_bad_arguments(faces):
    with pytest.raises(ValueError, match=r"expected images \(N, 3, H, W\), got \(70, 24, 24, 3\)"):
        Augment(24)(faces.permute(0, 2, 3, 1))
    with pytest.raises(ValueError, match="uint8 or float images, got torch.int64"):
        Augment(24)(faces.long())
    with pytest.raises(ValueError, match=r"blur is a probability in \[0, 1\], got 1.5"):
        Augment(24, blur=1.5)
    with pytest.raises(ValueError, match="brightness"):
        Augment(24, brightness=-0.1)
    with pytest.raises(ValueError, match="low to high"):
        Augment(24, scale=(1.2, 0.8))


def test_repr_and_state():
    augment = Augment.mild(48)
    assert "size=48" in repr(augment) and "scale=(0.88, 1.1)" in repr(augment)
    assert not augment.state_dict()
