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
        "请用普通的 LoRA：`tunesmith run RECIPE train.method.dora=false`",
    ),
    "error.lora-no-experts": (
        "`train.method.targets` names `experts`, and the layers to adapt have no routed experts",
        "`train.method.targets` 写了 `experts`，而要适配的各层没有路由专家",
    ),
    "hint.lora-no-experts": (
        "leave it out, `train.method.targets=[all-linear]`, or take a mixture of experts as the base: {known}",
        "请去掉它：`train.method.targets=[all-linear]`；或换用混合专家模型作基座：{known}",
    ),
    "error.qlora-architecture": (
        "`train.method: qlora` keeps dense decoders in 4 bits, and no models of the type `{type}`",
        "`train.method: qlora` 只把稠密解码器存成 4 比特，不支持 `{type}` 类型的模型",
    ),
    "hint.qlora-architecture": (
        "adapt it as it is, `train.method.name=lora`, or take a base of one of these types: {known}",
        "请直接适配原模型：`train.method.name=lora`；或换用以下类型的基座：{known}",
    ),
    "error.qlora-library": (
        "`train.method: qlora` needs bitsandbytes, which is not installed",
        "`train.method: qlora` 需要 bitsandbytes，但尚未安装",
    ),
    "hint.qlora-library": (
        "`pip install 'tunesmith[qlora]'`, or adapt the base as it is: `train.method.name=lora`",
        "请执行 `pip install 'tunesmith[qlora]'`；或直接适配原基座：`train.method.name=lora`",
    ),
    "error.virtual-no-room": (
        "the longest row has {longest} tokens; with {virtual} virtual tokens before it, it is longer than the {limit} "
        "that the base reads",
        "最长的一行数据有 {longest} 个词元，加上前面的 {virtual} 个虚拟词元，超过了基座模型能读的 {limit} 个",
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
    "plan.term.packing": ("packing into 4 bits", "压缩到 4 比特"),
    "report.method.name.qlora": ("QLoRA, the base in 4 bits", "QLoRA（4 比特基座）"),
    "report.method.name.prompt": ("Prompt tuning", "提示微调"),
    "report.method.name.prefix": ("Prefix tuning", "前缀微调"),
    "report.note.four_bit": (
        "{arm} was trained over the base in 4 bits (NF4) and is judged on that; on the base as it was published its "
        "answers differ a little.",
        "{arm}在 4 比特（NF4）的基座上训练，也在其上评测；换到原精度的基座上，回答会略有不同。",
    ),
    "report.note.four_bit_base": (
        "The base is judged in 4 bits as well: what differs is what training did.",
        "基座同样以 4 比特评测，因此两者之差就是训练的作用。",
    ),
    "report.curve.eval_expert_load_max": (
        "Load of the busiest expert, times an even one",
        "最忙专家的负载（均匀负载的倍数）",
    ),
    "report.curve.eval_expert_load_entropy": (
        "Entropy of the experts' load, 1 where it is even",
        "专家负载的熵（均匀时为 1）",
    ),
    "report.experts": ("Load of the routed experts", "路由专家的负载"),
    "report.experts.caption": (
        "How the router spreads the tokens of the validation rows, in the weights that were kept. Shares are of a "
        "layer's tokens; an even one is 1 / number of experts.",
        "所保留的权重中，路由器如何分配验证数据的词元。占比以每层的词元为基数；完全均匀时为专家数的倒数。",
    ),
    "report.experts.model": ("Model", "模型"),
    "report.experts.layer": ("Layer", "层"),
    "report.experts.count": ("Experts", "专家数"),
    "report.experts.largest": ("Busiest", "最忙"),
    "report.experts.smallest": ("Least busy", "最闲"),
    "report.experts.unused": ("Without tokens", "未分到词元"),
    "report.experts.entropy": ("Entropy, of 1", "熵（最大为 1）"),
    "report.experts.one": ("no. {number}: {share}", "第 {number} 个：{share}"),
}
