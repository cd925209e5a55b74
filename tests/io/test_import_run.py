"""What all importers share: parts, interruptions, the report, the exit codes."""

import json
import os
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from data_prep.__main__ import IMPORTERS, MAKERS, main
from data_prep.io import importing
from data_prep.io.importing import REPAIRED, WARNING, Item, Plan, Skip, run_import
from data_prep.io.raw import RawSource
from data_prep.io.report import REASONS, ImportReport, NothingUsable
from data_prep.io.vocabulary import NAMES, expression
from fermodels.data import EXPRESSIONS, PreparedError, PreparedImages, encode_image
from tests.fixtures.processes import ROOT, run_killed
from tests.importers.fixtures.images import (
    kdef_codes,
    kdef_files,
    write_folder,
    write_tar,
    write_zip,
)

COUNT = 20


def make_row(item, data, options):
    """An image of one colour, given by the file's content; some contents are faults."""
    text = data.decode()
    if text == "skip":
        raise Skip("it says so")
    if text == "bug":
        raise KeyError("oops")
    if text == "missing":
        raise ImportError("pip install decoder")
    if text == "huge":
        raise MemoryError
    image = np.full((options.size, options.size, 3), int(text), np.uint8)
    row = {"image": encode_image(image, "PNG")} | item.about
    return (
        row
        | ({REPAIRED: "mended"} if text == "7" else {})
        | ({WARNING: "odd"} if text == "8" else {})
    )


def about(number):
    return {
        **{"subject": f"S{number % 4}", "expression": "happy", "view": "straight", "yaw": 0.0},
        **{"pitch": 0.0, "session": "1", "instance": f"I{number}", "file": f"{number:03d}.txt"},
    }


@pytest.fixture
def files():
    return {f"{number:03d}.txt": str(number).encode() for number in range(COUNT)}


@pytest.fixture
def go(inline, monkeypatch, tmp_path):
    """Imports a folder or archive; gives the prepared table and the report."""
    monkeypatch.setattr(importing, "PER_PART", 3)

    def go(raw, finish=None, **options):
        source = RawSource.open(raw)
        items = [Item(file, about(int(file.name[:3]))) for file in source.files]
        options = {
            "out": tmp_path / "out.parquet",
            "size": 16,
            "crop": "none",
            "jobs": 1,
            "limit": None,
        } | options
        report = ImportReport("toy", str(raw))
        plan = Plan(items, {"name": "toy"}, "images", finish=finish)
        prepared = run_import(plan, make_row, Namespace(**options), source, report)
        return prepared, report

    return go


pytestmark = pytest.mark.filterwarnings("ignore:.*has one view only")


def colors(prepared):
    return prepared.images()[:, 0, 0, 0].tolist()


def test_rows_keep_their_order_and_the_folder_is_left_clean(go, files, tmp_path):
    prepared, report = go(write_folder(files.items(), tmp_path / "raw"))
    assert colors(prepared) == list(range(COUNT))
    assert report.found == report.kept == COUNT
    assert report.repaired == [("007.txt", "mended")] and report.warnings[0] == "008.txt: odd"
    assert report.counts["expression"] == {"happy": COUNT}
    assert list(prepared.table) == [*about(0)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "raw"]


def test_archives_give_the_bytes_that_the_folder_gives(go, files, tmp_path, inline):
    shuffled = sorted(files.items(), key=lambda pair: pair[0][::-1])
    go(write_folder(shuffled, tmp_path / "raw"))
    expected = (tmp_path / "out.parquet").read_bytes()
    for path in (
        write_zip(shuffled, tmp_path / "a.zip"),
        write_tar(shuffled, tmp_path / "a.tar"),
        write_tar(shuffled, tmp_path / "a.tar.gz"),
    ):
        go(path)
        assert (tmp_path / "out.parquet").read_bytes() == expected


