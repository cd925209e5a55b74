"""A face to pull by its action units, and what encoders make of it, live."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fermodels._shared.paths import given_path
from fermodels.data import PreparedImages, encode_image
from fermodels.explore import lab_choices, lab_controls, lab_save, memory
from fermodels.explore.fields import Field
from fermodels.explore.lab_column import EncoderColumn, probe, with_classifier
from fermodels.explore.lab_face import LabFace
from fermodels.explore.lab_figure import lab_figure
from fermodels.explore.lab_panel import LabPanel
from fermodels.explore.lab_reference import Reference, classes_of, named_encoders
from fermodels.explore.lab_second import VARIABLE, second_model_or_none
from fermodels.explore.lab_turn import FaceTrack, turn
from fermodels.explore.naming import by_encoder
from fermodels.explore.track import YAWS
from fermodels.models import ImageClassifier, ImageEncoder

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from fermodels.faces import Person
    from fermodels.faces.second import SecondPerson
    from fermodels.faces.second_model import SecondFaceModel

_PEOPLE = 10_000  # numbers that the dice throws
_ALL_FIRST = dict.fromkeys(lab_choices.VARIANTS, 0)


class FaceLab:
    """Sliders for expressions, action units, camera and light, menus for how an expression is shown
    and what the person looks like; beside the face, live: the probabilities of a classifier and
    where the face lands on each encoder's map.

    Args:
        encoders: an ImageEncoder, or a mapping from names to such; two fit side by side.
        reference: PreparedImages. They are the dots of the maps (PCA, the explorer's), and a linear
            probe on those that are labelled is the default classifier. Without it there are no
            maps.
        embeddings: (N, D) of the reference, or such by encoder, if they are at hand. Otherwise
            they are computed first, some seconds for a thousand images.
        classifier: an ImageClassifier, or such by encoder, instead of the probe.
        seed: number of the first person.
        size: height and width of the rendered image in pixels, 16…512. Before an encoder sees
            it, it is brought to the size of the reference's images, as those were.
        height: of the maps in pixels, at most: they are no higher than wide.
        remember: a file that keeps person, sliders and menus between runs of a notebook.
        second_model: the head of the ICT FaceKit, or the path of its file: then the menu "head by"
            shows the same actions on a person of another make. Default: the path that
            FERMODELS_SECOND_MODEL names, if any. To get it, clone
            https://github.com/USC-ICT/ICT-FaceKit (MIT) and pass the clone's folder.

    Show it as the last expression of a cell. Everything can be reached from Python: `set`,
    `reset`, `dice`, `turn`, `save_instance`, `values`, `variants`, `looks`, `image`, `embeddings`,
    `positions`, `probabilities`, `figure`. `close()` frees the kernel of it.

    Raises:
        ValueError: shapes do not fit, a name is unknown, the reference shows one expression only,
            the second model cannot be read.
    """

    def __init__(
        self,
        encoders: ImageEncoder | Mapping[str, ImageEncoder],
        reference: PreparedImages | None = None,
        *,
        embeddings: np.ndarray | Mapping[str, np.ndarray] | None = None,
        classifier: ImageClassifier | Mapping[str, ImageClassifier] | None = None,
        seed: int = 0,
        size: int = 128,
        height: int = 320,
        remember: str | os.PathLike | None = None,
        second_model: SecondFaceModel | str | os.PathLike | None = None,
    ) -> None:
        named = named_encoders(encoders)
        self._reference, self._closed = Reference(named, reference, embeddings), False
        classifiers = by_encoder("classifier", classifier, named)
        self._columns = [self._column(n, e, classifiers.get(n)) for n, e in named.items()]
        self._classes = classes_of(self._columns)

        state = {} if remember is None else memory.load(remember, len(self._reference))
        self._remember = remember
        self._face = LabFace(seed, size, second_model_or_none(second_model))
        self._track: FaceTrack | None = None
        self._number, self._path = 0, None
        # The browser's messages may come in another thread than the notebook's cells run in.
        self._lock = threading.RLock()
        self.widget = self._panel(height)
        self._restore(state)
        self.widget.observe(self._moved, "values")

    def _column(self, name, encoder, classifier) -> EncoderColumn:
        classes, classify = (), None
        if classifier is not None:
            classes, classify = with_classifier(classifier, encoder)
        elif self._reference.has_labels:
            classes, classify = probe(*self._reference.labelled(name), self._reference.expressions)
        return EncoderColumn(name, encoder, self._reference.projection(name), classes, classify)

    def _panel(self, height: int) -> LabPanel:
        groups: dict[str, list[dict]] = {}
        menus = [c for c in lab_choices.CHOICES.values() if c.name != "make" or self._has_second]
        for control in (*lab_controls.CONTROLS.values(), *menus):
            groups.setdefault(control.group, []).append(vars(control))
        return LabPanel(
            on_event=self._event,
            groups=[{"name": name, "controls": controls} for name, controls in groups.items()],
            values=lab_controls.DEFAULTS | lab_choices.DEFAULT_CHOICES,
            encoders=[column.name for column in self._columns],
            classes=self._reference.bars(self._classes),
            dots=self._reference.dots(),
            height=height,
        )

    # ----------------------------------------------------------------------- from Python

    def set(self, *, variants: Mapping[str, int] | None = None, **values: float | str) -> None:
        """Move sliders and choose from menus; what is not named stays.

        `set(happy=0.8, AU12=1, yaw=45)` moves sliders: expressions and action units (0…1), `yaw`
        (−90…90) and `pitch` (−30…30) in degrees, `light` (−1 from the left … 1 from the right),
        `brightness` (0.3…1.5).

        `set(angry=1, variants={"angry": 1})` shows anger in its second way, see
        `fermodels.faces.PROTOTYPES`; number 0 is the commonest.

        `set(glasses="round", appearance="wide")` changes the looks: `hair`, `beard`, `glasses`,
        `headwear` ("own" is as the person's number gives it, "none" is without, the other names
        are kinds), `appearance` ("studio", or "wide": any light, background and camera), `session`
        ("A"…"H", others of that appearance), and, with a second model, `make` ("Anny" or "ICT
        FaceKit").

        Raises:
            ValueError: an unknown name, a value out of its range, a variant or an option that is
                not there; nothing has changed then.
        """
        looks = {name: option for name, option in values.items() if name in lab_choices.LOOKS}
        chosen = lab_choices.check_looks(looks) | lab_choices.check_variants(variants or {})
        if chosen.get("make") == lab_choices.SECOND and not self._has_second:
            raise ValueError(
                "this lab has no head of another make: pass second_model, or name its file by "
                f"{VARIABLE} (see FaceLab)"
            )
        moved = lab_controls.check({n: v for n, v in values.items() if n not in looks})
        with self._lock:
            self.widget.values = self._settings | moved | chosen

    def reset(self) -> None:
        """A neutral face of the same person with the same looks, seen from the front."""
        self.widget.values = (
            self._settings | lab_controls.DEFAULTS | lab_choices.check_variants(_ALL_FIRST)
        )

    def dice(self, seed: int | None = None) -> int:
        """Another person, number `seed` or a random one; the sliders stay. Returns the number."""
        with self._lock:
            self._face.meet(secrets.randbelow(_PEOPLE) if seed is None else seed)
            self._update()
            return self._face.number

    @property
    def values(self) -> dict[str, float]:
        """What each slider is at."""
        return {name: self.widget.values[name] for name in lab_controls.CONTROLS}

    @property
    def variants(self) -> dict[str, int]:
        """In which way each expression is shown that has several; 0 is the commonest."""
        return lab_choices.variants_of(self.widget.values)

    @property
    def looks(self) -> dict[str, str]:
        """What is chosen for hair, beard, glasses, headwear, light and camera, and the head."""
        return lab_choices.looks_of(self.widget.values)

    @property
    def person(self) -> Person | SecondPerson:
        """The person before the camera, with the looks that are chosen."""
        return self._face.person(self._settings)

    @property
    def image(self) -> np.ndarray:
        """The image, uint8 (size, size, 3)."""
        return self._image.copy()

    @property
    def embeddings(self) -> dict[str, np.ndarray]:
        """The embedding of the image by encoder, float32 (D,)."""
        return {name: h.copy() for name, h in self._h.items()}

    @property
    def positions(self) -> dict[str, np.ndarray]:
        """Where the image lies on each map, (2,); the reference lies in [−1, 1]."""
        return {name: place.copy() for name, place in self._places.items()}

    @property
    def probabilities(self) -> pd.DataFrame:
        """A row per expression, a column per encoder; NaN where a classifier does not know it."""
        import pandas as pd

        index = pd.Index(self._classes, name="expression")
        return pd.DataFrame(self._shares, index=index, columns=list(self._shares), dtype=float)

    def turn(self, step: float = 10.0) -> pd.DataFrame:
        """Turn the head from −90° to 90° and draw the way of its embedding on the maps.

        The angles are `step` degrees apart, 1…90, and the five standard cameras are among them.

        Returns:
            A row per encoder and angle: `encoder`, `yaw`, `x`, `y` (on the map, where there is
            one), `cosine` to the frontal view.
        """
        with self._lock:
            self._track = turn(self._face, self._settings, self._columns, self._seen, step)
            self.widget.track = self._track.message()
            self._update()
            return self._track.frame()

    def save_instance(
        self,
        path: str | os.PathLike | None = None,
        expression: str | None = None,
        subject: str | None = None,
    ) -> Path:
        """Write the face, seen from all five standard cameras, as one instance of a prepared file.

        Args:
            path: a new file, or one that a face lab made, which is extended. Default: the last
                one, at first `own_faces.parquet` beside the file of `remember`, or in this folder.
            expression: default: the strongest of the expression sliders, or "neutral".
            subject: default: "person" and the number.

        Returns:
            The path.

        Raises:
            PreparedError, OSError: as `lab_save.save_instance`.
        """
        with self._lock:
            return self._save_instance(path, expression, subject)

    def _save_instance(self, path, expression, subject) -> Path:
        beside = Path.cwd() if self._remember is None else given_path(self._remember).parent
        path = given_path(path or self._path or beside / "own_faces.parquet")
        values = self._settings
        expression = (expression or "").strip() or lab_controls.strongest(values)[0]
        subject = (subject or "").strip() or self._subject
        known = self._reference.expressions
        views = self._seen(self._face.images(values, YAWS))
        whole = lab_save.save_instance(path, self._face, values, views, subject, expression, known)
        self._path = path
        self.widget.status = (
            f"Saved “{subject}” as “{expression}”, five views: {path} now holds "
            f"{whole.table['instance'].nunique()} instance(s)."
        )
        return path

    def figure(self) -> Figure:
        """The face, the maps and the probabilities as they are now, without widgets."""
        return lab_figure(
            self._image,
            None if self._reference.source is None else self._field,
            self._reference.maps,
            self.positions,
            self.probabilities,
            self._track if self._fresh else None,
            self._reference.palette,
            lab_controls.describe(self._settings),
        )

    @property
    def state(self) -> dict[str, Any]:
        """Person, sliders and menus as plain values, what `remember` keeps."""
        turned = self._track.step if self._track is not None and self._fresh else None
        return {
            "rows": len(self._reference),
            "person": self._face.number,
            "values": self._settings,
            "turned": turned,
        }

    def close(self) -> None:
        """Take the lab out of the page and free everything that listens to it."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self.widget.close()
            self.widget.layout.close()
            self._face.close()

    def __repr__(self) -> str:
        return repr(self.widget)

    def _repr_mimebundle_(self, **kwargs: Any):
        return self.widget._repr_mimebundle_(**kwargs)

    # --------------------------------------------------------------------- from the browser

    def _event(self, kind: str, content: dict) -> None:
        actions = {
            "dice": self.dice,
            "reset": self.reset,
            "turn": self.turn,
            "save": lambda: self.save_instance(
                expression=str(content.get("expression") or ""),
                subject=str(content.get("subject") or ""),
            ),
        }
        if kind in actions:
            self._safely(actions[kind])

    def _moved(self, change) -> None:
        values = self._cleaned(change["new"])
        if values != change["new"]:
            self.widget.values = values  # comes back here
        else:
            self._safely(self._update)

    def _safely(self, act) -> None:
        """What goes wrong is said beside the face: nobody sees the kernel's messages there."""
        with self._lock:
            if self._closed:
                return
            self.widget.status = ""
            try:
                act()
            except Exception as error:
                self.widget.status = f"{type(error).__name__}: {error}"

    # ----------------------------------------------------------------------------- drawing

    def _seen(self, images: np.ndarray) -> np.ndarray:
        """Images (V, size, size, 3) at the size of the reference's images, uint8."""
        prepared = self._reference.prepared
        if prepared is None or prepared.image_size == images.shape[1:3]:
            return images
        from PIL import Image

        height, width = prepared.image_size
        # Of Pillow's filters the one whose result lands nearest to an image drawn at that size.
        small = [Image.fromarray(p).resize((width, height), Image.LANCZOS) for p in images]
        return np.stack([np.asarray(p) for p in small])

    def _update(self) -> None:
        """Draw the face, embed it, and show what comes of it."""
        values = self._settings
        self._image = self._face.images(values)[0]  # (S, S, 3)
        seen = self._seen(self._image[None])
        self._h, self._places, self._shares = {}, {}, {}
        columns = []
        for column in self._columns:
            h = column.embed(seen)  # (1, D)
            self._h[column.name] = h[0]
            place = shares = None
            if column.projection is not None:
                place = self._places[column.name] = column.projection(h)[0]
            if column.classify is not None:
                own = column.classify(h, seen)[0].tolist()
                own = dict(zip(column.classes, own, strict=True))
                shares = [own.get(name) for name in self._classes]
                self._shares[column.name] = shares
            columns.append(
                {
                    "position": None if place is None else place.tolist(),
                    "probabilities": shares,
                }
            )
        self._number += 1
        self.widget.result = {
            "number": self._number,
            "picture": encode_image(self._image, "JPEG", 92),
            "alt": f"Person {self._face.number}: {lab_controls.describe(values)}",
            "subject": self._subject,
            "expression": lab_controls.strongest(values)[0],
            "fresh": self._fresh,
            "columns": columns,
        }
        if self._remember is not None:
            memory.save(self._remember, self.state)

    @property
    def _field(self) -> Field:
        """What colours the dots."""
        return self._reference.field

    @property
    def _settings(self) -> dict[str, Any]:
        """What all sliders and menus are at."""
        return dict(self.widget.values)

    @property
    def _has_second(self) -> bool:
        return self._face.has_second

    def _cleaned(self, settings: Any) -> dict[str, Any]:
        """A value for every slider and menu from whatever a browser or a file has sent."""
        choices = lab_choices.clean_choices(settings)
        if not self._has_second:
            choices["make"] = lab_choices.OURS
        return lab_controls.clean(settings) | choices

    @property
    def _subject(self) -> str:
        ours = self.looks["make"] == lab_choices.OURS
        return f"{'person' if ours else 'second'}{self._face.number}"

    @property
    def _fresh(self) -> bool:
        """Whether the track is of the face as it is now."""
        return self._track is not None and self._track.is_of(self._face.number, self._settings)

    def _restore(self, state: Mapping[str, Any]) -> None:
        person = state.get("person")
        if isinstance(person, int) and person >= 0:
            self._face.meet(person)
        self.widget.values = self._cleaned(state.get("values"))
        step = state.get("turned")
        if isinstance(step, (int, float)) and 1 <= step <= 90:
            self.turn(step)
        else:
            self._update()
