"""The folder for a USB stick: real packages, installed where there is no network."""

import socket
import subprocess
import sys
import zipfile
from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement

from tools import bundle, bundle_check
from tools.packages import closure, read

NO_NETWORK = ("--no-index",)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A folder of wheels, made of packages that are installed here."""
    folder = tmp_path_factory.mktemp("index")
    for name in closure([Requirement("lazy-loader")]):
        package = distribution(name)
        path = folder / f"{name.replace('-', '_')}-{package.version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for file in package.files:
                if file.suffix != ".pyc" and ".." not in file.parts:
                    wheel.write(file.locate(), file.as_posix())
    return folder


@pytest.fixture
def requirements(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("# a few\nlazy-loader>=0.4\n")
    return path


@pytest.mark.slow
def test_a_bundle_installs_without_a_network(index, requirements, tmp_path, monkeypatch):
    own = tmp_path / "fermodels-0.0.1-py3-none-any.whl"
    info = "fermodels-0.0.1.dist-info"
    with zipfile.ZipFile(own, "w") as wheel:  # the real one needs gigabytes
        wheel.writestr("fermodels_stub.py", "import lazy_loader\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: fermodels\nVersion: 0.0.1")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    course = tmp_path / "course"
    files = ("data/a.parquet", "weights/one/config.json", "notebooks/00_welcome.ipynb")
    for name in (*files, "configs/a.yaml"):
        (course / name).parent.mkdir(parents=True)
        (course / name).write_text(name)
    for name in ("README.md", "LICENSE"):
        (course / name).write_text(name)
    monkeypatch.setattr(bundle, "ROOT", course)
    stick, home = tmp_path / "a stick", tmp_path / "at home"
    options = [*NO_NETWORK, "--find-links", str(index)]
    bundle.bundle(stick, requirements, options=options, package=own)

    run = ["sh", stick / "install.sh", home]
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "HOME": str(tmp_path)}
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    python = home / ".venv" / "bin" / "python"
    subprocess.run([python, "-I", "-c", "import fermodels_stub"], check=True)
    pip = [python, "-I", "-m", "pip", "list", "--format=freeze"]
    listed = subprocess.run(pip, check=True, capture_output=True, text=True).stdout.split()
    wanted = (stick / "packages.txt").read_text().split()
    assert {"fermodels==0.0.1", f"lazy-loader=={distribution('lazy-loader').version}"} < set(wanted)
    assert {line.replace("_", "-") for line in listed} >= set(wanted)
    assert (home / "notebooks" / "00_welcome.ipynb").exists() and (home / "start.sh").exists()
    assert (home / "configs" / "a.yaml").exists()

    (home / "notebooks" / "00_welcome.ipynb").write_text("worked in")
    subprocess.run(run, env=environment, check=True, capture_output=True)
    assert (home / "notebooks" / "00_welcome.ipynb").read_text() == "worked in"


def test_the_check_of_a_bundle_reaches_no_network():
    before, environment = bundle_check.without_network()
    assert environment["PIP_NO_INDEX"] and environment["https_proxy"] == bundle_check.NOWHERE
    if not before:
        pytest.skip("network namespaces are not permitted here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"import socket; socket.create_connection({server.getsockname()}, 5)"
        run = [sys.executable, "-c", connect]
        assert subprocess.run(run).returncode == 0
        assert subprocess.run([*before, *run], stderr=subprocess.DEVNULL).returncode == 1


def test_what_is_no_bundle_is_refused(tmp_path):
    run = [sys.executable, "-m", "tools.bundle_check", tmp_path]
    done = subprocess.run(run, capture_output=True, text=True, cwd=bundle.ROOT)
    assert done.returncode == 2 and "make one with make bundle" in done.stderr


def test_another_python_is_refused(index, requirements, tmp_path, monkeypatch):
    script = (bundle.SCRIPTS / "install.sh").read_text().replace("@VERSION@", "3.1")
    (tmp_path / "install.sh").write_text(script)
    run = ["sh", tmp_path / "install.sh", tmp_path / "home"]
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
    done = subprocess.run(run, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "are for Python 3.1, and this is Python" in done.stderr
    assert not (tmp_path / "home").exists()


# --------------------------------------------------------------------------------- what is in it


@pytest.mark.parametrize("platform", bundle.PLATFORMS)
def test_packages_follow_the_platform(platform):
    needs = [
        Requirement("torch"),
        Requirement("lazy-loader; sys_platform != 'win32'"),
        Requirement("no-such-package; platform_system == 'Windows'"),
        Requirement("tqdm; os_name == 'posix'"),
    ]
    found = closure(needs, bundle.PLATFORMS[platform][1])
    windows = platform == "windows"
    assert ("no-such-package" in found, "tqdm" in found) == (windows, not windows)
    assert found["torch"] == distribution("torch").version.split("+")[0]
    assert found.get("no-such-package", "") is (None if windows else "")
    cuda = [name for name in found if name.startswith(("nvidia-", "cuda-"))]
    assert not cuda or platform.startswith("linux")
    assert not [n for n in closure(needs[:1], cpu=True) if n.startswith(("nvidia", "triton"))]


def test_the_closure_is_what_pip_would_install():
    found = closure([Requirement("jsonargparse[signatures]")])
    assert {"jsonargparse", "docstring-parser", "pyyaml"} <= set(found)  # extras of extras
    assert "docstring-parser" not in closure([Requirement("jsonargparse")])


def test_requirements_are_read_through_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "base.txt").write_text("torch>=2 # why\n\n")
    (tmp_path / "a" / "more.txt").write_text("# comment\n-r ../base.txt\ntqdm\n")
    assert [str(r) for r in read(tmp_path / "a" / "more.txt")] == ["torch>=2", "tqdm"]


@pytest.mark.parametrize("has_cpu", [True, False])
def test_a_cpu_build_is_taken_where_there_is_one(has_cpu, requirements, tmp_path, monkeypatch):
    requirements.write_text("torch\ntqdm\n")
    asked = []

    def download(packages, wheels, platform=None, options=()):
        asked.append(packages)
        if not has_cpu and "+cpu" in str(packages):
            raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(bundle, "download", download)
    lines = bundle.collect(requirements, tmp_path, "linux")
    version = distribution("torch").version.split("+")[0]
    assert (f"torch=={version}+cpu" if has_cpu else f"torch=={version}") in lines
    assert asked[0] == {"torch": f"{version}+cpu"}
    assert ("torch" in asked[-1]) is not has_cpu
