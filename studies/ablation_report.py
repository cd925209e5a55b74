"""Writes the ablation into the model card of CL-MEx, as a table and a figure.

    python -m studies.ablation_report

Every number comes from `weights/clmex-anny-views/ablation/`; nothing is typed in.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

from fermodels import plots
from fermodels.course import ablation
from studies.ablation import RESULTS, SHIPPED
from studies.report import fill
from tools import palette

CARD = SHIPPED / "README.md"
PICTURE = RESULTS / "ablation.png"
READ = ("probe/all", "finetuned/all")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    runs = ablation.read(RESULTS)
    draw(runs, PICTURE)
    fill(CARD, "ABLATION", text(runs, protocol(RESULTS)))


def protocol(results: Path) -> dict:
    """The protocol of the stored runs.

    Raises:
        ValueError: they were made with more than one, and cannot be compared.
    """
    found = {
        json.dumps(json.loads(path.read_text())["made"]["protocol"], sort_keys=True)
        for path in results.glob("*-seed*.json")
    }
    if len(found) != 1:
        raise ValueError(f"{results} holds runs of {len(found)} protocols: run the ablation again")
    return json.loads(found.pop())


def draw(runs: pd.DataFrame, path: Path) -> None:
    plots.use_style()
    axes = ablation.figure(runs)
    palette.save(axes[0].figure, path, dpi=110)


def text(runs: pd.DataFrame, made: dict) -> str:
    others = ""
    if (runs["factor"] == "from scratch").any():
        seen = made["from_scratch"]["images_seen"]
        others = (
            f"Networks of another kind start from scratch, with {seen:,} images; they are to be "
            "compared with each other. "
        )
    metrics = (*READ, *ablation.outside(runs))
    labels = ablation.METRICS | ablation.outside(runs)
    spread = [f"{100 * ablation.noise(runs, m):.1f} ({labels[m]})" for m in metrics]
    repeated = ablation.changes(runs).groupby("setting").size().gt(1).sum()
    lines = [
        "## What moves the learner",
        "",
        f"One change at a time. Every run goes on from `{made['start']}`, the shipped encoder "
        f"earlier in its training, for {made['images_seen']:,} images without labels (reference: "
        "all people of the wide pool, "
        f"augmentation `{made.get('augment', 'default')}`, learning rate up to "
        f"{made['learning_rate']:g}, {made['groups_per_batch']} sessions to a batch), then "
        f"answers a linear probe and a fine-tuning of {made['finetune_steps']} steps with labels "
        f"of {made['labelled']:.0%} of the training subjects, unless its name says otherwise. "
        f"{others}The yardsticks are asked without such a cycle: the encoder that all start from, "
        "the shipped ones, and new weights. All numbers are in %. Probe and fine-tuning are of the "
        f"validation subjects; the test subjects were not asked. {from_outside(runs)}",
        "",
        f"![Accuracy of every setting against the reference]({PICTURE.relative_to(SHIPPED)})",
        "",
        "Small dots are runs, marks their means with one standard error, the blue line is the "
        "reference; hollow marks saw labels in pre-training.",
        "",
        markdown(ablation.table(runs)),
        "",
        "Noise: one run differs from the next seed by a standard deviation, in points, of "
        f"{', '.join(spread)}, pooled over {repeated} settings with two seeds or more; the luck of "
        f"the encoder that all start from is not in it. {clear(runs, metrics)} Made by "
        "`python -m studies.ablation`, written here by `python -m studies.ablation_report`.",
    ]
    return "\n".join(lines)


def from_outside(runs: pd.DataFrame) -> str:
    """What the columns from outside are, and how far inside numbers tell them."""
    names = ablation.outside(runs)
    if not names:
        return ""
    ranks = {name: ablation.agreement(runs, "probe/all", column) for column, name in names.items()}
    listed = ", ".join(f"{value:+.2f} with {name}" for name, value in ranks.items())
    return (
        "The columns after them are of faces of another make (`python -m studies.outside`). The "
        f"linear probe inside ranks the settings as they do to a correlation of {listed}."
    )


def clear(runs: pd.DataFrame, metrics: tuple[str, ...] = READ) -> str:
    """Which differences from the reference are larger than noise explains."""
    labels = ablation.METRICS | ablation.outside(runs)
    parts = []
    for metric in metrics:
        found = ablation.differences(runs, metric)
        found = found[found["clear"]]
        names = [f"{name} ({100 * row['difference']:+.1f})" for name, row in found.iterrows()]
        parts.append(f"{labels[metric]}: {', '.join(names) if names else 'none'}")
    return (
        "Differences from the reference, in points, that are clear of it even when all settings "
        f"are looked at together (5 %, Bonferroni) — {'; '.join(parts)}."
    )


def markdown(table: pd.DataFrame) -> str:
    lines = ["| | " + " | ".join(table) + " |", "|---|" + "---|" * len(table.columns)]
    for name, row in table.iterrows():
        cells = [f"{row['runs']:.0f}", *(f"{value:.1f}" for value in row.iloc[1:])]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
