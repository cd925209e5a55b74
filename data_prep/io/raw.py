"""Raw data as it was downloaded: a folder, a .zip or a .tar(.gz), read without unpacking it.

A zip has a table of contents, so any file is read from its place. A tar.gz can only be read from
its beginning: it is gone through once to list it, and then once in every process that reads from
it, if files are asked for in the order of `RawFile.place` (going back means starting again).
Where an importer asks for it, .tar files in a folder are read as if they were folders.

An archive is somebody else's data: names that climb out, links, devices and encrypted files are
left out with a reason, and one that would grow beyond measure is refused. Nothing is ever written
under a name that stands in an archive.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from fermodels._shared.paths import given_path

MAX_AT_ONCE = 2 << 30  # bytes that `read` takes into memory
MAX_GROWTH = 200  # bytes out of an archive for each of its own; images and videos: about 1
SMALL = 64 << 20  # growth below this many bytes harms nobody
MAX_HEADER = 16 << 20  # no honest tar header (long names, attributes) is larger
MAX_ERROR = 3000  # characters of a message that ends a command
MAX_POINTER = 1024  # bytes of a pointer of Git LFS
MAX_NAME = 4096  # characters of a path; file systems have no longer ones, archives may

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_POINTER = b"version https://git-lfs.github.com/spec/"
_JUNK = {".ds_store", "thumbs.db", "desktop.ini"}
_JUNK_FOLDERS = {"__MACOSX", ".git"}
_COMPRESSIONS = {
    zipfile.ZIP_STORED: "stored",
    zipfile.ZIP_DEFLATED: "deflate",
    zipfile.ZIP_BZIP2: "bzip2",
    zipfile.ZIP_LZMA: "lzma",
}
_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
# What reading damaged archives raises.
_DAMAGE = (
    *(OSError, EOFError, ValueError, NotImplementedError, RuntimeError, KeyError, IndexError),
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, OverflowError),
)


class RawError(ValueError):
    """Raw data that cannot be read; the message names the file and what to do."""


@dataclass(frozen=True)
class RawFile:
    """One file of the raw data.

    Attributes:
        name: path relative to the root, with "/". Bytes that are no UTF-8 are kept as Python's
            surrogate escapes: `printable` before writing it anywhere.
        size: bytes.
        place: where it is in an archive, increasing in the archive's own order; 0 in a folder, but
            for what is in a .tar there.
    """

    name: str
    size: int
    place: int = 0

    @property
    def stem(self) -> str:
        """The path without the ending of the name."""
        return self.name[: len(self.name) - len(self.ending)]

    @property
    def ending(self) -> str:
        """Of its name, in small letters and with the dot; "" where it has none."""
        return PurePosixPath(self.name).suffix.lower()


def storable(text: str) -> str:
    r"""The text with undecodable bytes as \udc…, so that it can be written anywhere."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def printable(name: str) -> str:
    r"""The name on one line: also control characters, which a terminal would obey, as \x…."""
    return storable(name).translate(_CONTROLS)


def is_lfs_pointer(raw: RawSource, file: RawFile) -> bool:
    """Whether a clone made without Git LFS has a few lines of text in place of this file."""
    try:
        return file.size < MAX_POINTER and raw.read(file).startswith(_POINTER)
    except RawError:
        return False


