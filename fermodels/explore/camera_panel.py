"""The camera lab as the browser draws it.

Images and what comes of them are messages, never traits: a notebook keeps the traits of its widgets
when it is saved, and no face may be among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from fermodels.explore.parts import Part, read_static, script

_MOST_BYTES = 4_000_000  # of a frame: what a browser sends is 50 kB


class CameraPanel(Part):
    """Events: "ready" when a browser shows it; "frame" with `number` and `picture`, the bytes of an
    image (none asks for the film's next frame, `restart` for its first); "started", "stopped";
    "turn", "enough", "cancel", "discard"; "save" with `expression` and `consent`; "forget".

    Messages to the browser: "seen", an answer to each frame (see `camera_lab`); "turned" with the
    five views and the track; "own" with the person's own faces; "forgotten"; "said" with `text`.

    encoders: names. classes: dicts of `name` and `color`. dots: as in `LabPanel`.
    film: whether frames come from a file. rate: frames a second.
    expressions: names to choose from. consent: the text to agree to.
    """

    _esm = script(
        *("lab_dom", "lab_map", "lab_bars", "lab_columns", "lab_turn"),
        *("camera_stream", "camera_view", "camera_guide", "camera_record", "camera_page"),
    )
    _css = read_static("lab_page.css") + read_static("camera.css")
    encoders = traitlets.List(traitlets.Unicode()).tag(sync=True)
    classes = traitlets.List(traitlets.Dict()).tag(sync=True)
    dots = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(300).tag(sync=True)
    film = traitlets.Bool(False).tag(sync=True)
    rate = traitlets.Float(10.0).tag(sync=True)
    expressions = traitlets.List(traitlets.Unicode()).tag(sync=True)
    consent = traitlets.Unicode().tag(sync=True)
    angles = traitlets.List(traitlets.Float()).tag(sync=True)

    def tell(self, kind: str, pictures: Mapping[str, bytes] | None = None, **content: Any) -> None:
        """Send a message; `pictures` are images by name."""
        pictures = pictures or {}
        self.send(
            content | {"type": kind, "pictures": list(pictures)}, buffers=list(pictures.values())
        )

    def _received(self, _widget: Any, content: Any, buffers: Any) -> None:
        if isinstance(content, dict):
            content = {name: value for name, value in content.items() if name != "picture"}
            if buffers and len(bytes(buffers[0])) <= _MOST_BYTES:
                content["picture"] = bytes(buffers[0])
        super()._received(_widget, content, buffers)

    def __repr__(self) -> str:
        # What a page shows that has no widgets.
        return f"CameraLab({', '.join(self.encoders)})"
