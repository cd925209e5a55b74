"""Colours, markers and the look of all figures: an expression, a view and a method have the same
colour in every figure. Nothing global is changed on import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.data import view_degrees, view_order
from fermodels.data.vocabulary import UNKNOWN_VIEW

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Expression → colour, chosen apart (CIELAB distance of at least 15) for normal sight and for the
#: three dichromacies.
EXPRESSION_COLORS = {
    "afraid": "#CC79A7",
    "angry": "#C43C00",
    "disgusted": "#009E73",
    "happy": "#F0A000",
    "neutral": "#3A3A3A",
    "sad": "#0060B0",
    "surprised": "#56B4E9",
    "content": "#EFE04A",
}
#: Expression → marker, the second cue, for print in grey.
EXPRESSION_MARKERS = {
    "afraid": "v",
    "angry": "X",
    "disgusted": "s",
    "happy": "o",
    "neutral": "D",
    "sad": "P",
    "surprised": "^",
    "content": "p",
}
#: View → colour: blue on one side, red on the other, darker towards the profile.
VIEW_COLORS = {
    "full_left": "#0B3C8C",
    "half_left": "#6BAED6",
    "straight": "#444444",
    "half_right": "#F4A261",
    "full_right": "#B3380E",
}
#: View → marker.
VIEW_MARKERS = {
    "full_left": "<",
    "half_left": "P",
    "straight": "o",
    "half_right": "X",
    "full_right": ">",
}
#: Method → colour, for every method of the course. Those of one family of figures, faces or
#: clips, are chosen apart as expressions are; a combination of two tasks has a hue of its own.
METHOD_COLORS = {
    "clmex": "#0060B0",
    "clmex96px": "#80B0D8",
    "clmexlong": "#003561",
    "clmexfinetuned": "#003561",
    "clmexprobe": "#80B0D8",
    "clmexshipped": "#003561",
    "clmexshippedprobe": "#5E7F9E",
    "viewfx": "#2E9963",
    "viewfxprobe": "#97CCB1",
    "simclr": "#F0A000",
    "simclrprobe": "#F8D080",
    "fromscratch": "#6B6B6B",
    "supervised": "#6B6B6B",
    "untrained": "#BDBDBD",
    "randomweights": "#BDBDBD",
    "hog": "#991F47",
    "pixels": "#B36BA7",
    "conclugen": "#1F1F1F",
    "contrastive": "#D1303F",
    "clustering": "#66CCFF",
    "reconstruction": "#998000",
    "contrastiveclustering": "#8F52CC",
    "contrastivereconstruction": "#FF7F66",
    "clusteringreconstruction": "#7ACC88",
    "logisticregression": "#7A3B10",
}
# Of a variant whose method is in the same figure: how much white, or black if negative.
SHADES = (0.0, 0.5, -0.45)
UNLABELLED_COLOR = "#A8A8A8"  # what has no label, no view, no value
SPARE_COLORS = ("#C43C00", "#8518F2", "#79E08D", "#F2AAF2", "#0A0A66")


def use_style() -> None:
    """Set matplotlib's defaults for a notebook: small PNG, quiet axes, readable text."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "savefig.dpi": 100,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#555555",
            "axes.labelsize": 10,
            "axes.titlesize": 10.5,
            "axes.axisbelow": True,
            "grid.color": "#E4E4E4",
            "grid.linewidth": 0.8,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "xtick.color": "#444444",
            "ytick.color": "#444444",
            "legend.frameon": False,
            "legend.fontsize": 9,
            "image.interpolation": "antialiased",
        }
    )


def expression_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour per expression: the course's have fixed ones, others those that nothing has."""
    others = [name for name in names if name not in EXPRESSION_COLORS]
    spare = {name: SPARE_COLORS[i % len(SPARE_COLORS)] for i, name in enumerate(others)}
    return {name: EXPRESSION_COLORS.get(name) or spare[name] for name in names}


def view_colors(views: Sequence, yaws: Mapping[Any, float] | None = None) -> dict:
    """A colour per view, left to right: the course's have fixed ones; others are blue on the left,
    grey at the front and red on the right, the darker the further from it.

    Args:
        views: names, or yaws in degrees.
        yaws: view → degrees, where names do not tell them. Views without an angle get colours that
            no view has, or where no angle is known at all, blue to red in their order; "unknown" is
            grey.
    """
    import matplotlib as mpl

    # Of an odd number of colours, one is exactly in the middle.
    scale = mpl.colors.LinearSegmentedColormap.from_list("views", [*VIEW_COLORS.values()], N=257)
    places = _places(views, yaws)
    colors, spare = {}, 0
    for view, place in places.items():
        if view in VIEW_COLORS:
            colors[view] = VIEW_COLORS[view]
        elif place is not None:
            colors[view] = mpl.colors.to_hex(scale(place))
        elif view == UNKNOWN_VIEW:
            colors[view] = UNLABELLED_COLOR
        else:
            colors[view] = SPARE_COLORS[spare % len(SPARE_COLORS)]
            spare += 1
    return colors


