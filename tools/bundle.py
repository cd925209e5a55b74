"""One folder for a USB stick: the course and all its packages, installed without a network.

python -m tools.bundle OUT [--platform windows] [--requirements requirements-lite.txt]

The packages are those of this environment, in their versions, for this Python. PyTorch's CPU build
is taken where one of pip's indexes has it (PIP_EXTRA_INDEX_URL names a further one).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from fermodels._shared.paths import output_folder
from fermodels._shared.places import DEFAULT_VIDEO
from fermodels.course.fetching import PARTS
from tools.packages import closure, read

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(__file__).with_name("bundle_scripts")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
LEAVE = shutil.ignore_patterns("__pycache__", ".*")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def _linux(machine: str) -> tuple[list[str], dict[str, str]]:
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(39, 4, -1)]
    tags += [f"manylinux{year}_{machine}" for year in (2014, 2010, 1)]
    names = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    return tags, {**names, "platform_machine": machine}


# Platform → pip's tags, the values of environment markers there.
PLATFORMS: dict[str, tuple[list[str], dict[str, str]]] = {
    "linux": _linux("x86_64"),
    "linux-arm": _linux("aarch64"),
    "macos": (
        ["macosx_14_0_arm64"],
        {
            "sys_platform": "darwin",
            "platform_system": "Darwin",
            "os_name": "posix",
            "platform_machine": "arm64",
        },
    ),
    "windows": (
        ["win_amd64"],
        {
            "sys_platform": "win32",
            "platform_system": "Windows",
            "os_name": "nt",
            "platform_machine": "AMD64",
        },
    ),
}


def build_wheel(out: Path, *options: str) -> Path:
    """The package's wheel, built from a copy, so that the checkout stays as it is.

    Args:
        out: folder for it.
        options: for `pip wheel`.
    """
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary)
        for name in ("fermodels", "data_prep", f"weights/{DEFAULT_VIDEO}"):
            shutil.copytree(ROOT / name, source / name, ignore=LEAVE)
        for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        build = [*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", out, *options, source]
        subprocess.run(build, check=True)
    (path,) = out.glob("fermodels-*.whl")
    return path


def download(
    packages: Mapping[str, str | None],
    wheels: Path,
    platform: str | None = None,
    options: Sequence[str] = (),
) -> None:
    """Wheels of `packages`, without what they need in turn.

    Args:
        packages: name → version; None: the newest one, and what it needs.
        platform: a key of `PLATFORMS`; None: this machine, where those without a wheel are built.
        options: for pip, such as "--no-index".

    Raises:
        subprocess.CalledProcessError: pip failed; what it said is on standard error.
    """
    pinned = [f"{name}=={version}" for name, version in packages.items() if version]
    others = [name for name, version in packages.items() if not version]
    if platform is None:
        command = [*PIP, "wheel", "--wheel-dir", wheels]
    else:
        command = [*PIP, "download", "--dest", wheels, "--only-binary=:all:"]
        # In full: 3.11 would mean 3.11.0, for which some packages are not made.
        full = f"{VERSION}.{sys.version_info.micro}"
        command += ["--python-version", full, "--implementation", "cp"]
        command += [f"--abi={abi}" for abi in (f"cp{VERSION.replace('.', '')}", "abi3", "none")]
        command += [f"--platform={tag}" for tag in PLATFORMS[platform][0]]
    for some in (["--no-deps", *pinned], others):
        if some:
            subprocess.run([*command, "--quiet", *options, *some], check=True)


def collect(
    requirements: Path, wheels: Path, platform: str | None, options: Sequence[str] = ()
) -> list[str]:
    """Download what `requirements` bring; the lines of a file of requirements for all of it."""
    system = PLATFORMS[platform][1] if platform else None
    packages = closure(read(requirements), system)
    cpu = {name: f"{packages[name]}+cpu" for name in ("torch", "torchvision") if name in packages}
    taken = {}
    if cpu and (platform or sys.platform) not in ("macos", "darwin"):
        try:
            download(cpu, wheels, platform, options)
            taken = cpu
            packages = closure(read(requirements), system, cpu=True)
        except subprocess.CalledProcessError:
            print("no index has a CPU build of this PyTorch: the ordinary one is taken", flush=True)
    rest = {name: version for name, version in packages.items() if name not in taken}
    download(rest, wheels, platform, options)
    return [
        f"{name}=={version}" if version else name for name, version in {**packages, **taken}.items()
    ]


def bundle(
    out: Path,
    requirements: Path,
    platform: str | None = None,
    options: Sequence[str] = (),
    package: Path | None = None,
) -> None:
    """Make the folder.

    Args:
        out: the folder, new or empty.
        requirements: of the course.
        platform, options: see :func:`download`.
        package: a wheel of the package; None: it is built.
    """
    wheels, course = out / "wheels", out / "course"
    wheels.mkdir(parents=True)
    lines = collect(requirements, wheels, platform, options)
    own = Path(shutil.copy(package, wheels)) if package else build_wheel(wheels, *options)
    lines.append(f"fermodels=={own.name.split('-')[1]}")
    (out / "packages.txt").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    for name in PARTS:
        shutil.copytree(ROOT / name, course / name, ignore=LEAVE)
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, course)
    for script in SCRIPTS.iterdir():
        text = script.read_text(encoding="utf-8").replace("@VERSION@", VERSION)
        (out / script.name).write_text(text, encoding="utf-8", newline="\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", metavar="OUT", help="the folder, new or empty")
    parser.add_argument("--platform", choices=PLATFORMS, help="for another machine than this one")
    parser.add_argument("--requirements", type=Path, default=ROOT / "requirements.txt")
    options = parser.parse_args()
    out = output_folder(options.out)
    if out.exists() and any(out.iterdir()):
        parser.error(f"{out} is not empty: name another folder, or delete it")
    bundle(out, options.requirements, options.platform)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e9
    print(
        f"{out}: {size:.1f} GB. Copy it to a stick; install.sh or install.ps1 installs from there"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
