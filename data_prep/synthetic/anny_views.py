"""Anny Views: rendered faces in the shape of KDEF (adults) or of DDCF (children).

Every subject is rendered into a part file of its own, so an interrupted run goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from data_prep.io.parts import check_out, make_in_parts
from fermodels._shared.digests import json_digest
from fermodels.data import VIEWS, PreparedImages, encode_image
from fermodels.faces import (
    ACTIONS,
    Difficulty,
    FaceRenderer,
    head_model,
    sample_person,
    sample_studio,
    sample_take,
)

_ADULT = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")
_CHILD = (*_ADULT, "content")


@dataclass(frozen=True)
class Protocol:
    """Who is photographed how; `sessions` are KDEF's two sessions or DDCF's two lightings."""

    title: str
    subjects: int
    ages: tuple[float, float]
    gender_letters: dict[str, str]
    expressions: tuple[str, ...]
    yaws: tuple[float, ...]
    sessions: tuple[str, ...]
    same_background: bool


PROTOCOLS = {
    "kdef": Protocol(
        "Anny Views, KDEF shape", 70, (18, 60), {"female": "F", "male": "M"}, _ADULT,
        (-90.0, -45.0, 0.0, 45.0, 90.0), ("A", "B"), same_background=False,
    ),
    "ddcf": Protocol(
        "Anny Views, DDCF shape", 80, (6, 16), {"female": "G", "male": "B"}, _CHILD,
        (-60.0, -30.0, 0.0, 30.0, 60.0), ("L1", "L2"), same_background=True,
    ),
}  # fmt: skip
QUALITY = 82  # WebP


@dataclass(frozen=True)
class Job:
    """All that a rendered file depends on."""

    protocol: str
    subjects: int
    size: int
    seed: int
    quality: int = QUALITY
    difficulty: Difficulty = Difficulty()

    def fingerprint(self) -> str:
        settings = asdict(self) | {"protocol_settings": asdict(PROTOCOLS[self.protocol])}
        return json_digest(settings)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", metavar="OUT.parquet", type=Path)
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), default="kdef")
    parser.add_argument("--subjects", type=int, help="how many people (as many as the protocol's)")
    parser.add_argument("--size", type=int, default=96, help="pixels, 16 to 512")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.set_defaults(run=lambda o: render(o.out, o.protocol, o.subjects, o.size, o.seed, o.jobs))


def render(
    out: str | os.PathLike,
    protocol: str = "kdef",
    subjects: int | None = None,
    size: int = 96,
    seed: int = 0,
    jobs: int = 1,
    difficulty: Difficulty | None = None,
) -> PreparedImages:
    """Renders the data set and writes it to `out`; returns it.

    Raises:
        ValueError: an unknown protocol, a size outside 16…512, fewer than one subject or process, a
            negative seed, and for an `out` that is not a .parquet file in an existing folder.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}: take {' or '.join(PROTOCOLS)}")
    subjects = PROTOCOLS[protocol].subjects if subjects is None else subjects
    if subjects < 1 or jobs < 1:
        raise ValueError(f"--subjects and --jobs must be at least 1, got {subjects} and {jobs}")
    if not 16 <= size <= 512:
        raise ValueError(f"--size must be 16 to 512 pixels, got {size}")
    if seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {seed}")
    check_out(out)
    job = Job(protocol, subjects, size, seed, difficulty=difficulty or Difficulty())
    head_model()  # builds Anny's cache once, not in every process
    return make_in_parts(
        out,
        job,
        subjects,
        _render_part,
        read=PreparedImages.read,
        concat=PreparedImages.concat,
        jobs=jobs,
        per_part=_per_subject(PROTOCOLS[protocol]),
        unit="image",
    )


def _per_subject(protocol: Protocol) -> int:
    return len(protocol.sessions) * len(protocol.expressions) * len(protocol.yaws)


def _render_part(path: Path, job: Job, index: int) -> None:
    render_subject(job, index).write(path)


def render_subject(job: Job, index: int) -> PreparedImages:
    """All images of subject number `index`; depends on the job and the index alone."""
    import pandas as pd

    protocol = PROTOCOLS[job.protocol]
    rng = np.random.default_rng([job.seed, sorted(PROTOCOLS).index(job.protocol), index])
    half = (job.subjects + 1) // 2
    gender = "female" if index < half else "male"
    subject = f"{protocol.gender_letters[gender]}{index % half + 1:02d}"
    person = sample_person(rng, gender, float(rng.uniform(*protocol.ages)), job.difficulty)
    studios = [sample_studio(rng) for _ in protocol.sessions]
    if protocol.same_background:
        studios = [studio.with_background_of(studios[0]) for studio in studios]
    renderer = _renderer(FaceRenderer, job.size)
    rows = []
    for session, studio in zip(protocol.sessions, studios, strict=True):
        takes = [sample_take(rng, person, name, job.difficulty) for name in protocol.expressions]
        images = renderer.render(
            person,
            studio,
            np.stack([take.actions for take in takes]),
            protocol.yaws,
            np.stack([take.pose for take in takes]),
        )  # (takes, views, size, size, 3)
        for take, views in zip(takes, images, strict=True):
            for view, yaw, image in zip(VIEWS, protocol.yaws, views, strict=True):
                rows.append(
                    {
                        "image": encode_image(image, "WEBP", job.quality),
                        "subject": subject,
                        "expression": take.expression,
                        "view": view,
                        "yaw": np.float32(yaw),
                        "pitch": np.float32(0),
                        "session": session,
                        "instance": f"{subject}-{session}-{take.expression}",
                        "gender": gender,
                        "age": np.float32(round(person.age, 1)),
                        "intensity": np.float32(take.intensity),
                        "actions": take.actions.round(3).tolist(),
                    }
                )
    table = pd.DataFrame(rows).astype({n: "float32" for n in ("yaw", "pitch", "age", "intensity")})
    return PreparedImages(table, _metadata(job))


@lru_cache(maxsize=1)
def _renderer(kind: type[FaceRenderer], size: int) -> FaceRenderer:
    """One window for all subjects of a process: opening one takes as long as ten images."""
    return kind(size)


def _metadata(job: Job) -> dict:
    protocol = PROTOCOLS[job.protocol]
    return {
        "name": f"anny-views-{job.protocol}",
        "version": "1.0",
        "licence": "CC0-1.0",
        "citation": f"{protocol.title}: rendered faces made with Anny (NAVER, 2025), fermodels.",
        "description": (
            "Rendered faces of invented people, seven or eight expressions, five cameras at once. "
            "Nothing measured on it speaks about real people."
        ),
        "expressions": list(protocol.expressions),
        "views": list(VIEWS),
        "image_size": job.size,
        "action_names": list(ACTIONS),
        "command": (
            f"python -m data_prep anny-views OUT.parquet --protocol {job.protocol} "
            f"--subjects {job.subjects} --size {job.size} --seed {job.seed}"
        ),
        "settings": asdict(job),
    }
