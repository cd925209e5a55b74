"""Widgets to see and touch what an encoder has learned, for JupyterLab, Notebook 7 and Voilà."""

import lazy_loader

from fermodels._shared.extras import require

require(__name__, "explore")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
