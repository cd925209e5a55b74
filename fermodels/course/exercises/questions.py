"""Questions with choices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

# A message of fewer words tells nobody why.
FEWEST_WORDS = 3


class WrongChoice(ValueError):
    """A choice of the question that is not the right one; the message says why."""


@dataclass(frozen=True)
class Question:
    """A question, called with an answer as the check of an exercise is.

    Attributes:
        name: such as "02.a".
        right: the letter of the right choice.
        choices: letter → what to say to whoever chose it.
    """

    name: str
    right: str
    choices: Mapping[str, str]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d\d\.[a-z]", self.name):
            raise ValueError(f"a question is named like '02.a', not {self.name!r}")
        letters = list(self.choices)
        if len(letters) < 2 or letters != list(ascii_lowercase[: len(letters)]):
            raise ValueError(
                f"question {self.name}: the choices are a, b, …, not {', '.join(letters) or 'none'}"
            )
        if self.right not in self.choices:
            raise ValueError(f"question {self.name}: {self.right!r} is none of its choices")
        for letter, message in self.choices.items():
            if len(message.split()) < FEWEST_WORDS:
                raise ValueError(f"question {self.name}: say more to whoever chose {letter!r}")

    def __call__(self, answer: Any) -> None:
        """Nothing, if the answer is right.

        Raises:
            WrongChoice: another choice.
            ValueError: no choice at all.
        """
        letter = self.letter(answer)
        if letter != self.right:
            raise WrongChoice(self.choices[letter])

    def letter(self, answer: Any) -> str:
        """The choice that is meant: capitals, blanks and brackets do not matter.

        Raises:
            ValueError: it is no choice; the message names them.
        """
        letter = answer.strip().strip("().").strip().lower() if isinstance(answer, str) else None
        if letter not in self.choices:
            *most, last = (f'"{choice}"' for choice in self.choices)
            raise ValueError(f"answer {', '.join(most)} or {last}, in quotes, not {answer!r}.")
        return letter
