"""A map of embeddings to put one's hands on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import ipywidgets
import numpy as np

from fermodels.evaluation import ViewInvarianceReport
from fermodels.explore import memory
from fermodels.explore.background import Background
from fermodels.explore.controls import MAP_NAMES, Controls
from fermodels.explore.data_sets import ALL, with_others
from fermodels.explore.invariance import Invariance, summary
from fermodels.explore.lines import MODES, MOST, InstanceLines
from fermodels.explore.maps import Layouts, ScatterMap
from fermodels.explore.naming import by_encoder, check_name
from fermodels.explore.neighbour_panel import NeighbourPanel
from fermodels.explore.neighbours import Space, check_embeddings, neighbour_frame
from fermodels.explore.parts import Header, Hover, Legend, Wheel
from fermodels.explore.selection_panel import SelectionPanel
from fermodels.explore.source import Source
from fermodels.explore.static_figure import static_figure
from fermodels.explore.walk import DIRECTIONS, step

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def _one_at_a_time(method: Callable) -> Callable:
    """JupyterLab may handle the messages of widgets and the cells of a notebook in two threads."""

    @wraps(method)
    def locked(self, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            return method(self, *args, **kwargs)

    return locked


class EmbeddingExplorer:
    """Maps of one or several encoders' embeddings of the same images or clips, side by side.

    Args:
        embeddings: (N, D), or a mapping from encoders' names to (N, D); D may differ.
        prepared: PreparedImages or PreparedClips with the N rows that were embedded
            (`prepared.subset(rows)`), or a DataFrame, which has no images.
        coords: positions (N, 2) on the map, or such by encoder, instead of PCA.
        map: "pca" (at once), "umap" (seconds to a minute) or "given".
        color_by: the column that colours the points at first. Default: the expression or emotion;
            where it is not there or the same for all, the view, the subject or another column that
            tells points apart.
        predictions: labels, (N,) names or indices, or such by encoder; see `Source`.
        split: row indices by name, as `prepared.split()` gives them.
        reports: `evaluate.view_invariance` reports by encoder, if they are at hand. Otherwise they
            are measured once a browser shows the explorer, without holding it up.
        lines: which instances' views are joined by a line: one of "none", "one", "selected", "all".
        k: how many neighbours to show.
        page_size: images on a page of the contact sheet.
        height: of the maps in pixels.
        remember: a file that keeps the settings and the selection between runs of a notebook.
        in_notebook: False hides the button that puts the selection into a variable.
        others: further data sets by name, each as (embeddings, prepared): embeddings (M, D) by
            encoder, as those above. Their points lie on the same maps; a menu shows one data set
            or all, and the column `set` tells them apart. PCA's axes stay those of `prepared`.
            Where given, coordinates go on with their rows, and predictions may.

    Show it as the last expression of a cell. Everything can be reached from Python: `selection`,
    `select`, `frame`, `chosen`, `choose`, `neighbours`, `color_by`, `hidden`, `lines`, `map`,
    `data_set`, `reports`, `figure`. `close()` frees the kernel of it.

    Raises:
        ValueError: shapes do not fit, a value is not finite, a name is unknown.
    """

    def __init__(
        self,
        embeddings: np.ndarray | Mapping[str, np.ndarray],
        prepared: Any,
        *,
        coords: np.ndarray | Mapping[str, np.ndarray] | None = None,
        map: str | None = None,
        color_by: str | None = None,
        predictions: Any = None,
        split: Mapping[str, Sequence[int]] | None = None,
        reports: Mapping[str, ViewInvarianceReport] | None = None,
        lines: str = "one",
        k: int = 10,
        page_size: int = 48,
        height: int = 380,
        remember: str | os.PathLike | None = None,
        in_notebook: bool = True,
        others: Mapping[str, tuple[np.ndarray | Mapping[str, np.ndarray], Any]] | None = None,
    ) -> None:
        self._lock = threading.RLock()
        if not isinstance(embeddings, Mapping):
            embeddings = {"embedding": embeddings}
        if not embeddings:
            raise ValueError("there are no embeddings to show")
        others = others or {}
        further = {str(name): other for name, (_, other) in others.items()}
        self._source = Source(prepared, predictions, split, further)
        count, own = len(self._source), self._source.own
        x = {str(name): check_embeddings(e, own, name) for name, e in embeddings.items()}
        if others:
            x = with_others(x, {str(name): part for name, part in others.items()})
        self._spaces = {name: Space(e) for name, e in x.items()}
        given = by_encoder("coordinates", coords, x, complete=True)
        self._layouts = {name: Layouts(e, given.get(name), own=own) for name, e in x.items()}
        self._in_set = self._source.sets.mask(self._source.sets.names[0])
        self._invariances = {self._source.sets.names[0]: self._invariance_of(self._in_set, reports)}
        self._instances = InstanceLines(self._source.table)
        self._background = Background()

        self._selection = np.zeros(0, dtype=np.int64)
        self._chosen: int | None = None
        self._hovered: int | None = None
        self._image: ipywidgets.Image | None = None
        self._hidden: dict[str, set[int]] = {}
        self._shown = self._in_set.copy()
        self._linking = self._visible = self._closed = False
        self._measuring: set[str] = set()
        self._remember = None

        map = map or next(iter(self._layouts.values())).names[0]
        state = {} if remember is None else memory.load(remember, count)
        self._build(map, color_by or self._source.fields.default, lines, k)
        self._fill(page_size, height, in_notebook)
        self._restore(state)
        self._remember = remember

    # ------------------------------------------------------------------------ construction

    def _build(self, map: str, color_by: str, lines: str, k: int) -> None:
        """The controls; an unknown name raises before anything is drawn."""
        fields = self._source.fields
        check_name("color_by", color_by, fields)
        check_name("lines", lines, MODES)
        for layouts in self._layouts.values():
            layouts[map]
        self._controls = Controls(
            fields,
            next(iter(self._layouts.values())).names,
            color_by=color_by,
            map=map,
            lines=lines,
            k=k,
            most_k=min(100, len(self._source) - 1),
            has_instances=self._instances.available,
            data_sets=self._source.sets.names,
        )

    def _invariance_of(self, rows: np.ndarray, reports=None) -> Invariance:
        """Of the rows of a mask (N,)."""
        if rows.all():
            x, table = {name: space.x for name, space in self._spaces.items()}, self._source.table
        else:
            x = {name: space.x[rows] for name, space in self._spaces.items()}
            table = self._source.table[rows].reset_index(drop=True)
        return Invariance(x, table, reports)

    @property
    def _invariance(self) -> Invariance:
        """Of the data set that is shown."""
        name = self.data_set
        if name not in self._invariances:
            self._invariances[name] = self._invariance_of(self._in_set)
        return self._invariances[name]

    def _fill(self, page_size: int, height: int, in_notebook: bool) -> None:
        sync = uuid4().hex
        self._headers, self.maps = {}, {}
        for name, layouts in self._layouts.items():
            self._headers[name] = Header(
                on_event=lambda kind, content, name=name: self._header_event(name, kind, content),
                title=name,
            )
            coords = layouts[self._controls.map.value]
            announce = self._headers[name].announce
            self.maps[name] = ScatterMap(coords, self._field, height, sync, announce)
        self._legend = Legend(on_event=self._legend_event)
        self._hover, self._wheel = Hover(), Wheel()
        self._links = [
            ipywidgets.jsdlink((plot.widget, "zoom_level"), (self._wheel, "zoom"))
            for plot in self.maps.values()
        ]
        self._selected = SelectionPanel(
            self._source, page_size, self.choose, lambda: self.frame, in_notebook
        )
        self._near = NeighbourPanel(self._source, self._spaces, self.choose)

        controls = self._controls
        columns = [
            ipywidgets.VBox([self._headers[name], self.maps[name].widget], layout={"flex": "1 1 0"})
            for name in self.maps
        ]
        plots = ipywidgets.HBox(columns, layout={"flex": "1 1 0"}).add_class("fm-maps")
        self.widget = ipywidgets.VBox(
            [
                controls.widget,
                ipywidgets.HBox([plots, self._legend]),
                controls.status,
                self._selected.widget,
                self._near.widget,
                self._hover,
                self._wheel,
            ]
        ).add_class("fm-explorer")

        controls.data_set.observe(self._set_changed, "value")
        controls.color.observe(self._color_changed, "value")
        controls.map.observe(self._map_changed, "value")
        controls.lines.observe(lambda _: self._changed("lines"), "value")
        controls.k.observe(lambda _: self._changed("neighbours"), "value")
        controls.clear.on_click(lambda _: self.clear())
        for plot in self.maps.values():
            plot.widget.observe(self._selected_on_map, "selection")
            plot.widget.observe(self._hovered_on_map, "hovering")
            plot.widget.observe(self._tool_changed, ["mouse_mode", "lasso_type"])
        self._draw_legend()
        self._draw_numbers()
        self._changed("lines", "selection", "neighbours")

    # ----------------------------------------------------------------------- from Python

    @property
    def selection(self) -> np.ndarray:
        """The selected rows, int64, ascending."""
        return self._selection.copy()

    @property
    def frame(self) -> pd.DataFrame:
        """The selected rows of the table; the index is their number."""
        frame = self._source.table.iloc[self._selection].copy()
        frame.index.name = "row"
        return frame

    @_one_at_a_time
    def select(self, rows: Sequence[int] | np.ndarray | None = None, **where: Any) -> np.ndarray:
        """Select rows (numbers or a mask), or all rows with the given values, or both at once.

        Without `rows` those of the data set that is shown.

        `select(expression="sad", view=["full_left", "full_right"])` selects the sad profiles.

        Returns:
            The selection, row numbers int64 (n,).

        Raises:
            IndexError: a row that is not there.
            ValueError: a column or a value that is not there.
        """
        count = len(self._source)
        rows = np.flatnonzero(self._in_set) if rows is None else np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool and len(rows) == count else rows
        if rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= count):
            raise IndexError(f"rows must be numbers from 0 to {count - 1} or a mask ({count},)")
        keep = np.ones(count, dtype=bool)
        for column, values in where.items():
            check_name("column", column, self._source.table)
            values = [values] if isinstance(values, str) or not np.iterable(values) else values
            keep &= self._source.table[column].isin(list(values)).to_numpy()
        rows = np.unique(rows.astype(np.int64))
        self._select(rows[keep[rows]])
        return self.selection

    @_one_at_a_time
    def clear(self) -> None:
        """Select nothing and choose nothing."""
        self._chosen = None
        self._select(np.zeros(0, dtype=np.int64), "lines", "neighbours")

    @property
    def chosen(self) -> int | None:
        """The row whose neighbours are shown."""
        return self._chosen

    @_one_at_a_time
    def choose(self, row: int | None) -> None:
        """Show the neighbours of a row and mark it on the maps."""
        if row is not None and not 0 <= row < len(self._source):
            raise IndexError(f"there is no row {row}; there are {len(self._source):,}")
        self._chosen = None if row is None else int(row)
        self._changed("lines", "selection", "neighbours")

    def neighbours(
        self, row: int | None = None, k: int | None = None, encoder: str | None = None
    ) -> pd.DataFrame:
        """The k nearest of a row (default: the chosen one) in an encoder's full space (default:
        the last one), as `neighbour_frame` gives them; among the rows of the data set shown."""
        row = self._chosen if row is None else row
        if row is None:
            raise ValueError("no row is chosen: pass one, or click a point")
        encoder = list(self._spaces)[-1] if encoder is None else encoder
        check_name("encoder", encoder, self._spaces)
        return neighbour_frame(
            self._spaces[encoder],
            self._source.table,
            row,
            k or self._controls.k.value,
            self._in_set,
        )

    @property
    def data_set(self) -> str:
        """Whose points are on the maps, by the name of a data set, or "all". Numbers, neighbours
        and shares are of these; set it to another one."""
        return self._controls.data_set.value

    @data_set.setter
    def data_set(self, name: str) -> None:
        check_name("data_set", name, (*self._source.sets.names, ALL))
        self._controls.data_set.value = name

    @property
    def color_by(self) -> str:
        """The column that colours the points; set it to another one."""
        return self._controls.color.value

    @color_by.setter
    def color_by(self, name: str) -> None:
        check_name("color_by", name, self._source.fields)
        self._controls.color.value = name

    @property
    def hidden(self) -> set[str]:
        """The categories of `color_by` that the legend hides; set it to hide others."""
        return {self._field.categories[i] for i in self._hidden.get(self.color_by, ())}

    @hidden.setter
    def hidden(self, names: Sequence[str]) -> None:
        place = {name: i for i, name in enumerate(self._field.categories)}
        for name in names:
            check_name("category", name, place)
        self._hide({place[name] for name in names})

    @property
    def lines(self) -> str:
        """Which instances' views are joined, one of "none", "one", "selected" or "all"."""
        return self._controls.lines.value

    @lines.setter
    def lines(self, mode: str) -> None:
        check_name("lines", mode, MODES)
        self._controls.lines.value = mode

    @property
    def map(self) -> str:
        """Which map is shown, one of "pca", "umap" or "given". Set here, it is computed at once."""
        return self._controls.map.value

    @map.setter
    def map(self, name: str) -> None:
        for layouts in self._layouts.values():
            layouts[name]
        self._controls.map.value = name

    @property
    def k(self) -> int:
        return self._controls.k.value

    @k.setter
    def k(self, value: int) -> None:
        self._controls.k.value = value

    @property
    def reports(self) -> dict[str, ViewInvarianceReport]:
        """The view-invariance report of each encoder; measured now, where it has not been yet.

        Raises:
            ValueError: the data set has no instances seen from several views.
        """
        if not self._invariance.available:
            raise ValueError("this data set has no instances seen from several views")
        found = {name: self._invariance[name] for name in self._spaces}
        self._draw_numbers()
        return found

    def figure(self) -> Figure:
        """The maps as they are now, without widgets: colours, hidden points, lines, selection, and
        a cross through the chosen point."""
        coords = {name: plot.coords for name, plot in self.maps.items()}
        name = MAP_NAMES[self.map] if self.map != "given" else "dimension"
        return static_figure(
            coords,
            self._field,
            self._shown,
            self._paths(),
            self._selection,
            self._chosen,
            name=name,
        )

    @property
    def state(self) -> dict[str, Any]:
        """Settings and selection as plain values, what `remember` keeps."""
        return {
            "rows": len(self._source),
            "data_set": self.data_set,
            "color_by": self.color_by,
            "map": self.map,
            "lines": self.lines,
            "k": self.k,
            "hidden": {
                field: [self._source.fields[field].categories[i] for i in sorted(hidden)]
                for field, hidden in self._hidden.items()
                if hidden
            },
            "selection": self._selection.tolist(),
            "chosen": self._chosen,
        }

    @_one_at_a_time
    def close(self) -> None:
        """Take the explorer out of the page and free everything that listens to it."""
        if self._closed:
            return
        self._closed = True
        self._background.close()
        for link in self._links:
            link.close()
        for plot in self.maps.values():
            plot.close()
        for widget in _all_widgets(self.widget):
            widget.unobserve_all()
            widget.close()

    def __repr__(self) -> str:
        return f"EmbeddingExplorer({len(self._source):,} rows; {', '.join(self._spaces)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        for plot in self.maps.values():
            plot.shown()
        # The text is what a page shows that has no widgets.
        return self.widget._repr_mimebundle_(**kwargs) | {"text/plain": repr(self)}

    # --------------------------------------------------------------------- from the browser

    @_one_at_a_time
    def _header_event(self, name: str, kind: str, content: dict) -> None:
        if kind == "shown":
            self.maps[name].shown()
            self._measure()
        elif kind == "drawn":
            self.maps[name].pace.drawn(content["number"])
        elif kind == "no-webgl":
            self._draw_without_webgl()
        elif kind == "key" and content.get("key") == "Enter" and self._chosen is not None:
            self._select(np.array([self._chosen]))
        elif kind == "key" and content.get("key") in DIRECTIONS:
            here = step(self.maps[name].coords, self._chosen, content["key"], self._shown)
            self.choose(here)

    @_one_at_a_time
    def _legend_event(self, kind: str, content: dict) -> None:
        hidden = set(self._hidden.get(self.color_by, ()))
        index = content.get("index")
        if kind == "all":
            self._hide(set())
        elif kind == "show":
            self._hide(hidden - {index} if content["shown"] else hidden | {index})
        elif kind == "only":
            self._hide(set(range(len(self._field.categories))) - {index})
        elif kind == "select":
            self._select(np.flatnonzero((self._field.codes == index) & self._shown))

    @_one_at_a_time
    def _selected_on_map(self, change) -> None:
        if self._linking:
            return
        new = change["new"]
        rows = np.unique(np.asarray([] if new is None else new, dtype=np.int64))
        if len(rows) == 1:
            self._chosen = int(rows[0])
        also = ("lines", "neighbours") if len(rows) == 1 else ()
        self._select(rows, *also, source=change["owner"])

    @_one_at_a_time
    def _hovered_on_map(self, change) -> None:
        if self._linking:
            return
        row = change["new"]
        self._hovered = None if row is None or row < 0 else int(row)
        for plot in self.maps.values():
            if plot.widget is not change["owner"]:
                self._quietly(plot.hover, self._hovered)
        self._hover.content = {} if self._hovered is None else self._card(self._hovered)
        if self.lines == "one":
            self._draw_lines()

    @_one_at_a_time
    def _tool_changed(self, change) -> None:
        for plot in self.maps.values():
            setattr(plot.widget, change["name"], change["new"])

    @_one_at_a_time
    def _set_changed(self, _) -> None:
        self._in_set = self._source.sets.mask(self.data_set)
        self._hide(self._hidden.get(self.color_by, set()), "selection", "neighbours")
        self._draw_numbers()
        if self._visible:
            self._measure()

    @_one_at_a_time
    def _color_changed(self, _) -> None:
        for plot in self.maps.values():
            plot.color(self._field)
        self._hide(self._hidden.get(self.color_by, set()), "selection", "neighbours")

    @_one_at_a_time
    def _map_changed(self, change) -> None:
        name = change["new"]
        if all(layouts.known(name) for layouts in self._layouts.values()):
            self._move(name)
            return
        self._controls.say(
            "map", f"computing the {MAP_NAMES[name]}; the first time takes up to a minute …"
        )
        self._background.run(
            lambda: [layouts[name] for layouts in self._layouts.values()],
            lambda _: self._move(name),
            self._failed,
        )

    # ----------------------------------------------------------------------------- drawing

    @property
    def _field(self):
        return self._source.fields[self._controls.color.value]

    @_one_at_a_time
    def _changed(self, *what: str) -> None:
        if "lines" in what:
            self._draw_lines()
        if "selection" in what:
            counted = [self._source.fields[n] for n in self._counted()]
            self._selected.show(self._selection, self._field, counted, self._chosen, self._in_set)
        if "neighbours" in what:
            k = self._controls.k.value
            self._near.show(self._chosen, k, self._field, self._in_set)
        self._draw_image()
        self._save()

    def _counted(self) -> list[str]:
        names = [self._source.label, "view", self.color_by]
        return list(dict.fromkeys(name for name in names if name in self._source.fields))

    @_one_at_a_time
    def _select(self, rows: np.ndarray, *also: str, source: Any = None) -> None:
        self._selection = rows
        for plot in self.maps.values():
            if plot.widget is not source:
                self._quietly(setattr, plot.widget, "selection", rows.astype(np.uint32))
        self._changed(*(["lines"] if self.lines == "selected" else []), "selection", *also)

    @_one_at_a_time
    def _hide(self, hidden: set[int], *also: str) -> None:
        self._hidden[self.color_by] = hidden
        self._shown = self._in_set & ~np.isin(self._field.codes, list(hidden))
        rows = None if self._shown.all() else np.flatnonzero(self._shown)
        for plot in self.maps.values():
            plot.filter(rows)
        self._draw_legend()
        self._changed("lines", *also)

    @_one_at_a_time
    def _move(self, name: str) -> None:
        if name != self.map:
            return  # another map was asked for while this one was computed
        for encoder, plot in self.maps.items():
            plot.lines([])
            plot.move(self._layouts[encoder][name])
        self._controls.say("map", "")
        self._changed("lines")

    def _paths(self) -> list[np.ndarray]:
        one = self._chosen if self._hovered is None else self._hovered
        return self._instances.paths(self.lines, self._selection, one, self._shown)

    def _draw_lines(self) -> None:
        paths = self._paths()
        cut = self.lines == "all" and len(paths) == MOST < len(self._instances)
        self._controls.say(
            "lines", f"{MOST:,} instances, taken at random, are joined" if cut else ""
        )
        for plot in self.maps.values():
            plot.lines(paths, self._chosen)

    def _draw_legend(self) -> None:
        field, hidden = self._field, self._hidden.get(self.color_by, ())
        self._legend.title = field.name.replace("_", " ")
        counts = field.counts_among(self._in_set).tolist()
        self._legend.entries = [
            {"name": name, "color": color, "count": count, "shown": i not in hidden}
            for i, (name, color, count) in enumerate(
                zip(field.categories, field.colors, counts, strict=True)
            )
        ]

    @_one_at_a_time
    def _draw_numbers(self) -> None:
        for name, header in self._headers.items():
            report = self._invariance.done.get(name)
            header.numbers = [] if report is None else summary(report)
            waiting = report is None and self.data_set in self._measuring
            header.note = "measuring view invariance …" if waiting else ""

    def _measure(self) -> None:
        """Measure what has not been measured, once, without holding up the kernel."""
        self._visible, invariance = True, self._invariance
        if self.data_set in self._measuring or not invariance.available:
            return
        self._measuring.add(self.data_set)
        self._draw_numbers()
        for name in self._spaces:
            if name not in invariance.done:
                self._background.run(
                    lambda name=name: invariance[name],
                    lambda _: self._draw_numbers(),
                    self._failed,
                )

    def _draw_without_webgl(self) -> None:
        """An image in the place of the maps; the legend, the arrow keys and the menus remain."""
        if self._image is not None:
            return
        self._image = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self._image.add_class("fm-static")
        headers = ipywidgets.HBox(list(self._headers.values())).add_class("fm-maps")
        column = ipywidgets.VBox([headers, self._image], layout={"flex": "1 1 0"})
        column.layout.min_width = "0"
        self.widget.children[1].children = (column, self._legend)
        self._controls.say(
            "webgl", "This browser cannot draw with WebGL: here are the maps as an image."
        )
        self._measure()
        self._draw_image()

    def _draw_image(self) -> None:
        if self._image is None:
            return
        import io

        import matplotlib.pyplot as plt

        figure, buffer = self.figure(), io.BytesIO()
        figure.savefig(buffer, format="png")
        plt.close(figure)
        self._image.value = buffer.getvalue()

    def _card(self, row: int) -> dict[str, Any]:
        return {
            "row": row,
            "lines": self._source.describe(row),
            "color": self._field.color_of(row),
            "picture": self._source.images.jpeg(row),
        }

    def _failed(self, error: Exception) -> None:
        self._controls.say("map", f"{type(error).__name__}: {error}")

    def _quietly(self, change, *args: Any) -> None:
        """Change a map without being told of it."""
        self._linking = True
        try:
            change(*args)
        finally:
            self._linking = False

    # ------------------------------------------------------------------------------ memory

    def _restore(self, state: Mapping[str, Any]) -> None:
        fields, count = self._source.fields, len(self._source)
        for name, hidden in state.get("hidden", {}).items():
            if name in fields:
                places = enumerate(fields[name].categories)
                self._hidden[name] = {i for i, category in places if category in hidden}
        if state.get("data_set") in (*self._source.sets.names, ALL):
            self._controls.data_set.value = state["data_set"]
        if state.get("color_by") in fields:
            self._controls.color.value = state["color_by"]
        self._hide(self._hidden.get(self.color_by, set()))
        if state.get("lines") in MODES:
            self._controls.lines.value = state["lines"]
        if "k" in state:
            self._controls.k.value = state["k"]
        if state.get("map") in dict(self._controls.map.options).values():
            self._controls.map.value = state["map"]
        selection = np.asarray(state.get("selection", []), dtype=np.int64)
        self._select(selection[selection < count])
        if state.get("chosen") is not None and state["chosen"] < count:
            self.choose(state["chosen"])

    def _save(self) -> None:
        if self._remember is not None:
            memory.save(self._remember, self.state)


def _all_widgets(widget: Any) -> list[Any]:
    """A widget, its layout and style, and everything inside it."""
    found = [widget]
    for name in ("layout", "style"):
        if isinstance(getattr(widget, name, None), ipywidgets.Widget):
            found.append(getattr(widget, name))
    for child in getattr(widget, "children", ()):
        found += _all_widgets(child)
    return found
