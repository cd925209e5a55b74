"""What `Augment` does to light, style and what is seen of a face, each image again by hand."""

import cmath
import math

import pytest
import torch

from fermodels.data import Augment
from fermodels.data.augmentation import _partners
from fermodels.data.light_and_style import WINDOW
from tests.data.test_augment import only, seed

MORE = ("gamma", "cutout", "shade", "style", "frequency")


@pytest.fixture(scope="module")
def faces(tiny_prepared):
    """Far enough from 0 and 1 that little is clipped: (70, 3, 24, 24)."""
    images = torch.from_numpy(tiny_prepared.images(range(70))).permute(0, 3, 1, 2)
    return images * 0.3 / 255 + 0.3


def draws(number=0, count=70):
    """The second set of numbers that a call with `seed(number)` draws: (count, 19)."""
    generator = seed(number)
    torch.rand(count, 18, generator=generator)
    return torch.rand(count, 19, generator=generator)


def partner(number, count=70):
    return min(int(number * count), count - 1)


def test_off_they_draw_nothing_and_say_nothing(faces):
    """Runs, stored features and their seeds of before these options stay what they are."""
    generator = seed()
    only(flip=0.5)(faces, generator)
    expected = seed()
    torch.rand(70, 18, generator=expected)
    assert torch.equal(generator.get_state(), expected.get_state())
    for preset in (Augment, Augment.mild, Augment.strong, Augment.none):
        assert not any(name in repr(preset(24)) for name in MORE)
    assert repr(Augment(24)) == (
        "Augment(size=24, shift=0.08, scale=(0.85, 1.18), rotate=6.0, flip=0.5, brightness=0.2, "
        "contrast=0.2, saturation=0.2, gains=0.08, gray=0.15, blur=0.1, lowres=0.15, noise=0.1)"
    )
    assert repr(Augment(24, gamma=0.3, style=0.2)).endswith("noise=0.1, gamma=0.3, style=0.2)")


@pytest.mark.parametrize("name", MORE)
def test_ranges(name):
    Augment(24, **{name: 0.0})
    Augment(24, **{name: 1.0})
    for wrong in (-0.01, 1.01, math.nan):
        kind = "a range" if name == "gamma" else "a probability"
        with pytest.raises(ValueError, match=rf"{name} is {kind} in \[0, 1\], got {wrong}"):
            Augment(24, **{name: wrong})


@pytest.mark.parametrize("name", MORE[1:])
def test_a_probability_chooses_images_and_leaves_the_others_alone(faces, name):
    out = only(**{name: 0.4})(faces, seed()).images
    changed = (out - faces).abs().amax((1, 2, 3)) > 1e-3
    assert 0.2 < changed.float().mean() < 0.6
    column = {"style": 1, "frequency": 4, "shade": 7, "cutout": 10}[name]
    assert not (changed & (draws()[:, column] >= 0.4)).any()


def test_gamma(faces):
    out = only(gamma=0.5)(faces, seed()).images
    for image, result, number in zip(faces, out, draws()[:, 0].tolist(), strict=True):
        exponent = math.exp(0.5 * (2 * number - 1))
        torch.testing.assert_close(result, image**exponent, atol=1e-5, rtol=0)
    ends = torch.stack([torch.zeros(3, 24, 24), torch.ones(3, 24, 24)])
    torch.testing.assert_close(only(gamma=1.0)(ends, seed()).images, ends, atol=1e-6, rtol=0)


def test_style_swaps_mean_and_deviation_of_each_color(faces):
    out = only(style=1.0)(faces, seed()).images
    for i, row in enumerate(draws().tolist()):
        j, share = partner(row[2]), row[3]
        for channel in range(3):
            x, y = faces[i, channel].double(), faces[j, channel].double()
            mean = (1 - share) * x.mean() + share * y.mean()
            std = (1 - share) * x.std(correction=0) + share * y.std(correction=0)
            wanted = (x - x.mean()) / x.std(correction=0) * std + mean
            torch.testing.assert_close(
                out[i, channel].double(), wanted.clamp(0, 1), atol=1e-4, rtol=0
            )


def test_style_of_images_without_any():
    flat = torch.rand(8, 3, 1, 1).expand(8, 3, 24, 24)
    for unit in (1, 255):
        images = flat if unit == 1 else (flat * 255).round().byte()
        out = only(style=1.0)(images, seed()).images
        assert out.std((2, 3)).max() < 1e-3  # rounding is not blown up to a pattern
        means, low, high = out.mean((2, 3)), flat.amin(0), flat.amax(0)
        assert (means >= low[:, 0, 0] - 1e-2).all() and (means <= high[:, 0, 0] + 1e-2).all()
    alone = only(style=1.0)(flat[:1], seed()).images
    torch.testing.assert_close(alone, flat[:1].contiguous(), atol=1e-6, rtol=0)


