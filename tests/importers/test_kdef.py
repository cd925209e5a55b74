"""KDEF: its names, its published faults, its copies in circulation."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from data_prep.__main__ import main
from data_prep.importers.kdef import ANGLES, BLACK, MISNAMED
from data_prep.importers.subject_splits import KDEF_SUBJECTS, read_split
from fermodels.data import EXPRESSIONS, VIEWS, PreparedImages
from tests.importers.fixtures.images import (
    CODES,
    ODD,
    akdef_files,
    faces,
    faulty_codes,
    jpeg,
    kdef_codes,
    kdef_files,
    write_folder,
    write_tar,
    write_zip,
)

OPTIONS = ("--crop", "none", "--jobs", "1")


@pytest.fixture(scope="module")
def published():
    """KDEF_and_AKDEF with every published fault: (path, bytes)."""
    files = [*kdef_files(faulty_codes()), *akdef_files()]
    files += [("KDEF/AF01/._AF01AFFL.JPG", b"\0\5\x16\7"), ("KDEF/AF01/Thumbs.db", b"x")]
    files += [("KDEF/Read me.txt", b"The Karolinska Directed Emotional Faces")]
    return [("KDEF_and_AKDEF/" + name, data) for name, data in files]


@pytest.fixture(scope="module")
def folder(published, tmp_path_factory):
    return write_folder(published, tmp_path_factory.mktemp("kdef"))


@pytest.fixture(scope="module")
def whole(folder, inline_module, tmp_path_factory):
    """It imported: the table and the report."""
    place = tmp_path_factory.mktemp("imported")
    out, report = place / "kdef.parquet", place / "report.json"
    assert main(["kdef", str(folder), str(out), "--report", str(report), *OPTIONS]) == 0
    return PreparedImages.read(out), json.loads(report.read_text())


@pytest.fixture(scope="module")
def session():
    return dict(kdef_files(code for code in kdef_codes(["F02"]) if code.startswith("A")))


@pytest.fixture
def few(session):
    """The 35 images of one session of one person, to be changed."""
    return dict(session)


@pytest.fixture
def imported(run, tmp_path):
    """Imports a raw folder or dictionary of files; gives the table and the report."""

    def imported(raw, *options):
        if isinstance(raw, dict):
            shutil.rmtree(tmp_path / "raw", ignore_errors=True)
            raw = write_folder(raw.items(), tmp_path / "raw")
        out, report = tmp_path / "kdef.parquet", tmp_path / "report.json"
        out.unlink(missing_ok=True)
        code, _, error = run("kdef", raw, out, "--report", report, *OPTIONS, *options)
        about = json.loads(report.read_text())
        if code:
            assert not out.exists() and about["error"] in error
            return code, error, about
        return PreparedImages.read(out), about

    return imported


def reasons(about):
    return {item["file"].rpartition("/")[2]: item["reason"] for item in about["skipped"]}


# -------------------------------------------------------------------------- the published set


def test_every_published_fault(whole):
    prepared, about = whole
    table = prepared.table
    skipped = reasons(about)
    left_out = {f"{code}.JPG" for code in {*BLACK, ODD}} | {
        name.rpartition("/")[2] for name, _ in akdef_files()
    }
    assert set(skipped) == left_out | {"Read me.txt"}
    assert {skipped[f"{code}.JPG"] for code in BLACK} == {"a black frame"}
    assert skipped[f"{ODD}.JPG"] == "970×633 pixels, the others have 562×762"
    assert skipped["FAFFL.JPG"].startswith("an average of faces (AKDEF)")
    assert {(item["file"].rpartition("/")[2], item["what"]) for item in about["repaired"]} == {
        (f"{wrong}.JPG", f"misnamed in KDEF: it is {right}") for wrong, right in MISNAMED.items()
    }
    repaired = table[table["file"].str.endswith("AF31V.JPG")].iloc[0]
    assert (repaired["subject"], repaired["expression"]) == ("F31", "sad")
    assert (repaired["view"], repaired["session"]) == ("half_left", "A")
    repaired = table[table["file"].str.endswith("AM31H.JPG")].iloc[0]
    assert (repaired["subject"], repaired["expression"]) == ("M31", "surprised")
    assert (repaired["view"], repaired["yaw"]) == ("half_right", 45)
    assert about["found"] == len(faulty_codes()) + 14 and about["junk"] == 2
    assert about["kept"] == len(prepared) == len(faulty_codes()) - len(BLACK) - 1
    assert sum(about["counts"]["view"].values()) == about["kept"]
    assert any("of KDEF's 70 people" in text for text in about["warnings"])


def test_the_rows_are_what_the_names_say(whole):
    table = whole[0].table
    own = table[table["subject"] == "M02"]
    assert len(own) == 70 and set(own["gender"]) == {"male"}
    assert own["session"].value_counts().to_dict() == {"A": 35, "B": 35}
    assert (own.groupby("instance")["view"].nunique() == 5).all()
    assert own["instance"].nunique() == 14
    assert set(own["expression"]) == set(EXPRESSIONS[:7])
    assert (own["expression"].map(CODES) == own["original_label"]).all()
    assert dict(zip(own["view"], own["yaw"], strict=True)) == dict(
        zip(VIEWS, (-90, -45, 0, 45, 90), strict=True)
    )
    for row in own.itertuples():
        code = row.file.rpartition("/")[2].removesuffix(".JPG")
        assert code == row.session + "M02" + row.original_label + code[6:]
        assert ANGLES[code[6:]] == row.view
    assert list(table) == [
        *("subject", "expression", "view", "yaw", "pitch", "session", "instance"),
        *("gender", "original_label", "fold", "split", "file", "face_found", "crop_outside"),
    ]
    assert table["subject"].tolist() == sorted(table["subject"])


def test_sessions_a_and_b_are_one_person_and_no_split_parts_them(whole):
    prepared, _ = whole
    assert set(prepared.table.query("session == 'A'")["subject"]) >= {"F01", "M02"}
    assert set(prepared.table.query("session == 'B'")["subject"]) >= {"F13", "M02"}
    assert (prepared.table.groupby("subject")["fold"].nunique() == 1).all()
    prepared.check_split(prepared.split("official"))
    assert (
        prepared.table["split"] == prepared.table["subject"].map(read_split("kdef_holdout"))
    ).all()
    assert prepared.metadata["splits"]["fold"] == "data_prep/splits/kdef_10fold.csv"


def test_images_are_of_the_right_row(whole, folder):
    prepared, _ = whole
    rows = prepared.table.query("subject == 'M02'").index[::9]
    for row in rows:
        name = prepared.table.loc[row, "file"]
        with Image.open(folder / name) as whole:
            expected = np.asarray(whole.resize((70, 96), Image.Resampling.BOX), float)
        assert np.abs(prepared.images([row])[0][:, 13:83] - expected).mean() < 6
        others = prepared.images([r for r in rows if r != row])[:, :, 13:83]
        assert (np.abs(others - expected).mean(axis=(1, 2, 3)) > 6).all()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_the_archive_as_downloaded_gives_the_same_rows(kind, whole, imported, published, tmp_path):
    write = write_zip if kind == "zip" else write_tar
    archived, about = imported(write(published[::-1], tmp_path / f"KDEF_and_AKDEF.{kind}"))
    assert archived.fingerprint() == whole[0].fingerprint()
    assert about["junk"] == 2 and len(about["repaired"]) == 2


def test_any_folder_around_the_images_will_do(imported, few):
    for prefix in ("KDEF_and_AKDEF/", "data/raw/KDEF_and_AKDEF/", ""):
        prepared, _ = imported({prefix + name: data for name, data in few.items()})
        assert len(prepared) == 35 and set(prepared.table["subject"]) == {"F02"}


# ----------------------------------------------------------------------------------- variants


def test_a_black_frame_that_is_not_on_the_list_is_left_out(imported, few):
    few["KDEF/AF02/AF02NES.JPG"] = jpeg(np.zeros((96, 96, 3), np.uint8))
    prepared, about = imported(few)
    assert len(prepared) == 34 and reasons(about) == {"AF02NES.JPG": "a black frame"}


def test_a_listed_black_frame_with_a_image_is_kept_with_a_note(imported, few):
    few["KDEF/AF01/AF01SUFR.JPG"] = few["KDEF/AF02/AF02SUFR.JPG"]
    prepared, about = imported(few)
    assert len(prepared) == 36 and not about["skipped"]
    assert any("AF01SUFR.JPG: a black frame in KDEF as published" in t for t in about["warnings"])


def test_odd_sizes_can_be_kept(imported, few):
    few["KDEF/AF02/AF02NES.JPG"] = jpeg(faces().images([2])[0], (970, 633))
    prepared, about = imported(few)
    assert len(prepared) == 34 and "970×633" in reasons(about)["AF02NES.JPG"]
    prepared, about = imported(few, "--odd-sizes", "keep")
    assert len(prepared) == 35 and not about["skipped"] and "width" not in prepared.table


def test_a_resized_copy_is_told_but_kept(imported, few):
    small = {name: jpeg(faces().images([2])[0], (244, 331)) for name in few}
    prepared, about = imported(small)
    assert len(prepared) == 35 and not about["skipped"]
    assert any("244×331" in text and "resized copy" in text for text in about["warnings"])


def test_letters_of_either_case_and_other_formats(imported, few):
    other = {}
    for number, (name, data) in enumerate(few.items()):
        folder, _, file = name.rpartition("/")
        other[f"{folder}/{[file.lower(), file[:-3] + 'jpg', file[:-3] + 'jpeg'][number % 3]}"] = (
            data
        )
    prepared, about = imported(other)
    assert len(prepared) == 35 and set(prepared.table["subject"]) == {"F02"}
    assert not about["skipped"]


def test_duplicates_are_reported_and_the_whole_one_is_kept(imported, few):
    name, other = "KDEF/AF02/AF02NES.JPG", "KDEF/AF02/AF02NEFL.JPG"
    whole = few[name]
    few["copy/AF02NES.JPG"] = whole
    few["copy/AF02NEFL.jpg"], few[other] = few[other], few[other][:4000]  # the first is cut off
    few["again/AF02NES.JPG"] = whole[:-1] + b"\0"
    prepared, about = imported(few)
    assert len(prepared) == 35
    left_out = {item["file"]: item["reason"] for item in about["skipped"]}
    assert left_out == {
        "KDEF/AF02/AF02NES.JPG": "a duplicate (the same bytes) of a file that is kept",
        "again/AF02NES.JPG": "a duplicate (of the same name) of a file that is kept",
        "KDEF/AF02/AF02NEFL.JPG": "a duplicate (of the same name) of a file that is kept",
    }
    kept = set(prepared.table["file"])
    assert {"copy/AF02NES.JPG", "copy/AF02NEFL.jpg"} <= kept


def test_the_misnamed_and_the_right_name_are_one_image(imported, few):
    few["KDEF/AF31/AF31V.JPG"] = few["KDEF/AF31/AF31SAHL.JPG"] = few["KDEF/AF02/AF02NES.JPG"]
    prepared, about = imported(few)
    assert len(prepared) == 36 and len(about["skipped"]) == 1


def test_damaged_images_do_not_stop_it(imported, few):
    names = sorted(few)
    few[names[0]] = few[names[0]][: len(few[names[0]]) // 2]
    few[names[1]] = b""
    few[names[2]] = b"<html>404</html>"
    few[names[3]] = bytes(20_000)
    prepared, about = imported(few)
    assert len(prepared) == 31
    seen = [reasons(about)[name.rpartition("/")[2]] for name in names[:4]]
    assert "damaged or cut off" in seen[0] and "an empty file" in seen[1]
    assert "not an image" in seen[2] and "nothing but zeros" in seen[3]


def test_other_names_are_reported(imported, few):
    data = few["KDEF/AF02/AF02NES.JPG"]
    other = ["AF36NES", "AF00NES", "CF02NES", "AF02XXS", "AF02NEUP", "AF02NES (1)", "AF2NES"]
    prepared, about = imported(few | {f"KDEF/AF02/{name}.JPG": data for name in other})
    assert len(prepared) == 35
    assert reasons(about) == {f"{name}.JPG": "its name is not one of KDEF's" for name in other}


def test_a_file_in_the_folder_of_another_is_told(imported, few):
    few["KDEF/BM05/AF01NES.JPG"] = few["KDEF/AF02/AF02NES.JPG"]
    prepared, about = imported(few)
    assert "F01" in set(prepared.table["subject"])
    assert any("AF01NES.JPG lies in the folder BM05" in text for text in about["warnings"])


def test_mirrored_swaps_left_and_right(imported, few):
    straight, _ = imported(few)
    mirrored, _ = imported(few, "--mirrored")
    turned = straight.table.set_index("file")["yaw"]
    assert (mirrored.table.set_index("file")["yaw"][turned.index] == -turned).all()
    views = dict(zip(mirrored.table["view"], mirrored.table["yaw"], strict=True))
    assert views == dict(zip(VIEWS, (-90, -45, 0, 45, 90), strict=True))


# ------------------------------------------------------------------------------- wrong places


def test_one_persons_folder_is_recognised(imported, few):
    prepared, about = imported({name.rpartition("/")[2]: data for name, data in few.items()})
    assert len(prepared) == 35
    assert any("one person and session (AF02)" in text for text in about["warnings"])


def test_akdef_is_recognised(imported):
    code, error, about = imported(dict(akdef_files()))
    assert code == 2 and "this looks like AKDEF" in error and "AF01ANFL.JPG" in error
    assert about["kept"] == 0 and len(about["skipped"]) == 14


@pytest.mark.parametrize(
    "files, seen",
    [
        ({}, "no files at all"),
        ({"readme.txt": b"x"}, "no images among 1 files"),
        ({"KDEF_and_AKDEF.zip": b"x"}, "archives .*KDEF_and_AKDEF.zip.*give one of them"),
        ({"happy/a.jpg": b"x", "happy/b.jpg": b"x"}, "2 images, such as happy/a.jpg"),
    ],
)
def test_what_is_there_instead_is_said(run, tmp_path, files, seen):
    (tmp_path / "raw").mkdir()
    write_folder(files.items(), tmp_path / "raw")
    code, _, error = run("kdef", tmp_path / "raw", tmp_path / "o.parquet", *OPTIONS)
    assert code == 2 and "expected: images with names like AF01ANFL.JPG" in error
    assert re.search(f"seen: .*{seen}", error)
    assert not (tmp_path / "o.parquet").exists()


def test_missing_images_are_counted(imported, few):
    few.pop("KDEF/AF02/AF02NES.JPG")
    few["KDEF/BF02/BF02NES.JPG"] = few["KDEF/AF02/AF02NEFL.JPG"]
    _, about = imported(few)
    assert "1 of KDEF's 70 people are here" in about["warnings"]
    assert any(text.startswith("35 images of these people") for text in about["warnings"])


def test_limit_is_said_and_does_not_count_the_missing(imported, few):
    prepared, about = imported(few, "--limit", "7")
    assert len(prepared) == 7
    assert about["warnings"] == ["--limit: only the first 7 of 35"]


def test_the_metadata_say_where_it_comes_from(imported, few):
    prepared, _ = imported(few, "--size", "32")
    assert prepared.metadata["name"] == "kdef" and "Lundqvist" in prepared.metadata["citation"]
    assert "not to be passed on" in prepared.metadata["licence"]
    assert prepared.metadata["command"] == (
        "python -m data_prep kdef RAW OUT.parquet --size 32 --crop none --duplicates keep "
        "--odd-sizes skip"
    )
    assert prepared.image_size == (32, 32) and prepared.metadata["views"] == list(VIEWS)
    assert all(name in KDEF_SUBJECTS for name in prepared.table["subject"])
