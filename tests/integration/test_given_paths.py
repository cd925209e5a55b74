"""Every path that comes from outside is opened by one function, and so means one place."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.io.parts import check_out
from data_prep.io.raw import RawSource
from data_prep.io.report import ImportReport
from fermodels import evaluation
from fermodels._shared.places import shipped_data
from fermodels.data import ImageDataset, PreparedImages, RandomBatchSampler, loader
from fermodels.experiments.experiment import Experiment
from fermodels.experiments.old_names import translate_arguments
from fermodels.features import FeatureSet
from fermodels.methods import SimCLR
from fermodels.models import ImageEncoder
from fermodels.training import fit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch, tiny_prepared):
    """A home folder with one of everything that can be read."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINE", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    home = tmp_path / "home"
    (home / "pictures").mkdir(parents=True)
    few = tiny_prepared.subset(np.arange(10))
    few.write(home / "few.parquet")
    (home / "pictures" / "a.webp").write_bytes(few._blobs()[0])
    FeatureSet({"video": torch.rand(3, 1, 4)}).write(home / "few.safetensors")
    ImageEncoder(image_size=16, width=4).save_pretrained(home / "encoder")
    (home / "old.yaml").write_text("recipe:\n  class_path: Views\n")
    return home


READ = {
    "prepared": lambda p: PreparedImages.read(f"{p}/few.parquet"),
    "prepared, not in memory": lambda p: PreparedImages.read(f"{p}/few.parquet", in_memory=False),
    "folder": lambda p: PreparedImages.from_folder(f"{p}/pictures", progress=False),
    "features": lambda p: FeatureSet.read(f"{p}/few.safetensors"),
    "encoder": lambda p: ImageEncoder.from_pretrained(f"{p}/encoder"),
    "embed": lambda p: evaluation.embed(
        ImageEncoder(image_size=16, width=4), f"{p}/few.parquet", progress=False
    ),
    "raw files": lambda p: RawSource.open(f"{p}/pictures"),
    "configuration": lambda p: translate_arguments(["--config", f"{p}/old.yaml"])[1].index(
        "ImageExperiment"
    ),
}
WRITE = {
    "prepared.parquet": lambda path: PreparedImages.read("~/few.parquet").write(path),
    "features.safetensors": lambda path: FeatureSet.read("~/few.safetensors").write(path),
    "saved": lambda path: ImageEncoder(image_size=16, width=4).save_pretrained(path),
    "decoded": lambda path: ImageDataset(PreparedImages.read("~/few.parquet"), folder=path),
    "report.json": lambda path: ImportReport("kdef", "raw").write(path),
}


@pytest.mark.parametrize("where", ["~", "$MINE", "${MINE}"])
def test_what_is_read(home, where):
    for name, read in READ.items():
        assert read(where) is not None, name
    assert check_out(f"{where}/out.parquet") == home / "out.parquet"
    experiment = Experiment("n", f"{where}/few.parquet", f"{where}/runs/n", "cpu", None)
    assert (experiment.data, experiment.run_dir) == (home / "few.parquet", home / "runs" / "n")


def test_a_run_goes_where_it_was_sent(home):
    """A configuration's run_dir of ~/…: the run is there, and no folder "~" is here."""
    data = ImageDataset(PreparedImages.read("~/few.parquet"))
    learner = SimCLR(ImageEncoder(image_size=16, width=4))
    batches = loader(data, RandomBatchSampler(data, 10))
    fit(learner, batches, max_steps=1, run_dir="~/runs/n", progress=False, accelerator="cpu")
    assert (home / "runs/n/encoder/model.safetensors").exists() and not list(Path().iterdir())


@pytest.mark.parametrize("where", ["~", "$MINE"])
def test_what_is_written(home, where):
    before = {path.name for path in home.iterdir()}
    for name, write in WRITE.items():
        write(f"{where}/new/{name}" if name != "report.json" else f"{where}/{name}")
        place = home / name if name == "report.json" else home / "new" / name
        assert place.exists(), name
    assert {path.name for path in home.iterdir()} - before == {"new", "report.json"}
    assert not list(Path.cwd().iterdir())  # no folder "~"


def test_places_in_the_environment(home, monkeypatch):
    monkeypatch.setenv("FERMODELS_DATA", "~")
    assert shipped_data("few") == home / "few.parquet"


def _calls():
    """Every call in the library and in what prepares data: file, its text."""
    for folder in ("fermodels", "data_prep"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield path.relative_to(ROOT).as_posix(), node


def test_nobody_opens_paths_in_another_way():
    """Neither expands them on its own, nor takes them as they are given."""
    # Paths of our own making, or of what given_path has seen.
    known = {"fermodels/_shared/files.py", "fermodels/_shared/paths.py"}
    ours = {"fermodels/data/file_media.py", "data_prep/io/raw.py", "fermodels/crops/yunet.py"}
    taken = {"path", "file", "folder", "out", "run_dir", "save_directory", "data", "features"}
    for file, call in _calls():
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if file not in known:
            assert name not in ("expanduser", "expandvars"), file
            for keyword in call.keywords:
                is_path = isinstance(keyword.value, ast.Name) and keyword.value.id == "Path"
                assert keyword.arg != "type" or not is_path, f"{file}:{call.lineno}: given_path"
        if file in known | ours:
            continue
        if isinstance(call.func, ast.Name) and call.func.id == "Path" and len(call.args) == 1:
            given = call.args[0]
            assert not (isinstance(given, ast.Name) and given.id in taken), (
                f"{file}:{call.lineno}: given_path({given.id})"
            )
