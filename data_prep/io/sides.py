"""Whether images from the side show the side that their angles say: names may mean the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_prep.io.report import ImportReport
from fermodels.data.image_files import decode_image

if TYPE_CHECKING:
    import pandas as pd

LOOKED_AT = 24  # images
TURNED = (20.0, 110.0)  # degrees, within which the nose points to a side
# How far the nose is beside the middle of the eyes, in heights of the face, to point to a side. In
# the rendered faces of `data/` it is 0.04 at most from the front, and 0.06 at least from 45° on.
POINTS = 0.05
TELLING, WRONG = 5, 0.75  # images that point, and the share of them that is too much


def tell_of_sides(frame: pd.DataFrame, report: ImportReport) -> None:
    """Warns where in most images from the side the nose points to the other one.

    Some of the images in which a face was found are looked at again; without `--crop face` none.
    """
    import pandas as pd

    if not {"yaw", "face_found"} <= set(frame):
        return
    yaws = pd.to_numeric(frame["yaw"], errors="coerce")
    turned = yaws.abs().between(*TURNED) & frame["face_found"].eq(True)
    rows = np.random.default_rng(0).permutation(np.flatnonzero(turned))[:LOOKED_AT]
    if len(rows) < TELLING:
        return
    noses = [_nose(frame["image"].iloc[row]) * np.sign(yaws.iloc[row]) for row in rows]
    wrong, right = sum(n < -POINTS for n in noses), sum(n > POINTS for n in noses)
    if wrong + right >= TELLING and wrong > WRONG * (wrong + right):
        report.warn(
            f"in {wrong} of {wrong + right} images from the side that were looked at, the nose "
            "points the other way than their yaw says (below 0° it points to the image's left "
            "edge): left and right seem to be swapped; --mirrored (or --views) says which is which"
        )


def _nose(image: bytes) -> float:
    """How far right of the eyes' middle it is, in heights of the face; 0 where no face is found."""
    from fermodels.crops import face_finder

    faces = face_finder().faces(decode_image(image).pixels, most=1)
    if not faces:
        return 0.0
    box, landmarks = faces[0]
    return float(landmarks[2, 0] - landmarks[:2, 0].mean()) / (box.y1 - box.y0)