def test_a_tar_gz_is_read_in_its_own_order(go, files, tmp_path, monkeypatch):
    shuffled = sorted(files.items(), key=lambda pair: pair[0][::-1])
    read = []
    source = RawSource.open(write_tar(shuffled, tmp_path / "a.tar.gz"))
    monkeypatch.setattr(
        type(source), "read", lambda self, file: (read.append(file.name), files[file.name])[1]
    )
    prepared, _ = go(source.path)
    assert read == [name for name, _ in shuffled] != sorted(read)
    assert colors(prepared) == list(range(COUNT))


def test_what_cannot_be_used_costs_one_line(go, files, tmp_path):
    files |= {"003.txt": b"skip", "004.txt": b"skip", "005.txt": b"skip", "010.txt": b"bug"}
    prepared, report = go(write_folder(files.items(), tmp_path / "raw"))
    assert colors(prepared) == [n for n in range(COUNT) if n not in (3, 4, 5, 10)]
    assert report.skipped == [
        *((f"00{n}.txt", "it says so") for n in (3, 4, 5)),
        ("010.txt", "cannot be used (KeyError: 'oops')"),
    ]
    text = report.text()
    assert "it says so: 003.txt, 004.txt, 005.txt" in text and "left out 4" in text


def test_a_file_that_vanishes_is_skipped(go, files, tmp_path, monkeypatch):
    raw = write_folder(files.items(), tmp_path / "raw")
    monkeypatch.setattr(importing, "_make_part", vanish(importing._make_part, raw / "011.txt"))
    prepared, report = go(raw)
    assert len(prepared) == COUNT - 1
    assert report.skipped[0][0] == "011.txt" and "cannot be read" in report.skipped[0][1]


def vanish(make_part, path):
    def make(*arguments):
        path.unlink(missing_ok=True)
        make_part(*arguments)

    return make


def test_a_missing_package_stops_the_import(go, files, tmp_path):
    with pytest.raises(ImportError, match="pip install decoder"):
        go(write_folder((files | {"004.txt": b"missing"}).items(), tmp_path / "raw"))
    assert not (tmp_path / "out.parquet").exists()


