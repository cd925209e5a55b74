"""What the notebooks share: the hardware preset, folders, exercises, toy drawings."""

import lazy_loader

from fermodels._shared.extras import require

require(__name__, "course")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
