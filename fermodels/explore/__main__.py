"""python -m fermodels.explore merge FILE FILE … --out FILE: several people's faces in one file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fermodels._shared.paths import given_path
from fermodels.explore.own_file import merge_people


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fermodels.explore")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    merge = commands.add_parser(
        "merge",
        help="put files of the camera lab into one, with the subjects renamed apart",
        description="Put files of the camera lab into one. Its subjects are person1, person2, … in "
        "the order of the files; their consent goes with them.",
    )
    merge.add_argument("files", nargs="+", metavar="FILE", type=given_path)
    merge.add_argument("--out", required=True, metavar="OUT.parquet", type=given_path)
    options = parser.parse_args(arguments)
    try:
        whole = merge_people(options.files, options.out)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    people, instances = (whole.table[name].nunique() for name in ("subject", "instance"))
    print(f"{options.out}: {people} people, {instances} instances, {len(whole)} images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
