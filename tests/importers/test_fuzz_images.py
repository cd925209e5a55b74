"""Damaged images, archives, tables and patterns: rows, or a sentence that names the file."""

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_prep.__main__ import IMPORTERS
from data_prep.io.raw import printable
from fermodels.data import PreparedImages
from tests.importers.fixtures import image_sets
from tests.importers.fixtures.damage import (
    INPUTS,
    all_said,
    damaged,
    garbled,
    inputs,
    thrower,
    watched,
)
from tests.importers.fixtures.images import (
    faces,
    multiface_files,
    write_folder,
    write_tar,
    write_zip,
)
from tests.importers.fixtures.importing import reasons

SMALL = ("--size", "16", "--jobs", "1")
NO_FACE = ("--crop", "none")
FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif", "GIF": "gif", "BMP": "bmp"}

pytestmark = pytest.mark.filterwarnings("ignore:.*has one view only")


def image(format="JPEG", number=2, size=(40, 50)):
    buffer = io.BytesIO()
    Image.fromarray(faces().images([number])[0]).resize(size).save(buffer, format)
    return buffer.getvalue()


@pytest.fixture
def thrown(run, tmp_path):
    return thrower(run, tmp_path, PreparedImages.read, SMALL)


def test_there_are_thousands_of_inputs_and_each_is_thrown():
    assert sum(INPUTS.values()) >= 3500
    here = Path(__file__).parents[1]
    tests = "".join(path.read_text(encoding="utf-8") for path in here.glob("*/test_fuzz_*.py"))
    asked = re.findall(r'\binputs\("([^"]+)"\)', tests)
    asked += [f"strangers to {name}" for name in IMPORTERS if 'f"strangers to {name}"' in tests]
    assert sorted(asked) == sorted(INPUTS)


def photographs(kind, size=(40, 50)):
    wholes = [(image(format, size=size), ending) for format, ending in FORMATS.items()]
    for number, rng in kind:
        whole, ending = wholes[number % len(wholes)]
        yield f"s{number:03d}/happy/straight.{ending}", damaged(whole, rng)


def test_images(thrown, tmp_path):
    files = dict(photographs(inputs("photographs")))
    _, _, about = thrown("image-folder", write_folder(files.items(), tmp_path / "raw"), *NO_FACE)
    all_said(about, files)
    assert 60 < about["kept"] < len(files) - 60


def test_images_in_which_faces_are_looked_for(thrown, tmp_path):
    kind = inputs("images with faces looked for")
    files = dict(photographs(kind, size=(160, 200)))
    _, _, about = thrown("image-folder", write_folder(files.items(), tmp_path / "raw"))
    all_said(about, files)
    assert about["counts"]["face_found"].get("True", 0) > 3


@pytest.mark.parametrize(
    "kind, ending", [(inputs("zip"), "zip"), (inputs("tar"), "tar"), (inputs("tar.gz"), "tar.gz")]
)
def test_archives(thrown, tmp_path, kind, ending):
    data = image(size=(24, 30))
    files = [(f"s{n}/happy/straight.jpg", data) for n in range(4)]
    path = tmp_path / f"images.{ending}"
    whole = (write_zip if ending == "zip" else write_tar)(files, path).read_bytes()
    codes = []
    for _, rng in kind:
        path.write_bytes(damaged(whole, rng))
        code, error, about = thrown("image-folder", path, *NO_FACE)
        codes.append(code)
        assert code == 0 or str(path) in error
    assert codes.count(2) > 20 and (ending == "tar.gz" or codes.count(0) > 5)


ODD_NAMES = (
    *("café", "cafe\u0301", "Ärger", "עברית", "\u202egnp", "😀" * 10, "名" * 60, "a\u200bb"),
    *("new\nline", "tab\there", "bell\x07", "\x1b[2Jclear", "$(touch x)", "`id`", "%s%n", "-rf"),
    *("'", '"', "a;b|c", "  ", "~", "*?", "CON", "name.", "\\", "..\\up", "C:\\x", "0" * 90),
    *("9" * 80, "\udcff", "\udcff\udcfe", "\ufeff", "\uffff", "\U0010ffff", "=1+1", "<b>&amp;"),
    *("...", "null", "nan", "1e9"),
)
LONG_NAMES = ("9" * 5000, " " * 60_000, "a/" * 3000 + "b", "../" * 50 + "up", "/absolute")


def test_odd_names_in_a_folder(thrown, tmp_path):
    root = os.fsencode(tmp_path / "raw")
    names = [ODD_NAMES[number] for number, _ in inputs("names in folders")]
    for name in names:
        folder = os.path.join(root, os.fsencode(name), b"happy")
        os.makedirs(folder)
        with open(os.path.join(folder, b"straight.jpg"), "wb") as file:
            file.write(image())
    _, _, about = thrown("image-folder", tmp_path / "raw", *NO_FACE)
    # "café" in both of Unicode's forms is one person: the second image is left out.
    assert about["kept"] == len(names) - 1 and len(about["skipped"]) == 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(about["skipped"][0].values()))


