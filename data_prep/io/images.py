"""From the bytes of an image to the row of a prepared file: decode, turn upright, crop."""

from __future__ import annotations

import warnings
from argparse import Namespace
from typing import Any

import numpy as np

from data_prep.io.importing import OUTSIDE, REPAIRED, Item, Skip
from data_prep.io.raw import RawFile, RawSource, printable
from fermodels import crops
from fermodels.data import VIEWS, encode_image
from fermodels.data.image_files import ImageError, decode_image, is_image_name

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".rar", ".7z")
QUALITY = 90  # WebP
# Degrees; at −90 the camera sees the left cheek, and the nose points to the image's left edge.
YAWS = dict(zip(VIEWS, (-90.0, -45.0, 0.0, 45.0, 90.0), strict=True))

_BLACK, _FLAT = 32, 6  # of 255


def is_image(file: RawFile) -> bool:
    """By its name: an image that can be read, or one to be reported as unreadable."""
    return is_image_name(file.name)


def decode(
    data: bytes, at_least: int, name: str = ""
) -> tuple[np.ndarray, tuple[int, int], str | None]:
    """Decodes one image by the rules of :func:`fermodels.data.image_files.decode_image`.

    Returns:
        uint8 (H, W, 3) RGB, the size (W, H) that the file states, and what was put right.

    Raises:
        Skip: these bytes are no complete image.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
        try:
            pixels, size, turned = decode_image(data, at_least, name)
        except ImageError as error:
            raise Skip(str(error)) from error
    if min(size) < 8:
        raise Skip(f"{size[0]}×{size[1]} pixels show no face")
    return pixels, size, "turned as its EXIF says" if turned else None


def empty_frame(pixels: np.ndarray) -> str | None:
    """What a frame without an image is called: black, or of one colour; None for an image."""
    grey = pixels.mean(axis=2)
    low, high = np.percentile(grey, (1, 99))
    if high < _BLACK:
        return "a black frame"
    return "a frame of one colour" if high - low < _FLAT else None


def image_row(
    item: Item, data: bytes, options: Namespace, with_size: bool = False
) -> dict[str, Any]:
    """The row of one image: what is known of it, and the image cropped to a square.

    The row says in `face_found` whether the crop is around a face, in `crop_outside` which share
    of it lies beyond the image and, `with_size`, in `width` and
    `height` how many pixels the file's image has.

    Raises:
        Skip: it is no image, or an empty frame.
    """
    at_least = crops.enough_pixels(options.crop, options.size)
    pixels, (width, height), turned = decode(data, at_least, item.file.name if item.file else "")
    row = cropped_row(item, pixels, options)
    if with_size:
        row |= {"width": width, "height": height}
    return row | ({REPAIRED: turned} if turned else {})


def cropped_row(item: Item, pixels: np.ndarray, options: Namespace) -> dict[str, Any]:
    """The row of an image uint8 (H, W, 3) that is decoded already; see :func:`image_row`."""
    if empty := empty_frame(pixels):
        raise Skip(empty)
    square, found = crops.find_square(pixels, options.crop, options.size)
    image = crops.cut(pixels, square, options.size)
    row = {"image": encode_image(image, "WEBP", QUALITY)} | item.about
    row["face_found"] = bool(found)
    row[OUTSIDE] = round(crops.share_outside(square, *pixels.shape[:2]), 3)
    return row


def what_is_there(raw: RawSource) -> str:
    """A few words on raw data in which an importer found nothing of its own."""
    images = [file.name for file in raw.files if is_image(file)]
    if images:
        return f"{len(images):,} images, such as {', '.join(map(printable, images[:3]))}"
    archives = [file.name for file in raw.files if file.name.lower().endswith(ARCHIVES)]
    if archives:
        shown = ", ".join(map(printable, archives[:3]))
        return f"no images, but archives ({shown}): give one of them instead of {raw.path}"
    if raw.left_out:
        name, reason = raw.left_out[0]
        return f"nothing that can be read, such as {printable(name)}: {reason}"
    return f"no images among {len(raw.files):,} files" if raw.files else "no files at all"
