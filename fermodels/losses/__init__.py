"""Losses over embeddings. Plain modules that know tensors only: use them in any loop."""

from fermodels.losses.barlow_twins import BarlowTwinsLoss
from fermodels.losses.clustering import ClusteringLoss
from fermodels.losses.contrastive import (
    EmptyBatchError,
    chance_level,
    multi_positive_info_nce,
    unit_vectors,
)
from fermodels.losses.kmeans import spherical_kmeans
from fermodels.losses.multi_modal import MultiModalContrastiveLoss, mms_floor
from fermodels.losses.multi_view import MultiViewContrastiveLoss
from fermodels.losses.nt_xent import NTXentLoss
from fermodels.losses.reconstruction import ReconstructionLoss
from fermodels.losses.sinkhorn import sinkhorn
from fermodels.losses.supervised import SupervisedContrastiveLoss

__all__ = [
    "BarlowTwinsLoss",
    "ClusteringLoss",
    "EmptyBatchError",
    "MultiModalContrastiveLoss",
    "MultiViewContrastiveLoss",
    "NTXentLoss",
    "ReconstructionLoss",
    "SupervisedContrastiveLoss",
    "chance_level",
    "mms_floor",
    "multi_positive_info_nce",
    "sinkhorn",
    "spherical_kmeans",
    "unit_vectors",
]
