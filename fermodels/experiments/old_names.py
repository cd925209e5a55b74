"""Configurations and run folders of the first release, under the names of today."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fermodels._shared.paths import given_path

_CLASSES = {"Views": "ImageExperiment", "Clips": "ClipExperiment"}


def translate_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command line, with `--recipe…` and files that begin with `recipe:`."""
    translated: list[str] = []
    for argument in arguments:
        after_config = bool(translated) and translated[-1] in ("-c", "--config")
        if after_config or argument.startswith("--config="):
            option, _, path = argument.rpartition("=") if not after_config else ("", "", argument)
            text = _configuration(path)
            argument = f"{option}={text}" if option else text
        argument = re.sub(r"^--recipe(?=[.= ]|$)", "--experiment", argument)
        translated.append(_CLASSES.get(argument, argument))
    return translated


def _configuration(path: str) -> str:
    """The path; of a file of the first release its text, translated (both are accepted)."""
    try:
        place = given_path(path)
        text = place.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return path  # the parser says what is wrong with it
    if not re.search(r"(?m)^recipe:", text):
        return str(place)
    text = re.sub(r"(?m)^recipe:", "experiment:", text)
    text = re.sub(r"(?m)^(\s+)augmentations:", r"\1num_augmentations:", text)
    for old, new in _CLASSES.items():
        text = re.sub(rf"(class_path:\s*(?:[\w.]+\.)?){old}\b", rf"\1{new}", text)
    return text


def translate_run(about: dict[str, Any]) -> dict[str, Any]:
    """`run.json`, as a run of today writes it."""
    about = dict(about)
    if "recipe" in about:
        _translate_recipe(about)
    if about.get("experiment") == "ImageExperiment":  # which had no choice of the optimiser
        settings = about["settings"] = dict(about["settings"])
        for name in ("pretraining", "finetuning"):
            if isinstance(settings.get(name), dict):
                settings[name] = {"optimizer": "adamw"} | settings[name]
    return about


def _translate_recipe(about: dict[str, Any]) -> None:
    kind = about.pop("recipe")
    about["experiment"] = _CLASSES.get(kind, kind)
    settings = about["settings"] = dict(about["settings"])
    pretraining = settings.get("pretraining")
    if isinstance(pretraining, dict) and "augmentations" in pretraining:
        pretraining = dict(pretraining)
        pretraining["num_augmentations"] = pretraining.pop("augmentations")
        settings["pretraining"] = pretraining
