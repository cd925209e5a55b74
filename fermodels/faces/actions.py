"""Expressions as FACS action units, and action units as the head model's 52 facial actions.

Which units make up an emotion: Ekman, Friesen & Hager, *Facial Action Coding System:
Investigator's Guide* (2002), table of emotion prototypes, and Du, Tao & Martinez, "Compound
facial expressions of emotion", PNAS 111(15), 2014, table 1. `content` (closed-mouth smile, as in
DDCF) is our reading of AU 6 + 12 at low intensity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ACTIONS: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight",
    "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft",
    "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight",
    "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft",
    "noseSneerRight", "tongueOut",
)  # fmt: skip

# FACS number → (facial action without its side, weight at full intensity), and whether it has sides
ACTION_UNITS: dict[int, tuple[tuple[str, float], ...]] = {
    1: (("browInnerUp", 1.0),),
    2: (("browOuterUp", 1.0),),
    4: (("browDown", 1.0),),
    5: (("eyeWide", 1.0),),
    6: (("cheekSquint", 1.0), ("eyeSquint", 0.25)),
    7: (("eyeSquint", 1.0),),
    9: (("noseSneer", 1.0), ("eyeSquint", 0.2)),
    10: (("mouthUpperUp", 1.0),),
    12: (("mouthSmile", 1.0),),
    14: (("mouthDimple", 1.0),),
    15: (("mouthFrown", 1.0),),
    16: (("mouthLowerDown", 0.8),),
    17: (("mouthShrugLower", 1.0),),
    20: (("mouthStretch", 1.0),),
    23: (("mouthRollLower", 0.5), ("mouthRollUpper", 0.4)),
    24: (("mouthPress", 1.0),),
    25: (("mouthLowerDown", 0.45), ("mouthUpperUp", 0.25), ("jawOpen", 0.05)),
    26: (("jawOpen", 0.45),),
    27: (("jawOpen", 0.75),),
}


@dataclass(frozen=True)
class Prototype:
    """Action units of one emotion: `core` is always there, `optional` (unit → how often)."""

    core: dict[int, float]
    optional: dict[int, tuple[float, float]]  # unit → (weight, share of the people who show it)


PROTOTYPES: dict[str, Prototype] = {
    "afraid": Prototype({1: 1.0, 2: 0.6, 4: 0.4, 5: 1.0, 20: 1.0, 25: 0.8}, {26: (0.5, 0.5)}),
    "angry": Prototype(
        {4: 1.0, 5: 0.4, 7: 0.7, 23: 0.7, 24: 1.0}, {10: (0.3, 0.2), 17: (0.6, 0.5)}
    ),
    "content": Prototype({12: 0.6}, {6: (0.4, 0.6), 14: (0.4, 0.3)}),
    "disgusted": Prototype({4: 0.5, 7: 0.5, 9: 1.0, 10: 1.0}, {17: (0.7, 0.6), 25: (0.5, 0.3)}),
    "happy": Prototype({6: 0.8, 12: 1.0}, {25: (0.9, 0.8), 26: (0.35, 0.3)}),
    "neutral": Prototype({}, {}),
    "sad": Prototype({1: 1.0, 4: 0.4, 15: 1.0}, {6: (0.3, 0.3), 7: (0.3, 0.4), 17: (0.7, 0.6)}),
    "surprised": Prototype({1: 1.0, 2: 1.0, 5: 0.7, 26: 1.0}, {25: (0.4, 0.5), 27: (0.5, 0.3)}),
}


def unit_weights(units: dict[int, float], left: float = 1.0, right: float = 1.0) -> np.ndarray:
    """The 52 action weights, float32 in 0…1, of `{action unit: intensity 0…1}`.

    `left` and `right` scale the actions that exist on both sides.

    Raises:
        ValueError: an action unit that is not in `ACTION_UNITS`.
    """
    weights = np.zeros(len(ACTIONS), dtype=np.float32)
    for unit, intensity in units.items():
        if unit not in ACTION_UNITS:
            raise ValueError(f"unknown action unit {unit}: known are {sorted(ACTION_UNITS)}")
        for action, share in ACTION_UNITS[unit]:
            if action in ACTIONS:
                weights[ACTIONS.index(action)] += share * intensity
            else:
                weights[ACTIONS.index(action + "Left")] += share * intensity * left
                weights[ACTIONS.index(action + "Right")] += share * intensity * right
    return weights.clip(0.0, 1.0)


def prototype_weights(expression: str, intensity: float = 1.0) -> np.ndarray:
    """The 52 action weights of an emotion's prototype: its core units and the common optional ones.

    Raises:
        ValueError: an unknown expression.
    """
    if expression not in PROTOTYPES:
        raise ValueError(f"unknown expression {expression!r}: known are {sorted(PROTOTYPES)}")
    prototype = PROTOTYPES[expression]
    units = dict(prototype.core)
    units |= {unit: weight for unit, (weight, share) in prototype.optional.items() if share >= 0.5}
    return unit_weights({unit: weight * intensity for unit, weight in units.items()})
