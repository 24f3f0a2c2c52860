"""Texts of the terminal (`cli.*`), of progress (`task.*`, `say.*`), of the plan's reasons (`plan.*`)."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "cli.help": (
        "From raw domain rows to a proven better language model.\n\n"
        "  tunesmith init demo && cd demo && tunesmith run recipe.yaml\n\n"
        "  tunesmith run recipes/quickstart.yaml train.epochs=2",
        "从原始领域数据到经过验证的更好的语言模型。\n\n"
        "  tunesmith init demo && cd demo && tunesmith run recipe.yaml\n\n"
        "  tunesmith run recipes/quickstart.yaml train.epochs=2",
    ),
    "cli.help.init": (
        "Make a project folder with a recipe and its example data.",
        "新建项目文件夹，含配方和示例数据。",
    ),
    "cli.help.check": (
        "Check a recipe with its data, or a model (--model) that you want to tune.",
        "检查配方及其数据，或检查要微调的模型（--model）。",
    ),
    "cli.help.prepare": ("Read, check and split the rows.", "读取、检查并划分数据。"),
    "cli.help.plan": ("Tell what training will do, and why.", "说明训练将怎样进行以及原因。"),
    "cli.help.train": ("Train; resumes where it was stopped.", "训练；中断后从断点继续。"),
    "cli.help.evaluate": (
        "Judge base, baselines and tuned model on the same items.",
        "在相同题目上评测基座、基线与微调后的模型。",
    ),
    "cli.help.compare": ("Show the same prompts before and after.", "展示相同提示在微调前后的回答。"),
    "cli.help.run": ("Prepare, plan, train, evaluate, report.", "依次准备、规划、训练、评测并生成报告。"),
    "cli.help.report": (
        "Write the report of a run again; of a dataset's folder, its data card.",
        "重新生成一次运行的报告；若给出数据集文件夹，则生成其数据卡。",
    ),
    "cli.help.runs": ("List the runs of this workspace.", "列出当前工作区的运行。"),
    "cli.help.recipes": ("Shipped recipes.", "自带的配方。"),
    "cli.help.recipes.list": ("List the shipped recipes.", "列出自带的配方。"),
    "cli.help.recipes.show": ("Print a shipped recipe.", "显示一个自带的配方。"),
    "cli.help.recipes.copy": ("Copy a shipped recipe into a file.", "把自带的配方复制为文件。"),
    "cli.help.config": ("The recipe's format.", "配方的格式。"),
    "cli.help.config.schema": (
        "Print the JSON schema of recipes, for editors.",
        "输出配方的 JSON Schema，供编辑器使用。",
    ),
    "cli.help.config.check": ("Check a recipe without reading its data.", "只检查配方，不读取数据。"),
    "cli.help.doctor": ("Tell what this machine offers.", "检查本机环境。"),
    "cli.argument.recipe": ("A recipe file, or the folder of a run.", "配方文件，或某次运行的文件夹。"),
    "cli.argument.overrides": (
        "Values that replace those of the recipe, e.g. train.epochs=2.",
        "覆盖配方中的值，例如 train.epochs=2。",
    ),
    "cli.argument.recipe-name": (
        "A shipped recipe, as `recipes list` names it.",
        "自带配方的名称，见 `recipes list`。",
    ),
    "cli.argument.folder": ("The folder to make.", "要新建的文件夹。"),
    "cli.argument.target": ("The file to make.", "要新建的文件。"),
    "cli.option.json": ("Print the result as one JSON value.", "以一个 JSON 值输出结果。"),
    "cli.option.workspace": ("The folder that holds runs/ and artifacts/.", "存放 runs/ 与 artifacts/ 的文件夹。"),
    "cli.option.debug": ("Show tracebacks.", "显示完整的错误堆栈。"),
    "cli.option.launcher": (
        "Train in several processes of this machine, which torchrun starts.",
        "由 torchrun 在本机启动多个进程进行训练。",
    ),
    "cli.option.processes": (
        "How many processes the launcher starts; without a number, one for each GPU.",
        "启动器启动的进程数；不指定时每块 GPU 一个。",
    ),
    "cli.option.version": ("Print the version.", "显示版本号。"),
    "cli.option.recipe": ("The shipped recipe to start from.", "作为起点的自带配方。"),
    "cli.option.force": ("Write into a folder that is not empty.", "允许写入非空文件夹。"),
    "cli.option.model": (
        "Run the parity suite on this model, in the recipe's prompt style where it names one.",
        "对该模型运行一致性检查；配方指定了提示样式时，按该样式进行。",
    ),
    "cli.option.recheck": (
        "Count again, from the prepared rows on disk, what the splits share, and make nothing.",
        "根据磁盘上已准备好的数据重新统计各划分之间的重叠，不生成任何新内容。",
    ),
    "cli.option.show": (
        "Show so many training rows as the model sees them, supervised tokens marked.",
        "按模型所见展示若干条训练数据，并标出参与训练的词元。",
    ),
    "cli.option.dry-run": ("Print the resolved recipe and its hash, and stop.", "只输出解析后的配方及其哈希，不运行。"),
    "cli.option.num": ("How many prompts.", "提示的数量。"),
    "cli.say.info": ("{said}", "{said}"),
    "cli.say.warning": ("warning: {said}", "警告：{said}"),
    "cli.say.error": ("error: {said}", "错误：{said}"),
    "cli.error": ("error[{code}]: {message}", "错误[{code}]：{message}"),
    "cli.hint": ("hint: {hint}", "提示：{hint}"),
    "cli.next": ("Next: {command}", "下一步：{command}"),
    "cli.recipe-hash": ("hash", "哈希"),
    "cli.recipe-sound": ("the recipe is sound; hash {hash}", "配方有效；哈希 {hash}"),
    "cli.data-card-at": ("Data card: {path}", "数据卡：{path}"),
    "cli.report-at": ("Report: {path}", "报告：{path}"),
    "cli.no-runs": ("no runs yet: start one with `tunesmith run RECIPE`", "还没有运行：用 `tunesmith run RECIPE` 开始"),
    "cli.reference": ("Reference", "参考答案"),
    "cli.table.seconds": ("Seconds", "秒"),
    "cli.dataset.counts": (
        "{read} rows read = {kept} kept + {rejected} rejected; train {train}, validation {validation}, test {test}",
        "读取 {read} 条 = 保留 {kept} 条 + 剔除 {rejected} 条；训练 {train}，验证 {validation}，测试 {test}",
    ),
    "cli.proof": (
        "{pair}: {first} and {second} distinct prompts, shared: prompts {prompts}, groups {groups}, near-duplicate "
        "clusters {clusters}, parents {families}",
        "{pair}：不同的提示分别有 {first} 条和 {second} 条，共有：提示 {prompts}，分组 {groups}，"
        "近似重复簇 {clusters}，同源数据 {families}",
    ),
    "cli.row": (
        "--- {place}  {tokens} tokens, {supervised} supervised",
        "--- {place}  {tokens} 个词元，其中 {supervised} 个参与训练",
    ),
    "cli.dataset.at": (
        "Dataset: {folder} (rejected rows in rejects.jsonl)",
        "数据集：{folder}（剔除的数据见 rejects.jsonl）",
    ),
    "cli.plan": (
        "{name}: {method}, {steps} steps over {rows} rows, {tokens} tokens of which {supervised} supervised; "
        "rate {rate}, {precision}; {trainable} of {parameters} parameters trained",
        "{name}：{method}，{rows} 条数据共 {steps} 步，{tokens} 个词元，其中 {supervised} 个参与训练；"
        "学习率 {rate}，{precision}；{parameters} 个参数中训练 {trainable} 个",
    ),
    "cli.forgetting": (
        "{arm}, {suite}: {before} -> {after}, {difference}",
        "{arm}，{suite}：{before} -> {after}，{difference}",
    ),
    "cli.verdict": (
        "{arm}: {word}. {metric} {difference} against {against}, 95% interval, n = {n}",
        "{arm}：{word}。{metric}相对{against} {difference}，95% 置信区间，n = {n}",
    ),
    "cli.verdict.base": ("the base", "基座"),
    "cli.loses-to": ("but it loses to {against} ({difference})", "但不如 {against}（{difference}）"),
    "cli.doctor.python": ("Python {version}", "Python {version}"),
    "cli.doctor.torch": ("torch {version} on {device}", "torch {version}，设备 {device}"),
    "cli.doctor.bf16-yes": (
        "{device} multiplies bf16 natively: it is the default",
        "{device} 原生支持 bf16 乘法：默认使用 bf16",
    ),
    "cli.doctor.bf16-no": (
        "{device} has no bf16 products: fp32 is the default",
        "{device} 不支持 bf16 乘法：默认使用 fp32",
    ),
    "cli.doctor.threads": (
        "{threads} threads; set OMP_NUM_THREADS to change",
        "{threads} 个线程；可用 OMP_NUM_THREADS 更改",
    ),
    "cli.doctor.memory": ("{free} GiB of free memory ({device})", "{device} 可用内存 {free} GiB"),
    "cli.doctor.disk": ("{free} GiB of free disk", "磁盘剩余 {free} GiB"),
    "cli.doctor.hub-yes": ("{host} answers", "{host} 可以访问"),
    "cli.doctor.hub-no": (
        "{host} does not answer: use local folders, `builtin:tiny`, or a mirror through HF_ENDPOINT",
        "{host} 无法访问：请使用本地文件夹、`builtin:tiny`，或通过 HF_ENDPOINT 设置镜像",
    ),
    "figure.loss": ("loss", "损失"),
    "figure.tokens_per_second": ("tokens per second", "词元/秒"),
    "task.evaluate": ("evaluate", "评测"),
    "say.few-steps": (
        "only {steps} optimiser steps from {rows} rows: the answers will hardly change; raise `train.epochs`",
        "{rows} 条数据只有 {steps} 个优化步：回答几乎不会变化；请调大 `train.epochs`",
    ),
    "plan.reason.learning_rate": (
        "customary for {method} at {hidden} hidden units; wider models take less",
        "隐藏维度为 {hidden} 时 {method} 的常用值；模型越宽取值越小",
    ),
    "plan.reason.precision": (
        "what {device} multiplies fastest without losing the result",
        "{device} 上最快且不影响结果的精度",
    ),
    "plan.reason.evaluate_every": ("{times} validations in a run", "一次运行验证 {times} 次"),
    "error.usage": ("{problem}", "{problem}"),
    "hint.usage": ("`{command} --help` shows what fits", "用 `{command} --help` 查看可用的写法"),
    "usage.problem.verb-near": (
        "there is no verb `{word}`; did you mean {names}?",
        "没有 `{word}` 这个命令；您是否想写 {names}？",
    ),
    "usage.problem.verb": ("there is no verb `{word}`", "没有 `{word}` 这个命令"),
    "usage.problem.option-near": (
        "there is no option `{word}` here; did you mean {names}?",
        "此处没有 `{word}` 这个选项；您是否想写 {names}？",
    ),
    "usage.problem.option-key": (
        "there is no option `{word}` here, but the recipe has: {names}",
        "此处没有 `{word}` 这个选项，但配方中有：{names}",
    ),
    "usage.problem.option": ("there is no option `{word}` here", "此处没有 `{word}` 这个选项"),
    "usage.problem.surplus": ("`{word}` is too much here", "多出了 `{word}`"),
    "usage.problem.missing": ("`{word}` is missing", "缺少 `{word}`"),
    "usage.problem.no-verb": ("a verb is missing", "缺少命令"),
    "usage.problem.value": ("`{word}` needs a value", "`{word}` 需要一个值"),
    "usage.problem.no-value": ("`{word}` takes no value", "`{word}` 不带值"),
    "usage.problem.whole": ("`{word}` must be a whole number", "`{word}` 应为整数"),
    "usage.problem.number": ("`{word}` must be a number", "`{word}` 应为数字"),
    "usage.problem.least": ("`{word}` must be at least {least}", "`{word}` 不得小于 {least}"),
    "usage.problem.most": ("`{word}` must be at most {most}", "`{word}` 不得大于 {most}"),
    "usage.problem.choice": ("`{word}` must be one of {names}", "`{word}` 只能取 {names}"),
    "usage.problem.bad": ("`{word}`: {said}", "`{word}`：{said}"),
    "usage.problem.other": ("{said}", "{said}"),
    "error.stopped": ("stopped from outside", "已被外部信号停止"),
    "hint.stopped": (
        "give the same command again: what was finished is not done twice",
        "再次执行同一命令即可继续：已完成的部分不会重做",
    ),
    "error.internal": ("{problem}", "{problem}"),
    "hint.internal": (
        "this is a defect of Tunesmith; the details are in {path}, or run again with --debug",
        "这是 Tunesmith 的缺陷；详情见 {path}，或加 --debug 重新运行",
    ),
    "error.no-permission": ("the system refuses: {problem}", "系统拒绝访问：{problem}"),
    "hint.no-permission": (
        "change the permissions there, or name another place; --workspace names another folder to work in",
        "请修改该处的权限，或换一个位置；工作区可用 --workspace 另行指定",
    ),
    "error.not-a-folder": ("a file stands where a folder is needed", "此处需要文件夹，却是一个文件"),
    "hint.not-a-folder": (
        "choose another folder, or move the file away",
        "请换一个文件夹，或将该文件移走",
    ),
    "error.check-nothing": ("nothing to check", "没有要检查的内容"),
    "hint.check-nothing": (
        "give a recipe, `tunesmith check recipe.yaml`, or a model, `tunesmith check --model FOLDER`",
        "请给出配方 `tunesmith check recipe.yaml`，或模型 `tunesmith check --model FOLDER`",
    ),
    "error.recipe-unknown": ("there is no shipped recipe `{name}`", "没有名为 `{name}` 的自带配方"),
    "hint.recipe-unknown": (
        "did you mean `{suggestion}`? `tunesmith recipes list` shows all",
        "您是否想写 `{suggestion}`？用 `tunesmith recipes list` 查看全部",
    ),
    "error.file-exists": ("the file exists already", "文件已存在"),
    "hint.file-exists": ("choose another name, or delete it first", "请换一个名称，或先将其删除"),
    "error.folder-not-empty": ("the folder is not empty", "文件夹不为空"),
    "hint.folder-not-empty": ("choose another folder, or add --force", "请换一个文件夹，或加上 --force"),
    "error.disk-full": ("the disk is full", "磁盘已满"),
    "hint.disk-full": (
        "free some space, then give the same command again: nothing half-written was kept",
        "请腾出空间后再次执行同一命令：没有留下写了一半的内容",
    ),
    "error.no-test-rows": ("there is no test row to judge by", "没有可用于评测的测试数据"),
    "hint.no-test-rows": (
        "raise `prepare.test_share`, or give a source `split: test`",
        "请调大 `prepare.test_share`，或为某个数据源写上 `split: test`",
    ),
}
