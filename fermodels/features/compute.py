"""Features of all clips of a data set, with progress, in several processes, resumable."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from fermodels._shared.modalities import MODALITIES
from fermodels._shared.parts import folder_of_parts
from fermodels._shared.paths import given_path, output_file
from fermodels._shared.places import DEFAULT_VIDEO
from fermodels._shared.plain import plain
from fermodels._shared.progress import progress_wanted
from fermodels._shared.shards import Shard
from fermodels._shared.workers import in_processes, one_torch_thread, start_worker
from fermodels.features.backbone import Backbone, FeatureError
from fermodels.features.backbones import audio_backbone, text_backbone, video_backbone
from fermodels.features.feature_set import FeatureSet
from fermodels.features.parts import read_chunk, write_chunk
from fermodels.features.tfidf import TfidfSvd

if TYPE_CHECKING:
    from fermodels.data import PreparedClips

CHUNK = 16  # clips that are computed, and after a crash computed again, together


def compute_features(
    clips: PreparedClips,
    out: str | os.PathLike | None = None,
    *,
    video: str | Backbone | None = DEFAULT_VIDEO,
    audio: str | Backbone | None = "log-mel",
    text: str | Backbone | None = "tfidf",
    num_augmentations: int = 10,
    train_indices: Sequence[int] | np.ndarray | None = None,
    seed: int = 0,
    jobs: int = 1,
    device: str = "cpu",
    nonfinite: str = "error",
    progress: bool | None = None,
    resume: bool = True,
    shard: str | Shard | None = None,
) -> FeatureSet:
    """Run a frozen backbone for each modality over every clip and its augmented copies.

    Copies: of the frames a random half with one crop, turn, mirror and colour for all; of the
    sound the log-mel spectrogram with hidden bands and frames; of the text the words with some
    dropped and two swapped. Copy 0 is the clip as it is. What a copy looks like follows from
    (seed, clip id, number of the copy) alone, and a clip is computed by itself: neither the order
    nor the other clips nor the number of processes changes its features.

    Args:
        clips: the data set.
        out: a .safetensors file to write, in a folder that exists; None keeps the features in
            memory only. Finished chunks lie in `OUT.parts` until the file is whole.
        video, audio, text: the name of a backbone (see :func:`video_backbone`,
            :func:`audio_backbone`, :func:`text_backbone`), such an object, or None to leave the
            modality out.
        num_augmentations: how many copies beside the clean one.
        train_indices: the clips that "tfidf" is fitted on; default
            `clips.split("subject")["train"]`.
        seed: 0 or more.
        jobs: processes, each with one thread. A script that asks for more than one needs
            `if __name__ == "__main__":` around its work.
        device: where backbones given by name run.
        nonfinite: "error" or "zero": what to do with NaN and infinite features.
        progress: a bar; None shows it unless the environment has CI set or FERMODELS_PROGRESS=0.
        resume: take a finished file, or the finished chunks of an interrupted run, of the same
            data set, backbones and settings; what was made otherwise is computed again.
        shard: "2/8" computes the second of eight shares of the clips, by people, as if it were
            computed with the others; :func:`merge_features` puts the eight files together.

    Raises:
        FeatureError: an unknown backbone, a modality without training rows to be fitted on, no
            modality at all, or features that are not finite.
        PreparedError: a clip cannot be decoded.
        ValueError: another process is making `out`, files that are not its own lie in
            `OUT.parts`, or there are fewer people than shards.

    Warns:
        UserWarning: no clip has a modality that was asked for; it is left out.
    """
    out = _checked_path(out)
    if num_augmentations < 0 or jobs < 1 or seed < 0:
        raise ValueError(
            "num_augmentations and seed must be 0 or more, jobs 1 or more; got "
            f"{num_augmentations}, {seed}, {jobs}"
        )
    wanted = {"video": video, "audio": audio, "text": text}
    wanted = _that_there_are(clips, {m: b for m, b in wanted.items() if b is not None})
    backbones = {m: _backbone(m, b, clips, train_indices, device) for m, b in wanted.items()}
    whole = _Task(clips, backbones, num_augmentations, seed)
    settings = {"num_augmentations": num_augmentations, "seed": seed, "job": whole.fingerprint()}
    task = whole
    if shard is not None:
        shard = Shard.parse(shard) if isinstance(shard, str) else shard
        rows = shard.rows(clips.table["subject"].tolist())
        settings |= {"shard": str(shard), "rows": rows}
        task = replace(whole, clips=clips.subset(rows))
    if out is not None and resume and (done := _finished(out, settings)) is not None:
        return done

    job = f"{settings['job']} {shard or ''}".strip()
    with nullcontext() if out is None else folder_of_parts(out, job, resume) as folder:
        chunks = _run(task, folder, jobs, progress)
        tensors = {name: torch.cat([chunk[name] for chunk in chunks]) for name in chunks[0]}
        features = FeatureSet(
            {m: tensors[m] for m in backbones},
            {m: tensors[f"present.{m}"] for m in backbones},
            clips=task.ids,
            fingerprint=clips.fingerprint(),
            backbones={m: backbone.name for m, backbone in backbones.items()},
            settings=settings,
            text_model=_model_of(backbones.get("text")),
            nonfinite=nonfinite,
        )
        if out is not None:
            features.write(out)
    return features


def generator_for(seed: int, clip: str, copy: int, modality: str) -> torch.Generator:
    """The random numbers of one copy of one clip in one modality."""
    text = json.dumps([seed, clip, copy, modality], default=plain)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    return torch.Generator().manual_seed(number % 2**63)


@dataclass
class _Task:
    """All that features depend on."""

    clips: PreparedClips
    backbones: Mapping[str, Backbone]
    num_augmentations: int
    seed: int

    @property
    def ids(self) -> list[str]:
        return self.clips.table["clip"].astype(str).tolist()

    @property
    def chunks(self) -> int:
        return -(-len(self.clips) // CHUNK)

    def fingerprint(self) -> str:
        names = {m: [b.name, b.dim] for m, b in self.backbones.items()}
        settings = [
            1,
            CHUNK,
            self.clips.fingerprint(),
            self.ids,
            names,
            self.num_augmentations,
            self.seed,
        ]
        return hashlib.sha256(json.dumps(settings, default=plain).encode()).hexdigest()

    def compute(self, chunk: int) -> dict[str, Tensor]:
        """Features float32 (n, 1 + num_augmentations, D) and presence (n,) of a chunk's clips."""
        rows = range(chunk * CHUNK, min((chunk + 1) * CHUNK, len(self.clips)))
        ids = self.ids
        tensors = {}
        for modality, backbone in self.backbones.items():
            values = torch.zeros(len(rows), 1 + self.num_augmentations, backbone.dim)
            present = torch.zeros(len(rows), dtype=torch.bool)
            for i, row in enumerate(rows):
                given = self._input(modality, row)
                if given is not None:
                    present[i] = True
                    values[i] = self._augmented(modality, ids[row], given)
            tensors |= {modality: values, f"present.{modality}": present}
        return tensors

    def _input(self, modality: str, row: int) -> np.ndarray | str | None:
        if modality == "text":
            return self.clips.transcript(row)
        if modality == "audio":
            rate = getattr(self.backbones["audio"], "sample_rate", 16_000)
            return self.clips.waveform(row, rate)
        frames = self.clips.frames(row)
        return None if frames is None else frames[0]

    def _augmented(self, modality: str, clip: str, given: np.ndarray | str) -> Tensor:
        numbers = range(1, 1 + self.num_augmentations)
        generators = [generator_for(self.seed, clip, number, modality) for number in numbers]
        try:
            return self.backbones[modality].augmented(
                given, generators
            )  # (1 + num_augmentations, D)
        except (ValueError, RuntimeError) as error:
            name = self.backbones[modality].name
            raise FeatureError(f"clip {clip!r}, {modality} by {name}: {error}") from error


