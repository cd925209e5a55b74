"""Parametric 3D faces: 52 facial actions on Anny's head model, rendered from any angle."""

from fermodels._shared.extras import require
from fermodels.faces.actions import (
    ACTION_UNITS,
    ACTIONS,
    PROTOTYPES,
    prototype_weights,
    unit_weights,
)
from fermodels.faces.model import HeadModel, head_model
from fermodels.faces.people import (
    Difficulty,
    Person,
    Studio,
    Style,
    Take,
    sample_person,
    sample_studio,
    sample_take,
)
from fermodels.faces.render import FaceRenderer

require(__name__, "faces")

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
