"""How much each modality of Anny Clips knows alone, written into the data card.

    python -m studies.clips_modalities

Logistic regression on the standardised clean features of the study. Its strength of regularisation
is the one that is best on the validation speakers; the test speakers choose nothing.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np

from fermodels import course, evaluation
from fermodels.data import MODALITIES, PreparedClips
from fermodels.features import FeatureSet
from studies.clips_methods import FEATURES, stored_features
from studies.report import fill

STRENGTHS = 10.0 ** np.arange(-4, 1.1, 0.5)
SPLITS = {"val": "validation", "test": "test"}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    clips = PreparedClips.read(course.data("anny_clips"))
    scores = accuracies(clips, stored_features(clips, FEATURES, jobs=1))
    fill(Path("data/README.md"), "MODALITIES", table(clips, scores))


def accuracies(clips: PreparedClips, features: FeatureSet) -> dict[tuple[str, ...], dict]:
    """Combination of modalities → accuracy by split."""
    rows, found = clips.split("subject", seed=0), {}
    for count in range(1, len(MODALITIES) + 1):
        for names in combinations(MODALITIES, count):

            def part(split, names=names):
                x = [features.clean(name, rows[split]) for name in names]
                return np.concatenate(x, axis=1), clips.labels[rows[split]]

            trials = [
                {s: evaluation.linear_probe(*part("train"), *part(s), C=c).accuracy for s in SPLITS}
                for c in STRENGTHS
            ]
            found[names] = max(trials, key=lambda trial: trial["val"])
    return found


def table(clips: PreparedClips, scores: dict[tuple[str, ...], dict]) -> str:
    rows = clips.split("subject", seed=0)
    names = [" + ".join(key) if len(key) < len(MODALITIES) else "all three" for key in scores]
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for split, what in SPLITS.items():
        people = clips.table["subject"].iloc[rows[split]].nunique()
        values = " | ".join(f"{100 * score[split]:.1f}" for score in scores.values())
        lines.append(f"| {people} {what} speakers, {len(rows[split])} clips | {values} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
