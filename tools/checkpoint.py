"""Put in place what a notebook takes from those before it, so that everybody can start there.

python -m tools.checkpoint NUMBER
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from fermodels.course import folders
from tools import lesson


def _pretrained_encoder(path: Path) -> str:
    """Into the folder of notebook 02's run: the encoder that ships after an equal training."""
    if (path / "encoder").is_dir():
        return "kept, a run of notebook 02 is there"
    early = folders.weights("clmex-anny-views-early")
    path.mkdir(parents=True, exist_ok=True)
    half_done = path / ".encoder.part"
    shutil.rmtree(half_done, ignore_errors=True)
    shutil.copytree(early, half_done)
    half_done.rename(path / "encoder")
    return f"the encoder of {early.name}, which has seen as many images"


def _features(path: Path) -> str:
    """Into the folder of notebook 05: the features of the clips, read or computed."""
    from fermodels.course.clips import course_clips, course_features

    clips, split = course_clips()
    course_features(clips, split["train"])
    return "the features of all clips"


# What a notebook hands to later ones, by the name of its run folder; the number in front is the
# notebook that makes it. All else that they take ships with the course.
HANDED_OVER: dict[str, Callable[[Path], str]] = {
    "02/clmex": _pretrained_encoder,
    "05/features": _features,
}


def needed(number: str) -> list[str]:
    """Names of the run folders that notebooks before this one leave behind."""
    return [name for name in HANDED_OVER if name[:2] < number]


def put_in_place(number: str) -> dict[str, str]:
    """Make what is missing; what somebody has made already is kept.

    Args:
        number: of the notebook that is to be started, such as "06".

    Returns:
        The name of each run folder, and what is in it.

    Raises:
        ValueError: there is no such notebook.
    """
    lesson.find([number])
    return {name: HANDED_OVER[name](folders.run_dir(name)) for name in needed(number)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("number", metavar="NUMBER", help="of the notebook to start, such as 6")
    number = parser.parse_args().number.zfill(2)
    try:
        placed = put_in_place(number)
    except (ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    for name, what in placed.items():
        print(f"{folders.run_dir(name)}: {what}")
    needs = "all it takes from others is there" if placed else "it takes nothing from others"
    print(f"notebook {number} can be started: {needs}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
