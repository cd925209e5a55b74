"""From a plain folder of images to embeddings."""

import os
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from fermodels.data import PreparedError, PreparedImages
from fermodels.data.image_files import to_rgb
from fermodels.data.names import natural_key
from tests.fixtures.images import make_tiny


@pytest.fixture(scope="module")
def shown():
    """Faces (40, 48, 48, 3), all different."""
    return make_tiny(4, ["happy", "sad"], size=48, sessions=["A"]).images()


@pytest.fixture
def pictures(tmp_path, shown):
    """A function that fills a folder: file names → what is in the file, or None for a face."""

    def fill(names, folder="pictures"):
        root = tmp_path / folder
        root.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = names[name] if isinstance(names, dict) else None
            if content is None:
                content = Image.fromarray(shown[number % len(shown)])
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                content.save(path)
        return root

    return fill


def test_five_lines(pictures, tmp_path, monkeypatch):
    """What README promises, with the images of this test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FERMODELS_PROGRESS", "0")
    pictures([f"im{i:02}.jpg" for i in range(40)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)

        from fermodels import evaluation
        from fermodels.data import PreparedImages
        from fermodels.training import recipes

        images = PreparedImages.from_folder("pictures/")
        encoder, history = recipes.pretrain("simclr", images, images_seen=100)
        h = evaluation.embed(encoder, images)  # (N, 256)

    assert h.shape == (40, 256) and np.isfinite(h).all() and len(history) == 3
    again = PreparedImages.read(images.write("pictures.parquet"))
    assert again.fingerprint() == images.fingerprint()


def test_what_is_known_of_an_image(pictures, shown):
    folder = pictures(["im10.png", "im9.png", "sub/b.png", "Im1.PNG", "im09.png"])
    images = PreparedImages.from_folder(folder)
    names = ["Im1.PNG", "im9.png", "im09.png", "im10.png", "sub/b.png"]
    assert sorted(images.table["instance"]) == sorted(names)
    assert images.table["instance"].tolist()[0] == "Im1.PNG"
    assert images.table["instance"].tolist()[-2:] == ["im10.png", "sub/b.png"]
    assert images.image_size == (96, 96) and (images.labels == -1).all()
    assert not images.known_subjects.any() and images.views == ("unknown",)
    assert images.table["yaw"].isna().all() and images.metadata["name"] == "pictures"
    at = images.table["instance"].tolist().index("sub/b.png")
    want = np.asarray(Image.fromarray(shown[2]).resize((96, 96), Image.LANCZOS), int)
    assert np.abs(images.images([at])[0] - want).mean() < 6  # WebP


def test_the_middle_of_an_image_upright(pictures):
    """Red at the top, blue at the bottom, green in the middle; the short side is the width."""
    tall = np.zeros((120, 40, 3), np.uint8)
    tall[:40], tall[40:80], tall[80:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = pictures({"tall.png": Image.fromarray(tall)})
    Image.fromarray(tall).transpose(Image.Transpose.ROTATE_90).save(
        folder / "turned.jpg", exif=exif, quality=95
    )
    wide = np.concatenate([tall] * 6, axis=1)  # 120 × 240
    Image.fromarray(wide).save(folder / "wide.png")
    images = PreparedImages.from_folder(folder, size=40)
    middle, turned, square = images.images().astype(int)
    assert np.abs(middle - (0, 255, 0)).mean() < 12
    assert np.abs(turned - (0, 255, 0)).mean() < 20
    assert square[:8, :, 0].min() > 150 and square[-8:, :, 2].min() > 150


def test_large_images_are_decoded_in_part(pictures):
    large = np.zeros((1200, 1600, 3), np.uint8)
    large[:600] = 255
    images = PreparedImages.from_folder(pictures({"a.jpg": Image.fromarray(large)}), size=32)
    assert images.image_size == (32, 32)
    assert images.images()[0, :14].min() > 240 and images.images()[0, -14:].max() < 15


def modes():
    grey = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
    rgb = Image.fromarray(np.stack([grey] * 3, -1))
    alpha = rgb.convert("RGBA")
    alpha.putalpha(
        Image.fromarray(np.where(np.arange(64)[:, None] < 32, 255, 0 * grey)).convert("L")
    )
    return {
        "l.png": rgb.convert("L"),
        "p.png": rgb.convert("P"),
        "p.gif": rgb.convert("P"),
        "one.png": rgb.convert("1"),
        "cmyk.jpg": rgb.convert("CMYK"),
        "i16.png": Image.fromarray(grey.astype(np.uint16) * 256),
        "i.tif": Image.fromarray(grey.astype(np.int32) * 257),
        "f.tif": Image.fromarray(grey.astype(np.float32) / 255),
        "rgba.png": alpha,
        "la.png": alpha.convert("LA"),
    }


@pytest.mark.parametrize("name", modes())
def test_every_mode_becomes_rgb(pictures, name):
    images = PreparedImages.from_folder(pictures({name: modes()[name]}), size=64)
    pixels = images.images()[0].astype(int)
    assert pixels[8, 60].min() > 215 and pixels[8, 3].max() < 60, pixels[8, [3, 60]]
    if "a" in name.partition(".")[0]:  # transparent: white below
        assert pixels[50].min() > 245


def test_labels_by_folder(pictures):
    folder = pictures(["happy/a.png", "Sad/b.png", "wild guess/deep/er/c.png", "top.png"])
    images = PreparedImages.from_folder(folder, labels="folders")
    shown = dict(zip(images.table["instance"], images.table["expression"], strict=True))
    assert shown == {
        "happy/a.png": "happy",
        "Sad/b.png": "sad",
        "wild guess/deep/er/c.png": "er",
        "top.png": None,
    }
    assert images.expressions == ("happy", "sad", "er")
    assert sorted(images.labels) == [-1, 0, 1, 2]
    with pytest.raises(PreparedError, match="takes the expression from the folder .* all 1 images"):
        PreparedImages.from_folder(pictures(["a.png"], "flat"), labels="folders")
    with pytest.raises(ValueError, match="labels is 'folders' or None, not 'names'"):
        PreparedImages.from_folder(folder, labels="names")


@pytest.mark.parametrize(
    "subject",
    [
        r"(?P<subject>s\d+)_",
        r"(s\d+)_\d",
        re.compile(r"s\d+(?=_)"),
        lambda name: name.rpartition("/")[2].split("_")[0] if "_" in name else None,
    ],
)
def test_subjects_from_names(pictures, subject):
    folder = pictures(["a/s1_1.png", "a/s1_2.png", "b/s2_1.png", "other.png"])
    images = PreparedImages.from_folder(folder, subject=subject)
    assert images.table["subject"].tolist() == ["s1", "s1", "s2", "unknown:other.png"]
    assert images.known_subjects.tolist() == [True, True, True, False]


def test_what_is_passed_over(pictures):
    folder = pictures(["a.png", ".hidden.png", ".folder/b.png", "._a.png", "__MACOSX/a.png"])
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    (folder / "labels.csv").write_text("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = PreparedImages.from_folder(folder)
    assert images.table["instance"].tolist() == ["a.png"]


def test_links_are_followed_and_circles_are_not(pictures, tmp_path):
    folder, other = pictures(["a.png"]), pictures(["b.png"], "elsewhere")
    try:
        (folder / "link").symlink_to(other)
        (other / "back").symlink_to(folder)
    except OSError:
        pytest.skip("this system has no links")
    images = PreparedImages.from_folder(folder)
    assert images.table["instance"].tolist() == ["a.png", "link/b.png"]


def test_broken_files_are_named_once(pictures):
    good = ["a.png", "b.png"]
    folder = pictures(good)
    whole = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no image")
    (folder / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    with pytest.warns(UserWarning) as remarks:
        images = PreparedImages.from_folder(folder)
    (remark,) = (str(r.message) for r in remarks)
    assert "4 of 6 images cannot be read and are left out: cut.png (" in remark
    assert "empty.jpg (an empty file); phone.HEIC (HEIC: pip install 'fermodels" in remark
    assert "and 1 more" in remark
    assert images.table["instance"].tolist() == good
    for name in good:
        (folder / name).unlink()
    with pytest.raises(PreparedError, match="4 of 4 images cannot be read"):
        PreparedImages.from_folder(folder)


def test_reading_leaves_the_filters_of_warnings_as_they_were(pictures):
    """Threads that each set and restored them left "ignore" behind, now and then."""
    folder = pictures([f"{i:03}.png" for i in range(200)])
    for _ in range(5):
        before = list(warnings.filters)
        PreparedImages.from_folder(folder)
        assert list(warnings.filters) == before


def test_home_and_names_that_are_no_text(pictures, tmp_path, monkeypatch):
    folder = pictures(["a.png"])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    try:
        os.rename(folder / "a.png", os.fsencode(folder) + b"/\xff.png")
    except OSError:
        pytest.skip("this file system has no such names")
    images = PreparedImages.from_folder("~/pictures")
    assert images.table["instance"].tolist() == ["\\xff.png"]
    images.write(tmp_path / "x.parquet")
    images.fingerprint()


def test_nothing_to_read(pictures, tmp_path):
    with pytest.raises(PreparedError, match="there is no folder nowhere .looked in"):
        PreparedImages.from_folder("nowhere")
    folder = pictures({"a.txt": b"x", "b.csv": b"x"})
    with pytest.raises(PreparedError, match=r"no image in this folder.*\(2 other files, such as "):
        PreparedImages.from_folder(folder)
    with pytest.raises(PreparedError, match=r"no image in this folder.*\(no files\)"):
        PreparedImages.from_folder(pictures({}, "empty"))
    path = tmp_path / "x.parquet"
    path.write_bytes(b"x")
    with pytest.raises(PreparedError, match="is a file, not a folder.*PreparedImages.read opens"):
        PreparedImages.from_folder(path)
    with pytest.raises(PreparedError, match="from_folder takes a folder of images as it is"):
        PreparedImages.read(folder)


@pytest.mark.parametrize("size", [0, 7, 96.0, True, None, "96"])
def test_sizes_that_are_none(pictures, size):
    with pytest.raises(ValueError, match="size is a number of pixels from 8 to 4096"):
        PreparedImages.from_folder(pictures(["a.png"]), size=size)


def test_subjects_that_are_none(pictures):
    folder = pictures(["a.png"])
    with pytest.raises(ValueError, match=r"subject='\(' is no regular expression"):
        PreparedImages.from_folder(folder, subject="(")
    with pytest.raises(ValueError, match="subject is a function or a regular expression, not 3"):
        PreparedImages.from_folder(folder, subject=3)


def test_natural_order():
    names = ["b", "a10", "a9", "A9b", "a09", "a", "9" * 5000, "10"]
    assert sorted(names, key=natural_key)[:2] == ["10", "9" * 5000]
    assert sorted(["im10", "im9", "im1"], key=natural_key) == ["im1", "im9", "im10"]


def test_a_palette_with_transparency():
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([10, 20, 30] * 256)
    picture.info["transparency"] = 0
    assert np.asarray(to_rgb(picture)).min() == 255
