"""The drawings of notebook 02 draw what they are given."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from fermodels.course import toys


@pytest.fixture(autouse=True)
def closed():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_relations_are_those_of_a_loop():
    instance = torch.tensor([0, 0, 1, 1, 2])
    person = torch.tensor([0, 0, 0, 0, 1])
    expression = torch.tensor([3, 3, 5, 5, 3])
    found = toys.relation(instance, person, expression)
    for i in range(5):
        for j in range(5):
            if i == j:
                wanted = "itself"
            elif instance[i] == instance[j]:
                wanted = "positive"
            elif person[i] == person[j]:
                wanted = "negative: same person"
            elif expression[i] == expression[j]:
                wanted = "negative: same expression"
            else:
                wanted = "negative: other person"
            assert toys.KINDS[found[i, j]] == wanted


def test_one_legend_names_the_kinds_of_all_masks():
    whole = toys.relation(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 1]))
    toys.draw_relations({"all": whole, "first two": whole[:2, :2]}, 6, 3)
    texts = [text.get_text() for text in plt.gcf().axes[-1].get_legend().get_texts()]
    assert texts == ["negative: other person", "positive", "itself"]


def test_each_training_has_its_loss_above_its_probe():
    history = pd.DataFrame(
        {"step": [1, 2, 3], "loss": [2.0, 1.0, 0.5], "probe": [None, 0.5, 0.75]}
    ).astype(float)
    toys.draw_trainings({"a": history, "b": history}, {"chance": 2.0}, before=0.25, chance=0.2)
    above, below = plt.gcf().axes[:2], plt.gcf().axes[2:]
    assert [ax.get_title(loc="left") for ax in above] == ["a", "b"]
    assert below[0].lines[0].get_xydata().tolist() == [[0, 25], [2, 50], [3, 75]]


def test_vectors_and_families_are_drawn():
    toys.draw_circle(torch.eye(2), ["A1", "B1"])
    ax = toys.draw_families()
    texts = {text.get_text() for text in ax.texts}
    assert {*toys.METHODS, *toys.ROWS} <= texts
    assert all(len(rows) == len(toys.ROWS) for rows in toys.METHODS.values())
