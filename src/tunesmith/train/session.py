"""A training in the caller's hands: gradients, updates, answers and saved states in the order that a loop of one's own
wants them.

It is made of what `tunesmith train` is made of: the same model, rows, objective, optimiser and step.

Shapes: T tokens of a row; a suffix `_R` names a list with one element a row.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tunesmith.artifacts import Identity, TunedModel, is_whole, publish
from tunesmith.chat import Chat
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import Place, TunesmithError
from tunesmith.model.layout import MicroBatch
from tunesmith.records import Completion, Example, Message, Rendered, Sampling
from tunesmith.runtime import Progress, Runtime
from tunesmith.train.checkpoint import save_checkpoint
from tunesmith.train.drive import Loop, advanced, validation_figures
from tunesmith.train.objectives import sft
from tunesmith.train.random_state import seed_process
from tunesmith.train.run import assemble, resume, write_model
from tunesmith.train.step import (
    LossSum,
    Objective,
    PartOfStep,
    StepReport,
    finish_step,
    forward_backward,
    part_of_step,
)
from tunesmith.train.training import Training

GREEDY: Final = Sampling()
Loss = Callable[[Sequence[Tensor]], LossSum]
"""A loss of one's own: from the log-probabilities of each row's tokens to a sum and what to divide it by."""
Prompt = str | Sequence[Message]


@dataclass(frozen=True, slots=True)
class Pass:
    """What one `forward_backward` found. Tensors stay on the device until somebody reads them."""

    loss_sum: Tensor
    """0-dim, before the division by `weight`."""
    weight: float
    metrics: Mapping[str, Tensor]
    """Sums (0-dim) over the weight."""
    num_tokens: int
    """Tokens of the rows."""
    num_computed_tokens: int
    """Tokens that were computed: shared beginnings count once."""
    logs_R: tuple[NDArray[np.float32], ...] = ()
    """(T,) of each row, as `log_probabilities` gives them; empty unless a loss of one's own asked for them."""

    @property
    def loss(self) -> Tensor:
        """The mean over the weight (0-dim)."""
        return self.loss_sum / self.weight


