"""Checks of what goes by the names of encoders, columns and so on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def by_encoder(
    what: str, given: Any, encoders: Iterable[str], *, complete: bool = False
) -> dict[str, Any]:
    """What was given, by encoder; empty for None. With one encoder, it need not be a mapping.

    Raises:
        ValueError: several encoders without a mapping, an encoder that is not there, or with
            `complete` one that is missing.
    """
    encoders = list(encoders)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        if len(encoders) > 1:
            raise ValueError(f"pass {what} by encoder, for {', '.join(encoders)}")
        return {encoders[0]: given}
    named = {str(name): value for name, value in given.items()}
    if set(named) - set(encoders) or (complete and set(named) != set(encoders)):
        raise ValueError(f"{what} of {', '.join(named)}, but there are {', '.join(encoders)}")
    return named


def check_name(what: str, name: Any, known: Iterable[Any]) -> None:
    """Refuse a name that is not among the known ones.

    Raises:
        ValueError: the name is unknown; the message has the names that there are.
    """
    if name not in known:
        raise ValueError(f"{what} {name!r} is unknown; there are {', '.join(map(str, known))}")
