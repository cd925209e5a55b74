"""The package as it is installed: a wheel, in an environment of its own, outside the repository."""

import os
import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from fermodels._shared.extras import EXTRAS, require
from fermodels._shared.places import DEFAULT_VIDEO
from fermodels.course.machine import NEEDED
from tests.fixtures.environments import make_environment
from tests.fixtures.images import synthetic_clips

ROOT = Path(__file__).resolve().parents[2]
CORE = (
    "losses",
    "models",
    "data",
    "crops",
    "methods",
    "training",
    "evaluation",
    "features",
    "plots",
)
# Packages that PyTorch, scikit-learn and Hugging Face bring anyway.
IN_CORE = {"scipy", "yaml"}


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """`python(code, *arguments)` runs in a new environment, outside this repository."""
    home = tmp_path_factory.mktemp("environment")
    executable = make_environment(home, wheel)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("FERMODELS", "PYTHON"))}

    def python(code, *arguments):
        (elsewhere / "script.py").write_text(code)
        done = subprocess.run(
            [executable, "-I", elsewhere / "script.py", *arguments],
            cwd=elsewhere,
            env=keep,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    (where,) = python("import fermodels; print(fermodels.__file__)").stdout.splitlines()
    assert Path(where).is_relative_to(home)
    return python


def hidden(*modules):
    """Code that makes modules look as if they were not installed."""
    return f"import sys; sys.modules.update(dict.fromkeys({modules!r}))\n"


# ---------------------------------------------------------------------------------------- the wheel


def test_the_wheel_has_all_that_the_rooms_need(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ("fermodels", "data_prep")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", ".DS_Store"} & {*path.parts, path.name}
    }
    encoder = f"fermodels/features/weights/{DEFAULT_VIDEO}"
    assert names == files - {"data_prep/README.md"} | {
        f"{encoder}/config.json",
        f"{encoder}/model.safetensors",
    }
    assert {"fermodels/py.typed", "fermodels/__init__.pyi"} <= names


def test_the_core_and_the_extras(metadata):
    assert metadata["Requires-Python"] == ">=3.10"
    assert set(metadata.get_all("Provides-Extra")) == {*EXTRAS, "all", "heic"}
    requirements = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
    core = {r.name for r in requirements if r.marker is None}
    assert not core & {*EXTRAS["course"].values()}
    for extra in ("faces", "explore", "experiments", "import", "export"):
        own = {r.name for r in requirements if r.marker and r.marker.evaluate({"extra": extra})}
        assert own - core == {*EXTRAS[extra].values()}, extra
    for extra, with_ in {"course": 4, "all": 6}.items():
        (all_of,) = (
            r for r in requirements if r.name == "fermodels" and r.marker.evaluate({"extra": extra})
        )
        assert len(all_of.extras) == with_ and all_of.extras <= {*EXTRAS}


# Images of phones, and graphs for others' programs.
NO_ROOM_NEEDS = ("pillow-heif", "onnx", "onnxruntime", "onnxscript")


def test_lower_bounds_are_the_same_everywhere(metadata):
    package = {
        r.name: r.specifier
        for r in map(Requirement, metadata.get_all("Requires-Dist"))
        if r.name not in ("fermodels", *NO_ROOM_NEEDS)
    }
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    course = {r.name: r.specifier for r in (Requirement(x) for x in lines if not x.startswith("#"))}
    assert course == package
    for name, oldest in NEEDED.items():
        assert str(course[name]) == f">={oldest}", name


# ------------------------------------------------------------------------------------- what it runs


def test_the_example_of_the_readme_runs(python):
    example = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL
    )[0]
    assert len([line for line in example.splitlines() if line.strip()]) == 10
    done = python(example + "print(loss.item() > 0, tuple(embeddings.shape))\n")
    assert done.stdout == "True (40, 256)\n", done.stderr


