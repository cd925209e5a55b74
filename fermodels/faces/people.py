"""Who is photographed, in which studio, and how they pull their face: drawn from a seed."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import numpy as np

from fermodels.faces.actions import ACTION_UNITS, ACTIONS, PROTOTYPES, unit_weights
from fermodels.faces.shapes import HEAD_SHAPES

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Style:
    """How one person shows emotions, the same in every take.

    Attributes:
        units: action unit → factor on its strength.
        optional: expression → the optional action units that this person uses.
        side: left–right difference, about −0.2…0.2.
        resting: 52-vector of actions that the face has even at rest.
    """

    units: dict[int, float]
    optional: dict[str, tuple[int, ...]]
    side: float
    resting: np.ndarray


@dataclass(frozen=True)
class Person:
    """An identity: Anny's phenotype and local shapes, colours (sRGB 0…1) and a style."""

    gender: str
    age: float  # years
    phenotype: dict[str, float]
    shapes: dict[str, float]
    skin: Color
    lips: Color
    hair: Color
    brow: Color
    iris: Color
    style: Style
    brow_strength: float = 0.8
    hair_cover: float = 0.9
    hairline: float = 0.0
    stubble: float = 0.0
    blush: float = 0.3
    eye_shade: float = 0.3
    lashes: float = 0.6
    skin_seed: int = 0


@dataclass(frozen=True)
class Studio:
    """Light, background and framing of one session of one person: never drawn per take."""

    head_light: float = 0.75
    key_light: float = 0.35
    key_position: tuple[float, float, float] = (0.6, 0.6, 1.0)  # in front of the camera
    tint: Color = (1.0, 1.0, 1.0)
    background_bottom: Color = (0.55, 0.56, 0.58)
    background_top: Color = (0.62, 0.63, 0.65)
    shirt: Color = (0.45, 0.46, 0.48)
    shine: float = 0.12
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)  # sideways, up; in distances from eyes to mouth

    def with_background_of(self, other: Studio) -> Studio:
        """The same light, before another studio's wall and in its shirt."""
        return replace(
            self,
            background_bottom=other.background_bottom,
            background_top=other.background_top,
            shirt=other.shirt,
        )


@dataclass(frozen=True)
class Take:
    """One moment: which expression, how strongly, the 52 weights, and how the head is held."""

    expression: str
    intensity: float
    actions: np.ndarray
    pose: tuple[float, float, float]  # yaw, pitch, roll in degrees


@dataclass(frozen=True)
class Difficulty:
    """How much takes and people differ; the shipped sets' values are the defaults.

    Attributes:
        intensity: range of a take's strength, 1 = the prototype in full.
        unit_spread: standard deviation of log strength of a unit, between a person's takes.
        style_spread: the same, between people.
        shape_spread: standard deviation of the local face shapes.
        resting_spread: how far a resting face is from the average one.
        pose: standard deviations of the head's yaw, pitch, roll, degrees.
    """

    intensity: tuple[float, float] = (0.85, 1.0)
    unit_spread: float = 0.12
    style_spread: float = 0.12
    shape_spread: float = 0.11
    resting_spread: float = 0.04
    asymmetry: float = 0.10
    pose: tuple[float, float, float] = (2.0, 2.0, 1.5)


# Skin from light to dark, sRGB; people are drawn between neighbours.
_SKIN = np.array(
    [
        [0.93, 0.77, 0.68],
        [0.90, 0.71, 0.60],
        [0.83, 0.62, 0.49],
        [0.73, 0.52, 0.39],
        [0.58, 0.39, 0.28],
        [0.42, 0.28, 0.20],
        [0.32, 0.21, 0.16],
    ]
)
_HAIR_DARK = ((0.07, 0.05, 0.05), (0.13, 0.09, 0.07))
_HAIR_ANY = (
    *_HAIR_DARK,
    (0.24, 0.15, 0.09),
    (0.38, 0.25, 0.14),
    (0.55, 0.41, 0.24),
    (0.40, 0.17, 0.08),
)
_IRIS_DARK = ((0.22, 0.12, 0.06), (0.30, 0.18, 0.09))
_IRIS_ANY = (
    *_IRIS_DARK,
    (0.35, 0.45, 0.55),
    (0.40, 0.47, 0.35),
    (0.42, 0.33, 0.18),
    (0.45, 0.52, 0.58),
)

