"""`python -m data_prep anny-clips`: speakers, takes and settings in, one prepared file out."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from data_prep.io.parts import make_in_parts
from data_prep.synthetic.anny_clips import prosody
from data_prep.synthetic.anny_clips.acting import perform
from data_prep.synthetic.anny_clips.sentences import sentence
from data_prep.synthetic.anny_clips.speakers import EMOTIONS, Design, Speaker, sample_speaker
from data_prep.synthetic.anny_clips.speech import SAMPLE_RATE, Speech, find_espeak, speak
from data_prep.synthetic.options import add_drawing, check_drawing
from fermodels._shared.digests import json_digest
from fermodels._shared.paths import given_path
from fermodels.data import PreparedClips
from fermodels.data.media import encode_audio, encode_video
from fermodels.faces import FaceRenderer, head_model

SUBJECTS, TAKES, SIZE = 60, 3, 80
FPS = 8
SHORTEST, LONGEST = 13, 21  # frames: 1.6 to 2.6 s
SILENCE = (0.08, 0.14)  # seconds before and after the words, at least
QUALITY, BIT_RATE = 56, 20_000
_WORDS, _SOUND, _FACE, _SPEAKER = range(4)  # streams of random numbers


@dataclass(frozen=True)
class Job:
    """All that a file depends on."""

    subjects: int = SUBJECTS
    takes: int = TAKES
    size: int = SIZE
    seed: int = 0
    quality: int = QUALITY
    bit_rate: int = BIT_RATE
    design: Design = Design()

    def fingerprint(self) -> str:
        settings = asdict(self) | {"prosody": prosody.PROSODY}
        return json_digest(settings)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", metavar="OUT.parquet", type=given_path)
    parser.add_argument("--subjects", type=int, default=SUBJECTS, help="how many people")
    parser.add_argument("--takes", type=int, default=TAKES, help="clips a person and emotion")
    add_drawing(parser, SIZE, even=True)
    parser.set_defaults(run=lambda o: make(o.out, o.subjects, o.takes, o.size, o.seed, o.jobs))


def make(
    out: str | os.PathLike,
    subjects: int = SUBJECTS,
    takes: int = TAKES,
    size: int = SIZE,
    seed: int = 0,
    jobs: int = 1,
    design: Design | None = None,
) -> PreparedClips:
    """Makes the data set and writes it to `out`; returns it.

    Raises:
        ValueError: fewer than one subject, take or process, a size that is odd or outside 16…512, a
            negative seed, an `out` that is not a .parquet file in an existing folder, and where
            eSpeak NG is not installed.
    """
    check_drawing(out, size, seed, even=True, subjects=subjects, takes=takes, jobs=jobs)
    job = Job(subjects, takes, size, seed, design=design or Design())
    find_espeak()
    head_model()  # builds Anny's cache once, not in every process
    return make_in_parts(
        out,
        job,
        subjects,
        _make_part,
        read=PreparedClips.read,
        concat=PreparedClips.concat,
        jobs=jobs,
        per_part=takes * len(EMOTIONS),
        unit="clip",
    )


def _make_part(path: Path, job: Job, index: int) -> None:
    clips_of(job, index).write(path)


@dataclass(frozen=True)
class Plan:
    """One clip before it is made: what it is about, and what each modality shows."""

    name: str
    emotion: str
    face: str
    voice: str
    text: str
    words: str
    delivery: prosody.Delivery
    number: int


def plan_clips(job: Job, index: int, speaker: Speaker) -> list[Plan]:
    """The clips of speaker number `index`, emotion by emotion."""
    plans = []
    for emotion in EMOTIONS:
        for take in range(job.takes):
            rng = _random(job, index, _WORDS, len(plans))
            face, voice, text = (
                mix.draw(rng, emotion)
                for mix in (job.design.face, job.design.voice, job.design.text)
            )
            words = sentence(rng, text)
            strength = float(rng.uniform(*job.design.voice_strength))
            plans.append(
                Plan(
                    name=f"{speaker.name}-{emotion}-{take + 1}",
                    emotion=emotion,
                    face=face,
                    voice=voice,
                    text=text,
                    words=words,
                    delivery=prosody.deliver(rng, speaker.voice, words, voice, strength),
                    number=len(plans),
                )
            )
    return plans


def say(plan: Plan) -> tuple[Plan, Speech]:
    """The plan's words; what does not fit into a clip is said again, faster."""
    speech = speak(plan.delivery.utterance)
    room = LONGEST / FPS - sum(SILENCE)
    while speech.seconds > room:
        utterance = plan.delivery.utterance
        faster = replace(utterance, rate=int(1.03 * utterance.rate * speech.seconds / room) + 1)
        plan = replace(plan, delivery=replace(plan.delivery, utterance=faster))
        speech = speak(faster)
    return plan, speech


