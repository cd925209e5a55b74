from . import recipes as recipes
from .callbacks import Callback as Callback
from .loop import fit as fit
