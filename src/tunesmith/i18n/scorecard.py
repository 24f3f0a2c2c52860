"""Texts of what stands behind a scorecard's figures (`report.details*`, `report.answers*`), of labels that are written
rather than chosen (`*format_only`), and of reading a scorecard."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "arm.tuned_free_form": ("Tuned model, free answers", "微调后的模型（自由作答）"),
    "report.arm_note.tuned_free_form": (
        "the tuned model, writing its answer freely; its difference is to the base that does the same",
        "微调后的模型，自由写出回答；其差值相对于同样自由作答的基座模型",
    ),
    "verdict.format_only": ("Format only", "只学会了格式"),
    "verdict.meaning.format_only": (
        "The model learned to write labels, not to tell which one is right: choosing among the declared labels it is "
        "not better than the base. Do not deploy it in place of the base.",
        "模型学会了按标签的格式作答，却没有学会哪个标签正确：在给定标签中选择时，它并不优于基座模型。不要用它"
        "替换基座模型。",
    ),
    "verdict.reason.format_only": (
        "Written freely, its answers did get better: {mean}, 95% interval {low} to {high}, on {n} items. "
        "What it gained is their form",
        "自由作答时确有提升：{mean}，95% 置信区间 {low} 至 {high}，共 {n} 题；提升的只是回答的格式",
    ),
    "gate.reason.format_only": (
        "Against its base the new model learned the format of the answers only",
        "与其基座相比，新模型只学会了回答的格式",
    ),
    "error.scorecard-newer": (
        "this scorecard has version {found}, and this Tunesmith reads up to {known}",
        "该评测结果的版本为 {found}，当前 Tunesmith 最高支持 {known}",
    ),
    "hint.scorecard-newer": (
        "install the newer one, `pip install --upgrade tunesmith`, or make it anew: `tunesmith evaluate RECIPE`",
        "请安装新版：`pip install --upgrade tunesmith`，或重新生成：`tunesmith evaluate RECIPE`",
    ),
    "report.table.more": ("More figures", "更多指标"),
    "report.table.detectable": ("Detectable", "可检出"),
    "report.details": ("Behind the figures", "数字背后"),
    "report.details.faults": ("Answers that are none", "无效回答"),
    "report.details.faults.caption": (
        "Each of them counts as its score says, most often as wrong. Beside stands {metric} were all of them wrong, "
        "and were all of them right: the truth lies between.",
        "这些回答按各自得分计入，通常算错。右侧列出把它们全部算错、全部算对时的数值（{metric}），真实情况介于两者之间。",
    ),
    "report.details.as_scored": ("As scored", "按得分"),
    "report.details.all_wrong": ("All wrong", "全部算错"),
    "report.details.all_right": ("All right", "全部算对"),
    "report.details.failed": (
        "{metric} could not be computed of {n} answers ({arm}); its figure is of the others.",
        "{arm}有 {n} 个回答无法计算“{metric}”，该指标只统计其余回答。",
    ),
    "report.details.classes": ("Each class, the worst first", "各类别（由差到好）"),
    "report.details.class": ("Class", "类别"),
    "report.details.precision": ("Precision", "精确率"),
    "report.details.recall": ("Recall", "召回率"),
    "report.details.f1": ("F1", "F1"),
    "report.details.f1_before": ("F1 before", "微调前 F1"),
    "report.details.change": ("Change", "变化"),
    "report.details.confusion": ("What is taken for what: {arm}", "混淆情况：{arm}"),
    "report.details.confusion.caption": (
        "A row for each true class, a column, under the same number, for each answer. Green is right, red is wrong; "
        "the stronger the colour, the larger the share of the row.",
        "每行为一个真实类别，每列为一种回答，编号相同即为同一类别。绿色为答对，红色为答错，颜色越深，占该行的比例越大。",
    ),
    "report.details.without_row": ("Columns without a row: {names}.", "没有对应行的列：{names}。"),
    "report.details.confused": ("Most often confused", "最常混淆的类别"),
    "report.details.true": ("True class", "真实类别"),
    "report.details.told": ("Taken for", "被当作"),
    "report.details.share": ("Of the class", "占该类别"),
    "report.details.none_confused": ("No class is taken for another", "没有类别被混淆"),
    "report.details.no_label": ("(none of the labels)", "（不在标签之列）"),
    "report.details.terms": ("Terms of the glossary", "术语表"),
    "report.details.term": ("Term", "术语"),
    "report.details.terms.caption": (
        "Answers that hold the term, of those whose question or reference calls for it.",
        "在问题或参考答案要求使用该术语的题目中，含有该术语的回答数。",
    ),
    "report.answers.right": ("right before and after", "前后都对"),
    "report.answers.won": ("won", "新答对"),
    "report.answers.lost": ("lost", "新答错"),
    "report.answers.wrong": ("wrong before and after", "前后都错"),
    "report.answers.items": ("{n} ({share})", "{n} 题（{share}）"),
    "report.answers.scores": ("Scores of the items: {metric}", "各题得分：{metric}"),
    "report.answers.scores.caption": ("Share of the items by score.", "各得分段的题数占比。"),
    "report.answers.lengths": ("Length of the answers", "回答长度"),
    "report.answers.lengths.caption": (
        "Share of the answers by characters, thinking left out; {n} and more stand in the last step.",
        "各长度段（字数，不含思考过程）的回答占比；{n} 字及以上计入最后一段。",
    ),
    "report.answers.quartiles": (
        "half lie between {low} and {high}, the median is {median}",
        "中位数 {median}，半数介于 {low} 与 {high} 之间",
    ),
    "report.pairs.marked": (
        "Marked are the words (in Chinese, the characters) that the other answer lacks. Two answers with little in "
        "common are left unmarked.",
        "标出的是对方回答中没有的字词（英文按词，中文按字）；两个回答几乎全然不同时不作标记。",
    ),
    "report.pairs.characters": ("{n} characters", "{n} 字"),
}