class Session:
    """A model, its optimiser and the rows of a recipe, moved by your own loop. `open_training` opens one.

    One process, one device. Nothing is written until something is saved. Gradients are sums: however many calls of
    `forward_backward` come before an `optim_step`, that step divides once, by the weight of all their rows.
    """

    def __init__(self, training: Training, loop: Loop, progress: Progress) -> None:
        self._training = training
        self._loop = loop
        self._progress = progress
        self._engine = LocalEngine(loop.model, training.chat, training.base.max_tokens)
        self._losses: list[LossSum] = []
        self._parts: list[PartOfStep] = []

    @property
    def step(self) -> int:
        """Optimiser steps taken."""
        return self._loop.progressed.step

    @property
    def num_steps(self) -> int:
        """Steps that the recipe would take, which its schedule of rates is made for."""
        return self._training.plan.body.num_steps

    @property
    def rows(self) -> Sequence[Rendered]:
        """The training rows as tokens, each as often as an epoch visits it."""
        return self._loop.source.rows

    @property
    def validation_rows(self) -> Sequence[Rendered]:
        """The validation rows as tokens."""
        return self._loop.validation_rows

    @property
    def chat(self) -> Chat:
        """The base's tokenizer and chat template."""
        return self._training.chat

    def batches(self) -> Iterator[list[Rendered]]:
        """The rows of each step of the recipe that is left, in the order in which `tunesmith train` takes them."""
        for step in range(self.step, self.num_steps):
            yield self._loop.source.rows_of_step(step)

    def render(self, conversations: Sequence[Sequence[Message]]) -> list[Rendered]:
        """Conversations as rows in which every answer is learned, by the base's chat template.

        A row has `ids_T` (T,) int32, the tokens, and `weights_T` (T,) float32, the loss weight of each, 0 for what is
        only read; `dataclasses.replace` gives it others. A conversation may be several rows where the template drops
        earlier thinking. Raises TunesmithError `control-token`, `template-refused`, `template-rewrites`.
        """
        examples = [
            Example(str(number), tuple(messages), Place(f"conversation {number}"))
            for number, messages in enumerate(conversations)
        ]
        return self.chat.training_rows(examples)

    def forward_backward(self, rows: Sequence[Rendered], loss: Loss | None = None) -> Pass:
        """Add the gradients of these rows to the step.

        Without `loss` the recipe's objective is taken: for language models the sum over supervised tokens of weight *
        negative log-likelihood in nats, divided by the sum of the weights.

        With `loss`, that is called once with a list `logs_R` of tensors on the CPU, one a row: float32 (T,), the
        log-probability in nats of each token after those before it, 0 where `weights_T` is 0, without dropout. It gives
        `LossSum(sum, weight, metrics)`: a 0-dim tensor computed from these, and what `optim_step` divides by. Its
        gradient flows back through a second forward pass, as Tinker's `forward_backward_custom` does.

        After an exception the gradients of the whole step are gone. Raises TunesmithError `session-unsupervised`,
        `session-row-too-long`, `session-no-gradient`, `session-head`.
        """
        try:
            return self._collect(rows, loss)
        except BaseException:  # a part of the rows may be in the sums already
            self.discard()
            raise

    def optim_step(self, learning_rate: float | None = None) -> StepReport:
        """Update the weights by the gradients since the last update, and forget these.

        The rate is the recipe's for this step where none is given. `grad_norm` (0-dim) of the report is the norm of the
        mean gradient before it was clipped to `train.max_grad_norm`; where it is not finite, nothing was updated. After
        an exception the gradients are gone.
        Raises TunesmithError `session-nothing-collected`.
        """
        if not self._losses:
            raise TunesmithError("session-nothing-collected", step=self.step + 1)
        loop, step = self._loop, self.step
        rate = loop.schedule(step) if learning_rate is None else learning_rate
        try:
            report = finish_step(loop.optimizer, loop.source.group, step, rate, self._losses, self._parts)
        except BaseException:  # the sums may be divided already
            self.discard()
            raise
        loop.source.restore({**loop.source.state(), "next_step": report.step})
        loop.progressed = advanced(loop.progressed, report, loop.source)
        self._losses, self._parts = [], []
        return report

    def discard(self) -> None:
        """Forget the gradients since the last update."""
        self._loop.optimizer.discard()
        self._losses, self._parts = [], []

    def sample(self, prompts: Sequence[Prompt], sampling: Sampling = GREEDY) -> list[list[Completion]]:
        """`sampling.num_samples` answers of the model as it is now to each prompt, a text or the messages before it.

        Greedy, at most 256 tokens, unless `sampling` says otherwise. Draws from generators of its own: the training
        goes on as if nothing had been asked. Raises TunesmithError `session-head`, `control-token`.
        """
        self._require_language_model()
        asked = [(Message("user", prompt),) if isinstance(prompt, str) else prompt for prompt in prompts]
        with self._in_same_mode():
            return self._engine.generate(asked, sampling)

    def log_probabilities(self, rows: Sequence[Rendered]) -> list[NDArray[np.float32]]:
        """Of each row (T,) float32: the log-probability in nats of every token after those before it.

        0 where `weights_T` is 0 and at the first token. Without dropout and without gradient. Raises TunesmithError
        `session-head`, `session-row-too-long`, `session-unsupervised`.
        """
        self._require_language_model()
        self._require_fit(rows)
        with self._in_same_mode():
            return self._engine.token_likelihoods(rows)

    def measure(self, rows: Sequence[Rendered]) -> dict[str, float]:
        """The mean `loss` of the objective over the rows and the means of its metrics, as validation measures them.

        Waits for the device. Raises TunesmithError `session-unsupervised`, `session-row-too-long`.
        """
        self._require_fit(rows)
        return validation_figures(self._loop.model, self._loop.measure, self._loop.source.lay_out(rows))

    def save(self, folder: str | Path) -> TunedModel:
        """Publish the model as it is now: `adapter/` as PEFT loads it or `weights/` as transformers does.

        `manifest.json` names dataset, base, template, recipe section, the rows of all steps and the weights by their
        hashes, and `api.evaluate` judges it. A model saved there before is replaced. Raises TunesmithError
        `session-folder` where the folder holds anything else.
        """
        out = Path(folder)
        if out.exists() and not is_whole(out) and (not out.is_dir() or any(out.iterdir())):
            raise TunesmithError("session-folder", place=Place(str(out)))
        with publish(out, self._identity()) as staging:
            write_model(self._training, self._loop, [], staging)
        return TunedModel.open(out)

    def save_state(self, folder: str | Path) -> Path:
        """Write all that `load_state` goes on from: weights, moments, step, random state; the newest two are kept.

        Gradients that no `optim_step` has taken are not part of it. States of this step and of later ones are of
        another way that was taken, and go.
        """
        loop, states = self._loop, Path(folder)
        for path in states.glob("step-*"):
            if path.name >= f"step-{self.step:08d}":
                shutil.rmtree(path)
        return save_checkpoint(states, loop.identity, loop.progressed, loop.optimizer.state())

    def load_state(self, folder: str | Path) -> int:
        """Go on from the newest whole state in `folder`, to the bit; where there is none, nothing changes.

        Returns the steps taken. Damaged states are set aside. Raises TunesmithError `resume-changed` for a state of
        another recipe, dataset, base or version.
        """
        self.discard()
        resume(self._loop, Path(folder), self._progress)
        # what was best was the driver's to judge, and lies beside its own checkpoints
        self._loop.progressed = replace(self._loop.progressed, best_step=None, best_value=None, num_without_gain=0)
        torch.set_num_threads(self._loop.progressed.num_threads)
        return self.step

    def _collect(self, rows: Sequence[Rendered], loss: Loss | None) -> Pass:
        self._require_fit(rows)
        if loss is None:
            batches, losses = self._backward(rows, self._loop.objective)
            logs_R: list[NDArray[np.float32]] = []
        else:
            logs_R = self.log_probabilities(rows)
            weighted, own = self._weighted(rows, logs_R, loss)
            (batches, _), losses = self._backward(weighted, sft.loss), [own]
        part = part_of_step(batches, losses)
        self._losses += losses
        self._parts.append(part)
        return Pass(
            loss_sum=torch.stack([one.sum for one in losses]).sum(),
            weight=part["weight"],
            metrics={name: torch.stack([one.metrics[name] for one in losses]).sum() for name in losses[0].metrics},
            num_tokens=part["num_tokens"],
            num_computed_tokens=part["num_computed_tokens"],
            logs_R=tuple(logs_R),
        )

    def _backward(self, rows: Sequence[Rendered], objective: Objective) -> tuple[list[MicroBatch], list[LossSum]]:
        loop = self._loop
        batches = loop.source.lay_out(rows)
        return batches, [forward_backward(loop.model, loop.optimizer, objective, batch) for batch in batches]

    def _weighted(
        self, rows: Sequence[Rendered], logs_R: Sequence[NDArray[np.float32]], loss: Loss
    ) -> tuple[list[Rendered], LossSum]:
        """The rows, each token weighted by minus the loss's slope at its log-probability: their likelihood's gradient
        is then that of the loss, by the chain rule."""
        leaves_R = [torch.from_numpy(logs_T).clone().requires_grad_() for logs_T in logs_R]
        found = loss(leaves_R)
        if not (isinstance(found, LossSum) and found.sum.requires_grad):
            raise TunesmithError("session-no-gradient")
        slopes_R = torch.autograd.grad(found.sum, leaves_R, allow_unused=True)
        weighted = []
        for row, slopes_T in zip(rows, slopes_R, strict=True):
            weights_T = np.zeros_like(row.weights_T) if slopes_T is None else -slopes_T.numpy()
            weighted.append(replace(row, weights_T=np.where(row.weights_T != 0, weights_T, np.float32(0))))
        device = self._loop.optimizer.grad_N.device
        metrics = {name: torch.as_tensor(metric).detach().float().to(device) for name, metric in found.metrics.items()}
        return weighted, LossSum(found.sum.detach().float().to(device), found.weight, metrics)

    def _require_fit(self, rows: Sequence[Rendered]) -> None:
        if not any(row.num_supervised for row in rows):
            raise TunesmithError("session-unsupervised", rows=len(rows))
        room = self._training.base.max_tokens - len(self._loop.source.layout.virtual_ids)
        longest = max(rows, key=lambda row: len(row.ids_T))
        if len(longest.ids_T) > room:
            raise TunesmithError("session-row-too-long", row=longest.id, tokens=len(longest.ids_T), room=room)

    def _require_language_model(self) -> None:
        if self._loop.head is not None:
            raise TunesmithError("session-head", objective=self._training.section.objective.name)

    @contextmanager
    def _in_same_mode(self) -> Iterator[None]:
        """The engine turns dropout off; here it comes back."""
        model = self._loop.model
        is_training = model.training
        try:
            yield
        finally:
            model.train(is_training)

    def _identity(self) -> Identity:
        """Nobody knows what the caller's loop did: the weights speak for themselves."""
        made = self._training.identity()
        master_N = self._loop.optimizer.master_N.detach().cpu().numpy()
        weights = hashlib.sha256(master_N.tobytes()).hexdigest()
        rows = self._loop.progressed.rows_hash
        return replace(made, inputs={**made.inputs, "loop": "session", "rows": rows, "weights": weights})


def open_session(training: Training, run: Path, runtime: Runtime, progress: Progress) -> Session:
    """Load the model and begin before the first step. Raises what `assemble` does."""
    loop = assemble(training, runtime, progress, run)
    seed_process(training.seed, loop.source.group.rank)
    torch.set_num_threads(loop.progressed.num_threads)
    return Session(training, loop, progress)
