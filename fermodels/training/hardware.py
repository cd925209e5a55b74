"""On what a learner is trained: devices, precision, processes."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers import Logger
from torch.utils.data import DataLoader

Devices = int | str | list[int]


def make_fabric(
    accelerator: str,
    devices: Devices,
    num_nodes: int,
    precision: str | int,
    find_unused_parameters: bool,
    loggers: list[Logger],
) -> Fabric:
    """The processes, connected; arguments as of :func:`fermodels.training.fit`."""
    several = num_nodes > 1 or not (
        devices in (1, "1") or (isinstance(devices, list) and len(devices) == 1)
    )
    ddp = "ddp_find_unused_parameters_true" if find_unused_parameters else "ddp"
    fabric = Fabric(
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        strategy=ddp if several else "auto",
        precision=precision,
        loggers=loggers,
    )
    fabric.launch()
    return fabric


def default_accelerator() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def default_precision(accelerator: str) -> str:
    """bfloat16 mixed precision on CUDA, float16 where the GPU has none; float32 elsewhere."""
    if accelerator not in ("cuda", "gpu") or not torch.cuda.is_available():
        return "32-true"
    fast = torch.cuda.is_bf16_supported(including_emulation=False)
    return "bf16-mixed" if fast else "16-mixed"


def fast_precision(accelerator: str) -> str:
    """As `default_precision`; bfloat16 mixed precision also on a CPU that gains by it."""
    precision = default_precision(accelerator)
    if accelerator == "cpu" and cpu_gains_by_bfloat16():
        return "bf16-mixed"
    return precision


def cpu_gains_by_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 faster than float32: by AMX, on ARM, by AMD's AVX-512.

    One without such instructions imitates them, several times slower than float32. Intel's AVX-512
    has them, but without AMX they are no faster than those of float32, and with the casts a step
    takes a quarter longer.
    """
    # Releases of torch without this list know the one of AVX-512.
    listed = getattr(torch.cpu, "get_capabilities", None)
    if listed is None:
        return bool(torch.cpu._is_avx512_bf16_supported())
    known = listed()
    if any(known.get(name, False) for name in ("amx_bf16", "bf16", "sve_bf16")):
        return True
    return known.get("avx512_bf16", False) and not known.get("cpu_name", "").startswith("Intel")


@contextmanager
def autocast(fabric: Fabric) -> Iterator[None]:
    """Fabric's precision, with each use of a weight cast anew.

    The uses of a head that all modalities share would else add up their gradients in bfloat16. New
    tensors stay float32 with true half precision: what is not learned, such as the numbers that an
    augmentation draws, has no reason to lose digits.
    """
    cached, kind = torch.is_autocast_cache_enabled(), torch.get_default_dtype()
    torch.set_autocast_cache_enabled(False)
    try:
        with fabric.autocast():
            torch.set_default_dtype(kind)
            yield
    finally:
        torch.set_autocast_cache_enabled(cached)


@contextmanager
def dealt(loader: DataLoader, fabric: Fabric) -> Iterator[None]:
    """Within, the loader's sampler gives the batches of this process."""
    sampler = loader.batch_sampler
    if fabric.world_size == 1 or not hasattr(sampler, "num_replicas"):
        yield
        return
    before = sampler.rank, sampler.num_replicas
    sampler.rank, sampler.num_replicas = fabric.global_rank, fabric.world_size
    try:
        yield
    finally:
        sampler.rank, sampler.num_replicas = before


@contextmanager
def quiet() -> Iterator[None]:
    """Without Fabric's lines on devices and precision, which it may write as the Trainer's."""
    loggers = [logging.getLogger(name) for name in ("lightning.fabric", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
