"""The ICT FaceKit as it is in its repository: one .obj file for each shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np

NEUTRAL = "generic_neutral_mesh.obj"
_FOLDER = "FaceXModel"


def arrays_of_folder(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of the model, as in its .npz file, from a clone or its `FaceXModel` folder.

    Raises:
        ValueError: a file is missing or damaged, or has another number of points.
    """
    place = folder / _FOLDER if (folder / _FOLDER).is_dir() else folder
    neutral_path = place / NEUTRAL
    if not neutral_path.is_file():
        raise ValueError(
            f"{folder}: {_FOLDER}/{NEUTRAL} is missing; give a clone of "
            "https://github.com/USC-ICT/ICT-FaceKit"
        )
    neutral, faces, part, part_names = read_obj(neutral_path)
    others = sorted(path for path in place.glob("*.obj") if path.name != NEUTRAL)
    identity = [path for path in others if path.stem.startswith("identity")]
    expression = [path for path in others if not path.stem.startswith("identity")]
    for what, paths in (("identity*.obj", identity), ("expression .obj", expression)):
        if not paths:
            raise ValueError(f"{place}: no {what} files are in it")
    return {
        "neutral": neutral,
        "faces": faces,
        "part": part,
        "part_names": np.array(part_names),
        "identity": _offsets(identity, neutral),
        "expression": _offsets(expression, neutral),
        "expression_names": np.array([path.stem for path in expression]),
    }


def _offsets(paths: list[Path], neutral: np.ndarray) -> np.ndarray:
    """float32 (N, V, 3), of each file's points from the neutral ones."""
    offsets = np.empty((len(paths), *neutral.shape), np.float32)
    for offset, path in zip(offsets, paths, strict=True):
        points = _points(path, _text(path))
        if points.shape != neutral.shape:
            raise ValueError(f"{path}: {len(points)} points, but {NEUTRAL} has {len(neutral)}")
        offset[:] = points - neutral
    return offsets


def read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Points (V, 3), triangles (F, 3), material of each triangle (F,) and the materials' names.

    Texture coordinates, normals, groups and comments are passed over; polygons are cut into
    triangles, and indices that count from the end (negative ones) are understood.

    Raises:
        ValueError: a line is no point or face; names the file and line.
    """
    text = _text(path)
    points = _points(path, text)
    names: list[str] = []
    triangles, part = [], []
    for number, line in enumerate(text.splitlines(), 1):
        word, _, rest = line.strip().partition(" ")
        if word == "usemtl":
            name = rest.strip()
            if name not in names:
                names.append(name)
            current = names.index(name)
        elif word == "f":
            try:
                corners = [int(corner.split("/")[0]) for corner in rest.split()]
            except ValueError as error:
                raise ValueError(f"{path}: line {number} is no face: {line[:60]!r}") from error
            corners = [c - 1 if c > 0 else len(points) + c for c in corners]
            if len(corners) < 3 or not all(0 <= c < len(points) for c in corners):
                raise ValueError(f"{path}: line {number} is no face of its {len(points)} points")
            if not names:
                names.append("")
                current = 0
            for second, third in zip(corners[1:-1], corners[2:], strict=True):
                triangles.append((corners[0], second, third))
                part.append(current)
    if not triangles:
        raise ValueError(f"{path}: no faces are in it")
    return points, np.array(triangles, np.int32), np.array(part, np.int32), names


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error})") from error


def _points(path: Path, text: str) -> np.ndarray:
    """float32 (V, 3): the lines that begin with v; what follows three numbers is passed over."""
    rows = [line.split()[1:4] for line in text.splitlines() if line.lstrip()[:2] in ("v ", "v\t")]
    try:
        points = np.array(rows, dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{path}: one of its points is not three numbers ({error})") from error
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise ValueError(f"{path}: no .obj file with points of three finite numbers")
    return points