# Noses, ears and jaws may vary more than the shapes that an expression moves too, so that a
# person's resting mouth and brows do not read as an emotion.
_EXPRESSIVE = ("mouth", "eyebrows", "eye")


def sample_person(
    rng: np.random.Generator,
    gender: str,
    age: float,
    difficulty: Difficulty = Difficulty(),
) -> Person:
    """A new person of a gender ("female" or "male") and an age in years.

    Raises:
        ValueError: another gender.
    """
    if gender not in ("female", "male"):
        raise ValueError(f"gender must be 'female' or 'male', got {gender!r}")
    local: dict[str, float] = {}
    for name in HEAD_SHAPES:
        twin = {"l-": "r-", "r-": "l-"}.get(name[:2])
        if twin and twin + name[2:] in local:
            local[name] = local[twin + name[2:]] + float(rng.normal(0, 0.04))
            continue
        spread = difficulty.shape_spread
        if name.removeprefix("l-").removeprefix("r-").startswith(_EXPRESSIVE):
            spread *= 0.6
        local[name] = float(np.clip(rng.normal(0, spread), -0.6, 0.6))
    local = {name: float(np.clip(value, -0.7, 0.7)) for name, value in local.items()}

    tone = rng.uniform(0, len(_SKIN) - 1)
    low = int(min(tone, len(_SKIN) - 2))
    skin = _SKIN[low] + (tone - low) * (_SKIN[low + 1] - _SKIN[low])
    skin = np.clip(skin * rng.normal(1, [0.02, 0.025, 0.03]), 0, 1)
    hair = np.array((_HAIR_DARK if tone > 2.6 else _HAIR_ANY)[rng.integers(2 if tone > 2.6 else 6)])
    if age > 50:
        hair = hair + (0.62 - hair) * rng.uniform(0, min(1.0, (age - 50) / 25))
    iris = np.array((_IRIS_DARK if tone > 2.6 else _IRIS_ANY)[rng.integers(2 if tone > 2.6 else 6)])
    iris = np.clip(iris * rng.uniform(0.8, 1.15), 0, 1)
    redder = rng.uniform(0.4, 0.9)
    lips = skin * (1 - redder) + redder * skin * [0.88, 0.50, 0.52]
    male_adult = gender == "male" and age > 18
    return Person(
        gender=gender,
        age=age,
        phenotype={
            "gender": float(
                np.clip((0.9 if gender == "female" else 0.1) + rng.normal(0, 0.06), 0, 1)
            ),
            "age": anny_age(age),
            "muscle": float(rng.uniform(0.3, 0.7)),
            "weight": float(np.clip(rng.normal(0.48, 0.16), 0.1, 0.95)),
            "height": float(rng.uniform(0.3, 0.7)),
            "proportions": float(rng.uniform(0.3, 0.8)),
        },
        shapes=local,
        skin=tuple(skin),
        lips=tuple(np.clip(lips, 0, 1)),
        hair=tuple(hair),
        brow=tuple(np.clip(hair * 0.75 + skin * 0.08, 0, 1)),
        iris=tuple(iris),
        style=_sample_style(rng, difficulty),
        brow_strength=float(rng.uniform(0.6, 0.95)),
        hair_cover=float(
            rng.uniform(0.15, 0.5) if male_adult and rng.random() < 0.3 else rng.uniform(0.8, 0.97)
        ),
        hairline=float(rng.normal(0.0, 0.006)),
        stubble=float(rng.uniform(0, 0.55) if male_adult else 0.0),
        blush=float(rng.uniform(0.15, 0.5)),
        eye_shade=float(rng.uniform(0.05, 0.45)),
        lashes=float(rng.uniform(0.45, 0.85)),
        skin_seed=int(rng.integers(2**31)),
    )


