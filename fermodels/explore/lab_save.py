"""Faces of one's own, as a prepared file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fermodels.data import EXPRESSIONS, VIEWS, PreparedError, PreparedImages, encode_image
from fermodels.explore import lab_controls
from fermodels.explore.lab_face import LabFace
from fermodels.faces import ACTIONS

YAWS = (-90.0, -45.0, 0.0, 45.0, 90.0)  # of VIEWS, as in Anny Views and KDEF
NAME = "face-lab"


def save_instance(
    path: str | os.PathLike,
    face: LabFace,
    values: Mapping[str, float],
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
        OSError: it cannot be written.
    """
    path = Path(path)
    old = PreparedImages.read(path) if path.exists() else None
    if old is not None:
        _check_own(old, path, subject, face.number)
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
            "citation": "Faces made in fermodels' face lab with Anny (NAVER, 2025).",
            "description": "Rendered faces of invented people, five cameras at once.",
            "expressions": list(dict.fromkeys([*expressions, expression])),
            "views": list(VIEWS),
            "action_names": list(ACTIONS),
            "command": "fermodels.explore.FaceLab.save_instance",
        },
        source=str(path),
    )
    whole = new if old is None else PreparedImages.concat([old, new])
    whole.write(path)
    return whole


def _check_own(old: PreparedImages, path: Path, subject: str, number: int) -> None:
    if old.metadata.get("name") != NAME or "person" not in old.table:
        raise PreparedError(
            f"{path} is the data set {old.metadata.get('name')!r}, not a file of the face lab; it "
            "stays as it is. Save to another path."
        )
    others = set(old.table["person"][old.table["subject"] == subject]) - {number}
    if others:
        raise PreparedError(
            f"{path}: the subject {subject!r} is already person {others.pop()}, and this face is "
            f"person {number}: give them different names"
        )


def _table(face: LabFace, values, views, subject: str, expression: str, instance: str):
    import pandas as pd

    shared: dict[str, Any] = {
        "subject": subject,
        "expression": expression,
        "pitch": np.float32(values["pitch"]),
        "session": "lab",
        "instance": instance,
        "gender": face.person.gender,
        "age": np.float32(round(face.person.age, 1)),
        "intensity": np.float32(lab_controls.strongest(values)[1]),
        "actions": lab_controls.actions(values).round(3).tolist(),
        "person": face.number,
    }
    rows = [
        # Lossless, so that the file's embeddings are those that the lab has shown.
        {"image": encode_image(image, "PNG"), "view": view, "yaw": np.float32(yaw)} | shared
        for view, yaw, image in zip(VIEWS, YAWS, views, strict=True)
    ]
    return pd.DataFrame(rows)
