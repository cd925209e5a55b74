"""Faces of one's own, as a prepared file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.data import EXPRESSIONS, VIEWS, PreparedError, PreparedImages, encode_image
from fermodels.explore import lab_controls
from fermodels.explore.lab_choices import OURS, looks_of, variants_of
from fermodels.explore.lab_face import LabFace
from fermodels.explore.lab_looks import WORN, worn
from fermodels.explore.track import YAWS
from fermodels.faces import ACTIONS

NAME = "face-lab"
CITATION = "Faces made in fermodels' face lab with Anny (NAVER, 2025)."


def save_instance(
    path: str | os.PathLike,
    face: LabFace,
    values: Mapping[str, Any],
    views: np.ndarray,
    subject: str,
    expression: str,
    expressions: Sequence[str] = EXPRESSIONS,
) -> PreparedImages:
    """Write a face, seen from the five cameras, as one more instance of the file `path`.

    Args:
        views: its images from `YAWS`, uint8 (5, H, W, 3).
        expressions: label order of a new file; `expression` is added where it is not among them.

    Returns what the file holds now. The old file stays until the new one is whole.

    Raises:
        PreparedError: the file cannot be read, was not made here, has images of another size, or
            knows another person under this name.

    What has heads of the second face model is marked as made for judging only, as its licence is
    another one, and as nothing may be trained on it.
        OSError: it cannot be written.
    """
    path = given_path(path)
    old = PreparedImages.read(path) if path.exists() else None
    if old is not None:
        _check_own(old, path, subject, face.number, looks_of(values)["make"])
    known = set() if old is None else set(old.table["instance"])
    number = 1
    while (instance := f"{subject}-{expression}-{number:03d}") in known:
        number += 1
    new = PreparedImages(
        _table(face, values, views, subject, expression, instance),
        {
            "name": NAME,
            "version": "1.0",
            "licence": "CC0-1.0",
            "citation": CITATION,
            "description": "Rendered faces of invented people, five cameras at once.",
            "expressions": list(dict.fromkeys([*expressions, expression])),
            "views": list(VIEWS),
            "action_names": list(ACTIONS),
            "command": "fermodels.explore.FaceLab.save_instance",
        },
        source=str(path),
    )
    whole = new if old is None else PreparedImages.concat([old, new])
    if not _makes(whole) <= {OURS}:
        from fermodels.faces.second_model import CREDIT

        whole.metadata |= {
            "purpose": "judging",
            "licence": "CC0-1.0, heads of the ICT FaceKit: MIT",
            "citation": f"{CITATION} {CREDIT}",
        }
    whole.write(path)
    return whole


def _makes(file: PreparedImages) -> set[str]:
    """Whose heads a file shows; one of the first release knows only ours."""
    return set(file.table["make"].fillna(OURS)) if "make" in file.table else {OURS}


def _check_own(old: PreparedImages, path: Path, subject: str, number: int, make: str) -> None:
    if old.metadata.get("name") != NAME or "person" not in old.table:
        raise PreparedError(
            f"{path} is the data set {old.metadata.get('name')!r}, not a file of the face lab; it "
            "stays as it is. Save to another path."
        )
    rows = old.table[old.table["subject"] == subject]
    makes = rows["make"].fillna(OURS) if "make" in rows else [OURS] * len(rows)
    others = set(zip(rows["person"], makes, strict=True)) - {(number, make)}
    if others:
        other, whose = others.pop()
        by = ("", "") if whose == make else (f" by {whose}", f" by {make}")
        raise PreparedError(
            f"{path}: the subject {subject!r} is already person {other}{by[0]}, and this face is "
            f"person {number}{by[1]}: give them different names"
        )


def _table(face: LabFace, values, views, subject: str, expression: str, instance: str):
    import pandas as pd

    person, look = face.person(values), looks_of(values)
    ours = look["make"] == OURS
    variants = variants_of(values)
    shared: dict[str, Any] = {
        "subject": subject,
        "expression": expression,
        "pitch": np.float32(values["pitch"]),
        "session": f"{look['appearance']} {look['session']}",
        "instance": instance,
        "gender": person.gender if ours else None,
        "age": np.float32(round(person.age, 1) if ours else np.nan),
        "intensity": np.float32(lab_controls.strongest(values)[1]),
        "actions": lab_controls.actions(values).round(3).tolist(),
        "person": face.number,
        "variant": variants.get(lab_controls.strongest(values)[0], 0),
        "make": look["make"],
        **(worn(person, face.session(values)) if ours else dict.fromkeys(WORN)),
    }
    rows = [
        # Lossless, so that the file's embeddings are those that the lab has shown.
        {"image": encode_image(image, "PNG"), "view": view, "yaw": np.float32(yaw)} | shared
        for view, yaw, image in zip(VIEWS, YAWS, views, strict=True)
    ]
    return pd.DataFrame(rows)
