"""The face of the lab: one person before one camera."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels.explore import lab_controls
from fermodels.explore.lab_choices import OURS, looks_of
from fermodels.explore.lab_looks import draw_person, draw_session, dressed, equipped, lit
from fermodels.faces import FaceRenderer, Person, Session, head_model

if TYPE_CHECKING:
    from fermodels.explore.lab_second import SecondFace
    from fermodels.faces.second import SecondPerson
    from fermodels.faces.second_model import SecondFaceModel


class LabFace:
    """Draws an invented person, whom a number stands for, as sliders and menus say.

    OpenGL's window belongs to the thread that has opened it, but a notebook's cells and a widget's
    messages may run in different threads of the kernel: so it is drawn in one of its own.

    Args:
        number: of the first person, 0 or more.
        size: height and width of the images in pixels, 16…512.
        second_model: a head of another make, see `read_second_face_model`; or its path.

    Attributes: number.

    Raises:
        ValueError: a negative number, another size, a second model that cannot be read.
    """

    number: int

    def __init__(
        self,
        number: int,
        size: int,
        second_model: SecondFaceModel | str | os.PathLike | None = None,
    ) -> None:
        self.meet(number)
        self._kept: dict[str, tuple[Hashable, Any]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fermodels-face")
        self._second: SecondFace | None = None
        try:
            self._thread.submit(self._open, size, second_model).result()
        except BaseException:
            self._thread.shutdown()
            raise

    def _open(self, size: int, second_model) -> None:
        # Anny first: importing it once a window is open crashes, see `FaceRenderer`.
        head_model()
        if second_model is not None:
            from fermodels.explore.lab_second import SecondFace

            self._second = SecondFace(second_model, size)
        self._renderer = FaceRenderer(size)

    @property
    def has_second(self) -> bool:
        """Whether there is a head of another make."""
        return self._second is not None

    def meet(self, number: int) -> None:
        """Another person, in another shirt before another wall."""
        if number < 0:
            raise ValueError(f"people are numbered from 0, got {number}")
        self.number = int(number)

    def person(self, values: Mapping[str, Any]) -> Person | SecondPerson:
        """The person with the looks that are chosen; the same object while they stay."""
        look, number = looks_of(values), self.number
        if self._second is not None and look["make"] != OURS:
            return self._second.person(number)
        chosen = (number, look["hair"], look["beard"])
        return self._keep("person", chosen, lambda: dressed(draw_person(number)[0], *chosen))

    def session(self, values: Mapping[str, Any]) -> Session:
        """What surrounds the person; the same object while looks and light stay."""
        look, number = looks_of(values), self.number
        place = (number, look["appearance"], look["session"])
        if self._second is not None and look["make"] != OURS:
            draw, things = self._second.session, ()
        else:
            draw, things = draw_session, (number, look["glasses"], look["headwear"])
        light = (values["light"], values["brightness"])

        def make() -> Session:
            drawn = self._keep("drawn", (look["make"], place), lambda: draw(*place))
            if things:
                drawn = equipped(drawn, draw_person(number)[0], *things)
            return lit(drawn, *light)

        return self._keep("session", (look["make"], place, things, light), make)

    def _keep(self, what: str, key: Hashable, make: Callable[[], Any]) -> Any:
        """The last one made. The renderer tells people and sessions apart by identity, and builds
        hair and clothes anew for others: not at every move of a slider."""
        if what not in self._kept or self._kept[what][0] != key:
            self._kept[what] = key, make()
        return self._kept[what][1]

    def images(self, values: Mapping[str, Any], yaws: Sequence[float] | None = None) -> np.ndarray:
        """Images from the cameras `yaws` (default: the control's), uint8 (V, size, size, 3).

        `values` holds every control of `lab_controls`, and the menus of `lab_choices` that are not
        at their default.
        """
        yaws = (values["yaw"],) if yaws is None else yaws
        ours = self._second is None or looks_of(values)["make"] == OURS
        drawing = self._thread.submit(
            self._renderer.render if ours else self._second.renderer.render,
            self.person(values),
            self.session(values),
            lab_controls.actions(values),
            tuple(float(yaw) for yaw in yaws),
            pitch=values["pitch"],
        )
        return drawing.result()

    def close(self) -> None:
        """Frees the windows and their thread."""
        self._thread.submit(self._renderer.close).result()
        if self._second is not None:
            self._thread.submit(self._second.renderer.close).result()
        self._thread.shutdown()
