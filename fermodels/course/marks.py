"""How the notebooks mark what is optional, and name exercises, questions and tasks."""

from __future__ import annotations

import re

# The bold start of an exercise, a question or a task that changes something: "**02.4 (optional)**",
# "**Say before you run it (02.a).**"
ITEM = re.compile(r"\*\*(?P<text>[^*]*?\b(?P<name>\d\d\.(?:\d+|[a-z]))\b[^*]*)\*\*")

_MINUTES = r"(?:about |~)?\d+\s*min(?:utes)?\.?"
_EXTRA = rf"(?:{_MINUTES}|(?:\d+ more )?optional)"
# What stands behind a heading: "(6 min, optional)"
NOTE = re.compile(
    rf"(?:\s*(?:·\s*{_EXTRA}|\({_EXTRA}(?:\s*[,·;]\s*{_EXTRA})*\)))*\s*$", re.IGNORECASE
)


def is_optional(heading: str) -> bool:
    """Whether a section is marked as one to leave out, as in "5 · Folds (6 min, optional)"."""
    return bool(re.search(r"(?<!more )optional", NOTE.search(heading)[0], flags=re.IGNORECASE))


def optional_item(line: str) -> str | None:
    """The name of the exercise or question that a line of Markdown calls optional."""
    item = ITEM.match(line)
    return item["name"] if item and "optional" in item["text"].lower() else None
