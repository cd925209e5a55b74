"""`python -m studies.image_study`: who is trained, who is asked, what is written."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lightning")

from fermodels.models import ImageEncoder
from studies import image_study, study_methods
from studies.image_study import Run, all_methods, runs, settings_of
from studies.search import Settings


class Guesser:
    """Says the first expression, and of the others the last one is the likeliest."""

    def predict(self, images):
        scores = np.tile([0.6, *[0.1] * 5, 0.2], (len(images), 1))[:, : self.classes]
        return scores.argmax(1), scores


@pytest.fixture
def tiny(tiny_prepared, tmp_path, monkeypatch):
    study_methods.read.cache_clear()
    image_study._set.cache_clear()
    Guesser.classes = len(tiny_prepared.expressions)
    asked = []

    def fine_tuned(prepared, rows, start, settings, seed):
        asked.append((set(prepared.table["subject"].iloc[rows]), start, settings, seed))
        return Guesser()

    monkeypatch.setattr(image_study, "fine_tuned", fine_tuned)
    path = tiny_prepared.write(tmp_path / "tiny.parquet")
    yield path, asked
    study_methods.read.cache_clear()
    image_study._set.cache_clear()


def test_all_draws_of_all_methods_are_run_once():
    todo = list(runs(all_methods()))
    assert len(todo) == len(set(todo)) == len({run.stem for run in todo})
    for method in all_methods():
        own = [run for run in todo if run.method == method]
        fractions = {run.fraction for run in own}
        assert 1.0 in fractions
        for fraction in fractions:
            draws = sorted(run.draw for run in own if run.fraction == fraction)
            alone = method in ("HOG, probe", "CL-MEx, shipped, probe")
            assert draws == list(range(5 if fraction < 1 else 1 if alone else 3))
    assert {run.fraction for run in todo if run.method == "ViewFX"} == {1.0}
    assert "from scratch, probe" not in all_methods() and image_study.HOG in all_methods()


def test_a_run_asks_test_people_and_with_all_labels_the_outside(tiny, tiny_prepared, tmp_path):
    path, asked = tiny
    split = tiny_prepared.split("subject", seed=0)
    settings = Settings(7, 0.1, "standard")
    for run in (Run("CL-MEx", 1.0, 1), Run("CL-MEx", 0.5, 4)):
        for _ in range(2):  # the second time it is there
            accuracy = image_study.one(str(path), [path], tmp_path / "e", run, settings, tmp_path)
        assert accuracy == (tiny_prepared.labels[split["test"]] == 0).mean()
    assert len(asked) == 2 and asked[0][1].name == "clmex-1" and asked[1][1].name == "clmex-1"
    assert [seed for *_, seed in asked] == [1, 4] and asked[0][2] == settings
    people = {name: set(tiny_prepared.table["subject"].iloc[rows]) for name, rows in split.items()}
    assert asked[0][0] == people["train"] and asked[1][0] < people["train"]
    whole = pd.read_parquet(tmp_path / f"{Run('CL-MEx', 1.0, 1).stem}.parquet")
    inside, outside = (whole[whole["faces"] == faces] for faces in ("inside", "tiny"))
    assert inside["index"].tolist() == split["test"].tolist()
    assert outside["index"].tolist() == list(range(len(tiny_prepared)))
    assert set(whole["predicted"]) == {tiny_prepared.expressions[0]}
    few = pd.read_parquet(tmp_path / f"{Run('CL-MEx', 0.5, 4).stem}.parquet")
    assert set(few["faces"]) == {"inside"}


def test_where_few_expressions_are_shown_it_is_asked_among_these(tiny, tiny_prepared, tmp_path):
    path, _ = tiny
    names = tiny_prepared.expressions
    two = np.flatnonzero(np.isin(tiny_prepared.labels, [1, len(names) - 1]))
    other = tiny_prepared.subset(two).write(tmp_path / "two.parquet")
    run = Run("from scratch", 1.0, 0)
    image_study.one(str(path), [other], tmp_path, run, Settings(), tmp_path)
    table = pd.read_parquet(tmp_path / f"{run.stem}.parquet").query("faces == 'two'")
    assert set(table["predicted"]) == {names[0]}
    expected = max((1, len(names) - 1), key=lambda c: [0.6, *[0.1] * 5, 0.2][c])
    assert set(table["predicted_of_shown"]) == {names[expected]}


def test_probes_are_fitted_on_the_labelled_and_know_what_they_saw(tiny, tiny_prepared, tmp_path):
    path, asked = tiny
    ImageEncoder(image_size=16, width=4).save_pretrained(tmp_path / "e" / "clmex-0")
    run = Run("CL-MEx, probe", 1.0, 0)
    accuracy = image_study.one(str(path), [], tmp_path / "e", run, None, tmp_path)
    assert 0 <= accuracy <= 1 and not asked
    table = pd.read_parquet(tmp_path / f"{run.stem}.parquet")
    assert set(table["predicted"]) <= set(tiny_prepared.expressions)
    assert (table["predicted"] == table["predicted_of_shown"]).all()


def test_settings_are_those_that_the_search_has_chosen():
    tried = pd.DataFrame(
        [
            {"method": "CL-MEx", "fraction": 0.2, "accuracy": 0.5} | Settings(250)._asdict(),
            {"method": "CL-MEx", "fraction": 0.2, "accuracy": 0.7} | Settings(500)._asdict(),
        ]
    )
    assert settings_of(Run("CL-MEx", 0.2, 3), tried) == Settings(500)
    assert settings_of(Run("CL-MEx, probe", 0.2, 3), tried) is None
    with pytest.raises(ValueError, match="no settings for SimCLR with 20% of the labels"):
        settings_of(Run("SimCLR", 0.2, 0), tried)


def test_a_finished_run_with_other_settings_is_run_again(tiny, tmp_path):
    path, asked = tiny
    (tmp_path / "studied").mkdir()
    run = Run("from scratch", 0.5, 0)
    for steps, times in ((7, 1), (7, 1), (8, 2)):
        settings = Settings(steps, 0.1, "mild")
        image_study.one(str(path), [], tmp_path, run, settings, tmp_path / "studied")
        assert len(asked) == times
        assert image_study.settings_in(tmp_path / "studied" / f"{run.stem}.parquet") == settings
