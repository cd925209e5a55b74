"""Parametric 3D faces: 52 facial actions on Anny's head model, rendered from any angle."""

from fermodels._shared.extras import require
from fermodels.faces.actions import (
    ACTION_UNITS,
    ACTIONS,
    PROTOTYPES,
    Variant,
    prototype_weights,
    unit_weights,
)
from fermodels.faces.appearance import APPEARANCES, STUDIO, WIDE, Appearance
from fermodels.faces.model import HeadModel, head_model
from fermodels.faces.people import (
    Difficulty,
    Person,
    Style,
    Take,
    sample_blend,
    sample_person,
    sample_take,
)
from fermodels.faces.render import FaceRenderer
from fermodels.faces.sessions import Camera, Session, sample_session

require(__name__, "faces")

__all__ = [
    "ACTIONS",
    "ACTION_UNITS",
    "APPEARANCES",
    "PROTOTYPES",
    "STUDIO",
    "WIDE",
    "Appearance",
    "Camera",
    "Difficulty",
    "FaceRenderer",
    "HeadModel",
    "Person",
    "Session",
    "Style",
    "Take",
    "Variant",
    "head_model",
    "prototype_weights",
    "sample_blend",
    "sample_person",
    "sample_session",
    "sample_take",
    "unit_weights",
]
