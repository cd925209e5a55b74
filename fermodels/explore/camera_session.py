"""What a camera lab holds in memory of a person, and lets go of again."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.data import PreparedImages
from fermodels.explore import own_file
from fermodels.explore.camera_eye import Eye, Seen
from fermodels.explore.camera_guide import Guide, View
from fermodels.explore.camera_turn import sentence, track_of
from fermodels.explore.own_faces import OwnFaces
from fermodels.explore.track import Track

_TRAIL = 25  # places on a map that are still shown


class CameraSession:
    """The frame seen last, the trail on the maps, the views being taken or taken last, and one's
    own file.

    Args:
        path: of one's own file, which is read where it is there.
        expressions: label order of a new file.

    Attributes:
        seen: the last frame; None before the first, and once the camera is off.
        trails: the last places (2,) on the map of each encoder.
        guide: takes views; None while nobody turns the head.
        views, track: of the last turn.
        own: the faces of one's own file. path: of that file.

    Raises:
        PreparedError: the file is there and is none of the camera lab.
    """

    def __init__(
        self, eye: Eye, own: OwnFaces, path: str | os.PathLike, expressions: Sequence[str]
    ) -> None:
        self._eye, self.own, self._expressions = eye, own, expressions
        self.path = given_path(path)
        if self.path.exists():
            own.show(own_file.read_own(self.path))
        self.guide: Guide | None = None
        self.drop_face()

    def drop_face(self) -> None:
        """Forget every image and every place of the person that are not in the file."""
        self.seen: Seen | None = None
        self.trails: dict[str, deque[np.ndarray]] = {}
        self.drop_views()

    def drop_views(self) -> None:
        """Forget what the last turn has brought."""
        self.views: list[View] = []
        self.track: Track | None = None
        self._written: Path | None = None

    def look(self, image: np.ndarray) -> Seen:
        """Look at a frame uint8 (H, W, 3); it may become one of the views."""
        self.seen = self._eye.look(image)
        for name, place in self.seen.places.items():
            self.trails.setdefault(name, deque(maxlen=_TRAIL)).append(place)
        if self.guide is not None:
            self.guide.offer(self.seen.sight)
        return self.seen

    def end_turn(self) -> None:
        """Take the views that the guide has, and compare them.

        Raises:
            ValueError: the frontal view is missing, or there is no other.
        """
        guide, self.guide = self.guide, None
        if guide is None or not guide.can_end:
            raise ValueError("the frontal view and another one are needed: turn the head again")
        self.drop_views()
        self.views = guide.views
        self.track = track_of(self.views, self._eye.columns)

    @property
    def sentence(self) -> str:
        """What the last turn shows, in words; empty before any."""
        return "" if self.track is None else sentence(self.track)

    def save(
        self,
        expression: str,
        consent: bool,
        path: str | os.PathLike | None = None,
        session: str = "camera",
    ) -> PreparedImages:
        """Write the views as an instance, see `own_file.write_instance`; from then on that file is
        one's own.

        Raises:
            ValueError: they have been written there; and as there.
        """
        path = self.path if path is None else given_path(path)
        if self.views and path == self._written:
            raise ValueError(f"these views are in {path.name} already: turn the head again")
        whole = own_file.write_instance(
            path,
            self.views,
            expression,
            consent=consent,
            session=session,
            expressions=self._expressions,
        )
        self.path = self._written = path
        self.own.show(whole)
        return whole

    def forget(self) -> bool:
        """Delete one's own file, and drop all that is held of the person.

        Returns whether there was a file.

        Raises:
            PreparedError: the file is none of the camera lab, and stays.
        """
        self.guide = None
        self.drop_face()
        self.own.show(None)
        return own_file.forget(self.path)
