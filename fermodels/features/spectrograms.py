"""Sound as pictures: log-mel spectrograms, and masks over time and frequency."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

# Slaney's mel scale: linear up to 1 kHz (15 mel), logarithmic above (27 mel for a factor of 6.4).
_HZ_PER_MEL, _CORNER_HZ, _CORNER_MEL = 200 / 3, 1000.0, 15.0
_STEP = math.log(6.4) / 27


def log_mel(
    waveform: Tensor,
    sample_rate: int = 16_000,
    n_mels: int = 40,
    n_fft: int = 400,
    hop: int = 160,
    *,
    floor: float = 1e-6,
) -> Tensor:
    """Natural logarithm of the power in mel bands, (…, n_mels, 1 + S // hop).

    Before the logarithm it is `librosa.feature.melspectrogram` with its own settings: power 2,
    Hann window, frames centred and padded with zeros, Slaney's mel scale (not HTK's) and triangles
    of equal area. The default frames are 25 ms long and 10 ms apart.

    Args:
        waveform: (S,) or (B, S) floats in [-1, 1].
        sample_rate: samples a second.
        n_mels: number of bands between 0 Hz and half the sample rate.
        n_fft, hop: length and distance of frames in samples.
        floor: powers below this count as this. A full-scale sine has about 100, so 1e-6 is 80 dB
            below it: digital silence is then no different from a quiet room.

    Raises:
        TypeError: the waveform is not of floats.
        ValueError: it is empty or of another shape, or a setting is not positive.
    """
    waveform = torch.as_tensor(waveform)
    if not waveform.is_floating_point():
        raise TypeError(f"log_mel takes floats in [-1, 1], got {waveform.dtype}")
    if waveform.ndim not in (1, 2) or 0 in waveform.shape:
        raise ValueError(f"expected a waveform (S,) or (B, S), got {tuple(waveform.shape)}")
    if min(sample_rate, n_mels, hop, floor) <= 0 or n_fft < 2:
        raise ValueError(
            f"sample_rate, n_mels, n_fft, hop and floor must be positive; got {sample_rate}, "
            f"{n_mels}, {n_fft}, {hop}, {floor}"
        )
    if waveform.dtype != torch.float64:
        waveform = waveform.float()
    power = _stft(waveform, n_fft, hop).abs().square()  # (…, n_fft // 2 + 1, frames)
    filters = mel_filters(sample_rate, n_fft, n_mels).to(power)
    return (filters @ power).clamp(min=floor).log()  # (…, n_mels, frames)


def _stft(waveform: Tensor, n_fft: int, hop: int) -> Tensor:
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    return torch.stft(
        waveform, n_fft, hop, window=window, center=True, pad_mode="constant", return_complex=True
    )


@lru_cache(maxsize=16)
def mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> Tensor:
    """Triangles over the bins of a Fourier transform, float64 (n_mels, n_fft // 2 + 1).

    Their corners are equally spaced in mel from 0 Hz to half the sample rate; each has area 1
    (in 1/Hz), as librosa's `filters.mel(norm="slaney", htk=False)`.
    """
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    corners = torch.linspace(0, _to_mel(sample_rate / 2), n_mels + 2, dtype=torch.float64)
    corners = _to_hertz(corners)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return torch.minimum(rising, falling).clamp(min=0) * 2 / (high - low)


def _to_mel(hertz: float) -> float:
    if hertz < _CORNER_HZ:
        return hertz / _HZ_PER_MEL
    return _CORNER_MEL + math.log(hertz / _CORNER_HZ) / _STEP


def _to_hertz(mel: Tensor) -> Tensor:
    above = _CORNER_HZ * torch.exp(_STEP * (mel - _CORNER_MEL))
    return torch.where(mel < _CORNER_MEL, mel * _HZ_PER_MEL, above)


def draw_masks(
    bands: int,
    frames: int,
    *,
    frequency_masks: int = 1,
    frequency_share: float = 0.15,
    time_masks: int = 2,
    time_share: float = 0.15,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """What SpecAugment hides (Park et al., Interspeech 2019, arXiv 1904.08779, section 2).

    A mask of f neighbouring bands, f drawn evenly from 0 to F, starts at a band drawn evenly from
    0 to bands − f; masks over time likewise. They may overlap.

    Args:
        bands, frames: size of the spectrogram.
        frequency_masks, time_masks: how many.
        frequency_share, time_share: the widest, F and T, as a share of all bands or frames.
        generator: a CPU generator; default torch's own.

    Returns:
        bool (bands,) and bool (frames,), true where hidden.
    """
    hidden = []
    settings = ((bands, frequency_masks, frequency_share), (frames, time_masks, time_share))
    for length, count, share in settings:
        if length < 1 or count < 0 or not 0 <= share <= 1:
            raise ValueError(
                f"masks need a length of 1 or more, a count of 0 or more and a share in [0, 1]; "
                f"got {length}, {count}, {share}"
            )
        draw = torch.rand(2, count, dtype=torch.float64, generator=generator)
        width = (draw[0] * (math.floor(share * length) + 1)).floor()
        start = (draw[1] * (length - width + 1)).floor()
        at = torch.arange(length)[:, None]
        hidden.append(((at >= start) & (at < start + width)).any(1))
    return hidden[0], hidden[1]


def mask_spectrogram(
    spectrogram: Tensor, *, generator: torch.Generator | None = None, **settings
) -> Tensor:
    """SpecAugment: bands and frames of one spectrogram (bands, frames) replaced by its mean.

    `settings` are those of `draw_masks`.
    """
    if spectrogram.ndim != 2:
        raise ValueError(f"expected a spectrogram (bands, frames), got {tuple(spectrogram.shape)}")
    bands, frames = draw_masks(*spectrogram.shape, generator=generator, **settings)
    hidden = (bands[:, None] | frames).to(spectrogram.device)
    return torch.where(hidden, spectrogram.mean(), spectrogram)


def mask_waveform(
    waveform: Tensor,
    sample_rate: int = 16_000,
    n_mels: int = 40,
    n_fft: int = 400,
    hop: int = 160,
    *,
    generator: torch.Generator | None = None,
    **settings,
) -> Tensor:
    """SpecAugment for what listens to samples: the same masks, silent in a waveform (S,).

    A hidden mel band takes the Fourier bins with it in which it is the strongest band. `settings`
    are those of `draw_masks`.
    """
    if waveform.ndim != 1 or len(waveform) == 0:
        raise ValueError(f"expected a waveform (S,), got {tuple(waveform.shape)}")
    spectrum = _stft(waveform, n_fft, hop)  # (n_fft // 2 + 1, frames)
    bands, frames = draw_masks(n_mels, spectrum.shape[1], generator=generator, **settings)
    strength, owner = mel_filters(sample_rate, n_fft, n_mels).max(0)  # both (n_fft // 2 + 1,)
    hidden = (bands[owner] & (strength > 0))[:, None] | frames
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    spectrum = spectrum.masked_fill(hidden.to(waveform.device), 0)
    return torch.istft(spectrum, n_fft, hop, window=window, length=len(waveform))
