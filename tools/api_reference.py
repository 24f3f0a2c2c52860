"""The reference of the Python API from the source's own signatures and docstrings; `tools.make_reference` writes it.

The Chinese text of each entry stands here; an entry without one stops the making of the page.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).resolve().parents[1] / "src" / "tunesmith"
INTRODUCTION: Final = {
    "en": (
        "# Reference of the Python API",
        "Made by `make reference` from the docstrings; not edited by hand. How the parts go together is shown in "
        "[train from Python](how-to/train-from-python.md). `run`, `open_job`, `train_steps` and `open_training` are in "
        "`tunesmith` too. Names end with their shapes: `logs_T` has one number a token, `logs_R` one element a row; "
        "log-probabilities and losses are in nats.",
    ),
    "zh": (
        "# Python API 参考",
        "本页由 `make reference` 根据源代码中的说明生成，请勿手工修改。各部分如何配合使用，见"
        "[用 Python 训练](how-to/train-from-python.md)。`run`、`open_job`、`train_steps` 和 `open_training` 在 "
        "`tunesmith` 中也有。名称以形状结尾：`logs_T` 每个词元一个数，`logs_R` 每行数据一个元素；"
        "对数概率和损失以奈特为单位。",
    ),
}
SHOWN: Final = (
    ("tunesmith.api", "api.py", ""),
    ("tunesmith.Session", "train/session.py", "Session"),
    ("Pass", "train/session.py", "Pass"),
    ("StepReport", "train/step.py", "StepReport"),
    ("tunesmith.LossSum", "train/step.py", "LossSum"),
)
"""Title of each part, its file, and the class in it; a module's functions where none is named."""
CHINESE: Final = {
    "tunesmith.api": (
        "在 Python 中使用 Tunesmith：命令行的各个命令、一步一步的训练，以及供自己写循环的会话。\n\n"
        "每个函数都接受一份配方：配方文件或运行文件夹、键值对、`Recipe`，或 `open_job` 由此得到的 `Job`。"
        "输入相同、以前做过的（无论在 Python 还是命令行）直接取用，不会重做。"
    ),
    "open_job": (
        "这台机器上的一份配方：单凭配方不够用时，交给下面各函数的就是它。\n\n"
        '`overrides` 是带点的键，与命令行相同，如 `"train.epochs=2"`。运行记录和产物放在 `workspace` 下。'
        "`progress` 接收进展，由它决定是否显示。会载入 torch。配方有误时抛出 TunesmithError，并指明每处的位置；"
        "由 torchrun 启动了多个进程时抛出 `api-processes`。"
    ),
    "run": (
        "依次准备、规划、训练、评测并生成报告，与 `tunesmith run` 相同。\n\n"
        "结果包含 `dataset`、`plans`、`models`、`scorecard`，以及 `report` 和 `data_card` 的文件。"
    ),
    "prepare": ('划分已固定的数据集。`dataset.rows("test")` 给出各行，`dataset.report()` 按原因计数。'),
    "plan": (
        "在载入任何权重之前，说明每个训练（`tuned` 和配方中的各个变体）将怎样进行。\n\n"
        "`plan.body` 有步数、学习率、精度和词元数，以及每个推算值的理由。放不下的训练抛出 TunesmithError "
        "`too-little-memory`。"
    ),
    "train": (
        "训练每一个，有检查点时从最新的检查点继续。`model.payload` 是 PEFT 或 transformers 载入的文件夹。\n\n"
        "抛出 RunFailed `loss-not-finite`、`out-of-memory`；收到信号时保存全部状态，抛出 Interrupted `interrupted`。"
    ),
    "evaluate": (
        "所有对象做同一批测试题；`scorecard.body` 有配对区间和结论。\n\n"
        "尚未训练的先训练；给出 `model` 时，以它作为 `tuned`，代替上述各个模型接受评测。"
    ),
    "explain": (
        "说明微调后的模型为何这样回答一道测试题（写编号的开头即可）或一段文本。\n\n"
        "`explanation.reasons.units` 给出文中每个词对标签的作用，`explanation.reasons.deletion` 与随机删词对照检验，"
        "`explanation.neighbours` 是最相近的训练数据。尚未运行过的配方抛出 TunesmithError `run-unmade`；"
        "没有题目或不止一道题目的编号以此开头时抛出 `explain-item`。"
    ),
    "train_steps": (
        "一步一步地走完配方规定的优化步：就是 `tunesmith train` 的循环，逐位相同。\n\n"
        "途中照样验证、记录和保存，最后一步之后发布最优权重。提前离开循环时会保存状态，再次调用它或执行 "
        "`tunesmith train` 即从那里继续。已完成的训练不给出任何步。每步的报告有 `step`（从 1 起）、`loss`"
        "（0 维，每个参与训练的词元的平均 nat 数）、`grad_norm`（0 维，裁剪之前平均梯度的范数）、`learning_rate`、"
        "`num_tokens` 和 `row_ids`；读取张量的值时会等待设备。抛出的错误与 `train` 相同。"
    ),
    "open_training": "载入配方的模型及其优化器和数据，停在第一步之前，供您自己写循环。",
    "tunesmith.Session": (
        "由您自己的循环推动的模型、优化器和配方的数据，用 `open_training` 打开。\n\n"
        "单进程、单设备。在您保存之前不写任何文件。梯度是总和：无论 `optim_step` 之前调用了几次 `forward_backward`，"
        "这一步只除一次，除以其全部数据的权重。"
    ),
    "Session.step": "已经走过的优化步数。",
    "Session.num_steps": "配方规定的步数，学习率计划据此制定。",
    "Session.rows": "转为词元的训练数据；一轮要看几次，就出现几次。",
    "Session.validation_rows": "转为词元的验证数据。",
    "Session.chat": "基座的分词器和对话模板。",
    "Session.batches": "配方余下每一步的数据，顺序与 `tunesmith train` 相同。",
    "Session.render": (
        "用基座的对话模板把对话转为数据行，其中每个回答都参与训练。\n\n"
        "每行有 `ids_T`（(T,) int32，词元）和 `weights_T`（(T,) float32，各词元的损失权重，只读不学的为 0）；"
        "可用 `dataclasses.replace` 换成别的权重。若模板会删去先前的思考过程，一段对话可能变成多行。"
        "抛出 TunesmithError `control-token`、`template-refused`、`template-rewrites`。"
    ),
    "Session.forward_backward": (
        "把这些数据的梯度加到当前这一步。\n\n"
        "不给 `loss` 时采用配方的训练目标：对语言模型，是参与训练的词元上“权重 × 负对数似然（奈特）”的总和，"
        "除以权重之和。\n\n"
        "给出 `loss` 时，以列表 `logs_R` 调用它一次，每行数据一个 CPU 张量：float32 (T,)，是每个词元在其前文之后的"
        "对数概率（奈特），`weights_T` 为 0 之处为 0，不含随机失活。它返回 `LossSum(sum, weight, metrics)`："
        "由这些张量算出的 0 维张量，以及 `optim_step` 的除数。其梯度经由第二次前向计算传回，"
        "与 Tinker 的 `forward_backward_custom` 相同。\n\n"
        "出现异常之后，整步的梯度都已清空。抛出 TunesmithError `session-unsupervised`、`session-row-too-long`、"
        "`session-no-gradient`、`session-head`。"
    ),
    "Session.optim_step": (
        "用上次更新以来的梯度更新权重，然后清空梯度。\n\n"
        "不给学习率时，取配方在这一步的值。报告中的 `grad_norm`（0 维）是平均梯度在裁剪到 `train.max_grad_norm` "
        "之前的范数；若不是有限值，则什么都没有更新。抛出 TunesmithError `session-nothing-collected`。"
    ),
    "Session.discard": "清空上次更新以来的梯度。",
    "Session.sample": (
        "当前模型对每个提示给出 `sampling.num_samples` 个回答；提示是一段文字，或回答之前的各条消息。\n\n"
        "默认贪心解码，至多 256 个词元，可由 `sampling` 另行指定。采样使用自己的随机数生成器，训练就像没有提问过一样"
        "继续。抛出 TunesmithError `session-head`、`control-token`。"
    ),
    "Session.log_probabilities": (
        "每行数据一个 (T,) float32：每个词元在其前文之后的对数概率（奈特）。\n\n"
        "`weights_T` 为 0 之处和第一个词元为 0。不含随机失活，不求梯度。抛出 TunesmithError `session-head`、"
        "`session-row-too-long`、`session-unsupervised`。"
    ),
    "Session.measure": (
        "训练目标在这些数据上的平均 `loss` 及其各项指标的均值，与验证时的算法相同。\n\n"
        "会等待设备。抛出 TunesmithError `session-unsupervised`、`session-row-too-long`。"
    ),
    "Session.save": (
        "发布当前的模型：`adapter/` 可由 PEFT 载入，或 `weights/` 可由 transformers 载入。\n\n"
        "`manifest.json` 以哈希写明数据集、基座、模板、配方的相应部分、每一步的数据和权重；可用 `api.evaluate` 评测。"
        "该处以前保存的模型会被替换。若文件夹中有其他内容，抛出 TunesmithError `session-folder`。"
    ),
    "Session.save_state": (
        "写下 `load_state` 继续训练所需的一切：权重、动量、步数、随机状态；保留最新的两份。\n\n"
        "尚未用于 `optim_step` 的梯度不在其中。这一步及以后各步的旧状态属于另一条路径，会被删除。"
    ),
    "Session.load_state": (
        "从 `folder` 中最新的完整状态继续，逐位相同；没有状态时什么都不改变。\n\n"
        "返回已经走过的步数。损坏的状态会移到一旁。若状态属于另一份配方、数据集、基座或版本，抛出 TunesmithError "
        "`resume-changed`。"
    ),
    "Pass": "一次 `forward_backward` 的结果。张量留在设备上，读取时才取回。",
    "Pass.loss": "除以权重后的均值（0 维）。",
    "StepReport": "一个优化步做了什么。张量留在设备上，读取时才取回。",
    "StepReport.loss": "除以这一步权重后的均值（0 维）。",
    "tunesmith.LossSum": "参与训练的词元上的总和（0 维）及其除数，绝不是均值。\n\n"
    "`metrics` 是同一权重上的总和（0 维）。",
}


