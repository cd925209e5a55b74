"""The explorer's settings in a small file, so that they outlive a restart of the kernel."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any


def load(path: str | os.PathLike, rows: int) -> dict[str, Any]:
    """What `save` wrote for a data set of so many rows; empty where there is nothing that fits."""
    try:
        state = json.loads(Path(path).read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and state.get("rows") == rows else {}


def save(path: str | os.PathLike, state: dict[str, Any]) -> None:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # JupyterLab handles the messages of widgets and the cells of a notebook in several threads.
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    part.write_text(json.dumps(state))
    os.replace(part, path)
