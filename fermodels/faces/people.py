"""Who is photographed, and how they pull their face: drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fermodels.faces.actions import ACTION_UNITS, ACTIONS, PROTOTYPES, unit_weights
from fermodels.faces.appearance import STUDIO, Appearance
from fermodels.faces.beards import Beard, sample_beard
from fermodels.faces.hair import Hair, sample_hair
from fermodels.faces.shapes import HEAD_SHAPES

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Style:
    """How one person shows emotions, the same in every take.

    Attributes:
        units: action unit → factor on its strength.
        side: left–right difference, about −0.2…0.2.
        resting: 52-vector of actions that the face has even at rest.
        habit: emotion → how likely each of its variants is for this person.
    """

    units: dict[int, float]
    side: float
    resting: np.ndarray
    habit: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Skin:
    """What skin looks like; its texture is drawn from the seed.

    Attributes:
        color: of the face on average, sRGB 0…1.
        mottle, freckles, redness, shade: strength of light and dark patches, of freckles, of red
            cheeks, nose and ears, and of dark rings under the eyes, 0…1.
        moles: how many.
        stubble: how dark, 0…1, in the colour of the hair.
        wrinkles: how much of every crease is there at rest, 0…1.
        creases: how deep creases are, 1 is the average.
        shine: strength of the highlight, 0…1.
    """

    color: Color = (0.83, 0.62, 0.49)
    mottle: float = 0.3
    freckles: float = 0.0
    redness: float = 0.3
    shade: float = 0.3
    moles: int = 0
    stubble: float = 0.0
    wrinkles: float = 0.0
    creases: float = 1.0
    shine: float = 0.12
    seed: int = 0


@dataclass(frozen=True)
class Brows:
    """Eyebrows: colour, density 0…1; thickness (a factor), rise (mm) and arch (a factor)."""

    color: Color = (0.24, 0.15, 0.09)
    density: float = 0.8
    thickness: float = 1.0
    rise: float = 0.0
    arch: float = 0.7


@dataclass(frozen=True)
class Person:
    """An identity: Anny's phenotype and local shapes, skin, hair, eyes and a style."""

    gender: str
    age: float  # years
    phenotype: dict[str, float]
    shapes: dict[str, float]
    style: Style
    skin: Skin = Skin()
    lips: Color = (0.75, 0.42, 0.40)
    brows: Brows = Brows()
    iris: Color = (0.30, 0.18, 0.09)
    lashes: float = 0.6
    hair: Hair = field(default_factory=Hair)
    beard: Beard | None = None


@dataclass(frozen=True)
class Take:
    """One moment: which expression, how strongly, the 52 weights, and how the head is held."""

    expression: str
    intensity: float
    actions: np.ndarray
    pose: tuple[float, float, float]  # yaw, pitch, roll in degrees


@dataclass(frozen=True)
class Difficulty:
    """How much takes differ; the shipped sets' values are the defaults.

    Attributes:
        intensity: range of a take's strength, 1 = the prototype in full.
        unit_spread: standard deviation of log strength of a unit, between a person's takes.
        style_spread: the same, between people.
        resting_spread: how far a resting face is from the average one.
        pose: standard deviations of the head's yaw, pitch, roll, degrees.
    """

    intensity: tuple[float, float] = (0.7, 1.15)
    unit_spread: float = 0.27
    style_spread: float = 0.25
    resting_spread: float = 0.11
    asymmetry: float = 0.18
    pose: tuple[float, float, float] = (4.0, 4.0, 3.0)


