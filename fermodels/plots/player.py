"""A clip to watch and hear in a notebook."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fermodels.data import PreparedClips


class ClipPlayer:
    """What :func:`clip_player` returns; a notebook shows it as a player.

    Args:
        markup: HTML.
        title: what its text is, where there is no HTML.
    """

    def __init__(self, markup: str, title: str) -> None:
        self._markup, self._title = markup, title

    def _repr_html_(self) -> str:
        return self._markup

    def __repr__(self) -> str:
        return f"<player of {self._title}>"


def clip_player(clips: PreparedClips, row: int) -> ClipPlayer:
    """One clip to watch and hear in a notebook, with its words as the caption.

    Args:
        clips: the prepared clips.
        row: which of them.

    Returns:
        A player that holds the clip itself, so that it works wherever the notebook goes.

    Raises:
        PreparedError: the video or the sound is broken; names row, clip and column.
    """
    title = f"clip {clips.table['clip'].iloc[row]!r}"
    parts = []
    playable = clips.webm(row)
    if playable is not None:
        seen = clips.present["video"][row]
        tag, size = ("video", ' style="width: 320px; max-width: 100%"') if seen else ("audio", "")
        data = base64.b64encode(playable).decode()
        parts.append(
            f'<{tag} controls{size} aria-label="{html.escape(title)}" '
            f'src="data:{tag}/webm;base64,{data}"></{tag}>'
        )
    words = clips.transcript(row)
    if words is not None:
        parts.append(f"<figcaption>{html.escape(words)}</figcaption>")
    return ClipPlayer(f"<figure>{''.join(parts)}</figure>", title)