def test_nothing_usable_says_what_was_expected_and_seen(go, files, tmp_path):
    files = dict.fromkeys(files, b"skip")
    with pytest.raises(NothingUsable, match=r"(?s)expected: .*seen: 20 files .*it says so"):
        go(write_folder(files.items(), tmp_path / "raw"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingUsable):
        go(tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "raw"]


def test_the_reason_of_files_that_were_read_is_not_that_of_others(run, tmp_path):
    """471 files that nobody can read were "all left out: same subject, …"."""
    names = [f"anna/happy/straight{number}.jpg" for number in ("", "_2", "_3")]
    raw = write_folder(
        [(name, b"x" * 50) for name in (*names, "anna/happy/straight.png")], tmp_path
    )
    options = ("--crop", "none", "--jobs", "1")
    code, _, error = run("image-folder", raw, tmp_path / "o.parquet", *options)
    assert code == 2
    assert "3 files of the right names, none of which can be used: 3 × not an image" in error
    assert "1 × same subject, expression, view and session" in error  # in the report


def test_rows_that_do_not_fit_together_leave_nothing_behind(go, files, tmp_path):
    def twice(table, report):
        return table.assign(instance="I0")

    with pytest.raises(PreparedError, match="instance 'I0' has two subjects"):
        go(write_folder(files.items(), tmp_path / "raw"), twice)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_a_file_too_large_for_the_memory_is_named(go, files, tmp_path):
    files["004.txt"] = b"huge"
    with pytest.raises(MemoryError, match="004.txt: more memory is needed"):
        go(write_folder(files.items(), tmp_path / "raw"))


def test_the_prepared_file_says_how_it_was_cropped(go, files, tmp_path):
    prepared, _ = go(write_folder(files.items(), tmp_path / "raw"), crop="centre")
    assert prepared.metadata["crop"] == "centre" and "face_finder" not in prepared.metadata


def test_crops_that_reach_outside_their_image_are_counted(go, files, tmp_path):
    def finish(table, report):
        number = table.index.to_series()
        return table.assign(
            face_found=number > 0, crop_outside=(number < 4) * 0.1 * number + (number == 0) * 0.5
        )

    prepared, report = go(write_folder(files.items(), tmp_path / "raw"), finish)
    assert prepared.table["crop_outside"].tolist()[:5] == pytest.approx([0.5, 0.1, 0.2, 0.3, 0])
    (told,) = (text for text in report.warnings if "beyond their image" in text)
    assert "3 of 20 crops around faces" in told and "by 20% of the crop in the middle" in told
    assert "30% at most" in told


def test_finish_sees_all_rows_and_decides(go, files, tmp_path):
    def finish(table, report):
        assert len(table) == COUNT and "image" in table
        report.skip("019.txt", "last")
        return table[table["instance"] != "I19"]

    prepared, report = go(write_folder(files.items(), tmp_path / "raw"), finish)
    assert len(prepared) == report.kept == COUNT - 1 and ("019.txt", "last") in report.skipped


def test_limit_takes_the_first(go, files, tmp_path):
    prepared, report = go(write_folder(files.items(), tmp_path / "raw"), limit=5)
    assert colors(prepared) == [0, 1, 2, 3, 4] and "first 5 of 20" in report.warnings[0]


def test_several_rows_of_one_file_read_it_once(files, tmp_path, inline, monkeypatch):
    source = RawSource.open(write_folder([("0.txt", b"9")], tmp_path / "raw"))
    read = []
    whole = RawSource.read
    monkeypatch.setattr(RawSource, "read", lambda self, f: (read.append(f), whole(self, f))[1])
    items = [Item(source.files[0], about(n), name=f"row {n}") for n in range(5)]
    options = Namespace(out=tmp_path / "o.parquet", size=16, crop="none", jobs=1, limit=None)
    report = ImportReport("toy", "raw")
    prepared = run_import(Plan(items, {}, "images"), make_row, options, source, report)
    assert len(prepared) == 5 and len(read) == 1


def make_pair(item, data, options, sound=None):
    text = "none" if sound is None else sound.decode()
    return make_row(item, data, options) | {"heard": text}


def paired(raw, tmp_path, monkeypatch):
    """Films 0 to 6, each with a sound beside it: the table, the report and what was read when."""
    monkeypatch.setattr(importing, "PER_PART", 4)
    source = RawSource.open(raw)
    read, whole = [], type(source).read
    monkeypatch.setattr(
        type(source), "read", lambda self, file: (read.append(file.name), whole(self, file))[1]
    )
    named = {file.name: file for file in source.files}
    items = [
        Item(named[f"film/{n}.txt"], about(n), sound=named.get(f"sound/{n}.txt")) for n in range(7)
    ]
    options = Namespace(out=tmp_path / "o.parquet", size=16, crop="none", jobs=1, limit=None)
    report = ImportReport("toy", "raw")
    prepared = run_import(Plan(items, {}, "images"), make_pair, options, source, report)
    return prepared.table, report, read


PAIRS = [
    *((f"film/{n}.txt", str(n).encode()) for n in range(7)),
    *((f"sound/{n}.txt", f"sound {n}".encode()) for n in range(6)),
]


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])
def test_a_sound_lies_beside_its_film(tmp_path, inline, monkeypatch, kind):
    if kind == "folder":
        raw = write_folder(PAIRS, tmp_path / "raw")
    else:
        raw = (write_zip if kind == "zip" else write_tar)(PAIRS, tmp_path / f"a.{kind}")
    table, _, read = paired(raw, tmp_path, monkeypatch)
    assert table["heard"].tolist() == [*(f"sound {n}" for n in range(6)), "none"]
    if kind == "tar.gz":  # part by part, sounds before films, instead of back and forth
        sounds, films = ([f"{what}/{n}.txt" for n in range(7)] for what in ("sound", "film"))
        assert read == [*sounds[:4], *films[:4], *sounds[4:6], *films[4:]]


def test_a_sound_that_cannot_be_read_does_not_cost_the_film(tmp_path, inline, monkeypatch):
    raw = write_folder(PAIRS, tmp_path / "raw")
    vanishes = raw / "sound/3.txt"
    monkeypatch.setattr(importing, "_make_part", vanish(importing._make_part, vanishes))
    table, report, _ = paired(raw, tmp_path, monkeypatch)
    assert table["heard"].tolist()[3:5] == ["none", "sound 4"]
    ((name, what),) = report.repaired
    assert name == "film/3.txt" and "sound/3.txt" in what and "cannot be read" in what


