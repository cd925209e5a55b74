"""Sinkhorn's algorithm: clusters that are all equally large."""

import torch
from torch import Tensor


@torch.no_grad()
def sinkhorn(similarity: Tensor, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    """Soft assignments to clusters of equal size (Cuturi, NeurIPS 2013; arXiv 1306.0895).

    Of all Q ≥ 0 whose rows sum to 1 and whose columns sum to N/K, the one with the largest
    Σ_ik Q_ik S_ik + ε H(Q), H being the entropy: exp(S/ε) whose columns and rows are scaled in
    turn. With it nobody can be put into one cluster together with everyone else, as in
    self-labelling (Asano et al., ICLR 2020, arXiv 1911.05371) and SwAV (Caron et al., NeurIPS
    2020, arXiv 2006.09882).

    Args:
        similarity: S (N, K), such as cosines of N samples with K centroids.
        epsilon: ε > 0, in the unit of S. The smaller, the harder the assignment.
        iterations: how often columns and rows are scaled. Rows come last and sum to 1 exactly;
            columns sum to N/K the better, the more iterations and the larger ε.

    Returns:
        (N, K), in the type of `similarity`.

    Raises:
        ValueError: S is not (N, K), or ε or the number of iterations is not above 0.

    Example:
        >>> import torch
        >>> from fermodels.losses import sinkhorn
        >>> nearest_is_always_the_first = torch.tensor([[0.9, 0.1], [0.8, 0.7]])
        >>> sinkhorn(nearest_is_always_the_first, epsilon=0.1, iterations=100).round(decimals=2)
        tensor([[0.9700, 0.0300],
                [0.0300, 0.9700]])
    """
    if similarity.ndim != 2:
        raise ValueError(f"similarity must be (N, K), got {tuple(similarity.shape)}")
    if not (epsilon > 0 and iterations >= 1):
        raise ValueError(
            f"epsilon must be above 0 and iterations at least 1, got {epsilon} and {iterations}"
        )
    log_q = similarity / epsilon  # (N, K)
    for _ in range(iterations):
        log_q = log_q - log_q.logsumexp(dim=0, keepdim=True)
        log_q = log_q - log_q.logsumexp(dim=1, keepdim=True)
    return log_q.exp()
