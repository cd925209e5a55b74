"""What the camera lab tells the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fermodels.data import encode_image
from fermodels.explore.camera_eye import Near, Seen
from fermodels.explore.camera_guide import Guide, View
from fermodels.explore.camera_sight import Sight
from fermodels.explore.lab_reference import Reference
from fermodels.explore.own_faces import OwnFaces
from fermodels.explore.track import YAWS

OWN_COLOR = "#000000"


class Pictures:
    """The images of near faces, each sent once: the browser keeps them by name."""

    def __init__(self, reference: Reference, own: OwnFaces) -> None:
        self._reference, self._own = reference, own
        self._sent: set[str] = set()

    def forget(self, own_only: bool = False) -> None:
        """Send them again: to another page, or because one's own are others."""
        self._sent = {key for key in self._sent if own_only and not key.startswith("own")}

    def tile(self, near: Near) -> dict[str, Any]:
        """A near face without its pixels."""
        if near.own:
            about = {"caption": self._own.caption(near.row), "color": OWN_COLOR}
        else:
            source = self._reference.source
            about = {"caption": source.caption(near.row)}
            about["color"] = self._reference.field.color_of(near.row)
        return about | {"key": _key(near), "own": near.own, "distance": round(near.distance, 3)}

    def new(self, near: Sequence[Near]) -> dict[str, bytes]:
        """JPEG by name, of those that the browser does not have yet."""
        found = {}
        for one in near:
            key = _key(one)
            if key not in self._sent:
                self._sent.add(key)
                found[key] = (
                    self._own.jpeg(one.row)
                    if one.own
                    else self._reference.source.images.jpeg(one.row)
                )
        return found


def _key(near: Near) -> str:
    return f"{'own' if near.own else 'reference'} {near.row}"


def seen_message(
    seen: Seen, classes: Sequence[str], trails: Mapping[str, Sequence], pictures: Pictures
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """(content, pictures by name) of "seen": `words`, `size`, `face` with `box`, `landmarks` and
    `yaw`, and for each encoder `position`, `trail`, `probabilities`, `near`."""
    sight = seen.sight
    shown = {} if sight.crop is None else {"crop": encode_image(sight.crop, "JPEG", 92)}
    columns = []
    for name in seen.embeddings:
        place, shares = seen.places.get(name), seen.shares.get(name)
        columns.append(
            {
                "position": None if place is None else place.round(4).tolist(),
                "trail": [point.round(4).tolist() for point in trails.get(name, ())],
                "probabilities": shares and [shares.get(c) for c in classes],
                "near": [pictures.tile(near) for near in seen.near[name]],
            }
        )
        shown |= pictures.new(seen.near[name])
    height, width = sight.size
    content = {
        "words": sight.words,
        "size": [width, height],
        "faces": sight.faces,
        "face": _face(sight),
        "columns": columns,
    }
    return content, shown


def _face(sight: Sight) -> dict[str, Any] | None:
    if sight.face is None:
        return None
    box = sight.face.box
    return {
        "box": [round(edge, 1) for edge in (box.x0, box.y0, box.x1, box.y1)],
        "landmarks": sight.face.landmarks.round(1).tolist(),
        "yaw": None if sight.yaw != sight.yaw else round(sight.yaw),
    }


def guide_message(guide: Guide | None) -> dict[str, Any] | None:
    """`words`, the angle that is `wanted`, and `counts` of frames near each angle."""
    if guide is None:
        return None
    return {
        "words": guide.words,
        "wanted": guide.wanted,
        "counts": [guide.counts[angle] for angle in YAWS],
        "can_end": guide.can_end,
    }


def view_pictures(views: Sequence[View]) -> dict[str, bytes]:
    """JPEG of each view, by its number."""
    return {f"view {i}": encode_image(view.crop, "JPEG", 92) for i, view in enumerate(views)}
