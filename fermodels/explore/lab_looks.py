"""A person and a session as the lab's menus say: hair, beard, what is worn, and what surrounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fermodels.explore.lab_choices import NONE, OWN
from fermodels.faces import APPEARANCES, Person, Session, sample_person, sample_session
from fermodels.faces.beards import sample_beard
from fermodels.faces.headwear import sample_headwear
from fermodels.faces.wear import sample_glasses

WORN = ("hair", "beard", "glasses", "headwear")
_AGES = (18, 60)  # as in Anny Views, KDEF shape
_RECEDING = 0.8  # of hair that recedes; other kinds start further down the forehead


def draw_person(number: int) -> tuple[Person, Session]:
    """The invented person of a number, in the first studio session."""
    rng = np.random.default_rng(number)
    gender = ("female", "male")[int(rng.integers(2))]
    person = sample_person(rng, gender, float(rng.uniform(*_AGES)))
    return person, sample_session(rng, person)


def session_rng(number: int, appearance: str, session: str) -> np.random.Generator:
    """For a further session of a person."""
    return np.random.default_rng([number, list(APPEARANCES).index(appearance), ord(session)])


def draw_session(number: int, appearance: str, session: str) -> Session:
    """A session of the person of a number. One camera walks around the head: from whatever angle,
    the lens and what is behind the head are the same."""
    person, first = draw_person(number)
    if (appearance, session) == ("studio", "A"):
        return first
    rng = session_rng(number, appearance, session)
    return sample_session(rng, person, APPEARANCES[appearance])


def dressed(person: Person, number: int, hair: str, beard: str) -> Person:
    """The person with hair and beard of other kinds, in the colour of their own."""
    if hair != OWN:
        recession = _RECEDING if hair == "receding" else min(person.hair.recession, 0.2)
        person = replace(person, hair=replace(person.hair, kind=hair, recession=recession))
    if beard == NONE:
        person = replace(person, beard=None)
    elif beard != OWN:
        own = person.beard or sample_beard(_rng(number), person.hair.color)
        person = replace(person, beard=replace(own, kind=beard))
    return person


def equipped(session: Session, person: Person, number: int, glasses: str, headwear: str) -> Session:
    """The session with glasses and headwear of other kinds, or without."""
    if glasses != OWN:
        worn = session.glasses or sample_glasses(_rng(number))
        session = replace(
            session, glasses=None if glasses == NONE else replace(worn, shape=glasses)
        )
    if headwear != OWN:
        worn = session.headwear or sample_headwear(_rng(number), person.gender)
        worn = None if headwear == NONE else replace(worn, kind=headwear)
        session = replace(session, headwear=worn)
    return session


def lit(session: Session, side: float, brightness: float) -> Session:
    """The session with its first lamp from the left (−1) or right (1), and all of them dimmed."""
    lights = [
        replace(light, color=tuple(brightness * value for value in light.color))
        for light in session.lights
    ]
    lights[0] = replace(lights[0], direction=(side, *lights[0].direction[1:]))
    ambient = tuple(tuple(brightness * v for v in color) for color in session.ambient)
    return replace(session, lights=tuple(lights), ambient=ambient)


def worn(person: Person, session: Session) -> Mapping[str, str]:
    """What is on the head, by the names of the menus."""
    return {
        "hair": person.hair.kind,
        "beard": person.beard.kind if person.beard else NONE,
        "glasses": session.glasses.shape if session.glasses else NONE,
        "headwear": session.headwear.kind if session.headwear else NONE,
    }


def _rng(number: int) -> np.random.Generator:
    return np.random.default_rng([number, 1])