def record(job: Job, index: int, plan: Plan, speech: Speech) -> tuple[np.ndarray, float]:
    """Sound track float32 (S,) of a whole number of frames, and when its first word starts."""
    rng = _random(job, index, _SOUND, plan.number)
    frames = max(SHORTEST, int(np.ceil((speech.seconds + sum(SILENCE)) * FPS)))
    spare = frames / FPS - speech.seconds - sum(SILENCE)
    lead = SILENCE[0] + float(rng.uniform(0.2, 0.6)) * spare
    return prosody.record(rng, speech.samples, plan.delivery, lead, frames / FPS), lead


def clips_of(job: Job, index: int) -> PreparedClips:
    """All clips of speaker number `index`; depends on the job and the index alone."""
    import pandas as pd

    rng = _random(job, index, _SPEAKER)
    speaker = sample_speaker(rng, index, job.subjects, job.design.people)
    renderer = FaceRenderer(job.size)
    rows = []
    for plan, speech in map(say, plan_clips(job, index, speaker)):
        track, lead = record(job, index, plan, speech)
        rng = _random(job, index, _FACE, plan.number)
        yaw = float(rng.uniform(*job.design.yaw))
        strength = float(rng.uniform(*job.design.face_strength))
        times = np.arange(len(track) * FPS // SAMPLE_RATE) / FPS
        performance = perform(
            rng,
            speaker.person,
            plan.face,
            strength,
            track,
            tuple((start + lead, symbol) for start, symbol in speech.phonemes),
            times,
            job.design.people,
        )
        frames = renderer.render(
            speaker.person, speaker.session, performance.actions, (yaw,), performance.poses
        )[:, 0]  # (T, size, size, 3)
        rows.append(
            {
                "video": encode_video(frames, FPS, quality=job.quality),
                "audio": encode_audio(track, SAMPLE_RATE, bit_rate=job.bit_rate),
                "transcript": plan.words,
                "clip": plan.name,
                "subject": speaker.name,
                "emotion": plan.emotion,
                "face_emotion": plan.face,
                "voice_emotion": plan.voice,
                "text_emotion": plan.text,
                "intensity": 0.0 if plan.face == "neutral" else strength,
                "yaw": yaw,
                "duration": len(track) / SAMPLE_RATE,
                "gender": speaker.gender,
                "age": round(speaker.age, 1),
                "voice": speaker.voice.name,
            }
        )
    renderer.close()
    floats = {name: "float32" for name in ("intensity", "yaw", "duration", "age")}
    return PreparedClips(pd.DataFrame(rows).astype(floats), _metadata(job))


def _random(job: Job, index: int, stream: int, clip: int = 0) -> np.random.Generator:
    return np.random.default_rng([job.seed, index, stream, clip])


def _metadata(job: Job) -> dict:
    return {
        "name": "anny-clips",
        "version": "2.0",
        "licence": "CC0-1.0",
        "citation": "Anny Clips: rendered speaking faces made with Anny (NAVER, 2025), fermodels.",
        "description": (
            "Clips of invented people: a rendered face, a synthetic voice and a sentence, each of "
            "which shows the clip's emotion, none, or another one (columns face_emotion, "
            "voice_emotion, text_emotion). The voices are made with eSpeak NG (GPL-3.0-or-later), "
            "which is needed to make the data set, not to use it. Nothing measured on it speaks "
            "about real people."
        ),
        "emotions": list(EMOTIONS),
        "sample_rate": SAMPLE_RATE,
        "fps": FPS,
        "image_size": [job.size, job.size],
        "command": (
            f"python -m data_prep anny-clips OUT.parquet --subjects {job.subjects} "
            f"--takes {job.takes} --size {job.size} --seed {job.seed}"
        ),
        "settings": asdict(job),
    }
