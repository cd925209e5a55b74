"""Images of one's own: folders and tables, and the mistakes that people make in them."""

import json
import unicodedata

import pytest
from PIL import Image

from data_prep.io.labelled import parse_views, view_names
from fermodels.data import VIEWS, PreparedImages
from tests.importers.fixtures.images import faces, jpeg, write_folder

OPTIONS = ("--crop", "none", "--jobs", "1", "--size", "32")


@pytest.fixture(scope="module")
def image():
    return jpeg(faces().images([2])[0], (90, 120), 80)


@pytest.fixture
def imported(run, tmp_path):
    def imported(files, *options):
        raw = write_folder(files.items(), tmp_path / "raw") if isinstance(files, dict) else files
        raw.mkdir(exist_ok=True)
        out, report = tmp_path / "own.parquet", tmp_path / "report.json"
        code, _, error = run("image-folder", raw, out, "--report", report, *OPTIONS, *options)
        about = json.loads(report.read_text())
        return (code, error, about) if code else (PreparedImages.read(out), about)

    return imported


@pytest.fixture
def five(image):
    return {
        f"{subject}/{expression}/{view}.jpg": image
        for subject in ("anna", "ben")
        for expression in ("happy", "neutral")
        for view in VIEWS
    }


def reasons(about):
    return {item["file"]: item["reason"] for item in about["skipped"]}


def test_folders_say_who_what_and_from_where(imported, five):
    prepared, about = imported(five)
    table = prepared.table
    assert len(prepared) == 20 and not about["skipped"] and not about["warnings"]
    assert prepared.views == VIEWS and prepared.expressions == ("happy", "neutral")
    assert dict(zip(table["view"], table["yaw"], strict=True)) == dict(
        zip(VIEWS, (-90, -45, 0, 45, 90), strict=True)
    )
    assert table["instance"].nunique() == 4
    assert (
        table["file"] == table["subject"] + "/" + table["expression"] + "/" + table["view"] + ".jpg"
    ).all()
    assert prepared.metadata["name"] == "own-photographs"
    assert "face_found" in table and "width" not in table


def test_the_folder_above_and_names_of_another_shape(imported, image):
    names = ["Full Left.JPG", "half-left.jpeg", "STRAIGHT.png", "Half_Right.jpg", "full right.jpg"]
    prepared, about = imported({f"my photos/Zoë/Joy/{name}": image for name in names})
    assert list(prepared.table["view"]) == list(VIEWS) and not about["skipped"]
    assert set(prepared.table["expression"]) == {"happy"}
    assert set(prepared.table["original_label"]) == {"Joy"} and set(prepared.table["subject"]) == {
        "Zoë"
    }


def test_second_images_are_another_session(imported, five, image):
    five |= {f"anna/happy/straight{x}.jpg": image for x in ("_2", " (3)", "-4")}
    prepared, about = imported(five)
    table = prepared.table.query(
        "subject == 'anna' and expression == 'happy' and view == 'straight'"
    )
    assert table["session"].tolist() == ["1", "2", "3", "4"] and table["instance"].nunique() == 4
    assert not about["skipped"]


def test_one_person_in_two_unicode_forms_is_one(imported, image):
    names = [unicodedata.normalize(form, "José") for form in ("NFC", "NFD")]
    prepared, _ = imported(
        {f"{names[0]}/happy/straight.jpg": image, f"{names[1]}/happy/full_left.jpg": image}
    )
    assert set(prepared.table["subject"]) == {names[0]} and len(prepared) == 2


def test_own_names_of_views_and_expressions(imported, image):
    files = {
        f"anna/{e}/{v}.jpg": image for e in ("bored", "froh") for v in ("l", "front", "r", "up")
    }
    prepared, about = imported(
        files, "--views", "l=-60,front=0,r=60", "--expressions", "froh=happy", "--name", "lab"
    )
    table = prepared.table
    assert sorted(set(zip(table["view"], table["yaw"], strict=True))) == [
        ("straight", 0), ("yaw+60", 60), ("yaw-60", -60)
    ]  # fmt: skip
    assert prepared.expressions == ("happy", "bored") and prepared.metadata["name"] == "lab"
    assert "unknown view 'up'" in reasons(about)["anna/froh/up.jpg"]
    assert about["warnings"] == [
        "expressions that the course does not know keep their names: bored"
    ]


