"""What the learners of clips share: an encoder, and features that it does not see."""

from collections.abc import Mapping

from torch import Tensor
from typing_extensions import Unpack

from fermodels.methods.base import Learner, SharedArguments
from fermodels.models import MultiModalEncoder


class ClipLearner(Learner):
    """A learner on stored features, which come augmented.

    Args:
        feature_dropout: share of the standardised features that the encoder does not see in
            training, against learning the clips by heart; a dropped feature is an average one.
        shared: `learning_rate`, `weight_decay`, `warmup`, `optimizer`, `seed`: see
            :class:`Learner`.

    Raises:
        ValueError: a share outside [0, 1).
    """

    def __init__(self, *, feature_dropout: float = 0.0, **shared: Unpack[SharedArguments]):
        super().__init__(None, **shared)
        if not 0 <= feature_dropout < 1:
            raise ValueError(f"feature_dropout must be in [0, 1), got {feature_dropout}")
        self.feature_dropout = feature_dropout

    def settings(self) -> dict:
        return super().settings() | {"feature_dropout": self.feature_dropout}

    def heads(
        self, standardised: Mapping[str, Tensor], present: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Representations {modality: (B, R)}, in training of a part of the features."""
        dropout = self.feature_dropout if self.training else 0.0
        return self.encoder.heads(standardised, present, dropout)


def given_or_new(
    encoder: MultiModalEncoder | None,
    feature_dims: Mapping[str, int] | None,
    hidden_dim: int,
    representation_dim: int,
) -> MultiModalEncoder:
    """The encoder, or a new one for features of these lengths; ValueError without either."""
    if encoder is not None:
        return encoder
    if feature_dims is None:
        raise ValueError("pass the feature_dims, or an encoder")
    return MultiModalEncoder(dict(feature_dims), hidden_dim, representation_dim)
