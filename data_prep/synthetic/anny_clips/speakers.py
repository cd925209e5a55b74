"""Who speaks: a face, a voice, a room; and what each modality of a clip shows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from data_prep.synthetic.anny_clips.prosody import Voice, sample_voice
from fermodels.faces import Difficulty, Person, Session, sample_person, sample_session

EMOTIONS = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")


@dataclass(frozen=True)
class Mix:
    """How often a modality shows the clip's emotion, nothing (neutral), or another emotion.

    Attributes:
        match, neutral: shares among clips with an emotion; the rest misleads.
        calm: share of the neutral clips that are neutral in this modality; the rest misleads.
    """

    match: float
    neutral: float
    calm: float

    def draw(self, rng: np.random.Generator, emotion: str) -> str:
        """What the modality shows in a clip of this emotion."""
        dice, other = rng.random(), rng.integers(len(EMOTIONS) - 2)
        others = [name for name in EMOTIONS if name not in (emotion, "neutral")]
        if emotion == "neutral":
            return "neutral" if dice < self.calm else others[other]
        if dice < self.match:
            return emotion
        return "neutral" if dice < self.match + self.neutral else others[other]


@dataclass(frozen=True)
class Design:
    """All that makes the clips easy or hard; the defaults are the shipped set's.

    Attributes:
        face, voice, text: what each modality shows.
        face_strength: range of a face's strength, 1 = the expression in full.
        voice_strength: range of a voice's strength, 1 = `PROSODY` as it stands.
        yaw: range of the camera's angle, degrees.
        people: how much faces differ.
    """

    face: Mix = Mix(0.90, 0.06, 0.88)
    voice: Mix = Mix(0.88, 0.07, 0.88)
    text: Mix = Mix(0.78, 0.15, 0.88)
    face_strength: tuple[float, float] = (0.7, 1.2)
    voice_strength: tuple[float, float] = (1.5, 2.4)
    yaw: tuple[float, float] = (-60.0, 60.0)
    people: Difficulty = field(
        default_factory=lambda: Difficulty(intensity=(1.0, 1.0), unit_spread=0.18)
    )


@dataclass(frozen=True)
class Speaker:
    """One person of the data set, the same in all clips."""

    name: str
    gender: str
    age: float  # years
    person: Person
    session: Session
    voice: Voice


def sample_speaker(
    rng: np.random.Generator, index: int, subjects: int, people: Difficulty
) -> Speaker:
    """Speaker number `index` of `subjects`: women first, then as many men."""
    half = (subjects + 1) // 2
    gender = "female" if index < half else "male"
    age = float(rng.uniform(18, 60))
    person = sample_person(rng, gender, age, difficulty=people)
    return Speaker(
        name=f"{gender[0].upper()}{index % half + 1:02d}",
        gender=gender,
        age=age,
        person=person,
        session=sample_session(rng, person),
        voice=sample_voice(rng, gender),
    )
