"""Texts of `tunesmith explain`."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "cli.help.explain": (
        "Tell why the tuned model answers as it does: deciding words and nearest training rows.",
        "说明微调后的模型为何这样回答：起决定作用的词，以及最相近的训练数据。",
    ),
    "cli.option.item": ("A test item, by the beginning of its id.", "一道测试题，写其编号的开头即可。"),
    "cli.option.text": ("A text of your own.", "自己写的一段文本。"),
    "cli.option.rows": ("How many training rows.", "列出多少条训练数据。"),
    "cli.explain.answer": ("answer: {answer}", "回答：{answer}"),
    "cli.explain.reference": ("reference: {reference}", "参考答案：{reference}"),
    "cli.explain.words": (
        "probability of the answer: {probability}; without the word:",
        "该回答的概率：{probability}；去掉下列词之后：",
    ),
    "cli.explain.no_words": ("no single word makes it surer", "没有哪个词单独使它更有把握"),
    "cli.explain.check": (
        "check: removing the top {num} costs {drop} nats; {num} random ones cost {random} on average, {most} at most "
        "(p = {p_value})",
        "检验：去掉前 {num} 个词，对数概率下降 {drop} 奈特；随机去掉 {num} 个词平均下降 {random}，最多 {most}"
        "（p = {p_value}）",
    ),
    "cli.explain.rows": ("most like it among the training rows:", "最相近的训练数据："),
    "error.explain-what": ("say what to explain: one item, or one text", "请指明要解释什么：一道题或一段文本"),
    "hint.explain-what": (
        "tunesmith explain RUN --item ID, or tunesmith explain RUN --text 'where is my parcel?'",
        "tunesmith explain RUN --item ID，或 tunesmith explain RUN --text '我的包裹在哪里？'",
    ),
    "error.run-unmade": (
        "the {kind} of this run is not there, or of another version of Tunesmith",
        "这次运行的{kind}不存在，或由其他版本的 Tunesmith 生成",
    ),
    "hint.run-unmade": ("make it: tunesmith run RECIPE", "请先生成：tunesmith run RECIPE"),
    "run-unmade.dataset": ("dataset", "数据集"),
    "run-unmade.plan": ("plan", "训练计划"),
    "run-unmade.tuned_model": ("tuned model", "微调后的模型"),
    "run-unmade.scorecard": ("scorecard", "评测结果"),
    "error.explain-item": (
        "{found} test items have an id that begins with {item}",
        "编号以 {item} 开头的测试题有 {found} 道",
    ),
    "hint.explain-item": (
        "take an id from `errors` or `weak_slices` of scorecard.json: tunesmith evaluate RECIPE --json",
        "请从 scorecard.json 的 `errors` 或 `weak_slices` 中取编号：tunesmith evaluate RECIPE --json",
    ),
    "error.explain-documents": (
        "a model trained on plain texts answers no questions",
        "用纯文本训练的模型不回答问题",
    ),
    "hint.explain-documents": (
        "see what it writes instead: train.samples in the recipe, and tunesmith report RECIPE",
        "可改看它写出的内容：在配方中设置 train.samples，再执行 tunesmith report RECIPE",
    ),
}
