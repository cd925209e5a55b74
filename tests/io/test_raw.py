"""Folders and archives: what is listed, what comes out, and what is refused."""

import gzip
import io
import os
import pickle
import random
import tarfile
import zipfile

import pytest

from data_prep.io import raw as raw_module
from data_prep.io.raw import RawError, RawFile, RawSource, is_lfs_pointer, printable
from tests.importers.fixtures.images import write_folder, write_tar, write_zip

FILES = {
    "set/b.txt": b"bb",
    "set/a.txt": b"a" * 300_000,
    "set/empty.txt": b"",
    "set/é.txt": b"composed",
    "set/e\u0301.txt": b"decomposed",
    "set/name with space, comma.txt": b"x",
}
KINDS = ("folder", "zip", "tar", "tar.gz")


def make(kind, files, tmp_path):
    files = files.items() if isinstance(files, dict) else files
    if kind == "folder":
        return write_folder(files, tmp_path / "folder")
    return (write_zip if kind == "zip" else write_tar)(files, tmp_path / f"archive.{kind}")


def members(path, *infos):
    """A tar of hand-made members: (TarInfo, content)."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for info, data in infos:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def info(name, kind=tarfile.REGTYPE, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_hold_the_same_files(kind, tmp_path):
    source = RawSource.open(make(kind, FILES, tmp_path))
    assert [file.name for file in source.files] == sorted(FILES)
    assert {file.name: file.size for file in source.files} == {k: len(v) for k, v in FILES.items()}
    order = random.Random(0).sample(source.files, len(source.files))
    for file in order + order[::-1]:
        assert source.read(file) == FILES[file.name]
        with source.stream(file) as stream:
            middle = file.size // 2
            stream.seek(middle)
            assert stream.read() == FILES[file.name][middle:] and stream.tell() == file.size
            stream.seek(-min(2, file.size), io.SEEK_END)
            assert stream.read(1) == FILES[file.name][-2:][:1]
        with source.local(file) as path:
            assert path.read_bytes() == FILES[file.name] and path.suffix == ".txt"
    assert kind == "folder" or not path.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_another_process_reads_without_listing_again(kind, tmp_path, monkeypatch):
    source = RawSource.open(make(kind, FILES, tmp_path))
    source.read(source.files[0])
    monkeypatch.setattr(type(source), "_index", None)
    sent = pickle.loads(pickle.dumps(source))
    assert sent.files == [] and len(pickle.dumps(source)) < 1000
    for file in sorted(source.files, key=lambda file: file.place):
        assert sent.read(file) == FILES[file.name]


def test_a_tar_gz_is_decompressed_once_in_its_own_order(tmp_path, monkeypatch):
    source = RawSource.open(
        make("tar.gz", {f"{n}.bin": os.urandom(50_000) for n in "cab"}, tmp_path)
    )
    assert source.in_order
    rewinds = []
    rewind = gzip._GzipReader._rewind
    monkeypatch.setattr(gzip._GzipReader, "_rewind", lambda self: (rewinds.append(1), rewind(self)))
    in_order = sorted(source.files, key=lambda file: file.place)
    assert [file.name for file in in_order] == ["c.bin", "a.bin", "b.bin"]
    for file in in_order:
        source.read(file)
    assert len(rewinds) == 1  # listing it was the first time
    source.read(in_order[0])
    assert len(rewinds) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_bookkeeping_of_operating_systems_is_counted_only(kind, tmp_path):
    junk = ["__MACOSX/x.txt", "set/._b.txt", "set/.DS_Store", "Thumbs.db", "set/desktop.ini"]
    junk += [".git/HEAD"]
    source = RawSource.open(make(kind, {"set/b.txt": b"b"} | dict.fromkeys(junk, b""), tmp_path))
    assert [file.name for file in source.files] == ["set/b.txt"] and source.left_out == []
    if kind != "folder":
        assert source.junk == len(junk)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "C:/x", "a/.."])
def test_names_that_lead_out_are_left_out(kind, name, tmp_path):
    source = RawSource.open(make(kind, [("ok", b"1"), (name, b"2")], tmp_path))
    assert [file.name for file in source.files] == ["ok"]
    assert source.left_out == [(name, "its name leads out of the archive")]


def test_backslashes_of_windows_zips_are_folders(tmp_path):
    path = write_zip([("KDEF\\AF01\\x.JPG", b"1"), ("..\\y", b"2")], tmp_path / "a.zip")
    source = RawSource.open(path)
    assert [file.name for file in source.files] == ["KDEF/AF01/x.JPG"]
    assert source.left_out[0][1] == "its name leads out of the archive"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_of_two_files_of_a_name_the_first_is_read(kind, tmp_path):
    source = RawSource.open(make(kind, [("a", b"1"), ("./a", b"22"), ("a", b"333")], tmp_path))
    assert [source.read(file) for file in source.files] == [b"1"]
    assert [why for _, why in source.left_out] == ["a second file of this name in the archive"] * 2


def test_links_and_devices_in_a_tar_are_left_out(tmp_path):
    path = members(
        tmp_path / "a.tar",
        (info("ok"), b"1"),
        (info("sym", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (info("hard", tarfile.LNKTYPE, "ok"), b""),
        (info("fifo", tarfile.FIFOTYPE), b""),
        (info("device", tarfile.CHRTYPE), b""),
        (info("folder", tarfile.DIRTYPE), b""),
    )
    source = RawSource.open(path)
    assert [file.name for file in source.files] == ["ok"]
    assert dict(source.left_out) == {
        **dict.fromkeys(("sym", "hard"), "a link in the archive"),
        **dict.fromkeys(("fifo", "device"), "not a regular file in the archive"),
    }


def test_links_and_encrypted_files_in_a_zip_are_left_out(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ok", b"1")
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("secret", b"2")
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            if data[at:].find(b"secret") in (30, 46):
                data[at + flags] |= 1
    path.write_bytes(data)
    source = RawSource.open(path)
    assert [file.name for file in source.files] == ["ok"]
    reasons = dict(source.left_out)
    assert reasons["link"] == "a link in the archive" and "password" in reasons["secret"]


def test_links_in_a_folder_stay_inside(tmp_path):
    root = write_folder([("in/a.txt", b"a")], tmp_path / "raw")
    write_folder([("secret.txt", b"s")], tmp_path / "outside")
    os.symlink(root / "in" / "a.txt", root / "link.txt")
    os.symlink(tmp_path / "outside" / "secret.txt", root / "out.txt")
    os.symlink(root, root / "in" / "cycle")
    os.symlink(root / "loop", root / "loop")
    os.symlink(root / "nothing", root / "broken")
    os.mkfifo(root / "fifo")
    source = RawSource.open(root)
    assert [file.name for file in source.files] == ["in/a.txt", "link.txt"]
    reasons = dict(source.left_out)
    assert reasons["out.txt"] == "a link that leads out of the folder"
    assert reasons["in/cycle"] == "a link to a folder" and reasons["fifo"] == "not a regular file"
    assert "broken link" in reasons["broken"] and "broken link" in reasons["loop"]
    os.symlink(root, tmp_path / "raw-link")  # a link as RAW itself is the user's will
    assert len(RawSource.open(tmp_path / "raw-link").files) == 2


def test_names_that_are_no_text_survive(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/caf\xe9.txt", "wb") as file:
        file.write(b"x")
    source = RawSource.open(folder)
    (file,) = source.files
    assert source.read(file) == b"x" and printable(file.name) == "caf\\udce9.txt"


def test_names_longer_than_any_path_are_left_out(tmp_path):
    long = "a/" * 3000 + "b"
    for kind in ("zip", "tar"):
        source = RawSource.open(make(kind, {long: b"x", "c": b"y"}, tmp_path))
        assert [file.name for file in source.files] == ["c"]
        assert source.left_out == [(long[:80] + "…", "a name of 6,001 characters")]


# -------------------------------------------------------------------------------------- bombs


def test_a_zip_bomb_is_refused(tmp_path):
    path = write_zip([("zeros", bytes(100 << 20))], tmp_path / "bomb.zip")
    with pytest.raises(RawError, match="bomb.zip .* decompression bomb"):
        RawSource.open(path)


def test_one_swollen_file_of_a_large_zip_is_left_out(tmp_path):
    noise = random.Random(0).randbytes(1 << 20)
    path = write_zip([("noise", noise), ("zeros", bytes(100 << 20))], tmp_path / "a.zip")
    source = RawSource.open(path)
    assert [file.name for file in source.files] == ["noise"]
    assert "decompression bomb" in dict(source.left_out)["zeros"]


def test_a_tar_gz_bomb_is_refused_before_it_is_decompressed(tmp_path, monkeypatch):
    huge = info("zeros")
    huge.size = 1 << 40
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(huge.tobuf() + bytes(1 << 20)))
    with pytest.raises(RawError, match="decompression bomb"):
        RawSource.open(path)
    path.write_bytes(gzip.compress(members_bytes(tmp_path, [bytes(30 << 20)] * 4)))
    with pytest.raises(RawError, match="decompression bomb"):
        RawSource.open(path)


def test_a_tar_header_of_many_megabytes_is_not_read(tmp_path):
    header = info("pax", tarfile.XHDTYPE)
    header.size = 32 << 20
    path = tmp_path / "long.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(header.size)))
    with pytest.raises(RawError, match="a header of 33,554,432 bytes: not read"):
        RawSource.open(path)


def members_bytes(tmp_path, contents):
    path = members(tmp_path / "t.tar", *((info(str(n)), data) for n, data in enumerate(contents)))
    return path.read_bytes()


def test_a_file_larger_than_memory_is_not_read(tmp_path):
    root = write_folder([("a", b"12345")], tmp_path / "raw")
    source = RawSource.open(root)
    with pytest.raises(RawError, match="a in .*: 5 bytes are more than 4"):
        source.read(source.files[0], limit=4)
    os.truncate(root / "a", raw_module.MAX_AT_ONCE + 1)  # takes no room on the disk
    (file,) = RawSource.open(root).files
    with pytest.raises(RawError, match="are more than"):
        source.read(file)


# ---------------------------------------------------------------------- archives in a folder


def packed(tmp_path):
    """A folder with archives of two people, and beside them what is none."""
    root = write_folder([("ann/notes.txt", b"notes"), ("x.tar/y.txt", b"y")], tmp_path / "raw")
    write_tar(
        [("video/a.txt", b"aaa"), ("video/._a.txt", b""), ("../up", b"1")], root / "ann/v.tar"
    )
    write_tar([("b.txt", b"b" * 3000)], root / "x.tar/V.TAR")
    return root


def test_tars_in_a_folder_are_folders_where_that_is_asked_for(tmp_path):
    source = RawSource.open(packed(tmp_path), tars_as_folders=True)
    contents = {
        **{"ann/notes.txt": b"notes", "ann/v.tar/video/a.txt": b"aaa"},
        **{"x.tar/V.TAR/b.txt": b"b" * 3000, "x.tar/y.txt": b"y"},
    }
    assert [file.name for file in source.files] == sorted(contents) and source.junk == 1
    assert source.left_out == [("ann/v.tar/../up", "its name leads out of the archive")]
    sent = pickle.loads(pickle.dumps(source))
    for file in (*source.files, *source.files[::-1]):
        assert source.read(file) == sent.read(file) == contents[file.name]
        assert b"".join(source.blocks(file)) == contents[file.name]
        with source.local(file) as path:
            assert path.read_bytes() == contents[file.name]
    names = [file.name for file in RawSource.open(packed(tmp_path / "2")).files]
    assert names == ["ann/notes.txt", "ann/v.tar", "x.tar/V.TAR", "x.tar/y.txt"]


def test_a_tar_in_a_folder_that_cannot_be_read_is_named(tmp_path):
    root = packed(tmp_path)
    write_tar([("z.txt", b"z")], root / "z.tar.gz").rename(root / "z.tar")
    (root / "half.tar").write_bytes((root / "x.tar/V.TAR").read_bytes()[:2000])
    (root / "none.tar").write_bytes(b"<!DOCTYPE html>")
    source = RawSource.open(root, tars_as_folders=True)
    why = dict(source.left_out)
    assert why["z.tar"] == "a .tar that is compressed: unpack it"
    assert "damaged or cut off" in why["half.tar"] and "damaged or cut off" in why["none.tar"]
    assert len(source.files) == 4


def test_a_tar_that_vanishes_is_an_error_of_its_files(tmp_path):
    source = RawSource.open(packed(tmp_path), tars_as_folders=True)
    (tmp_path / "raw/ann/v.tar").unlink()
    (file,) = (file for file in source.files if "v.tar" in file.name)
    with pytest.raises(RawError, match="ann/v.tar/video/a.txt in .* cannot be read"):
        source.read(file)


def test_pointers_of_git_lfs(tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n"
    source = RawSource.open(write_folder([("a", pointer), ("b", b"version 1")], tmp_path / "raw"))
    assert [is_lfs_pointer(source, file) for file in source.files] == [True, False]
    (tmp_path / "raw/a").unlink()
    assert not is_lfs_pointer(source, source.files[0])


# ------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.6, 0.9])
def test_archives_that_were_cut_off_are_refused(kind, share, tmp_path):
    path = make(kind, {f"{n}.bin": random.Random(n).randbytes(9000) for n in range(9)}, tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(RawError, match=str(path)):
        RawSource.open(path)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_flipped_bits_are_never_more_than_an_error(kind, tmp_path):
    contents = {f"{n}.bin": random.Random(n).randbytes(3000) for n in range(6)}
    path = make(kind, contents, tmp_path)
    whole, rng = path.read_bytes(), random.Random(1)
    refused = different = 0
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 30))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            source = RawSource.open(path)
            for file in source.files:
                different += source.read(file) != contents.get(file.name)
        except RawError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > 10 and (kind == "tar" or not different)  # a plain tar has no checksum


def test_a_damaged_header_does_not_end_a_tar_quietly(tmp_path):
    path = make("tar", {f"{n}.bin": bytes([n]) * 600 for n in range(1, 5)}, tmp_path)
    data = bytearray(path.read_bytes())
    data[1536 * 2 + 5] ^= 255  # the third header
    path.write_bytes(data)
    with pytest.raises(RawError, match="damaged or cut off after 2 files"):
        RawSource.open(path)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"<!DOCTYPE html>", "is not a folder, .zip, .tar or .tar.gz"),
        (b"Rar!\x1a\x07", "is not a folder"),
        (b"", "is not a folder"),
        (b"PK\x03\x04 and then nothing", "was probably cut off"),
        (gzip.compress(b"no tar"), "is damaged or cut off"),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    path = tmp_path / "data.zip"
    path.write_bytes(content)
    with pytest.raises(RawError, match=message):
        RawSource.open(path)


def test_what_is_not_there_is_named_with_what_is_beside_it(tmp_path):
    (tmp_path / "KDEF.zip").write_bytes(b"")
    with pytest.raises(RawError, match=r"there is no .*KDEF \(looked in .*there are: KDEF.zip"):
        RawSource.open(tmp_path / "KDEF")
    source = RawSource.open(tmp_path)
    with pytest.raises(RawError, match="gone.jpg in .* cannot be read"):
        source.read(RawFile("gone.jpg", 5))
