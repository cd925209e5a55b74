"""Writes what the study measured into the README, the model cards and the figure on top.

    python -m studies.report

Every number comes from `weights/clmex-anny-views/results/`; nothing is typed in. The places to
fill lie between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fermodels import plots
from fermodels._shared.files import replace_file
from fermodels.data import PreparedImages
from studies import image_report
from studies.pretrain import EARLY, LARGE, RESULTS
from tools import palette

if TYPE_CHECKING:
    from fermodels.data.table import PreparedTable

DATA, CHILDREN = Path("data/anny_views_kdef.parquet"), Path("data/anny_views_ddcf.parquet")
# The encoder's trainings before its last one, in order; each went on from the one before.
EARLIER = ("pretrain_first.json", "pretrain_second.json")
HERO = ("from scratch", "SimCLR, probe", "CL-MEx, probe", "CL-MEx, shipped")
LARGE_NAME = "CL-MEx, 96 px"
OUTSIDE, ERROR = Path("studies/results/outside.csv"), "standard_error"
HARDNESS = Path("studies/results/hardness.csv")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    prepared = PreparedImages.read(DATA)
    answers = pd.read_parquet(RESULTS / "studied.parquet")
    runs = image_report.accuracies(answers)
    probes = pd.read_csv(RESULTS / "probe.csv")
    invariance = pd.read_csv(RESULTS / "invariance.csv").set_index("encoder")
    people, tried = people_by_part(prepared), pd.read_csv(RESULTS / "search.csv")
    studied = [
        image_report.accuracy_table(answers, people),
        pretraining(pd.read_csv(RESULTS / "study_pretrain.csv")),
        image_report.headline(answers),
        image_report.difference_table(answers),
        image_report.outside_table(answers),
        image_report.unfinished(tried),
    ]
    frozen = f"{frozen_table(probes, invariance)}\n\n{images_seen()}\n\n{outside_table()}"
    of_children, differences = children()
    fill(Path("README.md"), "RESULTS", paragraphs(*studied, of_children, frozen))
    settings = image_report.settings_table(tried)
    numbers = paragraphs(*studied, of_children, differences, frozen)
    write_card("clmex", people, settings, numbers)
    write_card("simclr", people, settings, numbers)
    write_large_card()
    write_early_card()
    # Beside the others, from where notebooks 03 and 04 take them.
    for path in (OUTSIDE, HARDNESS):
        replace_file(RESULTS / path.name, path.read_bytes())
    hero(prepared, runs)
    examples(prepared)


def people_by_part(prepared: PreparedTable) -> dict[str, int]:
    """How many subjects the parts of the split have."""
    split = prepared.split("subject", seed=0)
    return {part: prepared.table["subject"].iloc[rows].nunique() for part, rows in split.items()}


def paragraphs(*parts: str) -> str:
    """All that say something, one below the other."""
    return "\n\n".join(filter(None, parts))


def children() -> tuple[str, str]:
    """The study on the other shape, and its differences for the cards; empty if it was not made."""
    folder = RESULTS / "ddcf"
    if not (folder / "studied.parquet").exists():
        return "", ""
    answers = pd.read_parquet(folder / "studied.parquet")
    people = people_by_part(PreparedImages.read(CHILDREN))
    made = pd.read_csv(folder / "study_pretrain.csv")
    told = paragraphs(
        "The same on DDCF's shape: other people, children of 6 to 16, other cameras and one "
        f"more expression (`{CHILDREN}`). {trained(made)}; *shipped* saw no child of this set. "
        "Steps, learning rates, augmentation and images to a batch are as chosen on the first "
        "set's validation people.",
        image_report.accuracy_table(answers, people),
        image_report.headline(answers),
    )
    return told, image_report.difference_table(answers)


def pretraining(made: pd.DataFrame) -> str:
    """What the study's own encoders are, and what was chosen for them."""
    kept = made[made["kept"]]
    best = kept.groupby("method", sort=False)[["augment", "batch_size"]].first()
    parts = [f"{row.Index} {row.augment}, {row.batch_size}" for row in best.itertuples()]
    return (
        f"{trained(made)} (SimCLR and CL-MEx without a label, ViewFX with all; of "
        f"{len(made) - len(kept)} tries augmentation and images to a batch were chosen: "
        f"{'; '.join(parts)}).{made_again(kept)} *Shipped* is the encoder "
        "in `weights/clmex-anny-views`, which saw far more images, of other people. Steps, "
        "learning rate and augmentation of every fine-tuning are chosen on validation people by "
        "one rule (`python -m studies.search`), the penalty of every logistic regression across "
        "the labelled people; HOG is 96 pixels wide, the others 48. Made by "
        "`python -m studies.image_study`."
    )


