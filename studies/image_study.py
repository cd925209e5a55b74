"""The image study: every method with its chosen settings, asked about test people and outside.

    python -m studies.study_pretrain      three pre-trainings of each method
    python -m studies.search              settings of the fine-tunings, on validation people
    python -m studies.image_study

Fine-tunes every method with five draws of the labelled people and, with all labels, three seeds;
the pre-trainings take turns. Beside it linear probes on the frozen encoders and on HOG, whose
penalty is chosen across the labelled people (`studies/readings.py`). Each is asked what it takes
the images of the test people for and, with all labels, those of second faces and of London.
Written to `studied.parquet` in the folder of results: a row an image, method, share of labels and
draw, with whom the image shows, from where, what it was taken for, and the settings. Finished ones
are kept, so an interrupted study goes on where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from fermodels import evaluation
from fermodels._shared.files import replacing
from fermodels._shared.workers import in_processes
from fermodels.data import PreparedImages
from fermodels.models import ImageEncoder
from studies import readings
from studies.outside import labels_of, read_london
from studies.pretrain import RESULTS
from studies.representations import embedding, gradients
from studies.search import Settings, chosen, fine_tuned
from studies.study_methods import FRACTIONS, METHODS, PRETRAININGS, STUDY, Method, read, start_of
from studies.validation import LONDON, SECOND

if TYPE_CHECKING:
    from fermodels.methods import ImageFineTuning

DRAWS = 5  # of the labelled people; with all labels there is nothing to draw
HOG, PROBE = "HOG, probe", ", probe"
INSIDE = "inside"  # the test people of the set itself
NONE = Settings(0, 0.0, "")  # of a probe, which has nothing to train


class Run(NamedTuple):
    """One row of the study: a method, fine-tuned or probed, with a share of labels and a draw."""

    method: str
    fraction: float
    draw: int

    @property
    def stem(self) -> str:
        return f"{self.method.replace(', ', '-').replace(' ', '_')}-{self.fraction:g}-{self.draw}"

    @property
    def base(self) -> Method | None:
        """What is trained or probed; None for HOG."""
        return METHODS.get(self.method.removesuffix(PROBE))


def runs(methods: list[str]) -> Iterator[Run]:
    """All of the study, draw by draw, the longest first."""
    for draw in range(DRAWS):
        for fraction in FRACTIONS:
            for name in methods:
                base = METHODS.get(name.removesuffix(PROBE))
                asked = base is None or fraction in base.fractions
                if asked and draw < draws(name, fraction):
                    yield Run(name, fraction, draw)


def draws(name: str, fraction: float) -> int:
    """How often a method is asked: a probe of all labels on the one encoder has nothing to draw."""
    if fraction < 1:
        return DRAWS
    base = METHODS.get(name.removesuffix(PROBE))
    alone = name.endswith(PROBE) and (base is None or base.shipped is not None)
    return 1 if alone else PRETRAININGS


def all_methods() -> list[str]:
    probed = [name + PROBE for name, method in METHODS.items() if method.key != "scratch"]
    return [*METHODS, *probed, HOG]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.image_study",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="data/anny_views_kdef.parquet")
    parser.add_argument("--second", type=Path, default=SECOND)
    parser.add_argument("--london", type=Path, default=LONDON,
                        help="file or folder; left out if not there")  # fmt: skip
    parser.add_argument("--encoders", type=Path, default=STUDY,
                        help="pre-trainings, and what is finished of the study")  # fmt: skip
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--settings", type=Path,
                        help="the search's table; default: search.csv in --results")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--methods", nargs="+", choices=all_methods(), default=all_methods())
    parser.add_argument(
        "--fractions", nargs="+", type=float, choices=FRACTIONS, default=list(FRACTIONS)
    )
    options = parser.parse_args()

    tried = pd.read_csv(options.settings or options.results / "search.csv")
    folder = options.encoders / "studied"
    folder.mkdir(parents=True, exist_ok=True)
    options.results.mkdir(parents=True, exist_ok=True)
    outside = [path for path in (options.second, options.london) if path.exists()]
    todo = [run for run in runs(options.methods) if run.fraction in options.fractions]
    tasks = (
        (options.data, outside, options.encoders, run, settings_of(run, tried), folder)
        for run in todo
    )
    for count, (number, accuracy) in enumerate(in_processes(one, tasks, options.jobs), 1):
        method, fraction, draw = todo[number]
        print(f"{count}/{len(todo)} {method}, {fraction:.0%}, {draw}: {accuracy:.1%}", flush=True)
    parts = [pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    studied = pd.concat(parts, ignore_index=True)
    studied.to_parquet(options.results / "studied.parquet", index=False, compression="zstd")


def settings_of(run: Run, tried: pd.DataFrame) -> Settings | None:
    """What the search has chosen; None for a probe.

    Raises:
        ValueError: nothing was searched for this method and share of labels.
    """
    if run.method not in METHODS:
        return None
    own = tried[(tried["method"] == run.method) & np.isclose(tried["fraction"], run.fraction)]
    if len(own) == 0:
        raise ValueError(
            f"no settings for {run.method} with {run.fraction:.0%} of the labels: run "
            "`python -m studies.search` first"
        )
    return chosen(own)


def one(
    data: str,
    outside: list[Path],
    encoders: Path,
    run: Run,
    settings: Settings | None,
    folder: Path,
) -> float:
    """What one run takes the images for, as a file; returns its accuracy on the test people."""
    prepared, path = read(data), folder / f"{run.stem}.parquet"
    split = prepared.split("subject", seed=0)
    if not path.exists() or settings_in(path) != settings:
        rows = evaluation.label_fraction(prepared, split["train"], run.fraction, run.draw)
        start = run.base and start_of(run.base, encoders, run.draw)
        if settings is None:
            predict = _probe(prepared, rows, start)
        else:
            predict = _classifier(fine_tuned(prepared, rows, start, settings, run.draw))
        asked = [(INSIDE, prepared, split["test"])]
        for other in outside if run.fraction == 1 else ():
            asked.append((other.stem, _set(other), np.arange(len(_set(other)))))
        classes = np.array(prepared.expressions)
        tables = []
        for faces, images, asked_rows in asked:
            shares = predict(images.images(asked_rows))  # (N, classes)
            shown = np.isin(classes, images.table["expression"])
            made = run._asdict() | (settings or NONE)._asdict()
            table = pd.DataFrame(made, index=range(len(asked_rows)))
            table["faces"], table["index"] = faces, asked_rows
            for column in ("subject", "view", "yaw"):
                table[column] = images.table[column].to_numpy()[asked_rows]
            table["shown"] = labels_of(images)[asked_rows]
            table["predicted"] = classes[shares.argmax(1)]
            table["predicted_of_shown"] = classes[np.where(shown, shares, -1).argmax(1)]
            tables.append(table)
        with replacing(path) as temporary:
            pd.concat(tables).to_parquet(temporary, index=False)
    table = pd.read_parquet(path).query("faces == 'inside'")
    return float((table["shown"] == table["predicted"]).mean())


def settings_in(path: Path) -> Settings | None:
    """With which a finished run was made; None for a probe."""
    row = pd.read_parquet(path, columns=list(Settings._fields)).iloc[0]
    settings = Settings(int(row["steps"]), float(row["learning_rate"]), row["augment"])
    return None if settings == NONE else settings


def _classifier(classifier: ImageFineTuning):
    """Probabilities by a fine-tuned classifier."""
    return lambda images: classifier.predict(images)[1]


def _probe(prepared: PreparedImages, rows: np.ndarray, start: Path | None):
    """Probabilities by a linear probe on a frozen encoder, on HOG where there is none to load."""
    represent = gradients if start is None else embedding(ImageEncoder.from_pretrained(start))
    x = represent(prepared.images(rows))
    probe = readings.fit_probe(x, prepared.labels[rows], prepared.subject_ids[rows])

    def predict(images: np.ndarray) -> np.ndarray:
        shares = np.zeros((len(images), len(prepared.expressions)))
        shares[:, probe.classes_] = probe.predict_proba(np.asarray(represent(images), np.float64))
        return shares

    return predict


@lru_cache
def _set(path: Path) -> PreparedImages:
    """A set that is only asked about, read once a process; a folder is London's."""
    return read_london(path) if path.is_dir() else PreparedImages.read(path)


if __name__ == "__main__":
    main()
