"""What the image study found, as tables and words for the README and the cards.

Reads what `studies.image_study` and `studies.search` wrote; nothing is typed in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fermodels import evaluation
from fermodels.evaluation.scores import balanced_accuracy
from studies.image_study import HOG, INSIDE, PROBE
from studies.outside import ANGLES, NEAR
from studies.people import (
    Difference,
    difference_over_people,
    error_over_people,
    in_words,
    interval,
)
from studies.search import LONGEST, Settings, asked_next, chosen
from studies.study_methods import METHODS

SCRATCH, OURS, SHIPPED = "from scratch", "CL-MEx", "CL-MEx, shipped"
PAIRS = (
    *((ours, theirs) for ours in (OURS, SHIPPED) for theirs in (SCRATCH, "SimCLR", HOG)),
    *((SHIPPED + PROBE, theirs) for theirs in (SCRATCH, HOG)),
    *((OURS + PROBE, theirs) for theirs in (SCRATCH, "SimCLR" + PROBE, HOG)),
)
TARGETS = (0.2, 1.0)  # shares of the labels that the words are about


def accuracies(answers: pd.DataFrame) -> pd.DataFrame:
    """Accuracy 0…1 on test people, all and by view: a row per method, fraction and draw."""
    rows, inside = [], answers[answers["faces"] == INSIDE]
    for (method, fraction, draw), part in inside.groupby(
        ["method", "fraction", "draw"], sort=False
    ):
        by_view = evaluation.per_view_accuracy(
            part["shown"].to_numpy(), part["predicted"].to_numpy(), part["view"].to_numpy()
        )
        rows.append({"method": method, "fraction": fraction, "draw": draw, **by_view})
    return pd.DataFrame(rows)


def hits(answers: pd.DataFrame, fraction: float, profiles: bool = False) -> pd.DataFrame:
    """How often each test image was read right, in % over draws: a row an image, a column a method.

    Args:
        profiles: the images of the outermost cameras only.
    """
    part = answers[(answers["faces"] == INSIDE) & np.isclose(answers["fraction"], fraction)]
    if profiles:
        part = part[part["view"].isin(evaluation.PROFILE_VIEWS)]
    part = part.assign(right=100.0 * (part["predicted"] == part["shown"]))
    return part.pivot_table("right", ["subject", "index"], "method", aggfunc="mean")


def gain(
    answers: pd.DataFrame, ours: str, theirs: str, fraction: float, profiles: bool = False
) -> Difference:
    """A method minus another in points of accuracy on the same test images, over people."""
    share = hits(answers, fraction, profiles)
    people = share.index.get_level_values("subject").to_numpy()
    return difference_over_people(share[ours], share[theirs], people)


def gain_by_person(
    answers: pd.DataFrame, ours: str, theirs: str, fraction: float, profiles: bool = False
) -> pd.Series:
    """The same for every test person alone, by subject."""
    share = hits(answers, fraction, profiles).groupby("subject").mean()
    return share[ours] - share[theirs]


def comparable(answers: pd.DataFrame, ours: str, theirs: str) -> set[float]:
    """Shares of the labels with which both methods were asked."""
    shares = (set(answers.loc[answers["method"] == name, "fraction"]) for name in (ours, theirs))
    return set.intersection(*shares)


def order(methods) -> list[str]:
    """As the tables have them: fine-tuned, then probes."""
    known = [*METHODS, HOG, *(name + PROBE for name in METHODS)]
    return [name for name in known if name in set(methods)]


def title(method: str) -> str:
    probe = method.endswith(PROBE)
    name = method.removesuffix(PROBE)
    if name == "HOG":
        return "HOG, logistic regression"
    return f"{name}, linear probe" if probe else name if name == SCRATCH else f"{name}, fine-tuned"


def profile_angle(answers: pd.DataFrame) -> str:
    """Where the outermost cameras of the test people stand."""
    return f"±{answers.loc[answers['faces'] == INSIDE, 'yaw'].abs().max():g}°"


def accuracy_table(answers: pd.DataFrame, people: Mapping[str, int]) -> str:
    """All methods against all shares of the labels, all views / profiles.

    Args:
        people: numbers of subjects by part of the split.
    """
    runs = accuracies(answers)
    classes = answers.loc[answers["faces"] == INSIDE, "shown"].nunique()
    fractions = sorted(runs["fraction"].unique(), reverse=True)
    draws = runs.groupby("fraction")["draw"].nunique()
    grouped = 100 * runs.set_index(["method", "fraction"])[["all", "profiles"]]
    mean, spread = (
        getattr(grouped.groupby(["method", "fraction"]), how)() for how in ("mean", "std")
    )
    labelled = {f: evaluation.subjects_in_fraction(f, people["train"]) for f in fractions}
    lines = [
        f"Accuracy in % on {people['test']} people whom no training saw, all views / "
        f"{profile_angle(answers)} (mean ± standard deviation over {draws[fractions[-1]]} draws of "
        f"the labelled people, with all labels over {draws[fractions[0]]} seeds; guessing: "
        f"{100 / classes:.1f}):",
        "",
        "| labels | " + " | ".join(f"{f:.0%}, {labelled[f]} people" for f in fractions) + " |",
        "|---|" + "---|" * len(fractions),
    ]
    for method in order(runs["method"]):
        cells = []
        for fraction in fractions:
            key = (method, fraction)
            cells.append(
                " / ".join(
                    plus_minus(mean.loc[key, c], spread.loc[key, c]) for c in ("all", "profiles")
                )
                if key in mean.index
                else ""
            )
        lines.append(f"| {title(method)} | " + " | ".join(cells) + " |")
    there = set(runs["method"])
    only = [name for name in METHODS if name + PROBE in there and name not in there]
    if only:
        lines += ["", f"Of {', '.join(only)} there is the probe alone, no fine-tuning yet."]
    return "\n".join(lines)


def plus_minus(mean: float, spread: float) -> str:
    return f"{mean:.1f}" + ("" if np.isnan(spread) else f" ± {spread:.1f}")


def difference_table(answers: pd.DataFrame) -> str:
    """What pre-training gains over the rivals, with intervals over people."""
    fractions, angle = sorted(answers["fraction"].unique(), reverse=True), profile_angle(answers)
    lines = [
        "CL-MEx minus the others, in points of accuracy on the same images, all views "
        f"and {angle}, with the 95 % interval of a paired bootstrap over the test people, widened "
        "as few people ask for (what other people could change; draws and pre-trainings are "
        "averaged first); what is clear of zero is in bold:",
        "",
        "| | " + " | ".join(f"{f:.0%} of the labels" for f in fractions) + " |",
        "|---|" + "---|" * len(fractions),
    ]
    for ours, theirs in PAIRS:
        both = comparable(answers, ours, theirs)
        for profiles in (False, True) if both else ():
            cells = [
                interval(gain(answers, ours, theirs, fraction, profiles))
                if fraction in both
                else ""
                for fraction in fractions
            ]
            name = f"{title(ours)} − {title(theirs)}, {angle if profiles else 'all views'}"
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def headline(answers: pd.DataFrame) -> str:
    """Against training from scratch, with few and with all labels."""
    lines = ["In short, against training from scratch:", ""]
    for ours in (OURS, SHIPPED):
        for fraction in (f for f in TARGETS if f in comparable(answers, ours, SCRATCH)):
            everywhere, profiles = (
                gain(answers, ours, SCRATCH, fraction, where) for where in (False, True)
            )
            lines.append(
                f"- {ours} is with {fraction:.0%} of the labels {in_words(everywhere)} over all "
                f"views, {interval(everywhere, bold=False)} points, and {in_words(profiles)} at "
                f"{profile_angle(answers)}, {interval(profiles, bold=False)}."
            )
    return "\n".join(lines)


def outside_table(answers: pd.DataFrame) -> str:
    """Trained with all labels of our own faces, and asked about faces of another make."""
    columns = {
        "second faces": ("second_faces", "predicted", None),
        **{f"second faces, {angle}°": ("second_faces", "predicted", angle) for angle in ANGLES},
        "London, of 2": ("london", "predicted_of_shown", None),
        "London, of 7": ("london", "predicted", None),
    }
    there = set(answers["faces"])
    columns = {name: column for name, column in columns.items() if column[0] in there}
    answers = answers[answers["fraction"] == 1]
    lines = [
        "The same, with all labels, on faces of another make, which nothing was trained on "
        "(balanced accuracy in %, ± one standard error over people):",
        "",
        "| | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for method in order(answers["method"]):
        own = answers[answers["method"] == method]
        cells = []
        for faces, column, angle in columns.values():
            part = own[own["faces"] == faces]
            if angle is not None:
                part = part[(part["yaw"].abs() - angle).abs() <= NEAR]
            shown, read = part["shown"].astype(str), part[column].astype(str)
            error = error_over_people(shown, read, part["subject"])
            cells.append(f"{100 * balanced_accuracy(shown, read):.1f} ± {100 * error:.1f}")
        lines.append(f"| {title(method)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def settings_table(tried: pd.DataFrame) -> str:
    """What the search has chosen: steps, peak of the learning rate, augmentation."""
    fractions = sorted(tried["fraction"].unique(), reverse=True)
    lines = [
        "| fine-tuning | " + " | ".join(f"{f:.0%}" for f in fractions) + " |",
        "|---|" + "---|" * len(fractions),
    ]
    for method in order(tried["method"]):
        cells = []
        for fraction in fractions:
            own = tried[(tried["method"] == method) & np.isclose(tried["fraction"], fraction)]
            if len(own) == 0:
                cells.append("")
                continue
            cells.append(described(chosen(own)))
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def described(settings: Settings) -> str:
    return f"{settings.steps:,} steps, {settings.learning_rate:g}, {settings.augment}"


def unfinished(tried: pd.DataFrame) -> str:
    """Where the search is not at its end; "" if nowhere.

    By its own rule, which would try more, or since the longest that it allows still gained.
    """
    stopped, rising = [], []
    for (method, fraction), part in tried.groupby(["method", "fraction"], sort=False):
        cell = f"{method} with {fraction:.0%} of the labels"
        if left := asked_next(part):
            stopped.append(f"{cell} ({described(left)})")
        elif chosen(part).steps == LONGEST:
            rising.append(cell)
    sentences = []
    if stopped:
        sentences.append(
            "By its own rule the search is not at its end for (what it would try next in "
            f"brackets): {'; '.join(stopped)}."
        )
    if rising:
        sentences.append(
            f"Longer trainings than {LONGEST:,} steps were not tried, though the last doubling "
            f"still gained, for: {'; '.join(rising)}."
        )
    return " ".join(sentences)
