"""The learners, one a file: what they compute at a training step, and their optimiser."""

from fermodels.methods.base import ContrastiveLearner, Learner
from fermodels.methods.clip_fine_tuning import ClipFineTuning
from fermodels.methods.clip_simclr import ClipSimCLR
from fermodels.methods.clmex import CLMEx
from fermodels.methods.conclugen import ConCluGen
from fermodels.methods.image_fine_tuning import ImageFineTuning
from fermodels.methods.labels import balanced_weights
from fermodels.methods.muon import MuonAndAdamW
from fermodels.methods.simclr import SimCLR
from fermodels.methods.viewfx import ViewFX

__all__ = [
    "CLMEx",
    "ClipFineTuning",
    "ClipSimCLR",
    "ConCluGen",
    "ContrastiveLearner",
    "ImageFineTuning",
    "Learner",
    "MuonAndAdamW",
    "SimCLR",
    "ViewFX",
    "balanced_weights",
]
