"""The folder of finished parts, for data sets and for features."""

import pytest
from filelock import FileLock

from fermodels._shared.parts import folder_of_parts

LEFT = [
    *("00000.parquet", "00001.safetensors", ".00002.parquet.12ab34cd.part", "00003.unfinished"),
    *("job.json", "job.json.tmp", ".job.json.12ab34cd.part"),
]


def interrupted(out, job, name="00000.parquet"):
    with pytest.raises(KeyboardInterrupt), folder_of_parts(out, job) as folder:
        (folder / name).write_bytes(b"a part")
        raise KeyboardInterrupt
    return out.with_name(out.name + ".parts")


def test_after_the_last_part_nothing_is_left(tmp_path):
    with folder_of_parts(tmp_path / "a.parquet", "job") as folder:
        assert folder == tmp_path / "a.parquet.parts" and folder.is_dir()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("job", "resume", "kept"), [("job", True, True), ("job", False, False), ("other", True, False)]
)
def test_parts_of_the_same_job_are_kept(tmp_path, job, resume, kept):
    out = tmp_path / "a.parquet"
    interrupted(out, "job")
    with folder_of_parts(out, job, resume) as folder:
        assert (folder / "00000.parquet").exists() == kept


@pytest.mark.parametrize("label", [b"", b"{", b"[1]", b"\xff", b'{"job": "job"}', None])
def test_parts_of_which_it_is_not_known_what_they_are_are_dropped(tmp_path, label):
    out = tmp_path / "a.safetensors"
    folder = interrupted(out, "job", "00000.safetensors")
    for name in LEFT:
        (folder / name).write_bytes(b"left by a killed process")
    (folder / "job.json").unlink() if label is None else (folder / "job.json").write_bytes(label)
    with folder_of_parts(out, "job") as folder:
        assert {path.name for path in folder.iterdir()} == {"job.json", "lock"}


@pytest.mark.parametrize("name", ["notes.txt", "000000.parquet", "job.json.mine", "00000.csv"])
@pytest.mark.parametrize("resume", [True, False])
def test_files_of_somebody_else_are_not_deleted(tmp_path, name, resume):
    folder = tmp_path / "a.safetensors.parts"
    folder.mkdir()
    for file in (name, "00000.safetensors"):
        (folder / file).write_bytes(b"mine")
    with (
        pytest.raises(ValueError, match=f"{name} is in the way"),
        folder_of_parts(tmp_path / "a.safetensors", "job", resume),
    ):
        pass
    assert (folder / name).exists() and (folder / "00000.safetensors").exists()


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "a.parquet.parts").write_bytes(b"mine")
    with (
        pytest.raises(ValueError, match=r"a\.parquet\.parts is in the way"),
        folder_of_parts(tmp_path / "a.parquet", "job"),
    ):
        pass


def test_one_process_at_a_time(tmp_path):
    folder = interrupted(tmp_path / "a.parquet", "job")
    with (
        FileLock(folder / "lock"),
        pytest.raises(ValueError, match="another process is making"),
        folder_of_parts(tmp_path / "a.parquet", "other"),
    ):
        pass
    assert (folder / "00000.parquet").exists()
