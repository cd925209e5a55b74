"""Which packages a file of requirements brings, in the versions installed here, and their size.

python -m tools.packages requirements.txt [--cpu]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# PyTorch's CPU builds do without these.
CUDA = ("cuda-", "nvidia-", "triton")


def read(path: Path) -> list[Requirement]:
    """The requirements in a file, and in those that it names by -r."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split(" #")[0].strip()
        if line.startswith("-r "):
            found += read(path.parent / line.removeprefix("-r ").strip())
        elif line and not line.startswith("#"):
            found.append(Requirement(line))
    return found


def closure(
    requirements: Iterable[Requirement], system: Mapping[str, str] | None = None, cpu: bool = False
) -> dict[str, str | None]:
    """All packages that come with `requirements`: name → the version installed here.

    Args:
        system: values of environment markers, such as {"sys_platform": "win32"}, where the
            packages are for another machine than this one. None stands for the version of a
            package that such a machine alone needs.
        cpu: leave out what PyTorch's CPU builds do without.

    Raises:
        PackageNotFoundError: one that this machine needs is not installed.
    """
    environment = {**default_environment(), **(system or {})}
    versions: dict[str, str | None] = {}
    seen: set[tuple[str, str]] = set()  # package, extra
    waiting = [(requirement, "") for requirement in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if marker and not marker.evaluate({**environment, "extra": extra}):
            continue
        if cpu and name.startswith(CUDA):
            continue
        new = {(name, wanted) for wanted in {"", *requirement.extras}} - seen
        seen |= new
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            if system is None:
                raise
            versions[name] = None
            continue
        versions[name] = installed.version.split("+")[0]
        for _, wanted in new:
            waiting += [(Requirement(line), wanted) for line in installed.requires or ()]
    return dict(sorted(versions.items()))


def megabytes(name: str) -> float:
    """What an installed package takes on the disk, without bytecode."""
    files = [file for file in distribution(name).files or () if file.suffix != ".pyc"]
    return sum(file.size or 0 for file in files) / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("requirements", type=Path, help="a file of requirements")
    parser.add_argument("--cpu", action="store_true", help="without what CUDA needs")
    options = parser.parse_args()
    sizes = {name: megabytes(name) for name in closure(read(options.requirements), cpu=options.cpu)}
    for name in sorted(sizes, key=sizes.get, reverse=True):
        print(f"{sizes[name]:8.1f} MB  {name}")
    print(f"{sum(sizes.values()):8.1f} MB  {len(sizes)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
