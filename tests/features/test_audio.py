import math

import numpy as np
import pytest
import torch

from fermodels.features.spectrograms import (
    draw_masks,
    log_mel,
    mask_spectrogram,
    mask_waveform,
    mel_filters,
)

RATE = 16_000


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def noise(samples, dtype=torch.float32, seed=0):
    return (0.1 * torch.randn(samples, generator=seeded(seed))).to(dtype)


def mel_of(hertz):
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def hertz_of(mel):
    return 200 * mel / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def filters_by_loops(rate, n_fft, n_mels):
    step = mel_of(rate / 2) / (n_mels + 1)
    corners = [hertz_of(i * step) for i in range(n_mels + 2)]
    filters = np.zeros((n_mels, n_fft // 2 + 1))
    for band in range(n_mels):
        low, middle, high = corners[band : band + 3]
        for k in range(n_fft // 2 + 1):
            hertz = k * rate / n_fft
            if low < hertz <= middle:
                filters[band, k] = (hertz - low) / (middle - low)
            elif middle < hertz < high:
                filters[band, k] = (high - hertz) / (high - middle)
        filters[band] *= 2 / (high - low)
    return filters


def log_mel_by_loops(waveform, rate, n_mels, n_fft, hop, floor=1e-6):
    padded = np.concatenate([np.zeros(n_fft // 2), waveform, np.zeros(n_fft // 2)])
    window = [0.5 - 0.5 * math.cos(2 * math.pi * i / n_fft) for i in range(n_fft)]
    filters = filters_by_loops(rate, n_fft, n_mels)
    columns = []
    for start in range(0, len(padded) - n_fft + 1, hop):
        power = abs(np.fft.rfft(padded[start : start + n_fft] * window)) ** 2
        columns.append(np.log(np.maximum(filters @ power, floor)))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(
    "rate, n_mels, n_fft, hop, samples",
    [(16_000, 40, 400, 160, 3_000), (8_000, 20, 256, 100, 1_111), (22_050, 64, 1024, 256, 500)],
)
def test_log_mel_is_its_definition(rate, n_mels, n_fft, hop, samples):
    waveform = noise(samples, torch.float64)
    found = log_mel(waveform, rate, n_mels, n_fft, hop)
    expected = log_mel_by_loops(waveform.numpy(), rate, n_mels, n_fft, hop)
    assert found.shape == expected.shape == (n_mels, 1 + samples // hop)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    single = log_mel(waveform.float(), rate, n_mels, n_fft, hop)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, expected, atol=2e-4)


def test_filters_are_slaneys():
    from transformers import audio_utils

    other = audio_utils.mel_filter_bank(201, 40, 0, 8000, RATE, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_filters(RATE, 400, 40), other.T, atol=1e-12)
    assert (mel_filters(RATE, 400, 40).sum(1) > 0).all()


def test_a_sine_is_in_its_band_and_silence_at_the_floor():
    times = torch.arange(RATE, dtype=torch.float64) / RATE
    mel = log_mel(torch.sin(2 * math.pi * 1000 * times))[:, 10:-10]
    loudest = mel.argmax(0)
    assert (loudest == loudest[0]).all()
    assert mel_filters(RATE, 400, 40)[loudest[0], 25] > 0  # 1,000 Hz is bin 25
    assert 60 < mel.exp().max() < 200
    silent = log_mel(torch.zeros(RATE))
    assert (silent == torch.tensor(1e-6).log()).all()
    assert (log_mel(torch.zeros(RATE), floor=1e-10) < silent).all()


def test_batches_lengths_and_kinds_of_input():
    two = torch.stack([noise(2_000), noise(2_000, seed=1)])
    torch.testing.assert_close(log_mel(two)[1], log_mel(two[1]))
    assert log_mel(noise(1)).shape == (40, 1)
    assert log_mel(noise(500).numpy()).shape == (40, 4)
    assert log_mel(noise(500).half()).dtype == torch.float32
    assert log_mel(torch.full((500,), float("nan"))).isnan().any()  # it is not hidden


def test_bad_waveforms_are_named():
    with pytest.raises(TypeError, match="int16"):
        log_mel(torch.zeros(100, dtype=torch.int16))
    for shape in ((0,), (1, 2, 3), ()):
        with pytest.raises(ValueError, match=r"\(S,\) or \(B, S\)"):
            log_mel(torch.zeros(shape))
    for settings in ({"hop": 0}, {"n_mels": 0}, {"floor": 0.0}, {"sample_rate": 0}, {"n_fft": 1}):
        with pytest.raises(ValueError, match="must be positive"):
            log_mel(torch.zeros(100), **settings)


def test_masks_are_spans_as_wide_and_as_frequent_as_drawn_evenly():
    counts, starts = np.zeros(7, int), set()
    for seed in range(2000):
        bands, frames = draw_masks(40, 50, time_masks=0, generator=seeded(seed))
        assert not frames.any()
        at = bands.nonzero().flatten()
        counts[len(at)] += 1  # F = ⌊0.15 · 40⌋ = 6
        if len(at):
            assert at[-1] - at[0] == len(at) - 1  # one span
            starts.add(int(at[0]))
    assert abs(counts / 2000 - 1 / 7).max() < 0.03
    assert starts == set(range(40))  # also the last band can be the first of a span
    bands, frames = draw_masks(40, 50, frequency_share=1, time_share=0, generator=seeded())
    assert bands.any() and not frames.any()


def test_masks_repeat_with_their_generator():
    first, again = (draw_masks(40, 200, generator=seeded(3)) for _ in range(2))
    other = draw_masks(40, 200, generator=seeded(4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    for settings in ({"time_share": 1.5}, {"time_masks": -1}):
        with pytest.raises(ValueError, match="masks need"):
            draw_masks(40, 200, **settings)
    with pytest.raises(ValueError, match="masks need"):
        draw_masks(0, 200)


def test_a_masked_spectrogram_has_its_mean_in_the_masks_and_nowhere_else():
    mel = log_mel(noise(16_000))
    bands, frames = draw_masks(*mel.shape, generator=seeded(1))
    masked = mask_spectrogram(mel, generator=seeded(1))
    hidden = bands[:, None] | frames
    assert hidden.any() and not hidden.all()
    assert (masked[hidden] == mel.mean()).all() and torch.equal(masked[~hidden], mel[~hidden])
    with pytest.raises(ValueError, match="expected a spectrogram"):
        mask_spectrogram(mel[None])


def test_a_masked_waveform_is_silent_in_the_same_bands_and_frames():
    waveform = noise(16_000, torch.float64)
    settings = {"time_masks": 1, "time_share": 0.3, "frequency_share": 0.3}
    bands, frames = draw_masks(40, 101, generator=seeded(2), **settings)
    masked = mask_waveform(waveform, generator=seeded(2), **settings)
    assert masked.shape == waveform.shape and masked.dtype == waveform.dtype
    lost = log_mel(waveform) - log_mel(masked)
    inner_bands = [b for b in range(1, 39) if bands[b - 1 : b + 2].all()]
    inner_frames = [t for t in range(2, 99) if frames[t - 2 : t + 3].all()]
    kept_frames = [t for t in range(3, 98) if not frames[t - 3 : t + 4].any()]
    kept_bands = [b for b in range(1, 39) if not bands[b - 1 : b + 2].any()]
    assert inner_bands and inner_frames and kept_frames and kept_bands
    assert lost[:, inner_frames].mean() > 5
    assert lost[inner_bands][:, kept_frames].mean() > 2
    assert lost[kept_bands][:, kept_frames].abs().mean() < 0.05
    nothing = mask_waveform(waveform, frequency_masks=0, time_masks=0)
    torch.testing.assert_close(nothing[200:-200], waveform[200:-200])
    with pytest.raises(ValueError, match=r"\(S,\)"):
        mask_waveform(waveform[None])
