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
UNKNOWN_VIEW = "unknown"  # what a view is called that is null in a prepared file


def view_order(views) -> list:
    """The distinct views, left profile to right profile, then names not among `VIEWS`.

    Yaws in degrees come ascending. Missing ones (None, NaN) are left out, and "unknown" is last.
    """
    names = [name for name in dict.fromkeys(np.asarray(views).tolist()) if name == name]
    names = [name for name in names if name is not None]
    if all(isinstance(name, int | float) for name in names):
        return sorted(names)
    known = [name for name in VIEWS if name in names]
    others = (name for name in names if name not in VIEWS)
    return known + sorted(others, key=lambda name: (name == UNKNOWN_VIEW, name))
