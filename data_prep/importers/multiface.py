"""Multiface: 13 people in a dome of cameras, performing expressions (not emotions).

As github.com/facebookresearch/multiface describes it (documentation/DATA_STRUCTURE.md, and
``dataset.py`` for the cameras)::

    m--20180227--0000--6795937--GHS/KRT                                  the cameras
    m--20180227--0000--6795937--GHS/images/E057_Cheeks_Puffed/400002/000102.png

It is tens of terabytes, so that little of it is taken: of every expression `--frames` moments,
evenly spaced over the recording, each seen by five cameras. Spoken sentences (``SEN_…``) are left
out. Fetch at least the images and the metadata, which hold KRT.

**Views.** The documentation gives the cameras' places, not which of them stands in front of the
face. Here "up" is the mean of the cameras' upward directions and "front" is where the cameras are
on the whole, seen from the point on which they are aimed, and for each of −90°, −45°, 0°, 45° and
90° the nearest camera within `--tolerance` is taken; a row's `yaw` and `pitch` are its own. That
was checked on made-up cameras, not on the data: look at the first import, and name the cameras
yourself (``--views 400015=0,400002=-45``) where it is wrong.

Source: Wuu et al. (2022), arXiv 2207.11243; CC BY-NC 4.0.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from data_prep.io.images import YAWS, image_row, is_image, what_is_there
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.labelled import label_lists, parse_views, view_names
from data_prep.io.raw import RawFile, RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable

make_row = image_row

_IMAGE = re.compile(
    r"(?:(?P<root>.*)/)?images/(?P<expression>[^/]+)/(?P<camera>\d+)/(?P<frame>\d+)"
)
_ROOT = re.compile(r"m--(?P<date>\d{8})--(?P<time>\d{4})--(?P<entity>\w+)--GHS")
_SENTENCE = "SEN_"
_EXPECTED = "images/<expression>/<camera>/<frame>.png below a folder like m--20180227--…--GHS"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    parser.add_argument("--frames", type=int, default=1, help="moments of every expression")
    parser.add_argument("--tolerance", type=float, default=20.0, help="degrees off a view")
    parser.add_argument(
        "--views", type=parse_views, metavar="CAMERA=DEGREES,…", help="cameras, instead of KRT"
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """What is to be read, by the folders and, without `--views`, the cameras in KRT.

    Raises:
        NothingUsable: there are no images in such folders, or no camera near any of the views.
        ValueError: a file KRT is missing or is not one, or `--frames` is below 1.
    """
    if options.frames < 1:
        raise ValueError(f"--frames must be at least 1, got {options.frames}")
    # root → expression → frame → camera → file
    captures: dict[str, dict[str, dict[str, dict[str, RawFile]]]] = {}
    sentences = 0
    for file in raw.files:
        name = _IMAGE.fullmatch(file.stem)
        if not name or not is_image(file):
            continue
        report.found += 1
        if name["expression"].startswith(_SENTENCE):
            sentences += 1
            continue
        frames = captures.setdefault(name["root"] or "", {}).setdefault(name["expression"], {})
        frames.setdefault(name["frame"], {})[name["camera"]] = file
    if sentences:
        report.warn(f"{sentences:,} images of spoken sentences ({_SENTENCE}…) are left out")
    if not captures:
        raise NothingUsable(_EXPECTED, what_is_there(raw))
    items = []
    for root, expressions in captures.items():
        views = _named(options.views) if options.views else _from_krt(root, raw, options, report)
        items += _items(root or raw.path.name, expressions, views, options.frames, report)
    if not items:
        chosen = "--views" if options.views else "KRT"
        raise NothingUsable(f"images of the cameras chosen by {chosen}", "; ".join(report.warnings))
    return Plan(items, _metadata(items), "images", counted=("camera",))


def read_krt(text: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Camera → rotation (3, 3) and translation (3,), world to camera (x right, y down, z ahead).

    The file has, for each camera: its name, three rows of intrinsics, a row of distortion, three
    rows of [R | t], and an empty line.

    Raises:
        ValueError: it is not such a file; says which camera.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    cameras = {}
    for at in range(0, len(lines), 8):
        block = lines[at : at + 8]
        try:
            (name,) = block[0]
            extrinsics = np.array(block[5:], dtype=float)  # (3, 4)
            if extrinsics.shape != (3, 4) or not np.isfinite(extrinsics).all():
                raise ValueError("no three rows of four numbers")
        except ValueError as error:
            raise ValueError(
                f"KRT: the camera at line {at + 1:,} cannot be read: {error}"
            ) from error
        cameras[name] = (extrinsics[:, :3], extrinsics[:, 3])
    return cameras


def camera_angles(
    cameras: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, tuple[float, float]]:
    """Camera → yaw and pitch in degrees, as the course counts them, by the cameras' places alone.

    Yaw is negative where the left side of the face is seen, pitch positive from above.
    """
    rotations = np.stack([rotation for rotation, _ in cameras.values()])  # (C, 3, 3)
    moves = np.stack([move for _, move in cameras.values()])  # (C, 3)
    places = -np.einsum("cij,ci->cj", rotations, moves)  # (C, 3)
    ahead = rotations[:, 2]
    # The point nearest to all optical axes: sum of (1 − aaᵀ)(x − place) = 0.
    across = np.eye(3) - ahead[:, :, None] * ahead[:, None, :]  # (C, 3, 3)
    target = np.linalg.lstsq(across.sum(0), np.einsum("cij,cj->i", across, places), rcond=None)[0]
    towards = _unit(places - target)  # (C, 3)
    up = _unit(-rotations[:, 1].mean(axis=0))
    front = towards.mean(axis=0)
    front = _unit(front - (front @ up) * up)
    left = np.cross(up, front)
    yaw = -np.degrees(np.arctan2(towards @ left, towards @ front))
    pitch = np.degrees(np.arcsin(np.clip(towards @ up, -1, 1)))
    return {name: (float(y), float(p)) for name, y, p in zip(cameras, yaw, pitch, strict=True)}


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _named(views: Mapping[str, float]) -> dict[str, tuple[str, float, float]]:
    names = view_names(views)
    return {camera: (names[camera], yaw, 0.0) for camera, yaw in views.items()}


def _from_krt(
    root: str, raw: RawSource, options: argparse.Namespace, report: ImportReport
) -> dict[str, tuple[str, float, float]]:
    """Camera → view, yaw, pitch of the cameras nearest to the course's views."""
    name = f"{root}/KRT" if root else "KRT"
    file = next((file for file in raw.files if file.name == name), None)
    if file is None:
        raise ValueError(
            f"{printable(name)} is not there: fetch the metadata too, or say which cameras to take "
            "(--views CAMERA=DEGREES,…)"
        )
    try:
        angles = camera_angles(read_krt(raw.read(file, limit=1 << 20).decode("ascii")))
    except ValueError as error:
        raise ValueError(f"{printable(name)}: {error}") from error
    chosen = {}
    for view, target in YAWS.items():
        off = {c: np.hypot(yaw - target, pitch) for c, (yaw, pitch) in angles.items()}
        best = min(off, key=lambda camera: (off[camera], camera))
        if off[best] <= options.tolerance:
            chosen[best] = (view, *angles[best])
        else:
            report.warn(
                f"{root or raw.path.name}: no camera within {options.tolerance:g}° of {view}; the "
                f"nearest is {off[best]:.0f}° off"
            )
    return chosen