def trained(made: pd.DataFrame) -> str:
    """How often, on whom and on how much the study's own encoders were trained."""
    kept = made[made["kept"]]
    return (
        f"{', '.join(kept['method'].unique())}: {kept['seed'].nunique()} pre-trainings each, from "
        "new weights on the images of the training people alone, "
        f"{kept['images_seen'].iloc[0]:,} augmented images each"
    )


def made_again(kept: pd.DataFrame) -> str:
    """Whose pre-trainings were made on more than one machine; "" if nobody's."""
    of_seed = kept.groupby("method", sort=False)["seed"].agg(lambda seeds: seeds.duplicated().any())
    if not of_seed.any():
        return ""
    return (
        f" Those of {' and '.join(of_seed.index[of_seed])} were made again on another machine, "
        "where the same seeds end in other weights, when settings were searched further: the draws "
        "in one cell of the table start from the three of one machine, not always the one whose "
        "encoder its settings were searched with."
    )


def frozen_table(probes: pd.DataFrame, invariance: pd.DataFrame) -> str:
    linear = probes[probes["kind"] == "linear"].set_index("encoder")
    names = list(invariance.index)
    row = invariance.loc[names[0]]
    wanted = {
        "linear probe, all views": linear["all"],
        "linear probe, frontal": linear["straight"],
        "linear probe, ±90°": linear["profiles"],
        f"±90° finds the frontal take, R@1 (chance {row['retrieval_chance']:.3f})": invariance[
            "retrieval_at_1/profiles"
        ],
        "cosine between views of one moment": invariance["same_instance_cosine"],
        "cosine to other expressions of the person": invariance["other_expression_cosine"],
        f"yaw read from the embedding (chance {row['yaw_chance']:.2f})": invariance[
            "yaw_predictability"
        ],
        f"person read from the embedding (chance {row['identity_chance']:.3f})": invariance[
            "identity_predictability"
        ],
    }
    lines = [
        f"Frozen, on the test people of `{DATA}` (one encoder each):",
        "",
        "| | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for label, values in wanted.items():
        lines.append(f"| {label} | " + " | ".join(f"{values[n]:.3f}" for n in names) + " |")
    return "\n".join(lines)


def images_seen() -> str:
    """How much every encoder saw in pre-training, and what it went on from."""
    made = {
        "CL-MEx": json.loads((RESULTS / "pretrain_clmex.json").read_text()),
        "SimCLR": json.loads((RESULTS / "pretrain_simclr.json").read_text()),
        LARGE_NAME: json.loads((LARGE / "pretrain_clmex.json").read_text()),
    }
    parts = [
        f"{name} saw {about['images_seen']:,} augmented images"
        + (f", going on from `{Path(about['start']).name}`" if about.get("start") else "")
        for name, about in made.items()
    ]
    earlier = [json.loads((RESULTS / name).read_text()) for name in EARLIER]
    before = [
        f"`{Path(after['start']).name}` had seen {about['images_seen']:,} of {pools(about)}"
        + (" as they were drawn before" if drawn_before(about, after) else "")
        + f", going on from `{Path(about['start']).name}`"
        for about, after in zip(earlier, [*earlier[1:], made["CL-MEx"]], strict=True)
    ]
    return f"In pre-training {'; '.join(parts)}. {'; '.join(before)}."


def pools(about: dict) -> str:
    """What was trained on, in words."""
    return f"{about['people']:,} people of " + " and ".join(
        f"`{pool['name']}`" for pool in about["pools"]
    )


def drawn_before(about: dict, after: dict) -> bool:
    """Whether the next training had the same people, drawn anew since."""
    return about["pools"] == after["pools"] and about["data"] != after["data"]


def outside_table() -> str:
    """What the encoders and two simple descriptors are worth on faces of another make."""
    table = pd.read_csv(OUTSIDE)
    table["what"] = table["faces"] + ", " + table["measure"]
    kept = list(dict.fromkeys(table["what"]))
    cells = table.assign(
        cell=[
            f"{100 * v:.1f} ± {100 * e:.1f}"
            for v, e in zip(table["value"], table[ERROR], strict=True)
        ]
    ).pivot(index="what", columns="method", values="cell")
    methods = list(dict.fromkeys(table["method"]))
    lines = [
        "Outside: second faces are another face model's, London are real photographs (neutral, "
        "smiling); nothing was trained on either. Per cent, ± one standard error over people; "
        "made by `python -m studies.outside`.",
        "",
        "| | " + " | ".join(methods) + " |",
        "|---|" + "---|" * len(methods),
    ]
    lines += [f"| {what} | " + " | ".join(cells.loc[what, methods]) + " |" for what in kept]
    return "\n".join(lines)


def fill(path: Path, name: str, text: str) -> None:
    """Replaces what stands between the marks `<!-- name -->` and `<!-- /name -->`."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    page = path.read_text()
    if start not in page or end not in page:
        raise ValueError(f"{path} lacks the marks {start} and {end}")
    pattern = re.escape(start) + ".*?" + re.escape(end)
    path.write_text(re.sub(pattern, lambda _: f"{start}\n{text}\n{end}", page, flags=re.S))


def kept(path: Path, name: str) -> str:
    """The part of a page that another command fills, marks included; "" if it has none."""
    found = re.search(f"<!-- {name} -->.*?<!-- /{name} -->", path.read_text(), flags=re.S)
    return found[0] if found else ""


def write_card(method: str, people: dict[str, int], settings: str, numbers: str) -> None:
    made = json.loads((RESULTS / f"pretrain_{method}.json").read_text())
    title = {"clmex": "CL-MEx", "simclr": "SimCLR"}[method]
    card = Path(f"weights/{method}-anny-views/README.md")
    numbers = paragraphs(numbers, kept(card, "ABLATION"))
    text = f"""---
license: mit
library_name: fermodels
tags: [facial-expression, self-supervised, contrastive, multi-view]
---
# {title} on Anny Views

An image encoder for facial expressions, trained without labels by {title} on
{made["people"]:,} invented people: rendered faces, five cameras, made by
{" and by ".join(f"`{pool['command']}`" for pool in made["pools"])}. The numbers below are of other
people.

```python
from fermodels.models import ImageEncoder
encoder = ImageEncoder.from_pretrained("weights/{method}-anny-views")
h = encoder(images)  # (N, 3, H, W), float in [0, 1] -> (N, {256})
```

Made by `{made["command"]}` on two CPU cores: {made["images_seen"]:,} augmented images seen,
seed {made["seed"]}, network `{made["encoder"]}` at {made["image_size"]} pixels. Weights are stored
in half precision and computed in single precision.

## Numbers

Test subjects ({people["test"]}) were seen in no step; {people["val"]} subjects served for
choosing settings. A draw takes the labelled subjects, the new weights and the order; the study's
own pre-trainings take turns. What was chosen for the fine-tunings, by share of labels (Muon, steps
of 64 images, one cycle of the learning rate with this peak, augmentation):

{settings}

{numbers}

## Limits

Trained on rendered faces. The numbers compare methods; on real people little was measured: two
expressions of 102 people before one wall (London, above). What a face shows is not what a person
feels: not for judging people, not for surveillance, hiring, border control or diagnosis.
"""
    card.write_text(text)


def write_large_card() -> None:
    made = json.loads((LARGE / "pretrain_clmex.json").read_text())
    (LARGE / "README.md").write_text(f"""---
license: mit
library_name: fermodels
tags: [facial-expression, self-supervised, contrastive, multi-view]
---
# CL-MEx on Anny Views, for images of {made["image_size"]} pixels

[`clmex-anny-views`](../clmex-anny-views/README.md) trained on, without labels, on images of
{made["image_size"]} in place of 48 pixels: the same network with the same number of weights, four
times the pixels of an image to go through. The tables in that card have both, inside and outside.

```python
from fermodels.models import ImageEncoder

encoder = ImageEncoder.from_pretrained("{LARGE.as_posix()}")
h = encoder(images)  # (N, 3, H, W), float in [0, 1] -> (N, 256)
```

Made by `{made["command"]}`: {made["images_seen"]:,} augmented images of {made["people"]:,} people,
with the history in `history_clmex.csv`; weights are stored in half precision and computed in single
precision. Limits and uses are those of its sibling.
""")


def write_early_card() -> None:
    made = json.loads((EARLY / "pretrain_clmex.json").read_text())
    history = pd.read_csv(EARLY / "history_clmex.csv")
    read = history["probe_accuracy"].dropna().iloc[-1]
    (EARLY / "README.md").write_text(f"""---
license: mit
library_name: fermodels
tags: [facial-expression, self-supervised, contrastive, multi-view]
---
# CL-MEx on Anny Views, after some minutes

A checkpoint to look at and to go on from, as notebook 02 does. It is no encoder for use: that is
[`clmex-anny-views`](../clmex-anny-views/README.md).

```python
from fermodels.models import ImageEncoder

encoder = ImageEncoder.from_pretrained("{EARLY.as_posix()}")
```

Made from new weights by `{made["command"]}`: {made["images_seen"]:,} augmented images of the
{made["people"]:,} training people of `data/anny_views_kdef.parquet`, without their labels. A linear
probe reads {100 * read:.1f} % of the images of validation people. The history is in
`history_clmex.csv`; weights are stored in half precision and computed in single precision. Limits
are those of its sibling.
""")


def hero(prepared: PreparedImages, runs: pd.DataFrame) -> None:
    """docs/hero.png: what goes in, and what comes out."""
    import matplotlib.pyplot as plt

    plots.use_style()
    figure = plt.figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.0, 1.15))
    table = prepared.table
    rows = []
    for subject, expression in (("F07", "happy"), ("M12", "surprised"), ("F21", "sad"),
                                ("M03", "angry")):  # fmt: skip
        take = table[(table["subject"] == subject) & (table["session"] == "A")]
        rows += list(take.index[take["expression"] == expression])
    axes = left.subplots(1, 1)
    tiles = prepared.images(np.array(rows))
    plots.contact_sheet(tiles, columns=5, tile=0.8, ax=axes)
    left.suptitle("one row = one moment, five cameras, no label", fontsize=11)
    axes = right.subplots(1, 2, sharey=True)
    shown = runs[runs["method"].isin(HERO)].sort_values("method", key=lambda m: m.map(HERO.index))
    for ax, metric, title in zip(
        axes, ("all", "profiles"), ("all views", "±90° only"), strict=True
    ):
        plots.label_fraction_curve(shown, metric=metric, ax=ax)
        ax.set(title=title, xlabel="people with labels (%)", ylim=(0, 100))
        ax.get_legend().remove()
    axes[1].set_ylabel("")
    right.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    Path("docs").mkdir(exist_ok=True)
    palette.save(figure, Path("docs/hero.png"), dpi=110)


def examples(adults: PreparedImages) -> None:
    """docs/anny_views.png: a person of each data set, all expressions, all cameras."""
    import matplotlib.pyplot as plt

    children = PreparedImages.read(CHILDREN)
    figure, axes = plt.subplots(1, 2, figsize=(9, 6.2), layout="constrained")
    plots.instance_grid(adults, "F21", "A", ax=axes[0])
    plots.instance_grid(children, "G07", "L1", ax=axes[1])
    palette.save(figure, Path("docs/anny_views.png"), dpi=100)


if __name__ == "__main__":
    main()
