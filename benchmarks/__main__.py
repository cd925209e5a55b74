"""`make benchmark`: every measurement again, one after the other, with results and pictures.

    python -m benchmarks [TOPIC …] [--quick] [--out benchmarks/results]

Each topic runs in a process of its own, started from this one, so that none pays for what another
has imported or keeps in memory. `OUT/TOPIC.json` gets the rows and the machine that they were taken
on, `OUT/TOPIC.png` the picture. `--quick` takes small sizes and few rounds: it shows that all of it
works, and its numbers say little.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from fermodels._shared.files import replace_file, replacing

from . import machine, pictures

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
# Topic, which is the module with `run(quick)`, and what it measures.
TOPICS = {
    "losses": "time and memory of the contrastive losses over N, beside the peers",
    "pipeline": "pre-training against batches that are in memory already, and where time goes",
    "network": "memory formats, precision and torch.compile of the encoder",
    "speedrun": "seconds from new weights to an encoder that reads expressions",
    "levers": "what each setting does to that, one changed at a time",
    "peak": "training steps beside what matrix multiplication can do on the device",
    "opening": "opening and decoding a prepared file",
    "big_set": "a data set that does not fit into memory",
    "rendering": "rendering Anny Views",
    "kdef_import": "importing 4,900 photographs of KDEF's shape",
    "explorer": "the embedding explorer's kernel side",
    "face_lab": "updates of the face lab",
    "camera": "updates of the camera lab",
}


def measure(topic: str, quick: bool) -> dict[str, Any]:
    """The result of one topic, from a process of its own."""
    about = machine.describe()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks", topic, "--into", str(path)]
        subprocess.run(command + ["--quick"] * quick, cwd=ROOT, check=True)
        result = json.loads(path.read_text(encoding="utf-8"))
    return {
        "topic": topic,
        "about": TOPICS[topic],
        "command": f"python -m benchmarks {topic}" + " --quick" * quick,
        "quick": quick,
        "date": time.strftime("%Y-%m-%d"),
        "minutes": round((time.monotonic() - start) / 60, 1),
        "machine": about,
        **result,
    }


def write(result: dict[str, Any], folder: Path) -> None:
    """JSON and picture; older ones stay until the new are whole."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / result["topic"]
    replace_file(path.with_suffix(".json"), (json.dumps(result, indent=1) + "\n").encode())
    with replacing(path.with_suffix(".png")) as temporary:
        pictures.save(result, temporary)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "topics:\n" + "\n".join(f"  {name:12} {what}" for name, what in TOPICS.items())
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="default: all, see below")
    parser.add_argument("--quick", action="store_true", help="small and few, to see that it works")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := [topic for topic in options.topics if topic not in TOPICS]:
        parser.error(f"unknown topic {', '.join(unknown)}; there are {', '.join(TOPICS)}")
    topics = options.topics or list(TOPICS)
    if options.into:
        module = import_module(f".{topics[0]}", __package__)
        options.into.write_text(json.dumps(module.run(options.quick)), encoding="utf-8")
        return 0
    failed = []
    for topic in topics:
        print(f"\n{topic}: {TOPICS[topic]}", flush=True)
        try:
            result = measure(topic, options.quick)
        except subprocess.CalledProcessError as error:
            print(f"{topic}: ended with {error.returncode}", file=sys.stderr)
            failed.append(topic)
            continue
        write(result, options.out)
        print(f"{topic}: {result['minutes']:.1f} min", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
