"""What a face does while it speaks: the emotion comes and goes, the lips follow the phonemes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_prep.synthetic.anny_clips.prosody import loudness
from fermodels.faces import ACTIONS, Difficulty, Person, sample_take, unit_weights

_FINE = 100  # steps a second of the mouth's own curve, before it is looked at frame by frame

# Mouth of a phoneme, by the first letter of its IPA: how far the jaw opens, and the lips.
_MOUTHS: dict[str, dict[str, float]] = {
    "mbp": {"mouthPress": 0.35, "mouthRollLower": 0.15},
    "fv": {"jawOpen": 0.06, "mouthRollLower": 0.5},
    "wuʊo": {"jawOpen": 0.22, "mouthPucker": 0.55, "mouthFunnel": 0.25},
    "ɔɒ": {"jawOpen": 0.45, "mouthFunnel": 0.35},
    "aɑæʌ": {"jawOpen": 0.6, "mouthLowerDown": 0.15},
    "eɛəɜɐ": {"jawOpen": 0.38, "mouthLowerDown": 0.15},
    "iɪj": {"jawOpen": 0.18, "mouthStretch": 0.25},
    "ʃʒɹr": {"jawOpen": 0.12, "mouthFunnel": 0.35},
    "szθðtdnlɾ": {"jawOpen": 0.14, "mouthLowerDown": 0.1},
    "kɡgŋh": {"jawOpen": 0.2},
}
_SHAPES = tuple(sorted({action for mouth in _MOUTHS.values() for action in mouth}))
_BY_LETTER = {
    letter: np.array([mouth.get(action, 0.0) for action in _SHAPES])
    for letters, mouth in _MOUTHS.items()
    for letter in letters
}
_HIDES = 0.45  # how much of the mouth's expression loud speech takes away
_STRESS = "ˈˌː"
_IS_MOUTH = np.array([name.startswith(("mouth", "jaw")) for name in ACTIONS])
_JAW = ACTIONS.index("jawOpen")


@dataclass(frozen=True)
class Performance:
    """A face over the T frames of a clip.

    Attributes:
        actions: float32 (T, 52), weights of the facial actions.
        poses: float (T, 3), how the head is turned: yaw, pitch, roll in degrees.
        level: float (T,), 0…1, how far the emotion has come.
    """

    actions: np.ndarray
    poses: np.ndarray
    level: np.ndarray


def perform(
    rng: np.random.Generator,
    person: Person,
    emotion: str,
    strength: float,
    track: np.ndarray,
    phonemes: tuple[tuple[float, str], ...],
    times: np.ndarray,
    people: Difficulty,
) -> Performance:
    """How a person's face shows an emotion while saying something.

    Args:
        strength: of the emotion at its apex, 1 = the expression in full.
        track: float32 (S,), 16 kHz, the sound.
        phonemes: (seconds from the start of the track, IPA).
        times: float (T,), the moments of the frames in seconds.
    """
    still = sample_take(rng, person, "neutral", people)
    felt = sample_take(rng, person, emotion, people)
    level = emotion_curve(rng, times)  # (T,)
    # Not sample_take's own intensity: the resting face must show through what has not come yet.
    shown = still.actions + strength * level[:, None] * (felt.actions - still.actions)  # (T, 52)
    poses = still.pose + level[:, None] * (np.array(felt.pose) - still.pose)

    loud = loudness(track, times)
    # Speaking takes the lips: it hides part of an expression, most where it is loud.
    shown = shown * (1 - _HIDES * np.outer(loud, _IS_MOUTH))
    shown = shown + mouth(track, phonemes, times) + gestures(rng, times)
    shown[:, _JAW] = shown[:, _JAW].clip(max=0.85)
    poses = poses + sway(rng, times)
    poses[:, 1] += 1.5 * (loud - loud.mean())
    return Performance(shown.clip(0, 1).astype(np.float32), poses, level)


def emotion_curve(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Onset, apex, offset: (T,) in 0…1, timed anew in every clip."""
    end = times[-1] + times[1]
    start, full = rng.uniform(0.0, 0.15), rng.uniform(0.22, 0.45)
    fading, gone = rng.uniform(0.6, 0.85), rng.uniform(0.95, 1.2)
    before, after = rng.uniform(0.0, 0.25), rng.uniform(0.1, 0.5)
    x = times / end
    up = smooth((x - start) / (full - start))
    down = smooth((x - fading) / (gone - fading))
    return (before + (1 - before) * up) * (1 - (1 - after) * down)


def mouth(
    track: np.ndarray, phonemes: tuple[tuple[float, str], ...], times: np.ndarray
) -> np.ndarray:
    """Actions (T, 52) of speaking: lips by the phoneme, jaw by phoneme and loudness."""
    steps = np.arange(int((times[-1] + times[1]) * _FINE) + 1) / _FINE
    shapes = np.zeros((len(steps), len(_SHAPES)))
    stops = [start for start, _ in phonemes[1:]] + [np.inf]
    for (start, symbol), stop in zip(phonemes, stops, strict=False):
        letter = symbol.lstrip(_STRESS)[:1]
        if letter in _BY_LETTER:
            shapes[(steps >= start) & (steps < stop)] = _BY_LETTER[letter]
    shapes[:, _SHAPES.index("jawOpen")] *= 0.25 + 0.75 * loudness(track, steps)
    window = np.hanning(15)  # lips are heavy: about 0.14 s
    window /= window.sum()
    shapes = np.stack([np.convolve(column, window, mode="same") for column in shapes.T], axis=1)
    out = np.zeros((len(times), len(ACTIONS)))
    for shape, action in enumerate(_SHAPES):
        curve = np.interp(times, steps, shapes[:, shape])
        for name in (action, action + "Left", action + "Right"):
            if name in ACTIONS:
                out[:, ACTIONS.index(name)] = curve
    return out


def gestures(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Actions (T, 52) that mean nothing: blinks, and often a lift or a knit of the brows."""
    out = blinks(times, rng.uniform(0, times[-1], rng.integers(0, 3)))
    units = ({1: 0.5, 2: 0.5}, {4: 0.45}, {2: 0.4}, {})[rng.integers(4)]
    moment, width = rng.uniform(0, times[-1]), rng.uniform(0.2, 0.45)
    size = rng.uniform(0.4, 1.0)
    out += np.outer(np.exp(-(((times - moment) / width) ** 2)), size * unit_weights(units))
    return out


def blinks(times: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Actions (T, 52) of lids that close and open at these moments, in seconds."""
    out = np.zeros((len(times), len(ACTIONS)))
    blink = np.zeros(len(ACTIONS))
    blink[[ACTIONS.index("eyeBlinkLeft"), ACTIONS.index("eyeBlinkRight")]] = 1
    for moment in moments:
        out += np.outer(np.exp(-(((times - moment) / 0.09) ** 2)), blink)
    return out


def sway(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Slow movement of the head: (T, 3) degrees around 0."""
    size = np.abs(rng.normal(0, [3.0, 2.0, 1.5]))
    pace, phase = rng.uniform(0.2, 0.6, 3), rng.uniform(0, 2 * np.pi, 3)
    return size * np.sin(2 * np.pi * pace * times[:, None] + phase)


def smooth(x: np.ndarray) -> np.ndarray:
    """0 before 0, 1 after 1, without a corner."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
