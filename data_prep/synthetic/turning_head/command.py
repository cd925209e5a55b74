"""A film of heads that turn from profile to profile, halt, and show expressions, to try a camera.

OUT ends in .mp4 (H.264) or in .y4m (raw, about 0.5 MB a frame of 640x480), which Chromium takes for
a camera: --use-fake-device-for-media-stream --use-file-for-fake-video-capture=OUT.y4m. The head
comes from 0 degrees, halts at 0, -45, -90, 45 and 90 and goes back to 0, so that the film can be
played again and again. There is no sound.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from data_prep.io.film_files import check_film, write_film
from data_prep.io.parts import check_out
from data_prep.synthetic.turning_head.film import EXPRESSIONS, Film, frames, truth
from fermodels._shared.files import replacing
from fermodels._shared.paths import given_path
from fermodels._shared.progress import progress_wanted
from fermodels.faces import ACTIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("out", metavar="OUT.mp4", type=given_path)
    parser.add_argument("--person", type=int, default=2, help="number of who turns")
    parser.add_argument("--seed", type=int, default=0, help="of how they move, talk and blink")
    parser.add_argument("--faces", type=int, default=1, help="1, or 2 people beside each other")
    parser.add_argument(
        "--expressions",
        default=",".join(EXPRESSIONS),
        help="names, separated by commas: shown one after the other where the head halts",
    )
    parser.add_argument(
        "--hold",
        action="store_true",
        help="one expression is held from beginning to end, without talking",
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--size", type=_size, default=(640, 480), help="width x height in pixels")
    parser.add_argument("--fps", type=float, default=25.0, help="frames a second")
    parser.add_argument(
        "--missing",
        type=_stretch,
        action="append",
        default=[],
        metavar="A-B",
        help="nobody is there from second A to second B; can be given again",
    )
    parser.add_argument(
        "--truth",
        metavar="OUT.parquet",
        type=given_path,
        help="write yaw, expression and facial actions of each frame there",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    film = Film(
        person=options.person,
        seed=options.seed,
        faces=options.faces,
        expressions=tuple(name for name in options.expressions.split(",") if name),
        seconds=options.seconds,
        size=options.size,
        fps=options.fps,
        missing=tuple(options.missing),
        hold=options.hold,
    )
    make(options.out, film, options.truth)


def make(out: str | os.PathLike, film: Film, truth_out: str | os.PathLike | None = None) -> Path:
    """Renders a film to `out`, and what is true in its frames to `truth_out`.

    Raises:
        ValueError: `out` does not end in .mp4 or .y4m, `truth_out` not in .parquet, or the folder
            of one of them does not exist.
        OSError: nothing can be written there.
    """
    from tqdm import tqdm

    out = check_film(out)
    if truth_out is not None:
        _write_truth(check_out(truth_out), film)
    shown = tqdm(frames(film), total=len(film.times), unit="frame", disable=not progress_wanted())
    return write_film(out, shown, film.fps)


def _write_truth(out: Path, film: Film) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    width, height = film.size
    about = {
        "name": "turning-head",
        "fps": film.fps,
        "frames": len(film.times),
        "size": [width, height],
        "action_names": list(ACTIONS),
        "command": _command(film),
    }
    table = pa.Table.from_pandas(truth(film), preserve_index=False)
    table = table.replace_schema_metadata({b"fermodels": json.dumps(about).encode()})
    with replacing(out) as temporary:
        pq.write_table(table, temporary)


def _command(film: Film) -> str:
    width, height = film.size
    away = "".join(f" --missing {start:g}-{stop:g}" for start, stop in film.missing)
    hold = " --hold" if film.hold else ""
    return (
        f"python -m data_prep turning-head OUT.mp4 --person {film.person} --seed {film.seed} "
        f"--faces {film.faces} --expressions {','.join(film.expressions)} "
        f"--seconds {film.seconds:g} --size {width}x{height} --fps {film.fps:g}{away}{hold}"
    )


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    try:
        return int(width), int(height)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size like 640x480") from None


def _stretch(text: str) -> tuple[float, float]:
    start, _, stop = text.partition("-")
    try:
        return float(start), float(stop)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} are no seconds like 3-5") from None
