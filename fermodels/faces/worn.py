"""Everything that a person wears on the head in a session, as meshes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermodels.faces.beards import beard_pieces
from fermodels.faces.haircuts import hair_pieces
from fermodels.faces.headwear import hair_under, headwear_pieces
from fermodels.faces.pieces import Piece
from fermodels.faces.wear import earring_pieces, glasses_pieces

if TYPE_CHECKING:
    from fermodels.faces.people import Person
    from fermodels.faces.sessions import Session


def worn_pieces(
    person: Person, session: Session, rest: np.ndarray, eyes: np.ndarray
) -> list[Piece]:
    """Hair, beard, glasses, earrings and what is on the head.

    Args:
        rest: (V, 3), the skin at rest, metres.
        eyes: (2, 3), centres of the right and the left eyeball.
    """
    hair = hair_under(person.hair, session.headwear)
    pieces = [] if hair is None else hair_pieces(hair, rest, person.skin.color)
    if person.beard is not None:
        pieces += beard_pieces(person.beard, rest, person.skin.color)
    if session.headwear is not None:
        pieces += headwear_pieces(session.headwear, rest)
    if session.glasses is not None:
        pieces += glasses_pieces(session.glasses, rest, eyes)
    if session.earrings is not None and hair is not None:  # a scarf hides ears and hair
        pieces += earring_pieces(session.earrings, rest)
    return pieces