# Skin from light to dark, sRGB; people are drawn between neighbours.
_SKIN = np.array(
    [
        [0.94, 0.80, 0.72],
        [0.92, 0.74, 0.63],
        [0.86, 0.66, 0.53],
        [0.77, 0.56, 0.42],
        [0.63, 0.43, 0.31],
        [0.47, 0.31, 0.22],
        [0.34, 0.22, 0.17],
    ]
)
_HAIR_DARK = ((0.07, 0.05, 0.05), (0.13, 0.09, 0.07))
_HAIR_ANY = (
    *_HAIR_DARK,
    (0.24, 0.15, 0.09),
    (0.38, 0.25, 0.14),
    (0.55, 0.41, 0.24),
    (0.72, 0.57, 0.36),
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
    appearance: Appearance = STUDIO,
    difficulty: Difficulty = Difficulty(),
) -> Person:
    """A new person of a gender ("female" or "male") and an age in years.

    Raises:
        ValueError: another gender.
    """
    if gender not in ("female", "male"):
        raise ValueError(f"gender must be 'female' or 'male', got {gender!r}")
    tone = rng.uniform(0, len(_SKIN) - 1)
    skin = between(_SKIN, tone)
    spread = appearance.skin_spread
    skin = np.clip(skin * rng.normal(1, spread) * rng.normal(1, [0.4 * spread] * 3), 0.05, 0.98)
    dark = tone > 2.8
    hair = _one_of(rng, _HAIR_DARK if dark else _HAIR_ANY)
    if age > 45:
        hair = hair + (0.62 - hair) * rng.uniform(0, min(1.0, (age - 45) / 25))
    iris = np.clip(_one_of(rng, _IRIS_DARK if dark else _IRIS_ANY) * rng.uniform(0.8, 1.15), 0, 1)
    redder = rng.uniform(0.45, 1.0)
    lips = skin * (1 - redder) + redder * skin * [0.88, 0.48, 0.50]
    if gender == "female" and age > 15 and rng.random() < appearance.lipstick:
        painted = np.array([rng.uniform(0.45, 0.8), rng.uniform(0.1, 0.3), rng.uniform(0.15, 0.35)])
        lips = 0.4 * lips + 0.6 * painted
    grown_man = gender == "male" and age > 18
    has_beard = grown_man and rng.random() < appearance.beard
    return Person(
        gender=gender,
        age=age,
        phenotype=_phenotype(rng, gender, age),
        shapes=_local_shapes(rng, appearance.shape_spread),
        style=sample_style(rng, difficulty),
        skin=_sample_skin(rng, tuple(skin), age, tone, grown_man, appearance),
        lips=tuple(np.clip(lips, 0, 1)),
        brows=Brows(
            color=tuple(np.clip(hair * 0.62 + skin * 0.06, 0, 1)),
            density=float(rng.uniform(0.55, 0.95)),
            thickness=float(rng.uniform(0.7, 1.1) if gender == "female" else rng.uniform(0.9, 1.4)),
            # Women's brows lie higher and are more arched than men's.
            rise=float(rng.normal(0.7 if gender == "female" else -0.9, 1.4)),
            arch=float(rng.uniform(0.4, 1.2) if gender == "female" else rng.uniform(0.0, 0.8)),
        ),
        iris=tuple(iris),
        lashes=float(rng.uniform(0.45, 0.95) if gender == "female" else rng.uniform(0.3, 0.6)),
        hair=sample_hair(rng, gender, age, tuple(hair), tuple(skin)),
        beard=sample_beard(rng, tuple(hair)) if has_beard else None,
    )


def between(colors: np.ndarray, place: float) -> np.ndarray:
    """The color (3,) at a place, 0…N − 1, on the way through N colors (N, 3)."""
    low = int(min(place, len(colors) - 2))
    return colors[low] + (place - low) * (colors[low + 1] - colors[low])


def _one_of(rng: np.random.Generator, colors) -> np.ndarray:
    return np.array(colors[rng.integers(len(colors))]) * rng.uniform(0.85, 1.15)


def _phenotype(rng: np.random.Generator, gender: str, age: float) -> dict[str, float]:
    middle = 0.9 if gender == "female" else 0.1
    return {
        "gender": float(np.clip(middle + rng.normal(0, 0.06), 0, 1)),
        "age": anny_age(age),
        "muscle": float(rng.uniform(0.3, 0.7)),
        "weight": float(np.clip(rng.normal(0.48, 0.16), 0.1, 0.95)),
        "height": float(rng.uniform(0.3, 0.7)),
        "proportions": float(rng.uniform(0.3, 0.8)),
    }


def _local_shapes(rng: np.random.Generator, spread: float) -> dict[str, float]:
    local: dict[str, float] = {}
    for name in HEAD_SHAPES:
        twin = {"l-": "r-", "r-": "l-"}.get(name[:2])
        if twin and twin + name[2:] in local:
            local[name] = local[twin + name[2:]] + float(rng.normal(0, 0.04))
            continue
        expressive = name.removeprefix("l-").removeprefix("r-").startswith(_EXPRESSIVE)
        local[name] = float(np.clip(rng.normal(0, spread * (0.6 if expressive else 1)), -0.6, 0.6))
    return {name: float(np.clip(value, -0.7, 0.7)) for name, value in local.items()}


