"""A film of heads that turn from profile to profile before a camera, and the truth about it."""

from data_prep.synthetic.turning_head.command import add_arguments, make
from data_prep.synthetic.turning_head.film import Film, frames, truth

__all__ = ["Film", "add_arguments", "frames", "make", "truth"]
