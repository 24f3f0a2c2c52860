"""Texts on reasoning that a teacher writes, and on the models that wrote parts of a dataset."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "say.prepare.traced": (
        "reasoning by {model}: {kept} of {rows} training rows without any ({answers} answers, rejected: {rejected})",
        "{model} 的思考过程：{rows} 条没有思考过程的训练数据，写成 {kept} 条（回答 {answers} 次，剔除：{rejected}）",
    ),
    "reject.no-trace": (
        "no answer of the teacher's with reasoning passed",
        "教师模型的回答都未通过检查，没有可用的思考过程",
    ),
    "reject.trace-absent": ("an answer without thinking", "回答中没有思考过程"),
    "reject.trace-unclosed": ("thinking that never came to an answer", "思考没有结束，未给出答案"),
    "reject.trace-wrong": ("another final answer than the row's", "最终答案与该行不一致"),
    "reject.trace-language": ("thinking in another language than the question", "思考所用语言与问题不同"),
    "reject.trace-personal": ("thinking that tells personal data not in the row", "思考中出现了该行没有的个人信息"),
    "reject.trace-too-long": ("with the thinking the row is too long", "加上思考过程后该行过长"),
    "recipe.problem.needs-teacher": (
        "`reasoning: synthesise` needs `teacher`, and `teacher` belongs to it alone",
        "`reasoning: synthesise` 须与 `teacher` 一起使用，`teacher` 也只用于此",
    ),
    "data.teachers": ("Written by models", "由模型撰写的内容"),
    "data.teachers.caption": (
        "Whether you may train on what a model wrote, and publish it, follows from its licence and its host's terms.",
        "能否用模型写出的内容训练或公开发布，取决于该模型的许可证和服务方的条款。",
    ),
    "data.teachers.part": ("What", "内容"),
    "data.teachers.model": ("Model", "模型"),
    "data.teachers.from": ("From", "来源"),
    "data.teachers.licence": ("Licence", "许可证"),
    "data.teachers.licence.unknown": ("not stated", "未注明"),
    "data.teachers.reasoning": ("reasoning of training rows", "训练数据的思考过程"),
    "data.traced": ("Reasoning by a teacher", "教师模型写的思考过程"),
    "data.traced.rows": ("Training rows without reasoning", "没有思考过程的训练数据"),
    "data.traced.unchecked": ("Of these never asked about: no checker fits their answer", "其中答案无法检查、未提问"),
    "data.traced.answers": ("Answers of {model}", "{model} 的回答"),
    "data.traced.kept": ("Kept", "保留"),
}
