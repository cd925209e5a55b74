"""Encoders of clips: the stored features of video, audio and text in, representations h out."""

# No `from __future__ import annotations` here: the Hub mixin reads the annotations as types.
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from fermodels._shared.modalities import in_order
from fermodels.models.heads import GatedEmbeddingUnit
from fermodels.models.modes import weights_dtype
from fermodels.models.saving import SavedModule

FUSIONS = ("concatenate", "mean")


class MultiModalEncoder(SavedModule):
    """One gated embedding unit a modality, on standardised features: h_m = GEU(x_m).

    Representation heads of ConCluGen (Halawa, Blume et al., ABAW 2024, arXiv 2404.10904, section
    3.1). A frozen backbone has turned each clip into one feature vector a modality before (see
    :mod:`fermodels.features`); this is what is trained.

    Args:
        feature_dims: modality → length of its feature vectors. Modalities are kept in the order
            video, audio, text, others after them by name.
        hidden_dim: width inside the units.
        representation_dim: length R of each h_m.

    Attributes:
        modalities: their names, in order.
        representation_dim: R.

    Raises:
        ValueError: no modality.

    Example:
        >>> import torch
        >>> encoder = MultiModalEncoder({"video": 512, "text": 96})
        >>> batch = {"video": torch.randn(4, 512), "text": torch.randn(4, 96)}
        >>> {name: tuple(h.shape) for name, h in encoder(batch).items()}
        {'video': (4, 128), 'text': (4, 128)}
        >>> encoder.represent(batch).shape
        torch.Size([4, 256])
    """

    def __init__(
        self,
        feature_dims: dict,
        hidden_dim: int = 256,
        representation_dim: int = 128,
    ):
        super().__init__()
        if not feature_dims:
            raise ValueError("a MultiModalEncoder needs at least one modality, got no feature_dims")
        self.feature_dims = {name: int(feature_dims[name]) for name in in_order(feature_dims)}
        self.hidden_dim, self.representation_dim = hidden_dim, representation_dim
        self.units = nn.ModuleDict()
        for name, dim in self.feature_dims.items():
            self.units[name] = GatedEmbeddingUnit(dim, representation_dim, hidden_dim)
            self.register_buffer(f"mean_{name}", torch.zeros(dim))
            self.register_buffer(f"std_{name}", torch.ones(dim))

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.feature_dims)

    @property
    def feature_dim(self) -> int:
        """Length of the concatenated representation."""
        return self.fused_dim("concatenate")

    def fused_dim(self, fusion: str) -> int:
        """Length of what `represent` returns."""
        check_fusion(fusion)
        return self.representation_dim * (len(self.modalities) if fusion == "concatenate" else 1)

    def __repr__(self) -> str:
        millions = sum(p.numel() for p in self.parameters()) / 1e6
        dims = ", ".join(f"{name} {dim}" for name, dim in self.feature_dims.items())
        return (
            f"{type(self).__name__}({dims} → {self.representation_dim} each, "
            f"{millions:.2f} M parameters)"
        )

    def select(self, modalities: Sequence[str]) -> "MultiModalEncoder":
        """A copy that knows some of the modalities only, with the same weights for these.

        Raises:
            ValueError: the encoder has no such modality.
        """
        unknown = sorted(set(modalities) - set(self.modalities))
        if unknown or not modalities:
            raise ValueError(
                f"select takes some of {', '.join(self.modalities)}, got "
                f"{', '.join(unknown) or 'none'}"
            )
        dims = {name: self.feature_dims[name] for name in modalities}
        new = MultiModalEncoder(dims, self.hidden_dim, self.representation_dim)
        mine = self.state_dict()
        new.load_state_dict({name: mine[name] for name in new.state_dict()})
        return new.train(self.training)

    @torch.no_grad()
    def fit_standardisation(
        self, features: Mapping[str, Tensor], present: Mapping[str, Tensor] | None = None
    ) -> "MultiModalEncoder":
        """Take mean and deviation of every feature from these clips.

        Args:
            features: modality → (N, D) of the training clips, augmented copies included
                (:func:`fermodels.data.all_copies`).
            present: modality → bool (N,), which rows have it. Default: all.

        Returns:
            The encoder itself.

        Raises:
            ValueError: a modality is missing in `features`, has another length, or none of the
                rows has it.
        """
        for name, dim in self.feature_dims.items():
            x = features.get(name)
            if x is None or x.ndim != 2 or x.shape[1] != dim:
                raise ValueError(
                    f"the encoder takes {name} features (N, {dim}), got "
                    f"{'none' if x is None else tuple(x.shape)}"
                )
            x = x if present is None else x[present[name]]
            if len(x) == 0:
                raise ValueError(f"none of the clips has {name}: leave it out")
            std, mean = torch.std_mean(x.float(), dim=0, correction=0)
            getattr(self, f"mean_{name}").copy_(mean)
            # A feature that never changes becomes 0, not noise divided by nothing.
            getattr(self, f"std_{name}").copy_(torch.where(std > 1e-6, std, 1))
        return self

    def standardise(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Modality → features (B, D) with mean 0 and deviation 1 over the training clips.

        Modalities that the encoder has and `features` lacks are left out of the result, others
        are ignored.

        Raises:
            ValueError: none of the encoder's modalities is there, a shape does not fit, or the
                modalities have different numbers of clips.
        """
        known = {name: features[name] for name in self.modalities if name in features}
        if not known:
            raise ValueError(
                f"features of {', '.join(features) or 'nothing'}, none of the encoder's "
                f"{', '.join(self.modalities)}"
            )
        for name, x in known.items():
            if x.ndim != 2 or x.shape[1] != self.feature_dims[name]:
                raise ValueError(
                    f"{name} features must have shape (B, {self.feature_dims[name]}), got "
                    f"{tuple(x.shape)}"
                )
        first = next(iter(known.values()))
        # `shape`, not `len`, which would tie what is exported to the number of its example.
        if any(x.shape[0] != first.shape[0] for x in known.values()):
            counts = {name: len(x) for name, x in known.items()}
            raise ValueError(f"different numbers of clips: {counts}")
        return {
            name: (x.float() - getattr(self, f"mean_{name}")) / getattr(self, f"std_{name}")
            for name, x in known.items()
        }

    def forward(
        self,
        features: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        feature_dropout: float = 0.0,
    ) -> dict[str, Tensor]:
        """Features {modality: (B, D_m)} → representations {modality: (B, R)}.

        Args:
            features: as the backbones give them. A modality may be missing altogether.
            present: bool (B,) for each modality; rows that lack it become zeros, whatever their
                features hold. Default: all are there.
            feature_dropout: share of the standardised features that are set to zero at random, the
                average, in either mode: pass it in training only.

        Raises:
            ValueError: see `standardise`.
        """
        return self.heads(self.standardise(features), present, feature_dropout)

    def heads(
        self,
        standardised: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        feature_dropout: float = 0.0,
    ) -> dict[str, Tensor]:
        """`forward` for features that are standardised already."""
        h = {}
        for name, x in standardised.items():
            x = functional.dropout(x, feature_dropout) if feature_dropout else x
            x = x.to(weights_dtype(self.units[name]))
            there = None if present is None else present.get(name)
            if there is not None and torch.compiler.is_compiling():  # it cannot look at values
                h[name] = torch.where(there[:, None], self.units[name](x), 0)
            elif there is None or bool(there.all()):
                h[name] = self.units[name](x)  # (B, R)
            else:
                h[name] = x.new_zeros(len(x), self.representation_dim)
                h[name][there] = self.units[name](x[there]).to(x.dtype)
        return h

    def represent(
        self,
        features: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        fusion: str = "concatenate",
    ) -> Tensor:
        """One representation a clip: (B, R · modalities) for "concatenate", (B, R) for "mean".

        A modality that a clip lacks is zeros in the concatenation and left out of the mean; a clip
        that has none of them becomes zeros. Other arguments as in `forward`.
        """
        return self.fuse(self(features, present), present, fusion)

    def fuse(
        self,
        h: Mapping[str, Tensor],
        present: Mapping[str, Tensor] | None = None,
        fusion: str = "concatenate",
    ) -> Tensor:
        """What `represent` makes of the representations h that `forward` returned."""
        check_fusion(fusion)
        some = next(iter(h.values()))
        if fusion == "concatenate":
            zeros = torch.zeros_like(some)
            return torch.cat([h.get(name, zeros) for name in self.modalities], dim=1)
        if present is None:
            return torch.stack(list(h.values())).mean(dim=0)
        everyone = some.new_ones(some.shape[0], dtype=torch.bool)
        counts = torch.stack([present.get(name, everyone) for name in h]).sum(dim=0)  # (B,)
        return torch.stack(list(h.values())).sum(dim=0) / counts.clamp(min=1)[:, None]


def check_fusion(fusion: str) -> None:
    if fusion not in FUSIONS:
        raise ValueError(f"fusion must be {' or '.join(map(repr, FUSIONS))}, got {fusion!r}")
