"""Features of clips from frozen backbones, as one file that knows what it was made from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from fermodels._shared.files import replace_file
from fermodels._shared.modalities import MODALITIES
from fermodels._shared.paths import given_path
from fermodels._shared.plain import to_json
from fermodels.features.backbone import Backbone, FeatureError
from fermodels.features.backbones import text_backbone
from fermodels.features.tfidf import TfidfSvd

if TYPE_CHECKING:
    from fermodels.data.clips import PreparedClips

FORMAT, FORMAT_VERSION = "fermodels-features", 1

_KEY = "fermodels"
_TEXT = "text_model."


class FeatureSet:
    """One vector for every clip, copy and modality. Copy 0 is the clip as it is, without changes.

    Args:
        features: modality → (N, 1 + num_augmentations, D), the same N and number
            for all; stored as float16.
        present: modality → bool (N,), which clips have the modality (default: all). Vectors of
            clips that lack it are set to zero.
        clips: the N clip ids; default "0", "1", …
        fingerprint: `PreparedClips.fingerprint()` of the data set that the features are of.
        backbones: modality → name of the backbone, with a digest of its weights.
        settings: what else the features depend on, kept in the file.
        text_model: the fitted model of sentences, where the backbone of the text is one.
        nonfinite: "error" refuses NaN and ±infinity (also numbers beyond float16's 65,504);
            "zero" puts 0 in their place.

    Attributes:
        features: float16 tensors; present: bool tensors; dims: modality → D.
        num_augmentations: how many augmented copies there are beside the clean one.
        modalities: those there are, in the order video, audio, text.

    Raises:
        FeatureError: shapes do not fit together, an unknown modality, or non-finite features.

    Example:
        >>> import torch
        >>> features = FeatureSet({"video": torch.rand(5, 3, 8)}, clips=list("abcde"))
        >>> features.clean("video", indices=[0, 4]).shape
        torch.Size([2, 8])
    """

    def __init__(
        self,
        features: Mapping[str, Tensor | np.ndarray],
        present: Mapping[str, Tensor | np.ndarray] | None = None,
        *,
        clips: Sequence[str] | None = None,
        fingerprint: str = "",
        backbones: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        text_model: TfidfSvd | None = None,
        nonfinite: str = "error",
    ) -> None:
        if nonfinite not in ("error", "zero"):
            raise ValueError(f"nonfinite must be 'error' or 'zero', got {nonfinite!r}")
        unknown = sorted(set(features) - set(MODALITIES))
        if unknown or not features:
            found = ", ".join(map(repr, unknown)) or "none"
            raise FeatureError(f"features need modalities of {', '.join(MODALITIES)}; got {found}")
        values = {m: torch.as_tensor(features[m]) for m in MODALITIES if m in features}
        first = next(iter(values))
        for modality, value in values.items():
            if value.ndim != 3 or 0 in value.shape or not value.is_floating_point():
                raise FeatureError(
                    f"{modality}: features must be floats (clips, 1 + augmentations, D), got "
                    f"{value.dtype} {tuple(value.shape)}"
                )
            if value.shape[:2] != values[first].shape[:2]:
                raise FeatureError(
                    f"{modality} has {tuple(value.shape[:2])} clips and copies, {first} has "
                    f"{tuple(values[first].shape[:2])}: all modalities need the same"
                )
        count = len(values[first])
        self.clips = [str(c) for c in (range(count) if clips is None else clips)]
        if len(self.clips) != count or len(set(self.clips)) != count:
            raise FeatureError(
                f"features of {count} clips need {count} different clip ids, got "
                f"{len(self.clips)} with {len(set(self.clips))} different ones"
            )
        self.present: dict[str, Tensor] = {}
        self.features: dict[str, Tensor] = {}
        for modality, value in values.items():
            here = torch.as_tensor((present or {}).get(modality, torch.ones(count, dtype=bool)))
            if here.shape != (count,) or here.dtype != torch.bool:
                raise FeatureError(
                    f"present[{modality!r}] must be bool ({count},), got {here.dtype} "
                    f"{tuple(here.shape)}"
                )
            self.present[modality] = here
            self.features[modality] = self._half(modality, value, here, nonfinite)
        self.fingerprint = fingerprint
        self.backbones = {m: (backbones or {}).get(m, "") for m in values}
        self.settings = dict(settings or {})
        self.text_model = text_model

    def _half(self, modality: str, value: Tensor, here: Tensor, nonfinite: str) -> Tensor:
        half = value.half()
        finite = half.isfinite()
        if not finite[here].all():
            if nonfinite == "error":
                clip, copy = (~finite & here[:, None, None]).any(2).nonzero()[0].tolist()
                bad = value[clip, copy][~finite[clip, copy]]
                clips = int((~finite[here]).flatten(1).any(1).sum())
                raise FeatureError(
                    f"{modality}: clip {self.clips[clip]!r}, copy {copy} has {len(bad)} features "
                    f"that are no finite float16 numbers, such as {bad[0].item():g}; so have "
                    f"{clips} of {len(self.clips)} clips. Leave these clips out, or pass "
                    "nonfinite='zero' to put 0 in their place"
                )
            half = torch.where(finite, half, 0)
        if not here.all():
            half = torch.where(here[:, None, None], half, 0)
        return half.contiguous()  # (N, 1 + augmentations, D)

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.features)

    @property
    def dims(self) -> dict[str, int]:
        return {modality: value.shape[2] for modality, value in self.features.items()}

    @property
    def num_augmentations(self) -> int:
        """How many augmented copies there are beside the clean one."""
        return next(iter(self.features.values())).shape[1] - 1

    def __len__(self) -> int:
        return len(self.clips)

    def __repr__(self) -> str:
        lines = [
            f"FeatureSet: {len(self):,} clips, each clean and in {self.num_augmentations} copies"
        ]
        for modality, dim in self.dims.items():
            count = int(self.present[modality].sum())
            name = self.backbones[modality] or "unknown backbone"
            lines.append(f"  {modality}: {dim} features by {name}, {count:,} clips have it")
        return "\n".join(lines)

    def clean(self, modality: str, indices: Sequence[int] | np.ndarray | None = None) -> Tensor:
        """Features of the clips without augmentation, float32 (n, D).

        Args:
            modality: one of `modalities`.
            indices: row numbers or a mask (N,); default all.
        """
        self._need(modality)
        value = self.features[modality][:, 0]
        return (value if indices is None else value[torch.as_tensor(indices)]).float()

    def select(self, modalities: Sequence[str]) -> FeatureSet:
        """The same clips with some of the modalities; tensors are shared."""
        chosen = [modalities] if isinstance(modalities, str) else list(modalities)
        if not chosen:
            raise FeatureError("select needs at least one modality, got none")
        for modality in chosen:
            self._need(modality)
        new = object.__new__(type(self))
        new.clips, new.fingerprint = self.clips, self.fingerprint
        new.settings = dict(self.settings)
        new.text_model = self.text_model if "text" in chosen else None
        for name in ("features", "present", "backbones"):
            setattr(new, name, {m: v for m, v in getattr(self, name).items() if m in chosen})
        return new

    def _need(self, modality: str) -> None:
        if modality not in self.features:
            raise FeatureError(
                f"there are no features of {modality!r}: this set has {', '.join(self.features)}"
            )

    def check(self, clips: PreparedClips, backbones: Mapping[str, str] | None = None) -> None:
        """Raise FeatureError unless these are features of exactly these clips.

        Args:
            clips: the data set that they are to be used with.
            backbones: modality → name of the backbone that they are to be of. A name with a digest
                ("clmex-anny-views@1f0a…", as `backbones` and the backbones' `.name` have it) must
                be equal, one without must be equal up to the "@".
        """
        if "shard" in self.settings:
            raise FeatureError(
                f"these are features of shard {self.settings['shard']} alone: put it together with "
                "the others, python -m data_prep merge PART… OUT.safetensors"
            )
        problems = []
        ids = clips.table["clip"].astype(str).tolist()
        if self.clips != ids:
            pairs = enumerate(zip(self.clips, ids, strict=False))
            at = next((i for i, (a, b) in pairs if a != b), min(len(self.clips), len(ids)))
            problems.append(
                f"the rows are others from row {at} on (features of {len(self.clips)} clips, data "
                f"set of {len(ids)})"
            )
        elif self.fingerprint != (found := clips.fingerprint()):
            problems.append(
                f"the data set {clips.source} has changed (fingerprint {found[:12]}, features of "
                f"{self.fingerprint[:12] or 'unknown'})"
            )
        for modality, name in (backbones or {}).items():
            own = self.backbones.get(modality)
            if own is None:
                problems.append(f"there is no {modality}")
            elif name not in (own, own.rpartition("@")[0]):
                problems.append(f"{modality} is by the backbone {own!r}, not {name!r}")
        if problems:
            raise FeatureError(
                f"stale features: {'; '.join(problems)}. Compute them again with "
                "compute_features(…), or `python -m data_prep features IN.parquet OUT.safetensors`"
            )

    def text_backbone(self) -> Backbone:
        """The backbone of the text, to turn new sentences into features of the same kind."""
        self._need("text")
        if self.text_model is not None:
            return self.text_model
        return text_backbone(self.backbones["text"].rpartition("@")[0])

    def write(self, path: str | os.PathLike) -> Path:
        """Write one .safetensors file; the old one stays until the new one is whole."""
        from safetensors.torch import save

        path = given_path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        about: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "fingerprint": self.fingerprint,
            "backbones": self.backbones,
            "settings": self.settings,
            "clips": self.clips,
        }
        tensors = {f"features.{m}": value for m, value in self.features.items()}
        tensors |= {f"present.{m}": value for m, value in self.present.items()}
        if self.text_model is not None:
            config = self.text_model.config
            about["text_model"] = {key: config[key] for key in ("vocabulary", "dim", "fitted_on")}
            tensors |= {_TEXT + k: v for k, v in self.text_model.state_dict().items()}
        # safetensors refuses tensors that share memory, which the modalities of a test may do.
        tensors = {name: value.detach().cpu().clone() for name, value in tensors.items()}
        replace_file(path, save(tensors, metadata={_KEY: to_json(about)}))
        return path

    @classmethod
    def read(cls, path: str | os.PathLike) -> FeatureSet:
        """Read what `write` wrote.

        Raises:
            FeatureError: there is no such file, or it is not a whole file of features.
        """
        from safetensors import SafetensorError, safe_open

        path = given_path(path)
        if not path.is_file():
            raise FeatureError(
                f"there is no file {path}: compute it with compute_features(clips, {str(path)!r}), "
                "or `python -m data_prep features IN.parquet OUT.safetensors`"
            )
        try:
            with safe_open(path, "pt") as file:
                about = json.loads((file.metadata() or {}).get(_KEY, "{}"))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, RecursionError) as error:
            raise FeatureError(f"{path} is not a whole safetensors file ({error})") from error
        kind = about.get("format") if isinstance(about, dict) else about
        if kind != FORMAT:
            raise FeatureError(f"{path} holds no features of clips but {kind!r}")
        if about.get("format_version") != FORMAT_VERSION:
            raise FeatureError(
                f"{path} has format version {about.get('format_version')}; this fermodels reads "
                f"version {FORMAT_VERSION}. Update fermodels, or compute the features again"
            )
        try:
            return cls._of_file(about, tensors)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else error
            raise FeatureError(f"{path} is damaged: {what}. Compute the features again") from error

    @classmethod
    def _of_file(cls, about: dict[str, Any], tensors: dict[str, Tensor]) -> FeatureSet:
        text_model = None
        if "text_model" in about:
            text_model = TfidfSvd(**about["text_model"])
            state = {k.removeprefix(_TEXT): v for k, v in tensors.items() if k.startswith(_TEXT)}
            text_model.load_state_dict(state)
            text_model.eval()
        names = [m for m in MODALITIES if f"features.{m}" in tensors]
        return cls(
            {m: tensors[f"features.{m}"] for m in names},
            {m: tensors[f"present.{m}"] for m in names},
            clips=about["clips"],
            fingerprint=about["fingerprint"],
            backbones=about["backbones"],
            settings=about["settings"],
            text_model=text_model,
        )
