"""Sentences of five to nine words: a neutral carrier with one word that may carry an emotion."""

from __future__ import annotations

import numpy as np

# What someone feels, and what a thing is like: 14 words an emotion, so that each is heard a few
# times in the training split and many not at all in a tenth of it.
FEELINGS: dict[str, tuple[str, ...]] = {
    "afraid": ("afraid", "scared", "nervous", "anxious", "terrified", "worried", "uneasy"),
    "angry": ("angry", "furious", "annoyed", "irritated", "outraged", "livid", "cross"),
    "disgusted": (
        *("disgusted", "queasy", "sickened", "revolted", "appalled", "nauseous", "repelled"),
    ),
    "happy": ("happy", "delighted", "cheerful", "joyful", "thrilled", "glad", "overjoyed"),
    "neutral": ("ready", "present", "awake", "busy", "nearby", "prepared", "seated"),
    "sad": ("sad", "tearful", "heartbroken", "miserable", "unhappy", "downcast", "homesick"),
    "surprised": (
        *("surprised", "astonished", "amazed", "stunned", "speechless", "baffled", "startled"),
    ),
}
QUALITIES: dict[str, tuple[str, ...]] = {
    "afraid": ("scary", "terrifying", "eerie", "creepy", "spooky", "menacing", "frightening"),
    "angry": (
        *("outrageous", "infuriating", "unfair", "maddening", "annoying", "insulting"),
        "aggravating",
    ),
    "disgusted": ("rotten", "slimy", "filthy", "mouldy", "stinking", "foul", "revolting"),
    "happy": ("wonderful", "lovely", "delightful", "fantastic", "charming", "joyous", "splendid"),
    "neutral": ("ordinary", "regular", "typical", "plain", "standard", "average", "normal"),
    "sad": ("tragic", "gloomy", "dreary", "hopeless", "heartbreaking", "lonely", "sorrowful"),
    "surprised": (
        *("unexpected", "sudden", "astonishing", "incredible", "amazing", "unbelievable"),
        "startling",
    ),
}

_WHO = ("I was", "we were", "they were", "she was", "Anna was")
_LOOKING = ("you look", "he looked", "she looked", "they looked", "Tom looked")
_SAW = ("we saw", "I saw", "they sold", "she had", "he had")
_NOUNS = (
    *("letter", "coat", "table", "picture", "parcel", "book", "box", "lamp", "carpet", "bridge"),
)
_EVENTS = ("the bus came", "the train left", "the phone rang", "the mail came", "the rain began")
_OCCASIONS = ("lunch", "school", "the meeting", "the walk", "the game", "the trip")
_TIMES = ("today", "on Monday", "last night", "at noon")
_PLACES = ("in the hall", "at school", "by the door", "at home")


def sentence(rng: np.random.Generator, emotion: str) -> str:
    """A sentence with a word of `emotion`; every emotion has the same carriers.

    Raises:
        ValueError: there are no words for this emotion.
    """
    if emotion not in FEELINGS:
        raise ValueError(f"no words for {emotion!r}: there are some for {', '.join(FEELINGS)}")

    def one(choices: tuple[str, ...]) -> str:
        return choices[rng.integers(len(choices))]

    # No article before the word: a or an would tell the emotion.
    form = rng.integers(5)
    if form == 0:
        text = f"{one(_WHO)} {one(FEELINGS[emotion])} when {one(_EVENTS)}"
    elif form == 1:
        text = f"{one(_LOOKING)} {one(FEELINGS[emotion])} after {one(_OCCASIONS)}"
    elif form == 2:
        text = f"{one(_SAW)} that {one(QUALITIES[emotion])} {one(_NOUNS)} {one(_TIMES)}"
    elif form == 3:
        text = f"{one(_SAW)} the {one(QUALITIES[emotion])} {one(_NOUNS)} {one(_PLACES)}"
    else:
        text = f"the {one(_NOUNS)} {one(_PLACES)} was {one(QUALITIES[emotion])}"
    return text[0].upper() + text[1:] + "."
