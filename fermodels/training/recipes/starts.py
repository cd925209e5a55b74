"""What a training with labels starts from: settings by name, weights of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from fermodels.models import MultiModalEncoder

NAMES = ("from scratch", "pretrained")


def settings_by_name(
    name: str | None,
    encoder: nn.Module | None,
    from_scratch: dict[str, Any],
    pretrained: dict[str, Any],
) -> dict[str, Any]:
    """The settings of this name; None is "pretrained" for an encoder, else "from scratch".

    Raises:
        ValueError: an unknown name; or none for an encoder that has seen no batch.
    """
    if name is None:
        if encoder is not None and is_untrained(encoder):
            raise ValueError(
                f"{type(encoder).__name__} is untrained (it has no statistics of any batch): say "
                "which settings are meant, settings='from scratch' or settings='pretrained'"
            )
        name = NAMES[encoder is not None]
    if name not in NAMES:
        raise ValueError(f"settings must be {' or '.join(map(repr, NAMES))}, got {name!r}")
    return from_scratch if name == "from scratch" else pretrained


def is_untrained(encoder: nn.Module) -> bool:
    """Whether an encoder is as it was made, by the statistics that it keeps; False without any.

    They are those of batch norm, or of the standardisation of a `MultiModalEncoder`.
    """
    pairs = [
        (layer.running_mean, layer.running_var)
        for layer in encoder.modules()
        if isinstance(layer, _BatchNorm) and layer.track_running_stats
    ]
    if isinstance(encoder, MultiModalEncoder):
        names = encoder.modalities
        pairs += [(getattr(encoder, f"mean_{m}"), getattr(encoder, f"std_{m}")) for m in names]
    return bool(pairs) and all(bool((a == 0).all() and (b == 1).all()) for a, b in pairs)


def chosen_weights(
    class_weights: str | Sequence[float] | None, labels: np.ndarray, classes: Sequence[str]
) -> Sequence[float] | np.ndarray | None:
    """Class weights as they are, or "balanced" by the labels (N,), or (N, C) for several a row.

    Raises:
        ValueError: another name, or a class that no row has.
    """
    from fermodels.methods import balanced_weights

    if not isinstance(class_weights, str):
        return class_weights
    if class_weights != "balanced":
        raise ValueError(f"class_weights must be 'balanced' or numbers, got {class_weights!r}")
    return balanced_weights(labels, len(classes))
