"""Photographs with a known face, or with none, for `face_finders`: rendered and real."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from .face_finder_peers import installed_file

YAWS = tuple(float(yaw) for yaw in range(-90, 91, 15))
FRAME = (562, 762)  # KDEF's, width and height
FACE_SQUARE = 2.9  # side of the true square, in distances from the eyes to the mouth
Picture = tuple[Path, tuple[float, ...] | None]  # a file and its face, if it has one


@dataclass(frozen=True)
class Rendering:
    """A photograph of a rendered person and where its head is, in pixels."""

    image: np.ndarray  # uint8 (H, W, 3)
    person: int
    expression: str
    yaw: float
    x: float  # the head's axis
    y: float  # half-way between eyes and mouth
    unit: float  # from the eyes to the mouth

    def scaled(self, image: np.ndarray, scale: float, left: float = 0.0, top: float = 0.0):
        """The same head in another image, whose pixel (left, top) was (0, 0) here."""
        return replace(
            self,
            image=image,
            x=left + self.x * scale,
            y=top + self.y * scale,
            unit=self.unit * scale,
        )


def portraits(
    people: int,
    expressions: Sequence[str] | None = None,
    yaws: tuple[float, ...] = YAWS,
    seed: int = 7,
) -> Iterator[Rendering]:
    """People of 6 to 60 years in a frame as wide around the head as KDEF's.

    Args:
        expressions: every person shows these; without, each shows one, all in turn.
    """
    from fermodels.faces import PROTOTYPES, FaceRenderer, sample_person, sample_session, sample_take
    from fermodels.faces.render import HALF_HEIGHT

    width, height = FRAME
    renderer = FaceRenderer(512)
    for number in range(people):
        rng = np.random.default_rng([seed, number])
        age = float(rng.uniform(6, 16) if number % 5 == 0 else rng.uniform(18, 60))
        person = sample_person(rng, ("male", "female")[number % 2], age)
        session = sample_session(rng, person)
        # The frame is 5.6 distances from the eyes to the mouth high.
        camera = replace(
            session.cameras[0],
            zoom=2.8 / HALF_HEIGHT * float(rng.normal(1, 0.05)),
            shift=(0.0, float(rng.normal(-0.25, 0.15))),
        )
        session = replace(session, cameras=(camera,))
        sideways = int(rng.normal(0, 15))
        left = (height - width) // 2 + sideways
        unit = height / 2 / (HALF_HEIGHT * camera.zoom)
        x, y = height / 2 - left, height / 2 + camera.shift[1] * unit
        for expression in expressions or [list(PROTOTYPES)[number % len(PROTOTYPES)]]:
            take = sample_take(rng, person, expression)
            views = renderer.render(person, session, take.actions, yaws)
            for yaw, view in zip(yaws, views, strict=True):
                picture = Image.fromarray(view).resize((height, height), Image.Resampling.BICUBIC)
                image = np.asarray(picture.crop((left, 0, left + width, height)))
                yield Rendering(image, number, expression, yaw, x, y, unit)
    renderer.close()


def as_crop(portrait: Rendering, size: int = 96) -> Rendering:
    """As close as the course's own faces."""
    side = FACE_SQUARE * portrait.unit
    box = (
        portrait.x - side / 2,
        portrait.y - side / 2,
        portrait.x + side / 2,
        portrait.y + side / 2,
    )
    edge = 200  # a square near the frame's edge
    padded = Image.fromarray(np.pad(portrait.image, ((edge, edge), (edge, edge), (0, 0)), "edge"))
    part = padded.resize(
        (size, size), Image.Resampling.BICUBIC, box=tuple(value + edge for value in box)
    )
    scale = size / side
    return portrait.scaled(np.asarray(part), scale, -box[0] * scale, -box[1] * scale)


def as_phone(portrait: Rendering) -> Rendering:
    """Further away, in bad light, by a cheap camera."""
    rng = np.random.default_rng([portrait.person, int(portrait.yaw) + 90])
    width, height, scale = 1280, 960, 0.42
    small = Image.fromarray(portrait.image).resize(
        tuple(round(edge * scale) for edge in FRAME), Image.Resampling.LANCZOS
    )
    left = int(rng.integers(0, width - small.width))
    top = int(rng.integers(0, height - small.height))
    around = ((top, height - top - small.height), (left, width - left - small.width), (0, 0))
    image = np.pad(np.asarray(small), around, "edge") * 0.45 + rng.normal(0, 7, (height, width, 3))
    stream = io.BytesIO()
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=35)
    return portrait.scaled(np.asarray(Image.open(stream)), scale, left, top)


KINDS = {"portrait": lambda portrait: portrait, "phone": as_phone, "crop": as_crop}


# Faces from hair line to chin, drawn by hand.
FACES = {
    ("skimage", "data/astronaut.png"): (180, 62, 268, 178),
    ("skimage", "data/camera.png"): (200, 117, 258, 196),  # a man in profile
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"): (170, 120, 358, 335),
}
NO_FACES = {
    "skimage": (
        "brick.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png",
        "grass.png", "gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "logo.png",
        "moon.png", "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png",
    ),
    "sklearn": ("china.jpg", "flower.jpg"),
}  # fmt: skip
_FOLDERS = {"skimage": "data", "sklearn": "datasets/images"}


def installed_pictures() -> list[Picture]:
    """Those of FACES and NO_FACES whose packages are installed."""
    names = [(*key, face) for key, face in FACES.items()]
    names += [
        (package, f"{_FOLDERS[package]}/{name}", None)
        for package, files in NO_FACES.items()
        for name in files
    ]
    pictures = []
    for package, name, face in names:
        try:
            pictures.append((installed_file(package, name), face))
        except FileNotFoundError:
            continue
    return pictures


def listed_pictures(path: Path) -> list[Picture]:
    """path,x0,y0,x1,y1; paths relative to the list; no numbers where there is no face."""
    pictures = []
    with path.open(newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            name, *numbers = (cell.strip() for cell in row)
            numbers = [cell for cell in numbers if cell]
            try:
                face = tuple(map(float, numbers)) or None
            except ValueError:
                face = ()
            if face is not None and len(face) != 4:
                raise ValueError(f"{path}, line {number}: expected path,x0,y0,x1,y1 or path alone")
            pictures.append((path.parent / name, face))
    return pictures


def variants(image: np.ndarray, face: tuple[float, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """A photograph and its face (x0, y0, x1, y1), as it is and changed."""
    box = np.array(face)
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    yield image, box
    yield (
        np.ascontiguousarray(image[:, ::-1]),
        np.array([width - box[2], box[1], width - box[0], box[3]]),
    )
    half = picture.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    yield np.asarray(half), box / 2
    yield np.asarray(picture.convert("L").convert("RGB")), box
    yield (image * 0.4).astype(np.uint8), box
    for degrees in (-12, 12):
        turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
        a = np.deg2rad(degrees)
        x, y = (box[0] + box[2] - width) / 2, (box[1] + box[3] - height) / 2
        moved = np.array(
            [width / 2 + x * np.cos(a) + y * np.sin(a), height / 2 - x * np.sin(a) + y * np.cos(a)]
        )
        size = (box[2:] - box[:2]) / 2
        yield np.asarray(turned), np.concatenate([moved - size, moved + size])
