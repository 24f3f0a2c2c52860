"""Texts of the 3C score: its criteria and their parts, its line on the terminal, its errors."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "quality.part.labels": ("near-duplicates with another label", "近似重复的数据标签不同"),
    "quality.part.answers": ("one prompt, contradicting answers", "同一提示的回答相互矛盾"),
    "quality.part.spelling": ("labels spelled in several ways", "同一标签有多种写法"),
    "quality.part.format": ("answers in another format than their source", "回答格式与同一来源的其他数据不同"),
    "quality.part.fields": ("a part is missing", "缺少必要内容"),
    "quality.part.reasoning": ("thinking missing or never closed", "思考过程缺失或没有结束"),
    "quality.part.coverage": ("declared values without a training row", "声明的取值在训练集中没有数据"),
    "quality.part.label_noise": ("labels that a classifier confidently doubts", "分类器有把握认为有误的标签"),
    "quality.part.number": ("another number than expected", "数值与预期不符"),
    "quality.part.arithmetic": ("sums that are wrong", "算式结果有误"),
    "quality.part.pattern": ("answers that do not match the pattern", "回答不符合规定的模式"),
    "quality.part.json_schema": ("answers that break the JSON schema", "回答不符合 JSON Schema"),
    "cli.dataset.quality": (
        "3C score: consistency {consistency}, completeness {completeness}, correctness {correctness} "
        "(faulty rows in faults.jsonl)",
        "3C 评分：一致性 {consistency}，完整性 {completeness}，正确性 {correctness}（有问题的行见 faults.jsonl）",
    ),
    "cli.dataset.not-judged": ("not judged", "未评估"),
    "cli.dataset.representativeness": (
        "representativeness: {covered} of {texts} expected inputs are covered ({alike} would be if alike), "
        "p = {p_value}",
        "代表性：{texts} 条预期输入中覆盖了 {covered}（若分布相同应为 {alike}），p = {p_value}",
    ),
    "recipe.problem.not-a-regex": ("is no regular expression: {why}", "不是有效的正则表达式：{why}"),
    "error.quality-column": (
        "prepare.quality names a column that no row has: `{column}`",
        "prepare.quality 中的列 `{column}` 在所有行中都不存在",
    ),
    "hint.quality-column": (
        "columns that can be named: {known}; look at the rows with `tunesmith prepare recipe.yaml --show 3`",
        "可以使用的列：{known}；可用 `tunesmith prepare recipe.yaml --show 3` 查看数据",
    ),
    "error.quality-schema": (
        "the JSON schema of prepare.quality.checks cannot be used: {problem}",
        "prepare.quality.checks 中的 JSON Schema 无法使用：{problem}",
    ),
    "hint.quality-schema": (
        "check the file with `python -m json.tool FILE`; a schema must not refer to other files",
        "请用 `python -m json.tool 文件` 检查；JSON Schema 不能引用其他文件",
    ),
    "error.quality-expected": (
        "too few texts to compare: {count} expected inputs, {rows} training rows",
        "可供比较的文本太少：预期输入 {count} 条，训练数据 {rows} 行",
    ),
    "hint.quality-expected": (
        "give prepare.quality.expected a file with two different inputs or more, one a line in `.txt`; name the column "
        "of a table with prepare.quality.expected_column",
        "prepare.quality.expected 文件中至少要有两条不同的输入，`.txt` 文件每行一条；"
        "表格文件可用 prepare.quality.expected_column 指定列",
    ),
}
