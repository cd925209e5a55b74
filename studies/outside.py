"""Faces of another make: what an encoder is worth beyond the renderer that it was trained on.

    python -m studies.outside ENCODER… [--london FILE or FOLDER]

Asks the encoders of some folders, the same networks with new weights, gray pixels and HOG, all by
the same rules (`studies/readings.py`), and never about a person whom something was fitted on:

- on second faces (`data/second_faces.parquet`), whether an image at 45° or 90° finds the frontal
  take of its moment among all frontal images (R@1), the expression by 5 neighbours among all images
  of other people, and by a linear probe in 5 folds over people;
- on London (real photographs, neutral and smiling; `data_prep/README.md` says how to get them), the
  expression by 10 neighbours and by the probe;
- zero-shot: a probe of the labels of Anny Views' training subjects, read on both; on London, among
  all expressions and among these two only.

Accuracies are balanced, standard errors are over people. Writes a row for each number to
`studies/results/outside.csv`, and the confusions of the probes beside it, in `outside.json`.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch

from fermodels import evaluation
from fermodels.data import PreparedImages
from fermodels.evaluation.scores import balanced_accuracy
from studies import readings
from studies.people import error_of_mean, error_over_people, write_results
from studies.representations import Representation, embedding, representations

SECOND = Path("data/second_faces.parquet")
INSIDE = Path("data/anny_views_kdef.parquet")
LONDON = Path("runs/london.parquet")
RESULTS = Path("studies/results")
ANGLES = (45, 90)  # degrees from the front
NEAR = 10  # degrees from an angle that still count
SECOND_NEIGHBOURS, LONDON_NEIGHBOURS = 5, 10
QUICK = 3  # every so many training images make the quick probe


@dataclass(frozen=True)
class Measured:
    """A number in [0, 1] and what it was measured on; `confusion`: shown → read → share."""

    faces: str
    measure: str
    value: float
    standard_error: float
    people: int
    images: int
    confusion: dict[str, dict[str, float]] | None = None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m studies.outside",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("encoders", nargs="+", type=Path, metavar="ENCODER", help="its folder")
    parser.add_argument("--second", type=Path, default=SECOND, help="prepared file")
    parser.add_argument(
        "--london", type=Path, help=f"prepared file, or folder of photographs (default: {LONDON})"
    )
    parser.add_argument("--labels", type=Path, help="of that folder; default: FOLDER.csv beside it")
    parser.add_argument("--inside", type=Path, default=INSIDE, help="labels for zero-shot")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the two files")
    options = parser.parse_args(arguments)
    try:
        methods = representations(options.encoders)
        second, inside = PreparedImages.read(options.second), PreparedImages.read(options.inside)
        london, found = None, {}
        if options.london is not None or LONDON.exists():
            london = read_london(options.london or LONDON, options.labels)
        else:
            print(f"without London: {LONDON} is not there, and --london names no other")
        for name, represent in methods.items():
            found[name] = outside(represent, second, london, inside)
            print(text(name, found[name]), flush=True)
    except (ValueError, OSError, ImportError) as error:
        print(f"outside: {error}", file=sys.stderr)
        return 2
    sets = {"second faces": second, "London": london, "inside": inside}
    data = {name: s.fingerprint() for name, s in sets.items() if s is not None}
    write_results(options.results / "outside", *as_results(found, data))
    return 0


def outside(
    represent: Representation,
    second: PreparedImages | None,
    london: PreparedImages | None,
    inside: PreparedImages | None,
) -> list[Measured]:
    """All numbers of one representation; without a set, those that do not need it.

    The probe of zero-shot is fitted on the training subjects of `inside` (by
    `split("subject", seed=0)`).

    Raises:
        ValueError: second faces without the views that are asked for, or London without one of its
            two expressions.
    """
    probe, numbers = None, []
    if inside is not None:
        rows = inside.split("subject", seed=0)["train"]
        probe = inside_probe(represent, inside, rows[inside.labels[rows] >= 0])
    if second is not None:
        numbers += on_second(represent(second.images()), second, probe)
    if london is not None:
        numbers += on_london(represent(london.images()), london, probe)
    return numbers


def outside_scores(
    encoder: torch.nn.Module,
    second: PreparedImages | None = None,
    london: PreparedImages | None = None,
    inside: PreparedImages | None = None,
) -> dict[str, float]:
    """The quick part, for validation during a training: seconds on one core.

    Retrieval and neighbours as in :func:`outside`. With `inside`, all of whose people may be fitted
    on, zero-shot too, by a probe of fixed penalty on a third of its images.

    Args:
        encoder: maps images (N, 3, H, W) to (N, feature_dim).
        second, london, inside: what is None is left out.

    Returns:
        By name, each in [0, 1], such as "second R@1, 45°" and "London, 10 neighbours".

    Raises:
        ValueError: the encoder has no `feature_dim`; else as `outside`.
    """
    represent, scores = embedding(encoder), {}
    probe = None
    if inside is not None and not (second is None and london is None):
        rows = np.flatnonzero(inside.labels >= 0)[::QUICK]
        x = represent(inside.images(rows))
        probe = evaluation.fit_linear_probe(x, labels_of(inside)[rows])
    if second is not None:
        x = represent(second.images())
        numbers = [*retrievals(x, second), *neighbours_at_angles(x, second)]
        numbers += [] if probe is None else zero_shot_on_second(x, second, probe)[:1]
        scores |= {f"second {m.measure}": m.value for m in numbers}
    if london is not None:
        x = represent(london.images())
        numbers = [london_neighbours(x, london)]
        numbers += [] if probe is None else zero_shot_on_london(x, london, probe)
        scores |= {f"London {m.measure}": m.value for m in numbers}
    return scores


def inside_probe(represent: Representation, inside: PreparedImages, rows: np.ndarray):
    """A probe of the labels of rows of our own faces."""
    x = represent(inside.images(rows))
    return readings.fit_probe(x, labels_of(inside)[rows], inside.subject_ids[rows])


def on_second(x: np.ndarray, second: PreparedImages, probe=None) -> list[Measured]:
    """All numbers on second faces, features (N, D) of their images."""
    labels = labels_of(second)
    read = readings.by_probe(x, labels, second.subject_ids)
    numbers = [*retrievals(x, second), *neighbours_at_angles(x, second)]
    numbers += at_angles("linear probe", read, second)
    return numbers + ([] if probe is None else zero_shot_on_second(x, second, probe))


def on_london(x: np.ndarray, london: PreparedImages, probe=None) -> list[Measured]:
    """All numbers on London, features (N, D) of its images."""
    read = readings.by_probe(x, labels_of(london), london.subject_ids)
    numbers = [london_neighbours(x, london), _accuracy("London", "linear probe", read, london)]
    return numbers + ([] if probe is None else zero_shot_on_london(x, london, probe))


def retrievals(x: np.ndarray, second: PreparedImages) -> list[Measured]:
    """R@1 of the frontal take of the same moment, at each angle."""
    frontal = rows_at(second, 0)
    instances, numbers = second.table["instance"].to_numpy(dtype=object), []
    for angle in ANGLES:
        rows = rows_at(second, angle)
        hits = readings.retrieval_hits(x, instances, rows, frontal)
        people = second.subject_ids[rows]
        numbers.append(
            Measured("second faces", f"R@1, {angle}°", float(hits.mean()),
                     error_of_mean(hits, people), len(set(people)), len(rows))
        )  # fmt: skip
    return numbers


def neighbours_at_angles(x: np.ndarray, second: PreparedImages) -> list[Measured]:
    """The expression by neighbours among all images of other people, at each angle."""
    labels, k, numbers = labels_of(second), SECOND_NEIGHBOURS, []
    for angle in ANGLES:
        rows = rows_at(second, angle)
        read = readings.by_neighbours(x, labels, second.subject_ids, k, rows)
        measure = f"{k} neighbours, {angle}°"
        numbers.append(_accuracy("second faces", measure, read, second, rows))
    return numbers


def at_angles(measure: str, read: np.ndarray, second: PreparedImages) -> list[Measured]:
    """How well all images, and those at each angle, were read: `read` has a label for each."""
    number = _accuracy("second faces", measure, read, second, confused=True)
    rows = {angle: rows_at(second, angle) for angle in ANGLES}
    return [number] + [
        _accuracy("second faces", f"{measure}, {angle}°", read[r], second, r)
        for angle, r in rows.items()
    ]


def zero_shot_on_second(x: np.ndarray, second: PreparedImages, probe) -> list[Measured]:
    return at_angles("zero-shot", probe.predict(np.asarray(x, np.float64)), second)


def london_neighbours(x: np.ndarray, london: PreparedImages) -> Measured:
    k = LONDON_NEIGHBOURS
    read = readings.by_neighbours(x, labels_of(london), london.subject_ids, k)
    return _accuracy("London", f"{k} neighbours", read, london)


def zero_shot_on_london(x: np.ndarray, london: PreparedImages, probe) -> list[Measured]:
    """Among the expressions that London shows only, then among all that the probe knows."""
    shown = sorted(set(labels_of(london)))
    classes = probe.classes_.tolist()
    if missing := set(shown) - set(classes):
        raise ValueError(f"the probe of our own faces does not know {', '.join(sorted(missing))}")
    scores = probe.predict_log_proba(np.asarray(x, np.float64))  # (N, classes)
    few = np.array(shown, dtype=object)[scores[:, [classes.index(s) for s in shown]].argmax(1)]
    every = probe.classes_[scores.argmax(1)]
    return [
        _accuracy("London", f"zero-shot, of {len(shown)}", few, london),
        _accuracy("London", f"zero-shot, of {len(classes)}", every, london, confused=True),
    ]


def _accuracy(
    faces: str,
    measure: str,
    read: np.ndarray,
    prepared: PreparedImages,
    rows: np.ndarray | None = None,
    confused: bool = False,
) -> Measured:
    """The balanced accuracy of what `rows` (default: all) were read as."""
    rows = np.arange(len(prepared)) if rows is None else rows
    shown, people = labels_of(prepared)[rows].astype(str), prepared.subject_ids[rows]
    read = np.asarray(read).astype(str)
    table = None
    if confused:
        names = sorted({*shown, *read})
        table = evaluation.confusion(shown, read, names).dropna().to_dict("index")
    value, error = balanced_accuracy(shown, read), error_over_people(shown, read, people)
    return Measured(faces, measure, value, error, len(set(people)), len(rows), table)


def labels_of(prepared: PreparedImages) -> np.ndarray:
    """Names of the expressions (N,); "" where an image is unlabelled."""
    return np.array([*prepared.expressions, ""], dtype=object)[prepared.labels]


def rows_at(second: PreparedImages, angle: float) -> np.ndarray:
    """Rows whose camera stands at an angle from the front, to the left or to the right.

    Raises:
        ValueError: there is none.
    """
    yaw = second.table["yaw"].to_numpy(dtype=float)
    rows = np.flatnonzero(np.abs(np.abs(yaw) - angle) <= NEAR)
    if len(rows) == 0:
        raise ValueError(
            f"{second.source}: no image at {angle}°. Second faces are asked from the front and at "
            f"{' and '.join(map(str, ANGLES))}°"
        )
    return rows


def read_london(path: Path, labels: Path | None = None) -> PreparedImages:
    """London from a prepared file, or from its folder by the ordinary importer with face crops.

    Raises:
        FileNotFoundError: there is no such file, or no table of labels for the folder.
        ValueError: the importer finds nothing, or the labels are not those of two expressions.
    """
    with warnings.catch_warnings():
        # Nobody trains on it, so one view is enough.
        warnings.filterwarnings("ignore", message=".*one view only")
        london = _imported(path, labels) if path.is_dir() else PreparedImages.read(path)
    shown = set(labels_of(london))
    if shown != {"happy", "neutral"}:
        raise ValueError(
            f"{path} shows {', '.join(name or 'unlabelled' for name in sorted(shown))}: London "
            "shows happy and neutral faces"
        )
    return london


def _imported(path: Path, labels: Path | None) -> PreparedImages:
    from data_prep.__main__ import main as data_prep

    labels = path.with_suffix(".csv") if labels is None else labels
    if not labels.is_file():
        raise FileNotFoundError(
            f"{labels}: no such table of labels for {path}. Give it with --labels (columns file, "
            "subject, expression, view), or import the folder yourself and give the prepared file"
        )
    with TemporaryDirectory() as folder:
        out = Path(folder) / "london.parquet"
        options = ["--labels", str(labels), "--name", "london", "--jobs", "1"]
        if data_prep(["image-folder", str(path), str(out), *options]):
            raise ValueError(f"{path} could not be imported")
        return PreparedImages.read(out, in_memory=True)


def as_results(found: dict[str, Sequence[Measured]], data: dict[str, str]):
    """The table and the details that are written."""
    rows, confusions = [], {}
    for method, numbers in found.items():
        for number in numbers:
            row = {"method": method, **asdict(number)}
            if confusion := row.pop("confusion"):
                confusions.setdefault(method, {})[f"{number.faces}, {number.measure}"] = confusion
            rows.append(row)
    return pd.DataFrame(rows), {"data": data, "confusions": confusions}


def text(method: str, numbers: Sequence[Measured]) -> str:
    """The numbers of one method, a line each, with its confusion on London."""
    lines = [method]
    for n in numbers:
        lines.append(f"  {n.faces + ', ' + n.measure:<36}{n.value:.3f} ± {n.standard_error:.3f}")
        if n.confusion and n.faces == "London":
            for shown, read in n.confusion.items():
                parts = sorted(read.items(), key=lambda item: -item[1])
                said = ", ".join(f"{name} {share:.0%}" for name, share in parts if share >= 0.005)
                lines.append(f"    {shown} read as {said}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
