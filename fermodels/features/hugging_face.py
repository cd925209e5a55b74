"""Models of Hugging Face by name; `transformers` is imported when one is asked for."""

from __future__ import annotations

import os

from fermodels.features.backbone import FeatureError


def load(source: str, processor: str):
    """The processor and the frozen encoder of "name", "name@revision" or a folder.

    Raises:
        FeatureError: there is no such model, or it cannot be fetched or read.
        ImportError: `transformers` is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise ImportError(
            f"the backbone 'hf:{source}' needs the package transformers: pip install transformers"
        ) from error

    name, revision = source, None
    if not os.path.isdir(source) and "@" in source:
        name, _, revision = source.partition("@")
    options = {} if revision is None else {"revision": revision}
    try:
        prepare = getattr(transformers, processor).from_pretrained(name, **options)
        model = transformers.AutoModel.from_pretrained(name, **options)
    except (OSError, ValueError, KeyError) as error:
        raise FeatureError(
            f"the model {source!r} cannot be loaded from Hugging Face or a folder of that name: "
            f"{error}"
        ) from error
    if getattr(model.config, "is_encoder_decoder", False):
        model = model.get_encoder()
    return prepare, model.eval().requires_grad_(False)
