"""DDCF: names that the user explains, checked against the files; nothing is guessed."""

import json

import pytest

from fermodels.data import VIEWS, PreparedImages
from tests.importers.fixtures.images import ddcf_files, write_folder, write_zip

PATTERN = (
    r"(?P<subject>(?P<gender>[GB])\d\d)/(?P<expression>[a-z]+)_(?P<view>[LR]?\d+)_(?P<session>\w+)"
)
VIEW_CODES = "L60=-60,L30=-30,0=0,R30=30,R60=60"
OPTIONS = ("--crop", "none", "--jobs", "1", "--size", "32")
FIT = ("--pattern", PATTERN, "--views", VIEW_CODES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(ddcf_files(), tmp_path_factory.mktemp("ddcf"))


@pytest.fixture
def imported(run, tmp_path):
    def imported(raw, *options):
        out, report = tmp_path / "ddcf.parquet", tmp_path / "report.json"
        code, _, error = run("ddcf", raw, out, "--report", report, *OPTIONS, *options)
        about = json.loads(report.read_text())
        return (code, error, about) if code else (PreparedImages.read(out), about)

    return imported


def test_a_pattern_and_codes_read_the_names(imported, folder):
    prepared, about = imported(folder, *FIT)
    table = prepared.table
    assert len(prepared) == about["kept"] == 2 * 8 * 5 * 2 and not about["skipped"]
    assert not about["warnings"] and prepared.metadata["name"] == "ddcf"
    assert dict(zip(table["view"], table["yaw"], strict=True)) == dict(
        zip(VIEWS, (-60, -30, 0, 30, 60), strict=True)
    )
    assert prepared.views == VIEWS and "content" in prepared.expressions
    assert set(table["session"]) == {"light1", "light2"} and table["instance"].nunique() == 32
    for row in table.itertuples():
        folder, subject, name = row.file.split("/")
        expression, angle, light = name.removesuffix(".jpg").split("_")
        assert (row.subject, row.expression, row.session) == (subject, expression, light)
        assert row.yaw == {"L60": -60, "L30": -30, "0": 0, "R30": 30, "R60": 60}[angle]
    assert (
        f"--views {VIEW_CODES.replace('60', '60.0').replace('30', '30.0')}"[:9]
        in (prepared.metadata["command"])
    )


def test_degrees_and_codes_of_expressions(imported, tmp_path):
    files = {f"x/{e}.{yaw}.jpg": data for (_, data), e, yaw in zip(
        ddcf_files(1, 10), ["HA"] * 5 + ["NE"] * 5, [-60, -30, 0, 30, 60] * 2, strict=True
    )}  # fmt: skip
    raw = write_folder(files.items(), tmp_path / "raw")
    pattern = r"(?P<subject>x)/(?P<expression>..)\.(?P<yaw>-?\d+)"
    code, error, _ = imported(raw, "--pattern", pattern)
    assert code == 2 and "unknown expressions: 'HA' (x/HA.-30.jpg), 'NE'" in error
    prepared, _ = imported(raw, "--pattern", pattern, "--expressions", "ha=happy,NE=Neutral")
    assert set(prepared.table["expression"]) == {"happy", "neutral"}
    assert set(prepared.table["original_label"]) == {"HA", "NE"} and prepared.views == VIEWS


def test_a_dry_run_shows_the_reading_and_writes_nothing(run, folder, tmp_path):
    write_folder([("extra/IMG_1.jpg", b"x"), ("notes.txt", b"x")], folder)
    try:
        code, out, error = run("ddcf", folder, *FIT, "--dry-run", *OPTIONS)
    finally:
        (folder / "extra/IMG_1.jpg").unlink()
        (folder / "notes.txt").unlink()
    assert code == 0 and not error
    assert "160 files fit, 1 are left out" in out
    assert "photos/B01/afraid_0_light1.jpg" in out
    assert "subject B01, expression afraid, view straight, yaw 0.0, session light1, gender B" in out
    assert "view: 0, L30, L60, R30, R60" in out and "session: light1, light2" in out
    assert "left out: extra/IMG_1.jpg: does not fit the pattern" in out
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_what_is_not_understood(run, folder):
    code, out, _ = run("ddcf", folder, "--pattern", PATTERN, "--dry-run", *OPTIONS)
    assert code == 0
    assert "not understood: unknown view '0': call it full_left" in out


def test_two_files_that_are_read_alike_are_refused(imported, folder):
    pattern = PATTERN.replace("(?P<session>", "(?:")
    code, error, about = imported(folder, "--pattern", pattern, "--views", VIEW_CODES)
    assert code == 2 and about["kept"] == 0
    assert "afraid_L60_light1.jpg and photos/B01/afraid_L60_light2.jpg are read alike" in error
    assert "80 such pairs" in error and "give it the group session" in error


@pytest.mark.parametrize(
    "options, message",
    [
        ((), "by --pattern or by --labels"),
        (("--pattern", "(?P<subject>.)"), "needs the groups subject, expression and view"),
        (("--pattern", "(?P<subject>"), "is no regular expression"),
        (
            ("--pattern", r"(?P<subject>\w+) (?P<expression>\w+) (?P<view>\w+)"),
            "seen: 160 images",
        ),
        (("--pattern", PATTERN, "--labels", "x.csv"), r"(one of them)"),
        (("--labels", "nowhere.csv"), "nowhere.csv cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused(imported, folder, options, message):
    code, error, about = imported(folder, *options)
    assert code == 2 and message in error and about["error"]


def test_the_help_has_an_example(run, capsys):
    with pytest.raises(SystemExit):
        run("ddcf", "--help")
    shown = capsys.readouterr().out
    assert "--pattern '(?P<subject>" in shown and "not DDCF's grammar" in shown


def test_views_that_are_not_explained_name_the_file(imported, folder):
    code, error, _ = imported(folder, "--pattern", PATTERN)
    assert (
        code == 2
        and "afraid_0_light1.jpg: unknown view '0'" in error
        and "--views CODE=DEGREES" in error
    )


@pytest.mark.parametrize("views", ["L60", "L60=left", "=3", "L60=200", "L60=nan"])
def test_bad_codes_are_refused(run, folder, tmp_path, views, capsys):
    with pytest.raises(SystemExit) as stop:
        run("ddcf", folder, tmp_path / "o.parquet", "--pattern", PATTERN, "--views", views)
    assert stop.value.code == 2 and "CODE=DEGREES" in capsys.readouterr().err


def test_more_than_ddcf_has_is_told(imported, tmp_path):
    ((_, data),) = ddcf_files(1, 1)
    raw = write_folder(
        [(f"B{n:02d}/happy_0_light{n % 3}.jpg", data) for n in range(3)], tmp_path / "r"
    )
    _, about = imported(raw, *FIT)
    assert any("3 different sessions were read, DDCF has 2" in text for text in about["warnings"])


def test_a_table_instead_of_a_pattern(imported, folder, tmp_path):
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))[:10]
    lines = ["file;subject;expression;yaw;session;age"]
    for name in names:
        expression, angle, light = name.rpartition("/")[2].removesuffix(".jpg").split("_")
        yaw = angle.replace("L", "-").replace("R", "")
        lines.append(f"{name};B01;{expression};{yaw};{light};7,5")
    table = tmp_path / "labels.csv"
    table.write_text("\n".join([*lines, "gone.jpg;B01;happy;0;1;7"]), encoding="utf-8-sig")
    prepared, about = imported(folder, "--labels", table)
    assert len(prepared) == 10 and set(prepared.table["age"]) == {7.5}
    left_out = {item["file"]: item["reason"] for item in about["skipped"]}
    assert left_out["gone.jpg"] == "in labels.csv, but no such file"
    assert len(left_out) == 151 and left_out["photos/B02/sad_0_light1.jpg"] == "not in labels.csv"


def test_archives(imported, folder, tmp_path):
    whole, _ = imported(folder, *FIT)
    prepared, _ = imported(write_zip(ddcf_files(), tmp_path / "DDCF.zip"), *FIT)
    assert prepared.fingerprint() == whole.fingerprint()
