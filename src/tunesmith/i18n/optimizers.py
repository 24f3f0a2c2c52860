"""Texts about optimisers, schedules and regularisers."""

from __future__ import annotations

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "recipe.problem.share-or-steps": (
        "must be a share below 1 or a whole number of steps",
        "应为小于 1 的比例，或整数步数",
    ),
    "recipe.problem.muon-full": (
        "Muon updates whole matrices: it needs method `full`",
        "Muon 更新的是完整的矩阵，须配合 `full` 方法",
    ),
    "recipe.problem.sgd-nesterov": (
        "`nesterov` looks ahead along the momentum, and that is 0",
        "`nesterov` 沿动量方向预先迈一步，而动量为 0",
    ),
    "recipe.problem.sgd-rate": (
        "no rate is derived for `sgd`: give `learning_rate`",
        "`sgd` 的学习率无法推算，请写明 `learning_rate`",
    ),
    "error.layer-rates-no-layers": (
        "`train.layer_rate_decay` has no layers to act on: no parameter is part of a numbered layer",
        "`train.layer_rate_decay` 无处可用：没有任何参数属于编号的层",
    ),
    "hint.layer-rates-no-layers": (
        "leave it out: `tunesmith run RECIPE train.layer_rate_decay=1`",
        "请去掉它：`tunesmith run RECIPE train.layer_rate_decay=1`",
    ),
    "error.muon-no-matrices": (
        "Muon has nothing to update: no trained parameter is a matrix of a layer",
        "Muon 无可更新：训练的参数中没有层内的矩阵",
    ),
    "hint.muon-no-matrices": (
        "take another optimiser: `tunesmith run RECIPE train.optimizer=adamw`",
        "请换一种优化器：`tunesmith run RECIPE train.optimizer=adamw`",
    ),
    "plan.reason.share_prefixes": (
        "attention_dropout is {dropout}, and rows that share a beginning would drop the same of it",
        "attention_dropout 为 {dropout}，而共享开头的数据会丢弃相同的部分",
    ),
    "error.dropout-no-layers": (
        "`train.dropout` has nothing to act on: the model has no layers named {layers}",
        "`train.dropout` 无处可用：模型中没有名为 {layers} 的层",
    ),
    "hint.dropout-no-layers": (
        "leave it out: `tunesmith run RECIPE train.dropout=0`",
        "请去掉它：`tunesmith run RECIPE train.dropout=0`",
    ),
}
