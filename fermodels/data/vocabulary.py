"""One vocabulary of expressions, emotions and views, in the order that everything is shown in."""

from __future__ import annotations

import numpy as np

from fermodels._shared.modalities import MODALITIES

__all__ = ["EMOTIONS", "EXPRESSIONS", "MODALITIES", "VIEWS", "view_order"]

EXPRESSIONS = (
    "afraid",
    "angry",
    "disgusted",
    "happy",
    "neutral",
    "sad",
    "surprised",
    "content",
)
EMOTIONS = EXPRESSIONS[:7]
VIEWS = ("full_left", "half_left", "straight", "half_right", "full_right")


def view_order(views) -> list:
    """The distinct views, left profile to right profile, then names not among `VIEWS`.

    Yaws in degrees come ascending.
    """
    names = list(dict.fromkeys(np.asarray(views).tolist()))
    if all(isinstance(name, int | float) for name in names):
        return sorted(names)
    known = [name for name in VIEWS if name in names]
    return known + sorted(name for name in names if name not in VIEWS)
