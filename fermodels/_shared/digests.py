"""Fingerprints of settings."""

import hashlib
import json
from collections.abc import Callable
from typing import Any


def json_digest(settings: Any, default: Callable[[Any], Any] | None = None) -> str:
    """SHA-256 (hex) of what JSON holds; the order of keys does not count.

    Args:
        default: makes something that JSON holds of other values, which are refused without.
    """
    text = json.dumps(settings, sort_keys=True, default=default)
    return hashlib.sha256(text.encode()).hexdigest()
