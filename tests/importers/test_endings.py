"""Whatever lies in a raw folder is read, or counted and named in the report."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from data_prep.io.endings import SOUNDS, VIDEOS, called, kind
from data_prep.io.raw import RawFile
from tests.fixtures.films import film
from tests.importers.fixtures import clip_sets
from tests.importers.fixtures.clips import write
from tests.importers.fixtures.importing import SMALL, reasons

pytestmark = pytest.mark.filterwarnings("ignore:.*has one view only")

IMAGES = {
    "straight.jpg": "JPEG",
    "full_left.JFIF": "JPEG",
    "half_left.avif": "AVIF",
    "full_right.ppm": "PPM",
    "half_right.jp2": "JPEG2000",
    "straight_2.pgm": "PPM",
    "straight_3.tif": "TIFF",
    "straight_4.webp": "WEBP",
    "straight_5.bmp": "BMP",
}


def noise(format):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def report_of(run, name, raw, *options):
    path = raw.parent / "report.json"
    code, _, error = run(name, raw, raw.parent / "o.parquet", "--report", path, *SMALL, *options)
    assert code == 0, error
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    "name, what",
    [
        *((f"a/b{ending}", "image") for ending in (".jpg", ".JFIF", ".avif", ".heic", ".nef")),
        *((f"a/b{ending}", "video") for ending in VIDEOS),
        *((f"a/b{ending.upper()}", "sound") for ending in SOUNDS),
        *((name, None) for name in ("a.txt", "a", ".mp4/a", "a.parquet", "b.csv")),
    ],
)
def test_kinds_by_their_endings(name, what):
    assert kind(RawFile(name, 1)) == what


def test_names_and_their_endings():
    for name, stem, ending in (
        ("a.b/c.D.MP4", "a.b/c.D", ".mp4"),
        ("a.b/c", "a.b/c", ""),
        ("é.jpg", "é", ".jpg"),
    ):
        assert (RawFile(name, 1).stem, RawFile(name, 1).ending) == (stem, ending)
    assert called(RawFile("a/readme", 1)) == "a file (without an ending)"


def test_images_of_all_kinds_are_read_and_the_rest_is_named(run, tmp_path):
    raw = tmp_path / "raw"
    for name, format in IMAGES.items():
        write(raw / "p1/happy" / name, noise(format))
    write(raw / "p1/happy/half_left_2.heic", b"\0\0\0\x18ftypheic" + bytes(50))
    write(raw / "p1/happy/film.mov", b"x")
    write(raw / "readme", b"x")
    report = report_of(run, "image-folder", raw)
    assert report["kept"] == len(IMAGES)
    why = reasons(report)
    assert set(why) == {"p1/happy/half_left_2.heic", "p1/happy/film.mov", "readme"}
    assert why["p1/happy/film.mov"] == "a video (.mov) that image-folder has no use for"
    assert why["readme"] == "a file (without an ending) that image-folder has no use for"


def test_tables_that_are_read_and_own_files_are_not_named(run, tmp_path):
    raw = tmp_path / "raw"
    write(raw / "a.jpg", noise("JPEG"))
    write(raw / "labels.csv", b"file,subject,view\na.jpg,anna,straight\n")
    options = ("--labels", raw / "labels.csv", *SMALL)
    code, _, error = run("image-folder", raw, raw / "o.parquet", "--report", raw / "r", *options)
    assert code == 0, error
    report = report_of(run, "image-folder", raw, "--labels", raw / "labels.csv")
    assert set(reasons(report)) == {"o.parquet", "r"}  # of the run before, into the raw folder


CONTAINERS = {".MP4": "mp4", ".mov": "mov", ".webm": "matroska", ".mkv": "matroska", ".flv": "flv"}


@pytest.mark.parametrize("ending", CONTAINERS)
@pytest.mark.parametrize("name", ["caer", "crema-d", "mead-clips", "meld", "ravdess", "voxceleb2"])
def test_clips_in_all_containers(run, tmp_path, name, ending):
    raw = tmp_path / "raw"
    data = film(0.4, sound=[(0, 0.4)], container=CONTAINERS[ending])
    if name == "caer":
        write(raw / f"train/Anger/0001{ending}", data)
        write(raw / "train/Anger/0001.avi", data)  # the same number again
    elif name == "meld":
        row = '1,Hi,Joey,joy,positive,0,0,1,1,"00:00:01,000","00:00:02,000"'
        write(raw / "train_sent_emo.csv", f"{clip_sets.MELD_HEADER}\n{row}\n".encode())
        write(raw / f"train_splits/dia0_utt0{ending}", data)
    elif name == "ravdess":
        write(raw / f"Actor_01/01-01-05-02-01-02-01{ending}", data)
        write(raw / "Actor_01/03-01-05-02-01-02-01.flac", b"x")
    elif name == "crema-d":
        write(raw / f"VideoFlash/1001_IEO_ANG_HI{ending}", data)
        write(raw / f"Videos/1001_IEO_ANG_HI{ending}", data)
    elif name == "mead-clips":
        write(raw / f"M003/video/front/angry/level_1/001{ending}", data)
        write(raw / f"M003/video/top/angry/level_1/001{ending}", data)
    else:
        write(raw / f"dev/mp4/id00012/21Uxsk56VDQ/00001{ending}", data)
    write(raw / "notes.txt", b"x")
    report = report_of(run, name, raw)
    assert report["kept"] == 1
    files = [path for path in raw.rglob("*") if path.is_file()]
    tables = name == "meld"
    assert report["kept"] + len(report["skipped"]) + tables == len(files)
    assert reasons(report)["notes.txt"] == f"a file (.txt) that {name} has no use for"
