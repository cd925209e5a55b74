"""One vocabulary of expressions for all data sets; the original stays in `original_label`."""

from __future__ import annotations

from fermodels.data import EXPRESSIONS
from fermodels.data.names import name_key

CALM = "calm"  # RAVDESS has it beside neutral; no other data set does
CONTEMPT = "contemptuous"  # of MEAD, RaFD and FER+
NAMES = (*EXPRESSIONS, CALM, CONTEMPT)

_WORDS = {
    "afraid": ("fear", "fearful", "scared", "frightened"),
    "angry": ("anger", "mad"),
    "content": ("contented", "contentment"),
    "disgusted": ("disgust",),
    "happy": ("happiness", "joy", "joyful", "joyous"),
    "neutral": (),
    "sad": ("sadness", "unhappy"),
    "surprised": ("surprise",),
    CALM: (),
    CONTEMPT: ("contempt",),
}
_COMMON = {word: name for name, words in _WORDS.items() for word in (name, *words)}

# Codes that mean something in one data set only.
CODES = {
    "crema-d": {
        **dict.fromkeys(("ang", "a"), "angry"),
        **dict.fromkeys(("dis", "d"), "disgusted"),
        **dict.fromkeys(("fea", "f"), "afraid"),
        **dict.fromkeys(("hap", "h"), "happy"),
        **dict.fromkeys(("neu", "n"), "neutral"),
        **dict.fromkeys(("sad", "s"), "sad"),
    },
    "kdef": {
        "af": "afraid",
        "an": "angry",
        "di": "disgusted",
        "ha": "happy",
        "ne": "neutral",
        "sa": "sad",
        "su": "surprised",
    },
    "manyfaces": {
        "ang": "angry",
        "dis": "disgusted",
        "fea": "afraid",
        "hap": "happy",
        "neu": "neutral",
        "sad": "sad",
        "sur": "surprised",
    },
    "multi-pie": {"smile": "happy"},
    "raf-db": {
        "1": "surprised",
        "2": "afraid",
        "3": "disgusted",
        "4": "happy",
        "5": "sad",
        "6": "angry",
        "7": "neutral",
    },
    "ravdess": {
        "01": "neutral",
        "02": CALM,
        "03": "happy",
        "04": "sad",
        "05": "angry",
        "06": "afraid",
        "07": "disgusted",
        "08": "surprised",
    },
}


def expression(original: str, dataset: str = "") -> str:
    """The common name of an expression as a data set calls it, however it spells it (`name_key`).

    Raises:
        ValueError: it is not known; the message names those that are.
    """
    word = name_key(original)
    codes = CODES.get(dataset, {})
    name = codes.get(word) or _COMMON.get(word)
    if name is None:
        of = f" (and, for {dataset}, {', '.join(codes)})" if codes else ""
        raise ValueError(f"unknown expression {original!r}; known are {', '.join(_COMMON)}{of}")
    return name
