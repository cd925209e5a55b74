"""Shards put together: python -m data_prep merge PART… OUT

Of an import, PARTs and OUT are .parquet files; of features they are .safetensors files. OUT is what
the same command without --shard would have written, and so is the report. What does not fit
together is refused: another data set, version or settings, other columns, a shard that is missing
or given twice.
"""

from __future__ import annotations

import argparse

from fermodels._shared.paths import given_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("parts", metavar="PART", nargs="+", type=given_path, help="all the shards")
    parser.add_argument("out", metavar="OUT", type=given_path, help="the whole")
    parser.add_argument(
        "--report",
        metavar="FILE",
        type=given_path,
        help="write the report of an import as JSON",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    if options.out.suffix == ".safetensors":
        _merge_features(options)
        return
    from data_prep.io.merging import merge_shards
    from data_prep.io.report import check_report

    if options.report is not None:
        given = {f"the part {path}": path for path in options.parts}
        check_report(options.report, given | {"OUT": options.out})
    _, report = merge_shards(options.parts, options.out)
    if options.report is not None:
        report.write(options.report)
    print(report.text())


def _merge_features(options: argparse.Namespace) -> None:
    from fermodels.features import merge_features

    if options.report is not None:
        raise ValueError("--report is of imports: features have none")
    print(merge_features(options.parts, options.out))
