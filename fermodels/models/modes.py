"""States that last for a while: train/eval mode, compiled networks, random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within, all of the network is in eval mode; afterwards each module is as it was before.

    One flag per module: a frozen batch norm in a training network has to stay frozen.
    """
    training = {module: module.training for module in network.modules()}
    try:
        network.eval()
        yield
    finally:
        for module, flag in training.items():
            module.training = flag


@contextmanager
def compiled(network: nn.Module) -> Iterator[None]:
    """Within, calls of the network go through `torch.compile`; its weights are the same ones.

    It compiles when it is first called, in tens of seconds, and once more for inputs of another
    shape. On CPU that needs a C++ compiler.
    """
    network.forward = torch.compile(network.forward)
    try:
        yield
    finally:
        del network.forward


def weights_dtype(network: nn.Module) -> torch.dtype:
    """The floating type of a network's first weights, which its input is to have; else float32."""
    for parameter in network.parameters():
        if parameter.is_floating_point():
            return parameter.dtype
    return torch.float32


def forked_rng() -> AbstractContextManager:
    """Afterwards torch's random numbers go on as if nothing had been drawn within.

    CUDA is not started for it: a process that has not used it has no state to keep.
    """
    count = torch.cuda.device_count() if torch.cuda.is_initialized() else 0
    return torch.random.fork_rng(devices=range(count))
