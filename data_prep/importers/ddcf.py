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
import re
from typing import Any

from data_prep.io.images import image_row, is_image, what_is_there
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.labelled import (
    Codes,
    Reading,
    add_code_arguments,
    alike,
    label_lists,
    make_items,
    read_table,
)
from data_prep.io.raw import RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable
from fermodels.data.names import natural_key

SUBJECTS, EXPRESSIONS, VIEWS, SESSIONS = 80, 8, 5, 2
SHOWN = 10

make_row = image_row
_NEEDED = "the groups subject, expression and view (or yaw)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser, out_needed=False)
    parser.add_argument(
        "--pattern",
        help="regular expression for the end of a path, without the extension, with named groups",
    )
    add_code_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="show the reading, write nothing")


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
        readings = _match(options.pattern, raw, report)
    else:
        source = f"the table {options.labels}"
        readings = read_table(options.labels, raw, report)
    report.found = len(readings) + len(report.skipped)
    if not readings:
        raise NothingUsable(f"files that fit {source}", what_is_there(raw))
    codes = Codes(options.views or {}, options.expressions or {}, strict=True)
    if options.dry_run:
        print(_dry_run(readings, codes, report))
        return None
    items = make_items(readings, codes, "ddcf", report)
    if not items:
        name, reason = report.skipped[0]
        raise NothingUsable(f"files whose names are understood by {source}", f"{name}: {reason}")
    if pairs := alike(items):
        one, other = (printable(item.title) for item in pairs[0])
        raise ValueError(
            f"{one} and {other} are read alike ({pairs[0][0].about['instance']}, "
            f"{pairs[0][0].about['view']}); {len(pairs):,} such pairs. Something in their names "
            "tells them apart, such as the lighting: give it the group session."
        )
    _check_numbers(items, report)
    return Plan(items, _metadata(items), "images")


def _match(pattern: str, raw: RawSource, report: ImportReport) -> list[Reading]:
    try:
        reading = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"--pattern {pattern!r} is no regular expression: {error}") from error
    groups = set(reading.groupindex)
    if not {"subject", "expression"} <= groups or not {"view", "yaw"} & groups:
        has = ", ".join(sorted(groups)) or "none"
        raise ValueError(f"--pattern needs {_NEEDED}, written (?P<subject>…); it has {has}")
    readings = []
    for file in filter(is_image, raw.files):
        found = next(filter(None, map(reading.fullmatch, _endings(file.name))), None)
        if found is None:
            report.skip(file.name, "does not fit the pattern")
        else:
            readings.append(Reading(file, {k: v or "" for k, v in found.groupdict().items()}))
    return readings


def _endings(name: str) -> list[str]:
    """What a pattern may be about: the file's name, with the folders above it one by one."""
    parts = name.split("/")
    ends = ["/".join(parts[at:]) for at in range(len(parts) - 1, -1, -1)]
    return [form for end in ends for form in (end.rpartition(".")[0], end)]


def _dry_run(readings: list[Reading], codes: Codes, report: ImportReport) -> str:
    lines = [f"{len(readings):,} files fit, {len(report.skipped):,} are left out"]
    for reading in readings[:SHOWN]:
        lines.append(printable(f"  {reading.file.name}"))
        trial = ImportReport("ddcf", "")
        try:
            items = make_items([reading], codes, "ddcf", trial)
        except ValueError as error:
            trial.skip("", str(error))
            items = []
        if items:
            about = items[0].about
            names = ("subject", "expression", "view", "yaw", "session", "gender", "age")
            lines.append("    " + ", ".join(f"{k} {about[k]}" for k in names if k in about))
        else:
            read = ", ".join(f"{k} {v!r}" for k, v in reading.fields.items())
            lines += [printable(f"    {read}"), f"    not understood: {trial.skipped[-1][1]}"]
    for field in ("subject", "expression", "view", "yaw", "session"):
        values = {r.fields[field] for r in readings if field in r.fields}
        values = sorted(values, key=natural_key)
        if values:
            more = f", … ({len(values):,} in all)" if len(values) > 20 else ""
            lines.append(printable(f"  {field}: {', '.join(values[:20])}{more}"))
    for name, reason in report.skipped[:SHOWN]:
        lines.append(f"  left out: {name}: {reason}")
    return "\n".join(lines)


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
