"""Square crops of images: around the face, around the centre, or the whole image.

A crop never distorts: a square of the image becomes the crop. Where it reaches beyond the image,
the outermost pixels are repeated and blurred; a reflection would show a second ear or shoulder, and
a tighter crop a larger face than those of the other images.

Every view of a head is cropped alike, from full left to full right profile: the square's side
follows from the face's height alone, its centre from the head's axis, and nothing is turned. Of
the usual alignment, a similarity transform by both eyes, a profile has only one eye, and nearer to
it the distance of the eyes says how far the head is turned, not how large it is. The height from
hair line to chin is what a turning head keeps. What it does not keep is the expression: an open
mouth makes the face longer and its crop wider. Where a studio's camera is fixed, as KDEF's, one
side for all images of a session would avoid that; here every image is cropped by itself, so
that one wrong box spoils one image and an import needs to see each file only once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fermodels.crops.squares import Square, check_image, cut
from fermodels.crops.yunet import Box, FaceFinder, face_finder

CROPS = ("face", "centre", "none")
_FACES_IN = 1280  # pixels of the shorter side in which faces are looked for: one may be a tenth
# No margin is known of the papers' KDEF crops. These two make a found face as large in its crop,
# and as high, as the faces that ship with the course, on which its encoders were trained: 2.9
# distances from the eyes to the mouth, centred half-way between them.
# `python -m benchmarks.face_finders` measures both.
MARGIN = 0.15
DOWN = 0.08  # from the middle of the face's box to the middle of the square, in heights of the face


def crop(
    image: np.ndarray,
    how: str = "face",
    size: int = 96,
    margin: float = MARGIN,
    finder: FaceFinder | None = None,
) -> tuple[np.ndarray, bool]:
    """A square crop of an image, which must stand upright (heed EXIF's orientation before).

    Args:
        image: uint8 (H, W, 3) RGB.
        how: `face`, around the largest face, or around the centre where none is found; `centre`,
            the largest square in the middle; `none`, all of the image, widened to a square.
        size: height and width of the crop in pixels.
        margin: of `face`: how much larger the square is than the face is high, 0.15 = 15 %.
        finder: finds the face; without it `face_finder()`.

    Returns:
        uint8 (size, size, 3), and whether a face was found; False where none was looked for.

    Raises:
        ValueError: not such an image, `how` is unknown, size < 1 or margin ≤ −0.9.
        MissingFinder: `face` without a finder, and what it needs is not installed.
    """
    square, found = find_square(image, how, size, margin, finder)
    return cut(image, square, size), found


def enough_pixels(how: str, size: int) -> int:
    """Pixels that the shorter side of an image must keep for crops of this size."""
    return max(2 * size, _FACES_IN) if how == "face" else 2 * size


def find_square(
    image: np.ndarray,
    how: str = "face",
    size: int = 96,
    margin: float = MARGIN,
    finder: FaceFinder | None = None,
) -> tuple[Square, bool]:
    """The square that `crop` cuts out, and whether it is around a face."""
    check_image(image, size, margin)
    if how not in CROPS:
        raise ValueError(f"unknown crop {how!r}: take {', '.join(CROPS)}")
    height, width = image.shape[:2]
    box = None
    if how == "face":
        if finder is None:
            finder = face_finder()
        box = finder.find(image)
    return square_for(how, height, width, box, margin), box is not None


def square_for(
    how: str, height: int, width: int, box: Box | None = None, margin: float = MARGIN
) -> Square:
    """Around the face where one was found; else all of the image for `none`, or its middle."""
    if box is not None:
        return face_square(box, margin)
    return whole_square(height, width) if how == "none" else centre_square(height, width)


def face_square(box: Box, margin: float = MARGIN) -> Square:
    """The square around a face, (1 + margin) times as large as the face is high."""
    height = box.y1 - box.y0
    side = (1 + margin) * height
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2 + DOWN * height
    return Square(x - side / 2, y - side / 2, side)


def centre_square(height: int, width: int) -> Square:
    """The largest square in the middle of an image."""
    side = min(height, width)
    return Square((width - side) / 2, (height - side) / 2, side)


def whole_square(height: int, width: int) -> Square:
    """The smallest square around an image."""
    side = max(height, width)
    return Square((width - side) / 2, (height - side) / 2, side)


def median_box(boxes: Sequence[Box | None]) -> Box | None:
    """One box for many images by the same camera, such as the frames of a clip.

    Each edge is the median over the images in which a face was found; None where there is none.
    A camera that moves or cuts to another person needs a box for every shot.
    """
    found = [box for box in boxes if box is not None]
    if not found:
        return None
    return type(found[0])(*np.median(np.array(found), axis=0).tolist())
