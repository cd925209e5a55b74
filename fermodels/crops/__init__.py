"""Faces found in images, and square crops around them: one way for importers, widgets and films."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
