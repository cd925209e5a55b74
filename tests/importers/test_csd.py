"""Computational sequences (.csd): what is read of them, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_prep.importers.csd import (
    CsdError,
    CsdFile,
    mean_features,
    rows_within,
    split_key,
    words_of,
)
from tests.importers.fixtures import mosei

h5py = pytest.importorskip("h5py")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def labels(tmp_path):
    mosei.csd_folder(tmp_path, roots=("All Labels",))
    return tmp_path / mosei.FILES["All Labels"]


def test_entries_metadata_and_ids_of_digits(labels):
    with CsdFile(labels) as file:
        assert list(file.sequences) == ["All Labels"]
        sequence = file.sequences["All Labels"]
        assert sorted(sequence.keys) == sorted(mosei.LABELS)
        assert all(isinstance(key, str) for key in sequence.keys)
        assert "0123456" in sequence and "123456" not in sequence and "7l3BNtSE0xc" not in sequence
        assert sequence.metadata("dimension names") == mosei.COLUMNS
        assert sequence.metadata("md5") is None and sequence.metadata("absent") is None
        features, intervals = sequence.read("-aB3_xYz9Q0")
    assert features.shape == (3, 7) and intervals.shape == (3, 2)
    np.testing.assert_allclose(intervals[:, 0], [1.0, -0.05, 0.8], atol=1e-6)  # as in the file


def test_several_sequences_of_aligned_clips_without_intervals(tmp_path):
    path = tmp_path / "mosei.hdf5"
    with h5py.File(path, "w") as file:
        for root, width in (("All Labels", 7), ("glove_vectors", 300)):
            for key in ("abc[0]", "abc[1]", "243981[0]"):
                file.create_dataset(f"{root}/{key}/features", data=np.ones((2, width)))
    with CsdFile(path) as file:
        assert sorted(file.sequences) == ["All Labels", "glove_vectors"]
        features, intervals = file.sequences["glove_vectors"].read("243981[0]")
    assert features.shape == (2, 300) and intervals is None
    assert split_key("243981[0]") == ("243981", 0) and split_key("a[b") == ("a[b", None)


def test_rows_by_their_middle_in_order_of_time():
    intervals = np.array([[1.0, 1.2], [-0.2, 0.1], [0.9, 1.02], [0.4, 0.6], [np.nan, 1.0]])
    assert rows_within(intervals, 0.0, 1.0).tolist() == [3, 2]
    assert rows_within(intervals, -1.0, 0.0).tolist() == [1]
    # A row is in one of two neighbouring intervals, never in both.
    both = rows_within(intervals, 0.0, 0.96).tolist() + rows_within(intervals, 0.96, 2.0).tolist()
    assert sorted(both) == [0, 2, 3]


def test_words_without_pauses():
    words = np.array([[b"I"], [b"sp"], [b"caf\xc3\xa9"], [b" SP "], [b""], [b"\xff!"]], "S32")
    assert words_of(words) == ["I", "café", "�!"]
    assert words_of(np.array([["now"], ["sp"]], dtype=object)) == ["now"]


def test_mean_leaves_out_minus_infinity_and_rows_of_zeros():
    values = np.array([[1, -np.inf, 4], [3, -np.inf, np.nan], [0, 0, 0], [5, -np.inf, 8]])
    np.testing.assert_array_equal(mean_features(values), np.array([3, 0, 6], np.float32))
    assert mean_features(np.zeros((4, 3))) is None and mean_features(np.zeros((0, 3))) is None


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_hdf5_is_refused_by_name(tmp_path, content):
    path = tmp_path / "CMU_MOSEI_Labels.csd"
    path.write_bytes(content)
    with pytest.raises(CsdError, match="CMU_MOSEI_Labels.csd is not a whole HDF5 file"):
        CsdFile(path)


def test_a_cut_off_file_is_refused(labels):
    labels.write_bytes(labels.read_bytes()[:-2000])
    with pytest.raises(CsdError, match="not a whole HDF5 file"):
        CsdFile(labels)


def test_hdf5_of_something_else(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["layer/kernel"] = np.zeros((2, 2))
    with pytest.raises(CsdError, match="no computational sequence in it.*it holds layer"):
        CsdFile(tmp_path / "weights.h5")


def test_links_to_other_files_are_not_followed(tmp_path, labels):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["features"] = np.full((1, 7), 7.0)
        file["intervals"] = np.array([[0.0, 1.0]])
    with h5py.File(labels, "a") as file:
        data = file["All Labels/data"]
        data["linked"] = h5py.ExternalLink(str(secret), "/")
        data["soft"] = h5py.SoftLink("/All Labels/data/100234")
        entry = data.create_group("outside")
        entry.create_dataset(
            "features", (1, 7), "f4", external=[(str(tmp_path / "raw.bin"), 0, 28)]
        )
        layout = h5py.VirtualLayout((1, 7), "f8")
        layout[:] = h5py.VirtualSource(str(secret), "features", (1, 7))
        data.create_group("virtual").create_virtual_dataset("features", layout)
    (tmp_path / "raw.bin").write_bytes(bytes(28))
    with CsdFile(labels) as file:
        sequence = file.sequences["All Labels"]
        for key in ("linked", "soft"):
            with pytest.raises(CsdError, match="links are not followed"):
                sequence.read(key)
        for key in ("outside", "virtual"):
            with pytest.raises(CsdError, match="lies in another file"):
                sequence.read(key)
        assert sequence.read("100234")[0].shape == (1, 7)


def test_what_only_a_header_announces_is_not_taken_into_memory(labels):
    with h5py.File(labels, "a") as file:
        group = file["All Labels/data"].create_group("huge")
        group.create_dataset("features", (10**7, 1000), "f4", chunks=(1000, 1000))
    with (
        CsdFile(labels) as file,
        pytest.raises(CsdError, match=r"All Labels/huge: 'features' announces .* more than 1 GiB"),
    ):
        file.sequences["All Labels"].read("huge")


@pytest.mark.parametrize(
    "features, intervals, message",
    [
        (np.zeros((2, 7)), np.zeros((3, 2)), "2 rows of features and 3 intervals"),
        (np.zeros((2, 7)), np.zeros((2, 3)), "not N×2"),
        (np.zeros((2, 7)), np.array([[b"a", b"b"]] * 2), "not N×2"),
        (None, np.zeros((2, 2)), "has no features"),
    ],
)
def test_entries_that_do_not_fit_together(tmp_path, features, intervals, message):
    with h5py.File(tmp_path / "a.csd", "w") as file:
        file["r/data/good/features"] = np.ones((1, 7))
        entry = file.create_group("r/data/odd")
        entry["intervals"] = intervals
        if features is not None:
            entry["features"] = features
    with CsdFile(tmp_path / "a.csd") as file, pytest.raises(CsdError, match=message) as caught:
        file.sequences["r"].read("odd")
    assert "r/odd" in str(caught.value)


def test_a_flipped_byte_in_the_compressed_data_names_the_entry(labels):
    with h5py.File(labels, "r") as file:
        dataset = file["All Labels/data/100234/features"]
        offset = dataset.id.get_chunk_info(0).byte_offset
    data = bytearray(labels.read_bytes())
    data[offset + 4] ^= 0xFF
    labels.write_bytes(data)
    with (
        CsdFile(labels) as file,
        pytest.raises(CsdError, match="All Labels/100234.*cannot be read"),
    ):
        file.sequences["All Labels"].read("100234")


def test_without_h5py_the_message_says_what_to_install(labels):
    program = (
        "import sys\n"
        "from data_prep.importers.csd import CsdFile\n"
        "sys.modules['h5py'] = None\n"
        f"try: CsdFile({str(labels)!r})\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert "pip install h5py" in done.stdout, done.stderr
    assert json.dumps(done.stdout).count("\\n") == 1


def test_text_that_would_be_read_for_ever(labels, monkeypatch):
    from data_prep.importers import csd

    data = bytearray(labels.read_bytes())
    at = data.index(b"GCOL") + 16  # the cluster of strings: number, count, size, text, and so on
    while data[at : at + 2] != b"\0\0":  # number 0 is the rest of the cluster
        size = int.from_bytes(data[at + 8 : at + 16], "little")
        at += 16 + -(-size // 8) * 8
    data[at + 8 : at + 16] = bytes(8)
    labels.write_bytes(data)
    monkeypatch.setattr(csd, "_PATIENCE", 4.0)
    with (
        CsdFile(labels, "Labels.csd") as file,
        pytest.raises(CsdError, match="Labels.csd is damaged: reading its text does not end"),
    ):
        file.sequences["All Labels"].metadata("dimension names")
