"""Writes what the study of clips measured into the README, the model card and a figure.

    python -m studies.clips_report

Every number comes from `weights/conclugen-anny-clips/results/`; nothing is typed in.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

from fermodels import plots
from fermodels.data import MODALITIES, PreparedClips
from studies.clips_study import DATA, RESULTS, Method, methods
from studies.report import fill

WEIGHTS = RESULTS.parent


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    clips = PreparedClips.read(DATA)
    scores = pd.read_csv(RESULTS / "scores.csv", keep_default_na=False)
    study = json.loads((RESULTS / "study.json").read_text())
    if study["data"] != clips.fingerprint():
        raise SystemExit(f"{RESULTS} holds the study of another {DATA}: run 'make study' again")
    tested = len(clips.split("subject", seed=0)[study["split"]])
    tables = (
        f"{table(scores, study, tested)}\n\n{differences(scores)}\n\n{modalities(scores)}\n\n"
        "Made by `make weights` and `make study`."
    )
    fill(Path("README.md"), "CLIPS", tables)
    write_card(clips, study, tables)
    figure(clips)


def table(scores: pd.DataFrame, study: dict, tested: int) -> str:
    """The study of the paper: tasks and modalities against the share of labelled speakers."""
    fractions = sorted(scores["fraction"].unique(), reverse=True)
    part = {"val": "validation", "test": "test"}[study["split"]]
    lines = [
        f"Weighted F1 in % on the {tested} clips of {study['speakers'][study['split']]} {part} "
        f"speakers (mean ± standard deviation over {scores['seed'].nunique()} seeds, each with "
        "its own pre-training, labelled speakers and classifier):",
        "",
        "| pre-training without labels | modalities | "
        + " | ".join(f"{f:.0%} of the speakers labelled" for f in fractions)
        + " |",
        "|---|---|" + "---|" * len(fractions),
    ]
    for method in methods():
        if len(method.fractions) < len(fractions):
            continue
        cells = [_cell(scores, method, fraction) for fraction in fractions]
        lines.append(f"| {_title(method)} | {_modalities(method)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def differences(scores: pd.DataFrame) -> str:
    """ConCluGen against training from scratch and the best single task, in points."""
    mean = 100 * scores.groupby(["method", "fraction"])["weighted_f1"].mean()
    single = [m.name for m in methods() if len(m.tasks) == 1]
    parts = []
    for fraction in sorted(scores["fraction"].unique()):
        ours = mean["ConCluGen", fraction]
        best = max(single, key=lambda name: mean[name, fraction])
        parts.append(
            f"with {fraction:.0%} of the labels it is {ours - mean['from scratch', fraction]:+.1f} "
            f"points from training from scratch and {ours - mean[best, fraction]:+.1f} from the "
            f"best single task ({best})"
        )
    return (
        f"ConCluGen with all three tasks and modalities, in differences of these means: "
        f"{'; '.join(parts)}. How sure such differences are, and what each task does, is the "
        "subject of notebook 06."
    )


def modalities(scores: pd.DataFrame) -> str:
    """What a single modality reaches with all labels, trained from scratch and pre-trained."""
    by_used = {(bool(m.tasks), m.used or m.modalities): m for m in methods() if not m.simclr}
    lines = [
        "What each modality reaches alone, with all labels:",
        "",
        "| | " + " | ".join((*MODALITIES, "all three")) + " |",
        "|---|" + "---|" * (len(MODALITIES) + 1),
    ]
    for pretrained, title in ((False, "from scratch"), (True, "after ConCluGen on all three")):
        cells = [
            _cell(scores, by_used[pretrained, used], 1.0)
            for used in (*((m,) for m in MODALITIES), MODALITIES)
        ]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(scores: pd.DataFrame, method: Method, fraction: float) -> str:
    chosen = scores[(scores["method"] == method.name) & (scores["fraction"] == fraction)]
    values = 100 * chosen["weighted_f1"]
    return f"{values.mean():.1f} ± {values.std():.1f}"


def _title(method: Method) -> str:
    if method.simclr:
        return "SimCLR"
    if not method.tasks:
        return "none (supervised from scratch)"
    return "ConCluGen: all three tasks" if len(method.tasks) == 3 else " + ".join(method.tasks)


def _modalities(method: Method) -> str:
    return "all three" if method.modalities == MODALITIES else " + ".join(method.modalities)


def write_card(clips: PreparedClips, study: dict, tables: str) -> None:
    made = json.loads((RESULTS / "pretrain.json").read_text())
    speakers = study["speakers"]
    backbones = "; ".join(f"{m}: `{name}`" for m, name in made["backbones"].items())
    augmentations = made["num_augmentations"]
    settings = ", ".join(f"{k} {v}" for k, v in made["recipes"]["pretraining"].items())
    text = f"""---
license: mit
library_name: fermodels
tags: [facial-expression, self-supervised, multi-modal, contrastive, clustering, reconstruction]
---
# ConCluGen on Anny Clips

An encoder of clips (features of video, speech and text), trained without labels by ConCluGen
(contrastive, clustering and reconstruction task) on the {speakers["train"]} training speakers of
`{DATA}` (rendered talking faces, synthetic voices).

```python
from fermodels.models import MultiModalEncoder
encoder = MultiModalEncoder.from_pretrained("weights/conclugen-anny-clips")
h = encoder(features)  # {{"video": (B, D), "audio": …, "text": …}} -> modality -> (B, R)
```

Features come from frozen backbones ({backbones}), as
`python -m data_prep features {DATA} OUT.safetensors --num-augmentations {augmentations}`
computes them. The folder `text/` holds the text backbone, fitted on the training speakers,
for sentences of one's own: `fermodels.features.text.TfidfSvd.from_pretrained`.

Made by `{made["command"]}` on CPU: {made["epochs"]} epochs, seed {made["seed"]}, {settings}.
Weights are stored in half precision and computed in single precision.

## Numbers

Test speakers ({speakers["test"]}) were seen in no step; {speakers["val"]} served for choosing
settings. The encoders of the study are trained as this one, with three seeds. Made by
`{study["command"]}`.

{tables}

## Limits

Trained on rendered faces, synthetic voices and sentences from a grammar. The numbers compare
methods; they say nothing about accuracy on real people. What a face, a voice or a sentence shows is
not what a person feels: not for judging people, not for surveillance, hiring, border control or
diagnosis.
"""
    (WEIGHTS / "README.md").write_text(text, encoding="utf-8")


def figure(clips: PreparedClips) -> None:
    """docs/anny_clips.png: a clip of a training speaker, frames, spectrogram and words."""
    from fermodels.plots import clip_strip

    plots.use_style()
    rows = clips.split("subject", seed=0)["train"]
    shown = clips.table.iloc[rows]
    row = shown.index[(shown["emotion"] == "happy") & (shown["face_emotion"] == "happy")][0]
    figure = clip_strip(clips, int(row))[0].figure
    figure.savefig("docs/anny_clips.png", dpi=110)


if __name__ == "__main__":
    main()