def test_files_that_lie_elsewhere_are_reported(imported, five, image):
    five |= {"cover.jpg": image, "anna/portrait.jpg": image, "anna/happy/left.jpg": image}
    five |= {"anna/happy/notes.txt": b"x", "anna/happy/straight.png": image}
    five |= {"anna/happy/half_left_2.heic": b"\0\0\0\x18ftypheic" + bytes(50)}
    prepared, about = imported(five)
    assert len(prepared) == 20 and set(prepared.table["crop_outside"]) == {0.25}
    assert reasons(about)["cover.jpg"] == "does not lie in subject/expression/view.jpg"
    assert reasons(about)["anna/portrait.jpg"] == "does not lie in subject/expression/view.jpg"
    assert "unknown view 'left'" in reasons(about)["anna/happy/left.jpg"]
    assert (
        "same subject, expression, view and session as anna/happy/straight.jpg"
        in (reasons(about)["anna/happy/straight.png"])
    )
    assert "export it as JPEG" in reasons(about)["anna/happy/half_left_2.heic"]
    assert reasons(about)["anna/happy/notes.txt"].startswith("a file (.txt) that image-folder")
    assert len(about["skipped"]) == 6


# -------------------------------------------------------------- folders of classes, and patterns


@pytest.mark.parametrize("options", [(), ("--layout", "classes"), ("--views", "im=0")])
def test_folders_of_classes_without_person_or_view(imported, image, options):
    files = {
        **{f"train/happy/im0{n}.jpg": image for n in range(3)},
        **{"test/Sad/im01.jpg": image, "Validation/1/im01.jpg": image},
    }
    prepared, about = imported(files, *options, "--expressions", "1=surprised")
    table = prepared.table.set_index("file")
    assert not prepared.known_subjects.any() and len(prepared) == 5 and not about["skipped"]
    assert table["expression"].to_dict() == {
        **{f"train/happy/im0{n}.jpg": "happy" for n in range(3)},
        **{"test/Sad/im01.jpg": "sad", "Validation/1/im01.jpg": "surprised"},
    }
    assert table.loc["Validation/1/im01.jpg", ["split", "original_label"]].tolist() == ["val", "1"]
    assert {k: len(v) for k, v in prepared.split("official").items()} == {
        "train": 3, "val": 1, "test": 1
    }  # fmt: skip
    assert table["instance"].tolist() == table.index.tolist()
    named = "--views" in options
    assert prepared.views == (("im",) if named else ("unknown",))
    assert table["yaw"].isna().all() != named and table["pitch"].isna().all() != named
    assert "folders are read as classes (1, Sad, happy)" in about["warnings"][0]


def test_classes_without_a_split_and_images_in_no_class(imported, image):
    prepared, about = imported({"happy/a.jpg": image, "faces/sad/b.jpg": image, "c.jpg": image})
    assert prepared.table["expression"].tolist() == ["sad", "happy"]
    assert "split" not in prepared.table
    assert reasons(about) == {"c.jpg": "does not lie in the folder of a class"}


@pytest.mark.parametrize("copies", ["keep", "skip"])
def test_copies_in_folders_of_classes_are_told_or_left_out(imported, image, copies):
    other, third = image + b"\0", image + b"\1"
    files = {
        **{"train/happy/a.jpg": image, "test/happy/b.jpg": image, "train/sad/c.jpg": other},
        **{"train/sad/d.jpg": other, "train/angry/e.jpg": other, "test/sad/f.jpg": third},
    }
    prepared, about = imported(files, "--copies", copies)
    kept = {"test/happy/b.jpg", "train/angry/e.jpg", "test/sad/f.jpg"}
    assert set(prepared.table["file"]) == (set(files) if copies == "keep" else kept)
    assert set(reasons(about)) == set(files) - set(prepared.table["file"])
    (told,) = (text for text in about["warnings"] if "copies" in text)
    assert "1 contents were in more than one split" in told
    assert told.startswith("3 ") and "1 under more than one label" in told


def test_images_of_people_are_not_compared_unless_it_is_wanted(imported, image):
    files = {"anna/happy/straight.jpg": image, "ben/happy/straight.jpg": image}
    prepared, about = imported(files)
    assert len(prepared) == 2 and not any("copies" in text for text in about["warnings"])
    assert len(imported(files, "--copies", "skip")[0]) == 1


