"""Files with the content of another: found in every import, told, and where they leak left out.

Two rows have one content where the bytes that were read for them are the same and so are the media
made of them (several clips may be stretches of one film).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.io.plan import CONTENT, NAME
from fermodels.data import PreparedClips, PreparedImages
from fermodels.data.columns import SPLITS, official_splits

if TYPE_CHECKING:
    import pandas as pd

    from data_prep.io.report import ImportReport

KEEP, LEAKS, DROP = "keep", "leaks", "drop"
SHOWN = 5  # examples, and names in one of them
_PREPARED = {"images": PreparedImages, "clips": PreparedClips}


def add_duplicates_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--duplicates",
        choices=(KEEP, LEAKS, DROP),
        default=KEEP,  # importers of data sets with official splits set another
        help="what becomes of files with the content of another, which the report counts: leaks "
        "leaves out those in the training part (column split) that are in validation or test as "
        "well, and those in validation that are in test; drop all but one",
    )


def without_duplicates(
    rows: pd.DataFrame, hidden: pd.DataFrame, kind: str, how: str, report: ImportReport
) -> pd.DataFrame:
    """The rows that stay; the report says which ones have the content of others.

    Args:
        rows: what is known of each row. hidden: its name and the digest of its content.
        kind: images or clips.
        how: `LEAKS` leaves out rows of a split that have the content of one nearer to the test,
            `DROP` all but one of each content (in test, else in validation), `KEEP` nothing.
    """
    content = hidden[CONTENT]
    again = content[content.notna() & content.duplicated(keep=False)]
    if again.empty:
        return rows
    about = _about(rows.loc[again.index], hidden.loc[again.index, NAME], kind)
    groups = [
        group.sort_values(["rank", "name"], kind="stable")
        for _, group in about.groupby(again, sort=False)
    ]
    dropped: list[Any] = []
    for group in groups:
        first = group.iloc[0]
        for row in group.iloc[1:].itertuples():
            leaks = first["rank"] < row.rank < len(SPLITS)
            if how == DROP or (how == LEAKS and leaks):
                contrary = "" if row.label == first["label"] else ", under another label"
                report.skip(row.name, f"byte for byte the same as {first['name']}{contrary}")
                dropped.append(row.Index)
    found = report.duplicates = _counts(groups, len(dropped))
    if how == KEEP and found["across_splits"]:
        report.warn(
            f"{found['across_splits']:,} contents are in more than one split, such as "
            f"{' and '.join(found['examples'][0])}: a model is tested on what it has seen. "
            "--duplicates leaks leaves them out of the training part"
        )
    return rows.drop(index=dropped)


def _about(rows: pd.DataFrame, names: pd.Series, kind: str) -> pd.DataFrame:
    """Name, split with its rank (0 is test), person and label of rows, NaN where not known."""
    import pandas as pd

    prepared = _PREPARED[kind]
    about = pd.DataFrame({"name": names, "split": None, "person": rows["subject"]}, dtype=object)
    if "split" in rows:
        about["split"] = official_splits(rows).astype(object)
    ranks = {name: rank for rank, name in enumerate(reversed(SPLITS))}
    about["rank"] = about["split"].map(ranks).fillna(len(SPLITS)).astype(int)
    # A row that is a subject of its own is of nobody known.
    about["person"] = about["person"].where(rows["subject"] != rows[prepared.ID])
    about["label"] = rows[prepared.LABEL].astype(object).where(rows[prepared.LABEL].notna(), None)
    return about


def _counts(groups: list[pd.DataFrame], left_out: int) -> dict[str, Any]:
    def several(group: pd.DataFrame, column: str) -> bool:
        return group[column].nunique() > 1

    across = [several(group, "split") for group in groups]
    order = np.argsort(np.logical_not(across), kind="stable")  # what leaks is shown first
    return {
        "files": sum(map(len, groups)) - len(groups),
        "contents": len(groups),
        "within_a_split": sum(bool(group["split"].duplicated().any()) for group in groups),
        "across_splits": sum(across),
        "across_people": sum(several(group, "person") for group in groups),
        "across_labels": sum(group["label"].nunique(dropna=False) > 1 for group in groups),
        "left_out": left_out,
        "examples": [groups[at]["name"].head(SHOWN).tolist() for at in order[:SHOWN]],
    }
