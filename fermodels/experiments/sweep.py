"""`fit --sweep KEY=A,B,C`: an experiment once for each value, or for each combination of values.

Every run has a folder of its own in the experiment's `run_dir`, named by what differs, such as
`pretraining.temperature=0.1,seed=1`, and is continued or left alone there like any other run.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermodels._shared.digests import json_digest
from fermodels._shared.files import replace_file
from fermodels._shared.paths import output_file
from fermodels.data.names import number_text
from fermodels.experiments.experiment import Experiment

if TYPE_CHECKING:
    import pandas as pd

TABLE = "sweep.csv"
HELP = (
    "--sweep KEY=A,B,C runs one experiment for each value of a setting, such as --sweep "
    "pretraining.temperature=0.1,0.2 (several --sweep: for each combination), every run in a "
    f"folder of its own in run_dir, and compares them in {TABLE} there."
)
_OWN = ("name", "run_dir")  # which every run gets by itself
_SCORES = ("accuracy", "balanced_accuracy", "weighted_f1")
_LONGEST = 120  # letters of a folder's name
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Run:
    """One run of a sweep.

    Attributes:
        asked: as the command line has it, for messages.
        values: setting → its value, as JSON.
        experiment: what is run.
        settings, config: see :meth:`Experiment.run`.
    """

    asked: str
    values: dict[str, Any]
    experiment: Experiment
    settings: dict[str, Any]
    config: str


def take_sweeps(arguments: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """What `--sweep` asks for, setting → values as texts, and the other arguments.

    Raises:
        ValueError: it is not KEY=A,B,C, or a setting is named twice, or is not to be swept.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--sweep", action="append", default=[])
    given, others = parser.parse_known_args(list(arguments))
    sweeps: dict[str, list[str]] = {}
    for text in given.sweep:
        key, equals, values = text.partition("=")
        key = re.sub(r"^(--)?(experiment|recipe)\.", "", key.strip())
        choices = [value.strip() for value in _split(values)]
        if not (key and equals and all(choices)):
            raise ValueError(
                f"--sweep {text}: write KEY=A,B,C, such as --sweep pretraining.temperature=0.1,0.2"
            )
        if key in sweeps:
            raise ValueError(f"--sweep {key} is there twice: name all of its values in one")
        if key in _OWN:
            raise ValueError(f"--sweep {key}: every run of a sweep gets a {key} of its own")
        sweeps[key] = choices
    return sweeps, others


def combinations(sweeps: dict[str, list[str]]) -> Iterator[dict[str, str]]:
    """The grid, the last setting changing fastest."""
    for values in itertools.product(*sweeps.values()):
        yield dict(zip(sweeps, values, strict=True))


def value_of(settings: dict[str, Any], key: str) -> Any:
    """What an experiment's `init_args` hold for a setting such as "pretraining.temperature"."""
    value: Any = settings
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ValueError(f"there is no {key} when another setting of the sweep is so")
        value = value[part]
    return value


def folder_name(values: dict[str, Any]) -> str:
    """The folder of a run, the same in whichever order the settings are given; so is its name."""
    text = ",".join(f"{key}={_text(values[key])}" for key in sorted(values))
    name = re.sub(r"[^\w.,=+-]+", "_", text)
    if name != text or len(name.encode()) > _LONGEST:
        # What is written alike, or is cut off, is told apart by these.
        name = f"{name.encode()[:_LONGEST].decode(errors='ignore')}-{json_digest(values)[:8]}"
    return name


def title(name: str, values: dict[str, Any]) -> str:
    """The name of a run: the experiment's, and what differs."""
    return f"{name}: {', '.join(f'{key} {_text(values[key])}' for key in sorted(values))}"


def reason(error: Exception) -> str:
    """What the parser has against a value, without the rest of its report."""
    text = str(error)
    if found := re.search(r"unrecognized arguments: --([\w.]+)|Option '(.+?)' is not", text):
        return f"the experiment has no setting {found[1] or found[2]}"
    found = re.search(r"Expected (?!a <class 'NoneType'>)an? (.*?)\. Got value: (.*)", text)
    if not found:
        return text
    kind = re.sub(r"<class '(.*?)'>|typing\.", r"\1", found[1])
    return f"expected {kind}, got {found[2]}"


