"""`python -m fermodels predict MODEL INPUT… --out table.csv`: expressions in images and films."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from fermodels._shared.paths import given_path, output_file, output_folder
from fermodels.crops import CROPS
from fermodels.data.containers import FILM_ENDINGS
from fermodels.experiments.annotating import FILM, annotate, annotate_film, check_folder
from fermodels.experiments.expression_models import NEIGHBORS
from fermodels.experiments.faces_in_media import MOST_FACES
from fermodels.experiments.given_media import Medium, check_apart, find_media
from fermodels.experiments.predict import EVERY, predict
from fermodels.experiments.predictions import TRAINED_ON, caution, check_curve, check_table


def command(arguments: list[str]) -> None:
    """Predict, write or print the table, draw images, films and the curve."""
    options = _parser().parse_args(arguments)
    media, _ = find_media(options.inputs)
    _check(options, media)
    found = predict(
        options.model,
        options.inputs,
        examples=options.examples,
        k=options.k,
        crop=options.crop,
        size=options.size,
        faces=options.faces,
        every=options.every,
        stride=options.stride,
        trained_on=options.trained_on,
        device=options.device,
    )
    if options.out is None:
        print(found.table.dropna(axis=1, how="all").to_string(index=False, na_rep=""))
    else:
        found.write(options.out, _command(arguments, options))
        print(f"{options.out}: {len(found.table):,} rows")
    if options.annotate is not None:
        if _is_film(options.annotate):
            written = [annotate_film(found, media[0], options.annotate)]
        else:
            written = annotate(found, options.annotate)
        print(f"{options.annotate}: {len(written):,} annotated")
    if options.curve is not None:
        print(found.draw_curve(options.curve))
    print(found.summary())
    print(found.about["caution"])


def _check(options: argparse.Namespace, media: Sequence[Medium]) -> None:
    """All that can be refused before any work.

    Raises:
        ValueError, OSError: an output cannot be written, or would replace what is read.
    """
    one_film = len(media) == 1 and media[0].kind == "film"
    outputs = [options.out, options.curve]
    if options.out is not None:
        check_table(options.out)
    if options.curve is not None:
        check_curve(options.curve)
        if not one_film:
            raise ValueError("--curve draws one film: name one, and nothing else")
    if options.annotate is not None:
        ending = options.annotate.suffix.lower()
        if _is_film(options.annotate):
            output_file(options.annotate)
            outputs.append(options.annotate)
            if not one_film:
                raise ValueError(f"--annotate {options.annotate}: for several files name a folder")
        elif ending in FILM_ENDINGS:
            raise ValueError(f"--annotate {options.annotate}: annotated films are {FILM} files")
        else:
            if options.annotate.exists() and not options.annotate.is_dir():
                raise NotADirectoryError(f"--annotate {options.annotate} is a file, not a folder")
            output_folder(options.annotate)
            check_folder(options.annotate, media)
    outputs = [path for path in outputs if path is not None]
    for path in outputs:
        check_apart(path, media)
    places = [path.resolve() for path in (*outputs, options.examples) if path is not None]
    if len(set(places)) < len(places):
        raise ValueError("two outputs, or an output and the examples, are one file: name others")


def _is_film(path: Path) -> bool:
    return path.suffix.lower() == FILM and not path.is_dir()


def _command(arguments: Sequence[str], options: argparse.Namespace) -> str:
    """How the table was made, without the folders of this machine."""
    names = [options.model, *options.inputs, options.examples, options.out, options.curve]
    folders = {str(path) for path in [*names, options.annotate] if path is not None}
    words = [Path(word).name if word in folders else word for word in arguments]
    return shlex.join(["python", "-m", "fermodels", "predict", *words])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fermodels predict",
        description="The expressions that faces in images and films show, by a fine-tuned "
        "classifier, or by an encoder and the labelled examples nearest to each face. Faces are "
        "found and cropped as those that the model was trained on.",
        epilog=f"{caution()} A table has a row for each face, and for each image or frame without "
        "one.",
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="folder of a classifier or encoder that save_pretrained wrote, or the name of an "
        "encoder that ships",
    )
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        type=given_path,
        help="images, films, folders of them, prepared files of images (.parquet), whose images "
        "are taken as they are",
    )
    path = {"type": given_path}
    parser.add_argument(
        "--examples", metavar="FILE.parquet", **path, help="labelled images, for an encoder"
    )
    parser.add_argument(
        "--k",
        type=int,
        default=NEIGHBORS,
        help="of an encoder: probabilities are the shares of the k nearest examples (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--out", metavar="TABLE", **path, help=".csv or .parquet; without it, it is printed"
    )
    parser.add_argument(
        "--annotate",
        metavar="DIR or FILM",
        **path,
        help="draw boxes and expressions into copies of the images and films, in a folder, or of "
        "one film into an .mp4",
    )
    parser.add_argument(
        "--curve",
        metavar="FILE.png",
        **path,
        help="of one film, probabilities over time, of the largest face of each frame",
    )
    parser.add_argument(
        "--crop",
        choices=CROPS,
        help="around faces, the largest square in the middle, or the whole image (default: as the "
        "examples were cropped, else face)",
    )
    parser.add_argument(
        "--size",
        type=int,
        help="pixels of a crop, as of the images that the model was trained on (default: as the "
        "examples, else 96 or what the classifier takes if that is more)",
    )
    parser.add_argument(
        "--faces",
        metavar="N",
        type=int,
        default=MOST_FACES,
        help="at most the N largest of an image (default: %(default)s)",
    )
    sampling = parser.add_mutually_exclusive_group()
    sampling.add_argument(
        "--every",
        metavar="SECONDS",
        type=float,
        help=f"of a film, a frame every so often (default: {EVERY:g})",
    )
    sampling.add_argument("--stride", metavar="N", type=int, help="of a film, every Nth frame")
    parser.add_argument(
        "--trained-on",
        metavar="TEXT",
        default=TRAINED_ON,
        help="what the model was trained on, for the line below images and curves (default: "
        "%(default)s)",
    )
    parser.add_argument("--device", help="such as cuda; default: the GPU if there is one")
    return parser
