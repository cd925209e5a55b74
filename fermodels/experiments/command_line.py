"""The command line of the trainings: a YAML file names an experiment and its settings.

An experiment is two trainings for each of several folds, every one by
:func:`fermodels.training.fit`.
"""

from __future__ import annotations

import json

from fermodels.experiments.cost import cost as cost_of
from fermodels.experiments.experiment import Experiment
from fermodels.experiments.old_names import translate_arguments


def fit(arguments: list[str]) -> None:
    """`fit --config FILE`: any value of it may be given anew as `--experiment.KEY VALUE`."""
    experiment, settings, text = _read("fit", arguments)
    experiment.run(settings, text)


def cost(arguments: list[str]) -> None:
    """`cost --config FILE`: arithmetic, memory and time on a GPU, computed and not measured."""
    experiment, _, _ = _read("cost", arguments)
    print(cost_of(experiment))


def _read(command: str, arguments: list[str]) -> tuple[Experiment, dict, str]:
    """The experiment, its settings as JSON, and the whole configuration as YAML."""
    parser = _parser(command)
    parsed = parser.parse_args(translate_arguments(arguments))
    text = parser.dump(parsed, skip_unset=False)
    settings = json.loads(parser.dump(parsed, format="json", skip_unset=False))["experiment"]
    return parser.instantiate(parsed).experiment, settings, text


def _parser(command: str):
    try:
        from jsonargparse import ArgumentParser

        parser = ArgumentParser(
            prog=f"python -m fermodels {command}",
            description="Experiments: ImageExperiment (images from several angles), "
            "ClipExperiment (video, sound and text). --experiment.help ImageExperiment lists the "
            "settings of one.",
        )
    except ImportError as error:
        raise ImportError(
            "the command line needs jsonargparse[signatures]: pip install 'fermodels[experiments]'"
        ) from error
    parser.add_argument("-c", "--config", action="config", help="a file such as configs/*.yaml")
    parser.add_subclass_arguments(Experiment, "experiment", required=True)
    return parser