def test_another_sound_starts_over(tmp_path, inline, monkeypatch):
    raw, inline.stop_before = write_folder(PAIRS, tmp_path / "raw"), 1
    with pytest.raises(KeyboardInterrupt):
        paired(raw, tmp_path, monkeypatch)
    (raw / "sound/0.txt").write_bytes(b"another one")
    inline.stop_before, inline.done = None, []
    table, _, _ = paired(raw, tmp_path, monkeypatch)
    assert inline.done == [0, 1] and table["heard"][0] == "another one"


@pytest.mark.parametrize("changed", [False, True])
def test_rows_that_bring_their_own_bytes(tmp_path, inline, monkeypatch, changed):
    monkeypatch.setattr(importing, "PER_PART", 3)
    source = RawSource.open(write_folder([("table.csv", b"x")], tmp_path / "raw"))
    options = Namespace(out=tmp_path / "o.parquet", size=16, crop="none", jobs=1, limit=None)

    def go(*numbers):
        items = [
            Item(None, about(at), name=f"row {at}", data=b"%d" % number)
            for at, number in enumerate(numbers)
        ]
        plan, report = Plan(items, {}, "images"), ImportReport("toy", "raw")
        return run_import(plan, make_row, options, source, report), report

    inline.stop_before = 1
    with pytest.raises(KeyboardInterrupt):
        go(1, 2, 3, 4, 7)
    inline.stop_before, inline.done = None, []
    prepared, report = go(9 if changed else 1, 2, 3, 4, 7)
    assert colors(prepared) == [9 if changed else 1, 2, 3, 4, 7]
    assert inline.done == ([0, 1] if changed else [1])
    assert report.repaired == [("row 4", "mended")]


# ------------------------------------------------------------------------------ interruptions


def test_interrupted_it_goes_on_with_the_missing_parts(go, files, tmp_path, inline):
    raw = write_folder((files | {"001.txt": b"skip"}).items(), tmp_path / "raw")
    inline.stop_before = 4
    with pytest.raises(KeyboardInterrupt):
        go(raw)
    assert not (tmp_path / "out.parquet").exists()
    before = list(inline.done)
    assert 0 < len(before) < 7 and 4 not in before
    inline.stop_before, inline.done = None, []
    prepared, report = go(raw)
    assert sorted(before + inline.done) == list(range(7))
    assert len(prepared) == COUNT - 1
    assert report.skipped == [("001.txt", "it says so")]  # also from a part made before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "raw"]


def test_a_damaged_part_is_made_again(go, files, tmp_path, inline):
    raw = write_folder(files.items(), tmp_path / "raw")
    inline.stop_before = 4
    with pytest.raises(KeyboardInterrupt):
        go(raw)
    part = tmp_path / "out.parquet.parts/00000.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    inline.stop_before = None
    with pytest.raises(ValueError, match="00000.parquet .* has been deleted: the same command"):
        go(raw)
    assert not (tmp_path / "out.parquet").exists()
    assert len(go(raw)[0]) == COUNT


@pytest.mark.parametrize("label", [b"", b"{", b"[1]", b"\xff"])
def test_parts_of_which_it_is_not_known_what_they_are_are_made_again(
    go, files, tmp_path, inline, label
):
    raw = write_folder(files.items(), tmp_path / "raw")
    inline.stop_before = 4
    with pytest.raises(KeyboardInterrupt):
        go(raw)
    (tmp_path / "out.parquet.parts/job.json").write_bytes(label)
    inline.stop_before, inline.done = None, []
    go(raw)
    assert inline.done == list(range(7))


