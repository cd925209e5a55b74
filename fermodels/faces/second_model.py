"""The second face model: the head of the ICT FaceKit (USC Institute for Creative Technologies).

Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020;
https://github.com/USC-ICT/ICT-FaceKit. It is here for judging encoders on faces of another make
than Anny's: nothing is trained on it.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.faces.actions import ACTIONS

CREDIT = "ICT FaceKit, Copyright (c) 2020 USC Institute for Creative Technologies, MIT License"
SKIN, EYES = ("M_Face", "M_BackHead"), ("M_ScleraLeft", "M_ScleraRight")
MOUTH, TEETH = "M_GumsTongue", "M_Teeth"
# What lies before the eyeballs and inside them stays away, or no iris would be seen; lashes are
# sheets that only a texture with holes makes look like hair.
PARTS = (*SKIN, *EYES, MOUTH, TEETH)
# Actions that the model does not have.
MISSING = ("tongueOut",)
_ARRAYS = ("neutral", "faces", "part", "part_names", "identity", "expression", "expression_names")
_KINDS = {"f": "float", "i": "int", "U": "text"}  # of NumPy's dtypes
_METRES = 0.01  # the model is in centimetres


def shapes_of(action: str) -> tuple[str, ...]:
    """The model's names of one of our `ACTIONS`: one, or one for each side, or none."""
    if action in MISSING:
        return ()
    if action in ("browInnerUp", "cheekPuff"):
        return (f"{action}_L", f"{action}_R")
    for side in ("Left", "Right"):
        if action.endswith(side) and action not in (f"jaw{side}", f"mouth{side}"):
            return (f"{action.removesuffix(side)}_{side[0]}",)
    return (action,)