def test_features_are_computed_without_the_repository(python, tmp_path):
    path = synthetic_clips(subjects=3).write(tmp_path / "clips.parquet")
    done = python(
        "import sys\n"
        "from fermodels.data import PreparedClips\n"
        "from fermodels.features import compute_features\n"
        "clips = PreparedClips.read(sys.argv[1])\n"
        "features = compute_features(clips, num_augmentations=1)\n"
        "print(len(features), *features.modalities, features.dims['video'])\n",
        str(path),
    )
    assert done.stdout == "21 video audio text 512\n", done.stderr


def test_the_core_needs_no_extra(python):
    done = python(
        hidden(*EXTRAS["course"].keys() - IN_CORE)
        + "import importlib, pkgutil, fermodels\n"
        + f"for room in {CORE!r}:\n"
        "    room = importlib.import_module(f'fermodels.{room}')\n"
        "    for name in room.__all__:\n"
        "        getattr(room, name)\n"
        "    for module in pkgutil.walk_packages(room.__path__, room.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "print('all')\n"
        "try: fermodels.plots.project([[1, 0], [0, 1], [1, 1]])\n"
        "except ImportError as error: print(error)\n"
    )
    umap = "plots.project(…, 'umap') needs umap-learn: pip install 'fermodels[explore]'"
    assert done.stdout.splitlines() == ["all", umap], done.stderr


@pytest.mark.parametrize(
    "room, extra, module",
    [
        ("fermodels.faces", "faces", "anny"),
        ("fermodels.explore", "explore", "ipywidgets"),
        ("fermodels.experiments", "experiments", "jsonargparse"),
        ("fermodels.course", "course", "anny"),
        ("data_prep.importers", "import", "h5py"),
    ],
)
def test_a_room_without_its_extra_names_it(python, room, extra, module):
    done = python(
        hidden(module) + "import fermodels, importlib\n"
        f"try: importlib.import_module({room!r})\n"
        "except ImportError as error: print(error)\n"
    )
    assert done.stdout == f"{room} needs {module}: pip install 'fermodels[{extra}]'\n", done.stderr


def test_rooms_are_named_without_being_entered(python):
    done = python(
        hidden(*EXTRAS["course"].keys() - IN_CORE) + "import fermodels\n"
        "print(*dir(fermodels))\n"
        "try: fermodels.faces\n"
        "except ImportError as error: print(error)\n"
        "try: from fermodels import explore\n"
        "except ImportError as error: print(error)\n"
    )
    rooms, faces, explore = done.stdout.splitlines()
    assert {*CORE, "faces", "explore", "experiments", "course"} == set(rooms.split())
    assert faces == "fermodels.faces needs anny, pyvista: pip install 'fermodels[faces]'"
    assert explore.endswith("umap-learn: pip install 'fermodels[explore]'")


@pytest.mark.parametrize(
    "command, module, said",
    [
        (["data_prep", "kdef", "RAW", "OUT.parquet"], "h5py", "'fermodels[import]'"),
        (["data_prep", "anny-views", "OUT.parquet"], "anny", "'fermodels[faces]'"),
        (["fermodels", "fit", "--config", "FILE"], "jsonargparse", "'fermodels[experiments]'"),
    ],
)
def test_commands_without_their_extra_name_it(python, command, module, said):
    done = python(
        hidden(module) + "import runpy\n"
        f"sys.argv[1:] = {command[1:]!r}\n"
        f"runpy.run_module({command[0]!r}, run_name='__main__', alter_sys=True)\n"
    )
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{command[0]}: ") and f"needs {module}: pip install {said}" in line


def test_require(monkeypatch):
    require("this", "faces")  # all is there
    monkeypatch.setitem(sys.modules, "umap", None)
    require("this", "explore", "ipywidgets")
    with pytest.raises(ImportError, match=r"^this needs umap-learn: pip install 'fermodels\[expl"):
        require("this", "explore")
    monkeypatch.setitem(sys.modules, "ipywidgets", object())  # there, and without a spec
    with pytest.raises(ImportError, match="needs umap-learn:"):
        require("this", "course")
