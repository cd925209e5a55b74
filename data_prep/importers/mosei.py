"""CMU-MOSEI: labels from CMU_MOSEI_Labels.csd, with the raw videos or with the words alone.

Where the raw videos are beside the labels (`Videos/Segmented/Combined/<video>_<piece>.mp4`, or
whole ones in `Videos/Full/Combined/<video>.mp4`, of which the labelled stretch is cut out), clips
have image, sound and words. Otherwise a clip is its words, and what the other .csd files hold
becomes features of it: `python -m data_prep mosei-features`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.importers.csd import CsdError, CsdFile, Sequence, rows_within, words_of
from data_prep.importers.mosei_labels import (
    EMOTIONS,
    Line,
    Segment,
    read_folds,
    read_labels,
    read_transcript,
)
from data_prep.io import clip_rows
from data_prep.io.clip_rows import clip_row
from data_prep.io.duplicates import LEAKS
from data_prep.io.endings import kind
from data_prep.io.importing import Item, Plan, add_common_arguments
from data_prep.io.raw import RawError, RawFile, RawSource
from data_prep.io.report import ImportReport, NothingUsable
from data_prep.io.vocabulary import expression
from fermodels._shared.paths import given_path

LABELS, WORDS = "All Labels", "words"
EXPECTED = (
    "CMU_MOSEI_Labels.csd, and beside it CMU_MOSEI_TimestampedWords.csd or the raw videos "
    "(Videos/Segmented/Combined/<video>_0.mp4, Videos/Full/Combined/<video>.mp4)"
)
METADATA = {
    "name": "cmu-mosei",
    "version": "1.0",
    "licence": "research only, see the CMU Multimodal SDK; the videos belong to their makers",
    "citation": (
        "Zadeh et al. 2018, Multimodal Language Analysis in the Wild: CMU-MOSEI Dataset and "
        "Interpretable Dynamic Fusion Graph, ACL. doi:10.18653/v1/P18-1208"
    ),
    "description": (
        "Sentences of monologues on YouTube. Several emotions at once, 0 to 3, present above 0 "
        "(`intensities`); `emotion` is the strongest, null where none or two are. The subject is "
        "the video: who made two is two subjects."
    ),
    "emotions": [expression(name, "mosei") for name in EMOTIONS],
}
PICKLES = (".pkl", ".pickle", ".p", ".joblib", ".pt", ".pth", ".dill")
NO_PICKLES = (
    "a pickle, which is a program that runs when it is opened: not opened. The same labels and "
    "features are in the .csd files of the CMU Multimodal SDK"
)
_FEATURES = re.compile(r"covarep|facet|openface|vectors|glove|opensmile|phones", re.IGNORECASE)
_PIECE = re.compile(r"(?:.*/)?Segmented(?:/.*)?/(?P<video>[^/]+)_(?P<piece>\d+)")
_WHOLE = re.compile(r"(?:.*/)?(?:Full/(?:.*/)?)?(?P<video>[^/]+)")
_TEXT = re.compile(r"(?:.*/)?Transcript/(?:.*/)?(?P<video>[^/]+)\.txt")
STANDARD_FOLDS = (2249, 300, 678)  # videos to train, validate and test
# Labels hold single precision, transcripts a few digits.
_SAME = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_common_arguments(parser)
    clip_rows.add_clip_arguments(parser, max_seconds=30.0)
    parser.set_defaults(duplicates=LEAKS)
    parser.add_argument(
        "--folds",
        type=given_path,
        help="the standard folds: cmu_mosei_std_folds.py of the CMU Multimodal SDK, or your own "
        "as .json, .yaml or .csv",
    )
    parser.add_argument(
        "--media",
        choices=("auto", "none"),
        default="auto",
        help="none takes the words alone even where videos are",
    )


def plan(raw: RawSource, options: argparse.Namespace, report: ImportReport) -> Plan:
    for file in raw.files:
        if file.name.lower().endswith(PICKLES):
            report.skip(file.name, NO_PICKLES)
    folds = read_folds(options.folds) if options.folds else {}
    pieces, whole, texts = _raw_files(raw) if options.media == "auto" else ({}, {}, {})
    with sequences(raw, report, lambda name: not _FEATURES.search(name)) as found:
        if LABELS not in found:
            raise NothingUsable(EXPECTED, _seen(raw, bool(pieces or whole)))
        labels = read_labels(found[LABELS])
        words = found.get(WORDS)
        if words is None and not pieces and not whole:
            raise NothingUsable(EXPECTED, "labels, but neither words nor videos")
        for clip, why in labels.skipped:
            report.skip(clip, why)
        report.found = len(labels.segments) + len(labels.skipped)
        items = []
        reader = _Transcripts(raw, texts, words, report)
        for segment in labels.segments:
            line = reader.line(segment)
            text = line.text if line and line.text else reader.words(segment)
            file, cut = _media(segment, line, pieces, whole)
            if file is None and not text:
                report.skip(segment.clip, "no words in its interval, and no video")
                continue
            about = _about(segment, text, folds)
            if cut:
                about["cut"] = True
            items.append(Item(file, about, segment.repaired, segment.clip))
    _warn_of_videos(pieces, whole, items, report)
    _warn(labels.beyond, {s.video for s in labels.segments}, folds, options.folds, report)
    return Plan(items, METADATA, "clips", EXPECTED, counted=("original_label",))


def make_row(item: Item, data: bytes, options: argparse.Namespace) -> dict[str, Any]:
    """A clip; one of a whole video is the stretch that its label names."""
    about = dict(item.about)
    stretch = (about["start"], about["end"]) if about.pop("cut", False) else None
    if item.file is None:
        return {"video": None, "audio": None, **about, "face_found": None}
    return clip_row(Item(item.file, about), data, options, stretch)


@contextmanager
def sequences(
    raw: RawSource, report: ImportReport | None, wanted: Any
) -> Iterator[dict[str, Sequence]]:
    """Root name → sequence, of all .csd and .hdf5 files whose name is wanted.

    Those that cannot be read go to the report, or raise `CsdError` where there is none.
    """
    with ExitStack() as stack:
        found: dict[str, Sequence] = {}
        for file in raw.files:
            if not file.name.lower().endswith((".csd", ".hdf5", ".h5")) or not wanted(file.name):
                continue
            try:
                path = stack.enter_context(raw.local(file))
                opened = stack.enter_context(CsdFile(path, file.name))
            except (CsdError, RawError) as error:
                if report is None:
                    raise
                report.skip(file.name, str(error))
                continue
            for root, sequence in opened.sequences.items():
                if root in found:
                    if report is not None:
                        report.skip(f"{file.name}: {root}", f"{found[root].file} has it already")
                    continue
                found[root] = sequence
        yield found


def rows_of(
    sequence: Sequence, clip: str, video: str, start: float | None, end: float | None
) -> np.ndarray | None:
    """Features (N, D) of one clip: its entry in an aligned file, else what lies in its interval.

    None where the sequence has nothing of the video.
    """
    if clip in sequence:
        features, intervals = sequence.read(clip)
        if intervals is not None:
            features = features[np.argsort(intervals[:, 0], kind="stable")]
        return features
    if video not in sequence or start is None or end is None:
        return None
    features, intervals = sequence.read(video)
    return None if intervals is None else features[rows_within(intervals, start, end)]


class _Transcripts:
    """What is said in a segment: the raw transcript's line, or else the timed words."""

    def __init__(
        self,
        raw: RawSource,
        files: dict[str, RawFile],
        words: Sequence | None,
        report: ImportReport,
    ) -> None:
        self.raw, self.files, self.sequence, self.report = raw, files, words, report
        self.lines: dict[str, list[Line]] = {}
        self.broken: set[str] = set()

    def line(self, segment: Segment) -> Line | None:
        if segment.video not in self.files or segment.start is None:
            return None
        if segment.video not in self.lines:
            self.lines[segment.video] = self._read(self.files[segment.video])
        for line in self.lines[segment.video]:
            # A label that began below zero begins at zero here, as it does there.
            times = (max(line.start, 0.0) - segment.start, line.end - segment.end)
            if max(map(abs, times)) < _SAME:
                return line
        return None

    def _read(self, file: RawFile) -> list[Line]:
        try:
            return read_transcript(self.raw.read(file, limit=16 << 20))
        except RawError as error:
            self.report.skip(file.name, str(error))
            return []

    def words(self, segment: Segment) -> str | None:
        if self.sequence is None or segment.video in self.broken:
            return None
        try:
            rows = rows_of(self.sequence, segment.clip, segment.video, segment.start, segment.end)
        except CsdError as error:
            self.broken.add(segment.video)
            self.report.skip(segment.video, f"its words: {error}")
            return None
        return None if rows is None else " ".join(words_of(rows)) or None


