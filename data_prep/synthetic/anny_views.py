"""Anny Views: rendered faces in the shape of KDEF (adults), of DDCF (children), or of a wide world.

Every subject is rendered into a part file of its own, so an interrupted run goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import os
import shutil
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from data_prep.io.parts import make_in_parts
from data_prep.synthetic.options import add_drawing, check_drawing
from fermodels._shared.digests import json_digest
from fermodels._shared.paths import given_path
from fermodels.data import VIEWS, PreparedImages, encode_image
from fermodels.faces import (
    ACTIONS,
    STUDIO,
    WIDE,
    Appearance,
    Difficulty,
    FaceRenderer,
    head_model,
    sample_blend,
    sample_person,
    sample_session,
    sample_take,
)

_ADULT = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")
_CHILD = (*_ADULT, "content")


@dataclass(frozen=True)
class Protocol:
    """Who is photographed how; `sessions` are KDEF's two sessions or DDCF's two lightings.

    Attributes:
        same_cameras: the background and lens of the first session serve all.
        blends: takes of each session between two emotions, without a label.
    """

    title: str
    subjects: int
    ages: tuple[float, float]
    gender_letters: dict[str, str]
    expressions: tuple[str, ...]
    yaws: tuple[float, ...]
    sessions: tuple[str, ...]
    same_cameras: bool = False
    blends: int = 0
    appearance: Appearance = STUDIO
    difficulty: Difficulty = Difficulty()


PROTOCOLS = {
    "kdef": Protocol(
        "Anny Views, KDEF shape", 70, (18, 60), {"female": "F", "male": "M"}, _ADULT,
        (-90.0, -45.0, 0.0, 45.0, 90.0), ("A", "B"),
    ),
    "ddcf": Protocol(
        "Anny Views, DDCF shape", 80, (6, 16), {"female": "G", "male": "B"}, _CHILD,
        (-60.0, -30.0, 0.0, 30.0, 60.0), ("L1", "L2"), same_cameras=True,
    ),
    "wide": Protocol(
        "Anny Views, wide world", 2000, (14, 80), {"female": "WF", "male": "WM"}, _ADULT,
        (-90.0, -45.0, 0.0, 45.0, 90.0), ("A",), blends=3, appearance=WIDE,
        difficulty=Difficulty(intensity=(0.6, 1.1), unit_spread=0.25, style_spread=0.2,
                              resting_spread=0.07, asymmetry=0.15, pose=(3.0, 3.0, 2.0)),
    ),
}  # fmt: skip
_STREAM = {"ddcf": 0, "kdef": 1, "wide": 2}  # of random numbers
QUALITY = 82  # WebP
BYTES_A_PIXEL, BYTES_A_ROW = 0.25, 500  # of a file, measured generously


@dataclass(frozen=True)
class Job:
    """All that a rendered file depends on."""

    protocol: str
    subjects: int
    size: int
    seed: int
    quality: int = QUALITY
    difficulty: Difficulty | None = None  # in place of the protocol's

    def fingerprint(self) -> str:
        settings = asdict(self) | {"protocol_settings": asdict(PROTOCOLS[self.protocol])}
        return json_digest(settings)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", metavar="OUT.parquet", type=given_path)
    parser.add_argument("--protocol", choices=sorted(PROTOCOLS), default="kdef")
    parser.add_argument("--subjects", type=int, help="how many people (as many as the protocol's)")
    add_drawing(parser, size=96)
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
        OSError: the disk or the memory is too small for the set.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}: take {' or '.join(PROTOCOLS)}")
    subjects = PROTOCOLS[protocol].subjects if subjects is None else subjects
    out = check_drawing(out, size, seed, subjects=subjects, jobs=jobs)
    job = Job(protocol, subjects, size, seed, difficulty=difficulty)
    _check_room(out, job)
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
    takes = len(protocol.expressions) + protocol.blends
    return len(protocol.sessions) * takes * len(protocol.yaws)


def _check_room(out: Path, job: Job) -> None:
    """Before hours of work: parts and the whole lie on the disk together, the whole in memory."""
    images = job.subjects * _per_subject(PROTOCOLS[job.protocol])
    needed = images * (job.size**2 * BYTES_A_PIXEL + BYTES_A_ROW)
    about = f"{out}: {images:,} images of {job.size} pixels take about {needed / 1e9:.1f} GB"
    advice = "take fewer --subjects or a smaller --size"
    made = sum(part.stat().st_size for part in Path(f"{out}.parts").glob("0*.parquet"))
    free = shutil.disk_usage(out.parent).free
    if 2 * needed > free + made:
        raise OSError(
            f"{about}, twice while they are made, and {free / 1e9:.1f} GB of the disk are free: "
            f"{advice}, or another disk"
        )
    memory = _free_memory()
    if memory is not None and 2 * needed > memory:
        raise OSError(
            f"{about}, twice in memory while they are joined, and {memory / 1e9:.1f} GB are free: "
            f"{advice}"
        )


def _free_memory() -> int | None:
    """Bytes that programs can have, or None where the system does not say (it does on Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        return None


def _render_part(path: Path, job: Job, index: int) -> None:
    render_subject(job, index).write(path)


def render_subject(job: Job, index: int) -> PreparedImages:
    """All images of subject number `index`; depends on the job and the index alone."""
    import pandas as pd

    protocol = PROTOCOLS[job.protocol]
    difficulty = job.difficulty or protocol.difficulty
    rng = np.random.default_rng([job.seed, _STREAM[job.protocol], index])
    half = (job.subjects + 1) // 2
    gender = "female" if index < half else "male"
    digits = max(2, len(str(half)))
    subject = f"{protocol.gender_letters[gender]}{index % half + 1:0{digits}d}"
    age = float(rng.uniform(*protocol.ages))
    person = sample_person(rng, gender, age, protocol.appearance, difficulty)
    sessions = [
        sample_session(rng, person, protocol.appearance, len(protocol.yaws))
        for _ in protocol.sessions
    ]
    if protocol.same_cameras:
        first = sessions[0]
        sessions = [
            replace(session, cameras=first.cameras, clothes=first.clothes) for session in sessions
        ]
    renderer = _renderer(FaceRenderer, job.size)
    rows = []
    for name, session in zip(protocol.sessions, sessions, strict=True):
        takes = [sample_take(rng, person, label, difficulty) for label in protocol.expressions]
        takes += [sample_blend(rng, person, difficulty) for _ in range(protocol.blends)]
        images = renderer.render(
            person,
            session,
            np.stack([take.actions for take in takes]),
            protocol.yaws,
            np.stack([take.pose for take in takes]),
        )  # (takes, views, size, size, 3)
        for number, (take, views) in enumerate(zip(takes, images, strict=True)):
            moment = take.expression or f"blend{number - len(protocol.expressions) + 1}"
            for view, (yaw, image) in enumerate(zip(protocol.yaws, views, strict=True)):
                camera = session.camera(view)
                rows.append(
                    {
                        "image": encode_image(image, "WEBP", job.quality),
                        "subject": subject,
                        "expression": take.expression or None,
                        "view": VIEWS[view],
                        "yaw": round(yaw + camera.yaw, 1),
                        "pitch": round(camera.pitch, 1),
                        "session": name,
                        "instance": f"{subject}-{name}-{moment}",
                        "gender": gender,
                        "age": round(person.age, 1),
                        "intensity": take.intensity,
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
        "version": "2.0",
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
        "settings": asdict(
            replace(job, difficulty=job.difficulty or PROTOCOLS[job.protocol].difficulty)
        ),
    }
