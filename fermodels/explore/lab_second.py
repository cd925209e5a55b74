"""Heads of another make in the lab: people of the second face model."""

from __future__ import annotations

import os

import numpy as np

from fermodels.explore.lab_looks import draw_session, session_rng
from fermodels.faces import Session
from fermodels.faces.second import (
    SecondFaceRenderer,
    SecondPerson,
    sample_second_person,
    sample_second_session,
)
from fermodels.faces.second_model import SecondFaceModel

VARIABLE = "FERMODELS_SECOND_MODEL"


def second_model_or_none(model: SecondFaceModel | str | os.PathLike | None):
    """The model itself, or the path that the environment names, or None."""
    return model if model is not None else os.environ.get(VARIABLE) or None


class SecondFace:
    """People and sessions of the second model by number, and their renderer.

    Raises:
        ValueError: the model cannot be read, or is one of another head.
    """

    def __init__(self, model: SecondFaceModel | str | os.PathLike, size: int) -> None:
        self.renderer = SecondFaceRenderer(model, size)
        self._person: tuple[int, SecondPerson] | None = None

    def person(self, number: int) -> SecondPerson:
        """The same object for the same number, so that the renderer knows it again."""
        if self._person is None or self._person[0] != number:
            drawn = sample_second_person(np.random.default_rng(number), self.renderer.model)
            self._person = number, drawn
        return self._person[1]

    def session(self, number: int, appearance: str, session: str) -> Session:
        """In the studio one of its own; in the wide world that of our person of this number."""
        if appearance == "studio":
            rng = session_rng(number, appearance, session)
            return sample_second_session(rng, self.person(number))
        return draw_session(number, appearance, session)
