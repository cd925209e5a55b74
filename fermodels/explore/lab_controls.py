"""What can be set about a face in the face lab: names, ranges, and the facial actions they make."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fermodels.explore.lab_choices import describe_looks, variants_of
from fermodels.faces import PROTOTYPES, prototype_weights, unit_weights

# Facial region → action unit → its name in FACS (Ekman, Friesen & Hager 2002).
UNIT_NAMES: dict[str, dict[int, str]] = {
    "brows": {1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer"},
    "eyes": {5: "upper lid raiser", 7: "lid tightener", 43: "eye closure"},
    "cheeks and nose": {6: "cheek raiser", 9: "nose wrinkler"},
    "mouth": {
        10: "upper lip raiser",
        11: "nasolabial deepener",
        12: "lip corner puller",
        14: "dimpler",
        15: "lip corner depressor",
        16: "lower lip depressor",
        17: "chin raiser",
        18: "lip puckerer",
        19: "tongue show",
        20: "lip stretcher",
        22: "lip funneler",
        23: "lip tightener",
        24: "lip pressor",
        25: "lips part",
    },
    "jaw": {26: "jaw drop", 27: "mouth stretch"},
}


@dataclass(frozen=True)
class Control:
    """A slider: `name` in Python, `label` for people, `group` under which it is found."""

    name: str
    label: str
    group: str
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    default: float = 0.0
    unit: str = ""


_ALL = [
    *(Control(name, name, "expressions") for name in PROTOTYPES if name != "neutral"),
    *(
        Control(f"AU{number}", f"AU{number} {name}", region)
        for region, units in UNIT_NAMES.items()
        for number, name in units.items()
    ),
    Control("yaw", "yaw (sideways)", "camera and light", -90, 90, 1, 0, "°"),
    Control("pitch", "pitch (upwards)", "camera and light", -30, 30, 1, 0, "°"),
    Control("light", "light (left, right)", "camera and light", -1, 1, 0.05, 0.5),
    Control("brightness", "brightness", "camera and light", 0.3, 1.5, 0.05, 1),
]
CONTROLS: dict[str, Control] = {control.name: control for control in _ALL}
DEFAULTS: dict[str, float] = {name: control.default for name, control in CONTROLS.items()}
STRENGTHS: tuple[str, ...] = tuple(c.name for c in _ALL if c.group == "expressions")


def check(values: Mapping[str, Any]) -> dict[str, float]:
    """The values as floats; ValueError for an unknown name or a value out of its range."""
    checked = {}
    for name, value in values.items():
        if name not in CONTROLS:
            raise ValueError(f"{name!r} cannot be set; there are {', '.join(CONTROLS)}")
        control = CONTROLS[name]
        number = _number(value)
        if not control.low <= number <= control.high:  # also true for NaN
            raise ValueError(
                f"{name} is {value!r}; it goes from {control.low:g} to {control.high:g}"
            )
        checked[name] = number
    return checked


def clean(values: Any) -> dict[str, float]:
    """A value for every control from whatever a browser or a file has sent: unknown names are
    left out, values brought into their range, what is no number becomes the default."""
    values = values if isinstance(values, Mapping) else {}
    cleaned = {}
    for name, control in CONTROLS.items():
        number = _number(values.get(name))
        number = control.default if math.isnan(number) else number
        cleaned[name] = min(max(number, control.low), control.high)
    return cleaned


def actions(values: Mapping[str, float]) -> np.ndarray:
    """The 52 action weights, float32 in 0…1: prototypes by strength plus single units, clipped.

    Each prototype is the variant that `values` has chosen, number 0 where it has none.
    """
    variants = variants_of(values)
    units = {int(name[2:]): value for name, value in values.items() if name.startswith("AU")}
    total = unit_weights(units)
    for name in STRENGTHS:
        total = total + prototype_weights(name, values[name], variants.get(name, 0))
    return total.clip(0, 1)


def strongest(values: Mapping[str, float]) -> tuple[str, float]:
    """The expression whose prototype is strongest, and its strength; ("neutral", 0) for none."""
    name = max(STRENGTHS, key=lambda name: values[name])
    return (name, values[name]) if values[name] > 0 else ("neutral", 0.0)


def describe(values: Mapping[str, Any]) -> str:
    """What differs from a neutral face of the person seen from the front, in words."""
    variants = variants_of(values)
    moved = []
    for name, control in CONTROLS.items():
        if values[name] != control.default:
            variant = f" (variant {variants[name]})" if variants.get(name) else ""
            moved.append(f"{control.label} {values[name]:g}{control.unit}{variant}")
    return ", ".join([*moved, *describe_looks(values)]) or "neutral"


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
