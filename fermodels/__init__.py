"""fermodels: facial expression recognition from several views, and the course around it.

Submodules are imported when first touched (``fermodels.losses``, ``fermodels.evaluate`` …), so
that ``import fermodels`` costs next to nothing.
"""

import importlib
import pkgutil

__version__ = "0.1.0"

_SUBMODULES = frozenset(module.name for module in pkgutil.iter_modules(__path__))


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | _SUBMODULES)
