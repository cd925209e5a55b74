"""The chosen image and its nearest neighbours, as each encoder sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets
import numpy as np

from fermodels.explore.fields import Field
from fermodels.explore.neighbours import Space, neighbour_frame, shared_counts
from fermodels.explore.parts import Sheet
from fermodels.explore.source import Source

_HINT = "Click a point or an image to see what lies near it in the full space."


class NeighbourPanel:
    """The chosen row (a clip plays its sound here) and a strip of neighbours per encoder."""

    def __init__(
        self, source: Source, spaces: Mapping[str, Space], on_pick: Callable[[int], None]
    ) -> None:
        self._source, self._spaces, self._on_pick = source, spaces, on_pick
        self.chosen = Sheet(on_event=self._event, title="Chosen", empty=_HINT)
        self.chosen.add_class("fm-chosen-image")
        self.player = ipywidgets.HTML().add_class("fm-player")
        self.strips = {
            name: Sheet(on_event=self._event, title="").add_class("fm-neighbours")
            for name in spaces
        }
        left = ipywidgets.VBox([self.chosen, self.player], layout={"flex": "0 0 170px"})
        right = ipywidgets.VBox(
            list(self.strips.values()), layout={"flex": "1 1 420px", "min_width": "0"}
        )
        self.widget = ipywidgets.HBox([left, right], layout={"grid_gap": "12px"})
        self.widget.layout.flex_flow = "row wrap"

    def show(self, row: int | None, k: int, field: Field, among: np.ndarray | None = None) -> None:
        """`among`, bool (N,): the rows that may be found; default: all."""
        if row is None:
            self.player.value = ""
            for sheet in (self.chosen, *self.strips.values()):
                sheet.content = {"tiles": [], "pictures": []}
            for sheet in self.strips.values():
                sheet.title = ""
            self.chosen.title = "Chosen"
            return
        source = self._source
        self.chosen.title = f"Chosen: {source.caption(row)}"
        self.chosen.content = {
            "tiles": [source.tile(row, field.color_of(row))],
            "pictures": [source.images.jpeg(row)],
        }
        self.player.value = source.images.player(row)
        for name, sheet in self.strips.items():
            frame = neighbour_frame(self._spaces[name], source.table, row, k, among)
            counts = ", ".join(f"{n} the same {what}" for what, n in shared_counts(frame).items())
            heading = f"{name}: the {len(frame)} nearest in the full space"
            sheet.title = f"{heading}; {counts}" if counts else heading
            near = zip(frame.index.tolist(), frame["distance"].tolist(), strict=True)
            sheet.content = {
                "tiles": [source.tile(r, field.color_of(r), note=f"{d:.3f}") for r, d in near],
                "pictures": [source.images.jpeg(r) for r in frame.index.tolist()],
            }

    def _event(self, kind: str, content: dict) -> None:
        if kind == "pick":
            self._on_pick(int(content["row"]))
