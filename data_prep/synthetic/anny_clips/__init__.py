"""Anny Clips: rendered faces that speak, with emotion in the face, the voice and the words."""

from data_prep.synthetic.anny_clips.clips import Job, add_arguments, clips_of, make
from data_prep.synthetic.anny_clips.speakers import EMOTIONS, Design, Mix

__all__ = ["EMOTIONS", "Design", "Job", "Mix", "add_arguments", "clips_of", "make"]
