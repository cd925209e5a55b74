"""The command line of the trainings: a YAML file names a recipe and its settings.

A recipe is two trainings for each of several folds, every one by :func:`fermodels.training.fit`.
"""

from __future__ import annotations

import json

from fermodels.experiments.clips import Clips
from fermodels.experiments.cost import cost as cost_of
from fermodels.experiments.experiment import Recipe
from fermodels.experiments.images import Views

RECIPES = {recipe.__name__: recipe for recipe in (Views, Clips)}


def fit(arguments: list[str]) -> None:
    """`fit --config FILE`: every value of the file may be given anew as `--recipe.KEY VALUE`."""
    recipe, settings, text = _read("fit", arguments)
    recipe.run(settings, text)


def cost(arguments: list[str]) -> None:
    """`cost --config FILE`: arithmetic, memory and time on a GPU, computed and not measured."""
    recipe, _, _ = _read("cost", arguments)
    print(cost_of(recipe))


def _read(command: str, arguments: list[str]) -> tuple[Recipe, dict, str]:
    """The recipe, its settings as JSON, and the whole configuration as YAML."""
    parser = _parser(command)
    parsed = parser.parse_args(arguments)
    text = parser.dump(parsed, skip_unset=False)
    settings = json.loads(parser.dump(parsed, format="json", skip_unset=False))["recipe"]
    return parser.instantiate(parsed).recipe, settings, text


def _parser(command: str):
    try:
        from jsonargparse import ArgumentParser

        parser = ArgumentParser(
            prog=f"python -m fermodels {command}",
            description="Recipes: Views (photographs from several angles), Clips (video, sound "
            "and text). --recipe.help Views lists the settings of one.",
        )
    except ImportError as error:
        raise ImportError(
            "the command line needs jsonargparse: pip install 'jsonargparse[signatures]'"
        ) from error
    parser.add_argument("-c", "--config", action="config", help="a file such as configs/*.yaml")
    parser.add_subclass_arguments(Recipe, "recipe", required=True)
    return parser
