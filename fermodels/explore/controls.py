"""The row of controls above the maps."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets

from fermodels.explore.data_sets import ALL
from fermodels.explore.lines import MODES

MAP_NAMES = {"pca": "PCA", "umap": "UMAP", "given": "coordinates given"}
_LINE_NAMES = {
    "none": "none",
    "one": "the one pointed at",
    "selected": "the selected",
    "all": "all",
}


class Controls:
    """What colours the points, which map, whose views are joined, how many neighbours; and which
    data set is shown, where there are several.

    `color`, `map`, `lines`, `k`, `data_set` are widgets with a `value`, `clear` is a button,
    `widget` holds all of them; `status` is a line of text below the maps.
    """

    def __init__(
        self,
        fields: Iterable[str],
        maps: Iterable[str],
        *,
        color_by: str,
        map: str,
        lines: str,
        k: int,
        most_k: int,
        has_instances: bool,
        data_sets: tuple[str, ...],
    ) -> None:
        names = {name: name.replace("_", " ") for name in fields}
        self.color = _dropdown(
            names, color_by, "Colour by:", "What the colours of the points mean", "210px", "color"
        )
        self.map = _dropdown(
            {name: MAP_NAMES[name] for name in maps},
            map,
            "Map:",
            "How the embeddings are laid out on the plane",
            "170px",
            "map-kind",
        )
        self.lines = _dropdown(
            {name: _LINE_NAMES[name] for name in MODES},
            lines,
            "Join views of:",
            "Instances whose views are joined by a line",
            "250px",
            "lines",
        )
        self.lines.disabled = not has_instances
        self.k = ipywidgets.BoundedIntText(
            value=k,
            min=1,
            max=most_k,
            description="Neighbours:",
            tooltip="How many nearest neighbours to show",
            layout={"width": "150px"},
            style={"description_width": "auto"},
        ).add_class("fm-k")
        self.data_set = _dropdown(
            {name: name for name in (*data_sets, ALL)},
            data_sets[0],
            "Show:",
            "Whose points are on the maps",
            "220px",
            "data-set",
        )
        if len(data_sets) == 1:
            self.data_set.layout.display = "none"
        self.clear = ipywidgets.Button(
            description="Clear selection",
            tooltip="Select nothing, choose nothing",
            layout={"width": "auto"},
        ).add_class("fm-clear")
        self.widget = ipywidgets.HBox(
            [self.data_set, self.color, self.map, self.lines, self.k, self.clear],
            layout={"flex_flow": "row wrap"},
        )
        self.status = ipywidgets.HTML().add_class("fm-status")
        self._said: dict[str, str] = {}

    def say(self, about: str, text: str) -> None:
        """Show a sentence in the status line, until another one about the same replaces it."""
        self._said[about] = text
        self.status.value = html.escape(" · ".join(said for said in self._said.values() if said))


def _dropdown(
    names: Mapping[str, str], value: str, description: str, tooltip: str, width: str, hook: str
) -> Any:
    return ipywidgets.Dropdown(
        options=[(text, name) for name, text in names.items()],
        value=value,
        description=description,
        tooltip=tooltip,
        layout={"width": width},
        style={"description_width": "auto"},
    ).add_class(f"fm-{hook}")