def _raw_files(
    raw: RawSource,
) -> tuple[dict[tuple[str, str], RawFile], dict[str, RawFile], dict[str, RawFile]]:
    pieces, whole, texts = {}, {}, {}
    for file in raw.files:
        is_video = kind(file) == "video"
        if is_video and (match := _PIECE.fullmatch(file.stem)):
            pieces.setdefault((match["video"], match["piece"]), file)
        elif is_video and (match := _WHOLE.fullmatch(file.stem)):
            whole.setdefault(match["video"], file)
        elif match := _TEXT.fullmatch(file.name):
            texts.setdefault(match["video"], file)
    return pieces, whole, texts


def _media(
    segment: Segment,
    line: Line | None,
    pieces: dict[tuple[str, str], RawFile],
    whole: dict[str, RawFile],
) -> tuple[RawFile | None, bool]:
    """The file of a segment, and whether its stretch is to be cut out of it.

    Pieces are numbered as the transcript is, not as the labels are: only a line of the same times
    says which piece belongs to a label.
    """
    if line is not None and (piece := pieces.get((segment.video, line.piece))):
        return piece, False
    if segment.start is not None and segment.video in whole:
        return whole[segment.video], True
    return None, False


def _warn_of_videos(
    pieces: dict[tuple[str, str], RawFile],
    whole: dict[str, RawFile],
    items: list[Item],
    report: ImportReport,
) -> None:
    used = {item.file.name for item in items if item.file}
    videos = {item.about["subject"] for item in items if item.file}
    left = [file.name for file in pieces.values() if file.name not in used]
    # A whole video beside its pieces is not needed.
    left += [file.name for video, file in whole.items() if video not in videos]
    if left:
        report.warn(f"{len(left):,} videos belong to no label and were left out, such as {left[0]}")


