"""CMU-MOSEI's features (.csd) → a FeatureSet beside the prepared clips, for ConCluGen.

FACET or OpenFace stand for the video, COVAREP for the audio, GloVe for the text: of each clip the
mean over the rows in its interval. There is one copy of each clip, without augmentation, since the
media that could be augmented are not in these files.
"""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

import numpy as np

from data_prep.importers.csd import CsdError, Sequence, mean_features
from data_prep.importers.mosei import LABELS, WORDS, rows_of, sequences
from data_prep.io.raw import RawSource
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.shards import add_shard_argument
from fermodels._shared.paths import given_path
from fermodels._shared.progress import progress_wanted
from fermodels._shared.shards import Shard

if TYPE_CHECKING:
    from fermodels.data import PreparedClips
    from fermodels.features import FeatureSet

# Modality → roots of the sequences that may stand for it; the first that is there is taken.
ROOTS = {
    "video": ("FACET 4.2", "OpenFace_2"),
    "audio": ("COVAREP",),
    "text": ("glove_vectors", "glove_vectors_with_sp"),
}
_LARGEST = float(np.finfo(np.float16).max)
EXPECTED = (
    "CMU_MOSEI_VisualFacet42.csd or CMU_MOSEI_VisualOpenFace2.csd, CMU_MOSEI_COVAREP.csd, "
    "CMU_MOSEI_TimestampedWordVectors.csd"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "raw", metavar="RAW", type=given_path, help="folder or archive of the .csd files"
    )
    parser.add_argument(
        "clips", metavar="IN.parquet", type=given_path, help="made by `python -m data_prep mosei`"
    )
    parser.add_argument("out", metavar="OUT.safetensors", type=given_path)
    for modality, roots in ROOTS.items():
        parser.add_argument(
            f"--{modality}",
            metavar="ROOT",
            help=f"the sequence that stands for it, such as {roots[-1]}, or none",
        )
    add_shard_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    from fermodels.data import PreparedClips

    if options.out.suffix != ".safetensors" or not options.out.parent.is_dir():
        raise ValueError(f"{options.out}: must be a .safetensors file in a folder that exists")
    clips = PreparedClips.read(options.clips)
    report = ImportReport("mosei-features", str(options.raw))
    raw = RawSource.open(options.raw)
    wanted = {m: getattr(options, m) for m in ROOTS}
    features = mosei_features(raw, clips, report, wanted, options.shard)
    features.write(options.out)
    print(report.text())
    print(features)


def mosei_features(
    raw: RawSource,
    clips: PreparedClips,
    report: ImportReport,
    wanted: dict[str, str | None] | None = None,
    shard: Shard | None = None,
) -> FeatureSet:
    """Features of the clips, in their order; a clip without rows in a sequence lacks the modality.

    Args:
        wanted: modality → root of a sequence, "none", or None for the usual one.
        shard: only the clips of one, which has all modalities that were chosen, also those that
            none of its clips has: see :func:`fermodels.features.merge_features`.

    Raises:
        NothingUsable: no sequence of features in the raw data, or none that was asked for.
        ValueError: the clips are not CMU-MOSEI's.
    """
    from fermodels.features import FeatureSet

    missing = [c for c in ("clip", "subject", "start", "end") if c not in clips.table]
    if missing:
        raise ValueError(
            f"{clips.source} has no column {', '.join(missing)}: make it with `python -m "
            "data_prep mosei RAW OUT.parquet`"
        )
    settings = {"num_augmentations": 0, "pooling": "mean over the rows in the interval"}
    chosen = clips
    if shard is not None:
        rows = shard.rows(clips.table["subject"].tolist())
        settings |= {"shard": str(shard), "rows": rows}
        chosen = clips.subset(rows)
    tensors, present, backbones = {}, {}, {}
    with sequences(raw, report, lambda name: "phones" not in name.lower()) as found:
        for modality, root in _chosen(found, wanted or {}, raw).items():
            values, there = _pooled(found[root], chosen, report)
            if not there.any() and shard is None:
                report.warn(f"{root} has nothing of these clips: no {modality}")
                continue
            tensors[modality], present[modality] = values[:, None], there
            backbones[modality] = f"csd:{root}"
            report.counts[modality] = {root: int(there.sum())}
    if not tensors:
        raise NothingUsable(EXPECTED, "none of the clips in these files")
    report.found, report.kept = len(chosen), int(np.any(list(present.values()), axis=0).sum())
    return FeatureSet(
        tensors,
        present,
        clips=chosen.table["clip"].tolist(),
        fingerprint=clips.fingerprint(),
        backbones=backbones,
        settings=settings,
    )


def _chosen(
    found: dict[str, Sequence], wanted: dict[str, str | None], raw: RawSource
) -> dict[str, str]:
    chosen = {}
    for modality, roots in ROOTS.items():
        name = wanted.get(modality)
        if name == "none":
            continue
        if name is not None and name not in found:
            raise NothingUsable(
                f"a sequence {name!r} (--{modality})", ", ".join(sorted(found)) or "no sequence"
            )
        root = name or next((root for root in roots if root in found), None)
        if root is not None:
            chosen[modality] = root
    if not chosen:
        others = sorted(set(found) - {LABELS, WORDS})
        seen = ", ".join(others) or f"none among {len(raw.files):,} files"
        raise NothingUsable(EXPECTED, seen)
    return chosen


def _pooled(
    sequence: Sequence, clips: PreparedClips, report: ImportReport
) -> tuple[np.ndarray, np.ndarray]:
    """Mean features float32 (N, D) and presence (N,)."""
    from tqdm.auto import tqdm

    table = clips.table
    columns = (table[name] for name in ("clip", "subject", "start", "end"))
    means: list[np.ndarray | None] = []
    broken: set[str] = set()
    for clip, video, start, end in tqdm(
        zip(*columns, strict=True),
        total=len(table),
        desc=sequence.root,
        disable=not progress_wanted(),
    ):
        mean = None
        if video not in broken:
            try:
                mean = _mean(sequence, clip, video, start, end)
            except CsdError as error:
                broken.add(video)
                report.skip(video, str(error))
        means.append(mean)
    widths = {len(mean) for mean in means if mean is not None}
    if len(widths) > 1:
        raise CsdError(f"{sequence.file}: {sequence.root} has rows of {sorted(widths)} columns")
    there = np.array([mean is not None for mean in means], dtype=bool)
    values = np.zeros((len(means), max(widths, default=1)), dtype=np.float32)
    for row, mean in enumerate(means):
        if mean is not None:
            values[row] = mean
    beyond = np.abs(values) > _LARGEST
    if beyond.any():
        report.warn(
            f"{sequence.root}: {int(beyond.sum()):,} values beyond float16's {_LARGEST:,.0f} were "
            "set to it"
        )
    return values.clip(-_LARGEST, _LARGEST), there


def _mean(
    sequence: Sequence, clip: str, video: str, start: float | None, end: float | None
) -> np.ndarray | None:
    if start is not None and math.isnan(start):  # how a table holds that there is none
        start = end = None
    rows = rows_of(sequence, clip, video, start, end)
    if rows is None:
        return None
    if rows.dtype.kind not in "fiu":
        raise CsdError(f"{sequence.file}: {sequence.root} holds {rows.dtype}, not numbers")
    return mean_features(rows)
