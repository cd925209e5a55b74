"""Pre-trains the clip encoder that ships with the course.

    python -m studies.clips_pretrain --out weights/conclugen-anny-clips

ConCluGen with all three tasks on the training speakers of Anny Clips, without labels; every few
epochs a linear probe is fitted on training speakers and read on the validation speakers. The text
backbone, fitted on the training speakers, is written beside it, for sentences of one's own.
Interrupted, the same command goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from fermodels import evaluation
from fermodels.data import PreparedClips
from fermodels.evaluation import embed_clips
from fermodels.features import FeatureSet
from fermodels.training.recipes import clips as clip_recipes
from studies.clips_methods import DATA, FEATURES, recipe_settings, stored_features


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.clips_pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", default=DATA)
    parser.add_argument("--features", type=Path, default=FEATURES, help="made if not there")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/clips/conclugen"))
    parser.add_argument("--epochs", type=int, default=clip_recipes.EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    clips = PreparedClips.read(options.clips)
    features = stored_features(clips, options.features, jobs=1)
    split = clips.split("subject", seed=0)
    encoder, history = clip_recipes.pretrain_clips(
        features,
        split["train"],
        epochs=options.epochs,
        speakers=clips.subject_ids,
        seed=options.seed,
        run_dir=options.runs,
        validate=probe_on_validation(clips, features, split),
        validate_every=2,
        accelerator="cpu",
    )
    encoder.save_pretrained(options.out, half=True)
    features.text_backbone().save_pretrained(options.out / "text")
    results = options.out / "results"
    results.mkdir(exist_ok=True)
    history.to_csv(results / "history.csv", index=False)
    made = {
        "method": "ConCluGen",
        "epochs": options.epochs,
        "seed": options.seed,
        "data": clips.fingerprint(),
        "backbones": features.backbones,
        "num_augmentations": features.num_augmentations,
        "recipes": recipe_settings(),
        "command": f"python -m studies.clips_pretrain --out {options.out.as_posix()} "
        f"--epochs {options.epochs} --seed {options.seed}",
    }
    (results / "pretrain.json").write_text(json.dumps(made, indent=1) + "\n")
    print(history.tail(3).to_string(index=False))


def probe_on_validation(clips: PreparedClips, features: FeatureSet, split: dict[str, np.ndarray]):
    """A callback for `fit`: accuracy of a linear probe on the validation speakers."""
    train, held_out = split["train"], split["val"]

    def validate(encoder: torch.nn.Module) -> dict[str, float]:
        probe = evaluation.linear_probe(
            embed_clips(encoder, features, train),
            clips.labels[train],
            embed_clips(encoder, features, held_out),
            clips.labels[held_out],
        )
        return {"probe_accuracy": probe.accuracy}

    return validate


if __name__ == "__main__":
    main()
