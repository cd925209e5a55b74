"""Writes what the study of clips measured into the README, the model card and a figure.

    python -m studies.clips_report

Every number comes from `weights/conclugen-anny-clips/results/`; nothing is typed in.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from fermodels import plots
from fermodels.data import MODALITIES, PreparedClips
from studies.clips_methods import DATA, RESULTS, Method, baselines, methods
from studies.people import Difference, difference_over_people, in_words, interval
from studies.report import fill, people_by_part
from tools import palette

WEIGHTS = RESULTS.parent
OURS = "ConCluGen"


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    clips = PreparedClips.read(DATA)
    scores = pd.read_csv(RESULTS / "scores.csv", keep_default_na=False)
    clusters = pd.read_csv(RESULTS / "clusters.csv")
    study = json.loads((RESULTS / "study.json").read_text())
    if study["data"] != clips.fingerprint():
        raise SystemExit(f"{RESULTS} holds the study of another {DATA}: run 'make study' again")
    hits = hits_by_clip(pd.read_parquet(RESULTS / "predictions.parquet"), clips)
    tables = "\n\n".join(
        [
            table(scores, study),
            differences(hits),
            headline(hits, clips),
            cluster_table(clusters),
            modalities(scores),
            "Made by `make weights` and `make study`.",
        ]
    )
    fill(Path("README.md"), "CLIPS", tables)
    write_card(clips, study, tables)
    figure(clips)


def hits_by_clip(predictions: pd.DataFrame, clips: PreparedClips) -> pd.DataFrame:
    """Share of the draws in which a clip was read rightly: a row a clip, by method and fraction."""
    right = predictions["predicted"].to_numpy() == clips.labels[predictions["index"]]
    shares = predictions.assign(right=right).groupby(["method", "fraction", "index"])["right"]
    shares = shares.mean().unstack("index")  # (methods and fractions, clips)
    people = clips.table["subject"].to_numpy()[shares.columns]
    return shares.T.set_axis(pd.Index(people, name="speaker"))


def table(scores: pd.DataFrame, study: dict) -> str:
    """The study of the paper: tasks and modalities against the share of labelled speakers."""
    fractions = sorted(scores["fraction"].unique(), reverse=True)
    people = [fold["test"] for fold in study["folds"]]
    lines = [
        f"Weighted F1 in %, cross-validated over all {sum(people)} speakers in {len(people)} folds "
        f"(mean ± standard deviation over folds and {len(study['draws'])} draws of the labelled "
        "speakers; each fold has pre-trainings of its own):",
        "",
        "| pre-training without labels | modalities | "
        + " | ".join(f"{f:.0%} of the speakers labelled" for f in fractions)
        + " |",
        "|---|---|" + "---|" * len(fractions),
    ]
    for method in methods():
        if len(method.fractions) == len(fractions):
            cells = [_cell(scores, method, fraction) for fraction in fractions]
            lines.append(f"| {_title(method)} | {_modalities(method)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def gain(hits: pd.DataFrame, other: str, fraction: float, among=slice(None)) -> Difference:
    """ConCluGen minus another method in points of accuracy, with its interval over speakers."""
    ours, theirs = (100 * hits[name, fraction].to_numpy()[among] for name in (OURS, other))
    return difference_over_people(ours, theirs, hits.index.to_numpy()[among])


def differences(hits: pd.DataFrame) -> str:
    """ConCluGen with all tasks against every other method on the same clips."""
    fractions = sorted({fraction for _, fraction in hits}, reverse=True)
    others = [m for m in methods() if m.name != OURS and len(m.fractions) == len(fractions)]
    lines = [
        "ConCluGen with all three tasks and modalities minus the others, in points of accuracy on "
        "the same clips, with the 95 % interval of a paired bootstrap over speakers, widened as "
        "few people ask for (what other test speakers could change; not what other weights could); "
        "what is clear of zero is in bold:",
        "",
        "| minus | " + " | ".join(f"{f:.0%} of the labels" for f in fractions) + " |",
        "|---|" + "---|" * len(fractions),
    ]
    for method in others:
        cells = [interval(gain(hits, method.name, fraction)) for fraction in fractions]
        name = _title(method) + (
            "" if method.modalities == MODALITIES else f", {_modalities(method)}"
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def headline(hits: pd.DataFrame, clips: PreparedClips) -> str:
    """Against the best baseline and the best single task, on everybody and on the unasked."""
    mean = hits.mean()
    chosen_on = clips.table["subject"].iloc[clips.split("subject", seed=0)["val"]].unique()
    unasked = ~np.isin(hits.index.to_numpy(), chosen_on)
    groups = {
        "the best baseline": baselines(),
        "the best single task": [m.name for m in methods() if len(m.tasks) == 1],
    }
    lines = ["In short, ConCluGen with all three tasks and modalities is:", ""]
    for fraction in sorted({fraction for _, fraction in hits}):
        for what, names in groups.items():
            best = max(names, key=lambda name: mean[name, fraction])
            everybody, others = gain(hits, best, fraction), gain(hits, best, fraction, unasked)
            lines.append(
                f"- with {fraction:.0%} of the labels {in_words(everybody)} than {what} ({best}): "
                f"{interval(everybody, bold=False)}; among the {hits.index[unasked].nunique()} "
                f"speakers on whom no setting was chosen {interval(others, bold=False)}."
            )
    return "\n".join(lines)


def cluster_table(clusters: pd.DataFrame) -> str:
    """What the clusters of test speakers have to do with emotion."""
    columns = [name for name in clusters if name not in ("method", "fold")]
    mean = clusters.groupby("method")[columns].mean()
    lines = [
        "What clusters say about test speakers (normalised mutual information, mean over folds; "
        "shuffled labels are what chance gives):",
        "",
        "| tasks | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for method in methods():
        if method.name in mean.index:
            cells = " | ".join(f"{mean.loc[method.name, column]:.2f}" for column in columns)
            lines.append(f"| {method.name} | {cells} |")
    return "\n".join(lines)


def modalities(scores: pd.DataFrame) -> str:
    """What a single modality reaches with all labels, by regression and after ConCluGen."""
    by_used = {(m.family, m.sees): m for m in methods() if len(m.tasks) in (0, 3)}
    lines = [
        "What each modality reaches alone, with all labels:",
        "",
        "| | " + " | ".join((*MODALITIES, "all three")) + " |",
        "|---|" + "---|" * (len(MODALITIES) + 1),
    ]
    titles = {
        "logistic regression": "logistic regression on the raw features",
        "ConCluGen": "after ConCluGen on all three",
    }
    for family, title in titles.items():
        cells = [
            _cell(scores, by_used[family, used], 1.0)
            for used in (*((m,) for m in MODALITIES), MODALITIES)
        ]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tried_table() -> str:
    """What was tried of the pre-training, on validation speakers."""
    tried = pd.read_csv(RESULTS / "tried.csv")
    columns = [name for name in tried if name != "change"]
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for row in tried.itertuples(index=False):
        change, *values = row
        cells = [
            "" if pd.isna(v) else f"{100 * v:.1f} %" if "probe" in c else f"{v:.2f}"
            for c, v in zip(columns, values, strict=True)
        ]
        lines.append(f"| {change} | {' | '.join(cells)} |")
    return "\n".join(lines)


def settings_table() -> str:
    """The trials of the classifiers, on validation speakers."""
    table = pd.read_csv(RESULTS / "settings.csv")
    options = [name for name in table if name not in ("family", "fraction", "accuracy")]
    best = table.groupby(["family", "fraction"])["accuracy"].transform("max")
    lines = ["| | labels | settings | accuracy |", "|---|---|---|---|"]
    for row, top in zip(table.to_dict("records"), best, strict=True):
        given = ", ".join(f"{name} {row[name]:g}" for name in options if pd.notna(row[name]))
        accuracy = f"{100 * row['accuracy']:.1f} %"
        accuracy = f"**{accuracy}**" if row["accuracy"] == top else accuracy
        lines.append(f"| {row['family']} | {row['fraction']:.0%} | {given} | {accuracy} |")
    return "\n".join(lines)


def _cell(scores: pd.DataFrame, method: Method, fraction: float) -> str:
    chosen = scores[(scores["method"] == method.name) & (scores["fraction"] == fraction)]
    values = 100 * chosen["weighted_f1"]
    return f"{values.mean():.1f} ± {values.std():.1f}"


def _title(method: Method) -> str:
    if method.simclr:
        return "SimCLR"
    if method.linear:
        return "none (logistic regression on the raw features)"
    if not method.tasks:
        return "none (the same network from scratch)"
    return "ConCluGen: all three tasks" if len(method.tasks) == 3 else " + ".join(method.tasks)


def _modalities(method: Method) -> str:
    return "all three" if method.modalities == MODALITIES else " + ".join(method.modalities)


def write_card(clips: PreparedClips, study: dict, tables: str) -> None:
    made = json.loads((RESULTS / "pretrain.json").read_text())
    speakers = people_by_part(clips)
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

The encoders of the study are trained as this one, in each fold on everybody but its test speakers.
Settings were chosen on {speakers["val"]} validation speakers, who are test speakers of other folds;
what comes out without them is said below. Made by `{study["command"]}`.

{tables}

## What was tried

On the validation speakers, with this split's training speakers and seed 0
(`python -m studies.clips_search`). Changes of the pre-training, one at a time; a linear probe with
all labels and with 10 %, and the clusters' mutual information with emotion. It is one seed and
{speakers["val"]} speakers: differences of two points may be luck.

{tried_table()}

Settings of the classifiers, as many trials for each family, and two more for from scratch; the
first of the best (bold) is the study's. Those of logistic regression are chosen by cross-validation
over the labelled speakers:

{settings_table()}

## Limits

Trained on rendered faces, synthetic voices and sentences from a grammar. The numbers compare
methods; they say nothing about accuracy on real people. That each speaker shows every emotion
equally often is true here by construction, and the clusters of equal size make use of it. What a
face, a voice or a sentence shows is not what a person feels: not for judging people, not for
surveillance, hiring, border control or diagnosis.
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
    palette.save(figure, Path("docs/anny_clips.png"), dpi=110)


if __name__ == "__main__":
    main()
