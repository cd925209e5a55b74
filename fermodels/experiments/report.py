"""`python -m fermodels report RUNS…`: the table of results, out of the run folders of `fit`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fermodels._shared.files import replace_file
from fermodels._shared.paths import given_path, output_file
from fermodels.data import view_order

if TYPE_CHECKING:
    import pandas as pd

START, END = "<!-- OURS -->", "<!-- /OURS -->"
_CLMEX = "[Roy & Etemad 2021](https://arxiv.org/abs/2108.06723)"
_CONCLUGEN = "[Halawa, Blume et al. 2024](https://arxiv.org/abs/2404.10904)"
# The experiments of configs/, by their names, and the papers whose tables hold the numbers to
# compare with. None is repeated here: they could not be checked against those tables.
PAPERS = {
    "KDEF, CL-MEx, ResNet-50": _CLMEX,
    "KDEF, CL-MEx, ResNet-18": _CLMEX,
    "DDCF, CL-MEx, ResNet-50": _CLMEX,
    "DDCF, CL-MEx, ResNet-18": _CLMEX,
    "CMU-MOSEI, ConCluGen": _CONCLUGEN,
    "MELD, ConCluGen": _CONCLUGEN,
    "CAER, ConCluGen": _CONCLUGEN,
}
_SCORES = ("accuracy", "balanced_accuracy", "weighted_f1")


def command(arguments: list[str]) -> None:
    """Print the tables; with --into, write the overview into a page between its marks."""
    parser = argparse.ArgumentParser(
        prog="python -m fermodels report",
        description="The results of runs of `python -m fermodels fit`, in percent: mean ± standard "
        "deviation over folds or seeds.",
    )
    parser.add_argument(
        "runs", nargs="+", type=given_path, metavar="RUN", help="run folder, or a folder of them"
    )
    parser.add_argument(
        "--into",
        type=given_path,
        metavar="PAGE.md",
        help=f"write the overview between the lines {START} and {END}",
    )
    parser.add_argument("--csv", type=given_path, metavar="FILE", help="write all numbers as CSV")
    options = parser.parse_args(arguments)
    if options.csv:
        output_file(options.csv)
    runs = read_runs(options.runs)
    table = overview(runs)
    print(table)
    for name, scores in runs.items():
        print(f"\n{name}\n\n{by_group(scores)}")
    if options.csv:
        frames = [scores.assign(run=name) for name, scores in runs.items()]
        import pandas as pd

        options.csv.parent.mkdir(parents=True, exist_ok=True)
        replace_file(options.csv, pd.concat(frames).to_csv(index=False).encode())
    if options.into:
        fill(options.into, table)


def read_runs(folders: Sequence[Path]) -> dict[str, pd.DataFrame]:
    """Name of each run → its scores, one row a fold and group.

    Raises:
        ValueError: a folder holds no run with results, or two runs have one name.
    """

    runs, where = {}, {}
    for folder in folders:
        found = sorted(folder.glob("*/run.json"))
        if (folder / "run.json").exists():
            found = [folder / "run.json"]
        found = [path for path in found if (path.parent / "scores.csv").exists()]
        if not found:
            raise ValueError(
                f"{folder}: no run.json with a scores.csv beside it, here or one folder further "
                "down. `python -m fermodels fit` writes them when its last fold is done"
            )
        for path in found:
            name = json.loads(path.read_text(encoding="utf-8"))["name"]
            if name in where and where[name].resolve() != path.resolve():
                raise ValueError(
                    f"{where[name].parent} and {path.parent} are both named {name!r}: give one "
                    "run another --experiment.name, or leave one out"
                )
            where[name], runs[name] = path, _scores(path.parent / "scores.csv")
    return runs


def _scores(path: Path) -> pd.DataFrame:
    import pandas as pd

    # The first release called them parts.
    return pd.read_csv(path).rename(columns={"part": "fold"})


def overview(runs: dict[str, pd.DataFrame]) -> str:
    """Markdown: a row for every experiment, whether it was run or not, and every other run."""
    lines = [
        "| experiment | published numbers in | ours: accuracy | balanced accuracy | weighted F1 "
        "| folds |",
        "|---|---|---|---|---|---|",
    ]
    for name in [*PAPERS, *(name for name in runs if name not in PAPERS)]:
        cells = ["", "", "", ""]
        if name in runs:
            scores = runs[name][runs[name]["group"] == "all"]
            cells = [_spread(scores[score]) for score in _SCORES]
            cells.append(str(scores["fold"].nunique()))
        lines.append(f"| {name} | {PAPERS.get(name, '')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def by_group(scores: pd.DataFrame) -> str:
    """Markdown: a row for each view, from left to right, or emotion; then all."""
    groups = [group for group in scores["group"].unique() if group != "all"]
    lines = ["| | accuracy | balanced accuracy | weighted F1 |", "|---|---|---|---|"]
    for group in [*view_order(groups), "all"] if groups else ["all"]:
        rows = scores[scores["group"] == group]
        cells = [_spread(rows[score]) for score in _SCORES]
        lines.append(f"| {group} | {' | '.join(cells)} |")
    return "\n".join(lines)


def fill(page: Path, table: str) -> None:
    """Replace what stands between the marks of a page.

    Raises:
        ValueError: the page does not have both marks once, in this order.
    """
    text = page.read_text(encoding="utf-8")
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ValueError(f"{page} needs the lines {START} and {END}, once each, in this order")
    pattern = re.escape(START) + ".*?" + re.escape(END)
    text = re.sub(pattern, lambda _: f"{START}\n{table}\n{END}", text, flags=re.S)
    replace_file(page, text.encode())


def _spread(values: pd.Series) -> str:
    """Percent; the deviation is that of a sample, and needs two."""
    values = 100 * values.dropna()
    if len(values) == 0:
        return "–"
    deviation = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{deviation}"
