"""The camera lab as an image, for paper and for front ends without widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fermodels import plots
from fermodels.explore.camera_guide import in_degrees
from fermodels.explore.camera_session import CameraSession
from fermodels.explore.lab_figure import draw_bars, draw_map, draw_track
from fermodels.explore.lab_reference import Reference

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_STYLES = ("-", "--", ":", "-.")


def camera_figure(
    session: CameraSession, reference: Reference, probabilities: pd.DataFrame, pictures: bool
) -> Figure:
    """The face; per encoder its map with the trail and one's own faces, and its probabilities;
    below, the views of the last turn and the cosine to the frontal one. `pictures`: whether faces
    are drawn."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys([*reference.maps, *probabilities]))
    turned = session.track is not None
    columns = len(names) + 1
    figure = plt.figure(figsize=(3.6 * columns + 1.2, 5.4 + 2.6 * turned), layout="constrained")
    parts = figure.subfigures(2, 1, height_ratios=[5.4, 2.6]) if turned else [figure]
    axes = parts[0].subplots(2, columns, height_ratios=[2, 1], squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    _face(axes[0, 0], session, pictures)
    for i, name in enumerate(names, start=1):
        if name in reference.maps:
            axes[0, i].set_axis_on()
            last = i == len(names)
            draw_map(axes[0, i], reference.maps[name], reference.field, reference.palette, last)
            _person(axes[0, i], session, name)
        axes[0, i].set_title(name)
        if name in probabilities:
            axes[1, i].set_axis_on()
            draw_bars(axes[1, i], probabilities[name], reference.palette)
    if turned:
        parts[1].suptitle(session.sentence, fontsize=9, wrap=True)
        _turn(parts[1], session, pictures)
    return figure


def _face(ax, session: CameraSession, pictures: bool) -> None:
    sight = session.seen.sight if session.seen else None
    if sight is None or sight.crop is None:
        ax.set_title("no face" if sight else "nothing seen yet", fontsize=9)
        return
    ax.set_title(f"yaw about {in_degrees(sight.yaw)}", fontsize=9)
    if pictures:
        ax.imshow(sight.crop)
    else:
        ax.text(0.5, 0.5, "not shown", ha="center", va="center", transform=ax.transAxes)


def _person(ax, session: CameraSession, name: str) -> None:
    """Trail, track, own faces and the place of the last frame on a map."""
    own = session.own.points.get(name)
    if own is not None:
        ax.plot(*own.T, "D", ms=6, mfc="white", mec="black", mew=1.4, zorder=3)
    trail = np.array(session.trails.get(name, ())).reshape(-1, 2)
    if session.track is not None:
        draw_track(ax, session.track, name)
    elif len(trail):
        ax.plot(*trail.T, color="white", linewidth=3.5)
        ax.plot(*trail.T, color="#222222", linewidth=1)
    if session.seen is not None and name in session.seen.places:
        place = session.seen.places[name]
        ax.plot(*place, "o", ms=12, mfc="none", mec="white", mew=4)
        ax.plot(*place, "o", ms=12, mfc="none", mec="black", mew=1.8)


def _turn(figure, session: CameraSession, pictures: bool) -> None:
    track, views = session.track, session.views
    shown = views if pictures else []
    axes = figure.subplots(1, 1 + len(shown), width_ratios=[3] + [1] * len(shown), squeeze=False)[0]
    colors = plots.method_colors(list(track.cosine))
    for style, (name, cosine) in zip(_STYLES, track.cosine.items(), strict=False):
        axes[0].plot(track.yaws, cosine, f"o{style}", color=colors[name], ms=4, label=name)
    axes[0].set(xlabel="yaw (degrees, estimated)", ylabel="cosine to frontal", xlim=(-95, 95))
    axes[0].set_xticks([-90, -45, 0, 45, 90])
    axes[0].legend(fontsize=9)
    for ax, view in zip(axes[1:], shown, strict=True):
        ax.imshow(view.crop)
        ax.set_title(in_degrees(view.yaw), fontsize=9)
        ax.set_axis_off()
