"""Texts of what a plan predicts and advises: `plan.*`, `cli.plan.*` and the errors of planning."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "cli.plan.memory": ("  peak memory to {phase}: {peak} ({terms})", "  {phase}的内存峰值：{peak}（{terms}）"),
    "cli.plan.disk": ("  most disk space at once: {disk}", "  同时占用的最大磁盘空间：{disk}"),
    "cli.plan.time": (
        "  time to train: {total} s (probed steps: {steps})",
        "  训练用时：{total} 秒（试跑的步：{steps}）",
    ),
    "cli.option.learning-curve": (
        "Train on an eighth, a quarter, a half and all rows, and tell whether more rows would help.",
        "分别用八分之一、四分之一、一半和全部数据训练，判断增加数据是否有用。",
    ),
    "cli.curve.point": ("{rows:>8} rows  {mean}  {gain}", "{rows:>8} 行  {mean}  {gain}"),
    "cli.curve.gain": (
        "gain over the size before: {mean} [{low}, {high}]",
        "较前一规模的提升：{mean} [{low}, {high}]",
    ),
    "cli.curve.more-rows": (
        "More rows: doubling them to all still helped, and the interval lies above zero.",
        "建议增加数据：数据翻倍到全部时仍有提升，且区间在零以上。",
    ),
    "cli.curve.another-method": (
        "Another method: more rows no longer help, and all of them do no better than `{against}`.",
        "建议更换方法：增加数据已无帮助，用上全部数据仍不优于 `{against}`。",
    ),
    "cli.curve.enough": (
        "Enough: even at the upper end of its interval, the last doubling brought less than {most}.",
        "数据已经足够：最后一次翻倍的提升，即便取区间上端也不到 {most}。",
    ),
    "cli.curve.unclear": (
        "Too few test items to tell: the last doubling may have brought nothing, or more than {most}.",
        "测试题目太少，无法判断：最后一次翻倍的提升可能为零，也可能超过 {most}。",
    ),
    "error.curve-rows": (
        "a learning curve needs at least {least} training rows, and there are {rows}",
        "学习曲线至少需要 {least} 行训练数据，现在只有 {rows} 行",
    ),
    "hint.curve-rows": (
        "add rows to `prepare.sources`, then give the command again: `tunesmith plan RECIPE --learning-curve`",
        "请在 `prepare.sources` 中增加数据，然后再次执行：`tunesmith plan RECIPE --learning-curve`",
    ),
    "task.bases": ("try bases", "试用各基座"),
    "cli.option.bases": (
        "Compare this base, untrained, on the recipe's rows; may be given several times.",
        "在配方的数据上比较该基座（不训练）；可多次给出。",
    ),
    "cli.bases.base": (
        "{mark} {reference}: {parameters} parameters, context {context} tokens, rows {quantiles} tokens at "
        "50/90/99/100 % ({share} fit)",
        "{mark} {reference}：参数 {parameters}，上下文 {context} 词元，数据长度的 50/90/99/100% 分位为 "
        "{quantiles} 词元（{share} 放得下）",
    ),
    "cli.bases.more": (
        "    tokens per character {rates}; training needs {memory}{room}; licence {licence}; "
        "untrained {metric} {score}",
        "    每字符词元数 {rates}；训练需要 {memory}{room}；许可证 {licence}；未训练时 {metric} {score}",
    ),
    "cli.bases.no-room": (" (more than there is)", "（超出可用内存）"),
    "cli.bases.no-licence": ("not named", "未注明"),
    "cli.bases.difference": (
        "    score minus that of the advised base: {mean} [{low}, {high}]",
        "    得分减去所推荐基座的得分：{mean} [{low}, {high}]",
    ),
    "cli.bases.advised": (
        "Take {advised}: of the bases that fit, none is shown to be better on these rows and needs less memory.",
        "推荐 {advised}：放得下的基座中，没有哪个既被证明更好又更省内存。",
    ),
    "cli.bases.none": (
        "None of them fits both the memory and 99 % of the rows.",
        "没有一个基座同时放得下内存和 99% 的数据。",
    ),
    "cli.option.probe": (
        "Take at most three steps on a copy of the model, and tell how long training will take.",
        "用模型的副本试跑至多三步，估计训练所需的时间。",
    ),
    "say.predicted-memory": (
        "`{name}`: peak memory {measured} GB, {predicted} GB were predicted",
        "`{name}`：内存峰值 {measured} GB，预测为 {predicted} GB",
    ),
    "say.predicted-time": (
        "`{name}`: trained for {measured} s, {predicted} s were predicted",
        "`{name}`：训练用时 {measured} 秒，预测为 {predicted} 秒",
    ),
    "plan.reason.micro_batch_tokens": (
        "as many as have about 1 GiB of activations, but {least} at least; more would make a CPU no faster",
        "使激活值约占 1 GiB 的词元数，但不少于 {least}；再多，CPU 也不会更快",
    ),
    "plan.reason.method-rows": (
        "the customary method for {rows} training rows",
        "训练数据共 {rows} 行，这是该规模下的常用方法",
    ),
    "plan.reason.method-absent": (
        "for {rows} training rows `{named}` is customary, and this is the nearest that base and objective allow",
        "训练数据共 {rows} 行，常用方法是 `{named}`；这是基座和训练目标允许的方法中最接近的一种",
    ),
    "plan.reason.method-small": (
        "a base of {parameters} parameters is small: all of them can be trained",
        "基座只有 {parameters} 个参数，规模很小，可以全部训练",
    ),
    "plan.reason.method-tried": (
        "the lowest loss on {rows} validation rows after {steps} steps of each, where `{customary}` is customary: "
        "{losses}",
        "各试训 {steps} 步后在 {rows} 行验证数据上损失最低（常用方法是 `{customary}`）：{losses}",
    ),
    "plan.reason.method-confirmed": (
        "customary here, and none is shown to be better after {steps} steps of each; loss on {rows} validation rows: "
        "{losses}",
        "此处的常用方法；各试训 {steps} 步后没有哪种明显更好。{rows} 行验证数据上的损失：{losses}",
    ),
    "say.plan.trials": (
        "`{name}`: trying {methods} for {steps} steps each",
        "`{name}`：试训 {methods}，各 {steps} 步",
    ),
    "plan.reason.method-memory": (
        "`{heavier}` would need {needed} GB for {rows} training rows, and {there} GB are there",
        "训练数据共 {rows} 行，`{heavier}` 需要 {needed} GB 内存，可用的只有 {there} GB",
    ),
    "plan.phase.load": ("load", "加载"),
    "plan.phase.train": ("train", "训练"),
    "plan.phase.save": ("save", "保存"),
    "plan.phase.evaluate": ("evaluate", "评测"),
    "plan.term.libraries": ("libraries", "程序库"),
    "plan.term.teacher": ("teacher", "教师模型"),
    "plan.term.files": ("weight files", "权重文件"),
    "plan.term.weights": ("weights", "权重"),
    "plan.term.gradients": ("gradients", "梯度"),
    "plan.term.moments": ("moments", "优化器动量"),
    "plan.term.master": ("float32 weights", "float32 权重"),
    "plan.term.layout": ("rows laid out", "排好的数据"),
    "plan.term.activations": ("activations", "激活值"),
    "plan.term.head": ("gradients of the head", "输出层的梯度"),
    "plan.term.transient": ("passing results", "临时结果"),
    "plan.term.allocator": ("held by the allocator", "分配器占用"),
    "plan.term.products": ("compiled products", "已编译的矩阵乘法"),
    "plan.term.best": ("best weights", "最优权重"),
    "plan.term.copies": ("copies to write", "待写入的副本"),
    "plan.term.adapter": ("adapter", "适配器"),
    "error.too-little-memory": (
        "`{name}` would need {needed} GB to {phase}, and {there} GB are there",
        "`{name}` 在{phase}时预计需要 {needed} GB 内存，可用的只有 {there} GB",
    ),
    "hint.too-little-memory": (
        "any of these would fit, with the peak that is predicted for it: {changes}",
        "以下任一改动都能放得下（括号内为预测的峰值）：{changes}",
    ),
    "error.too-little-memory-for-all": (
        "`{name}` would need {needed} GB to {phase}, and {there} GB are there; no change of the training makes it fit",
        "`{name}` 在{phase}时预计需要 {needed} GB 内存，可用的只有 {there} GB；改动训练设置也放不下",
    ),
    "hint.too-little-memory-for-all": (
        "take a smaller base, `model.base=FOLDER`, shorten the rows in `prepare`, or answer less at once: "
        "`evaluate.decoding.max_new_tokens=64`",
        "请换用更小的基座 `model.base=FOLDER`，在 `prepare` 中缩短数据，"
        "或减少回答长度：`evaluate.decoding.max_new_tokens=64`",
    ),
}
