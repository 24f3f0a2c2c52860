"""Several LoRA trainings over one frozen base, in one pass over it: each ends where it would have ended by itself.

A step's rows lie in the flat buffer once for each member, whose tokens take its own adapter. The base's products are
shared by all of them; loss, gradients, optimiser, rate and clipping are each member's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tunesmith.artifacts import TunedModel
from tunesmith.runtime import Progress, Runtime
from tunesmith.train.training import Training


def unlike(trainings: Sequence[Training]) -> str | None:
    """Why these cannot be trained in one pass, as a stable word; None where they can.

    They may differ in learning rate, schedule, warm-up, optimiser, `max_grad_norm`, `l1`, `layer_rate_decay`,
    `label_smoothing`, `batch_rows`, `epochs`, `max_steps`, `alpha` and in when they stop. The words: `base`, `dataset`,
    `template`, `seed`, `rows`, `teacher`, `objective`, `precision`, `method`, `rank`, `targets`, `dropout`, `compile`,
    `experts`, `metric`.
    """
    raise NotImplementedError


class Group:
    """Several trainings over one frozen base, advanced together; one training of any method is a group too.

    Trainings are validated where each would be by itself, and at every call of `advance`; their best weights are kept.
    A training whose own rules (`train.stop`) end it stays in `names`, and takes no further step.
    """

    def __init__(self, trainings: Mapping[str, Training], runtime: Runtime, progress: Progress) -> None:
        """Raises ValueError where `unlike` finds a reason against it; else what `assemble` raises."""
        raise NotImplementedError

    @property
    def names(self) -> tuple[str, ...]:
        """Those that still train."""
        raise NotImplementedError

    def advance(self, step: int) -> dict[str, float]:
        """Train each to optimiser step `step`, its plan's last one at most.

        Returns each one's validation metric (`train.stop.metric`) there, not finite where its loss was not. Raises
        RunFailed `out-of-memory`.
        """
        raise NotImplementedError

    def keep(self, names: Collection[str]) -> None:
        """The others stop; their memory is freed."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write all that those that still train need to go on exactly from here, whole or not at all."""
        raise NotImplementedError

    def restore(self, folder: Path) -> None:
        """Go on from what `save` wrote, with the members it wrote. Raises `artifact-missing`, `artifact-damaged`."""
        raise NotImplementedError

    def publish(self, name: str, out: Path) -> TunedModel:
        """Write a member's best weights so far, as its own training would have left them; it may go on after that."""
        raise NotImplementedError