def api_page(language: str) -> str:
    """The whole page in one language."""
    title, introduction = INTRODUCTION[language]
    parts = [title, "", introduction]
    for heading, file, name in SHOWN:
        tree: ast.Module | ast.ClassDef = ast.parse((SOURCE / file).read_text(encoding="utf-8"))
        if name:
            tree = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
        fields = [ast.unparse(node) for node in tree.body if isinstance(node, ast.AnnAssign)] if name else []
        parts += ["", f"## `{heading}`", "", _said(heading, tree, language)]
        if fields:
            parts += ["", "```python", *fields, "```"]
        for node in _public(tree):
            key = f"{name}.{node.name}".lstrip(".")
            parts += ["", f"### `{_signature(node)}`", "", _said(key, node, language)]
    return "\n".join(parts) + "\n"


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def _signature(node: ast.FunctionDef) -> str:
    """As it is called: without `self`; a property has no parentheses."""
    assert node.returns is not None
    returned = ast.unparse(node.returns)
    if any(isinstance(decorator, ast.Name) and decorator.id == "property" for decorator in node.decorator_list):
        return f"{node.name}: {returned}"
    arguments = ast.unparse(node.args).removeprefix("self").removeprefix(", ")
    return f"{node.name}({arguments}) -> {returned}"


def _said(key: str, node: ast.Module | ast.ClassDef | ast.FunctionDef, language: str) -> str:
    english = ast.get_docstring(node)
    assert english is not None, key
    if key not in CHINESE:
        raise SystemExit(f"say in tools/api_reference.py what `{key}` means")
    return english if language == "en" else CHINESE[key]
