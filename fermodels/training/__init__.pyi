from . import recipes as recipes
from .loop import fit as fit
