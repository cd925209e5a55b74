"""What the notebooks share: the hardware preset, folders, exercises, toy drawings."""

import lazy_loader

from fermodels._shared.extras import EXTRAS, require

# Not those of importers and of experiments, which few notebooks enter: make course-lite.
require(__name__, "course", *EXTRAS["faces"], *EXTRAS["explore"])

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