def _about(segment: Segment, text: str | None, folds: dict[str, str]) -> dict[str, Any]:
    present = [name for name, value in zip(EMOTIONS, segment.emotions, strict=True) if value > 0]
    top = max(segment.emotions)
    strongest = [EMOTIONS[i] for i, value in enumerate(segment.emotions) if value == top > 0]
    about = {
        "transcript": text,
        "clip": segment.clip,
        "subject": segment.video,
        "emotion": expression(strongest[0], "mosei") if len(strongest) == 1 else None,
        "original_label": "+".join(present) or None,
        "intensities": list(segment.emotions),
        "sentiment": segment.sentiment,
        "start": segment.start,
        "end": segment.end,
    }
    return about | ({"split": folds.get(segment.video)} if folds else {})


def _warn(
    beyond: int, videos: set[str], folds: dict[str, str], file: Path | None, report: ImportReport
) -> None:
    if beyond:
        report.warn(f"{beyond:,} segments have values beyond 3, which were kept as they are")
    if file is None:
        report.warn(
            "no --folds, so no column split: results on folds of your own cannot be compared with "
            "published ones"
        )
        return
    sizes = tuple(list(folds.values()).count(name) for name in ("train", "val", "test"))
    if sizes != STANDARD_FOLDS:
        report.warn(
            f"{file.name} has {', '.join(f'{n:,}' for n in sizes)} videos to train, validate and "
            f"test, the standard folds {', '.join(f'{n:,}' for n in STANDARD_FOLDS)}: results "
            "cannot be compared with published ones"
        )
    if missing := sorted(set(folds) - videos):
        report.warn(
            f"{len(missing):,} videos of {file.name} have no labels here: "
            f"{', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}"
        )
    if others := sorted(videos - set(folds)):
        report.warn(
            f"{len(others):,} labelled videos are in no fold of {file.name}, such as "
            f"{', '.join(others[:5])}: they have no split"
        )


def _seen(raw: RawSource, videos: bool) -> str:
    pickles = [file.name for file in raw.files if file.name.lower().endswith(PICKLES)]
    if pickles:
        return f"{pickles[0]}: {NO_PICKLES}"
    if videos:
        return "videos, but no labels"
    return raw.glimpse()
