"""The face of the lab: one person before one camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from fermodels.explore import lab_controls
from fermodels.faces import FaceRenderer, Person, Studio, sample_person, sample_studio

_AGES = (18, 60)  # as in Anny Views, KDEF shape


class LabFace:
    """Draws an invented person, whom a number stands for, as the controls say.

    OpenGL's window belongs to the thread that has opened it, but a notebook's cells and a widget's
    messages may run in different threads of the kernel: so it is drawn in one of its own.

    Args:
        number: of the first person, 0 or more.
        size: height and width of the images in pixels, 16…512.

    Attributes: number, person, studio (its light is replaced by the controls').
    """

    number: int
    person: Person
    studio: Studio

    def __init__(self, number: int, size: int) -> None:
        self.meet(number)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fermodels-face")
        self._renderer = self._thread.submit(FaceRenderer, size).result()

    def meet(self, number: int) -> None:
        """Another person, in another shirt before another wall."""
        if number < 0:
            raise ValueError(f"people are numbered from 0, got {number}")
        rng = np.random.default_rng(number)
        gender = ("female", "male")[int(rng.integers(2))]
        self.person = sample_person(rng, gender, float(rng.uniform(*_AGES)))
        self.studio = sample_studio(rng)
        self.number = int(number)

    def images(
        self, values: Mapping[str, float], yaws: Sequence[float] | None = None
    ) -> np.ndarray:
        """Images from the cameras `yaws` (default: the control's), uint8 (V, size, size, 3).

        `values` holds every control of `lab_controls`.
        """
        yaws = (values["yaw"],) if yaws is None else yaws
        drawing = self._thread.submit(
            self._renderer.render,
            self.person,
            _lit(self.studio, values["light"], values["brightness"]),
            lab_controls.actions(values),
            tuple(float(yaw) for yaw in yaws),
            pitch=values["pitch"],
        )
        return drawing.result()

    def close(self) -> None:
        """Frees the window and its thread."""
        self._thread.submit(self._renderer.close).result()
        self._thread.shutdown()


def _lit(studio: Studio, side: float, brightness: float) -> Studio:
    return replace(
        studio,
        key_position=(side, *studio.key_position[1:]),
        key_light=studio.key_light * brightness,
        head_light=studio.head_light * brightness,
    )
