"""The folder of a run: its settings, its checkpoint, and what it leaves behind."""

import io
import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fermodels._shared.files import replace_file
from fermodels._shared.plain import from_json, plain, to_json
from fermodels.training.loggers import FOLDER as LOGS
from fermodels.training.run_settings import FORMAT, differences

CHECKPOINT, HISTORY, SETTINGS = "last.ckpt", "history.csv", "settings.json"
FILES, FOLDERS = (CHECKPOINT, HISTORY, SETTINGS), ("encoder", "classifier", LOGS)


def clear_run(run_dir: Path) -> None:
    """Delete what is there of a run."""
    for name in FILES:
        (run_dir / name).unlink(missing_ok=True)
    for name in FOLDERS:
        shutil.rmtree(run_dir / name, ignore_errors=True)


def open_run(
    run_dir: Path, settings: dict[str, Any], extend: bool, any_precision: bool
) -> tuple[dict[str, Any] | None, list[list[int]]]:
    """Compare a run with the one in its folder, and read its checkpoint.

    Args:
        run_dir: the folder, which may not be there.
        settings: of the run that is asked for, as JSON.
        extend: whether a finished run may become longer.
        any_precision: a finished run may have another precision than the one in `settings`.

    Returns:
        The checkpoint to go on from, if there is one; and (step, epoch) where the run was made
        longer, for each time.

    Raises:
        ValueError: it is another run (what differs is named), or a file cannot be read.
    """
    checkpoint = run_dir / CHECKPOINT
    if not checkpoint.exists():
        if extend:
            raise ValueError(f"extend=True makes a finished run longer; {run_dir} holds none")
        return None, []
    before = _read_settings(run_dir, checkpoint)
    saved = _read_checkpoint(checkpoint)
    done = _is_finished(before, saved)
    if before.get("format") != FORMAT and not done:
        raise ValueError(
            f"{checkpoint} is of an unfinished run of an earlier version of fermodels, which this "
            "one cannot continue: finish it with that version, take another run_dir, or "
            "resume=False to delete that run and start anew"
        )
    extended = [list(place) for place in before.get("extended", [])]
    settings = dict(settings)
    longer = _is_longer(before, settings)
    if done and any_precision and not longer and "precision" in before:
        settings["precision"] = before["precision"]
    if extend and longer:
        if not done:
            raise ValueError(
                f"{run_dir} holds a run that is not finished ({saved['global_step']} steps): "
                "finish it without extend=True first"
            )
        extended.append([saved["global_step"], saved["epoch"] + 1])
        before = before | {"length": settings["length"]}
    settings["extended"] = before["extended"] = extended
    if changes := list(differences(before, settings)):
        longer = " To train a finished run on, pass extend=True." if longer else ""
        raise ValueError(
            f"{run_dir} holds a run with other settings: {'; '.join(changes)}. Take another "
            f"run_dir, or resume=False to delete that run and start anew.{longer}"
        )
    return saved, extended


def write_settings(run_dir: Path, settings: dict[str, Any]) -> None:
    run_dir.mkdir(parents=True, exist_ok=True)
    text = to_json(settings, indent=2) + "\n"
    replace_file(run_dir / SETTINGS, text.encode())


def write_checkpoint(run_dir: Path, checkpoint: Mapping[str, Any], history: bytes) -> None:
    """Files that are whole or not there; tensors and plain values only."""
    buffer = io.BytesIO()
    # A learning rate of NumPy's would be refused when the checkpoint is loaded.
    kept = {
        name: value
        if name in ("state_dict", "history")
        else plain(value, other=lambda tensor: tensor)
        for name, value in checkpoint.items()
    }
    torch.save(kept, buffer)
    replace_file(run_dir / CHECKPOINT, buffer.getvalue())
    replace_file(run_dir / HISTORY, history)


def saved_rows(checkpoint: Mapping[str, Any]) -> list[dict[str, float]]:
    """The history in a checkpoint, of the first release, too."""
    if "history" in checkpoint:
        return checkpoint["history"]
    states = checkpoint["callbacks"].values()
    return next(state["rows"] for state in states if "rows" in state)


def save_modules(method: nn.Module, run_dir: Path) -> None:
    """Export the encoder, and of a classifier the whole; warn of what has no way to be exported."""
    for name in ("encoder", "classifier"):
        module = getattr(method, name, None)
        if module is None:
            continue
        try:
            exported = hasattr(module, "save_pretrained")
            if exported:
                module.save_pretrained(run_dir / name)
        except TypeError:  # of a classifier on an encoder that cannot be
            exported = False
        if not exported:
            _save_tensors(module, run_dir / name)


def _save_tensors(module: nn.Module, folder: Path) -> None:
    """The weights of any module as safetensors, beside the name of its class."""
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: value.detach().cpu().contiguous().clone()
        for name, value in module.state_dict().items()
    }
    replace_file(folder / "model.safetensors", save(tensors, metadata={"format": "pt"}))
    about = {"class": f"{type(module).__module__}.{type(module).__qualname__}"}
    about["load"] = "module.load_state_dict(safetensors.torch.load_file('model.safetensors'))"
    replace_file(folder / "config.json", (json.dumps(about, indent=2) + "\n").encode())
    warnings.warn(
        f"{type(module).__name__} cannot be exported as a whole: {folder} holds its weights alone, "
        "to be loaded into a module of the same class with load_state_dict",
        UserWarning,
        stacklevel=4,
    )


def _read_settings(run_dir: Path, checkpoint: Path) -> dict[str, Any]:
    path = run_dir / SETTINGS
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read, so it is not known which run {checkpoint} belongs to: "
            "take another run_dir, or resume=False to start anew"
        ) from error


def _read_checkpoint(path: Path) -> dict[str, Any]:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read ({error}): delete it, or pass resume=False, to start anew"
        ) from error


def _is_finished(settings: dict[str, Any], saved: dict[str, Any]) -> bool:
    length = settings["length"]
    if length.get("max_steps") is not None:
        return saved["global_step"] >= length["max_steps"]
    return saved["epoch"] + 1 >= length["epochs"]


def _is_longer(before: dict[str, Any], now: dict[str, Any]) -> bool:
    return any(
        None not in (old := before["length"].get(name), new := now["length"].get(name))
        and new > old
        for name in ("epochs", "max_steps")
    )
