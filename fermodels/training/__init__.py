"""`fit` trains a learner; the recipes train the learners of the course."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
