"""Images whose names the user explains by a regular expression, and a trial of it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from data_prep.io.images import is_image
from data_prep.io.labelled import Codes, Reading, make_items
from data_prep.io.raw import RawSource, printable
from data_prep.io.report import ImportReport
from fermodels.data.names import natural_key

SHOWN = 10


def add_pattern_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pattern",
        help="regular expression for the end of a path, without the extension, with named groups",
    )
    parser.add_argument("--dry-run", action="store_true", help="show the reading, write nothing")


def read_names(
    pattern: str, raw: RawSource, report: ImportReport, needed: Sequence[str]
) -> list[Reading]:
    """What a pattern says of the images whose names it fits; others are skipped.

    Args:
        needed: groups that it must have; `yaw` will do for `view`.

    Raises:
        ValueError: it is no regular expression, or lacks a group.
    """
    try:
        reading = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"--pattern {pattern!r} is no regular expression: {error}") from error
    groups = set(reading.groupindex)
    missing = set(needed) - groups - ({"view"} if "yaw" in groups else set())
    if missing or not groups:
        wanted = " and ".join(filter(None, (", ".join(needed[:-1]), *needed[-1:])))
        wanted += " (or yaw)" if "view" in needed else ""
        has = ", ".join(sorted(groups)) or "none"
        raise ValueError(
            f"--pattern needs the groups {wanted or 'subject, expression, view or others'}, "
            f"written (?P<subject>…); it has {has}"
        )
    readings = []
    for file in filter(is_image, raw.files):
        found = next(filter(None, map(reading.fullmatch, _endings(file.name))), None)
        if found is None:
            report.skip(file.name, "does not fit the pattern")
        else:
            readings.append(Reading(file, {k: v or "" for k, v in found.groupdict().items()}))
    return readings


def dry_run(readings: Sequence[Reading], codes: Codes, report: ImportReport) -> str:
    """How the first names are read, all values, and what is left out."""
    lines = [f"{len(readings):,} files fit, {len(report.skipped):,} are left out"]
    for reading in readings[:SHOWN]:
        lines.append(printable(f"  {reading.file.name}"))
        trial = ImportReport(report.dataset, "")
        try:
            items = make_items([reading], codes, report.dataset, trial)
        except ValueError as error:
            trial.skip("", str(error))
            items = []
        if items:
            about = items[0].about
            names = ("subject", "expression", "view", "yaw", "session", "split", "gender", "age")
            known = (k for k in names if about.get(k) is not None)
            lines.append("    " + ", ".join(f"{k} {about[k]}" for k in known))
        else:
            read = ", ".join(f"{k} {v!r}" for k, v in reading.fields.items())
            lines += [printable(f"    {read}"), f"    not understood: {trial.skipped[-1][1]}"]
    for field in ("subject", "expression", "view", "yaw", "session", "split"):
        values = {r.fields[field] for r in readings if r.fields.get(field)}
        values = sorted(values, key=natural_key)
        if values:
            more = f", … ({len(values):,} in all)" if len(values) > 20 else ""
            lines.append(printable(f"  {field}: {', '.join(values[:20])}{more}"))
    for name, reason in report.skipped[:SHOWN]:
        lines.append(f"  left out: {name}: {reason}")
    return "\n".join(lines)


def _endings(name: str) -> list[str]:
    """What a pattern may be about: the file's name, with the folders above it one by one."""
    parts = name.split("/")
    ends = ["/".join(parts[at:]) for at in range(len(parts) - 1, -1, -1)]
    return [form for end in ends for form in (end.rpartition(".")[0], end)]
