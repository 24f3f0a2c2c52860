"""Texts about bases that are no dense decoders with a chat template: encoders, GPT-2, and what a recipe changes."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.model-setting": (
        "this model is set to be another than the ones that are supported: the value is {value}, not {plain}",
        "该模型的这项设置使它有别于受支持的模型：其值为 {value}，而不是 {plain}",
    ),
    "hint.model-setting": (
        "set `model.base` to a model without this setting",
        "请将 `model.base` 改为没有这项设置的模型",
    ),
    "error.encoder-objective": (
        "a base of the type `{type}` writes nothing: it cannot learn `train.objective: {objective}`",
        "`{type}` 类型的基座不会生成文本，无法学习 `train.objective: {objective}`",
    ),
    "hint.encoder-objective": (
        "use `train.objective=classification` or `train.objective=regression`, or a base that writes",
        "请改用 `train.objective=classification` 或 `train.objective=regression`，或换用能生成文本的基座",
    ),
    "error.encoder-arms": (
        "a base of the type `{type}` says nothing before it is tuned: there is nothing to hold the tuned model against",
        "`{type}` 类型的基座在微调前给不出任何回答，微调后的模型没有比较对象",
    ),
    "hint.encoder-arms": (
        "add `classic` or `majority`: `evaluate.arms=[classic,tuned]`",
        "请加入 `classic` 或 `majority`：`evaluate.arms=[classic,tuned]`",
    ),
    "say.encoder-arms": (
        "left out of the comparison, as a base of the type `{type}` writes nothing: {arms}; the tuned model is held "
        "against `classic`, or else `majority`",
        "`{type}` 类型的基座不会生成文本，以下对照不参加比较：{arms}；"
        "微调后的模型改与 `classic`（没有时与 `majority`）比较",
    ),
    "error.teacher-encoder": (
        "a teacher of the type `{type}` writes nothing that could be learned",
        "`{type}` 类型的教师模型不会生成文本，没有可供学习的内容",
    ),
    "hint.teacher-encoder": (
        "set `train.objective.teacher` to a language model",
        "请将 `train.objective.teacher` 改为语言模型",
    ),
    "error.encoder-untuned": (
        "a base of the type `{type}` says nothing before it is tuned: it cannot be compared with others untrained",
        "`{type}` 类型的基座在微调前给不出任何回答，无法在未训练时与其他基座比较",
    ),
    "hint.encoder-untuned": (
        "leave it out, or compare tuned models: one recipe for each base, then `tunesmith run RECIPE`",
        "请去掉它；要比较微调后的模型，请为每个基座各写一份配方，再运行 `tunesmith run RECIPE`",
    ),
    "error.changes-architecture": (
        "`model.{change}` does not go with models of the type `{type}`",
        "`model.{change}` 不适用于 `{type}` 类型的模型",
    ),
    "hint.changes-architecture": (
        "leave it out, or set `model.base` to a model of one of these types: {known}",
        "请去掉它，或将 `model.base` 改为以下类型之一的模型：{known}",
    ),
    "error.changes-layers": (
        "`model.changes` names layer {asked}, counted from 0, and the last one of the base is {last}",
        "`model.changes` 指到第 {asked} 层（从 0 数起），而基座的最后一层是第 {last} 层",
    ),
    "hint.changes-layers": ("name layers from 0 to {last}", "层号可写 0 到 {last}"),
    "error.changes-none-left": (
        "`model.changes` drops all {num} layers of the base",
        "`model.changes` 去掉了基座的全部 {num} 层",
    ),
    "hint.changes-none-left": (
        "keep some: `model.changes.keep_layers=[0,1]`",
        "请保留几层：`model.changes.keep_layers=[0,1]`",
    ),
    "error.changes-added-to-dropped": (
        "`model.changes.add_layers` adds a layer behind layer {asked}, which does not stay",
        "`model.changes.add_layers` 要在第 {asked} 层之后加层，而该层并未保留",
    ),
    "hint.changes-added-to-dropped": (
        "name layers that stay in `model.changes.add_layers`",
        "请在 `model.changes.add_layers` 中只写保留下来的层",
    ),
    "say.base-layers-dropped": (
        "{left} of the base's {before} layers are left: it may answer much worse until it has learned again, and "
        "nobody has tested it so; the comparison shows the base as it was",
        "基座的 {before} 层只保留 {left} 层：在重新学会之前，它的回答可能差得多，也没有人验证过这样的模型；"
        "评测中的基座是未改动的",
    ),
    "say.base-layers-added": (
        "layers added to the base: {num}, which at first pass on what they are given; each needs memory and time, and "
        "nobody has tested what comes of it",
        "为基座增加了 {num} 层，起初原样传递输入；每层都要占用内存和时间，也没有人验证过训练的结果",
    ),
    "say.base-activation": (
        "all feed-forward parts get another activation, `{activation}`: what they learned was for the old one, so that "
        "much training is needed",
        "所有前馈层的激活函数改为 `{activation}`：原有权重是为旧激活函数学到的，需要大量训练才能恢复",
    ),
    "recipe.problem.changes-keep-drop": (
        "`keep_layers` and `drop_layers` say the same twice: give one of them",
        "`keep_layers` 与 `drop_layers` 说的是同一件事，只能给出其中之一",
    ),
}
