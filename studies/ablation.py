"""What moved the outside numbers: the recipe of the shipped encoder, one change at a time.

    python -m studies.ablation --pool runs/wide.parquet
    python -m studies.ablation --list
    python -m studies.ablation --pool runs/wide.parquet --only "temperature 0.07" --jobs 2
    python -m studies.ablation --encoder FOLDER

Every run goes on from one encoder for a cycle without labels on a wide pool of people, with one
factor changed, and is asked in two ways. Inside, by the validation subjects of the studio set: a
linear probe, and fine-tuning on 20 % of the training subjects. Outside, by faces of another make
(`studies/outside.py`): retrieval and expression on the second faces, neighbours and the probe of
Anny Views' labels on London. No test subject is looked at. From scratch, a training of this length
has not got past recognising the person, so all settings would be at chance alike. Networks of
another kind cannot go on from there; they start from scratch, are trained for longer, and have
each other to be compared with.

A run is a setting and a seed; each writes one JSON file into `weights/clmex-anny-views/ablation/`.
Runs whose file is there are skipped, and a run that was killed goes on from its last epoch.
`python -m studies.ablation_report` publishes the files. With `--encoder`, an encoder that was
trained elsewhere is asked the same, and nothing is written.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from fermodels import evaluation
from fermodels._shared.files import replace_file
from fermodels._shared.places import shipped_weights
from fermodels._shared.workers import in_processes
from fermodels.data import Augment, ImageDataset, PreparedImages
from fermodels.models import ImageEncoder
from fermodels.models.modes import forked_rng
from fermodels.models.saving import WEIGHTS
from fermodels.training import recipes
from studies.pretrain import AUGMENT, LARGE
from studies.validation import LONDON, SECOND, STUDIO, outside, read_if_there, rows_to_train

SHIPPED = Path("weights") / "clmex-anny-views"
RESULTS = SHIPPED / "ablation"
RUNS = Path("runs/ablation")
POOL = Path("runs/wide.parquet")
MORE_STUDIO = Path("runs/studio.parquet")
PROTOCOL: dict[str, Any] = {
    "start": "runs/clmex-first",
    "augment": "default",
    "images_seen": 84_000,
    "learning_rate": 1.5e-3,
    "from_scratch": {"images_seen": 560_000, "learning_rate": 3e-3},
    "groups_per_batch": 7,
    "epoch_steps": 100,
    "labelled": 0.2,
    "finetune_steps": 150,
}


class Files(NamedTuple):
    """What is trained on and what is asked; the last two where they are there."""

    studio: Path = STUDIO
    pool: Path = POOL
    more_studio: Path = MORE_STUDIO  # other people than those of `studio`
    second: Path = SECOND
    london: Path = LONDON
    decoded: Path | None = None  # a folder for the decoded images of the pool


@dataclass(frozen=True)
class Setting:
    """One change of the protocol.

    Attributes:
        factor, value: what was changed, and to what.
        seeds: of new weights, order and augmentation, and of the subjects whose labels are used.
        method: of `recipes.pretrain`; "" pre-trains nothing.
        pretrain: its options.
        pool: "wide", "studio" for the training subjects of the studio set, "more studio" for
            other people drawn like them, or "both" for those and the wide ones.
        subjects: so many people of the pool; None for all.
        augment: a name in `studies.pretrain.AUGMENT`, "" for that of the protocol.
        ingredients: options of `Augment` in place of those of that name.
        encoder: options of `ImageEncoder` in place of those of `start`.
        scratch: with new weights, not those of `start`.
        longer: factor on the images seen.
        labelled, steps: of fine-tuning, where they are not those of the protocol.
        uses_labels: pre-training sees the expressions of all that it trains on.
        start: the encoder to go on from, a folder or the name of one that ships; "" for that of
            the protocol.
    """

    factor: str
    value: str
    seeds: tuple[int, ...] = (0,)
    method: str = "clmex"
    pretrain: dict[str, Any] = field(default_factory=dict)
    pool: str = "wide"
    subjects: int | None = None
    augment: str = ""
    ingredients: dict[str, Any] = field(default_factory=dict)
    encoder: dict[str, Any] = field(default_factory=dict)
    scratch: bool = False
    longer: float = 1
    labelled: float | None = None
    steps: int | None = None
    uses_labels: bool = False
    start: str = ""

    @property
    def name(self) -> str:
        return f"{self.factor} {self.value}".strip()


def settings() -> list[Setting]:
    """The reference and the yardsticks, then what is expected to matter, most of it first."""
    barlow = {"supervised_weight": 0.0}
    return [
        Setting("reference", "", seeds=(0, 1, 2)),
        Setting("yardstick", "start", method=""),
        Setting("yardstick", "shipped encoder", method="", start=SHIPPED.name),
        Setting("yardstick", "shipped encoder, 96 px", method="", start=LARGE.name),
        Setting("yardstick", "no pre-training", method="", scratch=True),
        Setting("yardstick", "no pre-training, all labels", method="", scratch=True,
                labelled=1.0, steps=800),
        *(Setting("pool", kind, seeds=(0, 1), pool=kind)
          for kind in ("studio", "more studio", "both")),
        *(Setting("augmentation", name, seeds=(0, 1), augment=name)
          for name in ("mild", "strong", "wide")),
        *(Setting("people", str(n), seeds=(0, 1), subjects=n) for n in (100, 500)),
        Setting("image size", "64", seeds=(0, 1), encoder={"image_size": 64}),
        Setting("batch", "random moments", seeds=(0, 1), pretrain={"batch_by": "instance"}),
        *(Setting("temperature", str(t), seeds=(0, 1), pretrain={"temperature": t})
          for t in (0.07, 0.3)),
        *(Setting("without", name, ingredients={name: 0.0})
          for name in ("gray", "blur", "lowres", "noise", "gains")),
        Setting("without", "changes of size", ingredients={"scale": (1.0, 1.0)}),
        *(Setting("with", name, ingredients={name: chance})
          for name, chance in (("cutout", 0.3), ("shade", 0.3), ("style", 0.2),
                               ("frequency", 0.2), ("gamma", 0.4))),
        *(Setting("sessions per batch", str(n), pretrain={"groups_per_batch": n})
          for n in (1, 2, 3, 14)),
        Setting("images seen", "× 2", seeds=(0, 1), longer=2),
        Setting("SimCLR", "its own pairs", method="simclr"),
        Setting("ViewFX", "Barlow Twins", method="viewfx", pretrain=barlow),
        Setting("ViewFX", "supervised", method="viewfx", pretrain={"barlow_weight": 0.0},
                uses_labels=True),
        *(Setting("projection", str(n), pretrain={"projection_dim": n}) for n in (64, 256)),
        *(Setting("learning rate", str(rate), pretrain={"learning_rate": rate})
          for rate in (0.00075, 0.003)),
        *(Setting("from scratch", f"width {n}", encoder={"width": n}, scratch=True)
          for n in (24, 32, 16)),
        *(Setting("from scratch", f"norm {norm}", encoder={"norm": norm}, scratch=True)
          for norm in ("group", "instance-batch")),
        Setting("from scratch", "resnet18", encoder={"name": "resnet18"}, scratch=True),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.ablation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, path in Files()._asdict().items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, default=path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--runs", type=Path, default=RUNS, help="for what is not finished")
    parser.add_argument("--jobs", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these settings, see --list")
    parser.add_argument("--list", action="store_true", help="what there is, done or not")
    parser.add_argument("--encoder", type=Path, metavar="FOLDER", help="ask this one only")
    options = parser.parse_args()

    files = Files(*(getattr(options, name) for name in Files._fields))
    if options.encoder:
        ask(files, options.encoder)
        return
    chosen = settings()
    if options.only:
        known = {setting.name: setting for setting in chosen}
        unknown = [name for name in options.only if name not in known]
        if unknown:
            parser.error(f"unknown settings {unknown}: see --list")
        chosen = [known[name] for name in options.only]
    if options.list:
        for setting, seed, path in planned(chosen, options.results):
            print(f"{'done' if is_done(setting, seed, path) else '    '}  {path.stem}")
        return
    options.results.mkdir(parents=True, exist_ok=True)
    todo = [run for run in planned(chosen, options.results) if not is_done(*run)]
    run_all(options, files, todo)


def ask(files: Files, folder: Path) -> None:
    """Prints what inside and outside say about an encoder."""
    setting = Setting("yardstick", folder.name, method="")
    for seed in (0, 1, 2):
        encoder = ImageEncoder.from_pretrained(folder)
        print(f"seed {seed}: {_lines(scores(files, encoder, setting, seed))}", flush=True)


def planned(chosen: list[Setting], results: Path) -> Iterator[tuple[Setting, int, Path]]:
    """Setting, seed and file of each run; every setting has one seed before any has two."""
    most = max(len(setting.seeds) for setting in chosen)
    runs = [
        (setting, setting.seeds[number])
        for number in range(most)
        for setting in chosen
        if number < len(setting.seeds)
    ]
    for setting, seed in runs:
        words = "".join(c if c.isalnum() or c == "." else " " for c in setting.name.lower()).split()
        yield setting, seed, results / f"{'-'.join(words)}-seed{seed}.json"


def is_done(setting: Setting, seed: int, path: Path) -> bool:
    """Whether the file holds this run; one of another protocol does not count."""
    if not path.exists():
        return False
    return json.loads(path.read_text())["made"] == made(setting, seed)


def made(setting: Setting, seed: int) -> dict[str, Any]:
    """What fixes a result, as JSON."""
    weights = (start_of(setting) / WEIGHTS).read_bytes()
    what = asdict(setting)
    del what["seeds"]  # those of other runs
    return json.loads(
        json.dumps(
            {
                "setting": what,
                "seed": seed,
                "protocol": PROTOCOL,
                "start": hashlib.sha256(weights).hexdigest(),
            }
        )
    )


def start_of(setting: Setting) -> Path:
    """The folder of the encoder that a run goes on from."""
    name = setting.start or PROTOCOL["start"]
    folder = Path(name)
    if folder.is_dir():
        return folder
    if folder.parent != Path():
        raise FileNotFoundError(f"{name} is not there to go on from: `make weights` makes it first")
    return shipped_weights(name)


def run_all(
    options: argparse.Namespace, files: Files, todo: list[tuple[Setting, int, Path]]
) -> None:
    start, spent, left = time.time(), 0.0, sum(cost(setting) for setting, _, _ in todo)
    tasks = ((files, *run, options.runs) for run in todo)
    for count, (number, result) in enumerate(in_processes(one_run, tasks, options.jobs), 1):
        setting, seed, _ = todo[number]
        spent, left = spent + cost(setting), left - cost(setting)
        minutes = (time.time() - start) / spent * left / 60
        print(
            f"{count:2d}/{len(todo)} {setting.name}, seed {seed}: {_lines(result)}; "
            f"{result['seconds']:.0f} s, about {minutes:.0f} min left",
            flush=True,
        )


def cost(setting: Setting) -> float:
    """Roughly how long a run takes, the reference being 1."""
    size = setting.encoder.get("image_size", 48) / 48
    width = setting.encoder.get("width", 24) / 24
    kind = 1 if "name" not in setting.encoder else 2  # resnet18
    seen = (PROTOCOL["from_scratch"] if setting.scratch else PROTOCOL)["images_seen"]
    length = seen / PROTOCOL["images_seen"] * setting.longer * bool(setting.method)
    return length * size**2 * width * kind + (setting.steps or 150) / 600


def _lines(result: dict[str, Any]) -> str:
    names = ("all", "profiles", "straight")
    probe, finetuned = (
        " / ".join(f"{result[kind][name]:.1%}" for name in names) for kind in ("probe", "finetuned")
    )
    asked = ", ".join(f"{name} {value:.1%}" for name, value in result["outside"].items())
    return f"probe {probe}, fine-tuned {finetuned} (all / ±90° / frontal); {asked}"


def one_run(files: Files, setting: Setting, seed: int, path: Path, runs: Path) -> dict[str, Any]:
    """Pre-trains, asks inside and outside, writes the file; returns what is in it."""
    clock, cpu = time.perf_counter(), time.process_time()
    folder = runs / path.stem
    encoder, history = pretrained(files, setting, seed, folder)
    result = {"made": made(setting, seed), "name": setting.name, **history}
    result |= scores(files, encoder, setting, seed)
    result |= {
        "data": _read(files.studio).fingerprint(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "seconds": round(time.perf_counter() - clock, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    replace_file(path, (json.dumps(result, indent=1) + "\n").encode())
    shutil.rmtree(folder, ignore_errors=True)
    return result


def pretrained(
    files: Files, setting: Setting, seed: int, folder: Path
) -> tuple[ImageEncoder, dict[str, Any]]:
    """The encoder, and how its training ended."""
    start = ImageEncoder.from_pretrained(start_of(setting))
    with forked_rng():
        torch.manual_seed(seed)
        encoder = ImageEncoder(**start.config | setting.encoder)
    if not setting.scratch:
        encoder.load_state_dict(start.state_dict())
    if not setting.method:
        return encoder, {}
    studio = _read(files.studio)
    pool = _pool(files, setting.pool)
    rows = rows_to_train(pool, studio, studio.split("subject", seed=0), setting.subjects)
    if setting.method == "viewfx":  # needs labels; takes of the wide world between two have none
        rows = rows[pool.labels[rows] >= 0]
    data = ImageDataset(pool, rows, folder=files.decoded)
    budget = PROTOCOL["from_scratch"] if setting.scratch else PROTOCOL
    options = {
        "learning_rate": budget["learning_rate"],
        "groups_per_batch": PROTOCOL["groups_per_batch"],
        "epoch_steps": PROTOCOL["epoch_steps"],
        "augment": augmentation(setting, encoder.image_size),
        "optimizer": "adamw",
        "weight_decay": 1e-4,
    } | setting.pretrain
    seen = round(budget["images_seen"] * setting.longer)
    encoder, history = recipes.pretrain(
        setting.method,
        data,
        images_seen=seen,
        seed=seed,
        run_dir=folder,
        encoder=encoder,
        progress=False,
        accelerator="cpu",
        **options,
    )
    last = history["loss"].tail(max(1, len(history) // 20))
    return encoder, {
        "images_seen": seen,
        "steps": len(history),
        "loss": float(last.mean()),
        "pool": pool.fingerprint(),
        "people": len(data.columns["subject"].unique()),
    }


def augmentation(setting: Setting, size: int) -> Augment:
    """That of the protocol or the setting, its ingredients changed."""
    augment = AUGMENT[setting.augment or PROTOCOL["augment"]](size)
    return replaced(augment, setting.ingredients)


def replaced(augment: Augment, ingredients: dict[str, Any]) -> Augment:
    """The same augmentation with other values of some options."""
    options = inspect.signature(Augment).parameters
    return Augment(**{name: getattr(augment, name) for name in options} | ingredients)


def scores(
    files: Files, encoder: ImageEncoder, setting: Setting, seed: int
) -> dict[str, dict[str, float]]:
    """Accuracy on the validation subjects, by view and by person, and the numbers from outside."""
    prepared = _read(files.studio)
    split = prepared.split("subject", seed=0)
    train, val = split["train"], split["val"]
    probe = evaluation.linear_probe(
        evaluation.embed(encoder, prepared, train),
        prepared.labels[train],
        evaluation.embed(encoder, prepared, val),
        prepared.labels[val],
    )
    share = setting.labelled or PROTOCOL["labelled"]
    rows = evaluation.label_fraction(prepared, train, share, seed) if share < 1 else train
    start = encoder if setting.method or not setting.scratch else None
    classifier = recipes.finetune(
        prepared,
        rows,
        encoder=start,
        settings="from scratch" if start is None else "pretrained",
        steps=setting.steps or PROTOCOL["finetune_steps"],
        seed=seed,
        optimizer="adamw",
        learning_rate=1e-3,
        encoder_learning_rate=1e-3 if start is None else 5e-4,
        progress=False,
        accelerator="cpu",
    )
    guesses = {"probe": probe.predictions, "finetuned": classifier.predict(prepared.images(val))[0]}
    people = prepared.table["subject"].to_numpy()[val]
    views = prepared.table["view"].to_numpy()[val]
    result: dict[str, dict[str, float]] = {}
    for name, guess in guesses.items():
        truth = prepared.labels[val]
        result[name] = evaluation.per_view_accuracy(truth, guess, views).round(4).to_dict()
        hit = guess == truth
        result[f"{name}_by_person"] = {
            person: round(float(hit[people == person].mean()), 4) for person in np.unique(people)
        }
    asked = outside(encoder, _there(files.second), _there(files.london), prepared.subset(train))
    result["outside"] = {name: round(float(value), 4) for name, value in asked.items()}
    return result


@lru_cache(maxsize=1)
def _pool(files: Files, kind: str) -> PreparedImages:
    if kind == "both":
        return PreparedImages.concat([_read(files.pool), _read(files.more_studio)])
    paths = {"studio": files.studio, "wide": files.pool, "more studio": files.more_studio}
    return _read(paths[kind])


@lru_cache(maxsize=3)
def _read(path: Path) -> PreparedImages:
    return PreparedImages.read(path)


@lru_cache(maxsize=2)
def _there(path: Path) -> PreparedImages | None:
    return read_if_there(path)


if __name__ == "__main__":
    main()
