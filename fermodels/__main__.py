"""`python -m fermodels fit --config configs/kdef_clmex.yaml`, `… cost`, `… report RUNS`."""

from __future__ import annotations

import sys

HELP = """usage: python -m fermodels COMMAND …

  fit      train and test as a configuration file says: --config configs/kdef_clmex.yaml
  cost     what such a configuration takes on a GPU, computed: --config configs/kdef_clmex.yaml
  report   the table of results of finished runs: RUNS…

python -m fermodels COMMAND --help says more."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if it went well, 2 if the input is at fault (said on standard error)."""
    command, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if command in ("-h", "--help"):
        print(HELP)
        return 0
    if command not in ("fit", "cost", "report"):
        print(f"fermodels: unknown command {command!r}\n\n{HELP}", file=sys.stderr)
        return 2
    try:
        if command == "report":
            from fermodels.experiments.report import command as run
        elif command == "cost":
            from fermodels.experiments.command_line import cost as run
        else:
            from fermodels.experiments.command_line import fit as run
        run(rest)
    except (ValueError, OSError, ImportError) as error:
        print(f"fermodels: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("fermodels: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
