"""Prepared data sets of images and clips, and torch data sets over them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
