"""Images as contact sheets and as grids of instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fermodels.data import view_order
from fermodels.data.names import natural_key
from fermodels.plots.style import axes_or_new, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fermodels.data import PreparedImages


def as_uint8(images) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
        raise ValueError(f"images have shape {images.shape}; expected (N, H, W, 3) with N > 0")
    if images.dtype == np.uint8:
        return images
    return (images.clip(0, 1) * 255).round().astype(np.uint8)


def montage(tiles: Sequence[np.ndarray | None], columns: int, gap: tuple[int, int]) -> np.ndarray:
    """Tiles (H, W, 3) side by side on white, `gap` = (rows, columns) of pixels between them."""
    height, width = next(tile for tile in tiles if tile is not None).shape[:2]
    rows = -(-len(tiles) // columns)
    step_y, step_x = height + gap[0], width + gap[1]
    sheet = np.full((rows * step_y - gap[0], columns * step_x - gap[1], 3), 255, np.uint8)
    for i, tile in enumerate(tiles):
        if tile is not None:
            y, x = i // columns * step_y, i % columns * step_x
            sheet[y : y + height, x : x + width] = tile
    return sheet


def contact_sheet(
    images,
    columns: int = 8,
    titles: Sequence[str] | None = None,
    *,
    tile: float = 0.8,
    ax: Axes | None = None,
) -> Axes:
    """Images (N, H, W, 3), uint8 or float in [0, 1], in rows of `columns`.

    `titles`, one per image, stand above their images. `tile` is the width of one in inches.
    """
    images = as_uint8(images)
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(titles)} titles for {len(images)} images")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    # Room for a line of 8-point text above each row, in pixels of the image.
    text_rows = round(0.19 / tile * width) if titles is not None else 0
    gap = (max(1, width // 32) + text_rows, max(1, width // 32))
    sheet = montage(list(images), columns, gap)
    scale = tile / width
    ax = axes_or_new(ax, sheet.shape[1] * scale, (sheet.shape[0] + text_rows) * scale)
    ax.imshow(sheet)
    ax.set_axis_off()
    for i, title in enumerate(titles if titles is not None else ()):
        x = i % columns * (width + gap[1]) + width / 2
        y = i // columns * (height + gap[0]) - 0.03 / scale
        ax.text(x, y, str(title), ha="center", va="bottom", fontsize=8)
    if rows and titles is not None:
        ax.set_ylim(sheet.shape[0] - 0.5, -text_rows - 0.5)
    return ax


def instance_grid(
    prepared: PreparedImages,
    subject: str,
    session: str | None = None,
    *,
    tile: float = 0.64,
    ax: Axes | None = None,
) -> Axes:
    """All takes of a subject in one session: a row per expression, a column per view with its yaw
    in degrees. A view that was not taken leaves a gap. Takes without an expression follow, a row
    for each instance.

    Args:
        prepared: the prepared images.
        subject: as the column `subject` has it.
        session: default the first.
        tile: width of an image in inches.
        ax: where to draw; default a new figure.

    Raises:
        ValueError: a subject or session that is not in the file.
    """
    table = prepared.table
    own = table[table["subject"] == subject]
    if own.empty:
        some = ", ".join(map(str, table["subject"].drop_duplicates().head(5)))
        raise ValueError(f"no subject {subject!r} in this file; there are {some}, …")
    sessions = sorted(own["session"].unique(), key=natural_key)
    session = sessions[0] if session is None else session
    own = own[own["session"] == session]
    if own.empty:
        raise ValueError(f"subject {subject!r} has no session {session!r}; there are {sessions}")

    # One take per expression: a second one would need a row of its own.
    take = own["expression"].where(own["expression"].notna(), own["instance"])
    own = own.assign(take=take).drop_duplicates(["take", "view"])
    unlabelled = own["take"][own["expression"].isna()].drop_duplicates().tolist()
    takes = [e for e in prepared.expressions if e in set(own["expression"])] + unlabelled
    names = takes if len(unlabelled) != 1 else [*takes[:-1], "unlabelled"]
    views = view_order(own["view"], own.groupby("view")["yaw"].mean().to_dict())
    images = dict(
        zip(
            zip(own["take"], own["view"], strict=True),
            as_uint8(prepared.images(own.index.to_numpy())),
            strict=True,
        )
    )
    height, width = next(iter(images.values())).shape[:2]
    tiles = [images.get((e, v)) for e in takes for v in views]
    gap = max(1, width // 32)
    sheet = montage(tiles, len(views), (gap, gap))
    ax = axes_or_new(ax, len(views) * tile + 0.9, len(takes) * tile * height / width + 0.5)
    ax.imshow(sheet)
    yaw = own.groupby("view")["yaw"].mean()
    between = " " if tile >= 0.6 else "\n"  # "half right" is wider than a small image
    ax.set_xticks(
        [j * (width + gap) + width / 2 for j in range(len(views))],
        [f"{words(v).replace(' ', between)}\n{degrees(yaw[v])}" for v in views],
    )
    ax.set_yticks([i * (height + gap) + height / 2 for i in range(len(takes))], names)
    ax.tick_params(length=0, labelsize=9)
    ax.tick_params(axis="x", top=True, bottom=False, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)
    return ax


def degrees(yaw: float) -> str:
    if yaw != yaw:
        return ""
    return f"{'−' if round(yaw) < 0 else ''}{abs(round(yaw))}°"