def test_odd_names_in_archives(thrown, tmp_path):
    kinds = [inputs("names in zips"), inputs("names in tars")]
    for write, ending, kind in zip((write_zip, write_tar), ("zip", "tar"), kinds, strict=True):
        names = [(*ODD_NAMES, *LONG_NAMES)[number] for number, _ in kind]
        if ending == "zip":  # which holds text, or bytes of an old code page
            names = [name.encode("utf-8", "replace").decode() for name in names]
        files = [(f"{name}/happy/straight.jpg", image()) for name in names]
        _, _, about = thrown("image-folder", write(files, tmp_path / f"a.{ending}"), *NO_FACE)
        assert about["kept"] + len(about["skipped"]) == len(names)
        assert about["kept"] > len(ODD_NAMES) - 9
        for entry in about["skipped"]:
            assert entry["file"] == printable(entry["file"]) and len(entry["reason"]) > 3


def test_links_and_what_is_no_file(thrown, tmp_path):
    root = write_folder([("ann/happy/straight.jpg", image())], tmp_path / "raw")
    person, outside = root / "ann/happy", write_folder([("x.jpg", image())], tmp_path / "other")
    targets = {
        **{"half_left.jpg": "half_left.jpg", "half_right.jpg": "full_right.jpg"},
        **{"full_right.jpg": "half_right.jpg", "up": "..", "itself": ".", "root": str(root)},
        **{"out.jpg": str(outside / "x.jpg"), "gone.jpg": "nowhere.jpg", "all": "/"},
        **{"zero.jpg": "/dev/zero", "long.jpg": "x" * 4000, "passwd.jpg": "/etc/passwd"},
    }
    names = [list(targets)[number] for number, _ in inputs("links")]
    for name in names:
        os.symlink(targets[name], person / name)
    os.mkfifo(person / "full_left.jpg")  # to open it would wait for ever
    _, _, about = thrown("image-folder", root, *NO_FACE)
    assert about["kept"] == 1
    why = {name.rpartition("/")[2]: reason for name, reason in reasons(about).items()}
    assert why.pop("full_left.jpg") == "not a regular file"
    assert set(why) == set(names) and all(" link" in reason for reason in why.values())


@pytest.fixture
def labelled(tmp_path):
    """Six images and a table of them."""
    names = [f"{n}.jpg" for n in range(6)]
    write_folder([(name, image()) for name in names], tmp_path / "raw")
    rows = [f'{name},S{n},happy,straight,{n},"a, b",7.5' for n, name in enumerate(names)]
    return "\r\n".join(["file,subject,expression,view,yaw,session,age", *rows])


BITS = (
    *(",", ";", "\t", '"', "\n", "\r", "\0", "\ufeff", "é", "😀", "−1", "nan", "1e999", "inf"),
    *(
        "9" * 5000,
        "," * 400,
        "file",
        "_warning",
        "_item",
        "split",
        "x" * 140_000,
        "../x",
        "=cmd",
    ),
)


def test_tables_of_labels(thrown, tmp_path, labelled):
    table, codes = tmp_path / "labels.csv", []
    for number, rng in inputs("tables of labels"):
        data = garbled(labelled, rng, BITS).encode()
        table.write_bytes(damaged(data, rng) if number % 2 else data)
        code, error, about = thrown("image-folder", tmp_path / "raw", "--labels", table, *NO_FACE)
        codes.append(code)
        # A table of which no row can be used is not at fault in itself.
        assert code == 0 or "labels.csv" in error or "out.parquet" in error
        assert code == 0 or len(error) < 4000
    assert codes.count(2) > 20 and codes.count(0) > 20


def test_patterns(run, tmp_path):
    names = ("F01/happy_0_l1.jpg", "F01/sad_L30_l1.jpg", "F02/happy_R30_l2.jpg", "é/sad_0_l1.jpg")
    raw = write_folder([(name, image()) for name in names], tmp_path / "raw")
    whole = r"(?P<subject>\w+)/(?P<expression>[a-z]+)_(?P<view>\w+)_(?P<session>l\d)"
    bits = (*"()[]{}*+?|\\^$.", "(?P<yaw>", "(?P<file>.*)", r"\1", "{9999}", "é", "[z-a]", "\0")
    mild = ("", ".*", "^", "$", "()", "(?P<age>)", "(?P<_warning>.?)", "(?P<split>.*)", r"\b", "é?")
    codes = []
    for number, rng in inputs("patterns"):
        out = tmp_path / "out.parquet"
        out.unlink(missing_ok=True)
        pattern = garbled(whole, rng, bits)
        if number % 2:  # mostly still a pattern
            pattern = rng.choice(mild) + whole + rng.choice(mild)
        options = ["--pattern=" + pattern, "--views", "L30=-30,0=0,R30=30", *SMALL, *NO_FACE]
        options += ["--dry-run"] if number % 3 else []
        with watched(tmp_path, may_change=(out,)):
            code, printed, error = run("ddcf", raw, out, *options)
        codes.append(code)
        assert code in (0, 2) and out.exists() == (code == 0 and "--dry-run" not in options)
        assert (
            printed if code == 0 else re.search("--pattern|pattern|read alike|expressions", error)
        )
    assert codes.count(2) > 40 and codes.count(0) > 10


