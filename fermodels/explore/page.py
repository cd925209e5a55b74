"""A page with an explorer and a face lab, there at once: it says how far its material is."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import ipywidgets

from fermodels.explore.background import Background
from fermodels.explore.embedding_explorer import EmbeddingExplorer
from fermodels.explore.face_lab import FaceLab
from fermodels.models import ImageEncoder

Say = Callable[[str], None]
Page = ipywidgets.VBox
T = TypeVar("T")


class Material(NamedTuple):
    """What the page shows.

    Attributes:
        encoders: name → image encoder.
        explorer: arguments of `EmbeddingExplorer`, with `prepared` and `embeddings` by name.
    """

    encoders: Mapping[str, ImageEncoder]
    explorer: Mapping[str, Any]


def explore_page(prepare: Callable[[Say], Material], remember: Path) -> Page:
    """An explorer and a face lab in two tabs, as soon as their material is there.

    Args:
        prepare: makes the material, in a thread of its own; it gets a function that shows a
            sentence in the page. What it raises is said in the page.
        remember: the folder that keeps the settings of both.
    """

    def show(material: Material) -> ipywidgets.Widget:
        explorer = EmbeddingExplorer(
            **material.explorer, remember=remember / "explorer.json", in_notebook=False
        )
        return _tabs(explorer, material, remember / "face_lab.json")

    return waiting_page("reading the faces …", prepare, show)


def waiting_page(
    first: str, prepare: Callable[[Say], T], show: Callable[[T], ipywidgets.Widget]
) -> Page:
    """A page that is there at once.

    Args:
        first: the sentence that it begins with.
        prepare: works in a thread of its own; it gets a function that shows a sentence in the
            page. What it raises is said in the page.
        show: makes the widget of what `prepare` returned.
    """
    message = ipywidgets.HTML().add_class("fm-wait")
    page = ipywidgets.VBox([message], layout={"width": "100%"}).add_class("fm-course-page")
    say = _sayer(message)
    say(first)

    def failed(error: Exception) -> None:
        say(f"{type(error).__name__}: {error}")

    def done(found: T) -> None:
        try:
            page.children = (show(found),)
        except Exception as error:
            failed(error)

    Background().run(lambda: prepare(say), done, failed)
    return page


def _sayer(message: ipywidgets.HTML) -> Say:
    """A function that shows a sentence in the page, callable from any thread."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None

    def show(text: str) -> None:
        message.value = f'<p role="status" style="font-size:14px">{html.escape(text)}</p>'

    def say(text: str) -> None:
        if loop is None or loop.is_closed():
            show(text)
        else:
            loop.call_soon_threadsafe(show, text)

    return say


def _tabs(explorer: EmbeddingExplorer, material: Material, remember: Path) -> ipywidgets.Tab:
    """The explorer, and a face lab that is made when its tab is first opened."""
    lab = ipywidgets.VBox()
    tabs = ipywidgets.Tab([explorer.widget, lab], titles=["Explorer", "Face lab"])

    def opened(change) -> None:
        if change["new"] != 1 or lab.children:
            return
        message = ipywidgets.HTML()
        lab.children = (message,)
        _sayer(message)("loading the head: seconds, the very first time minutes …")
        asyncio.get_running_loop().call_later(0.1, fill)

    def fill() -> None:
        reference = material.explorer["prepared"]
        embeddings = {name: material.explorer["embeddings"][name] for name in material.encoders}
        try:
            made = FaceLab(material.encoders, reference, embeddings=embeddings, remember=remember)
        except Exception as error:
            _sayer(lab.children[0])(f"{type(error).__name__}: {error}")
            return
        lab.children = (made.widget,)

    tabs.observe(opened, "selected_index")
    return tabs
