"""Images of one's own face as a prepared file, with the consent of who is shown; several in one."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from fermodels._shared.paths import given_path, output_file
from fermodels.data import EXPRESSIONS, VIEWS, PreparedError, PreparedImages, encode_image
from fermodels.data.names import one_spelling
from fermodels.explore.camera_guide import View
from fermodels.explore.track import YAWS

NAME = "camera-lab"
SUBJECT = "me"
CONSENT = (
    "These images show me. I agree that they are kept in this file, on this machine, with the "
    "expression that I name, for this course. Nobody else gets them unless I hand on the file, and "
    "I may delete it at any time."
)
LICENCE = "none: images of a private person, who keeps all rights; see consent"


def write_instance(
    path: str | os.PathLike,
    views: Sequence[View],
    expression: str,
    *,
    consent: bool,
    session: str = "camera",
    expressions: Sequence[str] = EXPRESSIONS,
) -> PreparedImages:
    """Write the views of a moment as one more instance of the file `path`, subject "me".

    Args:
        views: of one moment, at different angles of `YAWS`, two at least.
        expression: its name; spelt as in `expressions` where it is one of them.
        consent: whether the person agrees to `CONSENT`, which the file carries.
        session: what was special, such as "glasses".
        expressions: label order of a new file.

    Returns what the file holds now. The old file stays until the new one is whole.

    Raises:
        ValueError: there is no consent, no expression, or there are fewer than two views.
        PreparedError: the file cannot be read, was not made here, is of several people or has
            images of another size.
        OSError: it cannot be written.
    """
    if consent is not True:
        raise ValueError("nothing was written: the person has to agree first (consent=True)")
    if len(views) < 2:
        raise ValueError("an instance needs two views at least: turn the head first")
    if not (expression := expression.strip()):
        raise ValueError("name the expression that these views show")
    path = output_file(path)
    old = read_own(path) if path.exists() else None
    if old is not None and set(old.table["subject"]) != {SUBJECT}:
        raise PreparedError(f"{path} holds several people: write yours to a file of your own")
    known = expressions if old is None else old.expressions
    expression = one_spelling([*known, expression])[-1]
    taken = set() if old is None else set(old.table["instance"])
    number = 1
    while (instance := f"{SUBJECT}-{expression}-{number:03d}") in taken:
        number += 1
    given = {"subject": SUBJECT, "text": CONSENT, "date": datetime.date.today().isoformat()}
    new = PreparedImages(
        _table(views, expression, session, instance),
        {
            "name": NAME,
            "version": "1.0",
            "licence": LICENCE,
            "description": "Crops of one person's face, five views; yaw is estimated.",
            "expressions": list(dict.fromkeys([*known, expression])),
            "views": list(VIEWS),
            "consent": [given],
            "command": "fermodels.explore.CameraLab.save_instance",
        },
        source=str(path),
    )
    whole = new if old is None else PreparedImages.concat([old, new])
    whole.write(path)
    return whole


def read_own(path: str | os.PathLike) -> PreparedImages:
    """A file of the camera lab.

    Raises:
        PreparedError: it cannot be read, is another data set, or carries no consent.
    """
    images = PreparedImages.read(path, in_memory=True)
    if images.metadata.get("name") != NAME:
        raise PreparedError(
            f"{path} is the data set {images.metadata.get('name')!r}, not a file of the camera "
            "lab; it stays as it is. Take another path."
        )
    consent = images.metadata.get("consent")
    agreed = {one.get("subject") for one in consent} if isinstance(consent, list) else set()
    if not set(images.table["subject"]) <= agreed:
        raise PreparedError(f"{path} does not say that everyone shown agreed: record them again")
    return images


def forget(path: str | os.PathLike) -> bool:
    """Delete a file of the camera lab; False where there is none.

    Raises:
        PreparedError: it is not such a file, and stays.
    """
    path = given_path(path)
    if not path.exists():
        return False
    read_own(path)
    path.unlink()
    return True


def merge_people(paths: Sequence[str | os.PathLike], out: str | os.PathLike) -> PreparedImages:
    """Put the files of several people into one, with the subjects renamed apart.

    Args:
        paths: files of the camera lab, in any order; merged ones too.
        out: the new file. Its people are called "person1", "person2", … in the order of `paths`.

    Returns what `out` holds.

    Raises:
        PreparedError: one of them cannot be read, is not of the camera lab, or has images of
            another size.
        ValueError: there is no file, one is given twice, or `out` is among them.
        OSError: `out` cannot be written.
    """
    out = output_file(out)
    files = [given_path(path) for path in paths]
    places = [path.resolve() for path in files]
    if not files:
        raise ValueError("name the files to be merged")
    if len(set(places)) < len(places) or out.resolve() in places:
        raise ValueError("a file is named twice: each person's file once, and another one to write")
    parts: list[PreparedImages] = []
    consent: list[dict[str, Any]] = []
    for path in files:
        images = read_own(path)
        for subject in dict.fromkeys(images.table["subject"]):
            name = f"person{len(parts) + 1}"
            part = images.subset(np.flatnonzero((images.table["subject"] == subject).to_numpy()))
            instances = part.table["instance"].str.removeprefix(subject)
            part.table = part.table.assign(subject=name, instance=name + instances)
            parts.append(part)
            own = [one for one in images.metadata["consent"] if one.get("subject") == subject]
            consent += [one | {"subject": name} for one in own]
    whole = PreparedImages.concat(parts)
    whole.metadata["consent"] = consent
    whole.write(out)
    return whole


def _table(views: Sequence[View], expression: str, session: str, instance: str):
    import pandas as pd

    return pd.DataFrame(
        [
            {
                # Lossless, so that the file's embeddings are those that the lab has shown.
                "image": encode_image(view.crop, "PNG"),
                "subject": SUBJECT,
                "expression": expression,
                "view": VIEWS[YAWS.index(view.angle)],
                "yaw": np.float32(round(view.yaw, 1)),
                "pitch": np.float32(np.nan),
                "session": session,
                "instance": instance,
                "face_found": True,
                "sharpness": np.float32(view.sharpness),
            }
            for view in views
        ]
    )
