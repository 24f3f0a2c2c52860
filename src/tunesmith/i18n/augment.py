"""Texts of balancing and augmenting the training rows."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "say.prepare.balance-over": (
        "balanced by {by}: rows of rare categories are visited more often (categories had {least} to {most} rows)",
        "按 {by} 平衡：稀少类别的行在每轮训练中多次出现（各类别原有 {least} 至 {most} 行）",
    ),
    "say.prepare.balance-under": (
        "balanced by {by}: rows of frequent categories left out (categories had {least} to {most} rows)",
        "按 {by} 平衡：已去掉部分常见类别的行（各类别原有 {least} 至 {most} 行）",
    ),
    "say.prepare.balance-weight": (
        "balanced by {by}: rows of rare categories weigh more (categories had {least} to {most} rows)",
        "按 {by} 平衡：稀少类别的行权重更高（各类别原有 {least} 至 {most} 行）",
    ),
    "reject.under-sampled": ("left out to balance the categories", "为平衡各类别而去掉"),
    "recipe.problem.balance-column": (
        "`column` belongs to `by: column`, and `by: column` needs it",
        "`column` 与 `by: column` 必须同时给出",
    ),
    "error.balance-nothing": (
        "no training row has what it is to be balanced by: `{by}`",
        "没有任何训练行带有用于平衡的 `{by}`",
    ),
    "hint.balance-nothing": (
        "see what rows have with `tunesmith prepare RECIPE`; set prepare.balance.by to what they share, or take it out",
        "运行 `tunesmith prepare 配方` 查看数据有哪些内容；请把 prepare.balance.by 设为数据中存在的项，或删去该节",
    ),
    "error.balance-clusters": (
        "{rows} training rows cannot make {clusters} clusters",
        "{rows} 行训练数据不足以分成 {clusters} 个簇",
    ),
    "hint.balance-clusters": (
        "ask for fewer: `tunesmith prepare RECIPE prepare.balance.num_clusters=2`",
        "请减少簇数：`tunesmith prepare 配方 prepare.balance.num_clusters=2`",
    ),
}
