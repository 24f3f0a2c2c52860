"""Texts of searches over settings and of the autopilot: what a recipe says wrongly, the terminal, the page."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "recipe.problem.search-low-high": ("`low` is not below `high`", "`low` 不小于 `high`"),
    "recipe.problem.search-log-low": ("`log` needs `low` above 0", "使用 `log` 时，`low` 必须大于 0"),
    "recipe.problem.search-step": (
        "`step` lies between 0 and high - low, and goes without `log`",
        "`step` 应大于 0 且不超过 high - low，并且不能与 `log` 同用",
    ),
    "recipe.problem.search-twice": ("the same value stands there twice", "有重复的取值"),
    "recipe.problem.search-grid": (
        "`by: grid` needs `values` or `step` for `{key}`",
        "使用 `by: grid` 时，`{key}` 要写 `values` 或 `step`",
    ),
    "recipe.problem.search-many": (
        "the grid has {num} trials, more than {most}; take `by: random` or `by: tpe` with `num_trials`",
        "网格共有 {num} 次试训，超过 {most} 次；请改用 `by: random` 或 `by: tpe`，并设置 `num_trials`",
    ),
    "error.search-key": (
        "no trial may change `{key}`: {reason}",
        "试训不能改动 `{key}`：{reason}",
    ),
    "hint.search-key": (
        "leave it out of `search.space`; to try it, run the recipe once more: `tunesmith run recipe.yaml {key}=...`",
        "请从 `search.space` 中去掉；若要比较，请把配方再运行一次：`tunesmith run recipe.yaml {key}=...`",
    ),
    "search.apart.told": (
        "it changes what is told, shipped or served, and no training",
        "它只影响展示、发布或服务，不影响训练",
    ),
    "search.apart.judged": (
        "it decides how the chosen model is judged, and the judge stays the same",
        "它决定如何评测选出的模型，评测标准不能跟着变",
    ),
    "search.apart.paired": (
        "all trials see the same rows in the same order, so that their differences are those of the settings",
        "所有试训以相同的顺序学习相同的数据，差异才完全来自设置",
    ),
    "search.apart.compared": (
        "it decides what the validation measures, so that trials could not be compared",
        "它决定验证时度量什么，改了之后各次试训无法比较",
    ),
    "search.apart.same": (
        "it changes speed, memory or what is watched, and not what a trial learns",
        "它只影响速度、内存或观察的内容，不影响学到什么",
    ),
    "search.apart.held-out": (
        "it decides which rows are held out, and all trials are compared on the same ones",
        "它决定留出哪些数据，而所有试训必须用同样的留出数据比较",
    ),
    "error.search-overlap": (
        "`search.space` varies `{wider}` as a whole and `{key}` within it",
        "`search.space` 既整体改动 `{wider}`，又改动其中的 `{key}`",
    ),
    "hint.search-overlap": (
        "keep one of them: with whole values, write the inner setting into each, such as `{{name: lora, rank: 8}}`",
        "请只保留一个：若整体取值，把内部设置写进每个取值，例如 `{{name: lora, rank: 8}}`",
    ),
    "error.search-no-validation": (
        "there are no validation rows to compare trials by",
        "没有验证数据，无法比较各次试训",
    ),
    "hint.search-no-validation": (
        "hold some out: `prepare.validation_share=0.1`",
        "请留出一部分：`prepare.validation_share=0.1`",
    ),
    "error.search-other-rows": (
        "with these settings of `prepare`, other rows would be held out than in the other trials",
        "按这些 `prepare` 设置，留出的数据会与其他试训不同",
    ),
    "hint.search-other-rows": (
        "vary only what changes training rows: `prepare.augment` and `prepare.balance`",
        "请只改动影响训练数据的设置：`prepare.augment` 和 `prepare.balance`",
    ),
    "error.search-nothing": (
        "no trial could be measured; of the first that failed: {problem}",
        "没有一次试训得到结果；最先失败的原因：{problem}",
    ),
    "hint.search-nothing": (
        "see that the recipe itself trains: `tunesmith train recipe.yaml`",
        "请先确认配方本身能训练：`tunesmith train recipe.yaml`",
    ),
    "error.search-no-time": (
        "{hours:g} hours were over before any trial was measured",
        "{hours:g} 小时已用完，还没有一次试训得到结果",
    ),
    "hint.search-no-time": (
        "the same command goes on from there; give it more time: `search.hours=...`, `--hours ...`",
        "再次执行同一命令即可继续；请给更多时间：`search.hours=...`、`--hours ...`",
    ),
    "error.goal-form": (
        "`{goal}` is no goal: a metric, one of >=, >, <=, <, and a number",
        "`{goal}` 不是有效的目标：应为指标、>=、>、<=、< 之一，再加一个数",
    ),
    "hint.goal-form": (
        "write it in quotes, so that the shell leaves it alone: `--until 'accuracy>=0.9'`",
        "请加引号，以免被命令行解释：`--until 'accuracy>=0.9'`",
    ),
    "error.goal-metric": (
        "`{metric}` will not be in the scorecard, which has: {metrics}",
        "评测结果中不会有 `{metric}`，只有：{metrics}",
    ),
    "hint.goal-metric": (
        "take one of these, or have it computed: `evaluate.metrics=[{metric}]`",
        "请用其中之一，或要求计算它：`evaluate.metrics=[{metric}]`",
    ),
    "error.goal-metric-near": ("`{metric}` will not be in the scorecard", "评测结果中不会有 `{metric}`"),
    "hint.goal-metric-near": (
        "did you mean `{suggestion}`? Else have it computed: `evaluate.metrics=[{metric}]`",
        "是否想写 `{suggestion}`？否则请要求计算它：`evaluate.metrics=[{metric}]`",
    ),
    "error.goal-direction": (
        "`{goal}` would be met by a worse model, or no model is better by `{metric}`",
        "更差的模型也能达到 `{goal}`，或者 `{metric}` 没有好坏之分",
    ),
    "hint.goal-direction": (
        "where more is better write `{metric}>=...`, where less is better `{metric}<=...`",
        "越大越好的指标写 `{metric}>=...`，越小越好的写 `{metric}<=...`",
    ),
    "error.goal-range": (
        "`{goal}` lies outside what `{metric}` can be, {low} to {high}",
        "`{goal}` 超出了 `{metric}` 的取值范围（{low} 到 {high}）",
    ),
    "hint.goal-range": (
        "shares are written from 0 to 1 or in percent: `accuracy>=0.9`, `accuracy>=90%`",
        "比例写成 0 到 1 的小数或百分数：`accuracy>=0.9`、`accuracy>=90%`",
    ),
    "say.search.rung": ("search: {num} trials to {share} of their steps", "搜索：{num} 次试训，训练到总步数的 {share}"),
    "say.search.halved": (
        "memory does not hold {num} trials in one pass: they are trained in two halves",
        "内存容纳不下一起训练的 {num} 次试训，改为分成两半依次训练",
    ),
    "error.trials-out-of-memory": (
        "no memory for step {step} with {num} trials in training; a micro-batch has up to {tokens} tokens",
        "{num} 次试训在第 {step} 步内存不足；每个微批最多 {tokens} 个词元",
    ),
    "hint.trials-out-of-memory": (
        "lower the budget of a micro-batch, e.g. `train.micro_batch_tokens=1024`, or shorten the rows",
        "请调低微批的词元上限，例如 `train.micro_batch_tokens=1024`，或缩短数据行",
    ),
    "say.search.best": (
        "search: best so far is trial {number}: {metric} {value}",
        "搜索：目前最好的是第 {number} 次试训：{metric} {value}",
    ),
    "say.search.goal": (
        "autopilot: {metric} on the validation rows is {value}; wanted: {goal}",
        "自动调优：验证集上 {metric} 为 {value}；目标：{goal}",
    ),
    "cli.help.search": (
        "Try other settings, and run the best recipe: its test figure was never used for choosing.",
        "尝试不同的设置，并运行最好的配方；选择过程不使用测试集。",
    ),
    "cli.help.autopilot": (
        "Choose the method, search until time is over or a goal is reached, and confirm it once on the test rows.",
        "自动选择方法，搜索到时间用完或达到目标为止，并在测试集上确认一次。",
    ),
    "cli.option.hours": ("Hours to search; no rung begins after them.", "搜索的小时数；超过后不再开始新的一级。"),
    "cli.option.until": (
        "Stop as soon as the validation rows say so, such as 'accuracy>=0.9'.",
        "验证集达到目标即停止，例如 'accuracy>=0.9'。",
    ),
    "search.rank": ("Rank", "名次"),
    "search.trial": ("Trial", "试训"),
    "search.trained": ("Trained", "训练到"),
    "search.value": ("{metric} on validation", "验证集 {metric}"),
    "search.state": ("State", "状态"),
    "search.state.complete": ("to its end", "已完成"),
    "search.state.pruned": ("stopped at a rung", "中途淘汰"),
    "search.state.running": ("time was over", "时间已到"),
    "search.state.failed": ("failed: {problem}", "失败：{problem}"),
    "search.diverged": ("its validation loss is no number", "验证损失不是有效的数"),
    "search.kind": ("Search over settings", "设置搜索"),
    "search.headline": ("Best: trial {number} of {total}", "最佳：{total} 次试训中的第 {number} 次"),
    "search.sentence": (
        "By {metric} on the validation rows it is {value}. It was then trained by itself and judged once, on test rows "
        "that no trial had seen: {test_metric} {test}{interval}. Verdict: {verdict}.",
        "它在验证集上的 {metric} 为 {value}。随后单独训练，并在任何试训都没有见过的测试集上评测一次："
        "{test_metric} {test}{interval}。结论：{verdict}。",
    ),
    "search.not_judged": (
        "By {metric} on the validation rows it is {value}. It has not been judged on the test rows yet.",
        "它在验证集上的 {metric} 为 {value}，尚未在测试集上评测。",
    ),
    "search.in_brackets": (" ({interval})", "（{interval}）"),
    "search.cost": (
        "{steps} optimiser steps for {trials} trials: as much as {full} whole trainings.",
        "{trials} 次试训共 {steps} 步，相当于 {full} 次完整训练。",
    ),
    "search.not_done": (
        "Time was over before all trials were done. The same command goes on from here.",
        "时间用完时试训尚未全部完成；再次执行同一命令即可继续。",
    ),
    "search.next": (
        "The best recipe is `{file}`; `tunesmith run {file}` finds what is made already, `tunesmith report {file}` "
        "its report.",
        "最佳配方是 `{file}`；`tunesmith run {file}` 会直接使用已有结果，`tunesmith report {file}` 会重写报告。",
    ),
    "search.report_at": ("its report: {path}", "它的报告：{path}"),
    "search.page_at": ("all trials: {path}", "全部试训：{path}"),
    "search.settings": ("Settings of the best trial", "最佳试训的设置"),
    "search.ranking": ("All trials, best first", "全部试训，由好到差"),
    "search.ranking.about": (
        "A trial that was trained further stands above one that was stopped before: their values are not of the same "
        "number of steps.",
        "训练得更久的排在前面：步数不同，数值不能直接比较。",
    ),
    "search.importance": ("What mattered", "哪些设置重要"),
    "search.importance.about": (
        "Share of the differences between {num} trials, all judged after {at} of their steps, that a setting explains "
        "by itself (fANOVA).",
        "{num} 次试训在训练到 {at} 时的差异中，由每项设置单独解释的比例（fANOVA）。",
    ),
    "search.importance.few": (
        "So few trials say little about that: take the order as a hint, not as a finding.",
        "试训次数太少，这一结果仅供参考，不能作为结论。",
    ),
    "search.importance.none": (
        "Too few trials could be compared to tell.",
        "可比较的试训太少，无法判断。",
    ),
    "search.parallel": ("Every trial as a line", "每次试训一条线"),
    "search.parallel.about": (
        "From left to right the settings, at the right the value after {at} of the steps, better ones higher. The best "
        "trial is drawn strongest.",
        "从左到右是各项设置，最右边是训练到 {at} 时的数值，越好越靠上。最粗的线是最佳试训。",
    ),
    "search.facts.by": ("Proposed by", "提出方式"),
    "search.by.grid": ("all combinations", "所有组合"),
    "search.by.random": ("chance, by the seed", "按种子随机"),
    "search.by.tpe": ("TPE, in brackets of eight", "TPE，每组八次"),
    "search.facts.halving": ("At each rung", "每一级"),
    "search.halving.on": ("the best 1/{eta} go on", "最好的 1/{eta} 继续"),
    "search.halving.off": ("all go on", "全部继续"),
    "search.facts.metric": ("Compared by", "比较依据"),
    "search.facts.method": ("Method", "方法"),
    "search.facts.seed": ("Seed", "随机种子"),
    "search.goal": ("The goal {goal}", "目标 {goal}"),
    "search.goal.validation": ("on the validation rows: {value}{interval}", "验证集：{value}{interval}"),
    "search.goal.test": ("on the test rows: {value}{interval}", "测试集：{value}{interval}"),
    "search.goal.not_reached": (
        "Not reached: no model that was tried came to it on the validation rows.",
        "未达到：尝试过的模型在验证集上都没有达到目标。",
    ),
    "search.goal.confirmed": (
        "Reached and confirmed: on test rows asked once, the whole interval meets it.",
        "已达到并得到确认：测试集只用一次，整个置信区间都满足目标。",
    ),
    "search.goal.within_error": (
        "Reached, not surely confirmed: the test figure meets it, its whole interval does not. More test rows would "
        "tell.",
        "已达到，但未能充分确认：测试集的数值满足目标，置信区间却没有完全满足；需要更多测试数据才能判断。",
    ),
    "search.goal.missed": (
        "Reached on the validation rows and not confirmed: the test rows, asked once, miss it. The choice fitted the "
        "validation rows.",
        "验证集上已达到，但未得到确认：测试集上没有达到；这次选择迎合了验证集。",
    ),
}
