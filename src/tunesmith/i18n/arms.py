"""Texts about what is compared with what."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.arm-model": (
        "`evaluate.models.{arm}`: {problem}",
        "`evaluate.models.{arm}`：{problem}",
    ),
    "hint.arm-model": (
        "name the folder of a finished run (`tunesmith runs` lists them) or of a model under `artifacts/tuned_model`, "
        "made from the same base",
        "请写一次已完成运行的文件夹（`tunesmith runs` 可列出）或 `artifacts/tuned_model` 下的模型文件夹，且基座须相同",
    ),
    "arm-model.absent": ("no tuned model is there", "该处没有微调好的模型"),
    "arm-model.base": ("that model was tuned from another base", "该模型由另一个基座微调而来"),
    "recipe.problem.suite-name": (
        "a suite has this name already: take another",
        "已有题集用了这个名称，请另取一个",
    ),
    "error.suite-file": ("`evaluate.suites.{suite}`: {problem}", "`evaluate.suites.{suite}`：{problem}"),
    "hint.suite-file": (
        'each line is one item: {{"prompt": "...", "answer": "...", "aliases": ["..."]}}',
        '每行一道题：{{"prompt": "...", "answer": "...", "aliases": ["..."]}}',
    ),
    "error.slice-column": (
        "`evaluate.slices`: no test row has a column `{column}`",
        "`evaluate.slices`：测试数据中没有 `{column}` 这一列",
    ),
    "hint.slice-column": ("known are: {known}", "可用的有：{known}"),
    "suite-file.absent": ("no such file", "没有这个文件"),
    "suite-file.empty": ("the file has no items", "文件中没有题目"),
    "suite-file.row": ("this line is no item", "这一行不是一道题"),
    "recipe.problem.arm-twice": (
        "`{arm}` is the name of another arm: give each its own",
        "`{arm}` 已是另一个对比组的名称，请另取一个",
    ),
    "recipe.problem.arm-folder": (
        "`{arm}` cannot name a folder: no `/`, and no dot at the beginning",
        "`{arm}` 不能用作文件夹名：不得含 `/`，也不得以点开头",
    ),
    "recipe.problem.arm-documents": (
        "an endpoint does not tell how likely a text is, by which `objective: text` is judged",
        "接口不给出文本的似然，而 `objective: text` 正是据此评判",
    ),
}