def _run(
    task: _Task, folder: Path | None, jobs: int, progress: bool | None
) -> list[dict[str, Tensor]]:
    from tqdm.auto import tqdm

    done = {}
    if folder is not None:
        read = {i: read_chunk(folder, i) for i in range(task.chunks)}
        done = {i: chunk for i, chunk in read.items() if chunk is not None}
    missing = [i for i in range(task.chunks) if i not in done]
    with tqdm(
        total=len(task.clips),
        initial=min(len(done) * CHUNK, len(task.clips)),
        unit="clip",
        desc="features",
        disable=not progress_wanted(progress),
    ) as bar:
        for index, tensors in _chunks(task, missing, min(jobs, len(missing))):
            if folder is not None:
                write_chunk(folder, index, tensors)
            done[index] = tensors
            bar.update(len(next(iter(tensors.values()))))
    return [done[i] for i in range(task.chunks)]


def _chunks(task: _Task, missing: list[int], jobs: int) -> Iterator[tuple[int, dict[str, Tensor]]]:
    if jobs <= 1:
        with one_torch_thread():
            for index in missing:
                yield index, task.compute(index)
        return
    # Bytes: torch would otherwise hand the weights over in shared memory, of which a container
    # may have too little.
    payload = pickle.dumps(task)
    tasks = ((index,) for index in missing)
    for number, found in in_processes(_compute, tasks, jobs, _start, (payload,)):
        yield missing[number], {k: torch.from_numpy(v) for k, v in found.items()}


