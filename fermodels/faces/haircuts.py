"""The shapes of all kinds of hair."""

from __future__ import annotations

import numpy as np

from fermodels.faces import curtains, shells, tied
from fermodels.faces.hair import Color, Hair
from fermodels.faces.pieces import Piece
from fermodels.faces.skull import Skull

_CUTS = {
    "ring": shells.ring,
    "shaved": shells.shaved,
    "crew": shells.crew,
    "short": shells.short,
    "side_part": shells.side_part,
    "swept_back": shells.swept_back,
    "receding": shells.receding,
    "curly": shells.curly,
    "afro": shells.afro,
    "bob": curtains.bob,
    "long_straight": curtains.long_straight,
    "long_wavy": curtains.long_wavy,
    "long_curly": curtains.long_curly,
    "tucked": curtains.tucked,
    "fringe_short": curtains.fringe_short,
    "fringe_bob": curtains.fringe_bob,
    "fringe_long": curtains.fringe_long,
    "ponytail": tied.ponytail,
    "bun": tied.bun,
    "top_bun": tied.top_bun,
    "braids": tied.braids,
    "cornrows": tied.cornrows,
}


def hair_pieces(hair: Hair, rest: np.ndarray, skin: Color | None = None) -> list[Piece]:
    """The meshes of a person's hair; none for a bald head.

    Args:
        rest: (V, 3), the head's smooth vertices at rest, metres.
        skin: colour that thin hair lets through at its edge.
    """
    if hair.kind == "bald":
        return []
    rng = np.random.default_rng(hair.seed)
    return _CUTS[hair.kind](hair, Skull(rest), rng, skin)
