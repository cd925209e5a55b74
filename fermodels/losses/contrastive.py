"""The InfoNCE with several positives that the contrastive losses of this folder share."""

import math

import torch
from torch import Tensor, nn

from fermodels.losses.distributed import all_gather_with_grad
from fermodels.losses.tiles import self_logsumexp


class EmptyBatchError(ValueError):
    """A batch has nothing that a loss could compare, such as two images of one moment.

    Others of the same data may have: :func:`fermodels.training.fit` goes on with the next one.
    """


def chance_level(num_candidates: int) -> float:
    """Loss of an encoder that cannot tell its candidates apart: ln(num_candidates), in nats.

    In a batch of N images every anchor has N − 1 candidates, so a contrastive loss that stands at
    ``chance_level(N - 1)`` has learned nothing yet. The same formula gives the other levels worth
    drawing: ``chance_level(k)`` is where the loss stands once the candidates are narrowed down to
    k, and its floor for an anchor with k positives.

    Raises:
        ValueError: if there are no candidates.
    """
    if num_candidates < 1:
        raise ValueError(f"num_candidates must be at least 1, got {num_candidates}")
    return math.log(num_candidates)


def unit_vectors(z: Tensor, name: str = "z") -> Tensor:
    """Embeddings scaled to length one, float32 at least.

    Args:
        z: embeddings (..., D) of any floating type. float64 stays float64, all else gives float32.
        name: what to call z in an error.

    Returns:
        (..., D). A row of zeros has no direction; it stays zero and receives no gradient.

    Raises:
        TypeError: if z is not a floating tensor.
        ValueError: if z is empty, or has rows with NaN or infinite length (they are named).
    """
    z = floating(z, name)
    norm = torch.linalg.vector_norm(z, dim=-1, keepdim=True)  # (..., 1)
    # A NaN or inf anywhere in a row shows in its norm, which is D times cheaper to look at.
    raise_unless_finite(norm, name)
    # Dividing by inf keeps the zero rows at zero; an epsilon would give them gradients of 1/eps.
    return z / norm.masked_fill(norm == 0, math.inf)


def floating(z: Tensor, name: str) -> Tensor:
    """z as float32, or as float64 if it is that already; see :func:`unit_vectors`."""
    if not isinstance(z, Tensor) or not z.is_floating_point():
        kind = z.dtype if isinstance(z, Tensor) else type(z).__name__
        raise TypeError(f"{name} must be a floating-point tensor of embeddings, got {kind}")
    if z.numel() == 0:
        raise ValueError(f"{name} is empty: shape {tuple(z.shape)}")
    return z if z.dtype == torch.float64 else z.float()


def raise_unless_finite(z: Tensor, name: str) -> None:
    """ValueError naming the rows of z (..., D) that are not finite; see :func:`unit_vectors`."""
    finite = torch.isfinite(z)
    if finite.all():
        return
    bad = (~finite.all(dim=-1)).nonzero().tolist()
    shown = ", ".join(str(i[0] if len(i) == 1 else tuple(i)) for i in bad[:10])
    more = ", …" if len(bad) > 10 else ""
    what = "rows" if z.ndim == 2 else "(instance, view)"
    raise ValueError(
        f"{name} holds NaN, infinite or overflowing embeddings in {what} {shown}{more} "
        f"({len(bad)} of {finite[..., 0].numel()}); check these inputs, the learning rate and, "
        "in half precision, the loss scale"
    )


def group_ids(ids: Tensor, num_rows: int, device: torch.device, name: str) -> Tensor:
    """Ids (num_rows,) as an integer tensor on `device`.

    Raises:
        TypeError: if they are not integers.
        ValueError: if there is not one id for each row.
    """
    ids = torch.as_tensor(ids, device=device)
    if ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool:
        raise TypeError(f"{name} must hold integers, got {ids.dtype}")
    if ids.shape != (num_rows,):
        raise ValueError(
            f"{name} must have shape ({num_rows},), one id for each row of z; "
            f"got {tuple(ids.shape)}"
        )
    return ids


