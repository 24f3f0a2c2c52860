"""What an objective is handed carries preference and reinforcement learning: DPO and GRPO, written out here.

Rows of one prompt share a group, each row a number of its own (chosen or not, an advantage), each token its
log-likelihood under a reference; groups are never parted, so that any budget gives one loss and one gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from flat_rows import gradient
from tiny_models import make_model, random_row, twin_of
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.head import cross_entropy_of_pairs, log_likelihood_of_pairs
from tunesmith.model.layout import MicroBatch, lay_out
from tunesmith.model.load import head_weight, hidden_states
from tunesmith.records import Rendered
from tunesmith.train.step import LossSum

BETA, CLIP = 0.3, 0.2
LAYOUTS = [(100_000, True), (300, True), (60, False), (1, True)]


def objective(
    model: PreTrainedModel, batch: MicroBatch, of_entries: Callable[[Tensor, MicroBatch], Tensor], weight: float
) -> LossSum:
    """Any loss of the log-likelihoods of supervised tokens: its value, then its gradient as weights of these."""
    hidden_TD, head_VD = hidden_states(model, batch), head_weight(model)
    pairs = (batch.pair_positions_P, batch.pair_targets_P)
    logs_Q = log_likelihood_of_pairs(hidden_TD, head_VD, *pairs)[batch.row_pairs_Q].requires_grad_()
    loss = of_entries(logs_Q, batch)
    (slopes_Q,) = torch.autograd.grad(loss, logs_Q)
    weights_P = torch.zeros(len(batch.pair_positions_P)).index_add_(0, batch.row_pairs_Q, -slopes_Q)
    linear, _ = cross_entropy_of_pairs(hidden_TD, head_VD, *pairs, weights_P)
    return LossSum(loss.detach() + linear - linear.detach(), weight, {})


def dpo_loss(logs_Q: Tensor, batch: MicroBatch) -> Tensor:
    """-log sigmoid(beta * margin) a pair (Rafailov et al. 2023, arXiv:2305.18290); target 1 is the chosen answer."""
    gains_Q = (logs_Q - batch.references_Q) * batch.row_weights_Q
    gains_R = torch.zeros(len(batch.row_ids)).index_add(0, batch.row_of_Q, gains_Q)
    signs_R = 2.0 * batch.targets_R - 1.0
    margins_G = torch.zeros(len(batch.row_ids)).index_add(0, batch.groups_R, signs_R * gains_R)
    return -torch.nn.functional.logsigmoid(BETA * margins_G[: int(batch.groups_R.max()) + 1]).sum()


def grpo_loss(logs_Q: Tensor, batch: MicroBatch) -> Tensor:
    """Clipped ratios times advantages that are standardised within the group (Shao et al. 2024, arXiv:2402.03300)."""
    num_groups = int(batch.groups_R.max()) + 1
    sizes_G = torch.bincount(batch.groups_R, minlength=num_groups)
    means_G = torch.zeros(num_groups).index_add(0, batch.groups_R, batch.targets_R) / sizes_G
    gaps_R = batch.targets_R - means_G[batch.groups_R]
    spread_G = (torch.zeros(num_groups).index_add(0, batch.groups_R, gaps_R**2) / sizes_G).sqrt()
    advantages_Q = (gaps_R / (spread_G[batch.groups_R] + 1e-4))[batch.row_of_Q]
    ratios_Q = (logs_Q - batch.references_Q).exp()
    clipped_Q = ratios_Q.clamp(1 - CLIP, 1 + CLIP)
    return -torch.minimum(ratios_Q * advantages_Q, clipped_Q * advantages_Q).sum()


def groups(num_answers: int) -> list[Rendered]:
    """Answers to a few prompts, two of which begin alike; in every prompt nothing is supervised."""
    random = np.random.default_rng(6)
    system, rows = random.integers(0, 320, 20).tolist(), []
    for prompt in range(4):
        prefix = (system if prompt % 2 else []) + random.integers(0, 320, 18 + prompt).tolist()
        for answer in range(num_answers):
            row = random_row(random, f"{prompt}.{answer}", prefix, 6 + 5 * answer)
            weights_T = np.where(np.arange(len(row.ids_T)) < len(prefix), 0, 1).astype(np.float32)
            number = float(answer == 0) if num_answers == 2 else float(random.normal())
            rows.append(
                replace(row, weights_T=weights_T, target=number, target_weight=1 / num_answers, group=f"p{prompt}")
            )
    return rows


def token_logs(model: PreTrainedModel, row: Rendered) -> Tensor:
    ids_T = torch.from_numpy(row.ids_T.astype(np.int64))
    logs: Tensor = model(ids_T[None]).logits[0, :-1].log_softmax(1).gather(1, ids_T[1:, None])[:, 0]
    return logs[torch.from_numpy(row.weights_T[1:] > 0)]


def with_references(rows: list[Rendered], reference: PreTrainedModel) -> list[Rendered]:
    found = []
    for row in rows:
        references_T = np.zeros_like(row.weights_T)
        with torch.no_grad():
            references_T[row.weights_T > 0] = token_logs(reference, row).numpy()
        found.append(replace(row, references_T=references_T))
    return found


def plain_dpo(model: PreTrainedModel, reference: PreTrainedModel, rows: list[Rendered]) -> Tensor:
    total = torch.zeros(())
    for chosen, rejected in zip(rows[::2], rows[1::2], strict=True):
        gains = [token_logs(model, row).sum() - token_logs(reference, row).sum().detach() for row in (chosen, rejected)]
        total = total - (1 / (1 + (-BETA * (gains[0] - gains[1])).exp())).log()
    return total


def plain_grpo(model: PreTrainedModel, reference: PreTrainedModel, rows: list[Rendered]) -> Tensor:
    total = torch.zeros(())
    for start in range(0, len(rows), 3):
        rewards = np.array([row.target for row in rows[start : start + 3]])
        for row, advantage in zip(
            rows[start : start + 3], (rewards - rewards.mean()) / (rewards.std() + 1e-4), strict=True
        ):
            ratios = (token_logs(model, row) - token_logs(reference, row).detach()).exp()
            pessimistic = torch.minimum(ratios * advantage, ratios.clamp(1 - CLIP, 1 + CLIP) * advantage)
            total = total - pessimistic.sum()
    return total


@pytest.mark.thorough
@pytest.mark.parametrize(("num_answers", "ours", "plain"), [(2, dpo_loss, plain_dpo), (3, grpo_loss, plain_grpo)])
def test_loss_and_gradient_are_those_written_out(
    num_answers: int,
    ours: Callable[[Tensor, MicroBatch], Tensor],
    plain: Callable[[PreTrainedModel, PreTrainedModel, list[Rendered]], Tensor],
) -> None:
    model = make_model("qwen2")
    reference = make_model("qwen2", "eager", seed=0)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.mul_(1.02)
    twin = twin_of(model, "eager")
    rows = with_references(groups(num_answers), reference)
    expected = plain(twin, reference, rows)
    expected.backward()
    wanted, worst = gradient(twin), 0.0
    for budget, share in LAYOUTS:
        model.zero_grad()
        batches = lay_out(rows, budget, share=share)
        names = [{row.rpartition(".")[0] for row in batch.row_ids} for batch in batches]
        assert sum(map(len, names)) == len(set().union(*names)) == 4  # no prompt is parted
        found = [partial(objective, of_entries=ours, weight=batch.target_weight)(model, batch) for batch in batches]
        torch.stack([loss.sum for loss in found]).sum().backward()
        assert sum(loss.weight for loss in found) == pytest.approx(4.0)
        worst = max(worst, abs(sum(loss.sum.item() for loss in found) - expected.item()) / abs(expected.item()))
        worst = max(worst, ((gradient(model) - wanted).norm() / wanted.norm()).item())
    print(f"largest relative difference: {worst:.1e}; budget of 1 gives {len(batches)} micro-batches")
    assert len(batches) == 4
    assert worst < 1e-5
