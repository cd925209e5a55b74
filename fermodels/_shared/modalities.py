"""The modalities of a clip, and their order."""

from collections.abc import Mapping, Sequence

#: The modalities of a clip, in their order.
MODALITIES = ("video", "audio", "text")


def in_order(modalities: Sequence[str] | Mapping) -> list[str]:
    """Video, audio, text, then others by name."""
    known = [name for name in MODALITIES if name in modalities]
    return known + sorted(set(modalities) - set(known))
