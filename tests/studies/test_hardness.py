"""`python -m studies.hardness`: lengths of training, and what is said of them."""

import pandas as pd
import pytest

pytest.importorskip("lightning")

from fermodels.training import recipes
from studies import hardness


def table(*scores):
    rows = [
        {"steps": 100 * (i + 1), "all": score, "standard_error": 0.02, "profiles": score - 0.1,
         "people": 10} for i, score in enumerate(scores)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("scores", "end"),
    [((0.5,), 0), ((0.5, 0.6), 1), ((0.5, 0.6, 0.605), 1), ((0.6, 0.605, 0.62), 2),
     ((0.6, 0.55, 0.609), 0)],
)  # fmt: skip
def test_the_end_is_where_no_longer_training_gains(scores, end):
    assert hardness.end(table(*scores)) == end


def test_the_text_says_whether_it_still_rises():
    flat, rising = hardness.text(table(0.6, 0.605)), hardness.text(table(0.5, 0.6))
    assert "60.0% after 100 steps, 60.5% after 200" in flat and "50.0% after 100; longer" in flat
    assert "gains less than 1 point" in flat and "was not tried" in rising


def test_the_validation_people_are_asked_and_the_training_people_trained_on(
    tiny_prepared, tmp_path, monkeypatch
):
    trained = []

    def finetune(prepared, rows, **options):
        trained.append((set(prepared.table["subject"].iloc[rows]), options["seed"]))
        return real(prepared, rows, **options | {"image_size": 16})

    real = recipes.finetune
    monkeypatch.setattr(recipes, "finetune", finetune)
    row = hardness.from_scratch(tiny_prepared.write(tmp_path / "tiny.parquet"), 2, 3)
    split = tiny_prepared.split("subject", seed=0)
    people = {name: set(tiny_prepared.table["subject"].iloc[rows]) for name, rows in split.items()}
    assert trained == [(people["train"], 3)] and row["people"] == len(people["val"])
    assert row["steps"] == 2 and 0 <= row["all"] <= 1


def test_the_command_writes_the_table_and_the_page(tiny_prepared, tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- HARDNESS -->\n<!-- /HARDNESS -->\nafter\n")
    made = table(0.5, 0.6)
    monkeypatch.setattr(
        hardness, "in_processes", lambda _, tasks, jobs: enumerate(made.to_dict("records")[::-1])
    )
    hardness.main(["--data", str(tiny_prepared.write(tmp_path / "tiny.parquet")), "--steps", "100",
                   "200", "--results", str(tmp_path), "--page", str(page)])  # fmt: skip
    assert pd.read_csv(tmp_path / "hardness.csv")["steps"].tolist() == [100, 200]
    assert "60.0% after 200 steps" in page.read_text() and page.read_text().endswith("after\n")
