"""Batches of clips, of every clip a view drawn anew each time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fermodels.data.feature_dataset import FeatureDataset
from fermodels.data.samplers import EpochSampler, RandomBatchSampler


class _Views:
    """Of every clip in a batch views drawn anew, as the numbers of items of the data set."""

    def __init__(self, dataset: FeatureDataset, num_views: int) -> None:
        if num_views not in (0, 1, 2):
            raise ValueError(f"num_views must be 1, 2 or 0 (the clean one), got {num_views!r}")
        if num_views == 2 and dataset.views_per_clip < 2:
            raise ValueError(
                "two views of each clip are wanted, but the features hold the clean one alone: "
                "compute them with num_augmentations=1 or more"
            )
        self.count, self.num_views = dataset.views_per_clip, num_views

    def items(self, clips: np.ndarray, rng: np.random.Generator) -> list[int]:
        first = rng.integers(self.count, size=len(clips))
        step = rng.integers(1, max(self.count, 2), size=len(clips))
        if self.num_views == 0:
            return (clips * self.count).tolist()
        if self.num_views == 1:
            return (clips * self.count + first).tolist()
        both = np.concatenate([first, (first + step) % self.count])
        return (np.tile(clips, 2) * self.count + both).tolist()


class ClipBatchSampler(RandomBatchSampler):
    """Batches of shuffled clips, of every clip a view drawn anew each time.

    Order and views depend on (seed, epoch) alone, so that a resumed run repeats them.

    Args:
        dataset: a `FeatureDataset`.
        batch_size: clips a batch; if there are fewer clips than this, a batch holds all.
        num_views: 1, drawn at random; 2 different ones (the batch is then twice as long: one
            view of each clip, then the other in the same order); or 0, the clean one.
        seed, drop_last, num_batches, rank, num_replicas: see `RandomBatchSampler`.

    Raises:
        ValueError: two views of features that have no augmented copy, or another `num_views`.
    """

    def __init__(
        self,
        dataset: FeatureDataset,
        batch_size: int,
        num_views: int = 1,
        seed: int = 0,
        drop_last: bool = True,
        num_batches: int | None = None,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        super().__init__(
            dataset.clips, batch_size, seed, drop_last, num_batches, rank, num_replicas
        )
        self.views = _Views(dataset, num_views)

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"num_views": self.views.num_views}

    def __iter__(self) -> Iterator[list[int]]:
        for number, clips in enumerate(super().__iter__()):
            yield self.views.items(np.asarray(clips), self._batch_rng(number))


class SpeakerBatchSampler(EpochSampler):
    """Batches of clips of one speaker, or a few, of every clip a view drawn anew each time.

    Face, voice and manner of speaking give a person away in every modality. Among clips of many
    people, whoever knows the person can tell which video belongs to which sound, and needs to
    learn nothing of emotions. Among clips of one person that is no help. (CL-MEx does the same
    with `fermodels.data.SubjectBatchSampler`.)

    Args:
        dataset: a `FeatureDataset`.
        speakers: int (N,), who speaks in each clip of the feature set that `dataset` is made from
            (`PreparedClips.subject_ids`). Someone with a single clip is left out.
        speakers_per_batch: how many. If there are fewer than this, a batch holds all there are.
        batch_size: clips a batch at most; a speaker with more is cut into pieces of equal size,
            anew in every epoch.
        num_views, seed, rank, num_replicas: see `ClipBatchSampler`. What is left of an epoch
            after the last full batch is dropped.

    Raises:
        ValueError: as `ClipBatchSampler`, no speaker has two clips, or fewer than two clips of
            each speaker fit into a batch.
    """

    def __init__(
        self,
        dataset: FeatureDataset,
        speakers: Sequence[int] | np.ndarray,
        speakers_per_batch: int = 1,
        batch_size: int = 256,
        num_views: int = 1,
        seed: int = 0,
        rank: int = 0,
        num_replicas: int = 1,
    ) -> None:
        super().__init__(seed, rank, num_replicas)
        if speakers_per_batch < 1 or batch_size < 2 * speakers_per_batch:
            raise ValueError(
                "a batch needs one speaker or more, and two clips of each; got "
                f"{speakers_per_batch} speakers and {batch_size} clips"
            )
        own = np.asarray(speakers)[dataset.indices]
        self.batch_size = batch_size
        self.speakers = hashlib.sha256("\n".join(map(str, own.tolist())).encode()).hexdigest()
        members = [np.flatnonzero(own == speaker) for speaker in np.unique(own)]
        self.members = [clips for clips in members if len(clips) > 1]
        if not self.members:
            raise ValueError("every speaker has a single clip: take a ClipBatchSampler")
        most = batch_size // speakers_per_batch
        # No piece of a single clip, which would have nobody to be told from.
        self.pieces = [min(-(-len(clips) // most), len(clips) // 2) for clips in self.members]
        self.speakers_per_batch = min(speakers_per_batch, sum(self.pieces))
        self.views = _Views(dataset, num_views)
        self._own(sum(self.pieces) // self.speakers_per_batch)

    def settings(self) -> dict[str, Any]:
        return super().settings() | {
            "speakers": self.speakers,
            "speakers_per_batch": self.speakers_per_batch,
            "batch_size": self.batch_size,
            "num_views": self.views.num_views,
        }

    def __len__(self) -> int:
        return self._own(sum(self.pieces) // self.speakers_per_batch)

    def __iter__(self) -> Iterator[list[int]]:
        rng = self._rng()
        pieces = [
            piece
            for clips, count in zip(self.members, self.pieces, strict=True)
            for piece in np.array_split(rng.permutation(clips), count)
        ]
        order = rng.permutation(len(pieces))
        for number in range(len(self)):
            start = (number * self.num_replicas + self.rank) * self.speakers_per_batch
            chosen = order[start : start + self.speakers_per_batch]
            clips = np.concatenate([pieces[i] for i in chosen])
            yield self.views.items(clips, self._batch_rng(number))


def even_batch_size(clips: int, batch_size: int) -> int:
    """The largest size up to `batch_size` that cuts the clips into batches of about equal size.

    With 756 clips and 256, batches of 252: a last batch of 244 clips would be dropped.
    """
    return clips // max(1, -(-clips // batch_size))