def view_markers(views: Sequence, yaws: Mapping[Any, float] | None = None) -> dict:
    """A marker per view, left to right, as `view_colors` has colours."""
    course = list(VIEW_MARKERS.values())
    markers = {}
    for view, place in _places(views, yaws).items():
        if view in VIEW_MARKERS:
            markers[view] = VIEW_MARKERS[view]
        else:
            markers[view] = "." if place is None else course[round((len(course) - 1) * place)]
    return markers


def are_views(names: Iterable) -> bool:
    """Whether these are names of views: texts, all of which tell an angle, or "unknown"."""
    names = set(names) - {UNKNOWN_VIEW}
    texts = all(isinstance(name, str) for name in names)
    return bool(names) and texts and None not in view_degrees(list(names)).values()


def _places(views: Sequence, yaws: Mapping[Any, float] | None) -> dict[Any, float | None]:
    """Where each view stands from left (0) over the front (½) to right (1), in that order; None for
    one whose angle is not known."""
    degrees = view_degrees(views, yaws)
    order = view_order(views, yaws)
    known = [abs(angle) for angle in degrees.values() if angle is not None]
    if not known:
        named = [view for view in order if view != UNKNOWN_VIEW]
        places = dict(zip(named, np.linspace(0, 1, len(named)), strict=True))
        return {view: places.get(view) for view in order}
    furthest = max(known) or 1.0
    return {
        view: None if degrees[view] is None else 0.5 + 0.5 * degrees[view] / furthest
        for view in order
    }


def method_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour per method: the one of `METHOD_COLORS`, whatever else is in the figure.

    A name that begins with that of a method, such as "CL-MEx, probe" or "SimCLR, video", is a
    variant: it has the colour of its method, or a shade of it where that is taken. A name that is
    in no table, such as "my encoder", gets a colour that no method has. Capitals, blanks and dashes
    do not matter.
    """
    methods = {name: method_of(name) for name in dict.fromkeys(names)}
    colors = {
        n: METHOD_COLORS[method] for n, (method, rest) in methods.items() if method and not rest
    }
    spare = 0
    for name, (method, rest) in methods.items():
        if not method:
            colors[name] = SPARE_COLORS[spare % len(SPARE_COLORS)]
            spare += 1
        elif rest:
            shades = [_blend(METHOD_COLORS[method], amount) for amount in SHADES]
            colors[name] = next((s for s in shades if s not in colors.values()), shades[0])
    return {name: colors[name] for name in methods}


def method_of(name: str) -> tuple[str, str]:
    """("clmex", "probe") of "CL-MEx, probe"; the method is "" where the table has none."""
    known = "".join(c for c in str(name).lower() if c.isalnum())
    method = max((m for m in METHOD_COLORS if known.startswith(m)), key=len, default="")
    return method, known.removeprefix(method)


def _blend(color: str, amount: float) -> str:
    """A hex colour mixed with white, or with black if the amount in [−1, 1] is negative."""
    target = 255 if amount > 0 else 0
    channels = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    mixed = (round(c + abs(amount) * (target - c)) for c in channels)
    return "#" + "".join(f"{c:02X}" for c in mixed)


def axes_or_new(ax: Axes | None, width: float, height: float) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def words(name) -> str:
    return str(name).replace("_", " ")


def quiet(ax: Axes, grid: str | None = None) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.set_axisbelow(True)
        ax.grid(axis=grid, color="#E4E4E4", linewidth=0.8)


def legend_above(ax: Axes, columns: int) -> None:
    """A legend in one line above the axes, where it hides no data."""
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=min(columns, 4))


def chance_line(share: float) -> str:
    return f"chance\n{100 * share:.0f} %"


def level_lines(ax: Axes, levels: Mapping[str, float], zorder: float = 1) -> None:
    """Dashed lines across `ax`, labelled in the right margin, where no curve runs."""
    bottom, top = ax.get_ylim()
    gap = 0.085 * (top - bottom)  # the height of a line of text
    place = -np.inf
    for name, value in sorted(levels.items(), key=lambda item: item[1]):
        ax.axhline(value, color="#666666", linewidth=1, linestyle=(0, (4, 3)), zorder=zorder)
        place = max(value, place + gap)
        ax.annotate(
            name,
            xy=(1, value),
            xytext=(1.02, place),
            xycoords=ax.get_yaxis_transform(),
            fontsize=8.5,
            color="#444444",
            va="center",
            annotation_clip=False,
        )
