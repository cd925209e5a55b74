"""Where the data, the weights and the runs of the course lie."""

from __future__ import annotations

from pathlib import Path

from fermodels._shared.places import folder, root, shipped_data, shipped_weights
from fermodels.course.hardware import hardware_preset

__all__ = ["data", "finished_run", "root", "run_dir", "weights"]


def data(name: str) -> Path:
    """The file of a prepared data set that ships with the course.

    Args:
        name: "anny_views_kdef", "anny_views_ddcf", "anny_views_wide" or "second_faces", for
            `PreparedImages.read`, or "anny_clips", for `PreparedClips.read`. FERMODELS_DATA names
            another folder.
    """
    return shipped_data(name)


def weights(name: str) -> Path:
    """The folder of an encoder that ships with the course, for `from_pretrained`.

    Args:
        name: "clmex-anny-views", "clmex-anny-views-96px", "clmex-anny-views-early" (some minutes
            from new weights) or "simclr-anny-views" (`ImageEncoder`), or "conclugen-anny-clips"
            (`MultiModalEncoder`). FERMODELS_WEIGHTS names another folder.
    """
    return shipped_weights(name)


def run_dir(name: str) -> Path:
    """Where a run of a notebook keeps its files: `runs/<preset>/<name>`, not made yet.

    Args:
        name: number of the notebook and name of the run, as "02/clmex". Presets have folders of
            their own, so that a quick test never meets a longer run. FERMODELS_RUNS names another
            folder than `runs`.
    """
    return folder("FERMODELS_RUNS", "runs") / hardware_preset().name / name


def finished_run(name: str) -> Path:
    """The folder of a run that another notebook has finished; its `encoder/` can be loaded.

    Raises:
        FileNotFoundError: it is not there; the message names the notebook to run first.
    """
    path = run_dir(name)
    if not (path / "encoder").is_dir():
        number = name.split("/")[0]
        maker = next((root() / "notebooks").glob(f"{number}_*.ipynb"), None)
        maker = maker.name if maker else f"notebook {number}"
        raise FileNotFoundError(f"{path} holds no finished run: run {maker} first, up to its end")
    return path
