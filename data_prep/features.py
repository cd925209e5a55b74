"""Features of clips by frozen encoders: python -m data_prep features IN.parquet OUT.safetensors

Each clip once as it is and so many times augmented, for pre-training and the recipes of
`python -m fermodels`. Interrupted, the same command goes on. The default of --video is the encoder
that the shipped clip encoder was trained on.
"""

from __future__ import annotations

import argparse
import os

from data_prep.io.shards import add_shard_argument
from fermodels._shared.paths import given_path
from fermodels._shared.places import DEFAULT_VIDEO


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", metavar="IN.parquet", type=given_path, help="prepared clips")
    parser.add_argument("out", metavar="OUT.safetensors", type=given_path)
    parser.add_argument(
        "--video",
        default=DEFAULT_VIDEO,
        help="a shipped encoder, a folder of one, a video model of torchvision (r2plus1d_18 with "
        "pretrained weights, r2plus1d_18:random without), or none",
    )
    parser.add_argument("--audio", default="log-mel", help="log-mel, hf:NAME, or none")
    parser.add_argument("--text", default="tfidf", help="tfidf, hf:NAME, or none")
    parser.add_argument(
        "--num-augmentations",
        "--copies",
        type=int,
        default=10,
        metavar="N",
        help="augmented copies beside the clean one",
    )
    parser.add_argument(
        "--split",
        choices=("subject", "official"),
        default="subject",
        help="whose training part tfidf is fitted on",
    )
    parser.add_argument(
        "--nonfinite", choices=("error", "zero"), default="error", help="what NaN becomes"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    add_shard_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fermodels.data import PreparedClips
    from fermodels.features import compute_features

    clips = PreparedClips.read(options.clips)
    names = {m: getattr(options, m) for m in ("video", "audio", "text")}
    features = compute_features(
        clips,
        options.out,
        **{modality: None if name == "none" else name for modality, name in names.items()},
        num_augmentations=options.num_augmentations,
        train_indices=clips.split(options.split)["train"] if options.text == "tfidf" else None,
        seed=options.seed,
        jobs=options.jobs,
        device=options.device,
        nonfinite=options.nonfinite,
        shard=options.shard,
    )
    print(features)
