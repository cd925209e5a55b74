"""Encoded images of all kinds → uint8 RGB, upright: the one way in for every image.

Importers, `PreparedImages.from_folder` and one's own Parquet files decode here, so that an image is
the same wherever it comes from. Pillow does the reading; what it reads no more than the upper eight
bits of, or not at all (colours of 16 bits, floats), FFmpeg reads, through PyAV.
"""

from __future__ import annotations

import io
from contextlib import suppress
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 120_000_000

# Pillow hands them to other programs, or reads no more than their header.
_LEFT_OUT = {"EPS", "BUFR", "GRIB", "HDF5", "MPEG", "WMF", "PDF"}
_HEIC = (".heic", ".heif", ".hif")
_JPEG = (".jif", ".jfi", ".pjp", ".pjpeg", ".mpo")  # beside those that Pillow lists
# Images all the same: to be named rather than passed over.
_UNREADABLE = (
    *(".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw"),
    ".jxl",
)
_ORIENTATION = 0x0112  # EXIF
# Floats: what is darker than this by the measure of 255 is a black frame, so it is by that of 1;
# and how far the edges of a resized image go beyond white.
_HIGHLIGHT = 16.0
_OVERSHOOT = 1.25


class ImageError(ValueError):
    """Bytes that are no complete image, or of a kind that cannot be read; says what to do."""


class DecodedImage(NamedTuple):
    """Pixels uint8 (H, W, 3) RGB, the size (W, H) that the file states, and if it was turned."""

    pixels: np.ndarray
    size: tuple[int, int]
    turned: bool


@lru_cache(maxsize=1)
def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that are read; HEIF is one where pillow-heif is installed."""
    from PIL import Image

    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        pass
    else:
        register_heif_opener()
    Image.init()
    kinds = (kind for kind in Image.OPEN if kind not in _LEFT_OUT)
    # WebP is what prepared files hold. Those that cannot be told by their first bytes come last.
    return tuple(sorted(kinds, key=lambda kind: (kind != "WEBP", Image.OPEN[kind][1] is None)))


@lru_cache(maxsize=1)
def readable_endings() -> frozenset[str]:
    """Endings of the names of images that can be read: ".jpg", ".png", …"""
    from PIL import Image

    known = set(formats())
    listed = {e for e, kind in Image.registered_extensions().items() if kind in known}
    return frozenset(listed | (set(_JPEG) if "JPEG" in known else set()))


def is_image_name(name: str) -> bool:
    """By its ending: an image that can be read, or one to be reported as unreadable."""
    ending = _ending(name)
    return ending in readable_endings() or ending in _HEIC or ending in _UNREADABLE


def decode_image(data: bytes, at_least: int | None = None, name: str = "") -> DecodedImage:
    """Decodes an image, turns it as its metadata say, and brings it to eight bits of RGB.

    Of a file of several images, the first is taken. Grey of more bits is scaled by the smallest
    even number of bits that holds it, floats by 1 where that is their white; transparency lies on
    white.

    Args:
        at_least: pixels that both sides keep. Larger images come at a whole fraction of their
            size: of a JPEG 1/2, 1/4 or 1/8 is decoded at once, which is several times faster, and
            of others all that follows would take a gigabyte.
        name: of its file, where it has one: some kinds are known by their ending only.

    Raises:
        ImageError: these bytes are no complete image, or of a kind that cannot be read.
    """
    if not data:
        raise ImageError("an empty file")
    if (ending := _ending(name)) in _UNREADABLE:
        raise ImageError(f"a {ending} file, which cannot be read here: export it as JPEG")
    return _decode(data, at_least)


def image_size(data: bytes) -> tuple[int, int]:
    """Height and width that `decode_image` gives, from the header where that is enough.

    Raises:
        ImageError: these bytes do not begin like an image.
    """
    from PIL import Image

    if (size := webp_size(data)) is not None:
        return size
    try:
        with Image.open(io.BytesIO(data), formats=formats()) as image:
            turn = _orientation(image)
            if turn and image.format == "TIFF":  # versions of Pillow differ in when they turn it
                image.load()
                turn = _orientation(image)
            width, height = image.size
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, …
        deep = _by_ffmpeg(data, _kind_for_ffmpeg(data))
        if deep is None:
            raise ImageError(_what_is_wrong(data, error)) from error
        return deep.shape[:2]
    return (width, height) if turn in (5, 6, 7, 8) else (height, width)


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Height and width of an upright WebP image, from its header (RFC 9649); None if it is none.

    Opening an image with PIL sets a decoder up, which takes a hundred times as long.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    if int.from_bytes(data[4:8], "little") + 8 > len(data):  # cut off
        return None
    kind = data[12:16]
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[i : i + 2], "little") & 0x3FFF for i in (26, 28))
    elif kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8X" and not data[20] & 0b1100:  # no EXIF and no XMP, which may turn it
        width, height = (1 + int.from_bytes(data[i : i + 3], "little") for i in (24, 27))
    else:
        return None
    return height, width


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB, as in :func:`decode_image`."""
    from PIL import Image

    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):  # 16 bits, or more, of grey
        values, clear = np.asarray(image), image.info.get("transparency")
        image = Image.fromarray(_eight_bits(values))
        if clear is not None:
            image.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    if image.mode == "LAB":
        from PIL import ImageCms

        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(paper, image)
    return image.convert("RGB")


