"""The parts of the explorer that are drawn by a few lines of JavaScript each.

They put text from the data into the page as text (`textContent`), never as HTML.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

_STATIC = Path(__file__).parent / "static"


def read_static(name: str) -> str:
    """A script or a style sheet of `static/`, as text: with a path, anywidget would watch the
    file, and keep every widget alive for that."""
    return (_STATIC / name).read_text(encoding="utf-8")


def script(*names: str) -> str:
    """One script of several files of `static/`, the last with `export default`; `dom.js` first."""
    return "\n".join(read_static(f"{name}.js") for name in ("dom", *names))


class Part(anywidget.AnyWidget):
    """A widget that reports what was done in it: `on_event(kind, content)`, until it is closed."""

    _css = read_static("explorer.css")

    def __init__(self, on_event: Callable[[str, dict], None] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._on_event = on_event
        if on_event is not None:
            self.on_msg(self._received)

    def _received(self, _widget, content: dict, _buffers) -> None:
        if self._on_event is not None and isinstance(content, dict):
            self._on_event(str(content.get("type")), content)

    def close(self) -> None:
        self.on_msg(self._received, remove=True)
        self._on_event = None
        self.unobserve_all()
        super().close()


class Header(Part):
    """Above a map: the encoder's name and its numbers. It has the keyboard's focus for the map.

    Events: "shown" when a browser shows it, "no-webgl" where maps cannot be drawn, "drawn" with
    `number` in answer to `announce`, "key" with `key` = an arrow or "Enter".
    """

    _esm = script("header")
    title = traitlets.Unicode().tag(sync=True)
    numbers = traitlets.List(traitlets.Dict()).tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    change = traitlets.Dict().tag(sync=True)

    def announce(self, number: int, milliseconds: int) -> None:
        """The map has got a change that takes so long; "drawn" answers when it has been drawn."""
        self.change = {"number": number, "milliseconds": milliseconds}


class Legend(Part):
    """Categories with their colours and counts: shown or hidden, and a way to select each.

    Events: "show" with `index` and `shown`, "only" and "select" with `index`, "all".
    """

    _esm = script("legend")
    title = traitlets.Unicode().tag(sync=True)
    entries = traitlets.List(traitlets.Dict()).tag(sync=True)


class Sheet(Part):
    """Images side by side, each a button. Events: "pick" with `row`.

    tiles: dicts of `row`, `caption`, `note`, `color`; pictures: JPEG bytes, b"" for none.
    """

    _esm = script("sheet")
    title = traitlets.Unicode().tag(sync=True)
    empty = traitlets.Unicode().tag(sync=True)
    # One trait, so that tiles never meet the images of others.
    content = traitlets.Dict({"tiles": [], "pictures": []}).tag(sync=True)


class Hover(Part):
    """The card beside the mouse: `content` has `row`, `lines` of text, `color`, `picture`."""

    _esm = script("hover")
    content = traitlets.Dict({}).tag(sync=True)


class Wheel(Part):
    """Ends zooming by the wheel where nothing is left to see.

    zoom: log2 of the maps' scale, which they report in the browser.
    """

    _esm = script("wheel")
    zoom = traitlets.Float(0.0).tag(sync=True)
