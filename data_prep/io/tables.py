"""Small tables (CSV) that lie beside raw files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence


def read_rows(data: bytes, name: str, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a table in UTF-8, as (line, column in small letters → text).

    Args:
        name: what messages call it.
        needed: columns that it must have; others may be there.

    Raises:
        ValueError: it is no such table; names the missing columns or the line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name}: byte {error.start:,} is no UTF-8. Save the table as CSV UTF-8."
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="")
    try:
        columns = [(column or "").strip().lower() for column in reader.fieldnames or ()]
        if missing := [column for column in needed if column not in columns]:
            raise ValueError(
                f"{name} has no column {', '.join(missing)}; it has "
                f"{', '.join(columns[:12]) or 'no header'}"
            )
        reader.fieldnames = columns
        return [
            (reader.line_num, {column: (row[column] or "").strip() for column in columns if column})
            for row in reader
        ]
    except csv.Error as error:
        raise ValueError(f"{name}, line {reader.line_num}: no CSV ({error})") from error
