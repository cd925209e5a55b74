"""Install a bundle where there is no network, and run a notebook from it.

python -m tools.bundle_check BUNDLE [--notebook 00] [--to FOLDER]

On Linux all of it runs in a network namespace of its own, which is connected to nothing; where that
is not permitted, pip is told to use no index, and proxies lead nowhere.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fermodels._shared.paths import given_path

ROOT = Path(__file__).resolve().parents[1]
NAMESPACE = ("unshare", "--map-root-user", "--net")
NOWHERE = "http://127.0.0.1:9"
# By the bundle's own Python. Sockets in the file system: without a network there is no localhost.
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
client = NotebookClient(notebook, timeout=900, kernel_name="python3")
client.create_kernel_manager()
client.km.transport = "ipc"
client.execute()
figures = sum("image/" in " ".join(o.get("data", ())) for c in notebook.cells
              for o in c.get("outputs", ()))
import fermodels
print(f"{fermodels.__file__}\\n{figures}")
"""


def without_network() -> tuple[list[str], dict[str, str]]:
    """What goes before a command, and into its environment, so that it reaches no network."""
    nowhere = {name: NOWHERE for name in ("http_proxy", "https_proxy", "all_proxy")}
    nowhere |= {name.upper(): NOWHERE for name in nowhere} | {"PIP_NO_INDEX": "1"}
    try:
        permitted = subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        permitted = False
    return list(NAMESPACE) if permitted else [], nowhere


def check(bundle: Path, to: Path, number: str = "00") -> tuple[str, int, bool]:
    """Install `bundle` into `to` and run a notebook there.

    Args:
        bundle: folder that `make bundle` has made for this system and this Python.
        to: new or empty folder.
        number: of the notebook.

    Returns:
        Where the package came from, the number of figures in the notebook, and whether all of it
        ran in a network namespace of its own.

    Raises:
        subprocess.CalledProcessError: the installation or a cell failed; standard error says why.
        ValueError: the package that was used is not the installed one.
    """
    before, environment = without_network()
    environment |= {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHON": sys.executable,
        "HOME": str(to),
        "TMPDIR": tempfile.gettempdir(),
    }
    to.mkdir(parents=True, exist_ok=True)
    course = to / "fermodels-course"
    run = [*before, "sh", str(bundle / "install.sh"), str(course)]
    subprocess.run(run, env=environment, check=True)
    (notebook,) = course.glob(f"notebooks/{number}_*.ipynb")
    environment["FERMODELS_ROOT"] = str(course)
    run = [*before, str(course / ".venv" / "bin" / "python"), "-c", EXECUTE, str(notebook)]
    done = subprocess.run(
        run, env=environment, cwd=notebook.parent, check=True, stdout=subprocess.PIPE, text=True
    )
    package, figures = done.stdout.split()[-2:]
    if not Path(package).is_relative_to(course):
        raise ValueError(f"{package} was used, and not what the bundle installed")
    return package, int(figures), bool(before)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=given_path, help="a folder of make bundle")
    parser.add_argument("--notebook", default="00", metavar="NUMBER", help="default: 00")
    parser.add_argument("--to", type=given_path, help="is kept; default: a temporary folder")
    options = parser.parse_args()
    if not (options.bundle / "install.sh").exists():
        parser.error(f"{options.bundle} is no bundle: make one with make bundle")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        try:
            package, figures, apart = check(
                options.bundle.absolute(),
                (options.to or Path(temporary)).absolute(),
                options.notebook,
            )
        except (subprocess.CalledProcessError, ValueError) as error:
            print(error, file=sys.stderr)
            return 1
    how = "a network namespace of its own" if apart else "pip without an index"
    print(
        f"installed in {how}; notebook {options.notebook} ran from {package}, with {figures} "
        f"figures; {(time.perf_counter() - start) / 60:.1f} minutes in all"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
