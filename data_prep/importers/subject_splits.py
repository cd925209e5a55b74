"""Splits of KDEF's 70 people, as files that can be cited: `data_prep/splits/kdef_*.csv`.

KDEF has no official split. These are dealt out by `PreparedTable.split` with seed 0 and as many
women as men in each part, as well as it goes. `kdef_holdout.csv` is therefore what
`prepared.split()` gives for KDEF and for the course's rendered faces in KDEF's shape, whose people
have the same names. ``python -m data_prep.importers.subject_splits`` writes both files anew.
"""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path

import numpy as np

from fermodels.data import PreparedImages, encode_image

FOLDER = Path(__file__).parents[1] / "splits"
KDEF_SUBJECTS = tuple(f"{gender}{number:02d}" for gender in "FM" for number in range(1, 36))
FOLDS = 10


def read_split(name: str) -> dict[str, str]:
    """Subject → part, from `data_prep/splits/<name>.csv`."""
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return {subject: part for subject, part in list(csv.reader(file))[1:]}


def make_kdef_splits() -> dict[str, str]:
    """File name → its content, made from nothing but the names of the subjects."""
    people = _people()
    folds = people.split("subject", {str(fold): 1 / FOLDS for fold in range(FOLDS)})
    return {
        "kdef_10fold.csv": _text("fold", people, folds),
        "kdef_holdout.csv": _text("split", people, people.split("subject")),
    }


def _people() -> PreparedImages:
    """One row a subject, since whole people are dealt out."""
    import pandas as pd

    dot = encode_image(np.zeros((1, 1, 3), np.uint8), "PNG")
    rows = [
        {
            **{"image": dot, "subject": name, "expression": "neutral", "view": "straight"},
            **{"yaw": 0.0, "pitch": 0.0, "session": "A", "instance": name, "gender": name[0]},
        }
        for name in KDEF_SUBJECTS
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is one view only
        return PreparedImages(pd.DataFrame(rows), {"name": "kdef"})


def _text(column: str, people: PreparedImages, parts: dict[str, np.ndarray]) -> str:
    part_of = {
        subject: part for part, rows in parts.items() for subject in people.table["subject"][rows]
    }
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["subject", column])
    writer.writerows((subject, part_of[subject]) for subject in KDEF_SUBJECTS)
    return buffer.getvalue()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in make_kdef_splits().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