def test_people_are_people_where_it_is_said(imported, image):
    code, error, _ = imported({"anna/happy/left.jpg": image}, "--layout", "people")
    assert code == 2 and "unknown view 'left'" in error


@pytest.mark.parametrize(
    "views, names",
    [
        ("up=0", {"up": "up"}),
        ("up=0,front=0,down=0", {"up": "up", "front": "straight", "down": "down"}),
        ("l=-60,front=0,r=60", {"l": "yaw-60", "front": "straight", "r": "yaw+60"}),
        ("051=0,L30=-30", {"051": "straight", "L30": "yaw-30"}),
        ("straight=0,up=0", {"straight": "straight", "up": "up"}),
        (
            "a=-90,b=-45,c7=0,d=45,e=90",
            dict(zip(("a", "b", "c7", "d", "e"), VIEWS, strict=True)),
        ),
        ("a=-90,b=-45,front=0,up=0,d=45,e=90", {"front": "straight", "up": "up", "a": "full_left"}),
    ],
)
def test_names_of_views_that_the_user_explains(views, names):
    found = view_names(parse_views(views))
    assert {code: found[code] for code in names} == names


def test_a_camera_above_is_a_view_of_its_own(imported, image):
    files = {f"anna/happy/{view}.jpg": image for view in ("up", "straight", "full_left")}
    prepared, about = imported(files, "--views", "up=0")
    assert set(prepared.table["view"]) == {"up", "straight", "full_left"} and not about["skipped"]


PATTERN = r"(?P<expression>[a-z]+)-(?P<subject>\d+)(?:-(?P<yaw>-?\d+))?"


def test_names_by_a_pattern(imported, image):
    files = {"x/happy-7-30.jpg": image, "x/sad-8.jpg": image, "x/other.jpg": image}
    prepared, about = imported(files, "--pattern", PATTERN)
    table = prepared.table.set_index("file")
    assert table["subject"].to_dict() == {"x/happy-7-30.jpg": "7", "x/sad-8.jpg": "8"}
    assert table["view"].tolist() == ["yaw+30", "unknown"]
    assert reasons(about) == {"x/other.jpg": "does not fit the pattern"}
    code, error, _ = imported(files, "--pattern", PATTERN, "--labels", "x.csv")
    assert code == 2 and "by --pattern or by --labels" in error


@pytest.mark.parametrize("options", [("--pattern", PATTERN), (), ("--layout", "people")])
def test_a_dry_run_shows_the_reading_and_writes_nothing(run, tmp_path, image, options):
    raw = write_folder([("train/happy-7/happy-7-30.jpg", image)], tmp_path / "raw")
    code, out, _ = run("image-folder", raw, *OPTIONS, *options, "--dry-run")
    assert code == 0 and "1 files fit, 0 are left out" in out
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
    want = {
        "--pattern": "subject 7, expression happy, view yaw+30, yaw 30.0",
        "--layout": "not understood: unknown view 'happy-7-30'",
    }
    assert want.get(options[0] if options else "", "expression happy-7, session 1, split") in out


def test_people_in_two_places_are_refused(imported, image):
    code, error, _ = imported(
        {"train/anna/happy/straight.jpg": image, "test/anna/happy/straight.jpg": image}
    )
    assert code == 2 and "several places" in error


def test_phones_are_turned_upright(imported, tmp_path, five):
    path = tmp_path / "raw/anna/happy/straight.jpg"
    path.parent.mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = Image.fromarray(faces().images([2])[0]).resize((60, 60))
    upright.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
    prepared, about = imported(tmp_path / "raw", "--size", "60")
    assert about["repaired"] == [
        {"file": "anna/happy/straight.jpg", "what": "turned as its EXIF says"}
    ]
    import numpy as np

    assert np.abs(prepared.images()[0].astype(int) - np.asarray(upright, int)).mean() < 5


@pytest.mark.parametrize(
    "files, seen",
    [
        ({}, "no files at all"),
        ({"a.jpg": b"x"}, "1 images, such as a.jpg (a.jpg: does not lie in"),
    ],
)
def test_nothing_usable(imported, files, seen):
    code, error, _ = imported(files)
    assert code == 2 and f"seen: {seen}" in error and "subject/expression/view.jpg" in error


# ------------------------------------------------------------------------------------- tables


