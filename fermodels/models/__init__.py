"""Encoders, classifiers and heads: modules that know tensors only, saved as safetensors."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
