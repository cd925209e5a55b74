"""`python -m fermodels report RUNS…`: the table of results, out of the run folders of `fit`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermodels._shared.files import replace_file
from fermodels._shared.paths import given_path, output_file
from fermodels._shared.places import root
from fermodels.data import view_degrees, view_order
from fermodels.data.names import name_key
from fermodels.experiments.experiment import FREE, flat
from fermodels.experiments.old_names import translate_run

if TYPE_CHECKING:
    import pandas as pd

START, END = "<!-- OURS -->", "<!-- /OURS -->"
_CLMEX = "[Roy & Etemad 2021](https://arxiv.org/abs/2108.06723)"
_NONE = "–"  # neither paper is on it
_CONCLUGEN = "[Halawa, Blume et al. 2024](https://arxiv.org/abs/2404.10904)"
# The experiments of configs/, by their names, and the papers whose tables hold the numbers to
# compare with. None is repeated here: they could not be checked against those tables.
PAPERS = {
    "KDEF, CL-MEx, ResNet-50": _CLMEX,
    "KDEF, CL-MEx, ResNet-18": _CLMEX,
    "DDCF, CL-MEx, ResNet-50": _CLMEX,
    "DDCF, CL-MEx, ResNet-18": _CLMEX,
    "MEAD, CL-MEx, ResNet-50": _NONE,
    "CMU-MOSEI, ConCluGen": _CONCLUGEN,
    "MELD, ConCluGen": _CONCLUGEN,
    "CAER, ConCluGen": _CONCLUGEN,
    "MEAD, ConCluGen": _NONE,
}
_SCORES = ("accuracy", "balanced_accuracy", "weighted_f1")


def command(arguments: list[str]) -> None:
    """Print the tables; with --into, write the overview into a page between its marks."""
    parser = argparse.ArgumentParser(
        prog="python -m fermodels report",
        description="The results of runs of `python -m fermodels fit`, in percent: mean ± standard "
        "deviation over folds or seeds. A run that differs from the file in configs/ that has its "
        "name, or has fewer folds or seeds, stands in a row of its own, with what differs.",
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
    """Title of each run → its scores, one row a fold and group.

    The title is the run's name, and for an experiment of `PAPERS` what differs from its file in
    brackets: see :func:`differences`.

    Raises:
        ValueError: a folder holds no run with results, or two runs have one title.
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
            about = translate_run(json.loads(path.read_text(encoding="utf-8")))
            title, scores = about["name"], _scores(path.parent / "scores.csv")
            if title in PAPERS and (differ := differences(about, scores["fold"].nunique())):
                title = f"{title} ({'; '.join(differ)})"
            if title in where and where[title].resolve() != path.resolve():
                raise ValueError(
                    f"{where[title].parent} and {path.parent} are both named {about['name']!r}: "
                    "give one run another --experiment.name, or leave one out"
                )
            where[title], runs[title] = path, scores
    return runs


def differences(about: dict[str, Any], folds: int) -> list[str]:
    """How a run differs from the file in configs/ that has its name; empty where it does not.

    Args:
        about: `run.json`, with the names of today.
        folds: how many folds (or seeds) have scores.
    """
    recipe = _recipe(about["name"])
    if recipe is None:
        return ["not compared: its file in configs/ is not there"]
    expected = recipe["init_args"]
    found = []
    if about.get("experiment") != (kind := recipe["class_path"].rpartition(".")[2]):
        found.append(f"{about.get('experiment')} for {kind}")
    data = about.get("data", {}).get("name", "")
    # The experiments are called after their data sets.
    if name_key(data) != name_key(about["name"].partition(",")[0]):
        found.append(f"data {data or 'without a name'}")
    found += _other_settings(flat(about.get("settings", {})), flat(expected))
    if "seeds" in expected:
        planned, what = len(expected["seeds"]), "seeds"
    else:
        planned, what = 1 if expected["split"] == "official" else expected["num_folds"], "folds"
    return found + ([f"{folds} of {planned} {what}"] if folds < planned else [])


def _recipe(name: str) -> dict[str, Any] | None:
    """`class_path` and `init_args` of the file in configs/ that has this name, all defaults filled
    in; None where there is none, as without the repository."""
    import yaml

    from fermodels.experiments.command_line import _read

    with suppress(FileNotFoundError):
        for path in sorted((root() / "configs").glob("*.yaml")):
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            if content["experiment"]["init_args"]["name"] == name:
                return _read("fit", ["--config", str(path)])[1]
    return None


def _other_settings(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Those of a run that are not the expected ones, such as "finetuning.epochs 3". What only one
    of them has, because the other is of another release, is no difference."""
    texts = []
    for key, value in sorted(found.items()):
        if key in FREE or key == "name":
            continue
        # null stands for a whole training that is left out.
        instead = any(other.startswith(f"{key}.") for other in expected)
        if instead or (key in expected and expected[key] != value):
            texts.append(f"{key} {value if isinstance(value, str) else json.dumps(value)}")
    return texts


def _scores(path: Path) -> pd.DataFrame:
    import pandas as pd

    # The first release called them parts.
    return pd.read_csv(path).rename(columns={"part": "fold"})


def overview(runs: dict[str, pd.DataFrame]) -> str:
    """Markdown: a row for every experiment, whether it was run or not, below it its runs with other
    settings, and every other run."""
    lines = [
        "| experiment | published numbers in | ours: accuracy | balanced accuracy | weighted F1 "
        "| folds |",
        "|---|---|---|---|---|---|",
    ]
    titles = []
    for name in PAPERS:
        titles += [name, *(title for title in runs if title.startswith(f"{name} ("))]
    for title in [*titles, *(title for title in runs if title not in titles)]:
        cells = ["", "", "", ""]
        if title in runs:
            scores = runs[title][runs[title]["group"] == "all"]
            cells = [_spread(scores[score]) for score in _SCORES]
            cells.append(str(scores["fold"].nunique()))
        name = title.replace("|", "\\|")
        lines.append(f"| {name} | {PAPERS.get(title, '')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def by_group(scores: pd.DataFrame) -> str:
    """Markdown: a row for each view, from left to right, or emotion; then all."""
    groups = [group for group in scores["group"].unique() if group != "all"]
    if None not in view_degrees(groups).values():
        groups = view_order(groups)
    lines = ["| | accuracy | balanced accuracy | weighted F1 |", "|---|---|---|---|"]
    for group in [*groups, "all"]:
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
