"""Faces in an image, each with its box and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fermodels.plots.style import UNLABELLED_COLOR

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

    Size = tuple[int, int]

_SMALLEST = 240  # pixels of the shorter side: smaller images are enlarged, or no text fits
_INK, _PAPER, _QUIET = "#222222", "#FFFFFF", "#555555"


class FaceNote(NamedTuple):
    """What is drawn of a face.

    Attributes:
        text: such as "happy 87 %".
        box: left, top, right and lower edge in pixels of the image, or None for a text alone.
        color: hexadecimal, of box and text.
    """

    text: str
    box: tuple[float, float, float, float] | None = None
    color: str = UNLABELLED_COLOR


def annotated(pixels: np.ndarray, notes: Sequence[FaceNote], caution: str = "") -> np.ndarray:
    """The image with boxes and texts, and below it, on paper of its own, a line for the reader.

    Images whose shorter side has fewer than 240 pixels are enlarged by a whole number.

    Args:
        pixels: uint8 (H, W, 3) RGB; stays as it is.
        notes: of the faces; the first is drawn on top of the others.
        caution: the line, broken where the image is narrower than it.

    Returns:
        uint8 (H', W', 3); H' and W' follow from H, W and the caution alone and are even, as films
        want them.
    """
    from PIL import Image, ImageDraw

    factor = math.ceil(_SMALLEST / min(pixels.shape[:2]))
    image = Image.fromarray(pixels)
    if factor > 1:
        image = image.resize(
            (image.width * factor, image.height * factor), Image.Resampling.LANCZOS
        )
    for note in reversed(notes):
        _draw(ImageDraw.Draw(image), note, factor, image.size)
    width, height = image.width + image.width % 2, image.height
    small = _font(max(11, round(min(width, height) / 42)))
    lines = _broken(caution, small, width - 2 * _margin(small)) if caution else []
    line = _line(small)
    strip = line * len(lines) + (2 * _margin(small) if lines else 0)
    whole = Image.new("RGB", (width, height + strip + (height + strip) % 2), _PAPER)
    whole.paste(image)
    draw = ImageDraw.Draw(whole)
    for number, text in enumerate(lines):
        place = (_margin(small), height + _margin(small) + number * line)
        draw.text(place, text, fill=_QUIET, font=small)
    return np.asarray(whole)


def _draw(draw: ImageDraw.ImageDraw, note: FaceNote, factor: int, size: Size) -> None:
    width, height = size
    font = _font(max(14, round(min(width, height) / 28)))
    stroke = max(3, round(min(width, height) / 180))
    left, top, bottom = 0.0, 0.0, 0.0
    if note.box is not None:
        left, top, right, bottom = (factor * edge for edge in note.box)
        rim = (left - 1, top - 1, right + 1, bottom + 1)
        draw.rectangle(rim, outline=_PAPER, width=stroke + 2)
        draw.rectangle((left, top, right, bottom), outline=note.color, width=stroke)
    pad = max(3, stroke)
    wide, high = round(font.getlength(note.text)) + 2 * pad, _line(font) + pad
    x = min(max(0, left), max(0, width - wide))
    # Above the box, or where the image ends there below it, or inside.
    y = top - high
    if y < 0:
        y = bottom if bottom + high <= height else max(0, top)
    draw.rectangle((x, y, x + wide, y + high), fill=note.color)
    ink = _PAPER if _dark(note.color) else _INK
    draw.text((x + pad, y + pad / 2), note.text, fill=ink, font=font)


def _broken(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The text in lines that fit, broken between words."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _line(font: ImageFont.FreeTypeFont) -> int:
    return sum(font.getmetrics())


def _margin(font: ImageFont.FreeTypeFont) -> int:
    return _line(font) // 2


def _dark(color: str) -> bool:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib as mpl
    from PIL import ImageFont

    # Of the figures, and there wherever Matplotlib is.
    return ImageFont.truetype(f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)
