"""What a turning head does: it turns, halts and shows an expression, and talks on its way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_prep.synthetic.anny_clips.acting import blinks, mouth, smooth, sway
from data_prep.synthetic.anny_clips.speech import SAMPLE_RATE
from fermodels.faces import Difficulty, Person, sample_take

# Degrees at which the head halts, from one to the next; it comes from and goes back to 0.
HALTS = (0.0, -45.0, -90.0, 45.0, 90.0)
HALTING = 0.5  # share of the film
_STARTING = 15.0  # degrees that starting and stopping cost, as turning would
_BLINKS = (2.0, 4.5)  # seconds from one to the next
_SYLLABLE = (0.16, 0.26)  # seconds
_CONSONANTS, _VOWELS = "mbpfvwszdtnlrkʃ", "aeiouɔæə"
_PEOPLE = Difficulty(intensity=(1.0, 1.1), unit_spread=0.15, pose=(0.0, 2.0, 1.5))


@dataclass(frozen=True)
class Act:
    """One person over the T frames of a film.

    Attributes:
        actions: float32 (T, 52), weights of the facial actions.
        poses: float (T, 3), how the head is turned as the camera sees it: yaw, pitch, roll in
            degrees; at −90 the nose points to the image's left edge.
        expressions: T names, the one that is being shown, `neutral` between them.
        level: float (T,), 0…1, how far it has come.
        speaking: bool (T,).
    """

    actions: np.ndarray
    poses: np.ndarray
    expressions: np.ndarray
    level: np.ndarray
    speaking: np.ndarray


def act(
    rng: np.random.Generator,
    person: Person,
    expressions: tuple[str, ...],
    times: np.ndarray,
    seconds: float,
    mirrored: bool = False,
    hold: bool = False,
) -> Act:
    """A person turns to full left, then to full right.

    At each halt an expression is shown, or several where there are more expressions than halts;
    where there are fewer, they come again.

    Args:
        times: (T,), the moments of the frames, 0…seconds.
        mirrored: first to full right.
        hold: the first expression is there from beginning to end, and nothing is said, as a person
            does who shows it to a camera from all sides.
    """
    halts, yaw = turn(times, seconds)
    still = sample_take(rng, person, "neutral", _PEOPLE)
    shown = np.repeat(still.actions[None].astype(float), len(times), axis=0)
    poses = np.repeat(np.array(still.pose)[None], len(times), axis=0)
    names = np.full(len(times), "neutral", dtype=object)
    level = np.zeros(len(times))
    shows = [(expressions[0], 0.0, seconds)] if hold else showings(halts, expressions)
    for name, start, stop in shows:
        felt = sample_take(rng, person, name, _PEOPLE)
        rise = smooth((times - start) / (0.3 * (stop - start)))
        part = rise * smooth((stop - times) / (0.25 * (stop - start)))
        part = np.ones(len(times)) if hold else part
        shown += part[:, None] * (felt.actions - still.actions)
        poses += part[:, None] * (np.array(felt.pose) - still.pose)
        now = (times >= start) & (times < stop)
        names[now], level[now] = name, part[now]
    speaking = ~np.any([(times >= start) & (times < stop) for start, stop in halts], axis=0)
    if hold:
        speaking[:] = False
    else:
        pauses = np.array([0.0, *np.ravel(halts), seconds]).reshape(-1, 2)
        shown += mouth(*_speech(rng, pauses, seconds), times)
    moments = np.cumsum(rng.uniform(*_BLINKS, int(seconds / _BLINKS[0]) + 1))
    shown += blinks(times, moments)
    aside = sway(rng, times) * [0.4, 0.6, 0.6]
    aside[:, 0] *= 1 - np.abs(yaw) / 90  # the profiles are at ±90 degrees
    poses += aside
    poses[:, 0] += -yaw if mirrored else yaw
    return Act(shown.clip(0, 1).astype(np.float32), poses, names, level, speaking)


def turn(times: np.ndarray, seconds: float) -> tuple[list[tuple[float, float]], np.ndarray]:
    """(start, stop) of each halt, and the head's yaw (T,) in degrees, eased between them."""
    path = [*HALTS, 0.0]
    ways = _STARTING + np.abs(np.diff(path))
    ways *= (1 - HALTING) * seconds / ways.sum()
    halt = HALTING * seconds / len(HALTS)
    starts = np.concatenate([[0.0], np.cumsum(halt + ways)[:-1]])
    yaw = np.zeros(len(times))
    for start, way, here, there in zip(starts, ways, path, path[1:], strict=False):
        yaw += (there - here) * smooth((times - start - halt) / way)
    return [(float(start), float(start + halt)) for start in starts], yaw


def showings(
    halts: list[tuple[float, float]], expressions: tuple[str, ...]
) -> list[tuple[str, float, float]]:
    """(expression, start, stop) of all that is shown, in order."""
    count = max(len(halts), len(expressions))
    at = np.arange(count) * len(halts) // count
    shown = []
    for place, (start, stop) in enumerate(halts):
        own = np.flatnonzero(at == place)
        ends = np.linspace(start, stop, len(own) + 1)
        for number, begin, end in zip(own, ends[:-1], ends[1:], strict=True):
            shown.append((expressions[number % len(expressions)], float(begin), float(end)))
    return shown


def _speech(rng: np.random.Generator, stretches: np.ndarray, seconds: float):
    """A murmur without words: samples (S,), 16 kHz, and phonemes, as eSpeak NG would give them.

    Lips need sounds, but no text; so the film can be made without a synthesiser.
    """
    track = np.zeros(int(seconds * SAMPLE_RATE) + 1, np.float32)
    phonemes: list[tuple[float, str]] = []
    for start, stop in stretches:
        at = start + 0.1
        while at + _SYLLABLE[1] < stop - 0.1:
            end = at + rng.uniform(*_SYLLABLE)
            vowel = at + 0.35 * (end - at)
            phonemes += [(at, rng.choice(list(_CONSONANTS))), (vowel, rng.choice(list(_VOWELS)))]
            a, b, c = (int(t * SAMPLE_RATE) for t in (at, vowel, end))
            track[a:b], track[b:c] = 0.05, rng.uniform(0.12, 0.3)
            at = end
        phonemes.append((at, ""))
    return track, tuple(phonemes)