def test_frequency_mixes_the_amplitude_of_the_window_and_nothing_else(faces):
    out = only(frequency=1.0)(faces, seed()).images
    at = torch.fft.fftfreq(24, 1 / 24)
    window = (at[:, None].abs() <= WINDOW) & (at.abs() <= WINDOW)  # 5 × 5 waves
    assert int(window.sum()) == 25
    for i, row in enumerate(draws().tolist()):
        x, y = (torch.fft.fft2(faces[k].double()) for k in (i, partner(row[5])))
        amplitude = torch.where(window, torch.lerp(x.abs(), y.abs(), row[6]), x.abs())
        wanted = torch.fft.ifft2(torch.polar(amplitude, x.angle())).real
        torch.testing.assert_close(out[i].double(), wanted.clamp(0, 1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_frequency_of_tiny_pictures(size):
    """Where a picture is too small for the window, what there is of it is mixed."""
    images = torch.rand(6, 3, size, size, generator=seed()) * 0.3 + 0.4
    out = only(size, frequency=1.0)(images, seed()).images
    at = [f if f <= size // 2 else f - size for f in range(size)]
    chosen = [f for f in at if abs(f) <= WINDOW and 2 * abs(f) < size]
    for i, row in enumerate(draws(count=6).tolist()):
        x, y = images[i, 0].tolist(), images[partner(row[5], 6), 0].tolist()
        wanted = images[i, 0].clone()
        for u in chosen:
            for v in chosen:
                wave = [[cmath.exp(-2j * cmath.pi * (u * a + v * b) / size)
                         for b in range(size)] for a in range(size)]  # fmt: skip
                own, other = (
                    sum(z[a][b] * wave[a][b] for a in range(size) for b in range(size))
                    for z in (x, y)
                )
                change = own * (((1 - row[6]) * abs(own) + row[6] * abs(other)) / abs(own) - 1)
                for a in range(size):
                    for b in range(size):
                        wanted[a, b] += (change * wave[a][b].conjugate()).real / size**2
        torch.testing.assert_close(out[i, 0], wanted.clamp(0, 1), atol=1e-4, rtol=0)


def test_shade(faces):
    out = only(shade=1.0)(faces, seed()).images
    for i, row in enumerate(draws().tolist()):
        across, down = (0.5 * (2 * number - 1) for number in row[8:10])
        for y in (0, 11, 23):
            for x in (0, 12, 23):
                light = math.exp(across * ((2 * x + 1) / 24 - 1) + down * ((2 * y + 1) / 24 - 1))
                wanted = (faces[i, :, y, x] * light).clamp(0, 1)
                torch.testing.assert_close(out[i, :, y, x], wanted, atol=1e-5, rtol=0)


def test_cutout(faces):
    out = only(cutout=1.0)(faces, seed()).images
    hidden = []
    for i, row in enumerate(draws().tolist()):
        x, y, width, height = row[11], row[12], 0.1 + 0.4 * row[13], 0.1 + 0.4 * row[14]
        color = faces[i].mean((1, 2)) if row[15] < 0.5 else torch.tensor(row[16:19])
        wanted, count = faces[i].clone(), 0
        for a in range(24):
            for b in range(24):
                if abs((b + 0.5) / 24 - x) < width / 2 and abs((a + 0.5) / 24 - y) < height / 2:
                    wanted[:, a, b] = color
                    count += 1
        torch.testing.assert_close(out[i], wanted, atol=1e-5, rtol=0)
        hidden.append(count / 24**2)
    assert max(hidden) <= 0.25 + 0.05 and 0.03 < sum(hidden) / 70 < 0.12
    colored = (draws()[:, 15] >= 0.5).float().mean()
    assert 0.3 < colored < 0.7


def test_cutout_is_seen_through_the_camera(faces):
    """Blur, cast and noise come after it: no edge is sharper than the picture's own."""
    out = only(cutout=1.0, gray=1.0, blur=1.0)(faces, seed()).images
    assert (out.amax(1) - out.amin(1)).max() < 1e-5


def test_partners_are_any_of_the_batch():
    number = torch.rand(20_000, generator=seed())
    share = torch.bincount(_partners(number), minlength=20_000)
    assert share.max() < 12 and len(share) == 20_000
    assert _partners(torch.tensor([0.0, 0.5, 1 - 2**-24])).tolist() == [0, 1, 2]
    assert _partners(torch.full((70_001,), 1 - 2**-24)).max() == 70_000


@pytest.mark.parametrize("option", [*MORE, "wide"])
def test_neighbours_in_the_batch_get_no_more_alike_than_others(option):
    """Images of an instance lie together. What is added must not tell which they are."""
    count, each = 700, 5
    base = torch.rand(1, 3, 24, 24, generator=seed()).expand(count, -1, -1, -1) * 0.4 + 0.3
    tint = torch.rand(count, 3, 1, 1, generator=seed(1)) * 0.2 - 0.1  # partners that differ
    images = (base + tint).clamp(0, 1)
    augment = Augment.wide(24) if option == "wide" else only(**{option: 1.0})
    added = (augment(images, seed(2)).images - images).flatten(1)  # (count, D)
    instance = torch.arange(count) // each
    distance = torch.cdist(added, added)
    same = (instance[:, None] == instance) & ~torch.eye(count, dtype=torch.bool)
    within = torch.stack([distance[i, same[i]].mean() for i in range(count)])
    across = torch.stack([distance[i, instance != instance[i]].mean() for i in range(count)])
    difference = (within - across).view(-1, each).mean(1)  # one an instance
    error = difference.std() / len(difference) ** 0.5
    assert abs(difference.mean()) < 3.5 * error