def _sample_skin(rng, color: Color, age, tone, grown_man, appearance: Appearance) -> Skin:
    rough = appearance.texture
    old = float(np.clip((age - 35) / 45, 0, 1))
    return Skin(
        color=color,
        mottle=float(rng.uniform(0.1, 0.5) * rough),
        freckles=float(rng.uniform(0.3, 1.0) if tone < 2.5 and rng.random() < 0.2 * rough else 0),
        redness=float(rng.uniform(0.1, 0.5) * (1 + 0.5 * (rough - 1))),
        shade=float(rng.uniform(0.05, 0.45)),
        moles=int(rng.poisson(1.5 * rough)),
        stubble=float(rng.uniform(0, 0.55) if grown_man else 0.0),
        wrinkles=float(rng.uniform(0, 0.15) + old * rng.uniform(0.1, 0.4)),
        creases=float(rng.uniform(0.75, 1.15) * (1 + 0.25 * old)),
        shine=float(rng.uniform(0.03, 0.22)),
        seed=int(rng.integers(2**31)),
    )


def anny_age(years: float) -> float:
    """Anny's age parameter of an age in years (0 newborn, 1/3 child, 2/3 young adult, 1 old)."""
    return float(np.interp(years, [0, 1, 9, 25, 75], [0.0, 0.12, 0.40, 0.66, 0.95]))


def sample_style(rng: np.random.Generator, difficulty: Difficulty = Difficulty()) -> Style:
    """How a new person shows emotions."""
    units = {
        unit: float(np.exp(rng.normal(0, difficulty.style_spread))) for unit in sorted(ACTION_UNITS)
    }
    resting = {
        u: abs(float(rng.normal(0, difficulty.resting_spread)))
        for u in (1, 2, 4, 7, 12, 15, 17, 24)
    }
    resting[5] = float(rng.uniform(0, 0.3))  # how far the eyes are open
    habit = {
        name: tuple(float(v) for v in rng.dirichlet([2.0 * s.share for s in variants]))
        for name, variants in sorted(PROTOTYPES.items())
    }
    return Style(
        units=units,
        side=float(rng.normal(0, difficulty.asymmetry)),
        resting=unit_weights(resting),
        habit=habit,
    )


def sample_take(
    rng: np.random.Generator, person: Person, expression: str, difficulty: Difficulty = Difficulty()
) -> Take:
    """One take of a person showing an expression; no two takes are equal.

    Raises:
        ValueError: an unknown expression.
    """
    units, intensity = _shown_units(rng, person.style, expression, difficulty)
    return _take(rng, person, expression, intensity, units, difficulty)


def sample_blend(
    rng: np.random.Generator, person: Person, difficulty: Difficulty = Difficulty()
) -> Take:
    """A take between two emotions, which has no name: `expression` is empty."""
    names = [name for name in sorted(PROTOTYPES) if name != "neutral"]
    first, second = (names[i] for i in rng.choice(len(names), 2, replace=False))
    share = float(rng.uniform(0.3, 0.7))
    units: dict[int, float] = {}
    for name, part in ((first, share), (second, 1 - share)):
        shown, _ = _shown_units(rng, person.style, name, difficulty)
        for unit, weight in shown.items():
            units[unit] = units.get(unit, 0.0) + part * weight * 1.3
    return _take(rng, person, "", share, units, difficulty)


def _shown_units(rng, style: Style, expression: str, difficulty: Difficulty):
    if expression not in PROTOTYPES:
        raise ValueError(f"unknown expression {expression!r}: known are {sorted(PROTOTYPES)}")
    variants = PROTOTYPES[expression]
    habit = style.habit.get(expression) or [v.share for v in variants]
    variant = variants[rng.choice(len(variants), p=np.asarray(habit) / np.sum(habit))]
    intensity = float(rng.uniform(*difficulty.intensity))
    units = dict(variant.units)
    units |= {u: w for u, (w, share) in variant.optional.items() if rng.random() < share}
    strengths = {
        unit: weight
        * intensity
        * style.units.get(unit, 1.0)
        * float(np.exp(rng.normal(0, difficulty.unit_spread)))
        for unit, weight in units.items()
    }
    return strengths, intensity


def _take(rng, person: Person, expression, intensity, units, difficulty: Difficulty) -> Take:
    style = person.style
    side = style.side + rng.normal(0, difficulty.asymmetry / 2)
    actions = unit_weights(units, left=1 + side, right=1 - side)
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
