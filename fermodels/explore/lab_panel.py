"""The face lab as the browser draws it: one widget, its sliders and menus one dictionary.

One dictionary, so that the newest state of all of them waits while the kernel draws, and no queue
of older ones builds up behind it.
"""

from __future__ import annotations

import traitlets

from fermodels.explore.parts import Part, read_static, script


class LabPanel(Part):
    """Events: "dice", "reset", "turn", and "save" with `subject` and `expression`.

    groups: dicts of `name` and `controls`, whose dicts have the fields of `lab_controls.Control` or
        of `lab_choices.Choice`; the last two are those of the camera and of the looks.
    values: slider → number and menu → option, set by the browser and by Python.
    encoders: names. classes: dicts of `name` and `color`, the bars of all encoders.
    dots: `points` (float32 bytes (N, 2), one per encoder), `codes` (uint8 bytes (N,)), `captions`,
        `categories`, `colors`; empty without a reference.
    result: `number`, `picture` (JPEG), `alt`, `subject`, `expression`, `fresh` (whether the track
        is this face's), `columns`: `position` and `probabilities` of each encoder.
    track: `yaws`, `colors`, `standard` (the places of the five cameras), `columns`: `points` and
        `cosine` of each encoder; empty before the head has been turned.
    """

    _esm = script(
        *(
            f"lab_{part}"
            for part in ("dom", "menus", "controls", "map", "bars", "columns", "turn", "page")
        )
    )
    _css = read_static("lab_page.css")
    groups = traitlets.List(traitlets.Dict()).tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    encoders = traitlets.List(traitlets.Unicode()).tag(sync=True)
    classes = traitlets.List(traitlets.Dict()).tag(sync=True)
    dots = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(320).tag(sync=True)
    result = traitlets.Dict().tag(sync=True)
    track = traitlets.Dict().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        # What a page shows that has no widgets.
        return f"FaceLab({', '.join(self.encoders)})"
