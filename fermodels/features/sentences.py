"""Augmentation of sentences."""

import torch

_DROP = 0.15


def vary_sentence(sentence: str, generator: torch.Generator) -> str:
    """Drop each word with probability 0.15, then swap two words; one word at least stays."""
    words = sentence.split()
    draw = torch.rand(len(words) + 2, dtype=torch.float64, generator=generator)
    kept = [word for word, chance in zip(words, draw[2:].tolist(), strict=True) if chance >= _DROP]
    if not kept:
        kept = [words[int(draw[2:].argmax())]] if words else []
    if len(kept) > 1:
        first = int(draw[0] * len(kept))
        second = (first + 1 + int(draw[1] * (len(kept) - 1))) % len(kept)
        kept[first], kept[second] = kept[second], kept[first]
    return " ".join(kept)