def test_a_folder_of_somebody_s_files_is_not_emptied(go, files, tmp_path):
    parts = tmp_path / "out.parquet.parts"
    write_folder([("notes/today.txt", b"mine"), ("00000.parquet", b"a part")], parts)
    with pytest.raises(ValueError, match="notes is in the way"):
        go(write_folder(files.items(), tmp_path / "raw"))
    assert (parts / "notes/today.txt").exists() and (parts / "00000.parquet").exists()


@pytest.mark.parametrize("change", ["size", "name", "content", "options"])
def test_other_files_or_options_start_over(go, files, tmp_path, inline, change):
    inline.stop_before = 4
    with pytest.raises(KeyboardInterrupt):
        go(write_folder(files.items(), tmp_path / "raw"))
    inline.stop_before, inline.done = None, []
    if change == "size":
        (tmp_path / "raw/000.txt").write_bytes(b"000")
    elif change == "name":
        (tmp_path / "raw/019.txt").rename(tmp_path / "raw/020.txt")
    elif change == "content":
        (tmp_path / "raw/019.txt").unlink()
    go(tmp_path / "raw", **({"size": 17} if change == "options" else {}))
    assert inline.done == list(range(7))


def test_the_place_and_the_processes_do_not_start_it_over(go, files, tmp_path, inline):
    raw = write_folder(files.items(), tmp_path / "raw")
    inline.stop_before = 4
    with pytest.raises(KeyboardInterrupt):
        go(raw)
    before = list(inline.done)
    inline.stop_before, inline.done = None, []
    go(raw.rename(tmp_path / "moved"), jobs=2)
    assert sorted(before + inline.done) == list(range(7))


@pytest.mark.slow
def test_killed_half_way_the_same_command_goes_on(tmp_path, inline):
    """SIGKILL: no prepared file, no worker left; the second call makes what is missing."""
    raw = write_folder(
        kdef_files(kdef_codes([f"F{n:02d}" for n in range(1, 4)]), 80), tmp_path / "KDEF"
    )
    out = tmp_path / "kdef.parquet"
    command = ["kdef", str(raw), str(out), "--crop", "none", "--jobs", "1"]
    parts = tmp_path / "kdef.parquet.parts"
    run_killed(*command, when=lambda: list(parts.glob("0*.parquet")))
    assert not out.exists()
    left = {int(path.stem) for path in parts.glob("0*.parquet")}
    assert left and left < set(range(4))
    assert main(command) == 0
    assert set(inline.done) == set(range(4)) - left
    assert len(PreparedImages.read(out)) == 210 - 1  # AF01SUFR is black
    assert sorted(path.name for path in tmp_path.iterdir()) == ["KDEF", "kdef.parquet"]


def test_two_runs_into_one_file_do_not_mix(go, files, tmp_path, inline):
    raw = write_folder(files.items(), tmp_path / "raw")
    parts = tmp_path / "out.parquet.parts"
    parts.mkdir()
    with FileLock(parts / "lock"), pytest.raises(ValueError, match="another process is making"):
        go(raw)
    assert not inline.done and not (tmp_path / "out.parquet").exists()
    go(raw)
    assert len(inline.done) == 7 and not parts.exists()


# ---------------------------------------------------------------------------------- the report


def test_the_report_as_json_holds_everything(tmp_path):
    report = ImportReport("toy", "raw/caf\udce9", found=3, kept=1)
    report.skip("caf\udce9.jpg", "bad")
    report.repair("a", "mended")
    report.warn("twice")
    report.warn("twice")
    table = pd.DataFrame({"view": ["b", "a", None], "fold": [1, 2, 1]})
    report.count(table, ("view", "fold", "nothing"))
    (tmp_path / "r.json").write_text("old")
    written = json.loads(report.write(tmp_path / "r.json").read_text(encoding="utf-8"))
    assert written["skipped"] == [{"file": "caf\\udce9.jpg", "reason": "bad"}]
    assert written["repaired"] == [{"file": "a", "what": "mended"}]
    assert written["warnings"] == ["twice"] and written["found"] == 3 and written["kept"] == 1
    assert written["counts"] == {"view": {"(none)": 1, "a": 1, "b": 1}, "fold": {"1": 2, "2": 1}}
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_of_a_long_reason_the_middle_is_left_out():
    report = ImportReport("toy", "raw")
    report.skip("a", "b" * 400 + "x" * 10_000 + "e" * 400)
    ((_, reason),) = report.skipped
    assert len(reason) < 600 and reason.startswith("b" * 200) and reason.endswith("e" * 200)


