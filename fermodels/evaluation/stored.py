"""Embeddings that are kept beside what they are of, in the same prepared file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.evaluation.arrays import check_embeddings

if TYPE_CHECKING:
    from typing import TypeVar

    from fermodels.data.table import PreparedTable

    Table = TypeVar("Table", bound=PreparedTable)

COLUMN = "embedding"  # of the table; of the metadata, what made it


def with_embedding(prepared: Table, embedding: np.ndarray, encoder: str, **about: Any) -> Table:
    """The data set with a further column, `embedding`: D numbers a row. `write` keeps it.

    Args:
        prepared: images or clips; stays as it is.
        embedding: (N, D), a row for each of its rows.
        encoder: what it is called where embeddings are shown.
        about: what else to keep of it, such as a digest of the weights.

    Raises:
        ValueError: another number of rows, or values that are not finite.
    """
    x = check_embeddings(embedding)
    if len(x) != len(prepared):
        raise ValueError(f"{len(x)} embeddings for the {len(prepared)} rows of {prepared.source}")
    new = prepared.subset(np.arange(len(prepared)))
    new.table = new.table.assign(**{COLUMN: list(x.astype(np.float32))})
    new.metadata[COLUMN] = {"encoder": encoder, "dim": x.shape[1], **about}
    return new


def stored_embedding(prepared: PreparedTable) -> tuple[str, np.ndarray] | None:
    """The encoder's name and its embeddings, float32 (N, D), of a file that has them, or None.

    Raises:
        ValueError: a row has no embedding, or one of another length.
    """
    about = prepared.metadata.get(COLUMN)
    if not isinstance(about, dict) or COLUMN not in prepared.table:
        return None
    rows = prepared.table[COLUMN].tolist()
    lengths = {np.size(row) if row is not None else 0 for row in rows}
    if lengths != {about.get("dim")}:
        raise ValueError(
            f"{prepared.source}: the column {COLUMN!r} has rows of {sorted(lengths)} numbers, not "
            f"of {about.get('dim')}: embed it again"
        )
    return str(about.get("encoder", COLUMN)), np.stack(rows).astype(np.float32)
