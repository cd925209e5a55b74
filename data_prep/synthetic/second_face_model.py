"""Second faces: the head of the ICT FaceKit, rendered in the shape of KDEF. For judging only.

MODEL is an .npz file of the model's arrays, or a clone of https://github.com/USC-ICT/ICT-FaceKit
(MIT License). Encoders that are trained on Anny's faces are judged by these: faces, skin, eyes,
light and walls are of another make. The file says so ("purpose": "judging"), and the trainings of
fermodels refuse it.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from data_prep.io.parts import make_in_parts
from data_prep.synthetic.options import add_drawing, check_drawing
from fermodels._shared.digests import json_digest
from fermodels._shared.paths import given_path
from fermodels.data import VIEWS, PreparedImages, encode_image
from fermodels.faces import ACTIONS, sample_take
from fermodels.faces.second import (
    SecondFaceRenderer,
    sample_second_person,
    sample_second_session,
)
from fermodels.faces.second_model import CREDIT, SecondFaceModel, read_second_face_model

EXPRESSIONS = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")
YAWS = (-90.0, -45.0, 0.0, 45.0, 90.0)
QUALITY = 82  # WebP
_VERSION = 1  # of how they are drawn


@dataclass(frozen=True)
class Job:
    """All that a rendered file depends on; `model` is where it lies, `digest` what is in it."""

    model: str
    digest: str
    people: int
    size: int
    seed: int
    quality: int = QUALITY

    def settings(self) -> dict:
        """Without the place of the model: elsewhere the same file is made of it."""
        return {k: v for k, v in asdict(self).items() if k != "model"} | {"version": _VERSION}

    def fingerprint(self) -> str:
        return json_digest(self.settings())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", type=given_path, help="ict_facekit.npz, or the clone"
    )
    parser.add_argument("out", metavar="OUT.parquet", type=given_path)
    parser.add_argument("--people", type=int, default=24, help="how many people")
    add_drawing(parser, size=96)
    parser.set_defaults(run=lambda o: render(o.model, o.out, o.people, o.size, o.seed, o.jobs))


def render(
    model: str | os.PathLike,
    out: str | os.PathLike,
    people: int = 24,
    size: int = 96,
    seed: int = 0,
    jobs: int = 1,
) -> PreparedImages:
    """Renders the data set and writes it to `out`; returns it.

    Raises:
        ValueError: the model cannot be read (see `read_second_face_model`), a size outside
            16…512, fewer than one person or process, a negative seed, and for an `out` that is
            not a .parquet file in an existing folder.
    """
    check_drawing(out, size, seed, people=people, jobs=jobs)
    digest = read_second_face_model(model).digest()
    job = Job(str(given_path(model).resolve()), digest, people, size, seed)
    return make_in_parts(
        out,
        job,
        people,
        _render_part,
        read=PreparedImages.read,
        concat=PreparedImages.concat,
        jobs=jobs,
        per_part=len(EXPRESSIONS) * len(YAWS),
        unit="image",
    )


def _render_part(path: Path, job: Job, index: int) -> None:
    render_person(job, index).write(path)


def render_person(job: Job, index: int) -> PreparedImages:
    """All images of person number `index`; depends on the job and the index alone."""
    import pandas as pd

    model = _model(job.model)
    rng = np.random.default_rng([job.seed, index])
    subject = f"S{index + 1:02d}"
    person = sample_second_person(rng, model)
    session = sample_second_session(np.random.default_rng([job.seed, index, 1]), person)
    takes = [sample_take(rng, person, name) for name in EXPRESSIONS]
    images = _renderer(job.model, job.size).render(
        person,
        session,
        np.stack([take.actions for take in takes]),
        YAWS,
        np.stack([take.pose for take in takes]),
    )  # (takes, views, size, size, 3)
    rows = [
        {
            "image": encode_image(image, "WEBP", job.quality),
            "subject": subject,
            "expression": take.expression,
            "view": view,
            "yaw": yaw,
            "pitch": 0.0,
            "session": "A",
            "instance": f"{subject}-{take.expression}",
            "intensity": take.intensity,
            "actions": take.actions.round(3).tolist(),
        }
        for take, views in zip(takes, images, strict=True)
        for view, yaw, image in zip(VIEWS, YAWS, views, strict=True)
    ]
    table = pd.DataFrame(rows).astype({n: "float32" for n in ("yaw", "pitch", "intensity")})
    return PreparedImages(table, _metadata(job))


@lru_cache(maxsize=1)
def _model(path: str) -> SecondFaceModel:
    return read_second_face_model(path)


@lru_cache(maxsize=1)
def _renderer(path: str, size: int) -> SecondFaceRenderer:
    """One window for all people of a process."""
    return SecondFaceRenderer(_model(path), size)


def _metadata(job: Job) -> dict:
    return {
        "name": "second-faces",
        "version": "1.0",
        "purpose": "judging",
        "licence": "MIT",
        "citation": f"Second faces: rendered with the {CREDIT} (github.com/USC-ICT/ICT-FaceKit).",
        "description": (
            "Rendered faces of invented people on another face model than Anny's, seven "
            "expressions, five cameras at once. For judging encoders; nothing is trained on it."
        ),
        "expressions": list(EXPRESSIONS),
        "views": list(VIEWS),
        "image_size": job.size,
        "action_names": list(ACTIONS),
        "command": (
            "python -m data_prep second-face-model ict_facekit.npz OUT.parquet "
            f"--people {job.people} --size {job.size} --seed {job.seed}"
        ),
        "settings": job.settings(),
    }
