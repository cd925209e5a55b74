"""Losses and heads work in someone else's loop: they import torch and nothing heavier."""

import doctest
import importlib
import subprocess
import sys

import pytest


def modules_after(statement):
    code = f"{statement}; import sys; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_fermodels_imports_its_parts_when_touched():
    assert "torch" not in modules_after("import fermodels")
    loaded = modules_after("import fermodels; fermodels.losses.NTXentLoss; fermodels.models")
    assert "torch" in loaded
    assert not loaded & {"lightning", "pandas", "sklearn", "torchvision", "matplotlib", "pyarrow"}


def test_fermodels_knows_its_parts_and_no_others():
    import fermodels

    assert {"losses", "models"} <= set(dir(fermodels))
    assert fermodels.__version__
    with pytest.raises(AttributeError, match="no_such_part"):
        fermodels.no_such_part  # noqa: B018


@pytest.mark.parametrize(
    "name",
    [
        "models.heads",
        "losses.barlow_twins",
        "losses.clustering",
        "losses.multi_modal",
        "losses.multi_view",
        "losses.nt_xent",
        "losses.reconstruction",
        "losses.supervised",
    ],
)
def test_examples_in_docstrings(name):
    result = doctest.testmod(importlib.import_module(f"fermodels.{name}"))
    assert result.attempted >= 3 and result.failed == 0
