"""Figures in a notebook, with a text for whoever cannot see them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JPEG_QUALITY = 88
# From this share of a figure on, photographs make it one of them.
PHOTOGRAPHS = 0.25
# A drawing has few colours, a photograph has thousands.
DRAWN_COLORS = 256


def show(alt: str) -> None:
    """Show all open figures and close them, as `plt.show()` does, with a text in their place for
    whoever cannot see them.

    Figures that are mostly photographs, such as a sheet of faces, are stored as JPEG, which is much
    lighter; all others as PNG. Outside a notebook this is `plt.show()`.

    Args:
        alt: what is in the figure, in a sentence or two: what kind of figure, what its axes are and
            what is drawn. It is stored with the image, where Jupyter has a place for it; the site
            has it as the image's text. JupyterLab 4 itself does not read it out.

    Raises:
        ValueError: the text is missing, or too short to say anything.
    """
    import matplotlib.pyplot as plt

    if not isinstance(alt, str) or len(alt.split()) < 3:
        raise ValueError(
            f"say in a sentence what the figure shows, for whoever cannot see it, not {alt!r}"
        )
    if "inline" not in plt.get_backend().lower():
        plt.show()
        return
    from IPython.display import display

    alt = " ".join(alt.split())
    try:
        for number in plt.get_fignums():
            kind, image, size = _encoded(plt.figure(number))
            if image:
                data = {kind: base64.b64encode(image).decode(), "text/plain": alt}
                display(data, metadata={kind: {"alt": alt, **size}}, raw=True)
    finally:
        plt.close("all")


def _encoded(figure: Figure) -> tuple[str, bytes | None, dict[str, int]]:
    """MIME type, file and the size to show it in, where that is not the file's.

    As the inline backend makes it, with its settings; None for a figure without anything in it.
    """
    from IPython.core.pylabtools import print_figure
    from matplotlib_inline.config import InlineBackend

    settings = InlineBackend.instance()
    options = dict(settings.print_figure_kwargs)
    # What `%config InlineBackend.figure_format = "retina"` asks for: twice the pixels.
    factor = 2 if {"retina", "png2x"} & set(settings.figure_formats) else 1
    options.setdefault("dpi", factor * figure.dpi)
    if is_photograph(figure):
        kind = "image/jpeg"
        options["pil_kwargs"] = {"quality": JPEG_QUALITY, "optimize": True}
    else:
        kind = "image/png"
    image = print_figure(figure, fmt=kind.removeprefix("image/"), **options)
    return kind, image, _half(image) if image and factor == 2 else {}


def is_photograph(figure: Figure) -> bool:
    """Whether photographs take a good part of the figure: images with many colours of their own,
    neither values in a colour map nor coloured squares."""
    from matplotlib.image import AxesImage, BboxImage

    figure.draw_without_rendering()
    whole = figure.bbox.width * figure.bbox.height
    covered = 0.0
    for image in figure.findobj(lambda artist: isinstance(artist, (AxesImage, BboxImage))):
        pixels = image.get_array()
        if not image.get_visible() or pixels is None or not _many_colors(pixels):
            continue
        box = image.get_window_extent()
        frame = image.axes.bbox if isinstance(image, AxesImage) and image.axes else figure.bbox
        width = min(box.x1, frame.x1) - max(box.x0, frame.x0)
        height = min(box.y1, frame.y1) - max(box.y0, frame.y0)
        covered += max(width, 0) * max(height, 0)
    return covered >= PHOTOGRAPHS * whole


def _many_colors(pixels: np.ndarray) -> bool:
    if pixels.ndim != 3:
        return False
    rgb = np.asarray(pixels)[..., :3].reshape(-1, 3)
    some = rgb[:: max(1, len(rgb) // 50_000)]
    if some.dtype != np.uint8:
        some = (some.clip(0, 1) * 255).astype(np.uint8)
    return len(np.unique(some, axis=0)) > DRAWN_COLORS


def _half(image: bytes) -> dict[str, int]:
    import io

    from PIL import Image

    width, height = Image.open(io.BytesIO(image)).size
    return {"width": width // 2, "height": height // 2}
