"""Muon for kernels and matrices, AdamW for all other parameters, as one optimiser."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

_MOMENTUM = 0.95


class MuonAndAdamW(Optimizer):
    """Steps of kernels and matrices are orthogonal matrices, those of the rest are AdamW's.

    Muon (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon) makes the momentum of a
    matrix orthogonal before it is added: rare directions of the gradient get as far as frequent
    ones. A kernel (O, I, h, w) counts as the matrix (O, I·h·w). Biases, norms and single numbers go
    with AdamW. Steps are scaled by 0.2 √max(O, I·h·w) (Liu et al., 2025, arXiv 2502.16982), so that
    one learning rate serves both. The arithmetic is that of `torch.optim.Muon`, which knows
    matrices only, and of `torch.optim.AdamW`.

    Args:
        groups: parameter groups with `params`, `lr` and `weight_decay`; those of one group are all
            kernels and matrices, or none is.

    Raises:
        ValueError: a group has both, or there is none.
    """

    def __init__(self, groups: Iterable[dict[str, Any]]):
        groups = [{**group, "params": list(group["params"])} for group in groups]
        for group in groups:
            group["muon"] = _are_matrices(group["params"])
        super().__init__(groups, {})
        self._matrices: list[list[Tensor]] = []  # of each group, sharing memory; none with AdamW
        self._inner: list[Optimizer] = []
        for group in self.param_groups:
            own = {"lr": group["lr"], "weight_decay": group["weight_decay"]}
            matrices: list[Tensor] = []
            if group["muon"]:
                matrices = [nn.Parameter(_matrix(p, p.detach())) for p in group["params"]]
                inner = torch.optim.Muon(
                    matrices, momentum=_MOMENTUM, adjust_lr_fn="match_rms_adamw", **own
                )
            else:
                epsilon = {"eps": group["eps"]} if "eps" in group else {}
                inner = torch.optim.AdamW(group["params"], **own, **epsilon)
            self._matrices.append(matrices)
            self._inner.append(inner)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group, matrices, inner in zip(
            self.param_groups, self._matrices, self._inner, strict=True
        ):
            for key in ("lr", "weight_decay"):  # what schedules change
                inner.param_groups[0][key] = group[key]
            for parameter, matrix in zip(group["params"], matrices, strict=False):
                grad = parameter.grad
                matrix.grad = None if grad is None else _matrix(parameter, grad)
            inner.step()
            for matrix in matrices:
                matrix.grad = None
        return loss

    def state_dict(self) -> dict[str, Any]:
        """As of the optimisers inside, one for each group."""
        options = [
            {name: value for name, value in group.items() if name != "params"}
            for group in self.param_groups
        ]
        return {"inner": [inner.state_dict() for inner in self._inner], "param_groups": options}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raises ValueError if the state is of other groups of parameters."""
        saved, options = state_dict.get("inner", []), state_dict["param_groups"]
        if [group.get("muon") for group in options] != [g["muon"] for g in self.param_groups]:
            raise ValueError("this state is of an optimiser with other groups of parameters")
        for group, inner, own, one in zip(
            self.param_groups, self._inner, options, saved, strict=True
        ):
            inner.load_state_dict(one)
            group.update(own)


def _are_matrices(parameters: list[Tensor]) -> bool:
    kinds = {p.ndim >= 2 for p in parameters}
    if len(kinds) > 1:
        raise ValueError("a group has matrices and others: give the two groups of their own")
    return kinds == {True}


def _matrix(parameter: Tensor, values: Tensor) -> Tensor:
    """Values of the parameter's shape as a matrix (rows, the rest), in the order of its memory."""
    if parameter.ndim == 4 and not parameter.is_contiguous():  # channels last
        values = values.permute(0, 2, 3, 1)
    return values.reshape(len(values), -1)