def shortened(text: str, most: int = 500) -> str:
    """The text without its middle where it is longer; it may quote what a damaged file holds."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


class RawSource:
    """A folder or an archive of raw files. Cheap to send to another process.

    Attributes:
        path: what was opened.
        files: its files, sorted by name.
        left_out: (name, reason) of what is there but is not safe or not possible to read.
        junk: how many files of macOS, Windows and Git bookkeeping (`._*`, `.DS_Store`, `.git`) were
            passed over.
        in_order: whether files are best read in the order of `RawFile.place`.
        opened: names of the files that were read.
    """

    in_order = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[RawFile] = []
        self.left_out: list[tuple[str, str]] = []
        self.junk = 0
        self.opened: set[str] = set()
        self._handle: Any = None
        self._index()
        self.files.sort(key=lambda file: file.name)

    @classmethod
    def open(cls, path: str | os.PathLike, tars_as_folders: bool = False) -> RawSource:
        """Lists a folder, .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz, told apart by content.

        Args:
            tars_as_folders: list what is in the .tar files of a folder, too. Their files have the
                archive's name for a folder: `M003/video.tar/video/front/angry/level_1/001.mp4`.

        Raises:
            RawError: there is no such thing, it is of another kind, it is damaged or cut off, or
                it would grow to more than `MAX_GROWTH` times its size.
        """
        path = given_path(path)
        if path.is_dir():
            return _Folder(path, tars_as_folders)
        if not path.exists():
            beside = sorted(p.name for p in path.parent.glob("*")) if path.parent.is_dir() else []
            hint = f" In {path.parent} there are: {', '.join(beside[:5])}." if beside else ""
            raise RawError(f"there is no {path} (looked in {Path.cwd()}).{hint}")
        if not path.is_file():
            raise RawError(f"{path} is neither a folder nor a file")
        try:
            with path.open("rb") as file:
                start = file.read(512)
            if zipfile.is_zipfile(path):
                return _Zip(path)
        except OSError as error:
            raise RawError(f"{path} cannot be read: {error}") from error
        if start.startswith(b"PK"):
            raise RawError(
                f"{path} begins like a zip but has no table of contents at its end: the download "
                "was probably cut off. Fetch it again."
            )
        if any(map(start.startswith, _OPENERS)) or start[257:262] == b"ustar":
            return _Tar(path)
        raise RawError(
            f"{path} is not a folder, .zip, .tar or .tar.gz (it begins with {start[:12]!r}). Give "
            "the folder of the raw files or one of these archives; unpack others first."
        )

    def read(self, file: RawFile, limit: int = MAX_AT_ONCE) -> bytes:
        """All bytes of a file.

        Raises:
            RawError: it is damaged, cut off or gone, or has more than `limit` bytes.
        """
        if file.size > limit:
            raise self._bad(file, f"{file.size:,} bytes are more than {limit:,}")
        with self.stream(file) as stream:
            try:
                data = stream.read(limit + 1)
            except _DAMAGE as error:
                raise self._bad(file, error) from error
        if len(data) != file.size:
            raise self._bad(file, f"{len(data):,} bytes came out instead of {file.size:,}")
        return data

    def stream(self, file: RawFile) -> BinaryIO:
        """The file opened for reading bytes; it can be sought.

        Raises:
            RawError: it is damaged.
        """
        self.opened.add(file.name)
        try:
            return self._stream(file)
        except _DAMAGE as error:
            raise self._bad(file, error) from error

    def blocks(self, file: RawFile) -> Iterator[bytes]:
        """All bytes of a file, one megabyte after the other, of files of any size.

        Raises:
            RawError: it is damaged, cut off or gone.
        """
        with self.stream(file) as stream:
            while True:
                try:
                    block = stream.read(1 << 20)
                except _DAMAGE as error:
                    raise self._bad(file, error) from error
                if not block:
                    return
                yield block

    def same(self, one: RawFile, other: RawFile) -> bool:
        """Whether two files are known to hold the same bytes; False where reading is too slow."""
        if one.size != other.size or self.in_order:
            return False
        try:
            return self.read(one) == self.read(other)
        except RawError:
            return False

    @contextmanager
    def local(self, file: RawFile) -> Iterator[Path]:
        """A real path of the file, for libraries that need one; from archives a temporary copy."""
        suffix = re.sub(r"[^.A-Za-z0-9]", "", Path(file.name).suffix)[:16]
        handle, path = tempfile.mkstemp(prefix="data_prep-", suffix=suffix)
        try:
            with os.fdopen(handle, "wb") as copy:
                copy.writelines(self.blocks(file))
            yield Path(path)
        finally:
            os.unlink(path)

    def glimpse(self) -> str:
        """How many files there are and the first names, for messages."""
        first = ", ".join(printable(file.name) for file in self.files[:3])
        return f"{len(self.files):,} files, such as {first}" if first else "no files at all"

    def __getstate__(self) -> dict[str, Any]:
        # Files name their own place, so another process needs no list of them.
        return self.__dict__ | {"files": [], "left_out": [], "opened": set(), "_handle": None}

    def _index(self) -> None:
        raise NotImplementedError

    def _stream(self, file: RawFile) -> BinaryIO:
        raise NotImplementedError

    def _bad(self, file: RawFile, why: Any) -> RawError:
        return RawError(f"{printable(file.name)} in {self.path} cannot be read: {why}")

    def _leave_out(self, name: str, reason: str) -> None:
        self.left_out.append((name, reason))

    def _accept(self, name: str, seen: set[str]) -> str | None:
        """The tidied name of an archived file, or None if it is passed over or left out."""
        if len(name) > MAX_NAME:
            self._leave_out(f"{name[:80]}…", f"a name of {len(name):,} characters")
            return None
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in parts or not parts:
            self._leave_out(name, "its name leads out of the archive")
            return None
        if _is_junk(parts):
            self.junk += 1
            return None
        tidy = "/".join(parts)
        if tidy in seen:
            self._leave_out(name, "a second file of this name in the archive")
            return None
        seen.add(tidy)
        return tidy


class _Folder(RawSource):
    def __init__(self, path: Path, tars_as_folders: bool) -> None:
        self._tars_as_folders = tars_as_folders
        super().__init__(path)

    def _index(self) -> None:
        root = os.path.realpath(self.path)
        waiting = [("", str(self.path))]
        while waiting:
            prefix, folder = waiting.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError as error:
                self._leave_out(prefix.rstrip("/") or ".", f"cannot be opened: {error.strerror}")
                continue
            for entry in entries:
                name = prefix + entry.name
                if _is_junk([entry.name]):
                    self.junk += 1
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append((name + "/", entry.path))
                else:
                    self._add(name, entry, root)

    def _add(self, name: str, entry: os.DirEntry, root: str) -> None:
        try:
            if entry.is_symlink():
                target = os.path.realpath(entry.path, strict=True)
                if os.path.commonpath([root, target]) != root:
                    return self._leave_out(name, "a link that leads out of the folder")
                if os.path.isdir(target):
                    return self._leave_out(name, "a link to a folder")
            about = entry.stat()
        except OSError as error:
            return self._leave_out(name, f"a broken link or unreadable: {error.strerror}")
        if not stat.S_ISREG(about.st_mode):
            return self._leave_out(name, "not a regular file")
        if self._tars_as_folders and name.lower().endswith(".tar"):
            return self._add_tar(name)
        self.files.append(RawFile(name, about.st_size))

    def _add_tar(self, name: str) -> None:
        try:
            inside = _Tar(self.path / name)
        except RawError as error:
            return self._leave_out(name, str(error))
        inside._opened().close()
        if inside.in_order:
            return self._leave_out(name, "a .tar that is compressed: unpack it")
        self.files += [
            RawFile(f"{name}/{file.name}", file.size, file.place) for file in inside.files
        ]
        self.left_out += [(f"{name}/{other}", reason) for other, reason in inside.left_out]
        self.junk += inside.junk

    def _stream(self, file: RawFile) -> BinaryIO:
        if not file.place:
            return open(os.path.join(self.path, file.name), "rb")
        # Open archives stay open: there are about as many as people.
        self._handle = self._handle or {}
        name = self._tar_of(file)
        if name not in self._handle:
            self._handle[name] = io.FileIO(os.path.join(self.path, name))
        return io.BufferedReader(_Section(self._handle[name], file.place, file.size))

    def _tar_of(self, file: RawFile) -> str:
        """The path of the archive in the folder that a file is in."""
        names = (file.name[: slash.start()] for slash in re.finditer("/", file.name))
        there = (name for name in names if os.path.isfile(os.path.join(self.path, name)))
        return next(there, file.name)

    @contextmanager
    def local(self, file: RawFile) -> Iterator[Path]:
        if file.place:
            with super().local(file) as path:
                yield path
        else:
            self.opened.add(file.name)
            yield self.path / file.name


class _Zip(RawSource):
    def _index(self) -> None:
        try:
            members = self._opened().infolist()
        except _DAMAGE as error:
            raise RawError(f"{self.path} is a damaged zip ({error}). Fetch it again.") from error
        _check_growth(self.path, sum(member.file_size for member in members))
        seen: set[str] = set()
        for place, member in enumerate(members):
            if member.is_dir():
                continue
            # Some Windows programs write "\" though the format asks for "/".
            name = self._accept(member.filename.replace("\\", "/"), seen)
            if name is None:
                continue
            kind = stat.S_IFMT(member.external_attr >> 16)
            method = member.compress_type
            if kind not in (0, stat.S_IFREG):
                what = "a link" if kind == stat.S_IFLNK else "not a regular file"
                self._leave_out(name, f"{what} in the archive")
            elif member.flag_bits & 0x1:
                self._leave_out(name, "encrypted: unpack it with its password, give the folder")
            elif method not in _COMPRESSIONS:
                self._leave_out(name, f"compressed by method {method}, unknown here: unpack it")
            elif member.file_size > max(SMALL, MAX_GROWTH * member.compress_size):
                sizes = f"{member.compress_size:,} to {member.file_size:,} bytes"
                self._leave_out(name, f"would grow from {sizes} (a decompression bomb?)")
            else:
                self.files.append(RawFile(name, member.file_size, place))

    def _opened(self) -> zipfile.ZipFile:
        if self._handle is None:
            self._handle = zipfile.ZipFile(self.path)
        return self._handle

    def _stream(self, file: RawFile) -> BinaryIO:
        archive = self._opened()
        return archive.open(archive.infolist()[file.place])


class _Tar(RawSource):
    def _index(self) -> None:
        with self.path.open("rb") as file:
            start = file.read(8)
        openers = [opener for magic, opener in _OPENERS.items() if start.startswith(magic)]
        self.in_order = bool(openers)
        self._opener = openers[0] if openers else open
        limit = max(SMALL, MAX_GROWTH * self.path.stat().st_size)
        seen: set[str] = set()
        try:
            gate = _Gate(self._opened(), limit)
            with tarfile.open(fileobj=gate, mode="r:") as tar:
                for member in tar:
                    # tarfile steps over the content next, so this comes before.
                    _check_growth(self.path, member.offset_data + member.size)
                    self._add_member(member, seen)
                self._check_end(gate, tar.offset)
        except RawError:
            raise
        except _DAMAGE as error:
            raise RawError(
                f"{self.path} is damaged or cut off after {len(self.files):,} files ({error}). "
                "Fetch it again, or unpack what can be had of it and give the folder."
            ) from error

    def _add_member(self, member: tarfile.TarInfo, seen: set[str]) -> None:
        if member.isdir():
            return
        name = self._accept(member.name, seen)
        if name is None:
            return
        if member.issym() or member.islnk():
            self._leave_out(name, "a link in the archive")
        elif not member.isreg() or member.issparse():
            self._leave_out(name, "not a regular file in the archive")
        else:
            self.files.append(RawFile(name, member.size, member.offset_data))

    def _check_end(self, gate: _Gate, offset: int) -> None:
        # tarfile takes a damaged header for the end; at the end there are zeros or nothing.
        gate.seek(offset)
        if gate.read(512).strip(b"\0"):
            raise tarfile.ReadError(f"no valid header at byte {offset:,}")
        if self.in_order:  # the checksum of all that was gone through stands at the very end
            while gate.read(1 << 20):
                gate.seek(gate.tell())

    def _opened(self) -> BinaryIO:
        if self._handle is None:
            self._handle = self._opener(self.path, "rb")
        return self._handle

    def _stream(self, file: RawFile) -> BinaryIO:
        return io.BufferedReader(_Section(self._opened(), file.place, file.size))


class _Gate:
    """What tarfile reads headers through: it would take any size that a header states."""

    def __init__(self, handle: BinaryIO, limit: int) -> None:
        self._handle, self._limit = handle, limit

    def read(self, size: int) -> bytes:
        if size > MAX_HEADER:
            raise RawError(f"{self.name} has a header of {size:,} bytes: not read (a bomb?)")
        return self._handle.read(size)

    def seek(self, position: int) -> int:
        if position > self._limit:
            raise RawError(f"{self.name} would grow to over {position:,} bytes (a bomb?)")
        return self._handle.seek(position)

    def tell(self) -> int:
        return self._handle.tell()

    @property
    def name(self) -> str:
        return str(getattr(self._handle, "name", "the archive"))


class _Section(io.RawIOBase):
    """`size` bytes of a file from `start` on, as a file; several may share one handle."""

    def __init__(self, handle: BinaryIO, start: int, size: int) -> None:
        self._handle, self._start, self._size, self._at = handle, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), max(0, self._size - self._at))
        if not wanted:
            return 0
        self._handle.seek(self._start + self._at)
        data = self._handle.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _is_junk(parts: list[str]) -> bool:
    last = parts[-1]
    return last.startswith("._") or last.lower() in _JUNK or bool(_JUNK_FOLDERS & {*parts})


def _check_growth(path: Path, size: int) -> None:
    if size > max(SMALL, MAX_GROWTH * path.stat().st_size):
        raise RawError(
            f"{path} ({path.stat().st_size:,} bytes) would grow to over {size:,} bytes: refused as "
            "a decompression bomb. If it is what you want, unpack it and give the folder."
        )