@pytest.fixture
def table(imported, tmp_path, image):
    def table(text, *options, files=("a.jpg", "b.jpg", "c.jpg"), encoding="utf-8"):
        path = tmp_path / "labels.csv"
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return imported(dict.fromkeys(files, image), "--labels", path, *options)

    return table


def test_a_table_says_it_all(table):
    prepared, about = table(
        "file,subject,expression,view,yaw,pitch,session,gender,age,split,camera\n"
        "./a.jpg,anna,joy,straight,3,-5,s1,F,31,train,X1\n"
        "b.jpg,anna,joy,oblique,30,0,s1,f,31,train,\n"
        "c.jpg,ben,neutral,half left,,,s1,male,,test,X2\n",
    )
    rows = prepared.table.set_index("file")
    assert rows.loc["a.jpg", ["view", "yaw", "pitch"]].tolist() == ["straight", 3, -5]
    assert rows.loc["b.jpg", ["view", "yaw"]].tolist() == ["oblique", 30]
    assert rows.loc["c.jpg", ["view", "yaw"]].tolist() == ["half_left", -45]
    assert rows["gender"].tolist() == ["female", "female", "male"]
    assert rows["age"].tolist()[:2] == [31, 31] and rows["age"].isna().tolist()[2]
    assert rows["camera"].isna().tolist() == [False, True, False]
    assert set(prepared.split("official")) == {"train", "test"}
    assert prepared.views == ("half_left", "straight", "oblique") and not about["skipped"]


def test_tables_as_programs_write_them(table):
    text = "File;Subject;Expression;View\r\na.jpg;Zoë;happy;straight\r\nb.jpg;Zoë;sad;straight\r\n"
    prepared, _ = table("\ufeff" + text)
    assert set(prepared.table["subject"]) == {"Zoë"} and len(prepared) == 2
    prepared, _ = table(text.replace(";", "\t") + "\t\t\t\r\n\r\n")
    assert len(prepared) == 2
    prepared, _ = table(
        'file,subject,expression,view\n"sub\\a, b.jpg","x",sad,straight\n', files=("sub/a, b.jpg",)
    )
    assert len(prepared) == 1


def test_a_table_without_expressions(table):
    prepared, about = table(
        "file,subject,view\na.jpg,anna,straight\nb.jpg,anna,straight\nc.jpg,ben,full left\n"
    )
    assert prepared.labels.tolist() == [-1, -1, -1] and len(prepared.expressions) == 8
    assert prepared.table["instance"].tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert prepared.known_subjects.all() and not about["skipped"] and not about["warnings"]
    assert about["counts"]["expression"] == {"(none)": 3}


def test_a_table_with_some_expressions(table):
    prepared, about = table(
        "file,subject,expression,view,instance\n"
        "a.jpg,anna,,straight,m1\nb.jpg,anna,,full left,m1\nc.jpg,ben,joy,straight,\n"
    )
    shown = dict(zip(prepared.table["file"], prepared.table["expression"], strict=True))
    assert shown == {"a.jpg": None, "b.jpg": None, "c.jpg": "happy"}
    assert prepared.expressions == ("happy",) and set(prepared.instance_ids) == {0, 1}
    assert not about["skipped"]


def test_rows_that_cannot_be_used_are_reported(table):
    names = tuple(f"{n}.jpg" for n in range(8))
    prepared, about = table(
        "file,subject,expression,view,yaw,age\n"
        "0.jpg,anna,happy,straight,0,20\n"
        "1.jpg,anna,happy,straight,0,20\n"
        "0.jpg,anna,happy,straight,0,20\n"
        "2.jpg,,happy,straight,0,20\n"
        "3.jpg,anna,happy,straight,steep,20\n"
        "4.jpg,anna,happy,straight,900,20\n"
        "5.jpg,anna,happy,,,20\n"
        "6.jpg,anna,happy,straight,0,old\n"
        "x.jpg,anna,happy,straight,0,20\n",
        files=names,
    )
    assert len(prepared) == 1
    found = reasons(about)
    assert "same subject, expression, view and session as 0.jpg" in found["1.jpg"]
    assert found["0.jpg"] == "listed twice in labels.csv (lines 2 and 4)"
    assert found["2.jpg"] == "no subject" and found["5.jpg"] == "no view"
    assert found["3.jpg"] == "yaw 'steep' is not a number" and "900" in found["4.jpg"]
    assert found["6.jpg"] == "age 'old' is not a number" and "no such file" in found["x.jpg"]
    assert found["7.jpg"] == "not in labels.csv" and len(about["skipped"]) == 9


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "lacks file, subject, view"),
        ("file,subject,expression\na.jpg,x,happy\n", "lacks view (or yaw)"),
        ("name,subject,expression,view\n", "lacks file"),
        ("file,subject,expression,view,view\n", "has view twice"),
        (b"file,subject,expression,view\na.jpg,Zo\xeb,happy,straight\n", "is no UTF-8"),
        (b"PK\3\4\0\0", "is no table in a text file"),
        ("file,subject,expression,view\nz.jpg,x,happy,straight\n", "no such file"),
        ('file,subject,expression,view\n"' + "x" * 200_000, "no table"),
    ],
)
def test_what_is_no_table_is_refused(table, text, message):
    code, error, _ = table(text)
    assert code == 2 and message in error and ("labels.csv" in error or "lacks" in error)


