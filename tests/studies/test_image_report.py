"""The tables of the image study say what its answers say."""

import numpy as np
import pandas as pd
import pytest

from studies import image_report
from studies.image_report import accuracies, accuracy_table, gain, order, title
from studies.people import Difference, in_words, interval
from studies.search import LONGEST, Settings, walk

PEOPLE = ("a", "b", "c")
VIEWS = {"full_left": -90.0, "straight": 0.0, "full_right": 90.0}


def answers_of(method, right, fraction=1.0, draws=2, faces="inside"):
    """Of three people from three sides, two expressions each; `right(person, view, draw)`."""
    rows = []
    for draw in range(draws):
        index = 0
        for person in PEOPLE:
            for shown in ("happy", "sad"):
                for view, yaw in VIEWS.items():
                    read = shown if right(person, view, draw) else "angry"
                    rows.append({"method": method, "fraction": fraction, "draw": draw,
                                 "faces": faces, "index": index, "subject": person, "view": view,
                                 "yaw": yaw, "shown": shown, "predicted": read,
                                 "predicted_of_shown": shown})  # fmt: skip
                    index += 1
    return pd.DataFrame(rows)


@pytest.fixture
def answers():
    return pd.concat(
        [
            answers_of("CL-MEx", lambda person, view, draw: True),
            answers_of("from scratch", lambda person, view, draw: view == "straight"),
            answers_of("HOG, probe", lambda person, view, draw: person != "a" or draw == 0),
        ],
        ignore_index=True,
    )


def test_accuracy_of_each_run(answers):
    runs = accuracies(answers).set_index(["method", "draw"])
    assert len(runs) == 6
    assert (runs.loc["CL-MEx", "all"] == 1).all()
    assert runs.loc[("from scratch", 0), "all"] == pytest.approx(1 / 3)
    assert runs.loc[("from scratch", 0), "profiles"] == 0
    assert runs.loc["HOG, probe"]["all"].tolist() == pytest.approx([1, 2 / 3])


def test_outside_answers_are_no_part_of_the_accuracy_inside(answers):
    outside = answers_of("CL-MEx", lambda *_: False, faces="second_faces")
    assert accuracies(pd.concat([answers, outside])).equals(accuracies(answers))


def test_gain_is_that_of_the_loop_over_people(answers):
    difference = gain(answers, "CL-MEx", "HOG, probe", 1.0)
    by_person = []
    for person in PEOPLE:
        own = answers[answers["subject"] == person]
        hits = own.assign(hit=own["predicted"] == own["shown"]).groupby("method")["hit"].mean()
        by_person.append(100 * (hits["CL-MEx"] - hits["HOG, probe"]))
    assert by_person == [50, 0, 0]
    alone = image_report.gain_by_person(answers, "CL-MEx", "HOG, probe", 1.0)
    assert alone.to_dict() == dict(zip(PEOPLE, by_person, strict=True))
    assert difference.mean == pytest.approx(np.mean(by_person))
    assert difference.low == 0 and not difference.clear
    profiles = gain(answers, "CL-MEx", "from scratch", 1.0, profiles=True)
    assert profiles == pytest.approx((100, 100, 100)) and profiles.clear
    views = image_report.gain_by_person(answers, "CL-MEx", "from scratch", 1.0, profiles=True)
    assert views.tolist() == [100, 100, 100]


def test_the_table_has_all_methods_and_shares(answers):
    few = answers_of("CL-MEx", lambda person, *_: person != "c", fraction=0.2, draws=3)
    lines = accuracy_table(pd.concat([answers, few]), {"train": 48, "test": 12}).splitlines()
    assert "on 12 people" in lines[0] and "over 3 draws" in lines[0] and "over 2 seeds" in lines[0]
    assert "guessing: 50.0" in lines[0] and "all views / ±90°" in lines[0]
    assert lines[2] == "| labels | 100%, 48 people | 20%, 10 people |"
    assert lines[4] == "| from scratch | 33.3 ± 0.0 / 0.0 ± 0.0 |  |"
    assert (
        lines[5] == "| CL-MEx, fine-tuned | 100.0 ± 0.0 / 100.0 ± 0.0 | 66.7 ± 0.0 / 66.7 ± 0.0 |"
    )
    assert lines[6].startswith("| HOG, logistic regression | 83.3 ± 23.6")


def test_what_was_asked_once_has_no_deviation():
    answers = answers_of("HOG, probe", lambda *_: True, draws=1)
    lines = accuracy_table(answers, {"train": 48, "test": 12}).splitlines()
    assert lines[-1] == "| HOG, logistic regression | 100.0 / 100.0 |"


def test_what_was_probed_alone_is_named(answers):
    probed = answers_of("SimCLR, probe", lambda *_: True)
    table = accuracy_table(pd.concat([answers, probed]), {"train": 48, "test": 12})
    assert table.endswith("Of SimCLR there is the probe alone, no fine-tuning yet.")
    assert "no fine-tuning" not in accuracy_table(answers, {"train": 48, "test": 12})


