"""Clips → features: a frozen backbone for each modality, run once, over augmented copies."""

from fermodels.features.backbones import audio_backbone, text_backbone, video_backbone
from fermodels.features.compute import compute_features
from fermodels.features.feature_set import MODALITIES, FeatureError, FeatureSet

__all__ = [
    "MODALITIES",
    "FeatureError",
    "FeatureSet",
    "audio_backbone",
    "compute_features",
    "text_backbone",
    "video_backbone",
]
