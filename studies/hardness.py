"""Is the studio set hard enough? The small network from scratch, with AdamW and all labels.

    python -m studies.hardness

Trains it on the training subjects for each of several lengths, asks the validation subjects, prints
a table and writes it to `studies/results/hardness.csv` and into `data/README.md`. A length counts
as the end where a longer training gains less than a point.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from fermodels import evaluation
from fermodels._shared.workers import in_processes
from fermodels.data import PreparedImages
from fermodels.training import recipes
from studies.people import error_of_mean, write_results
from studies.report import fill
from studies.validation import STUDIO

RESULTS, PAGE = Path("studies/results"), Path("data/README.md")
STEPS = (1500, 3000, 5000)
GAIN = 0.01


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.hardness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=STUDIO)
    parser.add_argument("--steps", type=int, nargs="+", default=list(STEPS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)

    steps = sorted(set(options.steps), reverse=True)
    tasks = ((options.data, number, options.seed) for number in steps)
    rows = []
    for number, row in in_processes(from_scratch, tasks, options.jobs):
        print(f"{steps[number]} steps: {row['all']:.1%}, ±90° {row['profiles']:.1%}", flush=True)
        rows.append(row)
    table = pd.DataFrame(rows).sort_values("steps", ignore_index=True)
    made = {"data": PreparedImages.read(options.data).fingerprint(), "seed": options.seed}
    write_results(options.results / "hardness", table, made)
    fill(options.page, "HARDNESS", text(table))


def from_scratch(data: Path, steps: int, seed: int) -> dict[str, float]:
    """Accuracy 0…1 on the validation subjects after that many steps of 64 images."""
    prepared = PreparedImages.read(data)
    split = prepared.split("subject", seed=0)
    val = split["val"]
    classifier = recipes.finetune(
        prepared,
        split["train"],
        steps=steps,
        seed=seed,
        optimizer="adamw",
        learning_rate=1e-3,
        progress=False,
        accelerator="cpu",
    )
    labels, table = prepared.labels[val], prepared.table.iloc[val]
    predicted = classifier.predict(prepared.images(val))[0]
    accuracy = evaluation.per_view_accuracy(labels, predicted, table["view"].to_numpy())
    return {
        "steps": steps,
        "all": accuracy["all"],
        "standard_error": error_of_mean(predicted == labels, table["subject"]),
        "profiles": accuracy["profiles"],
        "people": table["subject"].nunique(),
    }


def text(table: pd.DataFrame) -> str:
    """In words, for the page on the data."""
    last = table.iloc[end(table)]
    longer = table[table["steps"] > last["steps"]]
    lengths = ", ".join(
        f"{row['all']:.1%} after {row['steps']:,.0f} steps" for _, row in table.iterrows()
    )
    rises = (
        f"longer training gains less than {100 * GAIN:.0f} point"
        if len(longer)
        else "whether it still rises after that was not tried"
    )
    return (
        f"Of the images of {last['people']:.0f} validation people it reads {lengths} (at ±90° "
        f"{last['profiles']:.1%} after {last['steps']:,.0f}; {rises}; one standard error over "
        f"people is {100 * last['standard_error']:.1f} points; `python -m studies.hardness`)."
    )


def end(table: pd.DataFrame) -> int:
    """The first length of which no longer one is better by `GAIN`."""
    score = table["all"].to_numpy()
    return next(i for i in range(len(score)) if score[i:].max() < score[i] + GAIN)


if __name__ == "__main__":
    main()
