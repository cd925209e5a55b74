"""The reference has every public name, and the extensions that make the site do what they say."""

import importlib
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="make site installs Sphinx")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs" / "extensions"))

import fermodels  # noqa: E402

formulas = importlib.import_module("formulas")
notebook_links = importlib.import_module("notebook_links")
room = importlib.import_module("room")

PAGES = {page.stem for page in (ROOT / "docs" / "reference").glob("*.rst")} - {"index", "inside"}
# Run from the shell; its public names are commands.
WITHOUT = {"experiments"}


def test_every_room_has_a_page():
    assert {page.partition(".")[0] for page in PAGES} == set(fermodels.__all__) - WITHOUT


@pytest.mark.parametrize("page", sorted(PAGES))
def test_all_public_names_of_a_room_are_found_where_they_are_made(page):
    name = f"fermodels.{page}"
    found = room.public_names(name)
    public = set(importlib.import_module(name).__all__)
    assert set(found) == public - {sub.rpartition(".")[2] for sub in PAGES if "." in sub}
    for public_name, module in found.items():
        assert public_name in vars(importlib.import_module(module))


@pytest.mark.parametrize("page", sorted(PAGES))
def test_all_public_classes_and_functions_have_a_docstring(page):
    package = importlib.import_module(f"fermodels.{page}")
    public = {name: getattr(package, name) for name in room.public_names(f"fermodels.{page}")}
    assert [name for name, value in public.items() if callable(value) and not value.__doc__] == []


@pytest.mark.parametrize(
    ("name", "begin"), [("MODALITIES", "The modalities"), ("VIEWS", "The views of KDEF")]
)
def test_constants_are_described_by_their_comment(name, begin):
    module = room.public_names("fermodels.data")[name]
    assert room.comment(module, name)[0].startswith(begin)


def test_an_unknown_command_of_a_formula_warns(monkeypatch):
    unknown = []
    monkeypatch.setattr(formulas.logger, "warning", lambda *args, **more: unknown.append(args))
    assert "<mfrac>" in formulas.mathml(r"\frac{1}{\tau}", "block")
    assert formulas.mathml("2 · 3", "inline").count("<mo") == 1
    assert not unknown
    formulas.mathml(r"\nosuchcommand{1}", "inline")
    assert unknown


@pytest.mark.parametrize(
    ("anchor", "slug"),
    [
        ("Task-4:-The-face-lab", "task-4-the-face-lab"),
        ("Task-3:-Whose-neighbours?", "task-3-whose-neighbours"),
        ("Exercises", "exercises"),
        ("2-·-Folds-(6-min,-optional)", "2--folds-6-min-optional"),
    ],
)
def test_anchors_of_jupyterlab_become_those_of_the_site(anchor, slug):
    text = f"see [a](07_explore.ipynb#{anchor}), [b](#{anchor})"
    source = [json.dumps({"source": [text]}, ensure_ascii=False)]
    notebook_links._rewrite(None, "notebooks/02", source)
    assert source[0].count(f"#{slug})") == 2
    other = ["[b](#Exercises)"]
    notebook_links._rewrite(None, "README", other)
    assert other == ["[b](#Exercises)"]
