"""Serve the explorer and the face lab, or the camera lab, as a page on this machine.

python tools/explore.py [--camera [--film FILE] [--own FILE]] [--faces FILE] [--encoder FOLDER]
    [--port N] [--no-browser]
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import sys
from pathlib import Path

from fermodels._shared.paths import given_path
from fermodels.course.camera_page import FILM_VARIABLE, OWN_VARIABLE
from fermodels.course.explore_page import ENCODER_VARIABLE, FACES_VARIABLE

HERE = Path(__file__).parent
ADDRESS = "127.0.0.1"
PORT = 8866
# Other extensions of JupyterLab that may be installed have no place in a page.
EXTENSIONS = (
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
    "anywidget",
)


def free_port(first: int) -> int:
    """`first`, or one of the next that nobody listens on."""
    for port in range(first, first + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    sys.exit(f"no port from {first} to {first + 49} is free: take another one with --port")


def has_display() -> bool:
    """Whether a browser can open a window here."""
    if platform.system() != "Linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def existing(path: str) -> str:
    found = given_path(path)
    if not found.exists():
        raise argparse.ArgumentTypeError(f"there is no {path}")
    return str(found.resolve())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=existing, help="a prepared file of images of your own")
    parser.add_argument("--encoder", type=existing, help="a folder, to be seen beside CL-MEx")
    parser.add_argument("--camera", action="store_true", help="the camera lab instead")
    parser.add_argument("--film", type=existing, help="takes the place of the camera")
    parser.add_argument("--own", type=given_path, help="the file of your own face")
    parser.add_argument("--port", type=int, default=PORT, help=f"default {PORT}, or the next free")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    options = parser.parse_args()
    if not options.camera and (options.film or options.own):
        parser.error("--film and --own belong to --camera")

    port = free_port(options.port)
    page = "camera" if options.camera else "explore"
    command = [
        *(sys.executable, "-m", "voila", str(HERE / f"{page}.ipynb")),
        f"--Voila.ip={ADDRESS}",
        f"--port={port}",
        "--Voila.port_retries=0",
        "--strip_sources=True",
        "--template=explore",
        *(f"--VoilaConfiguration.extension_allowlist={name}" for name in EXTENSIONS),
        "--Voila.log_level=WARN",
    ]
    if options.no_browser or not has_display():
        command.append("--no-browser")
    own = options.own and str(options.own.absolute())
    named = {FACES_VARIABLE: options.faces, ENCODER_VARIABLE: options.encoder}
    named |= {FILM_VARIABLE: options.film, OWN_VARIABLE: own}
    env = os.environ | {variable: value for variable, value in named.items() if value}
    templates = str(HERE / "jupyter")
    env["JUPYTER_PATH"] = os.pathsep.join(filter(None, (templates, env.get("JUPYTER_PATH"))))
    what = "camera lab" if options.camera else "explorer"
    print(f"the {what} is at http://{ADDRESS}:{port}/ (Ctrl-C ends it)", flush=True)
    os.execve(sys.executable, command, env)


if __name__ == "__main__":
    main()
