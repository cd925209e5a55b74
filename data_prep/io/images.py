"""From the bytes of an image to the row of a prepared file: decode, turn upright, crop."""

from __future__ import annotations

import io
import warnings
from argparse import Namespace
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.io.importing import REPAIRED, Item, Skip
from data_prep.io.raw import RawFile, RawSource, printable
from fermodels.data import VIEWS, encode_image
from fermodels.data.pixels import to_rgb

if TYPE_CHECKING:
    from PIL import Image

# The formats of images; Pillow's others include some that start programs (EPS).
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
UNREADABLE = (".heic", ".heif", ".cr2", ".nef", ".arw", ".dng")  # images all the same
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".rar", ".7z")
MAX_PIXELS = 120_000_000
QUALITY = 90  # WebP
# Degrees; at −90 the camera sees the left cheek, and the nose points to the image's left edge.
YAWS = dict(zip(VIEWS, (-90.0, -45.0, 0.0, 45.0, 90.0), strict=True))

_BLACK, _FLAT = 32, 6  # of 255
_ORIENTATION = 0x0112  # EXIF


def is_image(file: RawFile) -> bool:
    """By its name: an image that can be read, or one to be reported as unreadable."""
    return file.name.lower().endswith(SUFFIXES + UNREADABLE)


def decode(data: bytes, at_least: int) -> tuple[np.ndarray, tuple[int, int], str | None]:
    """Decodes one image and turns it as its EXIF says.

    Args:
        at_least: pixels that both sides keep. Larger images come at a whole fraction of their
            size: of a JPEG 1/2, 1/4 or 1/8 is decoded at once, which is several times faster, and
            of others all that follows would take a gigabyte.

    Returns:
        uint8 (H, W, 3) RGB, the size (W, H) that the file states, and what was put right.

    Raises:
        Skip: these bytes are no complete image.
    """
    from PIL import Image

    if not data:
        raise Skip("an empty file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                size = image.size
                if size[0] * size[1] > MAX_PIXELS:
                    raise Skip(f"{size[0]}×{size[1]} pixels are more than {MAX_PIXELS:,}")
                if min(size) < 8:
                    raise Skip(f"{size[0]}×{size[1]} pixels show no face")
                turn = _orientation(image)
                image.draft("RGB", (at_least, at_least))
                image.load()
                image = to_rgb(image)
                if (factor := min(image.size) // at_least) > 1:
                    image = image.reduce(factor)
        except Skip:
            raise
        except Image.UnidentifiedImageError as error:
            raise Skip(_not_an_image(data)) from error
        except Image.DecompressionBombError as error:
            raise Skip(f"more than {MAX_PIXELS:,} pixels") from error
        except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, …
            raise Skip(f"damaged or cut off ({error})") from error
    if turn is not None:
        image = image.transpose(turn)
    return np.asarray(image), size, None if turn is None else "turned as its EXIF says"


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

    The row says in `face_found` whether the crop is around a face and, `with_size`, in `width` and
    `height` how many pixels the file's image has.

    Raises:
        Skip: it is no image, or an empty frame.
    """
    from data_prep.io import crops

    # A face may be a tenth of the image; without looking for one, resizing needs twice the size.
    at_least = max(2 * options.size, 1280) if options.crop == "face" else 2 * options.size
    pixels, (width, height), turned = decode(data, at_least)
    if empty := empty_frame(pixels):
        raise Skip(empty)
    image, found = crops.crop(pixels, options.crop, options.size)
    row = {"image": encode_image(image, "WEBP", QUALITY)} | item.about
    row["face_found"] = bool(found)
    if with_size:
        row |= {"width": width, "height": height}
    return row | ({REPAIRED: turned} if turned else {})


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


def _orientation(image: Image.Image) -> Image.Transpose | None:
    from PIL import Image

    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    try:
        return turns.get(image.getexif().get(_ORIENTATION))
    except Exception:  # damaged metadata do not damage the image
        return None


def _not_an_image(data: bytes) -> str:
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return "HEIC, which cannot be read here: export it as JPEG"
    if not data.strip(b"\0"):
        return "nothing but zeros: a broken download or disk"
    if data.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*", b"MM\0*")):
        return "damaged or cut off at its beginning"
    return f"not an image (it begins with {data[:12]!r})"
