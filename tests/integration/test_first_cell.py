"""The cell that brings the course: in all notebooks by one command, and at work outside."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from fermodels.course.fetching import PARTS
from tests.fixtures.environments import make_environment
from tools import repository

ROOT = Path(__file__).resolve().parents[2]


def put(*arguments):
    command = [sys.executable, "-m", "tools.first_cell", *arguments]
    subprocess.run(command, check=True, cwd=ROOT)


@pytest.fixture
def copies(tmp_path):
    """The notebooks without the cell, whether they have it today or not."""
    for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        kept = [cell for cell in notebook.cells if "setup" not in cell.metadata.get("tags", ())]
        had_it = len(kept) < len(notebook.cells)
        notebook.cells = kept
        for cell in kept if had_it else ():
            if cell.cell_type == "code":
                cell.execution_count -= 1
                for output in cell.outputs:
                    if output.output_type == "execute_result":
                        output.execution_count -= 1
        nbformat.write(notebook, tmp_path / path.name)
    return sorted(tmp_path.glob("*.ipynb"))


@pytest.mark.slow
def test_every_notebook_gets_the_cell_once(copies):
    before = [nbformat.read(path, as_version=4) for path in copies]
    put(*copies)
    once = [path.read_bytes() for path in copies[:2]]
    put(*copies[:2])
    assert once == [path.read_bytes() for path in copies[:2]]
    put("--package", "file:///new.whl", *copies)
    run = [sys.executable, "-m", "ruff", "check", "--no-cache", "--ignore=B905"]
    subprocess.run([*run, "--config", ROOT / "pyproject.toml", *copies], check=True)
    for old, path in zip(before, copies, strict=True):
        new = nbformat.read(path, as_version=4)
        nbformat.validate(new)
        assert len(new.cells) == len(old.cells) + 1
        code = [cell for cell in new.cells if cell.cell_type == "code"]
        assert code[0].metadata.tags[0] == "setup" and not code[0].outputs
        assert "file:///new.whl" in code[0].source
        assert f'course.fetch("{repository.archive()}")' in code[0].source
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        rest = [cell for cell in new.cells if cell is not code[0]]
        assert [cell.source for cell in rest] == [cell.source for cell in old.cells]


@pytest.mark.slow
@pytest.mark.timeout(900)  # it unpacks and runs what takes half a minute on an idle machine
def test_notebook_00_outside_brings_the_course(wheel, tmp_path, monkeypatch):
    python = make_environment(tmp_path / "environment")
    kernel = tmp_path / "jupyter" / "kernels" / "outside"
    kernel.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "outside"}))
    for name in [name for name in os.environ if name.startswith(("FERMODELS", "PYTHON"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("FERMODELS_PRESET", "fast")
    archive = tmp_path / "course.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as files:
        for name in PARTS:
            files.add(ROOT / name, f"fermodels-main/{name}")
    path = tmp_path / "elsewhere" / "00_welcome.ipynb"
    path.parent.mkdir()
    notebook = nbformat.read(ROOT / "notebooks" / path.name, as_version=4)
    where = "import fermodels\nprint(fermodels.__file__, course.root())"
    notebook.cells.append(nbformat.v4.new_code_cell(where))
    nbformat.write(notebook, path)
    put("--package", wheel.as_uri(), "--course", archive.as_uri(), path)

    notebook = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="outside", resources=folder).execute()
    printed = "".join(o.text for o in notebook.cells[-1].outputs if o.get("name") == "stdout")
    package, root = printed.split()
    assert Path(package).is_relative_to(tmp_path / "environment")
    assert Path(root) == path.parent / "fermodels-course"
    figures = [o for cell in notebook.cells for o in cell.get("outputs", ()) if is_figure(o)]
    assert len(figures) >= 3


def is_figure(output):
    return any(kind.startswith("image/") for kind in output.get("data", ()))


# ------------------------------------------------------------------------ badges, the address


def test_the_links_to_colab_kaggle_and_binder_are_those_of_the_notebooks():
    paths = repository.notebook_paths()
    assert len(paths) >= 10
    for name in repository.text_paths():
        text = (ROOT / name).read_text(encoding="utf-8")
        expected = repository.with_links(text, paths)
        assert text == expected, f"{name}: run python tools/repository.py"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    install = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert readme.count("[![Open in") == 3
    assert all(install.count(path) == 3 for path in paths)
    assert f"git clone https://github.com/{repository.REPOSITORY}" in readme


def test_another_address_goes_everywhere(tmp_path, capsys):
    names = ["README.md", "docs/install.md", "tools/repository.py"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir()
    first = nbformat.v4.new_code_cell(f'course.fetch("{repository.archive()}")')
    names.append("notebooks/00_welcome.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=[first]), tmp_path / names[-1])
    repository.write("me/faces", tmp_path)
    printed = capsys.readouterr().out
    for name in names:
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert repository.REPOSITORY not in text and "me/faces" in text, name
        assert f"{name}: written with me/faces" in printed
    assert "gh/me/faces/" in (tmp_path / "README.md").read_text(encoding="utf-8")