def run_sweep(runs: Sequence[Run]) -> pd.DataFrame:
    """Train and test all runs that are not finished; returns the table that compares them.

    The table goes into `sweep.csv` beside the runs' folders, a row a run: the settings that differ,
    the mean over folds (or seeds) of the scores, and of the accuracy on validation people at the
    end of the training, each with its standard deviation, and the folder.

    Raises:
        ValueError: two runs are the same. And see :meth:`Experiment.run`: what is wrong with the
            data, the folds or the folder of any run is said before the first is trained.
        OSError: nothing can be written.
    """
    import pandas as pd

    folders = [run.experiment.run_dir for run in runs]
    for run, folder in zip(runs, folders, strict=True):
        if folders.count(folder) > 1:
            raise ValueError(f"{run.asked}: two runs of the sweep are the same ({folder.name})")
    table_file = output_file(folders[0].parent / TABLE)
    for run in runs:  # on copies, or each would keep the data that it has read
        try:
            copy.copy(run.experiment).check(run.settings)
        except (ValueError, OSError) as error:
            raise ValueError(f"{run.asked}: {error}") from error
    rows = []
    for number, run in enumerate(runs, 1):
        print(f"\n{number} of {len(runs)}: {run.experiment.run_dir.name}", flush=True)
        rows.append(_row(run, copy.copy(run.experiment).run(run.settings, run.config)))
    table = pd.DataFrame(rows)
    replace_file(table_file, table.to_csv(index=False, float_format="%.6g").encode())
    print(f"\n{_markdown(table, list(runs[0].values))}\n\n{table_file}: {len(runs)} runs")
    return table


def _split(text: str) -> Iterator[str]:
    """At commas that are in no brackets."""
    closing: list[str] = []
    start = 0
    for at, letter in enumerate(text):
        if closing and letter == closing[-1]:
            closing.pop()
        elif letter in _CLOSING:
            closing.append(_CLOSING[letter])
        elif letter == "," and not closing:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number_text(value) if number else json.dumps(value, ensure_ascii=False)


def _row(run: Run, scores: pd.DataFrame) -> dict[str, Any]:
    every = scores[scores["group"] == "all"]
    row = {key: _text(value) for key, value in run.values.items()}
    row["folds"] = every["fold"].nunique()
    for name in _SCORES:
        row[name], row[f"{name}_std"] = every[name].mean(), every[name].std(ddof=1)
    last = _validation(run.experiment.run_dir, every["fold"])
    row["val_accuracy"], row["val_accuracy_std"] = last.mean(), last.std(ddof=1)
    row["folder"] = run.experiment.run_dir.name
    return row


def _validation(folder: Path, folds: pd.Series) -> pd.Series:
    """The accuracy of validation at the end of each fold's fine-tuning, where it has one."""
    import pandas as pd

    last = []
    for fold in folds:
        history = pd.read_csv(folder / fold / "finetuning" / "history.csv")
        if "val_accuracy" in history and len(known := history["val_accuracy"].dropna()):
            last.append(known.iloc[-1])
    return pd.Series(last, dtype=float)


def _markdown(table: pd.DataFrame, keys: list[str]) -> str:
    heads = [*keys, "validation accuracy", "accuracy", "balanced accuracy", "weighted F1", "folds"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for _, row in table.iterrows():
        cells = [str(row[key]).replace("|", "\\|") for key in keys]
        cells += [_spread(row, name) for name in ("val_accuracy", *_SCORES)]
        lines.append(f"| {' | '.join([*cells, str(row['folds'])])} |")
    return "\n".join(lines)


def _spread(row: pd.Series, name: str) -> str:
    mean, deviation = 100 * row[name], 100 * row[f"{name}_std"]
    if mean != mean:
        return "–"
    return f"{mean:.1f}" + (f" ± {deviation:.1f}" if deviation == deviation else "")
