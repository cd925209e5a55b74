"""`python -m data_prep anny-views OUT.parquet …`."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures.process import BrokenProcessPool

from . import anny_clips, anny_views, features


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m data_prep", description="Make prepared data sets."
    )
    importers = parser.add_subparsers(dest="importer", required=True, metavar="IMPORTER")
    anny_views.add_arguments(
        importers.add_parser(
            "anny-views",
            help="render the Anny Views data set",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
    )
    features.add_arguments(
        importers.add_parser(
            "features",
            help="run frozen backbones over prepared clips",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
    )
    anny_clips.add_arguments(
        importers.add_parser(
            "anny-clips",
            help="make the Anny Clips data set: faces that speak",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
    )
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError) as error:
        print(f"data_prep: {error}", file=sys.stderr)
        return 2
    except BrokenProcessPool:
        print(
            "data_prep: a rendering process died (out of memory?); the same command goes on from "
            "here, and fewer --jobs need less memory",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("data_prep: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
