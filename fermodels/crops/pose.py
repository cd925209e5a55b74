"""How far a found face is turned, from the five landmarks of the detector."""

from __future__ import annotations

import numpy as np

from fermodels.crops.yunet import Face

# `python -m studies.head_yaw` fits them on rendered people and measures what they are worth.
WEIGHTS = (1.068, -0.135)
# Seen from the front, the eyes are as far apart as they are above the mouth, and the corners of
# the mouth a little less; seen from the side, the nose is ahead by this share of it.
EYES, MOUTH, NOSE = 1.0, 0.87, 0.38


def head_yaw(face: Face) -> float:
    """The yaw of a head in degrees, −90 … 90, in the convention of the prepared files.

    At −90 one sees the left cheek, and the nose points to the image's left edge; the mirrored face
    has the negated yaw. Neither the face's size nor its roll matter: all is measured along and
    across the line from between the eyes to the middle of the mouth. Beyond a profile it is that
    of the profile.

    Raises:
        ValueError: the landmarks are not (5, 2) finite numbers, or eyes and mouth are in one place.
    """
    return float(np.clip(yaw_features(face.landmarks) @ WEIGHTS, -90, 90))


def yaw_features(landmarks: np.ndarray) -> np.ndarray:
    """What the yaw is a sum of, (2,): negated in a mirror, the same at any size and roll.

    A nose is ahead of the face by the sine of the yaw, and the eyes, and the corners of the mouth,
    are apart by its cosine: the first number is that angle, in degrees, the mean of both. But the
    head turns about an axis behind them, and the detector draws the landmarks of a profile apart;
    so the second, the sine of twice the angle, times 90, makes the angle straight.

    Args:
        landmarks: (5, 2), see :class:`~fermodels.crops.yunet.Face`.

    Raises:
        ValueError: see :func:`head_yaw`.
    """
    landmarks = np.asarray(landmarks, float)
    if landmarks.shape != (5, 2) or not np.isfinite(landmarks).all():
        raise ValueError(f"expected five finite landmarks (5, 2), got {landmarks.tolist()}")
    right_eye, left_eye, nose, right_corner, left_corner = landmarks
    eyes, mouth = (right_eye + left_eye) / 2, (right_corner + left_corner) / 2
    down = mouth - eyes
    length = float(np.hypot(*down))
    if length == 0:
        raise ValueError(f"eyes and mouth of a face are both at {eyes.tolist()}")
    across = np.array([down[1], -down[0]]) / length**2  # towards the image's right, upright
    ahead = (nose - (eyes + mouth) / 2) @ across / NOSE
    apart = (left_eye - right_eye) @ across / EYES, (left_corner - right_corner) @ across / MOUTH
    angle = np.arctan2(ahead, apart).mean()
    return np.array([np.degrees(angle), 90 * np.sin(2 * angle)])
