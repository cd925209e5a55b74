"""One rule for every image on its way in: by an importer, from a folder, from one's own Parquet."""

import io
import struct
import sys
import types
import warnings
from zlib import compress, crc32

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data_prep.io import images as importing
from fermodels.data import PreparedImages, image_files
from fermodels.data.image_files import ImageError, decode_image, image_size, is_image_name

HEIGHT, WIDTH = 48, 32
RED, BLUE = (220, 30, 30), (30, 30, 220)
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def scene() -> np.ndarray:
    """Red on top, blue below, black in the left lower corner: tells all eight orientations."""
    pixels = np.full((HEIGHT, WIDTH, 3), BLUE, np.uint8)
    pixels[: HEIGHT // 3] = RED
    pixels[-HEIGHT // 3 :, : WIDTH // 2] = 0
    return pixels


def bytes_of(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def oriented(format, orientation):
    image = Image.fromarray(scene())
    if orientation in TURNS:
        image = image.transpose(TURNS[orientation])
    if format == "TIFF":
        return bytes_of(image, format, tiffinfo={0x0112: orientation})
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossy = {"quality": 95} | ({"subsampling": 0} if format in ("JPEG", "MPO") else {})
    return bytes_of(image, format, exif=exif, **({} if format == "PNG" else lossy))


def by_importer(data, tmp_path, ending):
    return importing.decode(data, WIDTH)[0]


def from_folder(data, tmp_path, ending):
    (tmp_path / f"a{ending}").write_bytes(data)
    return PreparedImages.from_folder(tmp_path, size=WIDTH).images()[0]


def own_parquet(data, tmp_path, ending):
    row = {"image": data, "subject": "a", "expression": None, "view": None, "yaw": None}
    row |= {"pitch": None, "session": "1", "instance": "a"}
    images = PreparedImages(pd.DataFrame([row]), {})
    path = images.write(tmp_path / "own.parquet")
    again = PreparedImages.read(path, in_memory=False)
    np.testing.assert_array_equal(again.images(), images.images())
    assert again.image_size == images.images().shape[1:3]
    return images.images()[0]


WAYS = [by_importer, from_folder, own_parquet]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_on_every_way(tmp_path, way, format, orientation):
    pixels = way(oriented(format, orientation), tmp_path, f".{format.lower()}")
    want = scene()
    if way is from_folder:  # the square in the middle
        want = want[(HEIGHT - WIDTH) // 2 :][:WIDTH]
    assert pixels.shape == want.shape
    assert np.abs(pixels.astype(int) - want).mean() < 12


@pytest.mark.parametrize("orientation, note", [(1, None), (6, "turned as its EXIF says")])
@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_only_what_was_turned_is_called_turned(format, orientation, note):
    assert importing.decode(oriented(format, orientation), WIDTH)[2] == note


def grey(top, dtype) -> np.ndarray:
    """Darkest above, brightest below: 20 and 200 of 255."""
    levels = np.repeat(np.array([20, 200])[:, None], HEIGHT // 2, 0).reshape(HEIGHT, 1)
    return np.repeat(levels / 255 * top, WIDTH, 1).astype(dtype)


def deep_color(top, codec) -> bytes:
    """Colours of `top` in a file of sixteen bits."""
    av = pytest.importorskip("av")
    pixels = np.repeat(grey(top, np.uint16)[..., None], 3, 2)
    pixels[..., 2] //= 2
    pix = "rgb48be" if codec == "png" else "rgb48le"
    file = io.BytesIO()
    with av.open(file, "w", format="image2pipe") as container:
        stream = container.add_stream(codec, rate=1)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pix
        frame = av.VideoFrame.from_ndarray(pixels, format=pix)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


def float_color() -> bytes:
    cv2 = pytest.importorskip("cv2")
    pixels = np.repeat(grey(1.0, np.float32)[..., None], 3, 2)
    return cv2.imencode(".tiff", pixels)[1].tobytes()


DEPTHS = {
    "grey of 8 bits": lambda: bytes_of(Image.fromarray(grey(255, np.uint8)), "PNG"),
    "10 of 16": lambda: bytes_of(Image.fromarray(grey(1023, np.uint16)), "PNG"),
    "12 of 16": lambda: bytes_of(Image.fromarray(grey(4095, np.uint16)), "PNG"),
    "12 of 16, TIFF": lambda: bytes_of(Image.fromarray(grey(4095, np.uint16)), "TIFF"),
    "14 of 16": lambda: bytes_of(Image.fromarray(grey(16383, np.uint16)), "PNG"),
    "16 bits": lambda: bytes_of(Image.fromarray(grey(65535, np.uint16)), "PNG"),
    "8 of 32": lambda: bytes_of(Image.fromarray(grey(255, np.int32)), "TIFF"),
    "24 of 32": lambda: bytes_of(Image.fromarray(grey(2**24 - 1, np.int32)), "TIFF"),
    "floats to 1": lambda: bytes_of(Image.fromarray(grey(1, np.float32)), "TIFF"),
    "floats to 255": lambda: bytes_of(Image.fromarray(grey(255, np.float32)), "TIFF"),
    "floats to 4095": lambda: bytes_of(Image.fromarray(grey(4095, np.float32)), "TIFF"),
    "colour, 12 of 16, PNG": lambda: deep_color(4095, "png"),
    "colour, 12 of 16, TIFF": lambda: deep_color(4095, "tiff"),
    "colour, 16 bits": lambda: deep_color(65535, "png"),
    "colour, floats": float_color,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_depth_on_every_way(tmp_path, way, depth):
    data = DEPTHS[depth]()
    pixels = way(data, tmp_path, ".png" if data.startswith(b"\x89PNG") else ".tif")
    middle = pixels[:, WIDTH // 2, 0].astype(int)
    assert abs(middle[2] - 20) < 8 and abs(middle[-3] - 200) < 12, (middle[2], middle[-3])
    if depth.startswith("colour, 1"):
        assert abs(int(pixels[-3, WIDTH // 2, 2]) - 100) < 12


@pytest.mark.parametrize(
    "values, white",
    [
        (np.array([0.0, 1.1]), 1.1),  # edges that overshoot
        (np.array([0.0, np.nan, np.inf, 1.0]), 1.0),
        (np.array([0.0, 260.0]), 255.0),
        (np.array([], np.float32), 1.0),
        (np.array([3, 255]), 255.0),
        (np.array([0, 256]), 1023.0),
        (np.array([0, 0], np.uint16), 255.0),
    ],
)
def test_what_white_is(values, white):
    assert image_files._white(values) == pytest.approx(white, rel=0.02)


def test_floats_that_are_no_numbers():
    values = np.array([[np.nan, np.inf, -np.inf, 0.5]], np.float32)
    assert image_files._eight_bits(values).tolist() == [[0, 255, 0, 127]]


MODES = {
    "palette": lambda image: bytes_of(image.quantize(64), "PNG"),
    "GIF": lambda image: bytes_of(image.quantize(64), "GIF"),
    "CMYK": lambda image: bytes_of(image.convert("CMYK"), "TIFF"),
    "Lab": lambda image: bytes_of(lab(image), "TIFF"),
    "alpha": lambda image: bytes_of(image.convert("RGBA"), "PNG"),
    "JPEG 2000": lambda image: bytes_of(image, "JPEG2000"),
    "PPM": lambda image: bytes_of(image, "PPM"),
    "TGA": lambda image: bytes_of(image, "TGA"),
}


def lab(image):
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(image, *profiles, outputMode="LAB")


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_color(mode):
    pixels, size, turned = decode_image(MODES[mode](Image.fromarray(scene())))
    assert size == (WIDTH, HEIGHT) and not turned
    assert np.abs(pixels.astype(int) - scene()).mean() < 10


@pytest.mark.parametrize("way", WAYS)
def test_what_is_transparent_is_white_on_every_way(tmp_path, way):
    clear = Image.new("RGBA", (WIDTH, HEIGHT), (10, 20, 30, 0))
    assert way(bytes_of(clear, "PNG"), tmp_path, ".png").min() > 250


def png_with_a_clear_value(bits, channels):
    """A quarter of the brightest, which is transparent, a step more, and the brightest."""
    top = 2**bits - 1
    clear = top // 4
    values = np.repeat(np.array([clear, clear + top // 8 + 1, top]), 8)[None].repeat(16, 0)
    values = np.repeat(values, channels, axis=1)
    places = values[..., None] >> np.arange(bits)[::-1] & 1
    rows = np.packbits(places.reshape(16, -1).astype(np.uint8), axis=1)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))

    header = struct.pack(">IIBBBBB", 24, 16, bits, 0 if channels == 1 else 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"tRNS", struct.pack(">H", clear) * channels)
    data += chunk(b"IDAT", compress(b"".join(b"\0" + row.tobytes() for row in rows)))
    return data + chunk(b"IEND", b""), (clear + top // 8 + 1) * 255 / top


@pytest.mark.parametrize(
    "bits, channels", [(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)]
)
def test_a_value_that_counts_as_transparent_at_every_depth(bits, channels):
    data, beside = png_with_a_clear_value(bits, channels)
    clear, other, brightest = decode_image(data).pixels[8, [4, 12, 20]].astype(float)
    assert clear.min() == brightest.min() == 255
    assert np.abs(other - beside).max() < 2


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_size_is_that_of_the_decoded_image(format, orientation):
    data = oriented(format, orientation)
    assert image_size(data) == decode_image(data).pixels.shape[:2] == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "name, is_one",
    [
        *((f"a/B{ending}", True) for ending in (".jpg", ".JPEG", ".jfif", ".avif", ".ppm", ".pgm")),
        *((f"a{ending}", True) for ending in (".mpo", ".MPO", ".jif", ".pjpeg", ".jpe", ".dib")),
        *((f"a{ending}", True) for ending in (".jp2", ".tif", ".TIFF", ".webp", ".heic", ".NEF")),
        *((f"a{ending}", False) for ending in (".txt", ".mp4", ".csv", "", ".parquet")),
    ],
)
def test_names_of_images(name, is_one):
    assert is_image_name(name) is is_one


@pytest.mark.parametrize(
    "data, name, reason",
    [
        (b"", "a.jpg", "an empty file"),
        (b"x", "a.NEF", r"a \.nef file, which cannot be read here: export it as JPEG"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "a.heic", r"fermodels\[heic\]. to .* export it as"),
        (b"II*\0" + bytes(90), "a.tif", "damaged or cut off"),
        (b"a table, a text", "a.tga", "not an image"),
    ],
)
def test_what_cannot_be_decoded_says_why(monkeypatch, data, name, reason):
    monkeypatch.setattr(image_files, "formats", lambda: ("JPEG", "TIFF", "TGA"))
    with pytest.raises(ImageError, match=reason):
        decode_image(data, name=name)


def test_heic_is_read_where_pillow_heif_is_installed(monkeypatch):
    called = []
    plugin = types.SimpleNamespace(register_heif_opener=lambda: called.append(1))
    monkeypatch.setitem(sys.modules, "pillow_heif", plugin)
    image_files.formats.cache_clear()
    try:
        assert "JPEG" in image_files.formats() and called == [1]
    finally:
        image_files.formats.cache_clear()


def test_decoding_sets_no_filters_of_warnings():
    """It runs in threads, and the filters belong to the process."""
    with warnings.catch_warnings(record=True):
        before = list(warnings.filters)
        decode_image(oriented("JPEG", 6))
        assert list(warnings.filters) == before