def test_order_and_titles():
    names = ["CL-MEx, probe", "HOG, probe", "CL-MEx, shipped", "from scratch"]
    assert order(names) == ["from scratch", "CL-MEx, shipped", "HOG, probe", "CL-MEx, probe"]
    assert title("CL-MEx, shipped, probe") == "CL-MEx, shipped, linear probe"
    assert title("from scratch") == "from scratch"


def test_differences_and_words_for_every_rival(answers):
    parts = [answers]
    for fraction in (1.0, 0.2):
        for name in ("from scratch", "CL-MEx", "SimCLR", "CL-MEx, shipped", "HOG, probe"):
            if fraction == 0.2 or name in ("SimCLR", "CL-MEx, shipped"):
                right = (lambda *_: True) if "CL-MEx" in name else (lambda *_: False)
                parts.append(answers_of(name, right, fraction))
    answers = pd.concat(parts)
    table = image_report.difference_table(answers)
    assert table.count("\n| CL-MEx, fine-tuned − ") == 6
    assert table.count("\n| CL-MEx, shipped, fine-tuned − ") == 6
    assert "| CL-MEx, fine-tuned − from scratch, ±90° | **+100.0** (+100.0 to +100.0) |" in table
    words = image_report.headline(answers)
    assert words.count("clearly better") == 8 and "20% of the labels clearly better" in words


def test_no_difference_where_one_of_two_was_not_asked():
    right, wrong = (lambda *_: True), (lambda *_: False)
    asked = (("from scratch", wrong, 1.0), ("from scratch", wrong, 0.2), ("CL-MEx", right, 0.2))
    answers = pd.concat([answers_of(*row) for row in asked])
    table = image_report.difference_table(answers)
    assert "| CL-MEx, fine-tuned − from scratch, all views |  | **+100.0**" in table
    words = image_report.headline(answers)
    assert "with 20% of the labels" in words and "100%" not in words


def test_words_follow_the_interval():
    assert in_words(Difference(1, -0.1, 2)) == "neither clearly better nor worse"
    assert in_words(Difference(-1, -2, -0.1)) == "clearly worse"
    assert interval(Difference(1.25, 0.5, 2)) == "**+1.2** (+0.5 to +2.0)"
    assert interval(Difference(1, -0.5, 2)) == "+1.0 (-0.5 to +2.0)"


def test_outside_by_angle_and_among_what_is_shown(answers):
    second = answers_of("CL-MEx", lambda person, view, draw: view != "full_left",
                        faces="second_faces")  # fmt: skip
    second["yaw"] = second["yaw"].replace(0.0, -44.0)
    london = answers_of("CL-MEx", lambda *_: False, faces="london")
    few = answers_of("CL-MEx", lambda *_: False, faces="london", fraction=0.2)
    table = image_report.outside_table(pd.concat([second, london, few]))
    head, row = table.splitlines()[2], table.splitlines()[-1]
    assert head.startswith(
        "| | second faces | second faces, 45° | second faces, 90° | London, of 2"
    )
    cells = [cell.split(" ± ")[0] for cell in row.split("| ")[2:]]
    assert cells == ["66.7", "100.0", "50.0", "100.0", "0.0"]
    assert "London" not in image_report.outside_table(second).splitlines()[2]


def test_the_settings_that_were_chosen():
    tried = pd.DataFrame(
        [
            {"method": m, "fraction": f, "accuracy": a} | Settings(steps)._asdict()
            for m, f, steps, a in (
                ("CL-MEx", 0.2, 250, 0.5),
                ("CL-MEx", 0.2, 1000, 0.7),
                ("from scratch", 1.0, 4000, 0.9),
            )
        ]
    )
    lines = image_report.settings_table(tried).splitlines()
    assert lines[0] == "| fine-tuning | 100% | 20% |"
    assert lines[2] == "| from scratch | 4,000 steps, 0.003, mild |  |"
    assert lines[3] == "| CL-MEx |  | 1,000 steps, 0.003, mild |"


def searched(accuracy, method="from scratch"):
    return pd.DataFrame(
        [
            {"method": method, "fraction": 0.2, "accuracy": found} | settings._asdict()
            for settings, found in walk(accuracy)
        ]
    )


def test_what_the_search_left_untried_is_told():
    ended = searched(lambda s: 0.5 + 0.02 * np.log2(min(s.steps, 1000) / 250))
    assert image_report.unfinished(ended) == ""
    for number in range(1, len(ended)):  # stopped anywhere, it says where it would go on
        stopped, left = ended[:number], ended.iloc[number]
        next_one = f"{left['steps']:,} steps, {left['learning_rate']:g}, {left['augment']}"
        said = image_report.unfinished(stopped)
        assert said.endswith(f"from scratch with 20% of the labels ({next_one}).")
    rising = searched(lambda s: 0.02 * np.log2(s.steps), method="SimCLR")
    said = image_report.unfinished(pd.concat([ended, rising]))
    assert f"than {LONGEST:,} steps" in said
    assert said.endswith("for: SimCLR with 20% of the labels.")
