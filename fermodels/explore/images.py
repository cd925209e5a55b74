"""The image, the words and the sound of a row, for as long as someone asks for them."""

from __future__ import annotations

import html
from collections import OrderedDict
from typing import Any

from fermodels.data import PreparedError, encode_image
from fermodels.plots import clip_player

_KEPT = 512
_TEXT_LIMIT = 300


class Images:
    """JPEG bytes of rows of a prepared data set: images, the middle frames of clips, or none.

    Args:
        prepared: PreparedImages, PreparedClips, or anything without images.

    Images are encoded when asked for; the last ones are kept.
    """

    def __init__(self, prepared: Any) -> None:
        self._images = getattr(prepared, "images", None)
        self._frames = getattr(prepared, "frames", None)
        self._clips = prepared if self._frames is not None else None
        self._transcript = getattr(prepared, "transcript", None)
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    @property
    def available(self) -> bool:
        return self._images is not None or self._frames is not None

    def jpeg(self, row: int) -> bytes:
        """The image of a row; empty where there is none, or none that can be read."""
        if row not in self._kept:
            pixels = self._pixels(row)
            self._kept[row] = b"" if pixels is None else encode_image(pixels, "JPEG", 88)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(row)
        return self._kept[row]

    def _pixels(self, row: int):
        try:
            if self._images is not None:
                return self._images([row])[0]  # (H, W, 3)
            found = self._frames(row) if self._frames is not None else None
        except PreparedError:
            return None
        return None if found is None else found[0][len(found[0]) // 2]  # (H, W, 3)

    def words(self, row: int) -> str:
        """What is said in a clip, shortened; empty where nothing is."""
        text = self._transcript(row) if self._transcript is not None else None
        if not text:
            return ""
        return text if len(text) <= _TEXT_LIMIT else f"{text[: _TEXT_LIMIT - 1]}…"

    def player(self, row: int) -> str:
        """HTML that plays a clip with its sound; empty for images."""
        if self._clips is None:
            return ""
        try:
            return clip_player(self._clips, row)._repr_html_()
        except PreparedError as error:
            return f"<p>{html.escape(str(error))}</p>"
