"""Faces from the internet, of which nobody knows who is shown, nor from where."""

from __future__ import annotations

from typing import Any

from data_prep.io.raw import printable

NOBODY = (
    "Nobody knows who is shown: every image is a person of its own, and a split by subject may "
    "have the same face on all sides. Use split('official')."
)


def of_nobody(name: str) -> dict[str, Any]:
    """The columns of person and place for an image that is known by its name alone."""
    return {
        "subject": None,
        "view": None,
        "yaw": None,
        "pitch": None,
        "session": "1",
        "instance": printable(name),
    }
