"""`python -m data_prep anny-views OUT.parquet …`, `python -m data_prep kdef RAW OUT.parquet …`."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from importlib import import_module

from data_prep.io.raw import MAX_ERROR, shortened

# Name → module and what it does. Modules are imported when they are chosen.
MAKERS = {
    "anny-views": ("synthetic.anny_views", "render the Anny Views data set"),
    "second-face-model": (
        "synthetic.second_face_model",
        "render faces of another face model, for judging only",
    ),
    "anny-clips": ("synthetic.anny_clips", "make the Anny Clips data set: faces that speak"),
    "turning-head": ("synthetic.turning_head", "render a film of turning heads, to try a camera"),
    "features": ("features", "run frozen backbones over prepared clips"),
    "mosei-features": ("importers.mosei_features", "take the features of CMU-MOSEI's .csd files"),
}
IMPORTERS = {
    "kdef": ("importers.kdef", "import KDEF: adults, 7 expressions, 5 views"),
    "ddcf": ("importers.ddcf", "import DDCF: children, 8 expressions, 5 views"),
    "image-folder": ("importers.image_folder", "import images of your own"),
    "rafd": ("importers.rafd", "import RaFD: 67 people, 8 expressions, 3 gazes, 5 views"),
    "manyfaces": ("importers.manyfaces", "import ManyFaces: 200 people, 7 expressions, 5 views"),
    "multi-pie": ("importers.multi_pie", "import Multi-PIE: 337 people, 15 cameras, 20 lights"),
    "raf-db": ("importers.raf_db", "import RAF-DB: faces from the internet, 7 expressions"),
    "fer-plus": ("importers.fer_plus", "import FER2013 with the votes of FER+"),
    "multiface": ("importers.multiface", "import views of Multiface's captures"),
    "mead-images": ("importers.mead_images", "import MEAD: speakers as seven cameras saw them"),
    "mosei": ("importers.mosei", "import CMU-MOSEI: clips with sentiment and emotions"),
    "meld": ("importers.meld", "import MELD: clips of dialogues"),
    "caer": ("importers.caer", "import CAER (clips) or CAER-S (stills)"),
    "ravdess": ("importers.ravdess", "import RAVDESS: actors who speak and sing"),
    "crema-d": ("importers.crema_d", "import CREMA-D: actors, and how people judged them"),
    "mead-clips": ("importers.mead_clips", "import MEAD: clips of actors, by one of its cameras"),
    "voxceleb2": ("importers.voxceleb2", "import VoxCeleb2: unlabelled clips of speakers"),
}


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    pass


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m data_prep", description="Make prepared data sets."
    )
    makers = parser.add_subparsers(dest="maker", required=True, metavar="MAKER")
    for name, (module, what) in (MAKERS | IMPORTERS).items():
        own = makers.add_parser(name, help=what, formatter_class=_Help)
        if name != chosen:
            continue
        maker = import_module(f"data_prep.{module}")
        own.description = maker.__doc__
        maker.add_arguments(own)
        if name in IMPORTERS:
            from data_prep.io.importing import run_importer

            own.set_defaults(run=partial(run_importer, maker))
    return parser


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        options = _parser(arguments[0] if arguments else None).parse_args(arguments)
        options.run(options)
    except (ValueError, OSError, ImportError) as error:
        print(f"data_prep: {shortened(str(error), MAX_ERROR)}", file=sys.stderr)
        return 2
    except (BrokenProcessPool, MemoryError) as error:
        died = isinstance(error, BrokenProcessPool)
        what = "a working process died (out of memory?)" if died else error
        print(
            f"data_prep: {what}; the same command goes on from here, and fewer --jobs need less "
            "memory",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("data_prep: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
