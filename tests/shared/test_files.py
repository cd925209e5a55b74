"""Files that are replaced as a whole."""

import os
import threading

import pytest

from fermodels._shared.files import replace_file, replacing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path):
    replace_file(tmp_path / "file", b"old")
    with pytest.raises(TypeError):
        replace_file(tmp_path / "file", "not bytes")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "file") as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["file"] and (tmp_path / "file").read_bytes() == b"old"


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    replace_file(tmp_path / "file", b"old")
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize("sync", [True, False])
def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path, sync):
    path = tmp_path / "file.parquet"
    replace_file(path, b"old", sync=sync)
    with replacing(path, sync=sync) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
        assert temporary.parent == tmp_path and list(tmp_path.glob("*.parquet")) == [path]
    assert names(tmp_path) == ["file.parquet"] and path.read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="has no umask")
def test_it_is_as_readable_as_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "file", b"x")
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_threads_do_not_write_into_each_other_s_file(tmp_path):
    contents = [bytes([number]) * 100_000 for number in range(8)]

    def write(content):
        for _ in range(10):
            replace_file(tmp_path / "file", content, sync=False)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if (tmp_path / "file").exists():
            assert (tmp_path / "file").read_bytes() in contents
    assert names(tmp_path) == ["file"]