def test_names_cannot_speak_to_the_terminal(run, tmp_path):
    raw = write_folder([("KDEF/new\nline\x1b[2J\x9b.JPG", b"x")], tmp_path / "raw")
    code, _, error = run("kdef", raw, tmp_path / "o.parquet", "--report", tmp_path / "r.json")
    assert code == 2 and "new\\x0aline\\x1b[2J\\x9b.JPG" in error and "\x1b" not in error
    (entry,) = json.loads((tmp_path / "r.json").read_text())["skipped"]
    assert entry["file"] == "KDEF/new\\x0aline\\x1b[2J\\x9b.JPG"


def test_a_failed_import_reports_what_it_left_out(run, tmp_path):
    raw = write_folder([("KDEF/IMG_1.JPG", b"x"), ("KDEF/._a", b"x")], tmp_path / "raw")
    (raw / "KDEF/link.JPG").symlink_to("nowhere")
    code, out, error = run("kdef", raw, tmp_path / "o.parquet", "--report", tmp_path / "r.json")
    assert code == 2 and not out
    assert "its name is not one of KDEF's: KDEF/IMG_1.JPG" in error
    about = json.loads((tmp_path / "r.json").read_text())
    assert {entry["file"] for entry in about["skipped"]} == {"KDEF/IMG_1.JPG", "KDEF/link.JPG"}
    assert about["junk"] == 1 and about["error"].startswith("nothing usable was found")


def test_an_interrupted_import_says_so_in_its_report(run, tmp_path, inline):
    raw = write_folder(kdef_files(["AF02NES", "AF02NEHL"]), tmp_path / "raw")
    inline.stop_before = 0
    command = ("kdef", raw, tmp_path / "o.parquet", "--crop", "none", "--jobs", "1")
    code, _, error = run(*command, "--report", tmp_path / "r.json")
    assert code == 130 and "the same command goes on" in error
    assert json.loads((tmp_path / "r.json").read_text())["error"] == "KeyboardInterrupt"


def test_the_report_is_not_written_over_the_data(run, tmp_path):
    raw = tmp_path / "raw.zip"
    raw.write_bytes(b"x")
    for name, path in (("RAW", raw), ("OUT", tmp_path / "o.parquet")):
        code, _, error = run("kdef", raw, tmp_path / "o.parquet", "--report", path)
        assert code == 2 and f"is {name} as well" in error
    assert raw.read_bytes() == b"x"


def test_the_text_stays_short_whatever_happens():
    def word(number):
        return "".join(chr(ord("a") + int(digit)) for digit in str(number))

    report = ImportReport("toy", "raw")
    for number in range(5000):
        report.skip(f"{number}.jpg", f"a word {word(number)}")
        report.skip(f"{number}.jpg", "black")
        report.warn(f"warning {number}")
    text = report.text()
    assert len(text.splitlines()) < 3 * REASONS
    assert "4,986 other reasons" in text and "4,985 other warnings" in text


def test_reasons_of_one_kind_stand_together_the_most_frequent_first():
    report = ImportReport("toy", "raw")
    report.skip("z.jpg", "no view")
    for number in range(7):
        report.skip(f"{number}.jpg", f"{number}×9 pixels, the others have 10×10")
        report.skip(f"a/{number}.jpg", f"the same clip as b/{number}.avi")
        report.skip(f"d/{number}.jpg", "an empty file")
    report.skip("y.jpg", "an empty file")
    first, second, third, last = report.text().splitlines()[2:6]
    assert first.startswith("    8 × an empty file: d/0.jpg, d/1.jpg, d/2.jpg, d/3.jpg, d/4.jpg, …")
    assert second.startswith("    7 × …×… pixels, the others have …×…: 0.jpg (0×9 pixels, ")
    assert third.startswith("    7 × the same clip as …: a/0.jpg (the same clip as b/0.avi), ")
    assert last == "    1 × no view: z.jpg"
    assert report.main_reason() == "d/0.jpg: an empty file; so 7 others"
    assert report.as_dict()["reasons"][-1] == {
        "reason": "no view", "files": 1, "examples": ["z.jpg"]
    }  # fmt: skip


