"""The explorer's settings in a small file, so that they outlive a restart of the kernel."""

from __future__ import annotations

import json
import os
from typing import Any

from fermodels._shared.files import replace_file
from fermodels._shared.paths import given_path


def load(path: str | os.PathLike, rows: int) -> dict[str, Any]:
    """What `save` wrote for a data set of so many rows; empty where there is nothing that fits."""
    try:
        state = json.loads(given_path(path).read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and state.get("rows") == rows else {}


def save(path: str | os.PathLike, state: dict[str, Any]) -> None:
    path = given_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # At every move of a slider: settings are not worth the wait for the disk.
    replace_file(path, json.dumps(state).encode(), sync=False)
