"""Settings of the study's fine-tunings, by one rule for every method, on validation people.

    python -m studies.search

For each method and share of labels: lengths of 250, 500, 1,000 … steps, each a whole cycle of the
learning rate, until two doublings in a row bring less than a point; with the length that is kept
(the shortest within a point of the best), another learning rate, and then another augmentation;
with what is kept then, the length is doubled on for as long as a doubling brings a point. Then a
look further: at least 3,000 steps longer, and 4,000 steps with the higher rate and either
augmentation; if that brings a point, the search goes on from there. Labels are drawn by a seed
that the study does not use, the pre-trained encoders are those of seed 0, and the test people are
never asked. All that was tried goes to `search.csv` in the folder of results. What was tried is
kept, so an interrupted search goes on where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from fermodels import evaluation
from fermodels._shared.files import replacing
from fermodels._shared.workers import in_processes
from fermodels.data import Augment, PreparedImages
from fermodels.models import ImageEncoder
from fermodels.training import recipes
from fermodels.training.hardware import fast_precision
from studies.pretrain import RESULTS
from studies.study_methods import FRACTIONS, METHODS, STUDY, read, start_of

SEED = 100  # of the labels that settings are chosen with
LENGTHS = (250, 500, 1000, 2000, 4000)
RATES = (3e-3, 1e-2)
AUGMENTS = {"mild": Augment.mild, "standard": Augment}
GAIN = 0.01
PATIENCE = 3_000  # steps
LONGEST = 16_000  # steps


class Settings(NamedTuple):
    """Of a fine-tuning: steps, peak of the learning rate, augmentation."""

    steps: int = LENGTHS[0]
    learning_rate: float = RATES[0]
    augment: str = "mild"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="data/anny_views_kdef.parquet")
    parser.add_argument("--encoders", type=Path, default=STUDY,
                        help="pre-trainings, and what is finished of the search")  # fmt: skip
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument(
        "--fractions", nargs="+", type=float, choices=FRACTIONS, default=list(FRACTIONS)
    )
    options = parser.parse_args()

    folder = options.encoders / "search"
    folder.mkdir(parents=True, exist_ok=True)
    options.results.mkdir(parents=True, exist_ok=True)
    cells = [
        (m, f) for f in options.fractions for m in options.methods if f in METHODS[m].fractions
    ]
    tasks = ((options.data, options.encoders, m, f, folder) for m, f in cells)
    for number, tried in in_processes(search, tasks, options.jobs):
        method, fraction = cells[number]
        best = chosen(tried)
        print(f"{method}, {fraction:.0%}: {best}, {tried['accuracy'].max():.1%}", flush=True)
    parts = [pd.read_csv(path) for path in sorted(folder.glob("*.csv"))]
    pd.concat(parts).to_csv(options.results / "search.csv", index=False, float_format="%.5g")


def search(data: str, encoders: Path, method: str, fraction: float, folder: Path) -> pd.DataFrame:
    """All that was tried for a method and share of labels: a row each, with its accuracy."""
    path = folder / f"{METHODS[method].key}-{fraction:g}.csv"
    known = tried_before(path)
    prepared = read(data)
    split = prepared.split("subject", seed=0)
    rows = evaluation.label_fraction(prepared, split["train"], fraction, SEED)
    start = start_of(METHODS[method], encoders, seed=0)

    def table(tried: Iterable[tuple[Settings, float]]) -> pd.DataFrame:
        cell = {"method": method, "fraction": fraction}
        return pd.DataFrame([cell | s._asdict() | {"accuracy": found} for s, found in tried])

    def accuracy(settings: Settings) -> float:
        if settings not in known:
            classifier = fine_tuned(prepared, rows, start, settings, SEED)
            predicted = classifier.predict(prepared.images(split["val"]))[0]
            right = predicted == prepared.labels[split["val"]]
            known[settings] = round(float(right.mean()), 5)  # as the table has it
            with replacing(path) as temporary:
                table(known.items()).to_csv(temporary, index=False)
        return known[settings]

    return table(walk(accuracy))


def tried_before(path: Path) -> dict[Settings, float]:
    """What is finished of a search."""
    return rows_of(pd.read_csv(path)) if path.exists() else {}


def rows_of(tried: pd.DataFrame) -> dict[Settings, float]:
    """Settings and their accuracy, from a table."""
    return {
        Settings(int(row.steps), float(row.learning_rate), row.augment): float(row.accuracy)
        for row in tried.itertuples()
    }


def walk(accuracy: Callable[[Settings], float]) -> list[tuple[Settings, float]]:
    """The rule: what is tried, in order, and what came of it.

    Args:
        accuracy: of settings, on validation people, 0…1.
    """
    found: dict[Settings, float] = {}

    def ask(settings: Settings) -> float:
        if settings not in found:
            found[settings] = accuracy(settings)
        return found[settings]

    def best() -> Settings:
        return kept(list(found), list(found.values()))

    without_gain = 0
    for steps in LENGTHS:
        before = max(found.values(), default=0.0)
        without_gain = 0 if ask(Settings(steps)) >= before + GAIN else without_gain + 1
        if without_gain == 2:
            break
    gained = True
    while gained:
        length = best().steps
        for rate in RATES:
            ask(best()._replace(steps=length, learning_rate=rate))
        for augment in AUGMENTS:
            ask(best()._replace(steps=length, augment=augment))
        settings = best()
        while settings.steps < LONGEST:
            before, settings = found[settings], settings._replace(steps=2 * settings.steps)
            if ask(settings) < before + GAIN:
                break
        before = max(found.values())
        gained = max(map(ask, further(best()))) >= before + GAIN
    return list(found.items())


def further(settings: Settings) -> list[Settings]:
    """Where to look once more, so that no method is stopped by a plateau.

    At least `PATIENCE` steps longer with the same, and `LENGTHS[-1]` steps with the highest rate
    and every augmentation, which short trainings never choose.
    """
    steps = settings.steps
    while steps < min(settings.steps + PATIENCE, LONGEST):
        steps *= 2
    return [
        settings._replace(steps=steps),
        *(Settings(LENGTHS[-1], max(RATES), augment) for augment in AUGMENTS),
    ]


def kept(tried: list[Settings], accuracy: list[float]) -> Settings:
    """Of the settings within a point of the best, the shortest; of those, the best."""
    pairs = zip(tried, accuracy, strict=True)
    enough = [(s, found) for s, found in pairs if found >= max(accuracy) - GAIN]
    return min(enough, key=lambda pair: (pair[0].steps, -pair[1]))[0]


def chosen(tried: pd.DataFrame) -> Settings:
    """The settings of a method and share of labels, from what was tried."""
    found = rows_of(tried)
    return kept(list(found), list(found.values()))


def asked_next(tried: pd.DataFrame) -> Settings | None:
    """What the rule would try next for a method and share of labels; None at its end."""
    try:
        walk(rows_of(tried).__getitem__)
    except KeyError as missing:
        return missing.args[0]
    return None


def fine_tuned(
    prepared: PreparedImages, rows, start: Path | None, settings: Settings, seed: int
) -> Any:
    """A classifier, fine-tuned from an encoder's folder; from new weights without."""
    encoder = start and ImageEncoder.from_pretrained(start)
    return recipes.finetune(
        prepared,
        rows,
        encoder=encoder,
        steps=settings.steps,
        seed=seed,
        optimizer="muon",
        learning_rate=settings.learning_rate,
        encoder_learning_rate=settings.learning_rate,
        augment=AUGMENTS[settings.augment](48 if encoder is None else encoder.image_size),
        precision=fast_precision("cpu"),
        accelerator="cpu",
        progress=False,
    )


if __name__ == "__main__":
    main()
