"""fermodels: facial expression recognition from several views, and the course around it.

Rooms are imported when first touched (``fermodels.losses``, ``fermodels.evaluation`` …), so that
``import fermodels`` costs next to nothing.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
