"""What can be chosen about a face in the face lab, by menus: how an expression is shown, what the
person looks like, and what surrounds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fermodels.faces import APPEARANCES, PROTOTYPES
from fermodels.faces.beards import BEARD_KINDS
from fermodels.faces.hair import HAIR_KINDS
from fermodels.faces.headwear import HEADWEAR_KINDS
from fermodels.faces.wear import GLASSES_SHAPES

OWN, NONE = "own", "none"  # as the person's number gives it; without any
OURS, SECOND = "Anny", "ICT FaceKit"  # the two makes of heads
SESSIONS = tuple("ABCDEFGH")


@dataclass(frozen=True)
class Choice:
    """A menu: `name` in Python, `label` for people, `group` under which it is found.

    Attributes:
        options: the first is the default.
        help: a sentence on each option.
        beside: the slider in whose row it stands, if any.
        ours_only: heads of another make do not have it.
    """

    name: str
    label: str
    group: str
    options: tuple[str, ...]
    help: tuple[str, ...] = ()
    beside: str = ""
    ours_only: bool = False

    @property
    def default(self) -> str:
        return self.options[0]


def variant_name(expression: str) -> str:
    """Of the menu that chooses how an expression is shown."""
    return f"{expression} variant"


def _units(expression: str) -> tuple[str, ...]:
    """The action units of each variant: "AU4, 7, 24; often 5, 17"."""
    said = []
    for variant in PROTOTYPES[expression]:
        always, often = (", ".join(map(str, sorted(u))) for u in (variant.units, variant.optional))
        said.append(f"AU{always}" + (f"; at times {often}" if often else ""))
    return tuple(said)


VARIANTS: dict[str, Choice] = {
    name: Choice(
        variant_name(name),
        f"{name}, variant",
        "expressions",
        options=tuple(str(number) for number in range(len(variants))),
        help=_units(name),
        beside=name,
    )
    for name, variants in PROTOTYPES.items()
    if len(variants) > 1
}
_LOOKS = (
    Choice("appearance", "setting", "looks", tuple(APPEARANCES)),
    Choice("session", "session", "looks", SESSIONS),
    Choice("hair", "hair", "looks", (OWN, *HAIR_KINDS), ours_only=True),
    Choice("beard", "beard", "looks", (OWN, NONE, *BEARD_KINDS), ours_only=True),
    Choice("glasses", "glasses", "looks", (OWN, NONE, *GLASSES_SHAPES), ours_only=True),
    Choice("headwear", "headwear", "looks", (OWN, NONE, *HEADWEAR_KINDS), ours_only=True),
    Choice("make", "head by", "looks", (OURS, SECOND)),
)
LOOKS: dict[str, Choice] = {choice.name: choice for choice in _LOOKS}
CHOICES: dict[str, Choice] = {choice.name: choice for choice in (*VARIANTS.values(), *_LOOKS)}
DEFAULT_CHOICES: dict[str, str] = {name: choice.default for name, choice in CHOICES.items()}


def check_looks(looks: Mapping[str, Any]) -> dict[str, str]:
    """The looks themselves; ValueError for an unknown menu or an option that it does not have."""
    for name, option in looks.items():
        if name not in LOOKS:
            raise ValueError(f"{name!r} is no menu of the looks; there are {', '.join(LOOKS)}")
        if option not in LOOKS[name].options:
            options = ", ".join(LOOKS[name].options)
            raise ValueError(f"{name} is {option!r}; choose one of {options}")
    return dict(looks)


def check_variants(variants: Mapping[str, Any]) -> dict[str, str]:
    """Expression → number of its variant, as settings; ValueError where there is none such."""
    checked = {}
    for expression, number in variants.items():
        if expression not in PROTOTYPES or expression == "neutral":
            names = ", ".join(name for name in PROTOTYPES if name != "neutral")
            raise ValueError(f"there is no expression {expression!r}; there are {names}")
        count = len(PROTOTYPES[expression])
        if isinstance(number, bool) or number not in range(count):
            raise ValueError(f"{expression} has the variants 0 to {count - 1}, not {number!r}")
        if expression in VARIANTS:
            checked[variant_name(expression)] = str(int(number))
    return checked


def clean_choices(settings: Any) -> dict[str, str]:
    """An option for every menu from whatever a browser or a file has sent; the default where it
    sent none that there is."""
    settings = settings if isinstance(settings, Mapping) else {}
    return {
        name: option
        if isinstance(option := settings.get(name), str) and option in choice.options
        else choice.default
        for name, choice in CHOICES.items()
    }


def variants_of(settings: Mapping[str, Any]) -> dict[str, int]:
    """Expression → number of its variant, of all that have several."""
    return {name: int(settings.get(choice.name, 0)) for name, choice in VARIANTS.items()}


def looks_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Menu of the looks → option."""
    return {name: settings.get(name, choice.default) for name, choice in LOOKS.items()}


def describe_looks(settings: Mapping[str, Any]) -> list[str]:
    """What has been chosen beside the person's own looks, in words."""
    make = settings.get("make", OURS)
    return [
        f"{choice.label} {option}".replace("_", " ")
        for name, choice in LOOKS.items()
        if (option := settings.get(name, choice.default)) != choice.default
        and not (choice.ours_only and make != OURS)
    ]
