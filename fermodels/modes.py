"""The train/eval mode of networks, and compiling them for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