def test_what_becomes_of_a_table_none_of_whose_rows_can_be_used(imported, tmp_path, image):
    (tmp_path / "labels.csv").write_text("file,subject,expression,yaw\na.jpg,S,happy,far\n")
    code, error, _ = imported({"a.jpg": image}, "--labels", tmp_path / "labels.csv")
    assert code == 2 and "expected: rows of" in error and "labels.csv about" in error
    assert "a.jpg: yaw 'far' is not a number" in error


def test_columns_that_are_made_here_are_not_taken_from_a_table(table):
    prepared, _ = table(
        "file,subject,expression,view,image,face_found\na.jpg,x,sad,straight,no,yes\n"
    )
    assert prepared.table["face_found"].tolist() == [False]


# ------------------------------------------------------------------- spellings, signs, angles


@pytest.mark.parametrize(
    ("names", "views", "yaws"),
    [
        (("-90", "0", "90"), "-90=-90,0=0,90=90", (-90, 0, 90)),
        (("−90", "0", "+90"), "-90=−90,0=0,90=90", (-90, 0, 90)),
        (("l-30", "L_0", "R-30"), "L-30=-30,l 0=0,r-30=30", (-30, 0, 30)),
        (("L30", "front", "R30"), "l30=-30,FRONT=0,r30=30", (-30, 0, 30)),
        (
            ("a", "b", "c"),
            "a=-7.1234567,b=7.1234567,c=7.1234568",
            (-7.1234567, 7.1234567, 7.1234568),
        ),
    ],
)
def test_codes_of_views_keep_their_sign_and_all_digits(imported, image, names, views, yaws):
    prepared, about = imported({f"p1/happy/{n}.jpg": image for n in names}, f"--views={views}")
    table = prepared.table
    got = {f.split("/")[-1][:-4]: y for f, y in zip(table["file"], table["yaw"], strict=True)}
    assert got == pytest.approx(dict(zip(names, yaws, strict=True)))
    assert len(prepared.views) == 3 and not about["skipped"]
    assert list(prepared.table["view"]) == list(prepared.views)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--views=L=-30,l=30", "'l' is given by two angles"),
        ("--expressions=HA=happy,ha=sad", "'ha' is given as two expressions"),
    ],
)
def test_a_code_with_two_meanings_is_refused(imported, image, capsys, option, message):
    with pytest.raises(SystemExit):
        imported({"p1/happy/l.jpg": image}, option)
    assert message in capsys.readouterr().err


def test_one_name_in_several_spellings_is_one(table):
    prepared, about = table(
        "file,subject,expression,view,yaw\n"
        "A.JPG,Ann B,Very Happy,Oblique,30\n"
        "b.jpg,ann_b,very-happy,oblique,30\n"
        "c.jpg,-1,VERY HAPPY,straight,0\n"
        "d.jpg,1,very happy,straight,0\n",
        files=("a.jpg", "b.jpg", "c.jpg", "d.jpg"),
    )
    assert set(prepared.table["subject"]) == {"Ann B", "-1", "1"}
    assert prepared.expressions == ("very happy",) and prepared.views == ("straight", "Oblique")
    assert (
        "subject 'ann_b' is taken for 'Ann B', which differs in spelling only"
        in (about["warnings"])
    )
    # Of the two in one view, the second would need a session of its own.
    assert list(reasons(about)) == ["b.jpg"]
