"""Widgets to see and touch what an encoder has learned, for JupyterLab, Notebook 7 and Voilà."""

import importlib

_WIDGETS = {"EmbeddingExplorer": "embedding_explorer", "FaceLab": "face_lab"}
__all__ = sorted(_WIDGETS)


def __getattr__(name):
    if name in _WIDGETS:
        return getattr(importlib.import_module(f"{__name__}.{_WIDGETS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(_WIDGETS))
