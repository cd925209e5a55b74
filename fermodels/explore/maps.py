"""One map: points on a plane, drawn by jupyter-scatter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fermodels import plots
from fermodels.explore.fields import Field
from fermodels.explore.pace import Pace
from fermodels.explore.projection import Projection

LINE_COLOR = "#222222"
MARK_COLOR = "#0060B0A0"
# Animated, so that the eye can follow where a point goes from PCA to UMAP.
_TRANSITION_MS = 900
# From the plot's canvas to its first points.
_STARTING_MS = 300
# Above that, thousands of lines are drawn thin and pale, or they cover the points.
_MANY_LINES = 60


def square(coords) -> np.ndarray:
    """Coordinates (N, 2), centred and scaled alike in x and y into [−0.95, 0.95], float32.

    Raises ValueError for another shape or values that are not finite.
    """
    coords = np.asarray(coords, dtype=np.float64)
    if coords.ndim != 2 or coords.shape[1] != 2 or not np.isfinite(coords).all():
        raise ValueError(f"coordinates have shape {coords.shape}; expected finite (N, 2)")
    low, high = coords.min(0), coords.max(0)
    half = (high - low).max() / 2 or 1
    return (0.95 * (coords - (low + high) / 2) / half).astype(np.float32)


class Layouts:
    """The maps of one encoder's embeddings (N, D) by name: "pca", "umap", "given".

    PCA's axes are those of the first `own` embeddings (default: of all); the others are put on
    that map, and it is made smaller where they reach beyond its edge.
    """

    def __init__(
        self, embeddings: np.ndarray, given=None, seed: int = 0, own: int | None = None
    ) -> None:
        self._embeddings, self._seed = embeddings, seed
        self._own = len(embeddings) if own is None else own
        self._known: dict[str, np.ndarray] = {}
        if given is not None:
            self._known["given"] = square(given)
            if len(given) != len(embeddings):
                raise ValueError(f"{len(given)} coordinates for {len(embeddings)} embeddings")

    @property
    def names(self) -> tuple[str, ...]:
        return (("given",) if "given" in self._known else ()) + ("pca", "umap")

    def known(self, name: str) -> bool:
        return name in self._known

    def __getitem__(self, name: str) -> np.ndarray:
        """Coordinates (N, 2) as `square` gives them; computed once."""
        if name not in self.names:
            raise ValueError(f"unknown map {name!r}; choose one of {', '.join(self.names)}")
        if name not in self._known:
            x = self._embeddings
            self._known[name] = (
                self._pca() if name == "pca" else square(plots.project(x, name, self._seed))
            )
        return self._known[name]

    def _pca(self) -> np.ndarray:
        own, others = self._embeddings[: self._own], self._embeddings[self._own :]
        coords = square(plots.pca(own))
        if not len(others):
            return coords
        coords = np.concatenate([coords, Projection(own, coords)(others)])
        return (coords * min(1.0, 1 / np.abs(coords).max())).astype(np.float32)


def point_size(count: int) -> float:
    """Diameter in pixels that lets `count` points be told apart on a map of laptop size."""
    return float(np.clip(11 - 2 * np.log10(max(count, 1) / 20), 2, 9))


class ScatterMap:
    """A scatter plot in WebGL: coloured by a field, filtered, with lines between points.

    `announce` is told of every change of the points, see `Pace`; `pace.drawn` takes the answer.
    """

    def __init__(
        self,
        coords: np.ndarray,
        field: Field,
        height: int,
        sync: str,
        announce: Callable[[int, int], None],
    ) -> None:
        import jscatter
        import pandas as pd

        self.coords = coords
        self.pace = Pace(announce)
        self._frame = pd.DataFrame({"x": coords[:, 0], "y": coords[:, 1]})
        self._frame[_column(field)] = _categorical(field)
        self._scatter = jscatter.Scatter(
            x="x",
            y="y",
            data=self._frame,
            x_scale=(-1, 1),
            y_scale=(-1, 1),
            color_by=_column(field),
            color_map=list(field.colors),
            color_selected="#000000",
            color_hover="#000000",
            opacity=0.85 if len(coords) < 20_000 else 0.5,
            opacity_by=None,
            opacity_unselected=0.3,
            size=point_size(len(coords)),
            size_by=None,
            axes=False,
            tooltip=False,
            height=height,
            transition_points_duration=_TRANSITION_MS,
        )
        self.widget: Any = self._scatter.widget
        _forget_file_watching(jscatter.widget.JupyterScatter)
        # Views that carry the same name pan and zoom together, in the browser.
        self.widget.view_sync = sync
        self.widget.add_class("fm-map")

    def shown(self) -> None:
        """To be called when a browser is asked to show it."""
        self.pace.shown(_STARTING_MS)

    def color(self, field: Field) -> None:
        if _column(field) not in self._frame:
            self._frame[_column(field)] = _categorical(field)

        def change() -> None:
            self.widget.transition_points = False
            self._scatter.color(by=_column(field), map=list(field.colors))

        self.pace.make("color", change)

    def move(self, coords: np.ndarray) -> None:
        self.coords = coords

        def change() -> None:
            self._frame["x"], self._frame["y"] = coords[:, 0], coords[:, 1]
            self._scatter.xy("x", "y", x_scale=(-1, 1), y_scale=(-1, 1), animate=True)

        self.pace.make("move", change, _TRANSITION_MS)

    def filter(self, rows: np.ndarray | None) -> None:
        """Show these rows only; None shows all."""
        self._scatter.filter(rows)

    def lines(self, paths: Sequence[np.ndarray], mark: int | None = None) -> None:
        """Join the points of each path (V,) by a line; a cross goes through the point `mark`."""
        from jscatter import HLine, Line, VLine

        many = len(paths) > _MANY_LINES
        # Segment by segment: the plot draws the joint of a sharp turn as a spike across the map.
        pairs = [self.coords[path[i : i + 2]] for path in paths for i in range(len(path) - 1)]
        style = {"line_color": LINE_COLOR + ("30" if many else "CC"), "line_width": 1 + (not many)}
        drawn: list[Any] = [Line(pair.tolist(), **style) for pair in pairs]
        if mark is not None:
            # Not the plot's own mark of a hovered point: the mouse could not hover it any more.
            x, y = self.coords[mark].tolist()
            drawn += [HLine(y, line_color=MARK_COLOR), VLine(x, line_color=MARK_COLOR)]
        self.widget.annotations = drawn

    def hover(self, row: int | None) -> None:
        # −1, not None: the plot reads None as the first point.
        self.widget.hovering = -1 if row is None else int(row)

    def close(self) -> None:
        self.pace.close()
        self.widget.unobserve_all()
        self.widget.close()


def _forget_file_watching(kind: Any) -> None:
    """anywidget keeps every widget for ever, in case its script's file changes on disk."""
    for contents in (kind._esm, kind._css):
        contents.changed.disconnect()


def _column(field: Field) -> str:
    return f"color: {field.name}"


def _categorical(field: Field):
    import pandas as pd

    return pd.Categorical.from_codes(field.codes, categories=list(field.categories))
