"""How far is a found face turned? Fits `fermodels.crops.head_yaw` and measures it.

    python -m studies.head_yaw

Renders people of the wide world before cameras of many kinds, finds their faces, and fits the two
weights of `fermodels/crops/pose.py`, which it prints. Other people judge them: more of the same
world, a film of a turning head, the test people of `data/anny_views_kdef.parquet`, and outside the
faces of another make in `data/second_faces.parquet`. Errors are written to
`studies/results/head_yaw.csv` and `head_yaw.json`. What is found is kept in `runs/head_yaw`, so it
can be stopped and started again; a few minutes of one core.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.synthetic.turning_head import Film, frames, truth
from fermodels._shared.files import replacing
from fermodels._shared.paths import given_path, output_folder
from fermodels.crops.pose import WEIGHTS, yaw_features
from fermodels.crops.yunet import FaceFinder, face_finder
from fermodels.data import PreparedImages
from fermodels.faces import (
    WIDE,
    Difficulty,
    FaceRenderer,
    sample_blend,
    sample_person,
    sample_session,
    sample_take,
)
from studies.people import write_results
from studies.validation import SECOND, STUDIO

RESULTS, KEPT = Path("studies/results"), Path("runs/head_yaw")
# Faces as a camera on a desk has them: smaller than in crops, with more roll and pitch.
WORLD = replace(WIDE, zoom=(1.5, 2.6), roll=8.0, pitch=8.0, occluded=0.0)
PEOPLE = Difficulty(
    intensity=(0.6, 1.1), unit_spread=0.25, style_spread=0.2, resting_spread=0.07,
    asymmetry=0.15, pose=(3.0, 3.0, 2.0),
)  # fmt: skip
EXPRESSIONS = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")
TRAINING, JUDGING = range(60), range(1000, 1012)  # numbers of people
VIEWS, SIZE = 8, 160
FILM = Film(person=100, fps=5.0)
EVERY = 4  # image of the prepared files
STREAM = 20  # of random numbers
PENALTY = 1.0  # of the ridge, an image
MOST = 95.0  # degrees of yaw in the fit; the back of a head has no face
BINS = (0, 15, 30, 45, 60, 75, 91)
MARKS = [f"{axis}{place}" for place in range(5) for axis in "xy"]

Seen = tuple[object, float, np.ndarray]  # who, true yaw, image


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m studies.head_yaw",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--results", type=given_path, default=RESULTS)
    parser.add_argument("--kept", type=given_path, default=KEPT, help="where found faces are kept")
    options = parser.parse_args(arguments)
    try:
        kept = output_folder(options.kept)
        kept.mkdir(parents=True, exist_ok=True)
        weights = fit(found(kept / "training.parquet", lambda: rendered(TRAINING)))
        sets = {
            "other people": lambda: rendered(JUDGING),
            "film": filmed,
            "studio": lambda: of_file(STUDIO, "test"),
            "second faces": lambda: of_file(SECOND),
        }
        rows = []
        for name, images in sets.items():
            faces = found(kept / f"{name.replace(' ', '_')}.parquet", images)
            rows += errors(name, faces, weights)
    except (ValueError, OSError, ImportError) as error:
        print(f"head_yaw: {error}", file=sys.stderr)
        return 2
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="%.2f"))
    print(f"WEIGHTS = ({', '.join(f'{weight:.3f}' for weight in weights)})")
    if not np.allclose(weights, WEIGHTS, atol=0.002):
        print(f"fermodels/crops/pose.py has {WEIGHTS}: write the new ones there")
    details = {"weights": weights.tolist(), "finder": face_finder().name}
    write_results(options.results / "head_yaw", table, details)
    return 0


def found(path: Path, images: Callable[[], Iterator[Seen]]) -> pd.DataFrame:
    """The largest face in each image: `person`, `yaw`, and x and y of five landmarks.

    Landmarks are NaN where no face is found. Read from `path` if they are there, else written.
    """
    if path.exists():
        return pd.read_parquet(path)
    finder: FaceFinder = face_finder()
    rows = []
    for person, yaw, image in images():
        faces = finder.faces(image, most=1)
        marks = faces[0].landmarks.ravel() if faces else np.full(10, np.nan)
        rows.append([str(person), float(yaw), *marks])
    table = pd.DataFrame(rows, columns=["person", "yaw", *MARKS])
    with replacing(path) as temporary:
        table.to_parquet(temporary)
    return table


def rendered(people: range) -> Iterator[Seen]:
    """Two moments of each person, by eight cameras of their own at any angle."""
    renderer = FaceRenderer(SIZE)
    for number in people:
        rng = np.random.default_rng([STREAM, number])
        gender = ("female", "male")[number % 2]
        person = sample_person(rng, gender, float(rng.uniform(14, 80)), WORLD, PEOPLE)
        session = sample_session(rng, person, WORLD, VIEWS)
        shown = EXPRESSIONS[rng.integers(len(EXPRESSIONS))]
        takes = (sample_take(rng, person, shown, PEOPLE), sample_blend(rng, person, PEOPLE))
        for take in takes:
            yaws = np.linspace(-92, 92, VIEWS) + rng.uniform(-13, 13, VIEWS)
            images = renderer.render(person, session, take.actions, tuple(yaws), take.pose)
            for view, (yaw, image) in enumerate(zip(yaws, images, strict=True)):
                yield number, yaw + session.camera(view).yaw + take.pose[0], image
    renderer.close()


def filmed() -> Iterator[Seen]:
    for yaw, image in zip(truth(FILM)["yaw"], frames(FILM), strict=True):
        yield FILM.person, yaw, image


def of_file(path: Path, split: str | None = None) -> Iterator[Seen]:
    """Every fourth image of a prepared file, or of one of its splits."""
    prepared = PreparedImages.read(path)
    rows = np.arange(len(prepared)) if split is None else np.sort(prepared.split()[split])
    table = prepared.table.iloc[rows[::EVERY]]
    images = prepared.images(rows[::EVERY])
    for person, yaw, image in zip(table["subject"], table["yaw"], images, strict=True):
        yield person, yaw, np.asarray(image)


def features(faces: pd.DataFrame) -> np.ndarray:
    """(N, 2), of faces that were found."""
    marks = faces[MARKS].to_numpy().reshape(-1, 5, 2)
    return np.stack([yaw_features(own) for own in marks])


def fit(faces: pd.DataFrame) -> np.ndarray:
    """Ridge regression of the yaw without an intercept, since a mirror negates it: (2,)."""
    faces = faces.dropna(subset=MARKS)
    faces = faces[faces["yaw"].abs() <= MOST]
    x, y = features(faces), faces["yaw"].to_numpy()
    return np.linalg.solve(x.T @ x + PENALTY * len(x) * np.eye(x.shape[1]), x.T @ y)


def errors(name: str, faces: pd.DataFrame, weights: np.ndarray) -> list[dict]:
    """A row for each bin of the true yaw, mirrored views together, and one for those up to 75°.

    Errors are in degrees, in the range of `head_yaw`: beyond a profile the truth is the profile.
    """
    seen = faces[MARKS].notna().all(axis=1).to_numpy()
    yaw = faces["yaw"].to_numpy().clip(-90, 90)
    off = np.full(len(faces), np.nan)
    if seen.any():
        off[seen] = np.abs((features(faces[seen]) @ weights).clip(-90, 90) - yaw[seen])
    rows = []
    for low, high in [*zip(BINS[:-1], BINS[1:], strict=True), (0, 75)]:
        inside = (np.abs(yaw) >= low) & (np.abs(yaw) < high)
        if not inside.any():
            continue
        own = off[inside & seen]
        rows.append(
            {
                "set": name,
                "yaw": f"{low} to {min(high, 90)}",
                "images": int(inside.sum()),
                "found": float(seen[inside].mean()),
                "median error": float(np.median(own)) if len(own) else float("nan"),
                "90% below": float(np.quantile(own, 0.9)) if len(own) else float("nan"),
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
