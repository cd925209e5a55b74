"""What others can do while `fit` trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from fermodels.methods import Learner
    from fermodels.training.history import History


class Callback:
    """Methods that :func:`fermodels.training.fit` calls; derive from it, override what you need.

    Under several processes each calls its own (`learner.global_rank` tells them apart). What a
    callback keeps is not part of the checkpoint.
    """

    def on_train_start(self, learner: Learner, total_steps: int) -> None:
        """Before the first step of this session; `learner.global_step` steps are done already."""

    def on_step_end(self, learner: Learner, batch: dict, losses: dict[str, Tensor]) -> None:
        """After each optimiser step, `learner.global_step` counts it.

        Args:
            learner: in training mode, on the training device.
            batch: what it was trained on, on the same device.
            losses: "loss" and the learner's `loss_names`, detached scalars. Reading one waits for
                the GPU.
        """

    def on_epoch_end(self, learner: Learner, metrics: dict[str, float]) -> None:
        """After each epoch, its validation and its checkpoint.

        Args:
            learner: in training mode; `learner.current_epoch` is the epoch that ended.
            metrics: those of validation, empty in epochs without.
        """

    def on_train_end(self, learner: Learner, history: History) -> None:
        """After the last step, not after an error or an interrupt; `history.frame()` shows all."""
