"""Texts of `tunesmith export` and of bundles."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "cli.help.export": (
        "Ship the judged model: adapter, merged and quantised weights, with a certificate.",
        "发布评测过的模型：适配器、合并后的权重和量化权重，并附一致性证书。",
    ),
    "cli.option.anyway": (
        "Ship a model whose scorecard speaks against it; the bundle and its card say so.",
        "评测结果不利时仍然发布；发布包及其模型卡会写明此事。",
    ),
    "task.export": ("export", "导出"),
    "cli.export.objection.loss": (
        "this model lost more of `{suite}` than `evaluate.max_loss` tolerates; the bundle and its card say so",
        "该模型在 `{suite}` 上的退步超过 `evaluate.max_loss`；发布包及其模型卡会写明此事",
    ),
    "cli.export.objection.verdict": (
        "this model is worse than its base; the bundle and its card say so",
        "该模型不如其基座；发布包及其模型卡会写明此事",
    ),
    "cli.export.objection.safety": (
        "this model answers requests of `{suite}` that its base refuses; the bundle and its card say so",
        "该模型回答了 `{suite}` 中基座拒绝的请求；发布包及其模型卡会写明此事",
    ),
    "cli.export.forms": ("Forms", "形式"),
    "cli.export.size": ("Weights", "权重大小"),
    "cli.export.dtype": ("Type", "数值类型"),
    "cli.export.use": ("To use it elsewhere:", "在别处使用："),
    "cli.export.at": ("Bundle: {path}", "发布包：{path}"),
    "error.export-arm": (
        "`export.arm`: there is no model `{arm}` of this recipe; its models are {known}",
        "`export.arm`：该配方没有名为 `{arm}` 的模型；可选：{known}",
    ),
    "hint.export-arm": ("e.g. `export.arm=tuned`", "例如 `export.arm=tuned`"),
    "error.export-untrained": (
        "there is no model of this recipe to ship: data, base or training are not those of any finished run",
        "该配方还没有可发布的模型：没有哪次完成的运行用过同样的数据、基座和训练设置",
    ),
    "hint.export-untrained": (
        "make it first, with the same overrides: tunesmith run RECIPE",
        "请先用同样的覆盖项运行：tunesmith run RECIPE",
    ),
    "error.export-unjudged": (
        "this model was trained but not judged as the recipe says; only a judged model is shipped",
        "该模型已训练，但尚未按配方评测；只发布评测过的模型",
    ),
    "hint.export-unjudged": (
        "judge it, with the same overrides: tunesmith evaluate RECIPE",
        "请先用同样的覆盖项评测：tunesmith evaluate RECIPE",
    ),
    "error.export-not-compared": (
        "the scorecard says nothing of `{arm}`; only a judged model is shipped",
        "评测结果中没有 `{arm}`；只发布评测过的模型",
    ),
    "hint.export-not-compared": (
        "name it in `evaluate.arms` and run again with the same overrides: tunesmith run RECIPE",
        "请将其加入 `evaluate.arms`，再用同样的覆盖项运行：tunesmith run RECIPE",
    ),
    "error.export-refused": (
        "the scorecard speaks against shipping `{arm}`: {objections}",
        "评测结果不支持发布 `{arm}`：{objections}",
    ),
    "hint.export-refused": (
        "see why with `tunesmith report RECIPE` and train again; to ship it all the same, with a note in the bundle: "
        "tunesmith export RECIPE --anyway",
        "请用 `tunesmith report RECIPE` 查看原因并重新训练；若仍要发布并在发布包中注明："
        "tunesmith export RECIPE --anyway",
    ),
    "error.form-adapter": (
        "this method changed the base's own weights: there is no adapter",
        "该方法改动了基座自身的权重，没有适配器",
    ),
    "hint.form-adapter": ("ship the whole weights: `export.forms=[merged]`", "请发布完整权重：`export.forms=[merged]`"),
    "error.form-base": (
        "the recipe changes the base before it is trained: nobody else has what the adapter stands on",
        "配方在训练前改动了基座，别处没有该适配器所依附的模型",
    ),
    "hint.form-base": ("ship the whole weights: `export.forms=[merged]`", "请发布完整权重：`export.forms=[merged]`"),
    "error.form-virtual": (
        "`{method}` tuning learns tokens that no weight of the base can take up: there is no form `{form}`",
        "`{method}` 微调学到的虚拟词元无法并入基座权重，没有 `{form}` 形式",
    ),
    "hint.form-virtual": (
        "ship the adapter, `export.forms=[adapter]`, or train with `train.method=lora`",
        "请发布适配器：`export.forms=[adapter]`，或改用 `train.method=lora` 训练",
    ),
    "error.bundle-form": (
        "this bundle has no form `{form}`; it has {known}",
        "该发布包没有 `{form}` 形式；现有：{known}",
    ),
    "hint.bundle-form": (
        "name one that it has, or export that form: tunesmith export RECIPE 'export.forms=[{form}]'",
        "请改用现有的形式，或导出该形式：tunesmith export RECIPE 'export.forms=[{form}]'",
    ),
    "error.bundle-elsewhere": (
        "the form `{form}` is for other programs and is not loaded here",
        "`{form}` 形式供其他程序使用，本程序不加载",
    ),
    "hint.bundle-elsewhere": (
        "use it with the command in bundle.json, or another form here: `serve.form=merged`",
        "请按 bundle.json 中的命令使用，或在此处换用其他形式：`serve.form=merged`",
    ),
    "error.bundle-base": (
        "the base `{reference}` found here is not the one that the adapter was trained on (its hash begins {expected})",
        "此处的基座 `{reference}` 与训练该适配器时的不同（原基座哈希以 {expected} 开头）",
    ),
    "hint.bundle-base": (
        "fetch the base as it was, with the recipe's `model.revision`, or use a form that needs none: "
        "`serve.form=merged`",
        "请取回当时的基座（配方中的 `model.revision`），或使用不依赖基座的形式：`serve.form=merged`",
    ),
    "error.bundle-file": (
        "a file or link that does not belong into a bundle; nothing of it was loaded",
        "该文件或链接不属于发布包；未加载任何内容",
    ),
    "hint.bundle-file": (
        "find out who put it there, and export again: tunesmith export RECIPE",
        "请查明来源后重新导出：tunesmith export RECIPE",
    ),
    "error.bundle-pickle": (
        "a pickle file, which can run code when it is opened; nothing was loaded",
        "这是 pickle 文件，打开时可能执行任意代码；未加载任何内容",
    ),
    "hint.bundle-pickle": (
        "use a bundle made by `tunesmith export`, whose weights are safetensors or GGUF",
        "请使用 `tunesmith export` 生成的发布包，其权重为 safetensors 或 GGUF",
    ),
    "error.bundle-weights": (
        "the file does not hold what its name says; nothing was loaded",
        "文件内容与其后缀不符；未加载任何内容",
    ),
    "hint.bundle-weights": (
        "copy the bundle again, or export it anew: tunesmith export RECIPE",
        "请重新复制发布包，或重新导出：tunesmith export RECIPE",
    ),
    "error.bundle-code": (
        "this setting names code, or is private to a library; nothing was loaded",
        "该设置指向代码，或属于某个库的内部设置；未加载任何内容",
    ),
    "hint.bundle-code": (
        "use a bundle made by `tunesmith export`, which writes no such setting",
        "请使用 `tunesmith export` 生成的发布包，其中没有这类设置",
    ),
}