def anny_age(years: float) -> float:
    """Anny's age parameter of an age in years (0 newborn, 1/3 child, 2/3 young adult, 1 old)."""
    return float(np.interp(years, [0, 1, 9, 25, 75], [0.0, 0.12, 0.40, 0.66, 0.95]))


def _sample_style(rng: np.random.Generator, difficulty: Difficulty) -> Style:
    units = {
        unit: float(np.exp(rng.normal(0, difficulty.style_spread))) for unit in sorted(ACTION_UNITS)
    }
    optional = {
        name: tuple(u for u, (_, share) in sorted(p.optional.items()) if rng.random() < share)
        for name, p in sorted(PROTOTYPES.items())
    }
    resting = {
        u: abs(float(rng.normal(0, difficulty.resting_spread)))
        for u in (1, 2, 4, 7, 12, 15, 17, 24)
    }
    return Style(
        units=units,
        optional=optional,
        side=float(rng.normal(0, difficulty.asymmetry)),
        resting=unit_weights(resting),
    )


def sample_studio(rng: np.random.Generator) -> Studio:
    """Light, background and framing of a session."""
    hue, saturation, value = rng.uniform(0, 1), rng.uniform(0, 0.22), rng.uniform(0.25, 0.9)
    bottom = np.array(colorsys.hsv_to_rgb(hue, saturation, value))
    top = np.clip(bottom * rng.uniform(0.85, 1.2), 0, 1)
    side = rng.choice([-1.0, 1.0])
    warm = float(np.clip(rng.normal(0.01, 0.025), -0.05, 0.06))
    tint = np.array([1 + warm, 1.0, 1 - warm])
    head_light = rng.uniform(0.60, 0.90)
    return Studio(
        head_light=float(head_light),
        key_light=float(rng.uniform(0.15, 0.5)),
        key_position=(float(side * rng.uniform(0.3, 1.0)), float(rng.uniform(0.2, 1.0)), 1.0),
        tint=tuple(np.clip(tint / tint.max(), 0, 1)),
        background_bottom=tuple(bottom),
        background_top=tuple(top),
        shirt=colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0, 0.35), rng.uniform(0.15, 0.8)),
        shine=float(rng.uniform(0.03, 0.2)),
        zoom=float(rng.normal(1.0, 0.03)),
        shift=(0.0, float(rng.normal(0, 0.04))),
    )


def sample_take(
    rng: np.random.Generator, person: Person, expression: str, difficulty: Difficulty = Difficulty()
) -> Take:
    """One take of a person showing an expression; no two takes are equal."""
    if expression not in PROTOTYPES:
        raise ValueError(f"unknown expression {expression!r}: known are {sorted(PROTOTYPES)}")
    prototype, style = PROTOTYPES[expression], person.style
    intensity = float(rng.uniform(*difficulty.intensity))
    units = dict(prototype.core)
    units |= {unit: prototype.optional[unit][0] for unit in style.optional[expression]}
    strengths = {
        unit: weight * intensity * style.units[unit] * np.exp(rng.normal(0, difficulty.unit_spread))
        for unit, weight in units.items()
    }
    side = style.side + rng.normal(0, difficulty.asymmetry / 2)
    actions = unit_weights(strengths, left=1 + side, right=1 - side)
    # Lids and gaze wander in every take, the resting face shows through in every expression.
    wander = {"eyeBlink": abs(rng.normal(0, 0.08))}
    look = rng.normal(0, 0.08, 2)
    wander["eyeLookUp" if look[0] > 0 else "eyeLookDown"] = abs(look[0])
    actions = actions + style.resting * (1 - 0.5 * intensity * (expression != "neutral"))
    for name, value in wander.items():
        for end in ("Left", "Right"):
            actions[_index(name + end)] += value
    turn = ("Out", "In") if look[1] > 0 else ("In", "Out")
    actions[_index(f"eyeLook{turn[0]}Left")] += abs(look[1])
    actions[_index(f"eyeLook{turn[1]}Right")] += abs(look[1])
    pose = tuple(float(v) for v in rng.normal(0, difficulty.pose))
    return Take(expression, intensity, actions.clip(0, 1).astype(np.float32), pose)


def _index(action: str) -> int:
    return ACTIONS.index(action)