def test_names_that_cannot_be_printed_do_not_stop_it(run, tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/caf\xe9.JPG", "wb") as file:
        file.write(b"x")
    code, _, error = run("kdef", folder, tmp_path / "o.parquet", "--report", tmp_path / "r.json")
    assert code == 2 and "caf\\udce9.JPG" in error
    assert json.loads((tmp_path / "r.json").read_text())["error"]


# --------------------------------------------------------------------------------- the command


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--size", "15"], "--size must be 16 to 512"),
        (["--jobs", "0"], "--jobs and --limit must be at least 1"),
        (["--limit", "0"], "--jobs and --limit must be at least 1"),
        (["--report", "nowhere/r.json"], "nowhere/r.json: must be a file in a folder that exists"),
        (["--report", "."], "--report .: must be a file"),
    ],
)
def test_bad_options_are_refused_before_anything_is_read(run, tmp_path, arguments, message):
    code, out, error = run("kdef", tmp_path / "nothing", tmp_path / "o.parquet", *arguments)
    assert code == 2 and message in error and not out and not list(tmp_path.iterdir())


def test_a_bad_place_to_write_is_refused(run, tmp_path):
    code, _, error = run("kdef", tmp_path, tmp_path / "o.csv")
    assert code == 2 and "must be a .parquet file" in error
    code, _, error = run("kdef", tmp_path / "gone", tmp_path / "o.parquet")
    assert code == 2 and "there is no" in error


def test_every_maker_has_a_module_and_only_the_chosen_one_is_imported(capsys):
    for name, (module, _) in (MAKERS | IMPORTERS).items():
        assert find_spec(f"data_prep.{module}") is not None, name
    code = "import sys, data_prep.__main__ as m; m._parser('kdef'); print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).split()
    assert "data_prep.importers.kdef" in loaded and "data_prep.importers.ddcf" not in loaded
    assert not {"torch", "PIL", "av", "anny", "pandas"} & set(loaded)
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in MAKERS | IMPORTERS)


@pytest.mark.parametrize("name", sorted(IMPORTERS))
def test_all_importers_have_the_common_options(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for option in ("RAW", "OUT.parquet", "--size", "--crop", "--jobs", "--limit", "--report"):
        assert option in shown, option


# -------------------------------------------------------------------------------- vocabulary


def test_words_of_all_data_sets_have_a_common_name():
    for word, name in {
        **{"Angry": "angry", "Anger": "angry", "FEAR": "afraid", "fearful": "afraid"},
        **{"joy": "happy", "sadness": "sad", "Disgust": "disgusted", " surprise ": "surprised"},
        **{"content": "content", "calm": "calm", "Neutral": "neutral", "happiness": "happy"},
    }.items():
        assert expression(word) == name
    assert [expression(code, "kdef") for code in ("AF", "an", "NE")] == [
        "afraid",
        "angry",
        "neutral",
    ]
    assert expression("02", "ravdess") == "calm" and expression("08", "ravdess") == "surprised"
    assert all(expression(name) == name for name in NAMES) and len(NAMES) == 10
    assert {*EXPRESSIONS, "calm", "contemptuous"} == set(NAMES)
    assert expression("contempt") == expression("Contemptuous") == "contemptuous"
    assert [expression(code, "raf-db") for code in "17"] == ["surprised", "neutral"]
    assert expression("smile", "multi-pie") == expression("hap", "manyfaces") == "happy"
    with pytest.raises(ValueError, match="unknown expression 'AF'; known are afraid, fear"):
        expression("AF")


def test_an_item_is_called_by_its_name_or_file():
    item = Item(None, {}, name="row 3")
    assert item.title == "row 3" and replace(item, name="").title == ""
    assert item.size is None and replace(item, data=b"abc").size == 3
