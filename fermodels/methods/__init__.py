"""The learners, one a file, and `fit`, which trains them. Lightning is imported here only."""

from fermodels.methods.base import ContrastiveLearner, Learner
from fermodels.methods.classifier import ExpressionClassifier
from fermodels.methods.clip_classifier import ClipClassifier, balanced_weights
from fermodels.methods.clip_simclr import ClipSimCLR
from fermodels.methods.clmex import CLMEx
from fermodels.methods.conclugen import ConCluGen
from fermodels.methods.simclr import SimCLR
from fermodels.methods.training import fit
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
    "fit",
]
