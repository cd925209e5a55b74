"""The selected images: contact sheet, composition, and the way to a DataFrame."""

from __future__ import annotations

import html
import keyword
from collections.abc import Callable

import ipywidgets
import numpy as np

from fermodels.explore.composition import composition_html
from fermodels.explore.fields import Field
from fermodels.explore.parts import Sheet
from fermodels.explore.source import Source

_HINT = (
    "Click a point, or draw around points with the lasso button beside a map; “sel” in the legend "
    "selects a whole colour."
)


class SelectionPanel:
    """Contact sheet in pages of `page_size` images; only those of the page are sent.

    `on_pick(row)` is called when an image is clicked; `frame()` gives the DataFrame.
    """

    def __init__(
        self,
        source: Source,
        page_size: int,
        on_pick: Callable[[int], None],
        frame: Callable,
        in_notebook: bool,
    ) -> None:
        self._source, self._page_size, self._frame = source, page_size, frame
        self._on_pick = on_pick
        self._rows, self._page = np.zeros(0, dtype=np.int64), 0
        self.sheet = Sheet(on_event=self._event)
        self.back = ipywidgets.Button(
            description="◀ previous", tooltip="Previous page of the contact sheet"
        )
        self.forward = ipywidgets.Button(
            description="next ▶", tooltip="Next page of the contact sheet"
        )
        self.where = ipywidgets.Label()
        self.bars = ipywidgets.HTML().add_class("fm-composition")
        self.name = ipywidgets.Text(
            value="selected",
            description="Name:",
            tooltip="Name of the variable that the DataFrame gets",
            layout={"width": "170px"},
            style={"description_width": "auto"},
        )
        self.button = ipywidgets.Button(
            description="Selection as DataFrame",
            tooltip="Put the selected rows into a variable of this notebook",
            layout={"width": "auto"},
        ).add_class("fm-frame")
        self.said = ipywidgets.HTML().add_class("fm-status")
        self.back.on_click(lambda _: self._turn(-1))
        self.forward.on_click(lambda _: self._turn(1))
        self.button.on_click(lambda _: self._assign())
        self._pager = ipywidgets.HBox([self.back, self.where, self.forward])
        to_notebook = ipywidgets.HBox([self.button, self.name])
        left = ipywidgets.VBox(
            [self.sheet, self._pager, *([to_notebook] if in_notebook else []), self.said],
            layout={"flex": "1 1 420px", "min_width": "0"},
        )
        right = ipywidgets.VBox([self.bars], layout={"flex": "0 0 300px"})
        self.widget = ipywidgets.HBox([left, right], layout={"grid_gap": "12px"})
        self.widget.layout.flex_flow = "row wrap"

    def show(
        self,
        rows: np.ndarray,
        field: Field,
        fields: list[Field],
        chosen: int | None,
        among: np.ndarray,
    ) -> None:
        """Show `rows`, bordered in the colours of `field`, counted by each of `fields`, and beside
        what the rows `among`, bool (N,), consist of."""
        if not np.array_equal(rows, self._rows):
            self._rows, self._page = rows, 0
            self.said.value = ""
        self._field, self._chosen, self._most = field, chosen, int(among.sum())
        bars = (composition_html(f, rows, among) for f in fields)
        self.bars.value = "".join(bars) if len(rows) else ""
        self.button.disabled = len(rows) == 0
        self._draw()

    def _draw(self) -> None:
        first = self._page * self._page_size
        rows = self._rows[first : first + self._page_size]
        tiles = [
            self._source.tile(row, self._field.color_of(row), chosen=row == self._chosen)
            for row in rows.tolist()
        ]
        images = [self._source.images.jpeg(row) for row in rows.tolist()]
        self.sheet.title = f"Selection: {len(self._rows):,} of {self._most:,}"
        self.sheet.empty = "" if len(rows) else _HINT
        self.sheet.content = {"tiles": tiles, "pictures": images}
        pages = -(-len(self._rows) // self._page_size)
        self._pager.layout.display = "flex" if pages > 1 else "none"
        self.where.value = f"{first + 1:,} to {first + len(rows):,}"
        self.back.disabled, self.forward.disabled = self._page == 0, self._page >= pages - 1

    def _turn(self, by: int) -> None:
        self._page += by
        self._draw()

    def _event(self, kind: str, content: dict) -> None:
        if kind == "pick":
            self._on_pick(int(content["row"]))

    def _assign(self) -> None:
        name = self.name.value.strip()
        if not name.isidentifier() or keyword.iskeyword(name):
            self.said.value = f"“{html.escape(name)}” is not a name for a variable"
            return
        self.said.value = assign(name, self._frame())


def assign(name: str, frame) -> str:
    """Give the notebook's variable `name` the value `frame`; says what was done, as HTML."""
    from IPython import get_ipython

    shell = get_ipython()
    how = "in Python: <code>explorer.frame</code>"
    if shell is None:
        return f"There is no notebook to put it into; {how}"
    shell.push({name: frame})
    return f"<code>{html.escape(name)}</code> now holds these {len(frame):,} rows; {how}"