def _decode(data: bytes, at_least: int | None) -> DecodedImage:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=formats()) as image:
            size = image.size
            _check_size(size)
            raw_modes = str(image.tile)  # empty from loading on, and a PNG loads for its EXIF
            orientation = _orientation(image)
            if at_least is not None:
                image.draft("RGB", (at_least, at_least))
            image.load()
            image = _turned(image)
            _scale_clear_value(image, raw_modes)
            if ";16" in raw_modes and image.mode in ("RGB", "RGBA"):
                image = _with_lower_bits(data, image, orientation)
            image = to_rgb(image)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"more than {MAX_PIXELS:,} pixels") from error
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, …
        deep = _by_ffmpeg(data, _kind_for_ffmpeg(data))
        if deep is None:
            raise ImageError(_what_is_wrong(data, error)) from error
        image, orientation = Image.fromarray(deep), None
        size = image.size
    if at_least is not None and (factor := min(image.size) // at_least) > 1:
        image = image.reduce(factor)
    return DecodedImage(np.asarray(image), size, orientation is not None)


def _check_size(size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise ImageError(f"{size[0]}×{size[1]} pixels are more than {MAX_PIXELS:,}")


def _orientation(image: Image.Image) -> int | None:
    """EXIF's 2 … 8 of an image that is to be turned; None for one that stands upright."""
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # damaged metadata do not damage the image
        return None
    return orientation if orientation in range(2, 9) else None


def _turned(image: Image.Image) -> Image.Image:
    # After loading: Pillow turns TIFFs itself as they are loaded, and forgets their orientation.
    from PIL import ImageOps

    with suppress(Exception):  # damaged metadata do not damage the image
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _scale_clear_value(image: Image.Image, raw_modes: str) -> None:
    """A value that counts as transparent, as files of other depths have it, on Pillow's scale."""
    clear = image.info.get("transparency")
    if image.mode == "L" and isinstance(clear, int):
        for bits in (2, 4):
            if f"L;{bits}" in raw_modes:
                image.info["transparency"] = clear * 255 // (2**bits - 1)
    elif image.mode == "RGB" and isinstance(clear, tuple) and ";16" in raw_modes:
        image.info["transparency"] = tuple(value >> 8 for value in clear)


def _with_lower_bits(data: bytes, image: Image.Image, orientation: int | None) -> Image.Image:
    """Of 16 bits of colour Pillow reads the upper eight: too few where a file uses twelve."""
    from PIL import Image

    kind = _kind_for_ffmpeg(data)
    if kind is None or np.asarray(image)[..., :3].max(initial=0) > 63:
        return image
    pixels = _by_ffmpeg(data, kind)
    if pixels is None:
        return image
    again = Image.fromarray(pixels)
    if orientation is not None:
        again.getexif()[_ORIENTATION] = orientation
    again = _turned(again)
    return again if again.size == image.size else image


def _kind_for_ffmpeg(data: bytes) -> str | None:
    """FFmpeg's name of the two kinds of which it reads more than Pillow."""
    if data.startswith(b"\x89PNG"):
        return "png_pipe"
    return "tiff_pipe" if data.startswith((b"II*\0", b"MM\0*")) else None


def _by_ffmpeg(data: bytes, kind: str | None) -> np.ndarray | None:
    """uint8 (H, W, 3) of an image with all of its bits, as it is stored; None if it cannot."""
    if kind is None:
        return None
    from fermodels.data.containers import MediaError, first_track, opened

    try:
        with opened(data, format=kind) as container:
            stream = first_track(container, "video")
            _check_size((stream.codec_context.width, stream.codec_context.height))
            values = next(container.decode(stream)).to_ndarray()
    except (MediaError, ImageError, ValueError, StopIteration, AttributeError, ImportError):
        return None
    if values.ndim == 2:
        values = np.repeat(values[..., None], 3, axis=2)
    if values.ndim != 3 or values.shape[2] not in (3, 4):
        return None
    pixels = _eight_bits(values[..., :3])
    if values.shape[2] == 4:
        opaque = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1.0
        alpha = (values[..., 3:] / opaque).clip(0, 1)
        pixels = (pixels * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return pixels


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Integers of more bits, or floats, as uint8 of the same shape."""
    if values.dtype == np.uint8:
        return values
    white = _white(values)
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=white, neginf=0.0)
    return (values.clip(0, white) * (255 / white)).astype(np.uint8)


def _white(values: np.ndarray) -> float:
    """What counts as white, which files seldom say.

    Of integers, the end of the smallest even number of bits that holds them: twelve bits in a file
    of sixteen would be black by the file's own measure. Floats have their white at 1 (and lights
    beyond it), unless they are integers by another name.
    """
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
        usual = float(np.percentile(values, 99)) if values.size else 0.0
        if usual <= _HIGHLIGHT:
            return max(1.0, usual)
        high = float(values.max()) / _OVERSHOOT
    else:
        high = float(values.max(initial=0))
    bits = max(8, int(high).bit_length())
    return float(2 ** (bits + bits % 2) - 1)


def _what_is_wrong(data: bytes, error: Exception) -> str:
    from PIL import Image

    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc", b"ftypheim"):
        if "HEIF" in formats():
            return f"damaged or cut off ({error})"
        return "HEIC: pip install 'fermodels[heic]' to have it read, or export it as JPEG"
    if not isinstance(error, Image.UnidentifiedImageError):
        return f"damaged or cut off ({error})"
    if not data.strip(b"\0"):
        return "nothing but zeros: a broken download or disk"
    if data.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*", b"MM\0*")):
        return "damaged or cut off at its beginning"
    return f"not an image (it begins with {data[:12]!r})"


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
