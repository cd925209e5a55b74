"""Find a browser for the tests that need one, or say what to install."""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = """\
the widgets are tested in a real browser, and this machine has none (those tests are skipped).
Install one:
  Debian           apt-get install chromium
  Fedora, Arch     dnf install chromium; pacman -S chromium
  others           .venv/bin/python -m playwright install chromium"""


def find(playwright=None) -> str | None:
    """The program of a Chromium: the system's, else Playwright's own; FERMODELS_BROWSER names
    another one. `playwright`: the running Playwright, which cannot be started twice."""
    named = os.environ.get("FERMODELS_BROWSER")
    for name in (named,) if named else NAMES:
        path = shutil.which(name)
        if path:
            return path
    if named:
        return None
    if playwright is not None:
        return _existing(playwright.chromium.executable_path)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as started:
        return _existing(started.chromium.executable_path)


def _existing(path: str) -> str | None:
    return path if Path(path).exists() else None


if __name__ == "__main__":
    sys.exit(None if find() else ADVICE)