_task: _Task  # of this process, set by `_start`


def _start(payload: bytes) -> None:
    global _task
    start_worker()
    _task = pickle.loads(payload)


def _compute(index: int) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in _task.compute(index).items()}


def _checked_path(out: str | os.PathLike | None) -> Path | None:
    if out is None:
        return None
    out = given_path(out)
    if out.suffix != ".safetensors" or not out.parent.is_dir() or out.is_dir():
        raise ValueError(f"{out}: must be a .safetensors file in a folder that exists")
    return output_file(out)


def _that_there_are(clips: PreparedClips, wanted: dict) -> dict:
    """The modalities that some clip has; warns about the others."""
    if not wanted:
        raise FeatureError(f"all modalities are None: name a backbone for {', '.join(MODALITIES)}")
    there = {m: b for m, b in wanted.items() if clips.present[m].any()}
    absent = ", ".join(m for m in wanted if m not in there)
    if not there:
        raise FeatureError(f"{clips.source}: no clip has {absent}")
    if absent:
        warnings.warn(
            f"{clips.source}: no clip has {absent}, which is left out", UserWarning, stacklevel=3
        )
    return there


def _backbone(
    modality: str,
    wanted: str | Backbone,
    clips: PreparedClips,
    train_indices: Sequence[int] | np.ndarray | None,
    device: str,
) -> Backbone:
    if not isinstance(wanted, str):
        return wanted
    if modality == "video":
        return video_backbone(wanted, device=device)
    options = {"device": device} if wanted.startswith("hf:") else {}
    if modality == "audio":
        return audio_backbone(wanted, **options)
    sentences = None
    if wanted == "tfidf":
        rows = clips.split("subject")["train"] if train_indices is None else train_indices
        # subset(…) knows masks and negative numbers, and says which row is outside.
        chosen = clips.subset(rows)
        found = (chosen.transcript(row) for row in range(len(chosen)))
        sentences = [sentence for sentence in found if sentence is not None]
    return text_backbone(wanted, sentences, **options)


def _model_of(backbone: Backbone | None):
    return backbone if isinstance(backbone, TfidfSvd) else None


def _finished(out: Path, settings: Mapping[str, Any]) -> FeatureSet | None:
    """The features in `out`, where they are those that were asked for."""
    try:
        features = FeatureSet.read(out)
    except FeatureError:
        return None
    same = all(features.settings.get(name) == settings.get(name) for name in ("job", "shard"))
    return features if same else None
