"""Texts about what training minimises: rows that do not fit, combinations that cannot work, teachers."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.objective-rows": (
        "`train.objective: {objective}` needs rows with {lacks}, and this row has none",
        "`train.objective: {objective}` 要求每行都有{lacks}，而这一行没有",
    ),
    "hint.objective-rows": (
        "look at the rows with `tunesmith prepare RECIPE --show 3`; then change `train.objective`, or `format` and "
        "`columns` of the source",
        "用 `tunesmith prepare RECIPE --show 3` 查看数据；然后修改 `train.objective`，"
        "或修改数据源的 `format` 与 `columns`",
    ),
    "objective.lacks.label": ("a label", "标签"),
    "objective.lacks.target": ("a number to predict", "要预测的数值"),
    "objective.lacks.text": ("plain text (`format: text`)", "纯文本（`format: text`）"),
    "objective.lacks.answer": ("an answer", "回答"),
    "error.one-class": (
        "the training rows have fewer than two labels: there is nothing to tell apart",
        "训练数据的标签不足两种，无从区分",
    ),
    "hint.one-class": (
        "see the labels with `tunesmith prepare RECIPE`; name the right column, e.g. `columns: {{label: category}}`",
        "用 `tunesmith prepare RECIPE` 查看标签；请指定正确的列，例如 `columns: {{label: category}}`",
    ),
    "error.nothing-supervised": (
        "no token of the training rows is learned: every answer has weight 0",
        "训练数据中没有任何要学习的词元：所有回答的权重都是 0",
    ),
    "hint.nothing-supervised": (
        "give some messages a `weight` above 0, or set `train.objective={{name: sft, supervise: all}}`",
        "请把部分消息的 `weight` 设为大于 0，或设置 `train.objective={{name: sft, supervise: all}}`",
    ),
    "error.teacher-tokenizer": (
        "the teacher has another tokenizer than `{base}`, so that its probabilities are those of other tokens",
        "教师模型与 `{base}` 的分词器不同，二者的概率对应的不是同一批词元",
    ),
    "hint.teacher-tokenizer": (
        "name a teacher of the same family; or learn what it writes: `train.objective={{name: distill-text, "
        "teacher: ...}}`",
        "请换用同系列的教师模型；或改为学习它写出的回答：`train.objective={{name: distill-text, teacher: ...}}`",
    ),
    "error.teacher-silent": (
        "none of the teacher's {rows} answers can be learned: they are empty or longer than {tokens} tokens, or do not "
        "fit the model",
        "教师模型的 {rows} 个回答都不能用来学习：为空、超过 {tokens} 个词元，或超出模型的长度",
    ),
    "hint.teacher-silent": (
        "give it more room: `tunesmith run RECIPE train.objective.max_new_tokens=2048`; or name another teacher",
        "请放宽长度：`tunesmith run RECIPE train.objective.max_new_tokens=2048`；或换一个教师模型",
    ),
    "task.teacher": ("the teacher answers", "教师模型作答"),
    "say.teacher-left-out": (
        "{num} of {of} rows are not learned: the teacher's answer is empty, cut off or too long",
        "{of} 行中有 {num} 行不参与学习：教师模型的回答为空、未写完或过长",
    ),
    "recipe.problem.objective-smoothing": (
        "`label_smoothing` does not go with this objective, whose targets are no tokens or classes",
        "`label_smoothing` 不能与该目标同用：它的目标不是单个词元或类别",
    ),
    "recipe.problem.objective-dropout": (
        "`token_dropout` hides what is only read; of plain texts, and with `supervise: all`, prompts are learned too",
        "`token_dropout` 只遮住不参与学习的内容；而纯文本和 `supervise: all` 连提示也要学习",
    ),
    "recipe.problem.objective-format": (
        "plain texts (`format: text`) are learned by `objective: text`, and it learns nothing else",
        "纯文本（`format: text`）只能用 `objective: text` 学习，该目标也只学习纯文本",
    ),
    "recipe.problem.objective-safety": (
        "rows of `prepare.safety` refuse in words, which this objective does not learn",
        "`prepare.safety` 的数据以文字拒答，该目标不学习回答",
    ),
    "report.arm_note.classic.numbers": (
        "TF-IDF with ridge regression, trained on the same rows: what can be had without a language model",
        "在同样的数据上训练的 TF-IDF 加岭回归：不用语言模型就能得到的效果",
    ),
    "report.arm_note.classic.documents": (
        "a model of five bytes in a row, counted on the same texts: what can be had without a language model",
        "在同样的文本上统计的五字节模型：不用语言模型就能得到的效果",
    ),
    "report.curve.train_accuracy": ("Accuracy in training", "训练准确率"),
    "report.curve.eval_accuracy": ("Accuracy on the validation rows", "验证准确率"),
    "report.curve.train_mae": ("Mean absolute error in training", "训练平均绝对误差"),
    "report.curve.eval_mae": ("Mean absolute error on the validation rows", "验证平均绝对误差"),
    "report.curve.eval_bits_per_byte": ("Bits per byte on the validation texts", "验证文本每字节比特数"),
    "report.curve.train_divergence": ("Divergence from the teacher", "与教师模型的散度"),
}
