"""Five views of a head that turns: what to ask for, and which frame to take of each angle."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fermodels.explore.camera_sight import Sight
from fermodels.explore.track import YAWS

# From the front to one side, and from there to the other.
_ORDER = (0.0, -45.0, -90.0, 45.0, 90.0)
_NEAR = 15.0  # degrees between a frame and the angle that it stands for
_PROFILE = 63.0  # from here on a head counts as in profile: landmarks say little beyond
_AS_NEAR = 5.0  # degrees by which a sharper frame may be further away than the nearest
ENOUGH = 4  # frames near an angle, before the next one is asked for
_MOST = 40  # frames near an angle that are held
_ASKED = {
    0.0: "Look straight into the camera.",
    -45.0: "Turn your head half way to your right: show your left cheek.",
    -90.0: "Turn your head further to your right, until only your left cheek is seen.",
    45.0: "Now half way to your left: show your right cheek.",
    90.0: "Turn your head further to your left, until only your right cheek is seen.",
}


@dataclass(frozen=True)
class View:
    """A frame near an angle: its `yaw` as estimated, and its crop uint8 (S, S, 3)."""

    angle: float
    yaw: float
    sharpness: float
    crop: np.ndarray


class Guide:
    """Takes frames until there are enough near each angle, in whatever order they come.

    Args:
        enough: frames near an angle, before the next one is asked for.

    Attributes:
        counts: frames near each angle.
    """

    def __init__(self, enough: int = ENOUGH) -> None:
        self._enough = enough
        self._near: dict[float, deque[View]] = {}
        self.counts = dict.fromkeys(YAWS, 0)

    def offer(self, sight: Sight) -> float | None:
        """The angle that a frame is near, after it has been taken; None if it is near none."""
        angle = near(sight.yaw)
        if angle is None or sight.crop is None:
            return None
        self.counts[angle] += 1
        views = self._near.setdefault(angle, deque(maxlen=_MOST))
        views.append(View(angle, sight.yaw, sight.sharpness, sight.crop))
        return angle

    @property
    def wanted(self) -> float | None:
        """The angle to be asked for; None where there are enough frames of all."""
        return next((a for a in _ORDER if self.counts[a] < self._enough), None)

    @property
    def missing(self) -> tuple[float, ...]:
        """Angles of which there is no frame."""
        return tuple(angle for angle in YAWS if angle not in self._near)

    @property
    def can_end(self) -> bool:
        """Whether there is something to compare: the front, and another view."""
        return 0.0 in self._near and len(self._near) > 1

    @property
    def views(self) -> list[View]:
        """Of each angle that there is, from left to right, the sharpest of the nearest frames.

        Of all that are near, it would be the frame least turned: a profile has fewer edges.
        """
        return [_best(self._near[angle]) for angle in YAWS if angle in self._near]

    @property
    def words(self) -> str:
        """What the person is asked to do."""
        return _ASKED[self.wanted] if self.wanted is not None else "All five views are there."


def near(yaw: float) -> float | None:
    """Which of the five angles a yaw in degrees stands for; None for those between."""
    if not np.isfinite(yaw):
        return None
    if abs(yaw) >= _PROFILE:
        return 90.0 if yaw > 0 else -90.0
    angle = min(YAWS, key=lambda angle: abs(angle - yaw))
    return angle if abs(angle) < 90 and abs(angle - yaw) <= _NEAR else None


def _best(views: Sequence[View]) -> View:
    nearest = min(abs(view.yaw - view.angle) for view in views)
    good = [view for view in views if abs(view.yaw - view.angle) <= nearest + _AS_NEAR]
    return max(good, key=lambda view: view.sharpness)


def angles_in_words(angles: Sequence[float]) -> str:
    """ "−90°, 45°" """
    return ", ".join(in_degrees(angle) for angle in angles)


def in_degrees(angle: float) -> str:
    return f"{angle:.0f}°".replace("-0°", "0°").replace("-", "−")
