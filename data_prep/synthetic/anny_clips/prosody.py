"""How an emotion sounds: rate, pitch, range, brightness and loudness of one speaker's voice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_prep.synthetic.anny_clips.speech import ACCENTS, SAMPLE_RATE, VARIANTS, Utterance

LEVEL = -25.0  # dB below full scale of a neutral voice while it speaks
ROOM = -62.0  # dB of the room's noise

# emotion → rate (factor), pitch and range (of 100), loudness (dB), spectral tilt, at strength 1
PROSODY: dict[str, tuple[float, float, float, float, float]] = {
    "afraid": (1.25, 18, -10, -1, 0.0),
    "angry": (1.15, 3, 20, 5, 0.25),
    "disgusted": (0.85, -8, 5, 0, 0.1),
    "happy": (1.10, 12, 25, 2, 0.05),
    "neutral": (1.0, 0, 0, 0, 0.0),
    "sad": (0.78, -12, -30, -5, -0.25),
    "surprised": (1.05, 16, 40, 3, 0.0),
}


@dataclass(frozen=True)
class Voice:
    """A speaker's voice: accent+variant, words a minute, pitch 0…100, gain in dB."""

    name: str
    rate: float
    pitch: float
    gain: float


@dataclass(frozen=True)
class Delivery:
    """One way of saying something: what the synthesiser is asked, and what is done afterwards."""

    utterance: Utterance
    gain: float  # dB
    tilt: float  # above 0 brighter, below 0 duller


def sample_voice(rng: np.random.Generator, gender: str) -> Voice:
    """A voice of a gender ("female" or "male")."""
    accent, variant = rng.choice(ACCENTS), rng.choice(VARIANTS[gender])
    return Voice(
        name=f"{accent}+{variant}",
        rate=float(rng.uniform(182, 208)),
        pitch=float(rng.uniform(42, 55)),
        gain=float(rng.normal(0, 1.0)),
    )


def deliver(
    rng: np.random.Generator, voice: Voice, text: str, emotion: str, strength: float
) -> Delivery:
    """How a voice says a text with an emotion, `strength` times the table; no two are equal."""
    faster, higher, wider, louder, brighter = PROSODY[emotion]
    rate = voice.rate * faster**strength * np.exp(rng.normal(0, 0.05))
    pitch = voice.pitch + strength * higher + rng.normal(0, 3)
    spread = 50 + strength * wider + rng.normal(0, 5)
    utterance = Utterance(
        text=text,
        voice=voice.name,
        rate=int(np.clip(round(rate), 90, 400)),
        pitch=int(np.clip(round(pitch), 0, 99)),
        range=int(np.clip(round(spread), 0, 99)),
    )
    return Delivery(
        utterance=utterance,
        gain=float(voice.gain + strength * louder + rng.normal(0, 1.5)),
        tilt=float(np.clip(strength * brighter + rng.normal(0, 0.04), -0.7, 0.7)),
    )


def record(
    rng: np.random.Generator,
    samples: np.ndarray,
    delivery: Delivery,
    lead: float,
    seconds: float,
) -> np.ndarray:
    """A clip's sound track, float32 (S,) at 16 kHz.

    Args:
        samples: float32 (S,), the synthesiser's.
        lead: seconds of silence before the first word.
        seconds: length of the clip.
    """
    tilted = samples.astype(np.float64)
    tilted[1:] -= delivery.tilt * samples[:-1]
    # Voices come at very different levels: their own is taken away before the emotion's is set.
    tilted *= 10 ** ((LEVEL + delivery.gain - _active_level(tilted)) / 20)
    track = 10 ** (ROOM / 20) * rng.standard_normal(round(seconds * SAMPLE_RATE))
    start = round(lead * SAMPLE_RATE)
    track[start : start + len(tilted)] += tilted[: len(track) - start]
    return np.tanh(track).astype(np.float32)


def loudness(track: np.ndarray, times: np.ndarray, width: float = 0.06) -> np.ndarray:
    """Loudness 0…1 around each of `times` (seconds), 1 at the loudest of them."""
    power = np.concatenate([[0.0], np.cumsum(np.square(track, dtype=np.float64))])
    low = np.clip(((times - width) * SAMPLE_RATE).astype(int), 0, len(track) - 1)
    high = np.clip(((times + width) * SAMPLE_RATE).astype(int), low + 1, len(track))
    decibels = 10 * np.log10((power[high] - power[low]) / (high - low) + 1e-12)
    return np.clip(1 + (decibels - decibels.max()) / 30, 0, 1)


def _active_level(samples: np.ndarray) -> float:
    """Level in dB over the 20 ms pieces that are less than 30 dB below the loudest."""
    size = SAMPLE_RATE // 50
    pieces = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.square(pieces).mean(axis=1)
    return float(10 * np.log10(power[power > power.max() / 1000].mean()))
