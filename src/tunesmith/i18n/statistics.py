"""Texts of calibration (`report.calibration*`), of `--recheck` (`cli.recheck*`) and of the gate (`gate.*`).

Reasons of the gate, `gate.reason.*`, are filled with the paired difference of new and current model: `mean`, `low`,
`high`, `n`, with the interval's `level`, `suite` and `max_loss`, and of new failures with `count`; `gate.suite.*` say
what the target is called.
"""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "report.calibration": ("How far confidence may be believed", "置信度是否可信"),
    "report.calibration.confidence": ("Mean confidence", "平均置信度"),
    "report.calibration.accuracy": ("Accuracy", "准确率"),
    "report.calibration.ece": ("Calibration error (ECE)", "校准误差（ECE）"),
    "report.calibration.chance": ("of a perfect model", "完全校准的模型"),
    "report.calibration.p_value": ("p-value", "p 值"),
    "report.calibration.brier": ("Brier score", "Brier 分数"),
    "report.calibration.risk": ("Wrong: all / surer half", "错误率：全部 / 较有把握的一半"),
    "report.calibration.interval": ("95% interval", "95% 置信区间"),
    "report.calibration.answers": ("Answers", "回答数"),
    "report.calibration.bins": ("Confidence and accuracy by bin", "各区间的置信度与准确率"),
    "report.calibration.caption": (
        "The calibration error is the mean distance of confidence and accuracy in ten bins of equal size. Even a "
        "perfectly calibrated model shows one: its mean on as many items stands beside, and the p-value tells how "
        "often it shows as much.",
        "校准误差是十个等量区间内置信度与准确率之差的平均值。完全校准的模型也会有误差：旁边列出它在同样题数下的平均值，"
        "p 值表示它达到这一误差的频率。",
    ),
    "report.few": (
        "The intervals of scores other than shares are bootstrap intervals. With {n} items such intervals were "
        "measured to hold the true value in {coverage} of evaluations rather than in 95%.",
        "除比例类指标外，其余置信区间由自助法得出。在 {n} 道题的规模下，"
        "实测这类区间包含真实值的比例为 {coverage}，低于 95%。",
    ),
    "cli.option.recheck-scorecard": (
        "Of a scorecard's folder: compute every figure again from its samples.",
        "对评测结果文件夹：根据样本重新计算每个数字。",
    ),
    "cli.argument.recipe-or-scorecard": (
        "A recipe file, or the folder of a run; with --recheck that of a scorecard.",
        "配方文件或某次运行的文件夹；使用 --recheck 时为评测结果文件夹。",
    ),
    "cli.scorecard-at": ("scorecard: {path}", "评测结果：{path}"),
    "cli.recheck": (
        "{figures} figures computed again from {samples} samples with SciPy and scikit-learn; largest difference "
        "{largest} ({where})",
        "已用 SciPy 和 scikit-learn 根据 {samples} 条样本重新计算 {figures} 个数字；最大差异 {largest}（{where}）",
    ),
    "cli.recheck.unchecked": (
        "not in the samples, so not computed again: {names}",
        "样本中没有、因而未重新计算：{names}",
    ),
    "error.recheck-differs": (
        "{figure} is {said} in the scorecard, yet {found} by its samples",
        "评测结果中 {figure} 为 {said}，而按样本计算为 {found}",
    ),
    "hint.recheck-differs": (
        "delete the scorecard's folder and run `tunesmith evaluate RECIPE`: it is made anew",
        "删除该评测结果文件夹，再执行 `tunesmith evaluate RECIPE` 重新生成",
    ),
    "error.gate-unlike": (
        "the two scorecards cannot be compared: another metric, or no test item in common with {other}",
        "两份评测结果无法比较：指标不同，或与 {other} 没有相同的测试题",
    ),
    "hint.gate-unlike": (
        "judge both models on the same test items: `tunesmith evaluate RECIPE`",
        "请用同一批测试题评测两个模型：`tunesmith evaluate RECIPE`",
    ),
    "error.gate-suite": ("the suite {suite} is not in both scorecards", "两份评测结果未同时包含测试 {suite}"),
    "hint.gate-suite": (
        "ask it of both models: `tunesmith evaluate RECIPE`, or take it out of the limits",
        "请对两个模型都进行这项测试：`tunesmith evaluate RECIPE`，或将其从限度中去掉",
    ),
    "gate.reason.gain_shown": (
        "{suite}: better than the current model: {mean}, {level} interval {low} to {high}, on {n} items",
        "{suite}：优于当前模型：{mean}，{level} 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "gate.reason.no_gain": (
        "{suite}: not better than the current model: {mean}, {level} interval {low} to {high}, on {n} items",
        "{suite}：不优于当前模型：{mean}，{level} 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "gate.reason.gain_uncertain": (
        "{suite}: a gain over the current model is not shown: {mean}, {level} interval {low} to {high}, on {n} items",
        "{suite}：未能证实优于当前模型：{mean}，{level} 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "gate.reason.kept": (
        "{suite}: kept within the limit of {max_loss}: {mean}, {level} interval {low} to {high}, on {n} items",
        "{suite}：退步不超过限度 {max_loss}：{mean}，{level} 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "gate.reason.lost": (
        "{suite}: lost more than the limit of {max_loss}: {mean}, {level} interval {low} to {high}, on {n} items",
        "{suite}：退步超出限度 {max_loss}：{mean}，{level} 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "gate.reason.loss_uncertain": (
        "{suite}: whether the loss stays within {max_loss} is not shown: {mean}, {level} interval {low} to {high}, on "
        "{n} items",
        "{suite}：未能证实退步不超过 {max_loss}：{mean}，{level} 置信区间 {low} 至 {high}，共 {n} 题",
    ),
    "gate.reason.new_failures": (
        "{suite}: {count} items fail that the current model passes",
        "{suite}：当前模型通过的题目中有 {count} 题未通过",
    ),
    "gate.reason.items_needed": (
        "About {num_items_needed} items would settle it, were the true difference the observed one",
        "假如真实差值就是观察到的大小，大约需要 {num_items_needed} 题才能定论",
    ),
    "gate.reason.more_items_needed": (
        "More than {num_items} items would be needed to settle it, were the true difference the observed one",
        "假如真实差值就是观察到的大小，需要超过 {num_items} 题才能定论",
    ),
}
