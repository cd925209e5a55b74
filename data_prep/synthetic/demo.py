"""Image data sets as they lie on a disk, faults included, out of rendered faces.

For those who do not hold the real ones: notebook 08 and the tests import these instead. Names,
folders, sizes and faults are those of the originals, the people are not.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.importers.kdef import ANGLES, BLACK, MISNAMED
from data_prep.io import vocabulary
from data_prep.io.images import YAWS
from fermodels._shared.places import shipped_data
from fermodels.data import PreparedImages

CODES = {name: code.upper() for code, name in vocabulary.CODES["kdef"].items()}
ANGLE_OF = {view: angle for angle, view in ANGLES.items()}
ODD = "BM10ANFR"


@cache
def faces(protocol: str = "kdef") -> PreparedImages:
    """Rendered faces that ship with the course: "kdef" (adults) or "ddcf" (children)."""
    return PreparedImages.read(shipped_data(f"anny_views_{protocol}"))


def jpeg(pixels: np.ndarray, size: tuple[int, int] = (562, 762), quality: int = 94) -> bytes:
    """A face as KDEF's files hold one: its square in the middle of a taller image."""
    width, height = size
    face = Image.fromarray(pixels).resize((width, width), Image.Resampling.BILINEAR)
    image = Image.new("RGB", size, tuple(int(x) for x in pixels[0, 0]))
    image.paste(face, (0, (height - width) // 2))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, dpi=(72, 72))
    return buffer.getvalue()


def kdef_codes(subjects: Iterable[str]) -> list[str]:
    """The names of all 70 images of each of the people."""
    codes = []
    for session in "AB":
        for subject in subjects:
            codes += [session + subject + e + a for e in CODES.values() for a in ANGLES]
    return codes


def faulty_codes() -> list[str]:
    """A whole person and, of those whom KDEF's faults concern, the five views of that take."""
    codes = kdef_codes(["M02"])
    for code in sorted({*BLACK, *MISNAMED.values(), ODD}):
        codes += [code[:6] + angle for angle in ANGLES]
    return list(dict.fromkeys(codes))


def kdef_files(codes: Iterable[str], quality: int = 94) -> Iterator[tuple[str, bytes]]:
    """(path below KDEF_and_AKDEF, bytes) as published, with the black, odd and misnamed frames."""
    prepared = faces()
    table = prepared.table
    where = {
        row.session + row.subject + CODES[row.expression] + ANGLE_OF[row.view]: at
        for at, row in enumerate(table.itertuples())
    }
    published = {right: wrong for wrong, right in MISNAMED.items()}
    for code in codes:
        name = f"KDEF/{code[:4]}/{published.get(code, code)}.JPG"
        pixels = prepared.images([where[code]])[0]
        if code in BLACK:
            yield name, jpeg(np.zeros_like(pixels), quality=quality)
        else:
            yield name, jpeg(pixels, (970, 633) if code == ODD else (562, 762), quality)


def akdef_files() -> Iterator[tuple[str, bytes]]:
    """The flat folder of averaged faces, grey."""
    pixels = faces().images([0])[0].mean(axis=2, keepdims=True).repeat(3, axis=2).astype(np.uint8)
    for gender in "FM":
        for expression in CODES.values():
            yield f"AKDEF/{gender}{expression}FL.JPG", jpeg(pixels)


def write_folder(files: Iterable[tuple[str, bytes]], root: Path) -> Path:
    for name, data in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def write_zip(files: Iterable[tuple[str, bytes]], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def write_tar(files: Iterable[tuple[str, bytes]], path: Path) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def ddcf_files(subjects: int = 2, per_subject: int | None = None) -> Iterator[tuple[str, bytes]]:
    """Names in a made-up grammar, since DDCF's is not known: M01/happy_L60_light1.jpg."""
    prepared = faces("ddcf")
    table = prepared.table
    codes = dict(zip((-60, -30, 0, 30, 60), ("L60", "L30", "0", "R30", "R60"), strict=True))
    for subject in sorted(set(table["subject"]))[:subjects]:
        rows = table.index[table["subject"] == subject][:per_subject]
        for row in table.loc[rows].itertuples():
            light = {"L1": "light1", "L2": "light2"}[row.session]
            name = f"photos/{subject}/{row.expression}_{codes[row.yaw]}_{light}.jpg"
            yield name, jpeg(prepared.images([row.Index])[0], (120, 160), 85)


# A phone's image (W, H), and how wide the rendered square is in it.
PHONE, NEAR, FAR = (900, 1200), 480, 150
OWN_EXPRESSIONS = ("neutral", "happy", "angry", "surprised")


def own_files(seed: int = 8) -> Iterator[tuple[str, bytes]]:
    """Two people from five sides, as `subject/expression/view.jpg`, with what goes wrong.

    One image lies on its side and says so in its EXIF, one was taken from too far away, one from
    behind, one is HEIC, one has the name that the phone gave it, one is there twice.
    """
    from fermodels.faces import FaceRenderer, sample_person, sample_session, sample_take

    renderer, rng = FaceRenderer(NEAR), np.random.default_rng(seed)
    for name, gender, age in (("anna", "female", 34.0), ("ben", "male", 47.0)):
        person = sample_person(rng, gender, age)
        session = sample_session(rng, person)
        for expression in OWN_EXPRESSIONS:
            take = sample_take(rng, person, expression)
            behind = (name, expression) == ("anna", "surprised")
            yaws = [-165.0 if behind and yaw == -90 else yaw for yaw in YAWS.values()]
            pictures = renderer.render(person, session, take.actions, yaws, take.pose)
            for view, pixels in zip(YAWS, pictures, strict=True):
                what = (name, expression, view)
                place = "/".join(what)
                if what == ("ben", "angry", "straight"):
                    yield f"{place}.jpg", phone_jpeg(pixels, width=FAR)
                elif what == ("ben", "happy", "half_left"):
                    yield f"{place}.jpg", phone_jpeg(pixels, on_its_side=True)
                elif what == ("anna", "angry", "full_right"):
                    yield f"{place}.HEIC", b"\0\0\0\x18ftypheic" + bytes(2000)
                elif what == ("ben", "neutral", "full_right"):
                    yield f"{name}/{expression}/IMG_2031.jpg", phone_jpeg(pixels)
                else:
                    yield f"{place}.jpg", phone_jpeg(pixels)
                    if what == ("anna", "neutral", "straight"):
                        yield f"{place}_2.jpg", phone_jpeg(pixels)


def phone_jpeg(pixels: np.ndarray, width: int = NEAR, on_its_side: bool = False) -> bytes:
    """A rendered square (S, S, 3) as part of a phone's upright image, as JPEG."""
    face = np.asarray(Image.fromarray(pixels).resize((width, width)))
    sides, above = (PHONE[0] - width) // 2, (PHONE[1] - width) // 3
    room = ((above, PHONE[1] - width - above), (sides, PHONE[0] - width - sides), (0, 0))
    image, exif = Image.fromarray(np.pad(face, room, mode="edge")), Image.Exif()
    if on_its_side:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = 6  # to be turned by 90° clockwise
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85, exif=exif)
    return buffer.getvalue()
