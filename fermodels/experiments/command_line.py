"""The command line of the trainings: a YAML file names an experiment and its settings.

An experiment is two trainings for each of several folds, every one by
:func:`fermodels.training.fit`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from fermodels.experiments import sweep
from fermodels.experiments.cost import cost as cost_of
from fermodels.experiments.experiment import Experiment
from fermodels.experiments.old_names import translate_arguments


def fit(arguments: list[str]) -> None:
    """`fit --config FILE`: any value of it may be given anew as `--experiment.KEY VALUE`, or
    several of them as `--sweep KEY=A,B,C`, with a run for each."""
    sweeps, others = sweep.take_sweeps(arguments)
    if not sweeps:
        experiment, settings, text = _read("fit", others)
        experiment.run(settings, text)
        return
    sweep.run_sweep(_runs(others, sweeps))


def cost(arguments: list[str]) -> None:
    """`cost --config FILE`: arithmetic, memory and time on a GPU, computed and not measured."""
    experiment, _, _ = _read("cost", arguments)
    print(cost_of(experiment))


def _read(command: str, arguments: list[str]) -> tuple[Experiment, dict, str]:
    """The experiment, its settings as JSON, and the whole configuration as YAML."""
    parser = _parser(command)
    return _read_parsed(parser, parser.parse_args(translate_arguments(arguments)))


def _runs(others: list[str], sweeps: dict[str, list[str]]) -> list[sweep.Run]:
    """The runs of a sweep, each with a name and a folder of its own."""
    from jsonargparse import ArgumentError

    _parser("fit").parse_args(translate_arguments(others))  # whose mistakes are no sweep's
    runs = []
    for chosen in sweep.combinations(sweeps):
        parser = _parser("fit", exit_on_error=False)
        asked = f"--sweep {', '.join(f'{key}={value}' for key, value in chosen.items())}"
        given = [f"--experiment.{key}={value}" for key, value in chosen.items()]
        try:
            parsed = parser.parse_args(translate_arguments([*others, *given]))
            settings = _settings(parser, parsed)["init_args"]
            values = {key: sweep.value_of(settings, key) for key in sweeps}
            own = parsed.experiment.init_args
            own.run_dir = os.path.join(own.run_dir, sweep.folder_name(values))
            own.name = sweep.title(own.name, values)
            runs.append(sweep.Run(asked, values, *_read_parsed(parser, parsed)))
        except (ArgumentError, ValueError) as error:
            raise ValueError(f"{asked}: {sweep.reason(error)}") from error
    return runs


def _read_parsed(parser, parsed) -> tuple[Experiment, dict, str]:
    text = parser.dump(parsed, skip_unset=False)
    return parser.instantiate(parsed).experiment, _settings(parser, parsed), text


def _settings(parser, parsed) -> dict[str, Any]:
    return json.loads(parser.dump(parsed, format="json", skip_unset=False))["experiment"]


def _parser(command: str, exit_on_error: bool = True):
    try:
        from jsonargparse import ArgumentParser

        description = (
            "Experiments: ImageExperiment (images from several angles), "
            "ClipExperiment (video, sound and text). --experiment.help ImageExperiment lists the "
            "settings of one."
        )
        if command == "fit":
            description += f" {sweep.HELP}"
        parser = ArgumentParser(
            prog=f"python -m fermodels {command}",
            description=description,
            exit_on_error=exit_on_error,
        )
    except ImportError as error:
        raise ImportError(
            "the command line needs jsonargparse[signatures]: pip install 'fermodels[experiments]'"
        ) from error
    parser.add_argument("-c", "--config", action="config", help="a file such as configs/*.yaml")
    parser.add_subclass_arguments(Experiment, "experiment", required=True)
    return parser
