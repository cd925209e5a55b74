"""What a experiment takes on a GPU, computed from its encoder: not measured.

Arithmetic is counted by PyTorch's `FlopCounterMode` for a forward pass, times 3 for one with its
gradients. Time assumes the speed `SUSTAINED`; memory is what autograd keeps for the gradients of a
batch, in bfloat16 where the mixed precision of `fermodels.training.fit` has it, and 18 bytes a
parameter (weights, gradients and AdamW's two moments in float32, weights cast to bfloat16).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fermodels.experiments.clips import ClipExperiment
from fermodels.experiments.images import ImageExperiment, new_encoder
from fermodels.models import MultiModalEncoder

if TYPE_CHECKING:
    from torch import Tensor, nn

# Convolutions with batch norm are bound by memory: about a fifth of the 312 · 10¹² a second that
# NVIDIA states for an A100 in bfloat16.
SUSTAINED = 60e12
# What a file that is not there is taken to hold, by its name: images, and those of a (subject,
# session). KDEF without its ten black frames; DDCF at its largest; MEAD as its recipe imports it,
# 48 people × 22 emotions at their levels × 10 takes × 7 cameras, in groups of 7 or 8 emotions.
_SHAPES = {"kdef": (4890, 35), "ddcf": (6400, 40), "mead_images": (73_920, 154 / 3)}
_PROBE = 4  # images to count with


def cost(experiment: ImageExperiment | ClipExperiment) -> str:
    """Arithmetic, memory and time on a GPU, as a text."""
    of = image_cost if isinstance(experiment, ImageExperiment) else clip_cost
    return of(experiment)


def image_cost(experiment: ImageExperiment) -> str:
    """A text; the images are those of `experiment.data`, or of the data set of that name."""
    if experiment.data.exists():
        prepared = experiment.read()
        folds = list(experiment.make_folds())
        train = sum(len(fold["train"]) for _, fold in folds) / len(folds)
        test = sum(len(fold["test"]) for _, fold in folds) / len(folds)
        group = len(prepared) / len(prepared.table[["subject", "session"]].drop_duplicates())
        source = f"{experiment.data}, {len(prepared):,} images"
    else:
        count_of_all = experiment.num_folds
        folds = range(len(experiment.folds or range(count_of_all)))
        if experiment.data.stem not in _SHAPES:
            raise ValueError(f"{experiment.data}: there is no such file, whose images are counted")
        count, group = _SHAPES[experiment.data.stem]
        train, test = count * (count_of_all - 2) / count_of_all, count / count_of_all
        source = f"{experiment.data} is not there: counted for {count:,} images"
    size = experiment.network.image_size
    encoder = new_encoder(experiment.network, 0)
    flops, kept, parameters = probe(encoder, torch.rand(_PROBE, 3, size, size))
    finetuning, pretraining = experiment.finetuning, experiment.pretraining
    images = train * finetuning.epochs
    batch = finetuning.batch_size
    if pretraining is not None:
        copies = 1 if pretraining.method == "simclr" else pretraining.num_augmentations
        images += train * pretraining.epochs * copies
        batch = max(batch, round(pretraining.groups_per_batch * group) * copies)
    total = images * 3 * flops + test * flops
    memory = batch * (kept + 3 * 4 * size**2) + 18 * parameters
    return (
        f"{experiment.name} ({source})\n"
        f"{experiment.network.name} at {size} px: {flops / 1e9:.2f} GFLOP an image forward, "
        f"{parameters / 1e6:.1f} M parameters\n"
        f"{images:,.0f} images trained on in each of {len(folds)} folds: "
        f"{total / 1e15:.1f} PFLOP, {total / SUSTAINED / 60:.1f} minutes at "
        f"{SUSTAINED / 1e12:.0f} TFLOP/s; {len(folds) * total / SUSTAINED / 60:.0f} min in all\n"
        f"{memory / 1e9:.1f} GB of GPU memory at a batch of {batch}, and what cuDNN takes\n"
        "computed, not measured"
    )


def clip_cost(experiment: ClipExperiment) -> str:
    """A text; needs the data and its features, whose sizes decide."""
    clips = experiment.read()
    list(experiment.make_folds())
    pretraining, finetuning = experiment.pretraining, experiment.finetuning
    encoder = MultiModalEncoder(dict(experiment.features.dims))
    batch = {m: torch.rand(_PROBE, dim) for m, dim in experiment.features.dims.items()}
    flops, kept, parameters = probe(encoder, batch)
    seen = len(experiment.rows["train"]) * finetuning.epochs
    if pretraining is not None:
        seen += len(experiment.unlabelled) * pretraining.epochs
    stored = sum(x.numel() * x.element_size() for x in experiment.features.features.values())
    size = max(finetuning.batch_size, pretraining.batch_size if pretraining else 0)
    return (
        f"{experiment.name} ({experiment.data}, {len(clips):,} clips)\n"
        f"encoder: {flops / 1e6:.2f} MFLOP a clip forward, {parameters / 1e6:.1f} M parameters\n"
        f"{seen:,.0f} clips trained on in each of {len(experiment.seeds)} folds: "
        f"{seen * 3 * flops / 1e12:.2f} TFLOP, a moment on any GPU; steps of a few milliseconds "
        "each decide the time\n"
        f"{(size * kept + 18 * parameters) / 1e6:.0f} MB of GPU memory, {stored / 1e6:.0f} MB of "
        "main memory for the features\n"
        "computed, not measured"
    )


def probe(module: nn.Module, inputs) -> tuple[float, float, int]:
    """FLOP of a forward pass and bytes kept for the gradients, for one input; parameters."""
    from torch.utils.flop_counter import FlopCounterMode

    kept: dict[int, int] = {}
    weights = {p.shape for p in module.parameters()}  # also of their casts, kept once a batch

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if tensor.shape not in weights:
            kept[storage._cdata] = storage.nbytes()  # tensors on "meta" have no address
        return tensor

    module.train()
    with (
        torch.autocast("cpu", torch.bfloat16),
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
    ):
        output = module(inputs)
    del output
    parameters = sum(p.numel() for p in module.parameters())
    return counter.get_total_flops() / _PROBE, sum(kept.values()) / _PROBE, parameters
