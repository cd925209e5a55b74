"""The splits of KDEF that can be cited: what stands in the files, and that it can be made again."""

import pandas as pd
import pytest

from data_prep.importers.subject_splits import FOLDER, KDEF_SUBJECTS, make_kdef_splits, read_split
from fermodels.data import PreparedImages
from tests.importers.fixtures.images import DATA


def test_the_files_are_what_the_code_makes():
    made = make_kdef_splits()
    assert set(made) == {path.name for path in FOLDER.iterdir()}
    for name, text in made.items():
        assert (FOLDER / name).read_bytes() == text.encode()


@pytest.mark.parametrize("name, column", [("kdef_10fold", "fold"), ("kdef_holdout", "split")])
def test_every_person_is_in_one_part(name, column):
    table = pd.read_csv(FOLDER / f"{name}.csv", dtype=str)
    assert list(table) == ["subject", column]
    assert table["subject"].tolist() == list(KDEF_SUBJECTS) and len(KDEF_SUBJECTS) == 70
    assert read_split(name) == dict(zip(table["subject"], table[column], strict=True))


def test_the_parts_have_their_size_and_both_genders():
    folds = pd.Series(read_split("kdef_10fold"))
    women = folds.index.str.startswith("F")
    assert folds.value_counts().to_dict() == {str(fold): 7 for fold in range(10)}
    assert folds[women].value_counts().between(3, 4).all()
    holdout = pd.Series(read_split("kdef_holdout"))
    assert holdout.value_counts().to_dict() == {"train": 48, "val": 10, "test": 12}
    assert holdout[women].value_counts().to_dict() == {"train": 24, "val": 5, "test": 6}


def test_the_holdout_is_the_default_split_of_the_course():
    rendered = PreparedImages.read(DATA / "anny_views_kdef.parquet")
    parts = rendered.split()
    own = {
        subject: name for name, rows in parts.items() for subject in rendered.table["subject"][rows]
    }
    assert own == read_split("kdef_holdout")
