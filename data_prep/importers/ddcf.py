"""DDCF: 40 girls and 40 boys of 6 to 16 years, 8 expressions, 5 cameras, 2 lightings.

How its files are named is not published, so that you say it: either by a pattern with named groups
for their paths below RAW, ::

    python -m data_prep ddcf RAW OUT.parquet --dry-run \\
        --pattern '(?P<subject>\\w+)/(?P<expression>[a-z]+)_(?P<view>\\w+)_(?P<session>L\\d)' \\
        --views L60=-60,L30=-30,0=0,R30=30,R60=60

(an example, not DDCF's grammar), or by a table ``--labels CSV``. A pattern needs the groups
``subject``, ``expression`` and ``view`` (a code explained by ``--views``) or ``yaw`` (degrees);
``session`` is the lighting; ``gender`` and ``age`` are kept. ``--dry-run`` shows how the first
names are read and which do not fit, and writes nothing.

Source: Dalrymple, Gomez & Duchaine (2013), doi 10.1371/journal.pone.0079131; from its authors, for
research only.
"""

from __future__ import annotations

import argparse
from typing import Any

from data_prep.io.images import image_row, what_is_there
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.labelled import (
    Codes,
    add_code_arguments,
    alike,
    label_lists,
    make_items,
    read_table,
)
from data_prep.io.patterns import add_pattern_arguments, dry_run, read_names
from data_prep.io.raw import RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable

SUBJECTS, EXPRESSIONS, VIEWS, SESSIONS = 80, 8, 5, 2

make_row = image_row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser, out_needed=False)
    add_pattern_arguments(parser)
    add_code_arguments(parser)


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan | None:
    """What is to be read, by the user's pattern or table; None after a dry run.

    Raises:
        NothingUsable: no file fits. ValueError: the pattern or the table cannot be used, codes are
            not explained, or two files are read alike.
    """
    if (options.pattern is None) == (options.labels is None):
        raise ValueError(
            "DDCF's file names are not published: say how to read yours, by --pattern or by "
            "--labels (one of them); python -m data_prep ddcf --help has an example"
        )
    if options.pattern is not None:
        source = f"the pattern {options.pattern}"
        readings = read_names(options.pattern, raw, report, ("subject", "expression", "view"))
    else:
        source = f"the table {options.labels}"
        readings = read_table(options.labels, raw, report)
    report.found = len(readings) + len(report.skipped)
    if not readings:
        raise NothingUsable(f"files that fit {source}", what_is_there(raw))
    codes = Codes(options.views or {}, options.expressions or {}, strict=True)
    if options.dry_run:
        print(dry_run(readings, codes, report))
        return None
    items = make_items(readings, codes, "ddcf", report)
    if not items:
        raise NothingUsable(f"files whose names are understood by {source}", report.main_reason())
    if pairs := alike(items):
        one, other = (printable(item.title) for item in pairs[0])
        raise ValueError(
            f"{one} and {other} are read alike ({pairs[0][0].about['instance']}, "
            f"{pairs[0][0].about['view']}); {len(pairs):,} such pairs. Something in their names "
            "tells them apart, such as the lighting: give it the group session."
        )
    _check_numbers(items, report)
    return Plan(items, _metadata(items), "images")


def _check_numbers(items: list[Item], report: ImportReport) -> None:
    for column, most in (
        ("subject", SUBJECTS),
        ("expression", EXPRESSIONS),
        ("view", VIEWS),
        ("session", SESSIONS),
    ):
        count = len({item.about[column] for item in items})
        if count > most:
            report.warn(f"{count} different {column}s were read, DDCF has {most}: --dry-run")


def _metadata(items: list[Item]) -> dict[str, Any]:
    return {
        "name": "ddcf",
        "version": "2013",
        "licence": "Research only; from the authors on request; not to be passed on.",
        "citation": (
            "Dalrymple, K. A., Gomez, J., & Duchaine, B. (2013). The Dartmouth Database of "
            "Children's Faces: Acquisition and validation of a new face stimulus set. PLoS ONE "
            "8(11): e79131. doi:10.1371/journal.pone.0079131"
        ),
        "description": "Children of 6 to 16 years, 8 expressions, 5 cameras, 2 lightings.",
        **label_lists(items),
    }
