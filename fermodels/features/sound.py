"""Sound → features: statistics of the log-mel spectrogram, or an audio encoder of Hugging Face."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fermodels.features.backbone import ClipByClip, FeatureError, digest
from fermodels.features.hugging_face import load
from fermodels.features.spectrograms import log_mel, mask_spectrogram, mask_waveform

_BANDS = 40
_SAMPLE_RATE = 16_000


class LogMelStatistics(ClipByClip):
    """How loud each mel band is, how much that varies, and how fast: 3 × 40 + 7 numbers.

    Mean, standard deviation and standard deviation of the differences between neighbouring frames
    for each band; the logarithm of the duration in seconds; mean, standard deviation, minimum,
    median and maximum of the frames' loudness (logarithm of the summed power), and the standard
    deviation of its differences. Nothing is normalised: level and tilt carry much of a voice's
    emotion. Copies are masked as in SpecAugment before the statistics are taken.
    """

    sample_rate = _SAMPLE_RATE
    dim = 3 * _BANDS + 7

    def __init__(self) -> None:
        self.name = f"log-mel@{digest([1, _BANDS, _SAMPLE_RATE])}"

    @torch.no_grad()
    def augmented(
        self, waveform: np.ndarray | Tensor, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Waveform (S,) of one clip → float32 (1 + len(generators), dim)."""
        waveform = torch.as_tensor(waveform)
        clean = log_mel(waveform, _SAMPLE_RATE, _BANDS)  # (bands, frames)
        masked = [mask_spectrogram(clean, generator=generator) for generator in generators]
        mel = torch.stack([clean, *masked])  # (C, bands, frames)
        loud = mel.logsumexp(1)  # (C, frames)
        seconds = torch.full((len(mel),), len(waveform) / _SAMPLE_RATE)
        columns = [
            mel.mean(2),
            mel.std(2, correction=0),
            _speed(mel),
            seconds.log()[:, None],
            torch.stack(
                [
                    loud.mean(1),
                    loud.std(1, correction=0),
                    loud.amin(1),
                    loud.median(1).values,
                    loud.amax(1),
                    _speed(loud),
                ],
                dim=1,
            ),
        ]
        return torch.cat(columns, dim=1).float()


def _speed(x: Tensor) -> Tensor:
    """Standard deviation of the differences between frames; 0 where there are no two."""
    if x.shape[-1] < 2:
        return torch.zeros_like(x[..., 0])
    return x.diff(dim=-1).std(-1, correction=0)


class HuggingFaceAudio(ClipByClip):
    """Mean over time of the last hidden states of an audio encoder of Hugging Face.

    Args:
        source: name on the Hub, "name@revision", or a folder.
        device: where the model runs.

    Raises:
        FeatureError: it cannot be loaded, or gives no hidden states.
        ImportError: `transformers` is not installed.
    """

    def __init__(self, source: str, device: str = "cpu") -> None:
        self.extract, self.model = load(source, "AutoFeatureExtractor")
        self.device = torch.device(device)
        self.model.to(self.device)
        self.dim = self.model.config.hidden_size
        self.sample_rate = self.extract.sampling_rate
        self.name = f"hf:{source}@{digest([1, self.extract.to_json_string()], self.model)}"

    @torch.no_grad()
    def augmented(
        self, waveform: np.ndarray | Tensor, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Waveform (S,) at `sample_rate` of one clip → float32 (1 + len(generators), dim)."""
        clean = torch.as_tensor(waveform).float()
        sounds = [clean, *(mask_waveform(clean, self.sample_rate, generator=g) for g in generators)]
        batch = self.extract(
            [sound.numpy() for sound in sounds],
            sampling_rate=self.sample_rate,
            return_tensors="pt",
        )
        hidden = getattr(self.model(**batch.to(self.device)), "last_hidden_state", None)
        if hidden is None or hidden.ndim != 3:
            raise FeatureError(f"{self.name} gives no hidden states (B, T, D) of sound")
        window = getattr(self.extract, "chunk_length", None)
        if window:  # Whisper hears 30 s, whatever there is: what lies beyond the clip is padding
            share = min(1.0, len(clean) / self.sample_rate / window)
            hidden = hidden[:, : max(1, math.ceil(share * hidden.shape[1]))]
        return hidden.mean(1).float().cpu()  # (1 + C, dim)