def multi_positive_info_nce(
    unit: Tensor, ids: Tensor, temperature: float | Tensor, *, shared: bool = False
) -> Tensor:
    """InfoNCE in which all rows with the same id are each other's positives.

    With P(i) the other rows with the id of row i, A(i) all other rows, and M the number of rows
    that have a positive::

        L = 1/M Σ_i −1/|P(i)| Σ_{p∈P(i)} log [ exp(z_i·z_p/τ) / Σ_{a∈A(i)} exp(z_i·z_a/τ) ]

    A row without positive is no anchor (it is not counted in M), yet it remains a negative of the
    others. This is L_out of Khosla et al. 2020, equation 2, with the mean over anchors. Memory
    grows with N, not with N²; see :mod:`fermodels.losses.tiles`. No second derivative.

    Args:
        unit: embeddings (N, D) of length one, as :func:`unit_vectors` gives them.
        ids: integers (N,). Any integers will do; −1 is an id like another.
        temperature: τ > 0; a tensor that learns gets its gradient.
        shared: see :func:`fermodels.losses.tiles.self_logsumexp`.

    Returns:
        The loss, a scalar in nats.

    Raises:
        EmptyBatchError: if no row has a positive.
    """
    number, change = split_temperature(temperature)
    num_rows, dim = unit.shape
    _, inverse, counts = torch.unique(ids, return_inverse=True, return_counts=True)  # (N,), (G,)
    num_positives = counts[inverse] - 1  # (N,)
    is_anchor = num_positives > 0  # (N,)
    if not is_anchor.any():
        raise EmptyBatchError(
            f"no row has a positive: the ids of all {num_rows} rows differ, so there is nothing "
            "to pull together. Draw batches that hold at least two images of an instance or "
            "class, or two augmentations of each image"
        )

    # Σ_p z_i·z_p = z_i·(sum of the group − z_i): positives cost N×D, no N×N mask is needed.
    group_sum = unit.new_zeros(len(counts), dim).index_add(0, inverse, unit)  # (G, D)
    positive = ((group_sum[inverse] - unit) * unit).sum(dim=1)  # (N,)
    # Two divisions: integer counts times τ would be rounded to float32 even when z is float64.
    positive = positive / num_positives.clamp(min=1) / temperature

    scaled = unit if change is None else unit * change.sqrt()
    per_row = self_logsumexp(scaled, number, shared=shared) - positive  # (N,)
    return torch.where(is_anchor, per_row, 0).sum() / is_anchor.sum()


def split_temperature(temperature: float | Tensor) -> tuple[float, Tensor | None]:
    """τ as a number, and what carries its gradient: τ/τ, 1, to be multiplied with similarities.

    The tiles take a number. z_i·z_j/τ₀ · (τ₀/τ) with τ₀ the value of τ has the derivative of
    z_i·z_j/τ. None where τ does not learn.

    Raises:
        ValueError: τ is not a positive number (any more).
    """
    number = float(temperature.detach() if isinstance(temperature, Tensor) else temperature)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"temperature must be a positive number, got {number:g}")
    if not isinstance(temperature, Tensor) or not temperature.requires_grad:
        return number, None
    temperature = temperature if temperature.dtype == torch.float64 else temperature.float()
    return number, temperature.detach() / temperature


class GatheringLoss(nn.Module):
    """A loss of the rows of this process or, in training, of all processes of torch.distributed.

    In ``eval()`` nothing is gathered: in validation processes look at the same data, of which each
    row would become a positive, or a negative, of its own copies.
    """

    def __init__(self, gather_distributed: bool = False):
        super().__init__()
        self.gather_distributed = gather_distributed

    @property
    def gathers(self) -> bool:
        """Whether the rows of all processes count now."""
        return self.gather_distributed and self.training

    def gather(self, *columns: Tensor) -> tuple[Tensor, ...]:
        """The columns, with the rows of all processes if these count now."""
        return all_gather_with_grad(*columns) if self.gathers else columns


class ContrastiveLoss(GatheringLoss):
    """What the contrastive losses share: a checked temperature, and the rows of all processes.

    A temperature that is a :class:`torch.nn.Parameter`, a single number, learns along: it is a
    parameter of the loss, which the learners of :mod:`fermodels.methods` hand to their optimiser.
    Below `FLOOR` it counts as that, so that no step can take it to 0 (CLIP: Radford et al., ICML
    2021, arXiv 2103.00020, section 2.5).
    """

    FLOOR = 0.01

    def __init__(self, temperature: float | Tensor, gather_distributed: bool = False):
        super().__init__(gather_distributed)
        if isinstance(temperature, Tensor) and temperature.ndim:
            raise ValueError(
                f"temperature must be one number, such as nn.Parameter(torch.tensor(0.1)), got a "
                f"tensor {tuple(temperature.shape)}"
            )
        self._first, _ = split_temperature(temperature)
        learns = isinstance(temperature, nn.Parameter)
        if learns and self._first < self.FLOOR:
            raise ValueError(f"a temperature that learns starts at {self.FLOOR} or above")
        self.temperature = temperature if learns else self._first

    @property
    def tau(self) -> float | Tensor:
        """τ as it counts now, with its gradient if it learns."""
        if not isinstance(self.temperature, Tensor):
            return self.temperature
        low = (self.FLOOR - self.temperature).detach().clamp(min=0)
        return self.temperature + low  # a gradient below the floor, too, or it could not come back

    @property
    def temperature_setting(self) -> float | dict[str, float]:
        """τ, or what it learns from, as JSON; the same before and after training."""
        learns = isinstance(self.temperature, Tensor)
        return {"learned_from": self._first} if learns else self.temperature

    def extra_repr(self) -> str:
        return f"temperature={split_temperature(self.tau)[0]:g}"


def full_precision(z: Tensor) -> torch.autocast:
    """Context without autocast on z's device: exp(cos/τ) needs more than 8 or 11 bits."""
    if not isinstance(z, Tensor):
        raise TypeError(f"expected a tensor of embeddings, got {type(z).__name__}")
    return torch.autocast(device_type=z.device.type, enabled=False)
