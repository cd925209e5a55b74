"""Parametric 3D faces: 52 facial actions on Anny's head model, rendered from any angle."""

from .actions import ACTION_UNITS, ACTIONS, PROTOTYPES, prototype_weights, unit_weights
from .model import HeadModel, head_model
from .people import (
    Difficulty,
    Person,
    Studio,
    Style,
    Take,
    sample_person,
    sample_studio,
    sample_take,
)
from .render import FaceRenderer

__all__ = [
    "ACTIONS",
    "ACTION_UNITS",
    "PROTOTYPES",
    "Difficulty",
    "FaceRenderer",
    "HeadModel",
    "Person",
    "Studio",
    "Style",
    "Take",
    "head_model",
    "prototype_weights",
    "sample_person",
    "sample_studio",
    "sample_take",
    "unit_weights",
]
