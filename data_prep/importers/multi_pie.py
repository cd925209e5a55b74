"""Multi-PIE: 337 people, up to 4 sessions, 15 cameras, 20 lights, 6 expressions; 750,000 images.

``session01/multiview/001/01/05_1/001_01_01_051_07.png``: person, session, recording, camera, light.
Any folder or archive that contains such names will do. Images of high resolution (``highres``), of
one frontal camera, are left out.

- The expression follows from session and recording: 1: neutral, smile; 2: neutral, surprise,
  squint; 3: neutral, smile, disgust; 4: neutral, neutral again, scream. A smile is *happy* here.
  No other data set has squint and scream: ``--others`` says what becomes of them.
- All cameras took an image under each of 18 flashes and two without (00 and 19), within 0.7
  seconds. The light is part of the instance: images of one recording and light are views of one
  moment. Under another light they are another instance, of the same face all the same: take one
  light (``--lights 07``) where instances are to be told apart, as in pre-training.
- Thirteen cameras stand around the head, 15° apart: 240 right profile, 010, 200, 190 (half right),
  041, 050, 051 (in front), 140, 130, 080 (half left), 090, 120, 110 left profile. 081 and 191 hang
  above (``above_left``, ``above_right``), at angles that are not published, so that theirs are
  empty. ``--cameras 110,080,051,190,240`` takes the course's five views alone.

That the cameras' order and the table of expressions are right was checked against three public
loaders, not against the images. Should camera 240 of yours show the left cheek, of which the report
of ``--crop face`` warns, add ``--mirrored``.

Source: Gross et al. (2010), doi 10.1016/j.imavis.2009.08.002; licensed by Carnegie Mellon
University.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from data_prep.io.images import YAWS, image_row
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.labelled import label_lists
from data_prep.io.named import add_others_argument, in_order, read_named, settle_others
from data_prep.io.raw import RawFile, RawSource, printable
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import expression

make_row = image_row

# Camera → degrees; left below zero.
CAMERAS = dict(
    zip(
        ("110", "120", "090", "080", "130", "140", "051", "050", "041", "190", "200", "010", "240"),
        range(-90, 91, 15),
        strict=True,
    )
)
ABOVE = {"081": "above_left", "191": "above_right"}
LIGHTS = tuple(f"{light:02d}" for light in range(20))
RECORDINGS = {
    "01": ("neutral", "smile"),
    "02": ("neutral", "surprise", "squint"),
    "03": ("neutral", "smile", "disgust"),
    "04": ("neutral", "neutral", "scream"),
}
OTHERS = ("squint", "scream")

_VIEWS = {yaw: view for view, yaw in YAWS.items()}
_MIRRORED = {"above_left": "above_right", "above_right": "above_left"}
_NAME = re.compile(
    r"(?P<number>\d{1,4})_(?P<session>\d\d)_(?P<recording>\d\d)_(?P<camera>\d{3})_(?P<light>\d\d)"
)
_EXPECTED = (
    "images with names like 001_01_01_051_07.png (person, session, recording, camera, light)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    for what, known in (("cameras", (*CAMERAS, *ABOVE)), ("lights", LIGHTS)):
        parser.add_argument(
            f"--{what}",
            type=_chooser(what, known),
            metavar=f"{what[:-1].upper()},…",
            help=f"only these {what}, of {', '.join(known)}",
        )
    add_others_argument(parser, ", ".join(OTHERS))
    parser.add_argument(
        "--mirrored", action="store_true", help="240 shows the left cheek: swap left and right"
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    """What is to be read, by the names of the files.

    Raises:
        NothingUsable: there is no file of Multi-PIE's names, or none of the cameras and lights.
    """
    named = read_named(_NAME, raw, report, expected=_EXPECTED, other=_why_not)
    items = []
    for name, file in named:
        why = _left_out(name, options)
        if why is None:
            items.append(Item(file, _about(name, file, options.mirrored)))
        else:
            report.skip(file.name, why)
    if not items:
        raise NothingUsable("images of the sessions, cameras and lights", report.main_reason())
    items = settle_others(items, options.others, report)
    counted = ("camera", "light")
    return Plan(in_order(items), _metadata(items), "images", _EXPECTED, counted=counted)


def _chooser(what: str, known: tuple[str, ...]) -> Any:
    def chosen(text: str) -> str:
        names = [name.strip().zfill(len(known[0])) for name in text.split(",") if name.strip()]
        if not names or (unknown := [name for name in names if name not in known]):
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown) if names else 'nothing'}: {what} are {', '.join(known)}"
            )
        return ",".join(dict.fromkeys(names))

    return chosen


def _why_not(file: RawFile) -> str:
    if "highres" in file.name.lower().split("/")[:-1]:
        return "an image of high resolution, which has no camera and light"
    return "its name is not one of Multi-PIE's"


def _left_out(name: re.Match, options: argparse.Namespace) -> str | None:
    session, recording, camera, light = name.group("session", "recording", "camera", "light")
    if session not in RECORDINGS:
        return f"session {session} is none of 01 to 04"
    if not 1 <= int(recording) <= len(RECORDINGS[session]):
        return f"there is no recording {recording} in session {session}"
    if camera not in CAMERAS and camera not in ABOVE:
        return f"camera {camera} is not known"
    if light not in LIGHTS:
        return f"light {light} is none of 00 to 19"
    for what, one in (("cameras", camera), ("lights", light)):
        wanted = getattr(options, what)
        if wanted is not None and one not in wanted.split(","):
            return f"{one} is not one of --{what} {wanted}"
    return None


def _about(name: re.Match, file: RawFile, mirrored: bool) -> dict[str, Any]:
    subject = f"{int(name['number']):03d}"
    session, recording, camera, light = name.group("session", "recording", "camera", "light")
    original = RECORDINGS[session][int(recording) - 1]
    shown = original if original in OTHERS else expression(original, "multi-pie")
    return {
        "subject": subject,
        "expression": shown,
        **_view(camera, mirrored),
        "session": session,
        "instance": f"{subject}-{session}-{recording}-{light}",
        "recording": recording,
        "camera": camera,
        "light": light,
        "original_label": original,
        "file": printable(file.name),
    }


def _view(camera: str, mirrored: bool) -> dict[str, Any]:
    """The columns `view`, `yaw` and `pitch`; the course's names where the angle is one of its."""
    if camera in ABOVE:
        view = ABOVE[camera]
        return {"view": _MIRRORED[view] if mirrored else view, "yaw": None, "pitch": None}
    yaw = float(-CAMERAS[camera] if mirrored else CAMERAS[camera])
    return {"view": _VIEWS.get(yaw, f"yaw{yaw:+.0f}"), "yaw": yaw, "pitch": 0.0}


def _metadata(items: list[Item]) -> dict[str, Any]:
    return {
        "name": "multi-pie",
        "version": "2010",
        "licence": "Licensed by Carnegie Mellon University, for internal research; not to be "
        "passed on.",
        "citation": (
            "Gross, R., Matthews, I., Cohn, J., Kanade, T., & Baker, S. (2010). Multi-PIE. Image "
            "and Vision Computing 28(5), 807-813. doi:10.1016/j.imavis.2009.08.002"
        ),
        "description": "337 people in up to 4 sessions, 15 cameras and 20 lights at once.",
        **label_lists(items),
    }
