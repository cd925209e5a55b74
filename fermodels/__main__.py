"""`python -m fermodels fit --config configs/kdef_clmex.yaml`, `… report RUNS`, `… export MODEL`."""

from __future__ import annotations

import sys
from importlib import import_module

HELP = """usage: python -m fermodels COMMAND …

  fit      train and test as a configuration file says: --config configs/kdef_clmex.yaml
  cost     what such a configuration takes on a GPU, computed: --config configs/kdef_clmex.yaml
  report   the table of results of finished runs: RUNS…
  predict  the expressions of faces in images and films: MODEL INPUT… --out table.csv
  embed    the representations of images or clips: MODEL DATA --out embeddings.parquet
  export   a graph that runs without this package: MODEL --onnx FILE.onnx

python -m fermodels COMMAND --help says more."""


# Command → module of fermodels.experiments and its function, imported when it is chosen.
COMMANDS = {
    "fit": ("command_line", "fit"),
    "cost": ("command_line", "cost"),
    "report": ("report", "command"),
    "predict": ("predict_command", "command"),
    "embed": ("embed", "command"),
    "export": ("export", "command"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if it went well, 2 if the input is at fault (said on standard error)."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if command in ("-h", "--help"):
        print(HELP)
        return 0
    if command not in COMMANDS:
        print(f"fermodels: unknown command {command!r}\n\n{HELP}", file=sys.stderr)
        return 2
    try:
        module, function = COMMANDS[command]
        getattr(import_module(f"fermodels.experiments.{module}"), function)(rest)
    except (ValueError, OSError, ImportError) as error:
        print(f"fermodels: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        more = "; the same command goes on from here" if command == "fit" else ""
        print(f"fermodels: interrupted{more}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
