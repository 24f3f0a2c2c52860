"""Texts about the ways to adapt a base: what they cannot do, and with what they do not go."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.freeze-pattern": (
        "`train.method.patterns`: no weight of the model has a name that fits `{pattern}`",
        "`train.method.patterns`：模型中没有名称符合 `{pattern}` 的权重",
    ),
    "hint.freeze-pattern": (
        "names look like `{example}`; `*` stands for anything: `train.method.patterns=['*.mlp.*']`",
        "权重名称形如 `{example}`，`*` 可代表任意内容：`train.method.patterns=['*.mlp.*']`",
    ),
    "error.freeze-all": (
        "`train.method` freezes every weight: there is nothing left to train",
        "`train.method` 冻结了全部权重，没有可训练的参数",
    ),
    "hint.freeze-all": (
        "freeze fewer layers: `train.method.layers=0`, or leave out some of `train.method.patterns`",
        "请少冻结几层：`train.method.layers=0`，或去掉 `train.method.patterns` 中的某些项",
    ),
    "error.method-layers": (
        "`train.method.layers` names layer {asked}, counted from 0, and the last one of the model is {last}",
        "`train.method.layers` 指到第 {asked} 层（从 0 数起），而模型的最后一层是第 {last} 层",
    ),
    "hint.method-layers": (
        "name layers up to {last}; or leave `train.method.layers` out",
        "层号最大可写 {last}；也可以去掉 `train.method.layers`",
    ),
    "error.method-architecture": (
        "`train.method: {method}` does not work with models of the type `{type}`, whose layers keep no plain keys and "
        "values",
        "`train.method: {method}` 不适用于 `{type}` 类型的模型：其各层保存的不是普通的键和值",
    ),
    "hint.method-architecture": (
        "use `train.method=lora` or `train.method=prompt`, or a base of one of these types: {known}",
        "请改用 `train.method=lora` 或 `train.method=prompt`，或换用以下类型的基座模型：{known}",
    ),
    "error.dora-mixture": (
        "DoRA does not go with a mixture of experts (`{type}`): PEFT could not load what comes of it",
        "DoRA 不能用于混合专家模型（`{type}`）：PEFT 无法加载训练结果",
    ),
    "hint.dora-mixture": (
        "use plain LoRA: `tunesmith run RECIPE train.method.dora=false`",
        "请用普通的 LoRA：`tunesmith run 配方 train.method.dora=false`",
    ),
    "error.virtual-no-room": (
        "the longest training row has {longest} tokens; with {virtual} virtual tokens before it, it is longer than the "
        "{limit} that the base reads",
        "最长的训练数据有 {longest} 个词元，加上前面的 {virtual} 个虚拟词元，超过了基座模型能读的 {limit} 个",
    ),
    "hint.virtual-no-room": (
        "lower `train.method.virtual_tokens`, or shorten the rows: "
        "`prepare.too_long=cut-prompt prepare.long_text.max_tokens={room}`",
        "请调小 `train.method.virtual_tokens`，或缩短数据："
        "`prepare.too_long=cut-prompt prepare.long_text.max_tokens={room}`",
    ),
    "recipe.problem.lora-layers": (
        "the first of `layers` comes after the last",
        "`layers` 的起始层在结束层之后",
    ),
    "recipe.problem.method-head": (
        "`method: {method}` does not go with the head of `objective: {objective}`; use `lora`, `freeze` or `full`",
        "`method: {method}` 不能与 `objective: {objective}` 的输出头同用；请用 `lora`、`freeze` 或 `full`",
    ),
    "recipe.problem.method-teacher": (
        "`method: {method}` does not go with `objective: {objective}`: the teacher cannot read the virtual tokens; use "
        "`lora`, `freeze` or `full`",
        "`method: {method}` 不能与 `objective: {objective}` 同用：教师模型读不了虚拟词元；"
        "请用 `lora`、`freeze` 或 `full`",
    ),
    "report.method.name.freeze": ("Full fine-tuning with frozen weights", "冻结部分参数的微调"),
    "report.method.name.prompt": ("Prompt tuning", "提示微调"),
    "report.method.name.prefix": ("Prefix tuning", "前缀微调"),
}
