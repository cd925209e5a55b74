"""Expressions as FACS action units, and action units as the head model's 52 facial actions.

Which units make up an emotion: Ekman, Friesen & Hager, *Facial Action Coding System:
Investigator's Guide* (2002), table of emotion prototypes, and Du, Tao & Martinez, "Compound
facial expressions of emotion", PNAS 111(15), 2014, table 1. Ours are `content` (closed-mouth
smile, as in DDCF: AU 6 + 12 at low intensity) and some units that are added: AU 14 to a smile, 16
to anger that bares the teeth, 6, 7 and 43 (narrowed eyes) and 19 (tongue) to disgust.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

#: The names of the facial actions, in the order of their weights.
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

#: FACS number → (facial action without its side, weight at full intensity).
ACTION_UNITS: dict[int, tuple[tuple[str, float], ...]] = {
    1: (("browInnerUp", 1.0),),
    2: (("browOuterUp", 1.0),),
    4: (("browDown", 1.0),),
    5: (("eyeWide", 1.0),),
    6: (("cheekSquint", 1.0), ("eyeSquint", 0.25)),
    7: (("eyeSquint", 1.0),),
    9: (("noseSneer", 1.0), ("eyeSquint", 0.3)),
    10: (("mouthUpperUp", 1.0), ("noseSneer", 0.25)),
    11: (("mouthUpperUp", 0.3), ("cheekSquint", 0.2)),
    12: (("mouthSmile", 1.0),),
    14: (("mouthDimple", 1.0),),
    15: (("mouthFrown", 1.0),),
    16: (("mouthLowerDown", 0.8),),
    17: (("mouthShrugLower", 1.0),),
    18: (("mouthPucker", 1.0),),
    19: (("tongueOut", 1.0),),
    20: (("mouthStretch", 1.0),),
    22: (("mouthFunnel", 1.0),),
    23: (("mouthRollLower", 0.5), ("mouthRollUpper", 0.4)),
    24: (("mouthPress", 0.25), ("mouthRollLower", 0.5), ("mouthRollUpper", 0.5),
         ("mouthPucker", 0.35)),
    25: (("mouthLowerDown", 0.6), ("mouthUpperUp", 0.35), ("jawOpen", 0.08)),
    26: (("jawOpen", 0.6),),
    27: (("jawOpen", 1.0),),
    43: (("eyeBlink", 0.5),),
}  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """One way to show an emotion.

    Attributes:
        units: action unit → weight, always there.
        optional: action unit → (weight, how often it is there).
        share: how common the variant is among those of its emotion.
    """

    units: dict[int, float]
    optional: dict[int, tuple[float, float]] = field(default_factory=dict)
    share: float = 1.0


#: Expression → the ways in which it is shown.
PROTOTYPES: dict[str, tuple[Variant, ...]] = {
    "afraid": (
        Variant({1: 1.0, 2: 0.5, 4: 0.5, 5: 1.0, 20: 1.0, 25: 0.9, 26: 0.6}, share=2.5),
        Variant({1: 1.0, 2: 0.9, 4: 0.5, 5: 1.0, 25: 0.8, 26: 0.7}, {20: (1.0, 0.7)}, 0.4),
        Variant({1: 1.0, 4: 0.4, 5: 1.0, 20: 1.0, 25: 0.9, 26: 0.5}, share=1.5),
    ),
    "angry": (
        Variant({4: 1.0, 5: 0.5, 7: 0.6, 10: 0.7, 23: 0.3, 25: 1.0, 26: 0.5}, {16: (0.6, 0.5)},
                1.5),
        Variant({4: 1.0, 7: 0.5, 24: 0.8}, {5: (0.5, 0.6), 17: (0.6, 0.4), 10: (0.3, 0.3)}),
        Variant({4: 1.0, 5: 0.6, 7: 0.6, 10: 0.5, 22: 0.4, 23: 0.3, 25: 0.6}, {26: (0.3, 0.4)}),
    ),
    "content": (
        Variant({12: 0.55}, {6: (0.4, 0.6), 14: (0.4, 0.3)}),
    ),
    "disgusted": (
        Variant({9: 1.0, 10: 0.5, 6: 0.8, 7: 0.9, 17: 0.5}, {4: (0.5, 0.3), 15: (0.5, 0.6)}, 4.0),
        Variant({9: 1.0, 10: 0.6, 17: 0.7, 6: 0.5}, {4: (0.6, 0.3), 7: (0.7, 0.6), 43: (0.4, 0.4)}),
        Variant({9: 0.7, 10: 1.0, 7: 0.6, 16: 0.4, 25: 0.4}, {6: (0.6, 0.5), 43: (0.4, 0.5)}, 0.5),
        Variant({9: 1.0, 10: 0.7, 16: 0.6, 19: 1.0, 25: 0.8, 26: 0.5}, {43: (0.4, 0.5)}, 0.25),
    ),
    "happy": (
        Variant({6: 0.9, 12: 1.0, 25: 1.0}, {26: (0.4, 0.5)}, 2.0),
        Variant({6: 0.8, 12: 1.0}, {14: (0.3, 0.3)}),
    ),
    "neutral": (Variant({}),),
    "sad": (
        Variant({1: 1.0, 4: 0.4, 15: 1.0, 17: 0.5}, {7: (0.3, 0.4), 43: (0.5, 0.7)}, 2.0),
        Variant({6: 0.3, 15: 1.0, 17: 0.8}, {1: (0.8, 0.7), 43: (0.5, 0.7), 11: (0.4, 0.5)}),
    ),
    "surprised": (
        Variant({1: 1.0, 2: 1.0, 5: 1.0, 26: 1.2}, {25: (0.3, 0.3)}),
        Variant({1: 1.0, 2: 1.0, 5: 1.0, 27: 1.0}),
    ),
}  # fmt: skip


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


def prototype_weights(expression: str, intensity: float = 1.0, variant: int = 0) -> np.ndarray:
    """The 52 action weights of an emotion: one of its variants with its common optional units.

    Args:
        variant: number of the variant, see `PROTOTYPES`; 0 is the most common one.

    Raises:
        ValueError: an unknown expression or variant.
    """
    if expression not in PROTOTYPES:
        raise ValueError(f"unknown expression {expression!r}: known are {sorted(PROTOTYPES)}")
    variants = PROTOTYPES[expression]
    if not 0 <= variant < len(variants):
        raise ValueError(f"{expression} has variants 0 to {len(variants) - 1}, not {variant}")
    units = dict(variants[variant].units)
    units |= {u: w for u, (w, share) in variants[variant].optional.items() if share >= 0.5}
    return unit_weights({unit: weight * intensity for unit, weight in units.items()})
