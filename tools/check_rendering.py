"""Say what to install when this machine lacks the libraries that draw faces without a display."""

import ctypes
import os
import platform
import sys

ADVICE = """\
drawing faces needs OpenGL, and this machine has none of its libraries. Install them:
  Debian, Ubuntu   apt-get install libegl1 libgl1-mesa-dri
  Fedora           dnf install mesa-libEGL mesa-dri-drivers
  Arch             pacman -S mesa"""


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def can_render() -> bool:
    """Whether VTK will find EGL, OSMesa or a display with GLX; other systems bring theirs."""
    if platform.system() != "Linux":
        return True
    if loads("libEGL.so.1") or loads("libOSMesa.so.8"):
        return True
    return bool(os.environ.get("DISPLAY")) and loads("libGL.so.1")


if __name__ == "__main__":
    sys.exit(None if can_render() else ADVICE)