@dataclass(frozen=True)
class SecondFaceModel:
    """A neutral head and how identities and actions move it, in the frame of Anny's heads.

    Attributes:
        neutral: float32 (V, 3), metres; x to the subject's left, −y to the front, z up.
        triangles: int32 (F, 3), counter-clockwise seen from outside.
        part: int (V,), index into `PARTS` of each point.
        identity: float32 (K, V, 3), offsets of the principal components; weights are normal with
            standard deviation 1.
        actions: float32 (52, V, 3), offsets of our `ACTIONS`; zero for those in `MISSING`.
        source: the file it was read from.
    """

    neutral: np.ndarray
    triangles: np.ndarray
    part: np.ndarray
    identity: np.ndarray
    actions: np.ndarray
    source: str

    def is_part(self, *names: str) -> np.ndarray:
        """bool (V,): the points of these parts."""
        return np.isin(self.part, [PARTS.index(name) for name in names])

    def points(self, identity: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Points float32 (V, 3) of an identity (K,) with action weights (52,), 0…1.

        `mouthClose` undoes an open jaw and is used only as far as the jaw is open.

        Raises:
            ValueError: other shapes.
        """
        identity, actions = np.asarray(identity, np.float32), np.array(actions, np.float32)
        if identity.shape != (len(self.identity),) or actions.shape != (len(ACTIONS),):
            raise ValueError(
                f"identity and actions must have shapes ({len(self.identity)},) and "
                f"({len(ACTIONS)},), got {identity.shape} and {actions.shape}"
            )
        close, jaw = ACTIONS.index("mouthClose"), ACTIONS.index("jawOpen")
        actions[close] = min(actions[close], actions[jaw])
        moved = actions @ self._flat_actions + identity @ self.identity.reshape(len(identity), -1)
        return self.neutral + moved.reshape(-1, 3)

    def digest(self) -> str:
        """SHA-256 (hex) over all arrays: the same for equal models, wherever they lie."""
        arrays = (self.neutral, self.triangles, self.part, self.identity, self.actions)
        digest = hashlib.sha256()
        for array in arrays:
            digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @cached_property
    def _flat_actions(self) -> np.ndarray:
        return self.actions.reshape(len(ACTIONS), -1)


def read_second_face_model(path: str | os.PathLike) -> SecondFaceModel:
    """The model of an .npz file of its arrays, or of a clone of the ICT-FaceKit repository.

    Args:
        path: the .npz has `neutral` (V, 3) in centimetres (y up, z to the front), `faces` (F, 3),
            `part` (F,) with `part_names`, `identity` (K, V, 3), and `expression` (E, V, 3) with
            `expression_names`. The clone is the repository's folder or its `FaceXModel` folder.

    Raises:
        ValueError: there is no such file, it is damaged or of something else; says what is missing.
    """
    from fermodels.faces.second_obj import arrays_of_folder

    path = given_path(path)
    if not path.exists():
        raise ValueError(f"{path}: there is no such file or folder")
    arrays = arrays_of_folder(path) if path.is_dir() else _arrays_of_npz(path)
    return _model(arrays, str(path))


def _arrays_of_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("it holds one array only")
        with file:
            missing = [name for name in _ARRAYS if name not in file.files]
            if not missing:
                return {name: file[name] for name in _ARRAYS}
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path}: not a readable .npz file of the ICT FaceKit ({error}); fetch it again, or "
            "give a clone of https://github.com/USC-ICT/ICT-FaceKit"
        ) from error
    raise ValueError(
        f"{path}: the array {missing[0]!r} is missing (a face model needs {', '.join(_ARRAYS)})"
    )


def _model(arrays: dict[str, np.ndarray], source: str) -> SecondFaceModel:
    """Checks the arrays, and keeps what is drawn, in metres and in our frame."""
    _check(arrays, source)
    names = [str(name) for name in arrays["part_names"]]
    expressions = [str(name) for name in arrays["expression_names"]]
    wanted = [name for action in ACTIONS for name in shapes_of(action)]
    for what, known, needed in (("part", names, PARTS), ("expression", expressions, wanted)):
        if missing := [name for name in needed if name not in known]:
            raise ValueError(
                f"{source}: the {what} {missing[0]!r} is missing ({len(missing)} of {len(needed)})"
            )
    number = np.array([PARTS.index(name) if name in PARTS else -1 for name in names])
    drawn = number[arrays["part"]] >= 0
    faces, part_of_face = arrays["faces"][drawn].astype(np.int64), number[arrays["part"]][drawn]
    used, triangles = np.unique(faces, return_inverse=True)
    triangles = triangles.reshape(-1, 3).astype(np.int32)
    part = np.zeros(len(used), np.int64)
    # Where face and back of the head meet, points are of both: the later name wins.
    for index, name in enumerate(PARTS):
        if not (part_of_face == index).any():
            raise ValueError(f"{source}: the part {name!r} has no triangles")
        part[triangles[part_of_face == index].ravel()] = index
    offsets = _in_our_frame(arrays["expression"][:, used])
    actions = np.zeros((len(ACTIONS), len(used), 3), np.float32)
    for row, action in zip(actions, ACTIONS, strict=True):
        for name in shapes_of(action):
            row += offsets[expressions.index(name)]
    return SecondFaceModel(
        neutral=_in_our_frame(arrays["neutral"][used]),
        triangles=triangles,
        part=part,
        identity=_in_our_frame(arrays["identity"][:, used]),
        actions=actions,
        source=source,
    )


def _check(arrays: dict[str, np.ndarray], source: str) -> None:
    count = len(arrays["neutral"]) if arrays["neutral"].ndim else 0
    faces = len(arrays["faces"]) if arrays["faces"].ndim else 0
    expressions = arrays["expression_names"].size
    for name, shape, kinds in (
        ("neutral", (count, 3), "f"),
        ("faces", (faces, 3), "iu"),
        ("part", (faces,), "iu"),
        ("part_names", (arrays["part_names"].size,), "U"),
        ("identity", (arrays["identity"].shape[:1] or (0,)) + (count, 3), "f"),
        ("expression", (expressions, count, 3), "f"),
        ("expression_names", (expressions,), "U"),
    ):
        array = arrays[name]
        if array.shape != shape or array.dtype.kind not in kinds or array.size == 0:
            raise ValueError(
                f"{source}: the array {name!r} is {array.dtype} {array.shape}, not "
                f"{_KINDS[kinds[0]]} {shape} with something in it"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{source}: the array {name!r} holds numbers that are not finite")
    for name, limit in (("faces", count), ("part", arrays["part_names"].size)):
        low, high = int(arrays[name].min()), int(arrays[name].max())
        if low < 0 or high >= limit:
            raise ValueError(
                f"{source}: the array {name!r} must be 0…{limit - 1}, it has {low}…{high}"
            )


def _in_our_frame(points: np.ndarray) -> np.ndarray:
    """From (left, up, front) in centimetres to (left, back, up) in metres, float32."""
    points = points.astype(np.float32) * np.float32(_METRES)
    turned = np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)
    return np.ascontiguousarray(turned)  # flattening it, as for every take, then copies nothing
