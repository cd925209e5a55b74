"""The numbers in the README and the cards are those of the results."""

import numpy as np
import pandas as pd
import pytest

from studies.report import (
    METHODS,
    better_baseline,
    drawn_before,
    fill,
    finetuned_table,
    frozen_table,
    kept,
)
from studies.search import Settings


def test_fill_replaces_what_lies_between_the_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- X -->\nold\n<!-- /X -->\nb\n")
    fill(page, "X", r"new \1")
    assert page.read_text() == "a\n<!-- X -->\nnew \\1\n<!-- /X -->\nb\n"
    with pytest.raises(ValueError, match="<!-- Y -->"):
        fill(page, "Y", "text")


def test_the_table_of_fine_tuning():
    runs = pd.DataFrame(
        [
            {"method": m, "fraction": f, "seed": s, "all": 0.5 + 0.01 * s, "profiles": f / 2}
            for m in METHODS
            for f in (0.2, 1.0)
            for s in range(3)
        ]
    )
    study = {
        "steps": {"1.0": 80, "0.2": 10},
        "steps_from_scratch": {"1.0": 3000, "0.2": 500},
        "subjects": {"train": 48, "test": 12},
    }
    lines = finetuned_table(runs, study, 7).splitlines()
    assert "on 12 people" in lines[0] and "guessing: 14.3" in lines[0]
    assert "for 3,000 steps with all labels to 500 with the fewest" in lines[0]
    assert "CL-MEx for 80 to 10." in lines[0]
    assert lines[-2].startswith("| 100%, 48 people | 51.0 ± 1.0 / 50.0 ± 0.0 |")
    assert lines[-1].startswith("| 20%, 10 people | 51.0 ± 1.0 / 10.0 ± 0.0 |")
    assert lines[-1].count("|") == len(METHODS) + 2
    runs.loc[(runs["method"] == "CL-MEx"), "all"] += 0.02
    last = finetuned_table(runs, study, 7).splitlines()[-1]
    assert last.startswith("CL-MEx reads more images right with labels of 20% of the people than")
    few = (runs["method"] == "CL-MEx") & (runs["fraction"] < 1)
    runs.loc[few, "all"] -= 0.1  # with all labels alone there is nothing to say
    assert finetuned_table(runs, study, 7).splitlines()[-1].startswith("| 20%")


def test_a_better_baseline_is_told_in_its_own_numbers():
    tried = pd.DataFrame(
        [
            {"method": method, "fraction": fraction, "accuracy": accuracy} | Settings(n)._asdict()
            for method, fraction, n, accuracy in (
                ("from scratch", 1.0, 250, 0.6),
                ("from scratch", 1.0, 4000, 0.912),
                ("from scratch", 0.2, 4000, 0.99),
                ("CL-MEx", 1.0, 250, 0.99),
            )
        ]
    )
    words = better_baseline(tried, pd.DataFrame({"all": [0.8, 0.874, 0.87]}))
    assert "reads 91.2% of" in words and "(4,000 steps," in words and "with AdamW 87.4%" in words


def test_the_table_of_frozen_encoders():
    names = ["untrained", "CL-MEx"]
    probes = pd.DataFrame(
        [
            {"encoder": n, "kind": k, "all": i + (k == "knn"), "profiles": 0.25, "straight": 0.5}
            for i, n in enumerate(names)
            for k in ("linear", "knn")
        ]
    )
    columns = ["retrieval_at_1/profiles", "same_instance_cosine", "other_expression_cosine",
               "yaw_predictability", "identity_predictability", "retrieval_chance", "yaw_chance",
               "identity_chance"]  # fmt: skip
    invariance = pd.DataFrame(np.full((2, len(columns)), 0.125), index=names, columns=columns)
    text = frozen_table(probes, invariance)
    assert "| linear probe, all views | 0.000 | 1.000 |" in text
    assert "| linear probe, frontal | 0.500 | 0.500 |" in text
    assert "(chance 0.125) | 0.125 | 0.125 |" in text


def test_a_card_written_anew_keeps_what_another_command_filled(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- X -->\none\ntwo\n<!-- /X -->\nb\n")
    assert kept(page, "X") == "<!-- X -->\none\ntwo\n<!-- /X -->"
    assert kept(page, "Y") == ""


def test_people_who_were_drawn_anew_between_two_trainings():
    pools, others = [{"name": "wide", "command": "a"}], [{"name": "studio", "command": "b"}]
    first = {"pools": pools, "data": "1"}
    assert drawn_before(first, {"pools": pools, "data": "2"})
    assert not drawn_before(first, {"pools": pools, "data": "1"})
    assert not drawn_before(first, {"pools": pools + others, "data": "3"})
