"""Expressions of all faces in images and films, as a table with what it was made with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels import __version__
from fermodels._shared.files import replacing
from fermodels._shared.paths import output_file
from fermodels._shared.plain import to_json
from fermodels.experiments.given_media import LeftOut, Medium, check_apart, told

if TYPE_CHECKING:
    import pandas as pd

TRAINED_ON = "rendered faces"
ENDINGS = (".csv", ".parquet")


def caution(trained_on: str = TRAINED_ON) -> str:
    """What predictions do not mean, in one line, for whatever shows them."""
    return (
        f"An estimate of the facial configuration shown, by a model trained on {trained_on}: "
        "not what a person feels, and not for decisions about people."
    )


@dataclass(frozen=True)
class Predictions:
    """What a model says of faces.

    Attributes:
        table: a row a face, and one for each image or frame without a face. Columns: `file`;
            `row` in a prepared file; `frame` and `time` (seconds) in a film; `face_found` (null
            where none was looked for); `face` (1 is the largest of its image; null where none was
            found); its box `x0`, `y0`, `x1`, `y1` in pixels of the upright image, from hair line to
            chin, and the detector's `score`; `expression` and its `probability`; and `p_NAME`, the
            probability of every expression.
        classes: the expressions, in the order of their columns.
        about: the model, its digests, how faces were cropped; in JSON's types.
        left_out: names of files that were not looked at, and why.
        notes: names of films with what was wrong and put right.
        media: the files by their names in the table.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    about: dict[str, Any]
    left_out: Sequence[LeftOut] = ()
    notes: Sequence[LeftOut] = ()
    media: Sequence[Medium] = ()

    @property
    def probabilities(self) -> np.ndarray:
        """float32 (rows, classes); NaN in rows without a face."""
        return self.table[[f"p_{name}" for name in self.classes]].to_numpy(np.float32)

    def summary(self) -> str:
        """How many faces in how many images, and how many had none or were left out."""
        images = self.table.groupby(["file", "row", "frame"], dropna=False)["face"].count()
        empty = int((images == 0).sum())
        faces = int(images.sum())
        text = f"{_counted(faces, 'face')} in {_counted(len(images), 'image or frame')}"
        if empty:
            text += f"; no face found in {empty:,} of them"
        notes = "".join(f"\n{name}: {note}" for name, note in self.notes)
        return f"{text}{told(self.left_out)}{notes}"

    def draw_curve(self, path: str | os.PathLike) -> Path:
        """The probabilities of a film over time as a PNG, of the largest face of each frame.

        Args:
            path: .png; a file of that name is replaced as a whole.

        Raises:
            ValueError: another ending, or the table is not of one film.
            OSError: nothing can be written there.
        """
        import matplotlib as mpl
        from matplotlib.figure import Figure

        from fermodels.plots import probability_curve

        path = check_curve(path)
        kinds = [medium.kind for medium in self.media]
        if kinds != ["film"]:
            raise ValueError(f"{path}: a curve is of one film, not of {', '.join(kinds)}")
        largest = (self.table["face"].fillna(1) == 1).to_numpy(bool)
        with mpl.rc_context({"savefig.dpi": 150}):
            axes = Figure(figsize=(9, 4.6), layout="constrained").subplots()
            probability_curve(
                self.table["time"].to_numpy()[largest],
                self.probabilities[largest],
                self.classes,
                caution=self.about["caution"],
                ax=axes,
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                axes.figure.savefig(temporary, format="png")
        return path

    def write(self, path: str | os.PathLike, command: str | None = None) -> Path:
        """Write the table; a file of that name is replaced as a whole.

        Args:
            path: .csv, or .parquet, which keeps `about` and the caution in its metadata, under
                "fermodels".
            command: what made it, kept beside them.

        Raises:
            ValueError: another ending, or the file is one that was read.
            OSError: nothing can be written there.
        """
        path = check_table(path)
        check_apart(path, self.media)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            if path.suffix == ".csv":
                self.table.to_csv(temporary, index=False, float_format="%.6g")
            else:
                self._write_parquet(temporary, command)
        return path

    def _write_parquet(self, path: Path, command: str | None) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrow = pa.Table.from_pandas(self.table, preserve_index=False)
        about = {"format": "fermodels-predictions", "version": __version__}
        about |= {"classes": self.classes, **self.about}
        about |= {} if command is None else {"command": command}
        metadata = dict(arrow.schema.metadata or {}) | {b"fermodels": to_json(about).encode()}
        pq.write_table(arrow.replace_schema_metadata(metadata), path)


def _counted(number: int, what: str) -> str:
    if number != 1:
        what = " or ".join(f"{word}s" for word in what.split(" or "))
    return f"{number:,} {what}"


def check_table(path: str | os.PathLike) -> Path:
    """The path of a table, looked at before there is one; as :meth:`Predictions.write`."""
    path = output_file(path)
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path}: a table goes into a {' or '.join(ENDINGS)} file")
    return path


def check_curve(path: str | os.PathLike) -> Path:
    """The path of a curve, looked at before there is one; as :meth:`Predictions.draw_curve`."""
    path = output_file(path)
    if path.suffix != ".png":
        raise ValueError(f"{path}: a curve goes into a .png file")
    return path
