"""Rendered people in pairs of images that differ in one thing: what notebook 13 compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from fermodels.faces import (
    FaceRenderer,
    Person,
    Session,
    sample_person,
    sample_session,
    sample_take,
    unit_weights,
)
from fermodels.faces.beards import Beard
from fermodels.faces.people import anny_age
from fermodels.faces.wear import sample_glasses

GREEN = (0.3, 0.8, 0.3)  # a skin that nobody has
LIGHT, DARK = (0.92, 0.74, 0.63), (0.40, 0.26, 0.19)
YOUNG, OLD = (25, 0.05), (70, 0.45)  # years, and how much of every crease is there at rest


def cast(number: int) -> tuple[Person, Session, np.random.Generator]:
    """A person of the studio whom no encoder has seen, a session, and what else is drawn."""
    rng = np.random.default_rng([13, number])
    person = sample_person(rng, ("female", "male")[number % 2], float(rng.uniform(18, 60)))
    return person, sample_session(rng, person), rng


def with_and_without(
    renderer: FaceRenderer,
    person: Person,
    session: Session,
    units: Sequence[Mapping[int, float]],
    yaws: Sequence[float],
) -> np.ndarray:
    """A person at rest, then with the action units of each mapping: (1 + units, V, H, W, 3)."""
    rest = person.style.resting  # (52,)
    takes = [rest, *(np.clip(rest + unit_weights(dict(unit)), 0, 1) for unit in units)]
    return renderer.render(person, session, np.stack(takes), tuple(yaws))


def in_green(
    renderer: FaceRenderer, person: Person, session: Session, yaws: Sequence[float]
) -> np.ndarray:
    """The same person at rest, painted green: what changes is skin. (V, H, W, 3)."""
    painted = replace(person, skin=replace(person.skin, color=GREEN))
    return renderer.render(painted, session, person.style.resting, tuple(yaws))


def looks(
    person: Person, session: Session, rng: np.random.Generator
) -> dict[str, tuple[Person, Session]]:
    """A person as "plain", and in versions of which each differs from that in one thing.

    Plain is 25 years old, has light skin, no beard and no glasses. Women have no version with a
    beard.
    """
    skin = replace(person.skin, color=LIGHT, wrinkles=YOUNG[1])
    young, old = (person.phenotype | {"age": anny_age(years)} for years, _ in (YOUNG, OLD))
    plain = replace(person, beard=None, skin=skin, phenotype=young)
    people = {
        "plain": plain,
        "dark skin": replace(plain, skin=replace(skin, color=DARK)),
        "70 years": replace(plain, skin=replace(skin, wrinkles=OLD[1]), phenotype=old),
    }
    if person.gender == "male":
        people["beard"] = replace(plain, beard=Beard("full", plain.brows.color))
    found = {name: (who, session) for name, who in people.items()}
    return found | {"glasses": (plain, replace(session, glasses=sample_glasses(rng)))}


def in_all_looks(
    renderer: FaceRenderer, number: int, expressions: Sequence[str], yaws: Sequence[float]
) -> dict[str, np.ndarray]:
    """Look → images (expressions, V, H, W, 3) of the same takes."""
    person, session, rng = cast(number)
    own = looks(person, session, rng)
    takes = [sample_take(rng, person, expression) for expression in expressions]
    actions, pose = (np.stack([getattr(t, key) for t in takes]) for key in ("actions", "pose"))
    return {look: renderer.render(*who, actions, tuple(yaws), pose) for look, who in own.items()}
