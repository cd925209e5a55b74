"""Decoding the images of all kinds of cameras, and what is not one."""

import io
import random
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image

from data_prep.io.images import decode, empty_frame, image_row
from data_prep.io.importing import REPAIRED, Item, Skip
from tests.importers.fixtures.images import faces, jpeg


def encoded(image, format="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def face():
    return Image.fromarray(faces().images([2])[0]).resize((320, 400))


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_image_is_decoded_no_larger_than_needed(face, format):
    data = encoded(face.resize((1600, 2000)), format, quality=95)
    for at_least, shape in ((1600, (2000, 1600)), (400, (500, 400)), (100, (125, 100))):
        pixels, size, turned = decode(data, at_least)
        assert pixels.shape == (*shape, 3) and size == (1600, 2000) and turned is None
    small = Image.fromarray(decode(data, 200)[0]).resize((320, 400))
    assert np.abs(np.asarray(small, int) - np.asarray(face, int)).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_in_the_exif_is_followed(face, orientation):
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    image = face.transpose(stored[orientation]) if orientation > 1 else face
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels, _, turned = decode(encoded(image, quality=95, exif=exif), 200)
    assert np.abs(pixels.astype(int) - np.asarray(face, int)).mean() < 3
    assert (turned is None) == (orientation == 1)


def test_all_kinds_of_pixels_become_rgb(face):
    grey = face.convert("L")
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    clear = face.copy().convert("RGBA")
    clear.putalpha(Image.new("L", face.size, 0))
    for image, format, expected in (
        (grey, "JPEG", grey),
        (face.convert("CMYK"), "JPEG", face),
        (face.quantize(128), "PNG", face),
        (face.quantize(128), "GIF", face),
        (deep, "PNG", grey),
        (deep, "TIFF", grey),
        (face, "WEBP", face),
        (face, "BMP", face),
        (clear, "PNG", Image.new("RGB", face.size, "white")),
    ):
        pixels, _, _ = decode(encoded(image, format), 400)
        off = np.abs(pixels.astype(int) - np.asarray(expected.convert("RGB"), int)).mean()
        assert off < 8, (image.mode, format, off)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "an empty file"),
        (bytes(5000), "nothing but zeros"),
        (b"<html>Not found</html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not an image"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC.*export it as JPEG"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "not an image|damaged"),
    ],
)
def test_what_is_no_image_is_skipped_with_its_reason(data, reason):
    with pytest.raises(Skip, match=reason):
        decode(data, 100)


def test_a_image_that_was_cut_off_is_skipped(face):
    data = encoded(face, quality=90)
    for share in (0.02, 0.2, 0.5, 0.8, 0.97):
        with pytest.raises(Skip, match="damaged or cut off|not an image"):
            decode(data[: int(share * len(data))], 100)


def test_huge_dimensions_are_refused_unread(face):
    data = bytearray(encoded(face))
    at = data.find(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(Skip, match="pixels"):
        decode(bytes(data), 100)
    data[at + 5 : at + 9] = (12_000).to_bytes(2, "big") * 2  # little enough for Pillow
    with pytest.raises(Skip, match="12000×12000 pixels are more than"):
        decode(bytes(data), 100)
    with pytest.raises(Skip, match="4×4 pixels show no face"):
        decode(encoded(face.resize((4, 4)), "PNG"), 100)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_damaged_bytes_give_a_image_or_a_reason(face, format):
    whole, rng = encoded(face.resize((40, 50)), format), random.Random(format)
    skipped = 0
    for number in range(250):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 5, 50))):
            data[rng.randrange(len(data) if number % 2 else 60)] ^= 1 << rng.randrange(8)
        if number % 5 == 0:
            del data[rng.randrange(len(data)) :]
        try:
            pixels, _, _ = decode(bytes(data), 30)
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        except Skip as reason:
            assert str(reason)
            skipped += 1
    assert skipped > 50


def test_frames_without_a_image_are_known():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 12, (90, 70, 3), dtype=np.uint8)
    assert empty_frame(noise) == "a black frame"
    assert empty_frame(noise + 120) is None or noise.std() < 4
    assert empty_frame(np.full((90, 70, 3), 200, np.uint8)) == "a frame of one colour"
    dark = (faces().images([2])[0] * 0.25).astype(np.uint8)  # badly lit, but an image
    assert empty_frame(dark) is None
    assert all(empty_frame(image) is None for image in faces().images(np.arange(0, 4900, 100)))


@pytest.mark.parametrize("crop", ["centre", "none"])
def test_a_row_has_a_square_image_and_what_is_known(crop):
    data = jpeg(faces().images([2])[0])
    options = Namespace(crop=crop, size=48)
    row = image_row(Item(None, {"subject": "F01"}), data, options, with_size=True)
    assert row["subject"] == "F01" and row["face_found"] is False and REPAIRED not in row
    assert (row["width"], row["height"]) == (562, 762)
    assert Image.open(io.BytesIO(row["image"])).size == (48, 48)
    black = jpeg(np.zeros((96, 96, 3), np.uint8))
    with pytest.raises(Skip, match="a black frame"):
        image_row(Item(None, {}), black, options)
