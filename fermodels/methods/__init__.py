"""The learners, one a file: what they compute at a training step, and their optimiser."""

from fermodels.methods.base import ContrastiveLearner, Learner
from fermodels.methods.clip_fine_tuning import ClipClassifier, balanced_weights
from fermodels.methods.clip_simclr import ClipSimCLR
from fermodels.methods.clmex import CLMEx
from fermodels.methods.conclugen import ConCluGen
from fermodels.methods.image_fine_tuning import ExpressionClassifier
from fermodels.methods.simclr import SimCLR
from fermodels.methods.viewfx import ViewFX

__all__ = [
    "CLMEx",
    "ClipClassifier",
    "ClipSimCLR",
    "ConCluGen",
    "ContrastiveLearner",
    "ExpressionClassifier",
    "Learner",
    "SimCLR",
    "ViewFX",
    "balanced_weights",
]
