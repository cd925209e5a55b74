"""The methods of the image study, and where what they start from lies."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fermodels.data import PreparedImages

FRACTIONS = (1.0, 0.2, 0.05)
STUDY = Path("runs/study")  # its pre-trainings, and what is finished of it
PRETRAININGS = 3  # of each method: seeds 0, 1, 2


class Method(NamedTuple):
    """A way to the encoder that is fine-tuned.

    Attributes:
        key: in names of files.
        pretraining: of `recipes.pretrain`; None trains from new weights.
        shipped: the folder of an encoder that ships, in place of the study's own pre-trainings.
        fractions: shares of the labels that it is asked with.
    """

    key: str
    pretraining: str | None = None
    shipped: Path | None = None
    fractions: tuple[float, ...] = FRACTIONS


METHODS = {
    "from scratch": Method("scratch"),
    "SimCLR": Method("simclr", "simclr"),
    "CL-MEx": Method("clmex", "clmex"),
    # Its pre-training takes the labels of all training people.
    "ViewFX": Method("viewfx", "viewfx", fractions=(1.0,)),
    "CL-MEx, shipped": Method("shipped", shipped=Path("weights/clmex-anny-views")),
}


def start_of(method: Method, encoders: Path, seed: int) -> Path | None:
    """The folder of the encoder to start from; None for new weights.

    Args:
        encoders: where the study's pre-trainings lie.
        seed: of the fine-tuning; the pre-trainings take turns.
    """
    if method.shipped is not None:
        return method.shipped
    if method.pretraining is None:
        return None
    return encoders / f"{method.key}-{seed % PRETRAININGS}"


@lru_cache(maxsize=1)
def read(data: str) -> PreparedImages:
    """The prepared images, once a process."""
    return PreparedImages.read(data)
