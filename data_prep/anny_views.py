"""Anny Views: rendered faces in the shape of KDEF (adults) or of DDCF (children).

Every subject is rendered into a part file of its own, and the parts are joined at the end, so an
interrupted run goes on where it stopped and never leaves a half-written data set.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fermodels.faces import (
    ACTIONS,
    Difficulty,
    FaceRenderer,
    head_model,
    sample_person,
    sample_studio,
    sample_take,
)
from fermodels.prepared import VIEWS, PreparedImages, encode_image

_ADULT = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")
_CHILD = (*_ADULT, "content")


@dataclass(frozen=True)
class Protocol:
    """Who is photographed how; `sessions` are KDEF's two sittings or DDCF's two lightings."""

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
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


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

    Raises ValueError for an unknown protocol, a size outside 16…512, fewer than one subject or
    process, a negative seed, and for an `out` that is not a .parquet file in an existing folder.
    """
    from tqdm.auto import tqdm

    out = Path(out)
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}: take {' or '.join(PROTOCOLS)}")
    subjects = PROTOCOLS[protocol].subjects if subjects is None else subjects
    if subjects < 1 or jobs < 1:
        raise ValueError(f"--subjects and --jobs must be at least 1, got {subjects} and {jobs}")
    if not 16 <= size <= 512:
        raise ValueError(f"--size must be 16 to 512 pixels, got {size}")
    if seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {seed}")
    if out.suffix != ".parquet" or not out.parent.is_dir() or out.is_dir():
        raise ValueError(f"{out}: must be a .parquet file in a folder that exists")
    job = Job(protocol, subjects, size, seed, difficulty=difficulty or Difficulty())
    parts = out.with_name(out.name + ".parts")
    _open_parts(parts, job)

    head_model()  # builds Anny's cache once, not in every process
    missing = [i for i in range(subjects) if not _part(parts, i).exists()]
    per_subject = _per_subject(PROTOCOLS[protocol])
    quiet = os.environ.get("CI") or os.environ.get("FERMODELS_PROGRESS") == "0"
    bar = tqdm(
        total=subjects * per_subject,
        initial=(subjects - len(missing)) * per_subject,
        unit="image",
        desc=out.name,
        disable=bool(quiet),
    )
    with (
        bar,
        ProcessPoolExecutor(
            min(jobs, max(1, len(missing))), multiprocessing.get_context("spawn"), _start_worker
        ) as pool,
    ):
        futures = [pool.submit(_render_part, parts, job, index) for index in missing]
        try:
            for future in as_completed(futures):
                future.result()
                bar.update(per_subject)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    prepared = PreparedImages.concat(
        [PreparedImages.read(_part(parts, index)) for index in range(subjects)]
    )
    prepared.write(out)
    shutil.rmtree(parts)
    return prepared


def _per_subject(protocol: Protocol) -> int:
    return len(protocol.sessions) * len(protocol.expressions) * len(protocol.yaws)


def _open_parts(folder: Path, job: Job) -> None:
    """Keeps the parts of an interrupted run with the same settings, drops those of another."""
    label = folder / "job.json"
    if folder.exists():
        if label.exists() and json.loads(label.read_text())["fingerprint"] == job.fingerprint():
            return
        shutil.rmtree(folder)
    folder.mkdir()
    unfinished = folder / "job.json.tmp"
    unfinished.write_text(json.dumps({"fingerprint": job.fingerprint()}))
    os.replace(unfinished, label)


def _part(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.parquet"


def _start_worker() -> None:
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Workers of a killed run would draw on, and write beside the run that resumes it."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _render_part(folder: Path, job: Job, index: int) -> None:
    render_subject(job, index).write(_part(folder, index))


def render_subject(job: Job, index: int) -> PreparedImages:
    """All photographs of subject number `index`; depends on the job and the index alone."""
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
    renderer = FaceRenderer(job.size)
    rows = []
    for session, studio in zip(protocol.sessions, studios, strict=True):
        takes = [sample_take(rng, person, name, job.difficulty) for name in protocol.expressions]
        pictures = renderer.render(
            person,
            studio,
            np.stack([take.actions for take in takes]),
            protocol.yaws,
            np.stack([take.pose for take in takes]),
        )  # (takes, views, size, size, 3)
        for take, views in zip(takes, pictures, strict=True):
            for view, yaw, picture in zip(VIEWS, protocol.yaws, views, strict=True):
                rows.append(
                    {
                        "image": encode_image(picture, "WEBP", job.quality),
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
    renderer.close()
    table = pd.DataFrame(rows).astype({n: "float32" for n in ("yaw", "pitch", "age", "intensity")})
    return PreparedImages(table, _metadata(job))


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
