"""pip install with the versions of constraints.txt, telling briefly how far it is.

python tools/install.py -r requirements.txt     (what follows is handed to pip)
"""

import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"


def main(arguments: list[str]) -> int:
    pip = [sys.executable, "-m", "pip", "install", "--progress-bar", "off"]
    pip += ["--constraint", str(CONSTRAINTS), *arguments]
    with subprocess.Popen(pip, stdout=subprocess.PIPE, text=True, errors="replace") as running:
        for line in running.stdout:
            words = line.split()
            if words[:1] == ["Collecting"]:
                print(" ", *words[:2], flush=True)
            elif words[:2] == ["Installing", "collected"]:
                print("  Installing collected packages …", flush=True)
    return running.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
