"""Texts about the engine that answers requests."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.queue-full": (
        "as many requests as may wait are waiting ({waiting})",
        "等待的请求已达上限（{waiting} 个）",
    ),
    "hint.queue-full": (
        "ask again in a few seconds, or let more wait with `serve.limits.max_waiting=...`",
        "请稍后重试，或用 `serve.limits.max_waiting=...` 允许更多请求排队",
    ),
    "error.prompt-too-long": (
        "{tokens} tokens are more than the {limit} that fit, room for an answer included",
        "共 {tokens} 个词元，超过可容纳的 {limit} 个（含回答所需的空间）",
    ),
    "hint.prompt-too-long": (
        "shorten the prompt, or leave out earlier turns",
        "请缩短提示，或去掉较早的对话轮次",
    ),
    "error.adapter-unknown": (
        "no adapter named {name} is loaded; loaded are: {known}",
        "没有加载名为 {name} 的适配器；已加载：{known}",
    ),
    "hint.adapter-unknown": (
        "load it first, or ask for one of those that `/v1/models` lists",
        "请先加载该适配器，或使用 `/v1/models` 列出的名称",
    ),
    "error.adapter-misfit": (
        "this adapter does not fit the model that is running: {problem}",
        "该适配器与正在运行的模型不匹配：{problem}",
    ),
    "hint.adapter-misfit": (
        "load a LoRA adapter that was trained on this very base; what it was trained on stands in adapter_config.json",
        "请加载在同一基座上训练的 LoRA 适配器；其基座名称见 adapter_config.json",
    ),
    "error.engine-closed": ("the engine takes no more requests", "引擎已停止接收请求"),
    "hint.engine-closed": ("start it again: `tunesmith serve BUNDLE`", "请重新启动：`tunesmith serve BUNDLE`"),
    "error.engine-failed": (
        "the answer could not be computed: {problem}",
        "无法计算该回答：{problem}",
    ),
    "hint.engine-failed": (
        "ask again; if it fails again, look at memory and device with `tunesmith doctor`",
        "请重试；若仍失败，请用 `tunesmith doctor` 检查内存和设备",
    ),
    "error.engine-numbers": (
        "the model's outputs for this request are not finite numbers",
        "模型对该请求的输出不是有限数值",
    ),
    "hint.engine-numbers": (
        "serve the model in fp32 or bf16: `serve.form=merged`",
        "请用 fp32 或 bf16 运行该模型：`serve.form=merged`",
    ),
    "error.json-schema": (
        "no answer can be held to this JSON schema: {problem}",
        "无法按此 JSON Schema 约束回答：{problem}",
    ),
    "hint.json-schema": (
        "use the keywords of JSON Schema that llguidance supports, or ask for `json_object` alone",
        "请只用 llguidance 支持的 JSON Schema 关键字，或仅要求 `json_object`",
    ),
    "error.json-mask": (
        "the answer could not be held to the JSON that was asked for: {problem}",
        "无法使回答符合所要求的 JSON：{problem}",
    ),
    "hint.json-mask": (
        "use a simpler schema: fewer alternatives, shorter patterns",
        "请简化 Schema：减少可选分支，缩短正则表达式",
    ),
}