def _items(
    root: str,
    expressions: Mapping[str, Mapping[str, Mapping[str, RawFile]]],
    views: Mapping[str, tuple[str, float, float]],
    count: int,
    report: ImportReport,
) -> Iterable[Item]:
    folder = root.rpartition("/")[2]
    name = _ROOT.fullmatch(folder)
    subject, session = (name["entity"], name["date"]) if name else (folder, "1")
    for expression, frames in sorted(expressions.items()):
        complete = [f for f, cameras in sorted(frames.items()) if set(views) <= set(cameras)]
        if not complete:
            report.warn(f"{root}, {expression}: no frame has all of the chosen cameras")
        for frame in _evenly(complete, count):
            for camera, (view, yaw, pitch) in views.items():
                file = frames[frame][camera]
                about = {
                    "subject": printable(subject),
                    "expression": printable(expression),
                    "view": view,
                    "yaw": round(yaw, 1),
                    "pitch": round(pitch, 1),
                    "session": session,
                    "instance": printable(f"{subject}-{session}-{expression}-{frame}"),
                    "camera": camera,
                    "file": printable(file.name),
                }
                yield Item(file, about)


def _evenly(frames: list[str], count: int) -> list[str]:
    """`count` of the frames: the middles of as many equal stretches."""
    count = min(count, len(frames))
    return [frames[(2 * at + 1) * len(frames) // (2 * count)] for at in range(count)]


def _metadata(items: list[Item]) -> dict[str, Any]:
    return {
        "name": "multiface",
        "version": "1",
        "licence": "CC-BY-NC-4.0",
        "citation": (
            "Wuu, C.-h., Zheng, N., Ardisson, S., et al. (2022). Multiface: A dataset for neural "
            "face rendering. arXiv:2207.11243"
        ),
        "description": "Moments of performed facial movements; the names are not emotions.",
        **label_lists(items),
    }
