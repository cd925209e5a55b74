"""One vocabulary of expressions, emotions and views, in the order that everything is shown in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fermodels._shared.modalities import MODALITIES
from fermodels.data.names import natural_key, number_of

__all__ = ["EMOTIONS", "EXPRESSIONS", "MODALITIES", "VIEWS", "view_degrees", "view_order"]

#: The names of expressions that all data sets share, in the order of their class indices.
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
#: The seven of them that most data sets label.
EMOTIONS = EXPRESSIONS[:7]
#: The views of KDEF and of the data that ships, by their yaw from −90° to 90°.
VIEWS = ("full_left", "half_left", "straight", "half_right", "full_right")
UNKNOWN_VIEW = "unknown"  # what a view is called that is null in a prepared file
_YAWS = (-90.0, -45.0, 0.0, 45.0, 90.0)  # of VIEWS; DDCF's are nearer to the front
_DEGREES = re.compile(
    r"(?P<yaw>yaw[ _]*)?(?P<number>[-+]?[0-9]*\.?[0-9]+)[ _]*(?P<unit>°|deg(?:rees)?)?", re.I
)


def view_degrees(
    views: Iterable, yaws: Mapping[Any, float] | None = None
) -> dict[Any, float | None]:
    """The angle of each distinct view, left below zero; None where it is not known.

    Args:
        views: a view each; missing ones (None, NaN) are left out. The angle of one is that of its
            name in `VIEWS`, that in `yaws`, the number that it is, or what its name says: "yaw+30",
            "−45°", "30 deg". Plain numbers in text ("0", "30") may count cameras: they are degrees
            where the angle of another view is known, by its sign for one.
        yaws: view → degrees, as far as they are known.
    """
    import pandas as pd

    names = views.tolist() if hasattr(views, "tolist") else views
    names = [name for name in dict.fromkeys(names) if not pd.isna(name)]
    found = {name: _degrees_of(name, yaws or {}) for name in names}
    told = any(sure for _, sure in found.values())
    return {name: angle if sure or told else None for name, (angle, sure) in found.items()}


def view_order(views: Iterable, yaws: Mapping[Any, float] | None = None) -> list:
    """The distinct views, left profile to right profile, then those whose angle is not known.

    Angles are those of :func:`view_degrees`. Missing views (None, NaN) are left out, and "unknown"
    is last.
    """
    degrees = view_degrees(views, yaws)

    def place(view: Any) -> tuple:
        angle = degrees[view]
        known = angle is not None
        return view == UNKNOWN_VIEW, not known, angle if known else 0.0, natural_key(view)

    return sorted(degrees, key=place)


def _degrees_of(view: Any, yaws: Mapping[Any, float]) -> tuple[float | None, bool]:
    """The angle that a view may have, and whether it surely has it."""
    if view in VIEWS:
        return _YAWS[VIEWS.index(view)], True
    if (angle := yaws.get(view)) is not None and math.isfinite(angle):
        return float(angle), True
    if not isinstance(view, str):
        return float(view), True
    text = _DEGREES.fullmatch(view.strip().replace("−", "-"))
    angle = number_of(text["number"]) if text else None
    if angle is None or abs(angle) > 180:
        return None, False
    return angle, bool(text["yaw"] or text["unit"]) or text["number"][0] in "+-"
