"""Fingerprints of settings."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from fermodels._shared.plain import plain


def json_digest(settings: Any, default: Callable[[Any], Any] | None = None) -> str:
    """SHA-256 (hex) of what JSON holds; the order of keys does not count.

    Args:
        default: makes something that JSON holds of other values. Without, NumPy's numbers and
            arrays are Python's, and what is neither is refused.
    """
    text = json.dumps(settings, sort_keys=True, default=default or plain)
    return hashlib.sha256(text.encode()).hexdigest()
