"""`python -m fermodels embed MODEL DATA --out embeddings.parquet`: a prepared file with a column
`embedding`, which opens wherever prepared files do, in `make explore FACES=…` as well."""

from __future__ import annotations

import argparse

from fermodels._shared.paths import given_path, output_file
from fermodels.data import PreparedClips, PreparedImages
from fermodels.evaluation import embed, embed_clips
from fermodels.evaluation.stored import with_embedding
from fermodels.features import FeatureSet
from fermodels.models import MultiModalEncoder
from fermodels.models.reading import read_model
from fermodels.models.saving import weights_digest


def command(arguments: list[str]) -> None:
    """Embed images or clips, and write them with their embeddings."""
    parser = argparse.ArgumentParser(
        prog="python -m fermodels embed",
        description="The representations of images or clips by a saved encoder (or that of a saved "
        "classifier): the data set with a further column, `embedding`. The file opens in pandas, "
        "in PreparedImages.read, and as a map: make explore FACES=embeddings.parquet",
    )
    parser.add_argument(
        "model", metavar="MODEL", help="folder of save_pretrained, or the name of one that ships"
    )
    parser.add_argument(
        "data", metavar="DATA", type=given_path, help="prepared file, or a folder of images"
    )
    parser.add_argument("--out", metavar="OUT.parquet", type=given_path, required=True)
    parser.add_argument(
        "--features",
        metavar="FILE.safetensors",
        type=given_path,
        help="of clips, from `python -m data_prep features`",
    )
    parser.add_argument("--device", help="such as cuda; default: the GPU if there is one")
    options = parser.parse_args(arguments)
    if options.out.suffix != ".parquet":
        raise ValueError(f"{options.out}: embeddings go into a .parquet file")
    output_file(options.out)
    model = read_model(options.model)
    encoder = getattr(model, "encoder", model)
    of_clips = isinstance(encoder, MultiModalEncoder)
    if of_clips != (options.features is not None):
        raise ValueError(
            f"{options.model} is for clips: add --features FILE.safetensors"
            if of_clips
            else f"{options.model} is for images: leave --features out"
        )
    if of_clips:
        prepared = PreparedClips.read(options.data)
        features = FeatureSet.read(options.features)
        features.check(prepared)
        x = embed_clips(encoder, features)
    else:
        is_folder = options.data.is_dir()
        read = PreparedImages.from_folder if is_folder else PreparedImages.read
        prepared = read(options.data)
        x = embed(encoder, prepared, device=options.device or _device())
    whole = with_embedding(
        prepared, x, given_path(options.model).resolve().name, weights=weights_digest(encoder)
    )
    whole.write(options.out)
    print(f"{options.out}: {len(x):,} rows, each with an embedding of {x.shape[1]} numbers")


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
