"""Texts of the Python API and of its sessions."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.api-processes": (
        "this is one of {processes} processes that torchrun started; the Python API works in one process",
        "这是 torchrun 启动的 {processes} 个进程之一；Python API 只在单个进程中工作",
    ),
    "hint.api-processes": (
        "start the script with `python SCRIPT`, or train in several processes by `tunesmith train RECIPE --launcher "
        "torchrun`",
        "请用 `python 脚本` 启动；若要用多个进程训练，请用 `tunesmith train RECIPE --launcher torchrun`",
    ),
    "error.session-unsupervised": (
        "no token of these {rows} rows is learned: all their weights are 0",
        "这 {rows} 行数据中没有要学习的词元：权重全部为 0",
    ),
    "hint.session-unsupervised": (
        "weigh tokens to learn: `dataclasses.replace(row, weights_T=...)`; `session.render` does it for answers",
        "请为要学习的词元设置权重：`dataclasses.replace(row, weights_T=...)`；`session.render` 会为回答设置",
    ),
    "error.session-row-too-long": (
        "the row `{row}` has {tokens} tokens, and the model reads {room}",
        "数据行 `{row}` 有 {tokens} 个词元，而模型只能读 {room} 个",
    ),
    "hint.session-row-too-long": (
        "cut it: `dataclasses.replace(row, ids_T=row.ids_T[-{room}:], weights_T=row.weights_T[-{room}:])`",
        "请截短：`dataclasses.replace(row, ids_T=row.ids_T[-{room}:], weights_T=row.weights_T[-{room}:])`",
    ),
    "error.session-nothing-collected": (
        "there are no gradients for step {step}",
        "第 {step} 步没有可用的梯度",
    ),
    "hint.session-nothing-collected": (
        "call `session.forward_backward(rows)` before `session.optim_step()`",
        "请先调用 `session.forward_backward(rows)`，再调用 `session.optim_step()`",
    ),
    "error.session-no-gradient": (
        "the loss function gave no LossSum whose sum is computed from the log-probabilities",
        "损失函数没有返回由对数概率算出的 LossSum",
    ),
    "hint.session-no-gradient": (
        "return `tunesmith.LossSum(sum, weight)`, the sum made of the tensors it was given, without `detach` or `item`",
        "请返回 `tunesmith.LossSum(sum, weight)`，其中 sum 须由传入的张量算出，不要使用 `detach` 或 `item`",
    ),
    "error.session-head": (
        "a model with the head of `objective: {objective}` says no tokens",
        "带有 `objective: {objective}` 输出头的模型不输出词元",
    ),
    "hint.session-head": (
        "use `forward_backward` and `measure` without a loss of your own, or `train.objective=sft`",
        "请使用不带自定义损失的 `forward_backward` 和 `measure`，或设置 `train.objective=sft`",
    ),
    "error.session-folder": (
        "this folder holds something else than a saved model",
        "该文件夹中已有其他内容，不是保存的模型",
    ),
    "hint.session-folder": (
        "name a folder of its own: `session.save('models/first')`",
        "请另选一个文件夹：`session.save('models/first')`",
    ),
}