def test_cameras(thrown, tmp_path):
    root = write_folder(multiface_files(expressions=("E001",), frames=(102,)), tmp_path / "raw")
    file = next(root.glob("*/KRT"))
    whole, codes = file.read_bytes(), []
    for number, rng in inputs("cameras"):
        bits = ("nan", "1e308", "inf", "-", "\n", "\n\n", "0 0 0 0", "é", "400002")
        data = garbled(whole.decode(), rng, bits).encode() if number % 2 else damaged(whole, rng)
        file.write_bytes(data)
        code, error, about = thrown("multiface", root, "--limit", "1", *NO_FACE)
        codes.append(code)
        assert code == 0 or "GHS/KRT" in error or "chosen by KRT" in error
        if code == 0:
            yaw = PreparedImages.read(tmp_path / "out.parquet").table["yaw"]
            assert np.isfinite(yaw).all()
    assert codes.count(2) > 20


NAMES = {
    "rafd": "Rafd045_07_Caucasian_female_angry_left",
    "manyfaces": "MF0004_0007_std_hap_l45",
    "multi-pie": "001_02_03_051_07",
}


def test_names_of_image_sets(thrown, tmp_path):
    bits = ("_", "0", "9", "²", "٣", "é", "ſ", "K", " ", "left", "kid", "L90", "std", "9" * 60)
    files = {maker: {} for maker in NAMES}
    for number, rng in inputs("names in image sets"):
        maker = list(NAMES)[number % len(NAMES)]
        name = garbled(NAMES[maker], rng, bits) + rng.choice((".jpg", ".JPG", ".png"))
        files[maker][f"{rng.choice('ab')}/{name}"] = image(number=number % 5)
    for maker, named in files.items():
        whole = {f"a/{NAMES[maker]}.jpg": image()}
        raw = write_folder((named | whole).items(), tmp_path / maker)
        code, error, about = thrown(maker, raw, *NO_FACE)
        assert code == 0, error
        all_said(about, named | whole)
        assert 1 <= about["kept"] < len(named)


def test_lists_of_labels(thrown, tmp_path):
    root = write_folder(image_sets.raf_db(), tmp_path / "raw")
    file, codes = root / "basic/EmoLabel/list_patition_label.txt", []
    whole = file.read_bytes()
    bits = (
        "\n",
        " ",
        "9",
        "-1",
        "train_",
        "\0",
        "é",
        "\ufeff",
        "9" * 5000,
        "x" * 9000,
        "\u2028",
        "²",
    )
    for number, rng in inputs("lists of labels"):
        data = garbled(whole.decode(), rng, bits).encode() if number % 2 else damaged(whole, rng)
        file.write_bytes(data)
        code, error, about = thrown("raf-db", root, *NO_FACE)
        codes.append(code)
        assert code == 0 or "list_patition_label.txt" in error
        assert all(3 < len(reason) < 600 for reason in reasons(about).values())
    assert codes.count(2) > 3 and codes.count(0) > 20


@pytest.mark.parametrize(
    "kind, name",
    [
        (inputs("votes of FER+"), "FERPlus/fer2013new.csv"),
        (inputs("tables of pixels"), "fer2013/fer2013.csv"),
    ],
    ids=["votes", "pixels"],
)
def test_tables_of_votes_and_pixels(thrown, tmp_path, kind, name):
    root = write_folder(image_sets.fer_plus(), tmp_path / "raw")
    file, codes = root / name, []
    whole = file.read_bytes()
    for number, rng in kind:
        data = garbled(whole.decode(), rng, BITS).encode() if number % 2 else damaged(whole, rng)
        file.write_bytes(data)
        code, error, about = thrown("fer-plus", root, *NO_FACE)
        codes.append(code)
        assert code == 0 or name in error
        assert code == 0 or len(error) < 4000
        assert all(3 < len(reason) < 600 for reason in reasons(about).values())
    assert codes.count(2) > 5 and codes.count(0) > 5
