"""Texts of confidence in free answers, of the maps that mend confidence, and of withholding unsure answers."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "metric.likelihood": ("Likelihood of the answer", "回答的似然"),
    "metric.verbalised": ("Stated confidence", "自述的把握"),
    "metric.agreement": ("Agreement of samples", "多次采样的一致程度"),
    "error.confidence-unfit": (
        "the confidence `{kind}` does not fit: {reason}",
        "置信度 `{kind}` 不适用：{reason}",
    ),
    "hint.confidence-unfit": (
        "leave it out of `evaluate.confidence`, then run `tunesmith check RECIPE`",
        "从 `evaluate.confidence` 中去掉它，再执行 `tunesmith check RECIPE`",
    ),
    "unfit-confidence.labels": (
        "the rows ask for a label, whose own probability is the confidence",
        "这些数据要求给出标签，标签自身的概率就是置信度",
    ),
    "unfit-confidence.numbers": (
        "the rows ask for a number, which is near or far rather than right or wrong",
        "这些数据要求给出数值，数值只有远近，没有对错",
    ),
    "unfit-confidence.documents": ("texts are read, and nothing is answered", "文本只供阅读，没有回答"),
    "unfit-confidence.samples": (
        "one sample agrees with itself; let `evaluate.decoding.num_samples` be 2 or more",
        "只有一个样本，无从比较；请把 `evaluate.decoding.num_samples` 设为 2 或更大",
    ),
    "unfit-confidence.greedy": (
        "greedy samples are all the same; let `evaluate.decoding.temperature` be above 0",
        "贪心解码的样本全都相同；请把 `evaluate.decoding.temperature` 设为大于 0",
    ),
    "report.sure_name": ("{arm} ({kind})", "{arm}（{kind}）"),
    "report.kind_of_confidence.label": ("label", "标签概率"),
    "report.kind_of_confidence.likelihood": ("likelihood", "似然"),
    "report.kind_of_confidence.verbalised": ("stated when asked", "自述"),
    "report.kind_of_confidence.agreement": ("agreement of samples", "采样一致"),
    "report.unstated": (
        "{name}: {n} answers have no confidence and are not counted here.",
        "{name}：有 {n} 个回答没有置信度，未计入此处。",
    ),
    "report.coverage.label": ("Accuracy of the labels given", "所给标签的准确率"),
    "report.coverage.likelihood": ("Accuracy by likelihood", "按似然作答的准确率"),
    "report.coverage.verbalised": ("Accuracy by stated confidence", "按自述把握作答的准确率"),
    "report.coverage.agreement": ("Accuracy by agreement of samples", "按采样一致程度作答的准确率"),
    "report.coverage.course": (
        "{accuracy} of the surest {coverage}, {all} of all",
        "最有把握的 {coverage}：{accuracy}；全部：{all}",
    ),
    "report.coverage.caption": (
        "From left to right more answers are given, the surest first; the height is the share of them that is right, "
        "the band its 95% interval.",
        "从左到右，给出的回答越来越多，最有把握的在先；高度为其中答对的比例，色带为 95% 置信区间。",
    ),
    "report.reliability.title": ("{name}: confidence and share right, {rows}", "{name}：置信度与答对比例，{rows}"),
    "report.reliability.all": ("{n} answers", "{n} 个回答"),
    "report.reliability.before": ("before the map, {n} answers", "映射前，{n} 个回答"),
    "report.reliability.after": ("after the map ({method}), {n} answers", "映射后（{method}），{n} 个回答"),
    "report.reliability.bin": (
        "{confidence} sure, {accuracy} right ({interval}), {n} answers",
        "置信度 {confidence}，答对 {accuracy}（{interval}），{n} 个回答",
    ),
    "report.reliability.caption": (
        "To the right stands how sure the answers are, upwards how many of them are right, with the 95% interval. On "
        "the dashed line both are equal; below it an arm is surer than it should be. The columns tell how many answers "
        "each point stands for. Before and after a map are of the same answers, none of which it was fitted on.",
        "横轴为置信度，纵轴为答对的比例，竖线为 95% 置信区间。虚线上两者相等；点落在虚线下方，说明过于自信。"
        "下方柱形为各点所含的回答数。映射前后为同一批回答，均未用于拟合。",
    ),
    "report.mending": ("What a calibration map makes of confidence", "校准映射的效果"),
    "report.mending.map": ("Map", "映射"),
    "report.mending.rows": ("Fitted on", "拟合数据"),
    "report.mending.log_loss": ("Log loss", "对数损失"),
    "report.mending.method.temperature": ("temperature", "温度缩放"),
    "report.mending.method.platt": ("Platt's curve", "Platt 缩放"),
    "report.mending.method.isotonic": ("isotonic curve", "保序回归"),
    "report.mending.method.none": ("none", "无"),
    "report.mending.reason.asked": ("as the recipe says", "按配方指定"),
    "report.mending.reason.best": ("smallest cross-validated log loss", "交叉验证的对数损失最小"),
    "report.mending.reason.few": ("too few rows to compare maps", "数据太少，无法比较各种映射"),
    "report.mending.reason.as_stated": (
        "no map lowers the cross-validated log loss",
        "没有映射能降低交叉验证的对数损失",
    ),
    "report.mending.reason.too_few": ("fewer than {rows} rows to fit on", "可供拟合的数据不足 {rows} 条"),
    "report.mending.reason.one_sided": (
        "fewer than {answers} right or {answers} wrong answers to fit on",
        "可供拟合的数据中，答对或答错的不足 {answers} 条",
    ),
    "report.mending.rows.validation": ("{n} validation rows", "{n} 条验证数据"),
    "report.mending.rows.half_of_test": (
        "{n} test rows, judged on the other half of them",
        "{n} 条测试数据，在另一半上检验",
    ),
    "report.mending.caption": (
        "Before → after, on rows that the map was not fitted on. No map changes an answer, only how sure it is: the "
        "verdict and the table above rest on all test rows. The map is saved as `calibration.json` beside the "
        "scorecard.",
        "映射前 → 映射后，均在未用于拟合的数据上计算。映射不改变回答，只改变把握的大小："
        "结论和上方表格仍依据全部测试数据。映射保存在评测结果旁的 `calibration.json` 中。",
    ),
    "report.abstain": (
        "{name}: to have {wanted} of the answers right, answer only from a confidence of {confidence} on. On rows "
        "that had no part in choosing it, {coverage} of the questions are answered, {accuracy} of them rightly "
        "({interval}).",
        "{name}：若要求 {wanted} 的回答正确，应只在置信度不低于 {confidence} 时作答。在未参与选择的数据上，"
        "这样会回答 {coverage} 的问题，其中 {accuracy} 答对（{interval}）。",
    ),
    "report.abstain.mended": (
        "{name}: to have {wanted} of the answers right, answer only from a calibrated confidence of {confidence} on. "
        "On rows that had no part in choosing it, {coverage} of the questions are answered, {accuracy} of them rightly "
        "({interval}).",
        "{name}：若要求 {wanted} 的回答正确，应只在校准后的置信度不低于 {confidence} 时作答。在未参与选择的数据上，"
        "这样会回答 {coverage} 的问题，其中 {accuracy} 答对（{interval}）。",
    ),
    "report.abstain.none": (
        "{name}: no confidence was found from which on {wanted} of the answers are surely right.",
        "{name}：没有找到这样的置信度，使不低于它的回答可以确信有 {wanted} 正确。",
    ),
}
