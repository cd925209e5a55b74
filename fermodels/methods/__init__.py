"""The learners, one a file, and `fit`, which trains them. Lightning is imported here only."""

from fermodels.methods.base import ContrastiveLearner, Learner
from fermodels.methods.classifier import ExpressionClassifier
from fermodels.methods.clmex import CLMEx
from fermodels.methods.simclr import SimCLR
from fermodels.methods.training import fit
from fermodels.methods.viewfx import ViewFX

__all__ = [
    "CLMEx",
    "ContrastiveLearner",
    "ExpressionClassifier",
    "Learner",
    "SimCLR",
    "ViewFX",
    "fit",
]
