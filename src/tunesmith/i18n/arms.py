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
    "recipe.problem.arm-twice": (
        "`{arm}` is the name of another arm: give each its own",
        "`{arm}` 已是另一组的名称，请另取一个",
    ),
    "recipe.problem.arm-documents": (
        "an endpoint does not tell how likely a text is, by which `objective: text` is judged",
        "接口不给出文本的似然，而 `objective: text` 正是据此评判",
    ),
}
