"""`python -m studies.study`: who is trained for how long, and asked about whom."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lightning")

from fermodels.models import ImageEncoder
from fermodels.training import recipes
from studies import study


class Guesser:
    def predict(self, images):
        return np.zeros(len(images), int), None


@pytest.mark.parametrize("method", study.METHODS)
@pytest.mark.parametrize("fraction", [1.0, 0.5])
def test_steps_people_and_what_is_kept(method, fraction, tiny_prepared, tmp_path, monkeypatch):
    asked = []

    def finetune(prepared, rows, **options):
        asked.append((set(prepared.table["subject"].iloc[rows]), options))
        return Guesser()

    monkeypatch.setattr(recipes, "finetune", finetune)
    start = None
    if study.METHODS[method]:
        ImageEncoder(image_size=16, width=4).save_pretrained(tmp_path / "encoder")
        start = tmp_path / "encoder"
    path = tiny_prepared.write(tmp_path / "tiny.parquet")
    study.read.cache_clear()
    run = (str(path), start, method, fraction, 1, tmp_path)
    accuracy = study.finetuned(*run)
    assert study.finetuned(*run) == accuracy and len(asked) == 1, "what is kept is not made again"
    study.read.cache_clear()

    (people, options), split = asked[0], tiny_prepared.split("subject", seed=0)
    known = {name: set(tiny_prepared.table["subject"].iloc[rows]) for name, rows in split.items()}
    assert people <= known["train"] and (len(people) < len(known["train"])) == (fraction < 1)
    longest = study.STEPS_FROM_SCRATCH if method in study.SLOW else study.STEPS
    assert options["steps"] == longest[fraction] and options["seed"] == 1
    assert (options["encoder"] is None) == (method == "from scratch")
    kept = pd.read_parquet(next(tmp_path.glob("*-1.parquet")))
    assert kept["index"].tolist() == split["test"].tolist()
    assert accuracy == (tiny_prepared.labels[split["test"]] == 0).mean()


def test_budgets_are_the_same_for_all_and_nobody_is_trained_for_less_than_clmex():
    assert study.STEPS.keys() == study.STEPS_FROM_SCRATCH.keys()
    assert all(study.STEPS_FROM_SCRATCH[f] >= steps for f, steps in study.STEPS.items())
