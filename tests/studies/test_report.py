"""The numbers in the README and the cards are those of the results."""

import numpy as np
import pandas as pd
import pytest

from studies.report import drawn_before, fill, frozen_table, kept, pretraining


def test_fill_replaces_what_lies_between_the_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- X -->\nold\n<!-- /X -->\nb\n")
    fill(page, "X", r"new \1")
    assert page.read_text() == "a\n<!-- X -->\nnew \\1\n<!-- /X -->\nb\n"
    with pytest.raises(ValueError, match="<!-- Y -->"):
        fill(page, "Y", "text")


def test_what_the_pre_trainings_of_the_study_are():
    made = pd.DataFrame(
        [
            {"method": method, "seed": seed, "augment": augment, "batch_size": size,
             "images_seen": 1000, "kept": kept}
            for method, best in (("SimCLR", ("strong", 245)), ("CL-MEx", ("mild", 105)))
            for augment, size in (("mild", 245), ("strong", 245), ("mild", 105))
            for seed, kept in ((0, False), (0, True), (1, True))
            if (augment, size) == best or not kept
        ]
    )  # fmt: skip
    words = pretraining(made)
    assert words.startswith("SimCLR, CL-MEx: 2 pre-trainings each")
    assert "1,000 augmented images each" in words and "of 6 tries" in words
    assert "were chosen: SimCLR strong, 245; CL-MEx mild, 105). *Shipped*" in words
    ours = made[made["kept"] & (made["method"] == "CL-MEx")]
    words = pretraining(pd.concat([made, ours]))
    assert words.startswith("SimCLR, CL-MEx: 2 pre-trainings each") and "of 6 tries" in words
    assert "CL-MEx mild, 105). Those of CL-MEx were made again on another machine" in words


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
