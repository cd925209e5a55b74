"""Files that are replaced as a whole: a reader, or a crash, sees the old one or the new."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_file(path: str | os.PathLike, data: bytes, *, sync: bool = True) -> None:
    """Write `path`, for data in memory; `sync` as in :func:`replacing`."""
    with replacing(path, sync=sync) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: str | os.PathLike, *, sync: bool = True) -> Iterator[Path]:
    """A path in the same folder, for what writes a file itself; it becomes `path` after the block.

    If the block fails, the old file stays. Several threads and processes may write the same file:
    each has a path of its own, and the last one to finish wins.

    Args:
        path: in a folder that exists.
        sync: wait until the disk has it. Without, the file may be empty after the machine went
            down, though not after the process did.
    """
    path = Path(path)
    # Ends in ".part", or whoever looks for files of a kind would find what a killed process left.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
        if sync:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
